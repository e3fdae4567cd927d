//! Conclusions from the failures of some tests to others: a partner, a pool or a machine that has failed again and
//! again is asked no more, and the tests that wait get its finding.
//!
//! One test is kept for the end, to find out whether what was concluded is so; where it is not, that is remarked.

use std::time::Instant;

use super::{Lane, LaneId, Pool, Running, Scheduler};
use crate::diagnosis::Finding;
use crate::verify::schedule::health::Doubt;
use crate::verify::schedule::{BatchRemark, Judged, ScheduledTest, TestId};

impl<T: ScheduledTest> Scheduler<T> {
    /// A partner has failed one receiver more.
    pub(super) fn strike(&mut self, id: TestId, finding: &Finding) {
        let route_id = self.lanes[self.tests[id].lane].route;
        let receiver = self.tests[id].test.as_ref().and_then(|test| test.places().receiver.cloned());
        let route = &mut self.routes[route_id];
        let Some(receiver) = receiver.filter(|_| route.suspended.is_none()) else { return };
        match &mut route.strikes {
            Some((code, receivers)) if *code == finding.code => {
                if !receivers.contains(&receiver) {
                    receivers.push(receiver);
                }
            }
            strikes => *strikes = Some((finding.code, vec![receiver])),
        }
        let n_strikes = route.strikes.as_ref().map_or(0, |(_, receivers)| receivers.len());
        if n_strikes >= MOST_STRIKES {
            route.suspended = Some(finding.clone());
            match self.conclude(|lane| lane.route == route_id, finding) {
                Some(n_inferred) => self.routes[route_id].n_inferred = n_inferred,
                None => self.routes[route_id].suspended = None,
            }
        }
    }

    /// A pool has failed a test; gives when the same test tries it again, where it does.
    pub(super) fn pool_failed(
        &mut self,
        pool: usize,
        id: TestId,
        turn: &Running,
        finding: &Finding,
        logon: Option<u64>,
    ) -> Option<Instant> {
        if self.tests[id].is_closing {
            return None;
        }
        match self.pools[pool].health.failed(id, turn.began, finding, logon) {
            Doubt::TryAgain(at) => Some(at),
            Doubt::Nothing => None,
            Doubt::Suspended => {
                match self.conclude(|lane| lane.pool == Some(pool), finding) {
                    Some(n_inferred) => self.pools[pool].n_inferred = n_inferred,
                    None => drop(self.pools[pool].health.take_suspension()),
                }
                None
            }
        }
    }

    pub(super) fn machine_failed(
        &mut self,
        id: TestId,
        turn: &Running,
        finding: &Finding,
        logon: Option<u64>,
    ) -> Option<Instant> {
        if self.tests[id].is_closing {
            return None;
        }
        match self.machine.failed(id, turn.began, finding, logon) {
            Doubt::TryAgain(at) => Some(at),
            Doubt::Nothing => None,
            Doubt::Suspended => {
                if self.conclude(|_| true, finding).is_none() {
                    self.machine.take_suspension();
                }
                None
            }
        }
    }

    /// Gives the tests that wait in these lanes a finding of others, all but one: that one finds out at
    /// the end whether it is so. Gives how many; none where tests of their kind conclude nothing.
    fn conclude(&mut self, concerns: impl Fn(&Lane) -> bool, finding: &Finding) -> Option<usize> {
        let lanes: Vec<LaneId> = (0..self.lanes.len()).filter(|id| concerns(&self.lanes[*id])).collect();
        let mut n_inferred = 0;
        let mut has_closing = false;
        let mut has_kept = false;
        for lane in lanes {
            for id in std::mem::take(&mut self.lanes[lane].waiting) {
                let is_new = self.tests[id].last.is_none();
                let inferred = self.tests[id].test.as_ref().and_then(|test| test.inferred(finding));
                match inferred {
                    Some(_) if !is_new => self.tell_last(id),
                    Some(_) if !has_closing => {
                        has_closing = true;
                        self.tests[id].is_closing = true;
                        self.closing.push_back(id);
                    }
                    Some(outcome) => {
                        n_inferred += 1;
                        self.tell(id, outcome);
                    }
                    None => {
                        has_kept = true;
                        self.lanes[lane].waiting.push_back(id);
                    }
                }
            }
            self.enqueue(lane);
        }
        (!has_kept).then_some(n_inferred)
    }

    pub(super) fn is_suspended(&self, lane: LaneId) -> bool {
        let Lane { pool, route, .. } = &self.lanes[lane];
        self.routes[*route].suspended.is_some()
            || self.machine.is_suspended()
            || pool.is_some_and(|pool| self.pools[pool].health.is_suspended())
    }

    /// The test at the end has its outcome: what was concluded is so, or is taken back.
    pub(super) fn close(&mut self, id: TestId, outcome: &T::Outcome) {
        if outcome.failure().is_some() || outcome.is_interrupted() {
            return;
        }
        let Lane { pool, route, .. } = &self.lanes[self.tests[id].lane];
        let (pool, route) = (*pool, route);
        let route = &mut self.routes[*route];
        if let Some(finding) = route.suspended.take() {
            let n_inferred = std::mem::take(&mut route.n_inferred);
            let partner = route.partner.map(|partner| self.partners[partner].0.clone());
            let pool = pool.map(|pool| self.pools[pool].name.clone());
            self.ended.remarks.push(BatchRemark::Withdrawn { pool, partner, n_inferred, finding });
        }
        if let Some(pool) = pool {
            let Pool { name, health, n_inferred, .. } = &mut self.pools[pool];
            if let Some(finding) = health.take_suspension() {
                let n_inferred = std::mem::take(n_inferred);
                let pool = Some(name.clone());
                self.ended.remarks.push(BatchRemark::Withdrawn { pool, partner: None, n_inferred, finding });
            }
        }
    }
}

/// After how many receivers with the same finding a partner is not asked any more.
const MOST_STRIKES: usize = 3;
