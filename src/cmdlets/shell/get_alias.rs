//! `Get-Alias`: the short names of cmdlets.

use crate::access::BuiltIn;
use crate::call::filter::Filter;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::value::Record;

/// `Get-Alias`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-Alias",
        original: None,
        aliases: &["gal"],
        family: Family::Shell,
        synopsis: "Gives the short names of the cmdlets that you may run.",
        description: "The built-in names come first, then those that Set-Alias gave in this session.",
        parameters: &[
            Parameter::new("Name", Kind::Text, "Short names that match a pattern with * and ?.")
                .at(0)
                .default("All of them."),
            Parameter::new(
                "Definition",
                Kind::Cmdlet,
                "Short names of this cmdlet, or of those that match a pattern.",
            )
            .default("Of every cmdlet."),
        ],
        emits: "Alias",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "The short names of a cmdlet",
            code: "Get-Alias -Definition Where-Object",
            output: "Name  Definition\n----  ----------\n?     Where-Object\nwhere Where-Object",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let [name, definition] =
        ["Name", "Definition"].map(|name| call.bound.text(name).map(|pattern| Filter::new(&pattern)));
    let matches = |filter: &Option<Filter>, text: &str| filter.as_ref().is_none_or(|own| own.matches(text));
    let built_in = call
        .catalogue
        .iter()
        .flat_map(|own| own.aliases.iter().map(|alias| ((*alias).to_owned(), own.name)))
        .collect::<Vec<_>>();
    let aliases = built_in.into_iter().chain(call.context.aliases.list());
    let wanted = aliases
        .filter(|(alias, cmdlet)| matches(&name, alias) && matches(&definition, cmdlet))
        .filter(|(_, cmdlet)| call.catalogue.find(cmdlet).is_some());
    for (alias, cmdlet) in wanted {
        call.emit(Record::new("Alias").with("Name", alias).with("Definition", cmdlet)).await?;
    }
    Ok(())
}
