//! `/metrics`: the Prometheus text exposition format 0.0.4.
//!
//! Labels are names of the topology, and words of the catalogue; never what a server said. A pair that is
//! watched no more has no series. No sample has a timestamp of its own.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::super::counters::{LATENCY_BOUNDS, PairCounters};
use super::super::status::WatcherFigures;
use super::facts::Samples;
use crate::store::{PairName, PairState, StoredState};
use crate::vault::RefusedLogon;

/// The metrics as text.
pub(super) fn text(figures: &WatcherFigures, refused: &[RefusedLogon], samples: &Samples) -> String {
    let mut page = MetricPage(String::new());
    watcher(&mut page, figures, samples);
    page.family(
        "imsh_watcher_refused_credentials",
        "gauge",
        "Credentials that a pool has refused, and that are not offered again until they are other ones.",
        [(String::new(), refused.len().to_string())],
    );
    if let Some(states) = &samples.states {
        pairs(&mut page, states);
        counters(&mut page, &samples.counters);
        let mut ends: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for end in &samples.certificates {
            let by = if end.pair.pool.is_empty() { &end.pair.receiver } else { &end.pair.pool };
            let newest = ends.entry(by).or_insert((end.seen_at, end.ends_at));
            if end.seen_at > newest.0 {
                *newest = (end.seen_at, end.ends_at);
            }
        }
        page.family(
            "imsh_certificate_end_timestamp_seconds",
            "gauge",
            "When the first certificate ends of the chain that a pool or partner shows.",
            ends.into_iter().map(|(by, (_, end))| (format!("shown_by=\"{}\"", label(by)), seconds(end))),
        );
        let sites = samples.watchers.iter().map(|watcher| (watcher.site.as_str(), watcher.seen_at));
        let seen = sites.fold(BTreeMap::<&str, i64>::new(), |mut seen, (site, at)| {
            let newest = seen.entry(site).or_insert(at);
            *newest = (*newest).max(at);
            seen
        });
        page.family(
            "imsh_site_seen_timestamp_seconds",
            "gauge",
            "When a watcher of the site last gave a sign of life to the store.",
            seen.into_iter().map(|(site, at)| (format!("site=\"{}\"", label(site)), seconds(at))),
        );
        page.family(
            "imsh_notices_waiting",
            "gauge",
            "Notices that are still to be delivered, by channel.",
            samples
                .outbox
                .iter()
                .map(|(channel, n)| (format!("channel=\"{}\"", label(channel)), n.to_string())),
        );
    }
    page.0
}

fn watcher(page: &mut MetricPage, figures: &WatcherFigures, samples: &Samples) {
    let info = format!("site=\"{}\",version=\"{}\"", label(&figures.site), env!("CARGO_PKG_VERSION"));
    page.family("imsh_watcher_info", "gauge", "The watcher's site and version.", [(info, "1".to_owned())]);
    let at = |at: jiff::Timestamp| seconds(at.as_microsecond());
    let one = |value: String| [(String::new(), value)];
    let is = |truth: bool| i32::from(truth).to_string();
    page.family(
        "imsh_watcher_start_timestamp_seconds",
        "gauge",
        "When the watcher started.",
        one(at(figures.started_at)),
    );
    page.family(
        "imsh_watcher_last_round_timestamp_seconds",
        "gauge",
        "When the watcher last looked for due pairs and could claim them.",
        figures.last_round_at.map(|last| (String::new(), at(last))),
    );
    for (name, help, value) in [
        (
            "imsh_schedule_lag_seconds",
            "How long the pair that waits longest has been due.",
            format!("{:.3}", figures.lag.as_secs_f64()),
        ),
        (
            "imsh_watcher_blind",
            "Whether the watcher sees nothing: its machine is off line, or its store away.",
            is(figures.blind.is_some()),
        ),
        ("imsh_store_up", "Whether the store answers.", is(samples.states.is_some())),
        (
            "imsh_store_clock_skew_seconds",
            "How far the store's clock is ahead of the machine's.",
            micros(figures.skew),
        ),
        (
            "imsh_topology_invalid",
            "Whether the topology cannot be taken over, and an earlier one is in force.",
            is(figures.topology_mistakes.is_some()),
        ),
        ("imsh_watcher_pairs", "Pairs that the watcher's site has to test.", figures.n_pairs.to_string()),
        ("imsh_watcher_tests_under_way", "Tests that are under way.", figures.n_under_way.to_string()),
        ("imsh_results_waiting", "Results that wait for the store.", figures.n_unstored.to_string()),
    ] {
        page.family(name, "gauge", help, one(value));
    }
    for (name, help, value) in [
        ("imsh_watcher_not_run_total", "Pairs that were claimed and could not be tested.", figures.n_not_run),
        ("imsh_state_changes_total", "States that results of this watcher have turned.", figures.n_changes),
        ("imsh_notices_delivered_total", "Notices that this watcher has delivered.", figures.n_notices),
        (
            "imsh_notices_failed_total",
            "Deliveries of notices that failed, and are tried again.",
            figures.n_failed_deliveries,
        ),
    ] {
        page.family(name, "counter", help, one(value.to_string()));
    }
}

fn pairs(page: &mut MetricPage, states: &[StoredState]) {
    let newest = |state: &StoredState| state.sites.values().max_by_key(|site| site.last_at).cloned();
    page.family(
        "imsh_test_state",
        "gauge",
        "The state of a watched pair, by its word: Up, Down, Flaky or Unknown.",
        states
            .iter()
            .map(|state| (format!("{},state=\"{}\"", labels(&state.pair), state.state), "1".to_owned())),
    );
    page.family(
        "imsh_test_success",
        "gauge",
        "Whether the pair's last test succeeded.",
        states.iter().filter_map(|state| {
            let last = newest(state)?;
            Some((labels(&state.pair), i32::from(last.recent.ends_with('S')).to_string()))
        }),
    );
    page.family(
        "imsh_test_failure",
        "gauge",
        "What is wrong with a pair that is down or flaky, and whose it is; absent where nothing is.",
        states.iter().filter(|state| state.state != PairState::Up).filter_map(|state| {
            let (code, owner) = (state.code.as_deref()?, state.owner.as_deref().unwrap_or("Unknown"));
            let pair = labels(&state.pair);
            Some((format!("{pair},code=\"{}\",owner=\"{}\"", label(code), label(owner)), "1".to_owned()))
        }),
    );
    page.family(
        "imsh_test_state_since_timestamp_seconds",
        "gauge",
        "Since when the pair has been in its state.",
        states.iter().map(|state| (labels(&state.pair), seconds(state.since))),
    );
    page.family(
        "imsh_test_last_timestamp_seconds",
        "gauge",
        "When the pair was last tested.",
        states.iter().filter_map(|state| Some((labels(&state.pair), seconds(newest(state)?.last_at)))),
    );
    page.family(
        "imsh_test_last_success_timestamp_seconds",
        "gauge",
        "When a test of the pair last succeeded.",
        states.iter().filter_map(|state| {
            let last = state.sites.values().filter_map(|site| site.last_success_at).max()?;
            Some((labels(&state.pair), seconds(last)))
        }),
    );
}

fn counters(page: &mut MetricPage, counters: &BTreeMap<PairName, PairCounters>) {
    page.family(
        "imsh_tests_total",
        "counter",
        "Tests that this watcher has made since it started.",
        counters.iter().flat_map(|(pair, counted)| {
            [("Success", counted.n_successes), ("Failure", counted.n_failures)]
                .map(|(result, n)| (format!("{},result=\"{result}\"", labels(pair)), n.to_string()))
        }),
    );
    let mut pools: BTreeMap<(&str, &str), PairCounters> = BTreeMap::new();
    for (pair, counted) in counters {
        let pool = pools.entry((&pair.test, &pair.pool)).or_default();
        pool.n_successes += counted.n_successes;
        pool.latency_sum += counted.latency_sum;
        pool.n_within.iter_mut().zip(counted.n_within).for_each(|(sum, n)| *sum += n);
    }
    if pools.is_empty() {
        return;
    }
    const NAME: &str = "imsh_test_latency_seconds";
    page.head(NAME, "histogram", "Latency of the tests that succeeded, by pool.");
    for ((test, pool), counted) in pools {
        let labels = format!("test=\"{}\",pool=\"{}\"", label(test), label(pool));
        let mut n_so_far = 0;
        for (bound, n) in LATENCY_BOUNDS.iter().zip(counted.n_within) {
            n_so_far += n;
            let le = micros(bound * 1_000);
            page.line(&format!("{NAME}_bucket{{{labels},le=\"{le}\"}} {n_so_far}"));
        }
        page.line(&format!("{NAME}_bucket{{{labels},le=\"+Inf\"}} {}", counted.n_successes));
        page.line(&format!("{NAME}_sum{{{labels}}} {}", micros(counted.latency_sum)));
        page.line(&format!("{NAME}_count{{{labels}}} {}", counted.n_successes));
    }
}

/// Families of metrics, one after another.
pub(super) struct MetricPage(pub(super) String);

impl MetricPage {
    /// A family: its samples are labels and values. Without a sample there is no family.
    pub(super) fn family(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl IntoIterator<Item = (String, String)>,
    ) {
        let mut is_first = true;
        for (labels, value) in samples {
            if std::mem::take(&mut is_first) {
                self.head(name, kind, help);
            }
            match labels.is_empty() {
                true => self.line(&format!("{name} {value}")),
                false => self.line(&format!("{name}{{{labels}}} {value}")),
            }
        }
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }
}

/// Returns the labels that tell a pair from the others.
fn labels(pair: &PairName) -> String {
    let PairName { test, pool, receiver } = pair;
    format!("test=\"{}\",pool=\"{}\",receiver=\"{}\"", label(test), label(pool), label(receiver))
}

/// A label's value, with what the format gives a meaning escaped.
pub(super) fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// An instant of the store in seconds.
pub(super) fn seconds(at: i64) -> String {
    micros(at)
}

/// Microseconds as seconds.
pub(super) fn micros(micros: i64) -> String {
    let (whole, part) = (micros / 1_000_000, (micros % 1_000_000).abs());
    let sign = if micros < 0 && whole == 0 { "-" } else { "" };
    match part {
        0 => whole.to_string(),
        part => format!("{sign}{whole}.{part:06}").trim_end_matches('0').to_owned(),
    }
}
