//! Lanes: the queues of tests of one account and pool to one partner, and which of them is next.
//!
//! Sources take turns, and in each source the partners that have answered take turns with those that have not,
//! which never have all of the slots. A test is taken only where all of its places are free.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Instant;

use super::{Account, Class, Lane, LaneId, Pool, Route, Scheduler, Source};
use crate::address::{Address, Domain};
use crate::verify::schedule::health::Health;
use crate::verify::schedule::limits::AdaptiveLimit;
use crate::verify::schedule::{AccountUse, Places, ScheduledTest, TestId};

impl<T: ScheduledTest> Scheduler<T> {
    /// The lane of a test at these places.
    pub(super) fn lane_of(&mut self, places: &Places<'_>, numbers: &mut Numbers) -> LaneId {
        let ceilings = &self.schedule.ceilings;
        let pool = places.pool.map(|name| {
            numbered(&mut numbers.pools, name, |name| {
                self.pools.push(Pool {
                    name: name.clone(),
                    limit: AdaptiveLimit::new(ceilings.pool),
                    health: Health::default(),
                    n_inferred: 0,
                });
            })
        });
        let partner = places.partner.as_ref().map(|domain| {
            let ceiling = ceilings.partners.get(domain).copied().unwrap_or(ceilings.partner);
            numbered(&mut numbers.partners, domain, |domain| {
                self.partners.push((domain.clone(), AdaptiveLimit::new(ceiling)));
            })
        });
        for address in &places.accounts {
            numbered(&mut numbers.accounts, *address, |address| {
                let limit = match self.schedule.takes {
                    AccountUse::Message => AdaptiveLimit::new(ceilings.account),
                    AccountUse::Session => AdaptiveLimit::of_sessions(ceilings.account),
                };
                self.accounts.push(Account { address: address.clone(), limit, n_on_trial: 0 });
            });
        }
        let account = places.accounts.first().and_then(|address| numbers.accounts.get(*address)).copied();
        let source = numbered(&mut numbers.sources, &(pool, account), |_| {
            self.sources.push(Source { pool, account, ..Source::default() });
        });
        let route = numbered(&mut numbers.routes, &(pool, partner), |_| {
            self.routes.push(Route {
                partner,
                // Only many tests of one partner can block slots for others.
                is_proven: pool.is_none() || partner.is_none(),
                lanes: Vec::new(),
                strikes: None,
                suspended: None,
                n_inferred: 0,
            });
        });
        numbered(&mut numbers.lanes, &(source, route), |_| {
            self.routes[route].lanes.push(self.lanes.len());
            self.lanes.push(Lane { source, pool, partner, route, waiting: VecDeque::new(), queued: None });
        })
    }

    /// Gives a lane, and its source, their place among those that take turns.
    pub(super) fn enqueue(&mut self, lane_id: LaneId) {
        let lane = &mut self.lanes[lane_id];
        if lane.waiting.is_empty() {
            return;
        }
        let class = if self.routes[lane.route].is_proven { Class::Proven } else { Class::OnTrial };
        let source = &mut self.sources[lane.source];
        if lane.queued != Some(class) {
            lane.queued = Some(class);
            source.queue(class).push_back(lane_id);
        }
        if !std::mem::replace(&mut source.is_queued, true) {
            self.ring.push_back(lane.source);
        }
    }

    /// The next test whose places are all free, in turns.
    pub(super) fn next_test(&mut self) -> Option<TestId> {
        let now = Instant::now();
        for _ in 0..self.ring.len() {
            let source = self.ring.pop_front()?;
            let test = self.next_of(source, now);
            let Source { proven, on_trial, is_queued, .. } = &mut self.sources[source];
            if proven.is_empty() && on_trial.is_empty() {
                *is_queued = false;
            } else {
                self.ring.push_back(source);
            }
            if test.is_some() {
                return test;
            }
        }
        None
    }

    fn next_of(&mut self, source_id: usize, now: Instant) -> Option<TestId> {
        let Source { pool, account, turns, .. } = &mut self.sources[source_id];
        let (pool, account) = (*pool, *account);
        *turns += 1;
        let order = [[Class::Proven, Class::OnTrial], [Class::OnTrial, Class::Proven]][*turns % 2];
        let has_room = pool.is_none_or(|pool| self.pools[pool].limit.has_room())
            && account.is_none_or(|account| self.accounts[account].limit.has_room());
        if !has_room {
            return None;
        }
        let test = order.into_iter().find_map(|class| self.next_in(source_id, class, now))?;
        // One at a time finds out about a pool, or a machine, that is in doubt.
        if let Some(pool) = pool {
            self.pools[pool].health.tried_by(test);
        }
        self.machine.tried_by(test);
        Some(test)
    }

    fn next_in(&mut self, source: usize, class: Class, now: Instant) -> Option<TestId> {
        if class == Class::OnTrial && !self.has_room_for_trials(source) {
            return None;
        }
        for _ in 0..self.sources[source].queue(class).len() {
            let lane = self.sources[source].queue(class).pop_front()?;
            if self.lanes[lane].queued != Some(class) {
                continue;
            }
            let found = self.take_from(lane, now);
            if self.lanes[lane].waiting.is_empty() {
                self.lanes[lane].queued = None;
            } else {
                self.sources[source].queue(class).push_back(lane);
            }
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Whether one more test may run whose partner has not answered yet: such tests never have all of the slots,
    /// nor all of an account's sessions.
    fn has_room_for_trials(&self, source: usize) -> bool {
        let sessions = self.sources[source].account.map(|account| &self.accounts[account]);
        let sessions = sessions.filter(|_| self.schedule.takes == AccountUse::Session);
        self.n_on_trial < most_on_trial(self.schedule.throttle)
            && sessions.is_none_or(|account| account.n_on_trial < most_on_trial(account.limit.limit()))
    }

    /// The first test of a lane, if all of its places are free.
    fn take_from(&mut self, lane: LaneId, now: Instant) -> Option<TestId> {
        let Lane { pool, partner, waiting, .. } = &self.lanes[lane];
        let test = *waiting.front()?;
        let may_try = pool.is_none_or(|pool| self.pools[pool].health.may_try(test, now))
            && self.machine.may_try(test, now)
            && partner.is_none_or(|partner| self.partners[partner].1.has_room());
        if !may_try || !self.others_have_room(test) {
            return None;
        }
        self.lanes[lane].waiting.pop_front()
    }

    /// Whether the accounts beside the sender have room.
    fn others_have_room(&self, test: TestId) -> bool {
        let Some(test) = &self.tests[test].test else { return true };
        let places = test.places();
        let others = places.accounts.iter().skip(1).filter_map(|address| self.account_ids.get(*address));
        others.into_iter().all(|account| self.accounts[*account].limit.has_room())
    }
}

/// So many of all places may be taken by tests whose partner has not answered yet.
fn most_on_trial(n_places: usize) -> usize {
    match n_places {
        0 | 1 => 1,
        _ => n_places - (n_places / 4).max(1),
    }
}

/// The numbers of places and of what is made of them.
#[derive(Default)]
pub(super) struct Numbers {
    pools: HashMap<String, usize>,
    partners: HashMap<Domain, usize>,
    pub(super) accounts: HashMap<Address, usize>,
    sources: HashMap<(Option<usize>, Option<usize>), usize>,
    routes: HashMap<(Option<usize>, Option<usize>), usize>,
    lanes: HashMap<(usize, usize), usize>,
}

/// The number of a key; a new one gets the next number, and is made.
fn numbered<K, Q>(numbers: &mut HashMap<K, usize>, key: &Q, make: impl FnOnce(&K)) -> usize
where
    K: Eq + Hash + std::borrow::Borrow<Q>,
    Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
{
    if let Some(number) = numbers.get(key) {
        return *number;
    }
    let (number, key) = (numbers.len(), key.to_owned());
    make(&key);
    numbers.insert(key, number);
    number
}
