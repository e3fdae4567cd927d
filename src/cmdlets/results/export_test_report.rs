//! `Export-TestReport`: what was tested, as one page for a browser.

use jiff::tz::TimeZone;

use super::history::{self, Past};
use crate::access::BuiltIn;
use crate::call::files::{self, Existing};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::report::page::{self, PageFrame};
use crate::report::{ReportRequest, StatusReport};
use crate::store::DAY;

/// `Export-TestReport`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Export-TestReport",
        original: None,
        aliases: &[],
        family: Family::Results,
        synopsis: "Makes a report of what was tested: one page for a browser.",
        description: "The page holds pools and receivers as a heat map, what needs attention, latency, changes, \
            findings by owner with their remedy, certificates by their end, each site where there are several, and \
            the pairs that need attention in full, with their last tests: all pairs, where there are no more than \
            200. Its time begins with the whole hour that holds -Since, or with the whole day (UTC) where that is more \
            than three days ago. It is one file that loads nothing, and can be read, printed and sent without imsh. A file that \
            exists is replaced at once or not at all. Without -Path the page is given as text, and a delegated \
            administrator may have it so. It tells of the pairs that your roles let you test.",
        parameters: &[
            Parameter::new("Path", Kind::File, "The file to write.")
                .on_drive()
                .aliases(&["FilePath", "LiteralPath"])
                .at(0)
                .default("The report is given as text."),
            history::POOL,
            history::RECEIVER,
            history::TEST,
            history::SINCE.default("A day ago."),
            Parameter::new("Title", Kind::Text, "The title of the page.").default("Test report"),
            Parameter::new("Format", Kind::Choice(&["Html", "Json"]), "A page, or the same facts as JSON.")
                .default("Html"),
            Parameter::new("TimeZone", Kind::Text, "The zone that times are told in, such as Europe/Dublin.")
                .default("UTC"),
            Parameter::new("NoClobber", Kind::Switch, "Fails if the file exists."),
        ],
        emits: "",
        roles: &[
            BuiltIn::ServerAdministrator,
            BuiltIn::UserAdministrator,
            BuiltIn::HelpDesk,
            BuiltIn::ViewOnlyAdministrator,
        ],
        impact: Impact::Medium,
        examples: &[
            Example {
                title: "What would be written where",
                code: "Export-TestReport week.html -Since 168h -Title 'Week 48' -WhatIf",
                output: "What if: Performing the operation \"Export-TestReport\" on target \"week.html\".",
            },
            Example {
                title: "How many pairs the report is about",
                code: "((Export-TestReport -Format Json | ConvertFrom-Json).pairs | Measure-Object).Count",
                output: "1",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

/// The number of pairs that are shown in full, and the number of their last tests.
const N_DETAILS: usize = 200;
const N_TESTS: i64 = 2;

async fn run(call: Call) -> Outcome {
    let zone = zone(&call)?;
    fits(&call)?;
    let past = Past::of(&call).await?;
    let path = call.bound.text("Path");
    if let Some(name) = &path
        && !call.should_process("Export-TestReport", name)?
    {
        return Ok(());
    }
    if past.pairs.is_empty() {
        let is_asked = ["Pool", "Receiver", "Test"].iter().any(|parameter| call.bound.is_given(parameter));
        call.warn(match is_asked {
            true => "No pair is in the report: none that was tested fits -Pool, -Receiver and -Test.",
            false => "No pair is in the report: none that your roles let you see was tested.",
        })?;
    }
    let now = jiff::Timestamp::now().as_microsecond();
    let request = ReportRequest {
        pairs: past.ids(),
        since: history::instant(&call, "Since")?.unwrap_or(now - DAY),
        n_details: N_DETAILS,
        n_tests: N_TESTS,
    };
    let report = past.ask(move |sql| StatusReport::read(sql, &request)).await?;
    let title = call.bound.text("Title").unwrap_or_else(|| "Test report".to_owned());
    let is_json = call.bound.text("Format").is_some_and(|format| format == "Json");
    let text = match is_json {
        // A report is a tree of texts and numbers: it can always be written.
        true => serde_json::to_string(&report).unwrap_or_default(),
        false => page::report(&report, &PageFrame { title, zone, live: None }),
    };
    match path {
        None => call.emit(text.trim_end()).await,
        Some(name) => {
            let existing = if call.bound.switch("NoClobber") { Existing::Kept } else { Existing::Replaced };
            Ok(files::replace(&call, &name, text.as_bytes(), existing)?)
        }
    }
}

/// Refuses a file whose name promises another format than the one that is written.
fn fits(call: &Call) -> Result<(), ErrorRecord> {
    let Some(path) = call.bound.text("Path") else { return Ok(()) };
    let is_json = call.bound.text("Format").is_some_and(|format| format == "Json");
    let extension = path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let remedy = match extension.as_deref() {
        Some("csv" | "tsv" | "xls" | "xlsx" | "ods") => "Write: Get-TestResult | Export-Csv report.csv.",
        Some("pdf" | "doc" | "docx") => {
            "Write: Export-TestReport report.html; a browser prints it into a PDF."
        }
        Some("xml") => "imsh -o junit gives the tests of a run as XML.",
        Some("json") if !is_json => "Write: Export-TestReport report.json -Format Json.",
        Some("html" | "htm") if is_json => "Write: Export-TestReport report.html.",
        Some(_) | None => return Ok(()),
    };
    let format = if is_json { "JSON" } else { "a page for a browser (HTML)" };
    let message = format!("'{path}' would hold {format}, which its name does not say.");
    Err(ErrorRecord::new(Category::InvalidArgument, "BadExtension", message).remedy(remedy).target(path))
}

fn zone(call: &Call) -> Result<TimeZone, ErrorRecord> {
    let Some(name) = call.bound.text("TimeZone") else { return Ok(TimeZone::UTC) };
    TimeZone::get(&name).map_err(|_| {
        let message = format!("-TimeZone cannot be '{name}': this machine knows no such time zone.");
        ErrorRecord::new(Category::InvalidArgument, "BadTimeZone", message)
            .remedy("Write a name of the tz database, such as Europe/Dublin.")
            .target(name.as_str())
    })
}
