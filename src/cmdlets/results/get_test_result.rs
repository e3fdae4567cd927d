//! `Get-TestResult`: the results of earlier tests.

use super::history::{self, Past};
use crate::access::BuiltIn;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Description, Example, Family, Impact, Kind, Parameter};
use crate::result::Report;
use crate::store::{ResultFilter, query};
use crate::value::Value;

/// `Get-TestResult`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-TestResult",
        original: None,
        aliases: &[],
        family: Family::Results,
        synopsis: "Gives the results of earlier tests.",
        description: "Every Test- cmdlet keeps its results in the store: a file of your own, or the database that \
            [store] of the topology names. The records are as the test gave them, the newest first, with the Site \
            that it was made from and the identifier of its Run. Results are kept for 30 days unless keep says \
            otherwise; Get-TestTrend reaches further back. You see what your roles let you test.",
        parameters: &[
            history::POOL.at(0),
            history::RECEIVER.at(1),
            history::TEST,
            Parameter::new(
                "Result",
                Kind::Choice(&["Success", "Failure", "NotRun"]),
                "Only results that came to this.",
            ),
            Parameter::new("Code", Kind::Text, "Only findings with this code."),
            Parameter::new(
                "Owner",
                Kind::Choice(&["Caller", "Pool", "Network", "Partner", "imsh", "Unknown"]),
                "Only findings whose fault lies there.",
            ),
            history::SITE,
            Parameter::new(
                "Run",
                Kind::Text,
                "Only results of this run, named by its Identity or the beginning of that; Get-TestRun lists the runs.",
            ),
            history::SINCE,
            history::UNTIL,
            Parameter::new("Newest", Kind::Integer(1, 1_000_000), "At most so many, the newest.")
                .aliases(&["Last"])
                .default("1000"),
        ],
        emits: "TestResult",
        roles: &[
            BuiltIn::ServerAdministrator,
            BuiltIn::UserAdministrator,
            BuiltIn::HelpDesk,
            BuiltIn::ViewOnlyAdministrator,
        ],
        impact: Impact::None,
        examples: &[Example {
            title: "What failed at a partner in the last day",
            code: "Get-TestResult -Receiver *@contoso.com -Result Failure -Since 24h",
            output: "",
        }],
    },
    run: |call| Box::pin(run(call)),
};

/// The number of results that are returned by default.
const NEWEST: i64 = 1_000;

async fn run(call: Call) -> Outcome {
    let past = Past::of(&call).await?;
    let run = match call.bound.text("Run") {
        Some(beginning) => Some(past.run(&beginning).await?),
        None => None,
    };
    let filter = ResultFilter {
        pairs: past.ids(),
        outcome: call.bound.text("Result"),
        code: call.bound.text("Code").map(|code| code.to_ascii_uppercase()),
        owner: call.bound.text("Owner"),
        sites: call.bound.texts("Site"),
        run,
        since: history::instant(&call, "Since")?,
        until: history::instant(&call, "Until")?,
        newest: Some(call.bound.integer("Newest").unwrap_or(NEWEST)),
    };
    let results = past.ask(move |sql| query::results(sql, &filter)).await?;
    for result in results {
        match serde_json::from_str::<Report>(&result.report) {
            Ok(report) => {
                let record = report.to_record();
                call.emit(record.with("Site", result.site).with("Run", Value::optional(result.run))).await?;
            }
            Err(error) => call.warn(format!("The result {} cannot be read: {error}.", result.id))?,
        }
    }
    Ok(())
}
