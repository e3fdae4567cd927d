//! `Get-Command`: the cmdlets that you may run.

use super::help::page::syntax;
use crate::access::BuiltIn;
use crate::call::filter::Filter;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::value::text::shortened;
use crate::value::{Record, Value};

/// `Get-Command`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-Command",
        original: None,
        aliases: &["gcm"],
        family: Family::Shell,
        synopsis: "Gives the cmdlets that you may run.",
        description: "Names may have wildcards. The original's names, such as Test-CsXmppIM, and aliases are found too.",
        parameters: &[
            Parameter::new("Name", Kind::Cmdlet, "A name, or a pattern with * and ?, or several.")
                .many()
                .at(0)
                .default("Every cmdlet.")
                .from_all_records(),
            Parameter::new("Verb", Kind::Text, "Cmdlets with this verb; a pattern will do."),
            Parameter::new("Noun", Kind::Text, "Cmdlets with this noun; a pattern will do."),
            Parameter::new("ParameterName", Kind::Text, "Cmdlets that have this parameter."),
            Parameter::new("Syntax", Kind::Switch, "Gives the line that shows how to call it."),
        ],
        emits: "CommandInfo",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "How a cmdlet is called",
            code: "Get-Command Get-Pool -Syntax",
            output: "Get-Pool [[-Identity] <pool[]>] [-Filter <text>] [-Site <site>] [<CommonParameters>]",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let filter = |parameter: &str| call.bound.text(parameter).map(|pattern| Filter::new(&pattern));
    let (verb, noun) = (filter("Verb"), filter("Noun"));
    let names: Vec<(String, Filter)> =
        call.bound.texts("Name").into_iter().map(|name| (name.clone(), Filter::new(&name))).collect();
    let wanted_parameter = call.bound.text("ParameterName");
    let is_wanted = |description: &Description| {
        let fits = |filter: &Option<Filter>, text| filter.as_ref().is_none_or(|filter| filter.matches(text));
        let is_named = names.is_empty()
            || names.iter().any(|(_, filter)| description.every_name().any(|name| filter.matches(name)));
        let has = wanted_parameter.as_ref().is_none_or(|wanted| description.parameter(wanted).is_ok());
        is_named && has && fits(&verb, description.verb()) && fits(&noun, description.noun())
    };
    for (name, filter) in &names {
        let is_found = call.catalogue.iter().any(|own| own.every_name().any(|own| filter.matches(own)));
        if !is_found && !name.contains(['*', '?']) {
            let shown = shortened(name);
            let error = ErrorRecord::new(
                Category::ObjectNotFound,
                "CommandNotFound",
                format!("There is no cmdlet '{shown}' that you may run."),
            );
            let nearest = call.catalogue.nearest(name).map(|nearest| format!("Did you mean {nearest}?"));
            call.error(error.target(shown).remedy(nearest.unwrap_or_default()))?;
        }
    }
    let mut found: Vec<_> = call.catalogue.iter().filter(|description| is_wanted(description)).collect();
    found.sort_by_key(|description| description.name);
    for description in found {
        if call.bound.switch("Syntax") {
            call.emit(syntax(description)).await?;
        } else {
            call.emit(record(description)).await?;
        }
    }
    Ok(())
}

/// A cmdlet as a record.
fn record(description: &Description) -> Record {
    Record::new("CommandInfo")
        .with("Name", description.name)
        .with("Synopsis", description.synopsis)
        .with("Original", Value::optional(description.original))
        .with("Aliases", Value::texts(description.aliases.iter().copied()))
}
