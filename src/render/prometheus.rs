//! The Prometheus text exposition format 0.0.4, for the node exporter's textfile collector or a
//! push gateway: gauges labelled by pool, receiver and sender.
//!
//! A series stands once: where the same pair was tested several times the last result counts.
//! Everything is written at the end, since a family's lines must stand together.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Sink;
use super::result::TestResult;
use crate::value::Value;

/// The last result of each pair, in the order of their labels.
#[derive(Default)]
pub(super) struct Gauges(BTreeMap<String, TestResult>);

/// A family's name, its help, and its lines: further labels and a value for each.
type Family = (&'static str, &'static str, fn(&TestResult) -> Vec<(String, f64)>);

const FAMILIES: &[Family] = &[
    ("imsh_test_success", "Whether the test message reached the evidence that was asked for.", |result| {
        vec![(String::new(), if result.is_success { 1.0 } else { 0.0 })]
    }),
    ("imsh_test_latency_seconds", "From the start of the test to the evidence.", |result| {
        result.latency.iter().map(|latency| (String::new(), latency.as_secs_f64())).collect()
    }),
    ("imsh_test_message_latency_seconds", "From sending the message to the evidence.", |result| {
        result.message_latency.iter().map(|latency| (String::new(), latency.as_secs_f64())).collect()
    }),
    ("imsh_test_elapsed_seconds", "How long the whole test took.", |result| {
        result.elapsed.iter().map(|elapsed| (String::new(), elapsed.as_secs_f64())).collect()
    }),
    ("imsh_test_phase_seconds", "How long a phase of the test took.", |result| {
        let step = |(phase, duration): &(String, std::time::Duration)| {
            (format!(",phase=\"{}\"", label(phase)), duration.as_secs_f64())
        };
        // A phase may have been tried twice; a series stands once.
        let steps: BTreeMap<String, f64> = result.steps.iter().map(step).collect();
        steps.into_iter().collect()
    }),
    ("imsh_test_failure", "What went wrong and whose it is; absent where nothing did.", |result| {
        let (code, owner) = (label(&result.code), label(&result.owner));
        let failure = (format!(",code=\"{code}\",owner=\"{owner}\""), 1.0);
        if result.is_success { Vec::new() } else { vec![failure] }
    }),
    ("imsh_test_certificate_days_left", "Days until the pool's certificate expires.", |result| {
        result.days_left.iter().map(|days| (String::new(), *days as f64)).collect()
    }),
    ("imsh_test_started_timestamp_seconds", "When the test started.", |result| {
        result.started_at.iter().map(|at| (String::new(), at.as_millisecond() as f64 / 1e3)).collect()
    }),
];

impl Sink for Gauges {
    fn push(&mut self, value: &Value) -> String {
        if let Some(result) = TestResult::of(value) {
            let (pool, receiver) = (label(&result.pool), label(&result.receiver));
            let labels =
                format!("pool=\"{pool}\",receiver=\"{receiver}\",sender=\"{}\"", label(&result.sender));
            self.0.insert(labels, result);
        }
        String::new()
    }

    fn finish(&mut self) -> String {
        let mut text = String::new();
        for (name, help, values) in FAMILIES {
            let lines = self.0.iter().flat_map(|(labels, result)| {
                values(result)
                    .into_iter()
                    .map(move |(more, value)| format!("{name}{{{labels}{more}}} {value}\n"))
            });
            let lines: String = lines.collect();
            if !lines.is_empty() {
                // Writing to a String cannot fail.
                let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{lines}");
            }
        }
        text
    }
}

/// A label's value, with what the format gives a meaning escaped.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
