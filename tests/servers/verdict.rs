//! Rows of the table of faults, tried against the servers: side by side, and reported together.

use std::fmt::Write;
use std::sync::Mutex;
use std::time::Duration;

use crate::desk::{Desk, Verification};
use crate::faults::{By, Cell, cell};
use crate::federation::Federation;
use crate::golden;

/// One fault as a test can see it: a verification, and the line of the table that it must end in.
pub struct Row {
    by: By,
    pool: String,
    receiver: String,
    more: String,
    fault: &'static str,
    speaks_after: Option<Duration>,
    patience: Duration,
}

impl Row {
    /// A message from a pool of this software to a receiver shows the fault.
    pub fn new(by: By, pool: &str, receiver: &str, fault: &'static str) -> Self {
        Self {
            by,
            pool: pool.to_owned(),
            receiver: receiver.to_owned(),
            more: String::new(),
            fault,
            speaks_after: None,
            patience: DELIVER,
        }
    }

    /// The same with further parameters.
    pub fn with(mut self, more: &str) -> Self {
        self.more = more.to_owned();
        self
    }

    /// The same at a server that speaks after another time than the table says.
    pub fn spoken_after(mut self, seconds: u64) -> Self {
        self.speaks_after = Some(Duration::from_secs(seconds));
        self
    }

    /// The same where nobody speaks, at a desk that waits for eight seconds.
    pub fn impatient(mut self) -> Self {
        self.speaks_after = Some(DELIVER);
        self.patience = Duration::from_secs(8);
        self
    }

    /// What is wrong with what was seen; `None` where it is as the table has it.
    fn mistake(&self, seen: &Verification, debian: u32) -> Option<String> {
        let wanted = match cell(self.fault, self.by, debian) {
            Cell::Fails { code, owner, .. } => ("Failure", code, owner),
            Cell::Succeeds { evidence } => ("Success", evidence, ""),
            Cell::NotShown { reason } => panic!("{}: the table says that {reason}", self.fault),
        };
        let third = if wanted.0 == "Success" { "Evidence" } else { "Code" };
        let told = (seen.text("Result"), seen.text(third), seen.text("Owner"));
        if told != wanted {
            return Some(format!("{wanted:?} is expected, not {told:?}"));
        }
        let status = i32::from(wanted.0 == "Failure");
        if seen.ran.status != Some(status) {
            return Some(format!("the exit status is {:?}, not {status}", seen.ran.status));
        }
        if wanted.0 == "Success" {
            return None;
        }
        if seen.text("Latency") != "00:00:00" || seen.text("Error").is_empty() {
            return Some("a failure has no latency, and an error".to_owned());
        }
        golden::mistake(self.fault, self.by, debian, &self.words(seen))
    }

    /// What took longer than it may: the answer comes in the server's own time, or at the end of our patience, and
    /// a second.
    fn lateness(&self, seen: &Verification, debian: u32) -> Option<String> {
        let Cell::Fails { after: own, .. } = cell(self.fault, self.by, debian) else { return None };
        let own = self.speaks_after.or(own).unwrap_or(AT_ONCE);
        let limit = own.min(self.patience) + A_SECOND;
        if let Some(waited) = seen.duration("Deliver").filter(|waited| *waited > limit) {
            return Some(format!("{waited:?} were waited for an answer, more than {limit:?}"));
        }
        if let Some(spoke) = seen.pool_spoke_after()
            && seen.duration("Deliver").is_some_and(|waited| waited > spoke + A_SECOND)
        {
            return Some(format!("the pool spoke after {spoke:?}, and was not heard for a second"));
        }
        None
    }

    /// The diagnosis without its evidence and without what differs from run to run.
    fn words(&self, seen: &Verification) -> String {
        let diagnosis = seen.text("Diagnosis");
        let title = diagnosis.split(" Evidence: ").next().unwrap_or_default();
        let (_, remedy) = diagnosis.rsplit_once(" Remedy: ").unwrap_or_default();
        // ejabberd was fast, which depends on the machine.
        let remedy = remedy.split(" If it was repaired within").next().unwrap_or_default();
        let partner = self.receiver.rsplit('@').next().unwrap_or_default();
        let sender = seen.text("Sender").trim_start_matches("sip:");
        let domain = sender.rsplit('@').next().unwrap_or_default();
        let title = title.split(" Remedy: ").next().unwrap_or_default();
        let words = format!("{title} Remedy: {remedy}")
            .replace(&self.pool, "POOL")
            .replace(&self.receiver, "RECEIVER")
            .replace(sender, "SENDER")
            .replace(partner, "PARTNER")
            .replace(domain, "DOMAIN");
        golden::without_numbers(&words)
    }
}

/// Runs every row and fails with all that went wrong: code, owner, words, exit status, and the time of each
/// must be those of the table.
pub fn check(federation: &Federation, desk: &Desk, rows: &[Row]) {
    let debian = federation.release.debian();
    let left = Mutex::new(rows.iter().filter(|row| {
        // What only the other release does not show.
        !matches!(cell(row.fault, row.by, debian), Cell::NotShown { .. })
            || matches!(cell(row.fault, row.by, 0), Cell::NotShown { .. })
    }));
    let wrong = Mutex::new(String::new());
    let report = |row: &Row, mistake: &str, seen: &Verification| {
        let Row { fault, pool, receiver, .. } = row;
        let (elapsed, whole) = (seen.ran.elapsed, seen.whole());
        writeln!(
            wrong.lock().unwrap(),
            "{fault}: {pool} → {receiver}: {mistake}, after {elapsed:?}\n{whole}"
        )
        .unwrap();
    };
    let late = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE.min(rows.len()) {
            scope.spawn(|| {
                loop {
                    let Some(row) = left.lock().unwrap().next() else { return };
                    let verify = || {
                        let seen = desk.verify(&row.pool, &row.receiver, &row.more);
                        (row.mistake(&seen, debian), seen)
                    };
                    let (mut mistake, mut seen) = verify();
                    for _ in 0..MOST_RACES {
                        if mistake.is_some() && has_lost_a_race(&seen) {
                            (mistake, seen) = verify();
                        }
                    }
                    if let Some(mistake) = mistake {
                        report(row, &mistake, &seen);
                    } else if row.lateness(&seen, debian).is_some() {
                        late.lock().unwrap().push(row);
                    }
                }
            });
        }
    });
    // A machine that is busy makes a row late, and changes nothing else of it: those are tried again one by one.
    for row in late.into_inner().unwrap() {
        let seen = desk.verify(&row.pool, &row.receiver, &row.more);
        if let Some(mistake) = row.mistake(&seen, debian).or_else(|| row.lateness(&seen, debian)) {
            report(row, &mistake, &seen);
        }
    }
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong}");
}

/// COMPAT: ejabberd 23.01 says this on a busy machine, of a connection that was closed while it looked away and
/// of a resolver that it could not ask; it tries anew within a second.
fn has_lost_a_race(seen: &Verification) -> bool {
    ["invalid argument", "resource temporarily unavailable"]
        .iter()
        .any(|words| seen.text("Error").contains(words))
}

const MOST_RACES: usize = 20;
const SIDE_BY_SIDE: usize = 12;
/// How long imsh waits for evidence, unless the topology says otherwise.
const DELIVER: Duration = Duration::from_secs(30);
/// What a server takes that has nothing to wait for, on a machine that is busy.
const AT_ONCE: Duration = Duration::from_secs(5);
const A_SECOND: Duration = Duration::from_secs(1);
