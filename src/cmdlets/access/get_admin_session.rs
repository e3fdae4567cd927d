//! `Get-AdminSession`: gives the delegated sessions that run.

use super::session::running;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::value::Record;

/// `Get-AdminSession`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-AdminSession",
        original: None,
        aliases: &[],
        family: Family::Access,
        synopsis: "Gives the delegated sessions that run on this machine.",
        description: "Those of imsh session, over ssh and behind sudo, of all principals. Stop-AdminSession ends one, \
            Lock-AdminPrincipal all of a principal's.",
        parameters: &[Parameter::new("Member", Kind::Member, "Whose: os-user:NAME or principal:NAME.")
            .many()
            .at(0)
            .default("Everybody's.")
            .binds(Binds::Endpoint)],
        emits: "AdminSession",
        roles: &[],
        impact: Impact::None,
        examples: &[Example { title: "How many there are", code: "(Get-AdminSession).Count", output: "0" }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let wanted = call.bound.texts("Member");
    for session in running(&call)? {
        if !wanted.is_empty() && !wanted.contains(&session.principal) {
            continue;
        }
        let since = jiff::Timestamp::from_second(session.since).unwrap_or_default();
        let record = Record::new("AdminSession")
            .with("Identity", session.identity)
            .with("Principal", session.principal)
            .with("From", session.from)
            .with("Since", since)
            .with("Process", i64::from(session.process));
        call.emit(record).await?;
    }
    Ok(())
}
