//! `Get-TestRun`: the runs whose results are kept.

use super::history::{self, Past};
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::store::{Run, query};
use crate::value::{Record, Value};

/// `Get-TestRun`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-TestRun",
        original: None,
        aliases: &[],
        family: Family::Results,
        synopsis: "Gives the runs whose results are kept.",
        description: "A run is one script, command or session that tested something. It has its counts of results, \
            of what your roles let you see, and no EndedAt while it is under way or where it was killed. \
            Identity goes into -Run of Get-TestResult and into Compare-TestResult.",
        parameters: &[
            history::SINCE,
            Parameter::new("Newest", Kind::Integer(1, 100_000), "At most so many, the newest.")
                .aliases(&["Last"])
                .default("20"),
        ],
        emits: "TestRun",
        roles: &[
            BuiltIn::ServerAdministrator,
            BuiltIn::UserAdministrator,
            BuiltIn::HelpDesk,
            BuiltIn::ViewOnlyAdministrator,
        ],
        impact: Impact::None,
        examples: &[Example {
            title: "How many tests the last run made",
            code: "(Get-TestRun -Newest 1).Tests",
            output: "1",
        }],
    },
    run: |call| Box::pin(run(call)),
};

/// The default number of runs.
const NEWEST: i64 = 20;

async fn run(call: Call) -> Outcome {
    let past = Past::of(&call).await?;
    let since = history::instant(&call, "Since")?.unwrap_or(0);
    let (pairs, newest) = (past.ids(), call.bound.integer("Newest").unwrap_or(NEWEST));
    for run in past.ask(move |sql| query::runs(sql, &pairs, since, newest)).await? {
        call.emit(record(run)).await?;
    }
    Ok(())
}

fn record(run: Run) -> Record {
    let [successes, failures, not_run] = run.counts;
    Record::new("TestRun")
        .with("Identity", run.id)
        .with("StartedAt", history::at(run.started_at))
        .with("EndedAt", run.ended_at.map_or(Value::Null, history::at))
        .with("Tests", successes + failures + not_run)
        .with("Successes", successes)
        .with("Failures", failures)
        .with("NotRun", not_run)
        .with("Command", run.command)
        .with("Principal", run.principal)
        .with("Way", run.way)
        .with("Site", run.site)
        .with("Baseline", Value::optional(run.baseline))
}
