//! `Stop-AdminSession`: ends a delegated session.

use super::session::{end, running};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};

/// `Stop-AdminSession`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Stop-AdminSession",
        original: None,
        aliases: &[],
        family: Family::Access,
        synopsis: "Ends a delegated session.",
        description: "What runs in it is cancelled and written down; a session that does not end by itself within two \
            seconds is ended by force. Its principal may come in again: Lock-AdminPrincipal keeps them out.",
        parameters: &[Parameter::new("Identity", Kind::Text, "The session, as Get-AdminSession names it.")
            .at(0)
            .from_each_record()
            .binds(Binds::Endpoint)],
        emits: "",
        roles: &[],
        impact: Impact::Medium,
        examples: &[Example {
            title: "There must be one",
            code: "try { Stop-AdminSession nobody.0 } catch (e) { print(e.Message) }",
            output: "There is no session 'nobody.0'.",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let name = call.bound.text("Identity").unwrap_or_default();
    let Some(session) = running(&call)?.into_iter().find(|session| session.identity == name) else {
        let message = format!("There is no session '{name}'.");
        return Err(ErrorRecord::new(Category::ObjectNotFound, "SessionNotFound", message)
            .target(name)
            .remedy("Run Get-AdminSession to see the sessions there are.")
            .into());
    };
    if call.should_process("End the session", &session.identity)? {
        end(&call, &session)?;
    }
    Ok(())
}
