//! The page of one cmdlet.

use super::wrapped;
use crate::cmdlet::{Arity, Description, Example, Family, Impact, Kind, Need, Parameter, parameter};

/// The part of a page that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageExtent {
    /// Name, synopsis, syntax, description.
    Usual,
    /// The examples alone.
    Examples,
    /// Everything.
    Full,
}

/// The page; `related` are the cmdlets with the same noun.
pub fn page<'a>(
    description: &Description,
    extent: PageExtent,
    related: impl Iterator<Item = &'a str>,
) -> String {
    let mut out = section("NAME", description.name);
    out.push_str(&section("SYNOPSIS", description.synopsis));
    if extent == PageExtent::Examples {
        out.push_str(&examples(description.examples));
        return out;
    }
    out.push_str(&section("SYNTAX", &syntax(description)));
    out.push_str(&section("DESCRIPTION", description.description));
    let topic = match description.family {
        Family::Verify => "about_Evidence, about_Batches, about_Diagnosis",
        Family::Topology => "about_Topology",
        Family::Credentials | Family::Access => "about_Roles, about_Audit",
        Family::Results => "about_Topology",
        Family::Shell => "about_Shell",
        Family::Objects => "about_Language",
    };
    let related: Vec<_> = related.filter(|name| *name != description.name).chain([topic]).collect();
    let see_also = section("SEE ALSO", &related.join(", "));
    if extent == PageExtent::Usual {
        out.push_str(&see_also);
        let more = format!(
            "Get-Help {name} -Examples   examples with what they print\n\
             Get-Help {name} -Full       every parameter, roles and examples",
            name = description.name
        );
        out.push_str(&section("MORE", &indented_as_is(&more)));
        return out;
    }
    out.push_str("PARAMETERS\n");
    for parameter in description.every_parameter() {
        out.push_str(&parameter_text(parameter));
    }
    if !description.emits.is_empty() {
        out.push_str(&section("OUTPUT", description.emits));
    }
    if let Some(original) = description.original {
        out.push_str(&section("ALSO CALLED", original));
    }
    let roles = description.roles.iter().map(|role| role.name()).collect::<Vec<_>>();
    let roles = if roles.is_empty() {
        "Administrator".to_owned()
    } else {
        format!("Administrator, {}", roles.join(", "))
    };
    out.push_str(&section("ROLES", &roles));
    out.push_str(&see_also);
    out.push_str(&examples(description.examples));
    out
}

/// Each line behind a blank, so that wrapping leaves it alone.
fn indented_as_is(text: &str) -> String {
    text.lines().map(|line| format!(" {line}")).collect::<Vec<_>>().join("\n")
}

/// A heading with its text below.
pub(super) fn section(title: &str, text: &str) -> String {
    format!("{title}\n{}\n", wrapped(text, 4))
}

/// The line that shows how to call the cmdlet: `Get-Pool [[-Identity] <pool[]>] [-Site <site>]`.
pub fn syntax(description: &Description) -> String {
    let mut words = vec![description.name.to_owned()];
    let is_ours = |parameter: &&Parameter| parameter.kind != Kind::Foreign;
    let mut parameters: Vec<&Parameter> = description.parameters.iter().filter(is_ours).collect();
    parameters.sort_by_key(|parameter| parameter.position.unwrap_or(u8::MAX));
    words.extend(parameters.into_iter().map(usage));
    if description.family == Family::Verify {
        words.extend(parameter::VERIFY.iter().map(usage));
    }
    if description.impact != Impact::None {
        words.push("[-WhatIf] [-Confirm]".to_owned());
    }
    words.push("[<CommonParameters>]".to_owned());
    words.join(" ")
}

fn usage(parameter: &Parameter) -> String {
    let name = format!("-{}", parameter.name);
    let name = if parameter.position.is_some() { format!("[{name}]") } else { name };
    let whole = match value(parameter) {
        Some(value) => format!("{name} {value}"),
        None => name,
    };
    match parameter.need {
        Need::Required | Need::RequiredOrPipeline | Need::RequiredOrEach | Need::RequiredOrAll => whole,
        Need::Optional(_) | Need::Pipeline | Need::OptionalOrAll(_) => format!("[{whole}]"),
    }
}

/// Returns the text behind the parameter's name: `<pool[]>`; `None` for a switch.
fn value(parameter: &Parameter) -> Option<String> {
    let kind = match parameter.kind {
        Kind::Switch | Kind::Foreign => return None,
        Kind::Choice(words) => return Some(format!("<{}>", words.join(" | "))),
        Kind::Text => "text",
        Kind::Integer(..) => "number",
        Kind::Duration => "duration",
        Kind::Pool => "pool",
        Kind::Address => "address",
        Kind::Domain => "domain",
        Kind::Site => "site",
        Kind::Role => "role",
        Kind::Member => "member",
        Kind::Principal => "principal",
        Kind::Cmdlet => "cmdlet",
        Kind::HelpPage => "cmdlet, topic or code",
        Kind::Credential => "credential",
        Kind::File => "file",
        Kind::Block => "script block",
        Kind::Map => "map",
        Kind::Property => "property",
        Kind::Variable => "variable",
        Kind::Modification => "list or @{Add=…; Remove=…; Replace=…}",
        Kind::Any => "value",
    };
    Some(match parameter.arity {
        Arity::One => format!("<{kind}>"),
        Arity::Many | Arity::Rest => format!("<{kind}[]>"),
    })
}

/// One parameter as `-Full` and `-Parameter` show it.
pub fn parameter_text(parameter: &Parameter) -> String {
    if parameter.kind == Kind::Foreign {
        let why = format!("The original has it; here it means nothing: {}.", parameter.help);
        return format!("    -{}\n{}\n", parameter.name, wrapped(&why, 8));
    }
    let head = match value(parameter) {
        Some(value) => format!("-{} {value}", parameter.name),
        None => format!("-{}", parameter.name),
    };
    let mut facts = Vec::new();
    match parameter.need {
        Need::Required => facts.push("Required.".to_owned()),
        Need::RequiredOrPipeline => facts.push("Required; may come through the pipe.".to_owned()),
        Need::RequiredOrEach => {
            facts.push("Required; of a pipe, each record fills it once, by its Identity.".to_owned());
        }
        Need::RequiredOrAll => {
            facts.push("Required; the records of a pipe fill it together, by their Identity.".to_owned());
        }
        Need::OptionalOrAll(default) => {
            facts.push("The records of a pipe fill it together, by their Identity.".to_owned());
            facts.push(format!("Left out: {}.", default.trim_end_matches('.')));
        }
        Need::Pipeline => facts.push("May come through the pipe.".to_owned()),
        Need::Optional("") => {}
        Need::Optional(default) => facts.push(format!("Left out: {}.", default.trim_end_matches('.'))),
    }
    if let Kind::Integer(least, most) = parameter.kind {
        facts.push(format!("Between {least} and {most}."));
    }
    if parameter.is_setting() {
        facts.push("$null takes the setting away.".to_owned());
    }
    if let Some(position) = parameter.position {
        facts.push(format!("Position {}.", position + 1));
    }
    if !parameter.aliases.is_empty() {
        facts.push(format!("Aliases: {}.", parameter.aliases.join(", ")));
    }
    format!("    {head}\n{}{}\n", wrapped(parameter.help, 8), wrapped(&facts.join(" "), 8))
}

fn examples(examples: &[Example]) -> String {
    if examples.is_empty() {
        return String::new();
    }
    let mut out = "EXAMPLES\n".to_owned();
    for example in examples {
        out.push_str(&wrapped(&format!("{}:", example.title), 4));
        out.push('\n');
        out.extend(example.code.lines().map(|line| format!("      imsh> {line}\n")));
        out.extend(example.output.lines().map(|line| format!("      {line}\n").replace("      \n", "\n")));
        out.push('\n');
    }
    out
}
