//! A watch that runs a script: one round is one run, and the pair that stands for it is well where the script came
//! to its end.
//!
//! The tests that the script makes are kept like others, each of its own pair. A script has until it is due again,
//! and no more than an hour; what goes on then is ended, and has failed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::cmdlet::{Category, ErrorRecord};
use crate::host::Host;
use crate::result::{Report, TestKind, TestOutcome};
use crate::script::{BROKEN, EngineContext, Failure, FailureKind, ScriptLimits, ScriptSession, file};
use crate::store::plan::SCRIPT_TEST;
use crate::store::{NewResult, PairName};
use crate::value::Value;

/// The code of a script that did not come to its end.
pub const SCRIPT_FAILED: &str = "SCRIPT-FAILED";

/// The pair that stands for a script: it has no pool, and the file's name is its receiver.
pub fn pair_of(script: &Path) -> PairName {
    let name = script.file_name().unwrap_or(script.as_os_str());
    PairName {
        test: SCRIPT_TEST.to_owned(),
        pool: String::new(),
        receiver: name.to_string_lossy().into_owned(),
    }
}

/// Returns the longest time that a script of this period may take.
pub fn deadline_of(period: i64) -> Duration {
    let period = Duration::from_micros(u64::try_from(period).unwrap_or(0));
    period.clamp(SHORTEST, LONGEST)
}

/// Runs a script, and no longer than so; gives the result of its pair, or none where it was cancelled.
pub async fn run(
    host: Arc<Host>,
    script: PathBuf,
    site: &str,
    deadline: Duration,
    cancel: CancellationToken,
) -> Option<NewResult> {
    let (began, started_at) = (Instant::now(), Timestamp::now());
    let own = cancel.child_token();
    let ended = tokio::time::timeout(deadline, evaluate(host.clone(), &script, own.clone())).await;
    if cancel.is_cancelled() {
        return None;
    }
    let why = match ended {
        Ok(Ok(())) => None,
        Ok(Err(why)) => Some(why),
        Err(_) => {
            own.cancel();
            Some(format!("it had not ended after {} s, and was ended", deadline.as_secs()))
        }
    };
    let pair = pair_of(&script);
    if let Some(why) = &why {
        tracing::error!(script = pair.receiver, why, "a script failed");
        let message = format!("The script {} failed: {why}.", pair.receiver);
        host.tally().error(&ErrorRecord::new(Category::InvalidOperation, "ScriptFailed", message));
    }
    let report = Report {
        kind: TestKind::Check,
        check: Some(SCRIPT_TEST.to_owned()),
        subject: Some(pair.receiver.clone()),
        outcome: if why.is_none() { TestOutcome::Success } else { TestOutcome::Failure },
        latency: why.is_none().then(|| began.elapsed()),
        elapsed: Some(began.elapsed()),
        started_at: Some(started_at),
        code: why.as_ref().map(|_| SCRIPT_FAILED.to_owned()),
        owner: why.as_ref().map(|_| "Caller".to_owned()),
        diagnosis: why.as_ref().map(|why| {
            format!("{SCRIPT_FAILED}, Caller: the script {} failed: {why}. Remedy: {REMEDY}", pair.receiver)
        }),
        remedy: why.as_ref().map(|_| REMEDY.to_owned()),
        error: why.map(|why| format!("The script failed: {why}.")),
        attempts: 1,
        ..Report::default()
    };
    let result = NewResult::of(&report, site, |_| false)?;
    Some(NewResult { pair, ..result })
}

/// Runs the script to its end, or says in a clause why it did not come there.
async fn evaluate(host: Arc<Host>, script: &Path, cancel: CancellationToken) -> Result<(), String> {
    let text = file::read(script).map_err(|error| format!("{}: {error}", script.display()))?;
    let emit = Arc::new(|_: Value| ());
    let context = EngineContext::new(host, Handle::current(), emit, ScriptLimits::OWN);
    let context = match script.parent() {
        Some(beside) => context.importing_from(beside.to_owned()),
        None => context,
    };
    let args = vec![("args".to_owned(), Value::texts(Vec::<String>::new()))];
    let session = ScriptSession::start(context, args).map_err(|error| error.to_string())?;
    let name = script.display().to_string();
    let ended = session.evaluate(&name, &file::program(text), cancel).await;
    ended.map(drop).map_err(|failure| words(&failure)).or_else(|why| why.map_or(Ok(()), Err))
}

/// Returns the reason why a script did not come to its end, as a clause; `None` where it left by `exit(0)`.
fn words(failure: &Failure) -> Option<String> {
    let text = match &failure.kind {
        FailureKind::Exit(0) => return None,
        FailureKind::Exit(status) => format!("it left by exit({status})"),
        FailureKind::Error(error) => error.message.clone(),
        FailureKind::Mistakes(mistakes) => {
            mistakes.first().map_or_else(|| "it has mistakes".to_owned(), ToString::to_string)
        }
        FailureKind::Mistake(text) | FailureKind::Limit(text) => text.clone(),
        FailureKind::Thrown(text) => format!("it threw {text}"),
        FailureKind::Cancelled => "it was ended".to_owned(),
        FailureKind::Broken => BROKEN.to_owned(),
    };
    let place = failure.position.map(|place| format!(" (line {}, column {})", place.line, place.column));
    Some(format!("{}{}", text.trim_end_matches('.'), place.unwrap_or_default()))
}

const REMEDY: &str = "Run it by hand: imsh run FILE.";
/// A script may take so long, however often it is run.
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(3_600);
