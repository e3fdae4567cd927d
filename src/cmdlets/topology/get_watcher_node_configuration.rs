//! `Get-WatcherNodeConfiguration`: what watchers test again and again.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::access::BuiltIn;
use crate::call::filter::{self, Filter};
use crate::call::{Call, Cmdlet, Halt, Outcome};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::diagnosis::plan::credential_refused_code;
use crate::store::query;
use crate::topology::SettingsTable as _;

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
    let filter = call.bound.text("Filter").map(|pattern| Filter::new(&pattern));
    let wanted = call.bound.texts("Identity");
    if wanted.is_empty() {
        for entry in &call.topology.watches {
            if filter.as_ref().is_none_or(|filter| filter.matches(&entry.identity)) {
                call.emit(entry.record("WatcherNodeConfiguration")).await?;
            }
        }
        return warn_of_refused(&call, |_| true).await;
    }
    for name in &wanted {
        let name = name.as_str();
        match call.topology.watches.iter().find(|entry| entry.identity == name) {
            Some(entry) => call.emit(entry.record("WatcherNodeConfiguration")).await?,
            None => call.error(
                ErrorRecord::new(
                    Category::ObjectNotFound,
                    "NotFound",
                    format!("There is no watch '{name}'."),
                )
                .target(name)
                .remedy(filter::advice(
                    "Get-WatcherNodeConfiguration",
                    "watches",
                    name,
                    &call.topology.place(),
                )),
            )?,
        }
    }
    warn_of_refused(&call, |watch| wanted.iter().any(|name| name == watch)).await
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
