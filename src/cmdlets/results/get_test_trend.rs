//! `Get-TestTrend`: availability and latency by hour or day.

use std::collections::BTreeMap;

use super::history::{self, Past};
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::store::histogram::Histogram;
use crate::store::{DAY, RollupSpan, query};
use crate::value::{Record, Value};

/// `Get-TestTrend`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-TestTrend",
        original: None,
        aliases: &[],
        family: Family::Results,
        synopsis: "Tells availability and latency by hour or day.",
        description: "Each record is an hour or a day (UTC): how many tests there were, which share of them succeeded \
            (Availability, from 0 to 100), and the latency that half of the successes (P50) and 95 of 100 (P95) did \
            not exceed, as the upper bound of a bucket that is at most a fifth too high. Without -ByPair all pairs \
            are taken together. Only whole hours or days are shown: from the one that holds -Since on, and those that \
            begin before -Until. Hours are kept for 400 days and days for ten years.",
        parameters: &[
            history::POOL.at(0),
            history::RECEIVER.at(1),
            history::TEST,
            history::SITE.default("All sites together."),
            Parameter::new("By", Kind::Choice(&["Hour", "Day"]), "How long each record is.").default("Hour"),
            Parameter::new("ByPair", Kind::Switch, "Gives each pair by itself."),
            Parameter::new(
                "Since",
                Kind::Text,
                "The first hour or day is the one that holds this time: 2026-11-25, 2026-11-25T13:30, in UTC where no \
                 offset stands there; or 2h for two hours ago.",
            )
            .aliases(history::SINCE.aliases)
            .default("A day ago by hour, a month ago by day."),
            Parameter::new("Until", Kind::Text, "Hours or days that begin before that; written as -Since.")
                .aliases(history::UNTIL.aliases),
        ],
        emits: "TestTrend",
        roles: &[
            BuiltIn::ServerAdministrator,
            BuiltIn::UserAdministrator,
            BuiltIn::HelpDesk,
            BuiltIn::ViewOnlyAdministrator,
        ],
        impact: Impact::None,
        examples: &[Example {
            title: "How many tests there were in the last week",
            code: "(Get-TestTrend -By Day -Since 168h | Measure-Object Tests -Sum).Sum",
            output: "2",
        }],
    },
    run: |call| Box::pin(run(call)),
};

/// A month, in microseconds.
const MONTH: i64 = 31 * DAY;

#[derive(Default)]
struct TrendCounts {
    tests: i64,
    successes: i64,
    flaky: i64,
    latencies: Histogram,
}

async fn run(call: Call) -> Outcome {
    let past = Past::of(&call).await?;
    let is_by_day = call.bound.text("By").is_some_and(|by| by == "Day");
    let (unit, back) = if is_by_day { (RollupSpan::Day, MONTH) } else { (RollupSpan::Hour, DAY) };
    let until = history::instant(&call, "Until")?.unwrap_or(i64::MAX);
    let now = jiff::Timestamp::now().as_microsecond();
    let since = unit.start(history::instant(&call, "Since")?.unwrap_or(now - back));
    let is_by_pair = call.bound.switch("ByPair");
    let pairs = past.ids();
    let sites = call.bound.texts("Site");
    let points = past.ask(move |sql| query::trend(sql, &pairs, unit, since, until, &sites)).await?;
    let mut rows: BTreeMap<(Option<i64>, i64), TrendCounts> = BTreeMap::new();
    for point in points {
        let row = rows.entry((is_by_pair.then_some(point.pair), point.start)).or_default();
        row.tests += point.n_tests;
        row.successes += point.n_successes;
        row.flaky += point.n_flaky;
        row.latencies.merge(&point.latencies);
    }
    for ((pair, start), counts) in rows {
        let mut record = Record::new("TestTrend").with("Start", history::at(start));
        if let Some(name) = pair.and_then(|pair| past.pairs.get(&pair)) {
            record = record
                .with("TargetFqdn", name.pool.clone())
                .with("Receiver", name.receiver.clone())
                .with("Test", name.test.clone());
        }
        call.emit(with_counts(record, &counts)).await?;
    }
    Ok(())
}

fn with_counts(record: Record, counts: &TrendCounts) -> Record {
    #[expect(clippy::cast_precision_loss, reason = "a share of far fewer than 2^52 tests")]
    let availability = 100.0 * counts.successes as f64 / counts.tests.max(1) as f64;
    let latency = |percent| {
        let micros = counts.latencies.percentile(percent).and_then(|micros| i64::try_from(micros).ok());
        micros.map_or(Value::Null, history::span)
    };
    record
        .with("Tests", counts.tests)
        .with("Successes", counts.successes)
        .with("Flaky", counts.flaky)
        .with("Availability", Value::Float((availability * 1000.0).round() / 1000.0))
        .with("P50", latency(50))
        .with("P95", latency(95))
}
