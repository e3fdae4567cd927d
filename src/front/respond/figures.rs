//! The figures of `imsh respond` for Prometheus, in a file that its node exporter reads.
//!
//! Counts what a responder tells, and writes it every few seconds by atomic replacement. What it cannot write it
//! leaves, and tries again: figures never stop a responder.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::durable;
use crate::verify::responder::Happening;
use crate::verify::responder::pace::AnswerVerdict;

/// The counters of a responder since its start.
pub(super) struct Figures {
    per_sender: u32,
    in_all: u32,
    on_line: AtomicU64,
    answered: AtomicU64,
    over_per_sender: AtomicU64,
    over_in_all: AtomicU64,
    dropped: AtomicU64,
    passed_over: AtomicU64,
    lost: AtomicU64,
}

impl Figures {
    pub(super) fn new(per_sender: u32, in_all: u32) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            per_sender,
            in_all,
            on_line: zero(),
            answered: zero(),
            over_per_sender: zero(),
            over_in_all: zero(),
            dropped: zero(),
            passed_over: zero(),
            lost: zero(),
        }
    }

    pub(super) fn count(&self, happening: &Happening<'_>) {
        match happening {
            Happening::OnLine { .. } => self.on_line.store(1, Relaxed),
            Happening::Answered { .. } => _ = self.answered.fetch_add(1, Relaxed),
            Happening::Passed { verdict, count, .. } => {
                let over = match verdict {
                    AnswerVerdict::SenderOverLimit => &self.over_per_sender,
                    AnswerVerdict::OverLimit | AnswerVerdict::Answer => &self.over_in_all,
                };
                over.fetch_add(*count, Relaxed);
            }
            Happening::Missed { dropped, passed_over } => {
                self.dropped.fetch_add(*dropped, Relaxed);
                self.passed_over.fetch_add(*passed_over, Relaxed);
            }
            Happening::Lost { .. } => {
                self.lost.fetch_add(1, Relaxed);
                self.is_off_line();
            }
            Happening::Failed { .. } => self.is_off_line(),
        }
    }

    pub(super) fn is_off_line(&self) {
        self.on_line.store(0, Relaxed);
    }

    /// Writes them every few seconds, for ever.
    pub(super) async fn keep_in(self: Arc<Self>, file: PathBuf) {
        let mut ticks = interval(WRITTEN_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let (figures, file) = (self.clone(), file.clone());
            let _ = tokio::task::spawn_blocking(move || figures.write(&file)).await;
        }
    }

    pub(super) fn write(&self, file: &Path) -> Result<(), durable::Fault> {
        durable::replace(file, self.text().as_bytes(), 0o644)
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let mut say = |name: &str, kind: &str, help: &str, rows: &[(&str, u64)]| {
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
            for (labels, value) in rows {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let of = |count: &AtomicU64| count.load(Relaxed);
        say("imsh_respond_on_line", "gauge", "Whether the account is on line.", &[("", of(&self.on_line))]);
        say("imsh_respond_answered_total", "counter", "Test messages answered.", &[("", of(&self.answered))]);
        say(
            "imsh_respond_not_answered_total",
            "counter",
            "Test messages that were not answered, by the reason.",
            &[
                ("{reason=\"per_sender\"}", of(&self.over_per_sender)),
                ("{reason=\"in_all\"}", of(&self.over_in_all)),
                ("{reason=\"backlog\"}", of(&self.dropped)),
            ],
        );
        say(
            "imsh_respond_passed_over_total",
            "counter",
            "Stanzas over a limit that were not read.",
            &[("", of(&self.passed_over))],
        );
        say(
            "imsh_respond_sessions_lost_total",
            "counter",
            "Sessions that were lost.",
            &[("", of(&self.lost))],
        );
        say(
            "imsh_respond_limit",
            "gauge",
            "Test messages that are answered a minute.",
            &[
                ("{of=\"per_sender\"}", u64::from(self.per_sender)),
                ("{of=\"in_all\"}", u64::from(self.in_all)),
            ],
        );
        text
    }
}

const WRITTEN_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_for_silence_is_a_figure_beside_the_limits() {
        let figures = Figures::new(60, 600);
        figures.count(&Happening::Missed { dropped: 3, passed_over: 2 });
        let text = figures.text();
        for line in [
            "imsh_respond_on_line 0",
            "imsh_respond_not_answered_total{reason=\"backlog\"} 3",
            "imsh_respond_passed_over_total 2",
            "imsh_respond_limit{of=\"per_sender\"} 60",
            "imsh_respond_limit{of=\"in_all\"} 600",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
