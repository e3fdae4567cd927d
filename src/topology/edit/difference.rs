//! The settings in which two texts of the document differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use toml::{Table, Value};

/// One setting with its value in the text before and in the text after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedSetting {
    table: TablePath,
    key: String,
    before: Option<String>,
    after: Option<String>,
}

/// The keys that lead to a table, and the names of the tables of a list on the way.
type TablePath = Vec<String>;

/// Every setting whose value is not the same in both, by table and key. A text that cannot be read has no
/// settings: whoever changes it says so.
pub fn differences(before: &str, after: &str) -> Vec<ChangedSetting> {
    let read = |text: &str| {
        let mut settings = BTreeMap::new();
        collect(&toml::from_str::<Table>(text).unwrap_or_default(), &Vec::new(), &mut settings);
        settings
    };
    let (before, after) = (read(before), read(after));
    let every: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed = every.into_iter().filter(|place| before.get(*place) != after.get(*place));
    changed
        .map(|place| ChangedSetting {
            table: place.0.clone(),
            key: place.1.clone(),
            before: before.get(place).cloned(),
            after: after.get(place).cloned(),
        })
        .collect()
}

/// The keys that name a table among others of its kind.
const NAMES: [&str; 6] = ["identity", "domain", "name", "role", "cmdlet", "parameter"];

fn collect(table: &Table, path: &TablePath, settings: &mut BTreeMap<(TablePath, String), String>) {
    for (key, value) in table {
        let below = |name: &str| [path.as_slice(), &[key.clone(), name.to_owned()]].concat();
        match value {
            Value::Table(table) => {
                collect(table, &[path.as_slice(), std::slice::from_ref(key)].concat(), settings)
            }
            Value::Array(tables) if tables.iter().any(Value::is_table) => {
                for table in tables.iter().filter_map(Value::as_table) {
                    let (mut values, mut names) = (table.clone(), Vec::new());
                    for name in NAMES {
                        if let Some(Value::String(text)) = values.remove(name) {
                            names.push(text);
                        }
                    }
                    collect(&values, &below(&names.join(" ")), settings);
                }
            }
            // A list of tables that is empty: of each that was in it is told already.
            Value::Array(tables) if path.is_empty() && tables.is_empty() => {}
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => {
                // Tables without a name of their own add up.
                let known = settings.entry((path.clone(), key.clone())).or_default();
                let comma = if known.is_empty() { "" } else { ", " };
                known.push_str(&format!("{comma}{value}"));
            }
        }
    }
}

impl ChangedSetting {
    /// Whether its table has this name.
    pub fn is_of(&self, name: &str) -> bool {
        self.table.last().is_some_and(|own| own == name)
    }

    /// The change as one line, without the name of its table where that is the `target` of the change.
    pub fn told_beside(&self, target: &str) -> String {
        if self.is_of(target) { self.values() } else { self.to_string() }
    }

    fn values(&self) -> String {
        let told = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
        format!("{}: {} -> {}", self.key, told(&self.before), told(&self.after))
    }
}

impl fmt::Display for ChangedSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for word in &self.table {
            write!(f, "{word} ")?;
        }
        f.write_str(&self.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_with_both_values_and_the_table_that_is_not_its_target() {
        let before = "[gateway]\nconnection_limit = 5\n[[pool]]\nidentity = \"a.example\"\nsite = \"Oslo\"\n\
            [[access.role]]\nidentity = \"Desk\"\nconfig_scopes = [\"pool:a.example\"]\n";
        let after = "[gateway]\nconnection_limit = 6\n[[pool]]\nidentity = \"a.example\"\nalias = [\"b\"]\n\
            [[access.role]]\nidentity = \"Desk\"\nconfig_scopes = []\n";
        let told: Vec<_> =
            differences(before, after).iter().map(|changed| changed.told_beside("a.example")).collect();
        assert_eq!(
            told,
            [
                "access role Desk config_scopes: [\"pool:a.example\"] -> []",
                "gateway connection_limit: 5 -> 6",
                "alias: not set -> [\"b\"]",
                "site: \"Oslo\" -> not set",
            ]
        );
    }
}
