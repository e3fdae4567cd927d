//! From the topology to the schedule: which pairs are tested, by whom, when, and who is told.
//!
//! Pure: asks neither the store nor the network. A pair that two watches mean is tested as the first says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::due::Timing;
use super::script;
use crate::store::{ANY_SITE, Channel, PairName, Planned};
use crate::topology::{Notification, TestingSites, Topology, WatchEntry, WatchedTest, Words};

/// The plan of what one site tests, and of who is told.
#[derive(Clone, Debug)]
pub struct WatchPlan {
    /// The topology that it was made of.
    pub topology: Arc<Topology>,
    /// The site.
    pub site: String,
    /// The times at which the pairs of each watch are due.
    pub timings: BTreeMap<String, Timing>,
    /// Every pair, once for each vantage.
    pub pairs: Vec<WatchedPair>,
    /// The places of a pair among them, by its number.
    places: HashMap<i64, Vec<usize>>,
}

/// A pair that is tested again and again.
#[derive(Clone, Debug)]
pub struct WatchedPair {
    /// The name of the pair that is tested.
    pub name: PairName,
    /// The site that tests it, or [`ANY_SITE`].
    pub vantage: String,
    /// The watch that says so.
    pub watch: String,
    /// The account that logs on; empty where none does.
    pub account: String,
    raise_after: u32,
    clear_after: u32,
}

impl WatchPlan {
    /// Makes the plan from the topology.
    pub fn of(topology: Arc<Topology>) -> Self {
        let site = topology.general.site.clone();
        let mut seen = BTreeSet::new();
        let mut pairs = Vec::new();
        let mut timings = BTreeMap::new();
        for watch in topology.watches.iter().filter(|watch| watch.enabled) {
            timings.insert(watch.identity.clone(), Timing::of(watch));
            let vantage = match watch.sites {
                TestingSites::Each => site.clone(),
                TestingSites::Any => ANY_SITE.to_owned(),
            };
            let named = match &watch.script {
                Some(script) => vec![(script::pair_of(script), String::new())],
                None => watch.tests.iter().flat_map(|test| names(watch, *test, &topology)).collect(),
            };
            let new = named.into_iter().filter(|(name, _)| seen.insert((name.id(), vantage.clone())));
            pairs.extend(new.map(|(name, account)| WatchedPair {
                name,
                vantage: vantage.clone(),
                watch: watch.identity.clone(),
                account,
                raise_after: watch.raise_after,
                clear_after: watch.clear_after,
            }));
        }
        let mut places: HashMap<i64, Vec<usize>> = HashMap::new();
        for (place, pair) in pairs.iter().enumerate() {
            places.entry(pair.name.id()).or_default().push(place);
        }
        Self { topology, site, timings, pairs, places }
    }

    /// The schedule as the store keeps it; new pairs are due first where `first` says, `now` and what it
    /// returns being the store's clock in microseconds.
    pub fn schedule(&self, now: i64, first: FirstRound) -> Vec<Planned> {
        let planned = |pair: &WatchedPair| {
            let timing = self.timings.get(&pair.watch)?;
            Some(Planned {
                pair: pair.name.clone(),
                vantage: pair.vantage.clone(),
                watch: pair.watch.clone(),
                account: pair.account.clone(),
                period: timing.period(now),
                raise_after: pair.raise_after,
                clear_after: pair.clear_after,
                first_due: match first {
                    FirstRound::AtOnce => now,
                    FirstRound::Spread => timing.next_after(now, &pair.name, &pair.vantage),
                },
            })
        };
        self.pairs.iter().filter_map(planned).collect()
    }

    /// Returns the instant at which a pair is due again after `after`, in microseconds since 1970, as the watch says
    /// that means the pair now, whichever did when its test began.
    pub fn next_due(&self, pair: &PairName, vantage: &str, after: i64) -> i64 {
        let mut places = self.places.get(&pair.id()).into_iter().flatten().map(|place| &self.pairs[*place]);
        let planned = places.find(|planned| planned.vantage == vantage);
        match planned.and_then(|planned| self.timings.get(&planned.watch)) {
            Some(timing) => timing.next_after(after, pair, vantage),
            // No watch means it any more, and it will be gone from the schedule.
            None => after.saturating_add(HOUR),
        }
    }

    /// The script that a watch runs, if it does.
    pub fn script(&self, watch: &str) -> Option<&Path> {
        let entry = self.topology.watches.iter().find(|entry| entry.identity == watch)?;
        entry.script.as_deref()
    }

    /// A word that is the same for the same schedule: watchers of one site know by it that they agree.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for planned in self.schedule(0, FirstRound::AtOnce) {
            hash.update(format!("{planned:?}"));
        }
        hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns the channels that are told of changes.
    pub fn channels(&self) -> Vec<Channel> {
        self.notifications().map(channel).collect()
    }

    /// Those notifications that are not paused.
    pub fn notifications(&self) -> impl Iterator<Item = &Notification> {
        self.topology.notifications.iter().filter(|notification| notification.enabled)
    }

    /// The accounts that its tests log on as, each once; empty for tests without one.
    pub fn accounts(&self) -> BTreeSet<String> {
        self.pairs.iter().map(|pair| pair.account.clone()).collect()
    }
}

/// The time at which a pair that is new to the store is due first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstRound {
    /// At its place in the period.
    Spread,
    /// Now.
    AtOnce,
}

fn channel(notification: &Notification) -> Channel {
    Channel {
        identity: notification.identity.clone(),
        owners: notification.owners.iter().map(|owner| owner.word().to_owned()).collect(),
    }
}

/// The pairs of a test, each with the account that logs on.
fn names(watch: &WatchEntry, test: WatchedTest, topology: &Topology) -> Vec<(PairName, String)> {
    let name = |pool: &str, receiver: &str| PairName {
        test: test.word().to_owned(),
        pool: pool.to_owned(),
        receiver: receiver.to_owned(),
    };
    let pools =
        || watch.pools_of(topology).into_iter().filter_map(|pool| Some((pool, pool.test_users.first()?)));
    match test {
        WatchedTest::XmppIm => {
            let receivers = watch.receivers_of(topology);
            pools()
                .flat_map(|(pool, account)| {
                    receivers.iter().map(move |receiver| {
                        (name(pool.identity.as_str(), &receiver.to_string()), account.to_string())
                    })
                })
                .collect()
        }
        WatchedTest::Registration => pools()
            .map(|(pool, account)| (name(pool.identity.as_str(), &account.sip()), account.to_string()))
            .collect(),
        WatchedTest::XmppPing => {
            let domains = watch.partners_of(topology);
            pools()
                .flat_map(|(pool, account)| {
                    domains.iter().map(move |domain| {
                        (name(pool.identity.as_str(), domain.as_str()), account.to_string())
                    })
                })
                .collect()
        }
        // The look is made in the name of the first pool, and so its result is of that.
        WatchedTest::FederatedPartner => {
            let asking = topology.pools.first().map_or("", |pool| pool.identity.as_str());
            let domains = watch.partners_of(topology);
            domains.iter().map(|domain| (name(asking, domain.as_str()), String::new())).collect()
        }
        WatchedTest::Topology => vec![(name("", WHOLE_TOPOLOGY), String::new())],
    }
}

const HOUR: i64 = 3_600_000_000;
/// Stands for all checks of `Test-Topology` together.
pub const WHOLE_TOPOLOGY: &str = "topology";

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(watches: &str) -> WatchPlan {
        let head = "[[pool]]\nidentity = \"atl-cs-001.litwareinc.com\"\ndomains = [\"litwareinc.com\"]\n\
                    test_users = [\"kenmyer@litwareinc.com\"]\n\
                    [[partner]]\ndomain = \"contoso.com\"\n\
                    receivers = [\"ada@contoso.com\", \"adelany@contoso.com\"]\n";
        let topology = Topology::parse(&format!("{head}{watches}"), Path::new("/etc/imsh/topology.toml"));
        WatchPlan::of(Arc::new(topology.unwrap()))
    }

    #[test]
    fn a_pair_is_due_as_the_watch_says_that_means_it_now() {
        let one = "[[watch]]\nidentity = \"all\"\nevery = \"15m\"\n";
        let other = one.replace("all", "every partner").replace("15m", "5m");
        let split = "[[watch]]\nidentity = \"ada\"\nreceivers = [\"ada@contoso.com\"]\nevery = \"1m\"\n";
        let before = plan(one);
        assert_eq!(before.pairs.len(), 2);
        for (watches, of_ada, of_others) in
            [(one.to_owned(), 15, 15), (other, 5, 5), (format!("{split}{one}"), 1, 15)]
        {
            let now = plan(&watches);
            for pair in &before.pairs {
                let minutes = if pair.name.receiver.starts_with("ada@") { of_ada } else { of_others };
                let due = now.next_due(&pair.name, &pair.vantage, 1_796_000_000_000_000);
                let expected = Timing::Every(minutes * 60_000_000);
                assert_eq!(
                    due,
                    expected.next_after(1_796_000_000_000_000, &pair.name, &pair.vantage),
                    "{watches}"
                );
            }
        }
    }
}
