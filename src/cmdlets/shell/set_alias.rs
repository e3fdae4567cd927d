//! `Set-Alias`: gives a cmdlet a name of one's own.

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};

/// `Set-Alias`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Set-Alias",
        original: None,
        aliases: &["sal", "New-Alias", "nal"],
        family: Family::Shell,
        synopsis: "Gives a cmdlet a name of your own, for this session.",
        description: "The lines that are read afterwards know the name: at the prompt the next one. In the profile it \
            is given each time that the shell starts. A name that stands for more than a cmdlet is a function: \
            function Name { … }.",
        parameters: &[
            Parameter::new("Name", Kind::Text, "The new name: letters, digits, - and _.").at(0).required(),
            Parameter::new("Value", Kind::Cmdlet, "The cmdlet.").at(1).required(),
        ],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "A name, and what it stands for",
            code: "Set-Alias im Test-XmppIM\n(Get-Alias im).Definition",
            output: "Test-XmppIM",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let name = call.bound.text("Name").unwrap_or_default();
    let value = call.bound.text("Value").unwrap_or_default();
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'));
    if !is_name {
        let message = format!("'{name}' is no name for a command.");
        return Err(ErrorRecord::new(Category::InvalidArgument, "BadName", message)
            .remedy("Begin with a letter, and go on with letters, digits, - and _.")
            .target(name)
            .into());
    }
    if let Some(taken) = call.catalogue.find(&name) {
        let message = format!("'{name}' is a name of {} already.", taken.name);
        return Err(ErrorRecord::new(Category::ResourceExists, "AliasReadOnly", message)
            .remedy("Choose another name.")
            .target(name)
            .into());
    }
    let Some(description) = call.catalogue.find(&value) else {
        let nearest = call.catalogue.nearest(&value).map(|near| format!("Did you mean {near}?"));
        let message = format!("There is no cmdlet '{value}'.");
        return Err(ErrorRecord::new(Category::ObjectNotFound, "CommandNotFound", message)
            .remedy(
                nearest.unwrap_or_else(|| format!("For more than a cmdlet, write: function {name} {{ … }}")),
            )
            .target(value)
            .into());
    };
    call.context.aliases.set(&name, description.name);
    Ok(())
}
