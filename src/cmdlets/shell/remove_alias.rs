//! `Remove-Alias`: takes a name of one's own from a cmdlet.

use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};

/// `Remove-Alias`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Remove-Alias",
        original: None,
        aliases: &[],
        family: Family::Shell,
        synopsis: "Takes back a name that Set-Alias gave.",
        description: "The built-in names stay.",
        parameters: &[Parameter::new("Name", Kind::Text, "The name.").at(0).required()],
        emits: "",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "A name that is gone",
            code: "Set-Alias im Test-XmppIM\nRemove-Alias im\n(Get-Alias im).Count",
            output: "0",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let name = call.bound.text("Name").unwrap_or_default();
    if call.context.aliases.remove(&name) {
        return Ok(());
    }
    let message = format!("Set-Alias gave no name '{name}' in this session.");
    let error = ErrorRecord::new(Category::ObjectNotFound, "AliasNotFound", message);
    Err(error.remedy("Run Get-Alias to see the names there are.").target(name).into())
}
