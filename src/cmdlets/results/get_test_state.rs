//! `Get-TestState`: what is known of each pair now, and since when.

use super::history::{self, Past};
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::store::{StoredState, query};
use crate::value::{Record, Value};

/// `Get-TestState`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-TestState",
        original: None,
        aliases: &[],
        family: Family::Results,
        synopsis: "Tells what is known of each pool and receiver now, and since when.",
        description: "One record for each pair that was ever tested: Up, Down, Flaky where its tests turn to and fro, \
            or Unknown where nobody has tested it for two periods (two days, where no watcher tests it). InARow is how \
            many tests came to the same, Recent the last ten of them, S for a success and F for a failure, the \
            newest last. Where several sites test, a pair that one of them cannot reach and another can is Down with \
            Owner Network, and SeenFrom says who sees what.",
        parameters: &[
            history::POOL.at(0),
            history::RECEIVER.at(1),
            history::TEST,
            Parameter::new(
                "State",
                Kind::Choice(&["Up", "Down", "Flaky", "Unknown"]),
                "Only pairs in this state, or in one of several.",
            )
            .many(),
        ],
        emits: "TestState",
        roles: &[
            BuiltIn::ServerAdministrator,
            BuiltIn::UserAdministrator,
            BuiltIn::HelpDesk,
            BuiltIn::ViewOnlyAdministrator,
        ],
        impact: Impact::None,
        examples: &[Example {
            title: "What is broken, the longest first",
            code: "Get-TestState -State Down, Flaky | Sort-Object Since",
            output: "",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let past = Past::of(&call).await?;
    let wanted = call.bound.texts("State");
    let pairs = past.ids();
    for state in past.ask(move |sql| query::states(sql, &pairs)).await? {
        if wanted.is_empty() || wanted.contains(&state.state.to_string()) {
            call.emit(record(state)).await?;
        }
    }
    Ok(())
}

fn record(state: StoredState) -> Record {
    let newest = state.sites.values().max_by_key(|site| site.last_at);
    let last_success = state.sites.values().filter_map(|site| site.last_success_at).max();
    Record::new("TestState")
        .with("TargetFqdn", state.pair.pool)
        .with("Receiver", state.pair.receiver)
        .with("Test", state.pair.test)
        .with("State", state.state.to_string())
        .with("Since", history::at(state.since))
        .with("InARow", newest.map_or(0, |site| site.streak))
        .with("Code", Value::optional(state.code))
        .with("Owner", Value::optional(state.owner))
        .with("SeenFrom", Value::optional(state.seen_from))
        .with("LastTest", newest.map_or(Value::Null, |site| history::at(site.last_at)))
        .with("LastSuccess", last_success.map_or(Value::Null, history::at))
        .with("Recent", newest.map(|site| site.recent.clone()).unwrap_or_default())
        .with("Sites", Value::texts(state.sites.keys().cloned()))
}
