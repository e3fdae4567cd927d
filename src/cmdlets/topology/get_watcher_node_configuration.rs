//! `Get-WatcherNodeConfiguration`: what watchers test again and again.

use std::collections::BTreeSet;
use std::time::Duration;

use super::named::NamedEntries;
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Halt, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::diagnosis::plan::credential_refused_code;
use crate::store::query;

/// `Get-WatcherNodeConfiguration`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-WatcherNodeConfiguration",
        original: Some("Get-CsWatcherNodeConfiguration"),
        aliases: &[],
        family: Family::Topology,
        synopsis: "Gives what watchers test again and again.",
        description: "A watch says which tests are made at which pools and with which receivers, how often, and when a state is \
            called down or up. `imsh watch` does what they say; Get-TestState shows what came of it. A warning names each \
            account that watchers do not log on as, since its pool has refused the stored credential.",
        parameters: &[
            Parameter::new("Identity", Kind::Text, "The name of one, or several.")
                .many()
                .at(0)
                .default("All of them.")
                .from_all_records()
                .binds(Binds::Everybody),
            Parameter::new("Filter", Kind::Text, "Those whose name matches a pattern with * and ?.")
                .binds(Binds::Everybody),
        ],
        emits: "WatcherNodeConfiguration",
        roles: &[BuiltIn::ServerAdministrator, BuiltIn::ViewOnlyAdministrator],
        impact: Impact::None,
        examples: &[Example {
            title: "Says how often the partners are tested",
            code: "(Get-WatcherNodeConfiguration \"every partner\").Every",
            output: "00:01:00",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    call.warn_where_no_topology()?;
    let watches = &call.topology.watches;
    let named = NamedEntries {
        entries: watches.iter().collect(),
        name: |entry| &entry.identity,
        find: &|name| watches.iter().find(|entry| entry.identity == name),
        words: ("watch", "watches"),
        not_found: "NotFound",
    };
    named.emit(&call).await?;
    let wanted = call.bound.texts("Identity");
    warn_of_refused(&call, |watch| wanted.is_empty() || wanted.iter().any(|name| name == watch)).await
}

/// Warns of each account that the watchers of these watches do not log on as, as far as a store is there to say so.
async fn warn_of_refused(call: &Call, is_meant: impl Fn(&str) -> bool) -> Result<(), Halt> {
    let asked = async {
        let store = call.context.results.store(&call.whole).await?.ok()?;
        store.read(|sql| query::watched_with_code(sql, credential_refused_code())).await.ok()
    };
    let found = tokio::time::timeout(STORE_PATIENCE, asked).await.ok().flatten().unwrap_or_default();
    let mut told = BTreeSet::new();
    for stopped in found {
        let (watch, account, pool) = (&stopped.watch, &stopped.account, &stopped.pair.pool);
        if !is_meant(watch)
            || !call.readable.allows(&stopped.pair)
            || !told.insert((watch.clone(), account.clone()))
        {
            continue;
        }
        call.warn(format!(
            "'{watch}' does not log on as {account}: {pool} has refused its stored credential. Store the right one: \
             Set-TestUserCredential {account}."
        ))?;
    }
    Ok(())
}

/// The longest time that the store may take: what was asked for is the configuration.
const STORE_PATIENCE: Duration = Duration::from_secs(3);
