//! `Compare-TestResult`: what broke, recovered or got slower between two runs.

use std::collections::BTreeMap;

use super::history::{self, Past, no_run, only_run};
use crate::access::BuiltIn;
use crate::call::results::unreadable;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::result::Report;
use crate::store::query::{self, BaselineNaming};
use crate::store::{PairName, ResultFilter, Run, Sql, StoredResult};
use crate::value::letter::is_hidden;
use crate::value::{Record, Value};

/// `Compare-TestResult`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Compare-TestResult",
        original: None,
        aliases: &[],
        family: Family::Results,
        synopsis: "Tells what broke, recovered or got slower since an earlier run.",
        description: "Compares the newest run, or the one that -Run names, with the run before it, the one that \
            -ReferenceRun names, the baseline of that name, or what held at a time (-ReferenceTime): pair by pair, and \
            server by server where -EachServer tested them by themselves. Change is Broken, \
            Recovered, StillBroken, Slower (at least twice the latency, and 100 ms more), New, or Missing where a \
            pair of the earlier run was not tested again; what was not run counts as not there. What is as it was is \
            left out, unless -IncludeEqual. -SetBaseline gives the run a name for later, also where there is nothing \
            to compare it with yet. A run has one name, and its results are kept as long as it has one.",
        parameters: &[
            Parameter::new("Run", Kind::Text, "The run that is looked at.").at(0).default("The newest one."),
            Parameter::new("ReferenceRun", Kind::Text, "An earlier run.").default("The one before."),
            Parameter::new("Baseline", Kind::Text, "The name of a run, from -SetBaseline."),
            Parameter::new(
                "ReferenceTime",
                Kind::Text,
                "The last run that began before this time: 2026-11-25, or 24h for a day ago.",
            ),
            history::POOL,
            history::RECEIVER,
            history::TEST,
            Parameter::new("IncludeEqual", Kind::Switch, "Gives what is as it was, too."),
            Parameter::new("SetBaseline", Kind::Text, "Gives the run this name, for -Baseline."),
        ],
        emits: "TestChange",
        roles: &[
            BuiltIn::ServerAdministrator,
            BuiltIn::UserAdministrator,
            BuiltIn::HelpDesk,
            BuiltIn::ViewOnlyAdministrator,
        ],
        impact: Impact::None,
        examples: &[Example {
            title: "How many pairs the last two runs have in common",
            code: "(Compare-TestResult -IncludeEqual | Measure-Object).Count",
            output: "1",
        }],
    },
    run: |call| Box::pin(run(call)),
};

/// The number of runs that are searched for the one to compare with.
const RUNS: i64 = 10_000;
/// The difference, in microseconds, from which a latency counts as slower; it must also be at least twice the
/// earlier latency.
const SLOWER_BY: i64 = 100_000;
/// Letters of a baseline's name.
const MAX_NAME: usize = 64;

async fn run(call: Call) -> Outcome {
    let past = Past::of(&call).await?;
    let pairs = past.ids();
    let runs = past.ask(move |sql| query::runs(sql, &pairs, 0, RUNS)).await?;
    let run = chosen(&call, &runs)?;
    let reference = reference(&call, &runs, run);
    if let Some(name) = call.bound.text("SetBaseline") {
        if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(is_hidden) {
            let text = "A baseline has a name of one line, up to 64 letters.";
            return Err(ErrorRecord::new(Category::InvalidArgument, "BadBaseline", text).into());
        }
        set_baseline(&call, &past, run, name).await?;
        // The first run of a name has none before it.
        if let Err(missing) = &reference {
            return call.warn(format!("{} The run has its name for the next time.", missing.message));
        }
    }
    let reference = reference?;
    let before = results(&past, &reference.id).await?;
    let after = results(&past, &run.id).await?;
    let mut names: Vec<&(PairName, Option<String>)> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let (old, new) = (before.get(name), after.get(name));
        let change = change(old, new);
        if change != "Equal" || call.bound.switch("IncludeEqual") {
            call.emit(record(name, change, old, new)).await?;
        }
    }
    Ok(())
}

/// Gives a run its name for later.
async fn set_baseline(call: &Call, past: &Past, run: &Run, name: String) -> Result<(), ErrorRecord> {
    let own = call.context.is_delegates().then(|| call.principal.to_string());
    let (id, wanted) = (run.id.clone(), name.clone());
    let set = move |sql: &mut dyn Sql| query::set_baseline(sql, &id, &wanted, own.as_deref());
    let naming = past.store.write(set).await.map_err(|fault| unreadable(call.context.reader(), &fault))?;
    match naming {
        BaselineNaming::Named => Ok(()),
        BaselineNaming::NoRun => Err(no_run(format!("There is no run '{}'.", run.id))),
        BaselineNaming::OfAnother => {
            let message = format!("The baseline '{name}', or the name that the run has, is another's.");
            Err(ErrorRecord::new(Category::PermissionDenied, "BaselineTaken", message)
                .remedy("Choose another name."))
        }
        BaselineNaming::OtherName(known) => {
            let message = format!("The run is the baseline '{known}' already, and a run has one name.");
            let remedy = "Compare with it by that name, or give that name to another run first (-Run RUN -SetBaseline NAME).";
            Err(ErrorRecord::new(Category::ResourceExists, "BaselineNamed", message)
                .remedy(remedy)
                .target(known))
        }
    }
}

/// The run that is looked at.
fn chosen<'a>(call: &Call, runs: &'a [Run]) -> Result<&'a Run, ErrorRecord> {
    match call.bound.text("Run") {
        Some(id) => named(runs, &id),
        None => runs.first().ok_or_else(|| no_run("There is no run yet.".to_owned())),
    }
}

/// The earlier run that it is compared with.
fn reference<'a>(call: &Call, runs: &'a [Run], run: &Run) -> Result<&'a Run, ErrorRecord> {
    if let Some(id) = call.bound.text("ReferenceRun") {
        return named(runs, &id);
    }
    if let Some(name) = call.bound.text("Baseline") {
        let found = runs.iter().find(|run| run.baseline.as_ref() == Some(&name));
        return found.ok_or_else(|| no_run(format!("No run has the name '{name}'.")));
    }
    let until = history::instant(call, "ReferenceTime")?.unwrap_or(run.started_at);
    let earlier = runs.iter().find(|other| other.id != run.id && other.started_at <= until);
    earlier.ok_or_else(|| no_run("There is no earlier run to compare with.".to_owned()))
}

/// The only run whose identifier begins so.
fn named<'a>(runs: &'a [Run], id: &str) -> Result<&'a Run, ErrorRecord> {
    only_run(runs.iter().filter(|run| run.id.starts_with(id)), id)
}

/// The last result of each pair that was tested in a run, and of each server of its pool that was tested by itself;
/// what was not run is not there.
async fn results(
    past: &Past,
    run: &str,
) -> Result<BTreeMap<(PairName, Option<String>), StoredResult>, ErrorRecord> {
    let filter = ResultFilter { pairs: past.ids(), run: Some(run.to_owned()), ..ResultFilter::default() };
    let mut results = past.ask(move |sql| query::results(sql, &filter)).await?;
    // The newest come first, and the last one that is put in stays.
    results.reverse();
    let tested = results.into_iter().filter(|result| result.outcome != "NotRun");
    // A report of another version that this one cannot read names no server.
    let server =
        |result: &StoredResult| serde_json::from_str::<Report>(&result.report).ok()?.identity().server;
    Ok(tested.map(|result| ((result.pair.clone(), server(&result)), result)).collect())
}

fn change(old: Option<&StoredResult>, new: Option<&StoredResult>) -> &'static str {
    let (Some(old), Some(new)) = (old, new) else { return if old.is_none() { "New" } else { "Missing" } };
    let is_good = |result: &StoredResult| result.outcome == "Success";
    let is_slower = || {
        let (before, now) = (old.latency.unwrap_or(i64::MAX / 2), new.latency.unwrap_or(0));
        now >= before.saturating_mul(2) && now - before >= SLOWER_BY
    };
    match (is_good(old), is_good(new)) {
        (true, false) => "Broken",
        (false, true) => "Recovered",
        (false, false) => "StillBroken",
        (true, true) if is_slower() => "Slower",
        (true, true) => "Equal",
    }
}

fn record(
    (name, server): &(PairName, Option<String>),
    change: &str,
    old: Option<&StoredResult>,
    new: Option<&StoredResult>,
) -> Record {
    let result = |of: Option<&StoredResult>| Value::optional(of.map(|result| result.outcome.clone()));
    let latency =
        |of: Option<&StoredResult>| of.and_then(|result| result.latency).map_or(Value::Null, history::span);
    Record::new("TestChange")
        .with("TargetFqdn", name.pool.clone())
        .with("Receiver", name.receiver.clone())
        .with("Change", change)
        .with("Result", result(new))
        .with("Code", Value::optional(new.or(old).and_then(|result| result.code.clone())))
        .with("Owner", Value::optional(new.or(old).and_then(|result| result.owner.clone())))
        .with("Before", result(old))
        .with("Latency", latency(new))
        .with("LatencyBefore", latency(old))
        .with("Test", name.test.clone())
        .with("Server", Value::optional(server.clone()))
}
