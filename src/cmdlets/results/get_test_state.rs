//! `Get-TestState`: what is known of each pair now, and since when.

use super::history::{self, Past};
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::store::{PairState, SiteSummary, StoredState, query};
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
            Owner Network, and SeenFrom says who sees what. With -Site, State, Since and what follows are as that site sees \
            the pair, one record for each site that is named and has tested it.",
        parameters: &[
            history::POOL.at(0),
            history::RECEIVER.at(1),
            history::TEST,
            history::SITE.default("The verdict of all sites."),
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
    let (wanted, sites) = (call.bound.texts("State"), call.bound.texts("Site"));
    let is_wanted = |state: PairState| wanted.is_empty() || wanted.contains(&state.to_string());
    let pairs = past.ids();
    for state in past.ask(move |sql| query::states(sql, &pairs)).await? {
        if sites.is_empty() {
            if is_wanted(state.state) {
                call.emit(record(state)).await?;
            }
            continue;
        }
        for (site, seen) in &state.sites {
            if is_wanted(seen.state) && sites.iter().any(|named| named.eq_ignore_ascii_case(site)) {
                call.emit(record_from(&state, site, seen)).await?;
            }
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

/// The pair as one site sees it.
fn record_from(state: &StoredState, site: &str, seen: &SiteSummary) -> Record {
    Record::new("TestState")
        .with("TargetFqdn", state.pair.pool.clone())
        .with("Receiver", state.pair.receiver.clone())
        .with("Test", state.pair.test.clone())
        .with("State", seen.state.to_string())
        .with("Since", history::at(seen.since))
        .with("InARow", seen.streak)
        .with("Code", Value::optional(seen.code.clone()))
        .with("Owner", Value::optional(seen.owner.clone()))
        .with("SeenFrom", site)
        .with("LastTest", history::at(seen.last_at))
        .with("LastSuccess", seen.last_success_at.map_or(Value::Null, history::at))
        .with("Recent", seen.recent.clone())
        .with("Sites", Value::texts([site]))
}
