//! `Get-Help`: all about a cmdlet, or about a topic.

use super::help::about::{TOPICS, code_page};
use super::help::page::{PageExtent, page, parameter_text};
use super::help::wrapped;
use crate::access::BuiltIn;
use crate::call::filter::Filter;
use crate::call::{Call, Cmdlet, Halt, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::diagnosis::catalogue::catalogue;

/// `Get-Help`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-Help",
        original: None,
        aliases: &["help", "man"],
        family: Family::Shell,
        synopsis: "Explains a cmdlet, a topic or the code of a diagnosis.",
        description: "Without a name it gives an overview. A pattern gives the titles that fit. NAME -? is the same as \
            Get-Help NAME. In the shell, help and man show their page a screen at a time.",
        parameters: &[
            Parameter::new("Name", Kind::HelpPage, "A cmdlet, a topic such as about_Quoting, the code of a diagnosis such as STREAM-CONFLICT, or a pattern.")
                .at(0)
                .default("An overview."),
            Parameter::new("Full", Kind::Switch, "Everything: parameters, roles, examples."),
            Parameter::new("Examples", Kind::Switch, "The examples, with what they print."),
            Parameter::new("Parameter", Kind::Text, "One parameter, or those that fit a pattern."),
        ],
        emits: "Text",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[
            Example {
                title: "What one parameter does",
                code: "Get-Help Get-Pool -Parameter Site",
                output: "    -Site <site>\n        Pools of this site.\n",
            },
            Example {
                title: "What is told about codes; a code alone tells what to do",
                code: "Get-Help STREAM-CON*",
                output: "  STREAM-CONFLICT  Another session of the same account took this one's place, or\n\
                    \x20                  the account has as many sessions as it may have.\n",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let Some(name) = call.bound.text("Name") else {
        return call.emit(overview(&call)).await;
    };
    if let Some(description) = call.catalogue.find(&name) {
        return explain(&call, description).await;
    }
    if let Some(topic) = TOPICS.iter().find(|topic| topic.name.eq_ignore_ascii_case(&name)) {
        return call.emit(topic.page()).await;
    }
    if let Some(entry) = catalogue().iter().find(|entry| entry.code.eq_ignore_ascii_case(&name)) {
        return call.emit(code_page(entry)).await;
    }
    let filter = Filter::new(&if name.contains(['*', '?']) { name.clone() } else { format!("*{name}*") });
    let cmdlets = call.catalogue.iter().filter(|own| own.every_name().any(|own| filter.matches(own)));
    let titles = cmdlets.map(|own| (own.name, own.synopsis)).chain(
        TOPICS.iter().filter(|topic| filter.matches(topic.name)).map(|topic| (topic.name, topic.synopsis)),
    );
    let codes = catalogue().iter().filter(|entry| filter.matches(entry.code));
    let list: Vec<_> = titles.chain(codes.map(|entry| (entry.code, entry.meaning))).collect();
    if list.is_empty() {
        return Err(no_help(&call, &name));
    }
    call.emit(titled(&list)).await
}

async fn explain(call: &Call, description: &'static Description) -> Outcome {
    if let Some(wanted) = call.bound.text("Parameter") {
        let filter = Filter::new(&wanted);
        let found: Vec<_> = description.every_parameter().filter(|own| filter.matches(own.name)).collect();
        if found.is_empty() {
            let message = format!("{} has no parameter '{wanted}'.", description.name);
            return Err(ErrorRecord::new(Category::ObjectNotFound, "ParameterNotFound", message).into());
        }
        return call.emit(found.into_iter().map(parameter_text).collect::<String>()).await;
    }
    let extent = match (call.bound.switch("Full"), call.bound.switch("Examples")) {
        (true, _) => PageExtent::Full,
        (false, true) => PageExtent::Examples,
        (false, false) => PageExtent::Usual,
    };
    let related = call.catalogue.iter().filter(|own| own.noun() == description.noun()).map(|own| own.name);
    call.emit(page(description, extent, related)).await
}

/// The list of cmdlets by family, then of topics.
fn overview(call: &Call) -> String {
    let families = [
        (Family::Verify, "Verify"),
        (Family::Topology, "Topology"),
        (Family::Credentials, "Credentials"),
        (Family::Access, "Access"),
        (Family::Results, "Results"),
        (Family::Shell, "Shell"),
        (Family::Objects, "Objects in the pipe"),
    ];
    let mut out = "imsh tests instant messaging across XMPP networks.\n\n".to_owned();
    for (family, title) in families {
        let list: Vec<_> = call
            .catalogue
            .iter()
            .filter(|description| description.family == family)
            .map(|description| (description.name, description.synopsis))
            .collect();
        if !list.is_empty() {
            out.push_str(&format!("{title}\n{}\n", titled(&list)));
        }
    }
    let topics: Vec<_> = TOPICS.iter().map(|topic| (topic.name, topic.synopsis)).collect();
    out.push_str(&format!("Topics\n{}\n", titled(&topics)));
    out.push_str("Get-Help NAME explains one of them; Get-Help NAME -Examples shows it at work.\n");
    out
}

fn titled(list: &[(&str, &str)]) -> String {
    let width = list.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let column = width + 4;
    list.iter()
        .map(|(name, synopsis)| {
            let text = wrapped(synopsis, column);
            format!("  {name:width$}  {}", text.get(column..).unwrap_or_default())
        })
        .collect()
}

fn no_help(call: &Call, name: &str) -> Halt {
    let others = TOPICS.iter().map(|topic| topic.name).chain(catalogue().iter().map(|entry| entry.code));
    let names = call.catalogue.iter().map(|own| own.name).chain(others);
    let remedy = match crate::value::text::nearest(name, names) {
        Some(nearest) => format!("Did you mean {nearest}?"),
        None => "Run Get-Help to see what there is.".to_owned(),
    };
    let name = crate::value::text::shortened(name);
    ErrorRecord::new(Category::ObjectNotFound, "HelpNotFound", format!("There is no help for '{name}'."))
        .target(name)
        .remedy(remedy)
        .into()
}
