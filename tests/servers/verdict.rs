//! A table of faults and what imsh must say of each: run side by side, and reported together.

use std::fmt::Write;
use std::sync::Mutex;
use std::time::Duration;

use crate::desk::Desk;

/// One fault: a verification, and the code and owner that it must end in.
pub struct Row {
    pool: String,
    receiver: String,
    more: String,
    code: &'static str,
    owner: &'static str,
}

impl Row {
    pub fn new(pool: &str, receiver: &str, code: &'static str, owner: &'static str) -> Self {
        Self { pool: pool.to_owned(), receiver: receiver.to_owned(), more: String::new(), code, owner }
    }

    /// The same with further parameters.
    pub fn with(mut self, more: &str) -> Self {
        self.more = more.to_owned();
        self
    }
}

/// Runs every row and fails with all that went wrong. Each must be a failure, inside the whole deadline,
/// with status 1, code, owner, and words for people.
pub fn check(desk: &Desk, rows: &[Row]) {
    let left = Mutex::new(rows.iter());
    let wrong = Mutex::new(String::new());
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let Some(row) = left.lock().unwrap().next() else { return };
                    let seen = desk.verify(&row.pool, &row.receiver, &row.more);
                    let told = (seen.text("Result"), seen.text("Code"), seen.text("Owner"));
                    let is_right = told == ("Failure", row.code, row.owner)
                        && seen.ran.status == Some(1)
                        && seen.text("Latency") == "00:00:00"
                        && !seen.text("Error").is_empty()
                        && !seen.text("Diagnosis").is_empty()
                        && seen.ran.elapsed < WHOLE;
                    if !is_right {
                        writeln!(
                            wrong.lock().unwrap(),
                            "{} → {}: {} of {} is expected, not {told:?} after {:?}\n{}",
                            row.pool,
                            row.receiver,
                            row.code,
                            row.owner,
                            seen.ran.elapsed,
                            seen.whole()
                        )
                        .unwrap();
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong}");
}

const SIDE_BY_SIDE: usize = 8;
/// The deadline of a whole verification, and a second.
const WHOLE: Duration = Duration::from_secs(61);
