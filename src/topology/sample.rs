//! The settings as text: the sample document, and the list of the help page.

use std::fmt::Write as _;

use super::duration;
use super::schema::TABLES;
use super::setting::{Setting, Table};
use crate::value::{Record, Value};

/// A document with every setting of the schema: those that a reader wants to see at work as they are,
/// the others as comments that show the default or an example.
pub fn document() -> String {
    let mut text = HEAD.to_owned();
    for table in TABLES {
        let heading = table.heading.replace('\n', "\n# ");
        let _ = writeln!(text, "\n# ---- {heading}\n");
        if !table.path.is_empty() {
            let _ = writeln!(text, "{}", header(table));
        }
        let defaults = (table.defaults)();
        for setting in (table.settings)() {
            let values = matches!(setting.kind, crate::cmdlet::Kind::Choice(_));
            let values = if values { format!(" ({})", setting.values()) } else { String::new() };
            let _ = writeln!(text, "# {}{values}", setting.help);
            let is_shown = setting.need.is_some() || SHOWN.contains(&(table.path, setting.key));
            let mark = if is_shown { "" } else { "# " };
            let _ = writeln!(text, "{mark}{} = {}", setting.key, written(&setting, &defaults));
        }
    }
    text
}

/// One line for each setting: its table and key, the values it takes, its default, what sets it, and what
/// it does.
pub fn list() -> String {
    let mut text = String::new();
    for table in TABLES {
        let set = table.cmdlet.map(|noun| format!("    Get-{noun}, Set-{noun}")).unwrap_or_default();
        let header = if table.path.is_empty() { table.heading.to_owned() } else { header(table) };
        let _ = writeln!(text, "\n    {header}{set}");
        let defaults = (table.defaults)();
        for setting in (table.settings)() {
            let default = if setting.sample.is_some() || setting.need.is_some() {
                String::new()
            } else {
                format!(", default {}", written(&setting, &defaults))
            };
            let set_by = match setting.parameter {
                Some(parameter) if !setting.is_name => format!(", -{parameter}"),
                Some(_) | None => String::new(),
            };
            let _ =
                writeln!(text, "{}{set_by} ({}{default}): {}", setting.key, setting.values(), setting.help);
        }
    }
    text
}

/// The header of a table, as the document writes it.
pub fn header(table: &Table) -> String {
    match (table.path, table.name) {
        ("", _) => String::new(),
        (path, Some(_)) => format!("[[{path}]]"),
        (path, None) => format!("[{path}]"),
    }
}

/// The sample or else the default of a setting, as TOML.
fn written(setting: &Setting, defaults: &Record) -> String {
    let default = || defaults.get(&setting.property()).map(toml).unwrap_or_default();
    setting.sample.map_or_else(default, str::to_owned)
}

fn toml(value: &Value) -> String {
    match value {
        Value::Boolean(truth) => truth.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Duration(duration) => format!("{:?}", duration::print(*duration)),
        Value::List(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Null
        | Value::Float(_)
        | Value::Text(_)
        | Value::Timestamp(_)
        | Value::Credential(_)
        | Value::Record(_)
        | Value::Block(_) => format!("{:?}", value.to_string()),
    }
}

/// Settings that the sample document has at work, beside those that a table needs.
const SHOWN: [(&str, &str); 8] = [
    ("", "site"),
    ("pool", "site"),
    ("pool", "test_users"),
    ("partner", "additional_domains"),
    ("partner", "receivers"),
    ("partner", "minimum_evidence"),
    ("watch", "receivers"),
    ("notify", "url"),
];

const HEAD: &str = "\
# Every setting that a topology has; topology.toml beside this file is a short one to begin with.
# A key that is commented out shows its default or an example.
#
# Passwords never stand here: Set-TestUserCredential puts them into the vault beside this file.
";
