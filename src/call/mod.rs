//! The contract of a call: what a cmdlet is, what it was given, where its records go, and what it
//! may ask.
//!
//! A cmdlet reads its bound arguments and the pipe, emits records, and asks the [`SessionContext`]
//! for everything else. It never prints, exits, sleeps or reads the environment.

pub mod bound;
pub mod context;
pub mod stores;
pub mod files;
pub mod drive;
pub mod transcript;
pub mod results;
pub mod instant;
pub mod filter;
pub mod change;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use bound::BoundArguments;
pub use context::{Confirmation, NoAnswer, Nobody, Operator, Progress, SessionContext};

use crate::access::Principal;
use crate::address::{Address, Domain};
use crate::cmdlet::{Catalogue, Category, Description, ErrorRecord, Kind, Parameter, Position, Program};
use crate::topology::{Pool, TestUserIndex, Topology};
use crate::value::{Block, BlockError, Record, Value};

/// A cmdlet.
#[derive(Debug)]
pub struct Cmdlet {
    /// Its name, parameters, roles and examples; help, completion, binding and the gate read it.
    pub description: Description,
    /// The function that carries out a call.
    pub run: RunCmdlet,
}

/// The function that carries out a call of a cmdlet.
pub type RunCmdlet = fn(Call) -> BoxFuture<'static, Outcome>;

/// The parameter that takes the pipe's values, or a value in place of a pipe.
pub const INPUT_OBJECT: Parameter =
    Parameter::new("InputObject", Kind::Any, "What comes through the pipe, or a value instead of a pipe.")
        .aliases(&["io"])
        .required()
        .from_pipeline();

/// The reason why a cmdlet ended before it was done.
#[derive(Debug)]
pub enum Halt {
    /// It could not run, or could not go on.
    Failed(ErrorRecord),
    /// The reader of its output has closed the pipe (`Select-Object -First`). Not an error.
    PipeClosed,
    /// The run was cancelled, or ran over a limit.
    Cancelled,
    /// A script block failed; the cause belongs to the layer that knows scripts.
    Block(BlockError),
}

impl From<ErrorRecord> for Halt {
    fn from(error: ErrorRecord) -> Self {
        Self::Failed(error)
    }
}

impl From<BlockError> for Halt {
    fn from(error: BlockError) -> Self {
        match error {
            BlockError::Stopped => Self::Cancelled,
            BlockError::Failed { .. } => Self::Block(error),
        }
    }
}

/// The result of a cmdlet's `run`.
pub type Outcome = Result<(), Halt>;

/// The reading end of a pipe.
#[derive(Debug)]
pub struct Input(InputSource);

#[derive(Debug)]
enum InputSource {
    /// No pipe.
    None,
    /// Values that were there before the pipeline began.
    Values(std::vec::IntoIter<Value>),
    /// The stage before.
    Pipe(mpsc::Receiver<Value>),
}

impl Input {
    /// No pipe: the cmdlet stands first.
    pub fn none() -> Self {
        Self(InputSource::None)
    }

    /// A value at the head of a pipeline; a list goes in element by element.
    pub fn of(value: Value) -> Self {
        let values = if let Value::List(items) = value { items } else { vec![value] };
        Self(InputSource::Values(values.into_iter()))
    }

    /// Returns the input that the stage before emits.
    pub fn pipe(receiver: mpsc::Receiver<Value>) -> Self {
        Self(InputSource::Pipe(receiver))
    }

    /// Whether there is a pipe at all.
    pub fn is_piped(&self) -> bool {
        !matches!(self.0, InputSource::None)
    }

    /// The next value; none at the end of the pipe, or where there is none.
    pub async fn next(&mut self) -> Option<Value> {
        match &mut self.0 {
            InputSource::None => None,
            InputSource::Values(values) => values.next(),
            InputSource::Pipe(receiver) => receiver.recv().await,
        }
    }
}

/// The writing end of a pipe.
#[derive(Clone)]
pub struct Output {
    sender: mpsc::Sender<Value>,
    watch: Option<Watch>,
}

/// The number of times that a cmdlet yields after a record: a record passes through that many commands at once.
const TURNS: usize = 4;

/// Sees every value that a cmdlet emits, before the next cmdlet does.
pub type Watch = Arc<dyn Fn(&Value) + Send + Sync>;

impl Output {
    /// A pipe, and who watches it.
    pub fn new(sender: mpsc::Sender<Value>, watch: Option<Watch>) -> Self {
        Self { sender, watch }
    }

    /// Whether the reader has closed the pipe.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends a value; waits while the pipe is full.
    pub async fn send(&self, value: Value) -> Outcome {
        if let Some(watch) = &self.watch {
            watch(&value);
        }
        self.sender.send(value).await.map_err(|_| Halt::PipeClosed)
    }
}

/// One call of one cmdlet.
pub struct Call {
    /// The cmdlet's description.
    pub description: &'static Description,
    /// The arguments, checked and converted.
    pub bound: BoundArguments,
    /// The records that come through the pipe.
    pub input: Input,
    /// The resources that the cmdlet may ask for.
    pub context: Arc<SessionContext>,
    /// The cmdlets that the principal may run; help reads it.
    pub catalogue: Catalogue,
    /// The topology as far as the principal's scopes let it be seen.
    pub topology: Arc<Topology>,
    /// The whole topology that the call was allowed on. A change compares it with the current one. It is
    /// never shown.
    pub whole: Arc<Topology>,
    /// The pools where a test may log on as its receiver.
    pub lenders: Lenders,
    /// The kept results that may be read.
    pub readable: results::ReadableResults,
    /// The principal that makes the call.
    pub principal: Principal,
    /// The output that records go to.
    pub output: Output,
    /// Ends the call.
    pub cancel: CancellationToken,
    /// Whether the caller may still make this call.
    pub still: Still,
    /// The streams that warnings, errors and questions go to.
    pub streams: Streams,
}

/// Says whether a call may still be made.
pub type Still = Arc<dyn Fn() -> Result<(), ErrorRecord> + Send + Sync>;

/// The pools where a test may log on as its receiver, if the receiver is a test user of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lenders {
    /// Any pool that lists the receiver as a test user: there are no roles.
    Any,
    /// The pool that one role covers together with the other resources of the test. The key is the target
    /// pool as it was given, and the receiver.
    Covered(HashMap<(String, Address), Domain>),
}

/// The pools where the tests of a call may log on as their receivers, indexed for many pairs.
#[derive(Debug)]
pub enum LenderIndex<'c> {
    /// Any pool that lists the receiver.
    Any(TestUserIndex<'c>),
    /// Those that one role covers, and the pools by their identity.
    Covered(&'c HashMap<(String, Address), Domain>, HashMap<&'c Domain, &'c Pool>),
}

impl<'c> LenderIndex<'c> {
    /// The pool at which a test of the pool `target` may log on as the receiver, if there is one.
    pub fn lender(&self, target: &str, receiver: &Address) -> Option<&'c Pool> {
        match self {
            Self::Any(users) => users.pool_of(receiver),
            Self::Covered(lenders, pools) => {
                let lender = lenders.get(&(target.to_owned(), receiver.clone()))?;
                pools.get(lender).copied()
            }
        }
    }
}

impl Call {
    /// The pools where the tests of this call may log on as their receivers.
    pub fn lenders(&self) -> LenderIndex<'_> {
        match &self.lenders {
            Lenders::Any => LenderIndex::Any(self.topology.test_users()),
            Lenders::Covered(lenders) => {
                let pools = self.topology.pools.iter().map(|pool| (&pool.identity, pool));
                LenderIndex::Covered(lenders, pools.collect())
            }
        }
    }

    /// Asks again whether the caller may make this call: a person may take their time to answer.
    ///
    /// # Errors
    /// They may not any more.
    pub fn still_allowed(&self) -> Result<(), Halt> {
        (self.still)().map_err(Halt::from)
    }

    /// Whether the caller's roles hide nothing of the topology.
    pub fn sees_everything(&self) -> bool {
        Arc::ptr_eq(&self.topology, &self.whole)
    }

    /// Lets the value of `-InputObject` stand for the pipe, if it was given.
    pub fn take_input_object(&mut self) {
        if let Some(given) = self.bound.value("InputObject") {
            self.input = Input::of(given.clone());
        }
    }

    /// Emits what a script block gave: nothing for null, a list element by element.
    pub async fn emit_each(&self, value: Value) -> Outcome {
        for element in value.into_elements() {
            self.emit(element).await?;
        }
        Ok(())
    }

    /// Emits a value to the pipe; waits while the pipe is full.
    pub async fn emit(&self, value: impl Into<Value>) -> Outcome {
        let send = self.output.send(value.into());
        tokio::select! {
            biased;
            // A record that was made before the cancellation is still sent if the pipe has room.
            sent = send => sent,
            () = self.cancel.cancelled() => Err(Halt::Cancelled),
        }
    }

    /// Yields, so that the next commands take what was emitted before more is made. A cmdlet that never
    /// awaits must call it.
    ///
    /// # Errors
    /// The reader has closed the pipe.
    pub async fn give_way(&self) -> Outcome {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        if self.output.is_closed() { Err(Halt::PipeClosed) } else { Ok(()) }
    }

    /// Calls a script block with `item` as `$_`.
    pub fn call_block(&self, block: &Arc<dyn Block>, item: Value) -> Result<Value, Halt> {
        // The block runs on this thread and may itself wait for cmdlets: leave the async context.
        tokio::task::block_in_place(|| block.call(item)).map_err(Halt::from)
    }

    /// Reports an error that need not end the call (PowerShell's non-terminating error).
    /// Under `-ErrorAction Stop` it does end it.
    pub fn error(&self, error: ErrorRecord) -> Outcome {
        self.streams.error(ErrorRecord { cmdlet: error.cmdlet.or(Some(self.description.name)), ..error })
    }

    /// Warns.
    pub fn warn(&self, text: impl Into<String>) -> Outcome {
        self.streams.warn(text.into())
    }

    /// Says that there is no topology at all, once in a session.
    pub fn warn_where_no_topology(&self) -> Outcome {
        match self.context.topology.told_missing() {
            Some(text) => self.warn(text),
            None => Ok(()),
        }
    }

    /// Says what is being done, if somebody wants to know.
    pub fn verbose(&self, text: impl AsRef<str>) {
        self.streams.verbose(text.as_ref());
    }

    /// Whether the operation shall be carried out (PowerShell's ShouldProcess): false under
    /// `-WhatIf`, and asked for under `-Confirm` or where the cmdlet's impact is high.
    pub fn should_process(&self, operation: &str, target: &str) -> Result<bool, Halt> {
        self.should_process_changes(operation, target, &[])
    }

    /// As [`Call::should_process`]; each line of `changes` stands below the question.
    pub fn should_process_changes(
        &self,
        operation: &str,
        target: &str,
        changes: &[String],
    ) -> Result<bool, Halt> {
        let mut what = format!("Performing the operation \"{operation}\" on target \"{target}\".");
        for change in changes {
            what.push_str(&format!("\n    {change}"));
        }
        if self.bound.switch("WhatIf") {
            self.streams.operator.host(&format!("What if: {what}"));
            return Ok(false);
        }
        let asks = match self.bound.switch_if_given("Confirm") {
            Some(asked) => asked,
            None => self.description.impact == crate::cmdlet::Impact::High && !self.bound.switch("Force"),
        };
        if !asks {
            self.streams.verbose(&what);
            return Ok(true);
        }
        let mut settled = self.streams.confirmation.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(settled) = *settled {
            return Ok(settled);
        }
        // The question waits for a person; the runtime's other work goes on meanwhile.
        let asked = tokio::task::block_in_place(|| self.streams.operator.confirm(&what, &self.cancel));
        let answer = asked.map_err(|unanswered| {
            unanswered.halt(|| {
                let name = self.description.name;
                let message = format!("{name} asks before it does this, and nobody is there to answer.");
                ErrorRecord::new(Category::InvalidOperation, "NonInteractive", message)
                    .remedy("Give -Confirm:$false to do it without a question.")
                    .target(target)
            })
        })?;
        let (is_given, is_for_all) = match answer {
            Confirmation::Yes => (true, false),
            Confirmation::YesToAll => (true, true),
            Confirmation::No => (false, false),
            Confirmation::NoToAll => (false, true),
        };
        *settled = is_for_all.then_some(is_given);
        self.still_allowed()?;
        Ok(is_given)
    }
}

/// The operator's answer for the rest of a command, once given (`YesToAll`, `NoToAll`); clones share it.
#[derive(Clone, Debug, Default)]
pub struct ConfirmationForAll(Arc<Mutex<Option<bool>>>);

/// The handling of an error or a warning (PowerShell's action preference).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ActionPreference {
    /// Shown, and counted.
    #[default]
    Continue,
    /// Not shown, but kept and counted.
    SilentlyContinue,
    /// Made to end the command.
    Stop,
    /// Neither shown nor kept nor counted.
    Ignore,
}

impl ActionPreference {
    /// The preference of that name, as the parameters' choices spell it.
    pub fn named(name: &str) -> Self {
        match name {
            "SilentlyContinue" => Self::SilentlyContinue,
            "Stop" => Self::Stop,
            "Ignore" => Self::Ignore,
            // The binder has checked the choices; what is left is the default.
            _ => Self::Continue,
        }
    }
}

/// The streams beside the pipe: errors, warnings, verbose text, progress.
#[derive(Clone)]
pub struct Streams {
    /// The operator who reads the streams, and answers questions.
    pub operator: Arc<dyn Operator>,
    /// The operator's answer to all questions of the command.
    pub confirmation: ConfirmationForAll,
    /// The position at which the call was written.
    pub position: Option<Position>,
    /// The text in which it was written.
    pub program: Option<Arc<Program>>,
    /// The action preference for errors.
    pub error_action: ActionPreference,
    /// The action preference for warnings.
    pub warning_action: ActionPreference,
    /// Whether verbose text is wanted.
    pub is_verbose: bool,
    /// The errors reported so far, for `-ErrorVariable` and the exit status.
    pub errors: mpsc::UnboundedSender<ErrorRecord>,
    /// Whether there was an error that nobody is told of, by `-ErrorAction Ignore`.
    pub has_ignored: Arc<AtomicBool>,
    /// The warnings reported so far, for `-WarningVariable`.
    pub warnings: mpsc::UnboundedSender<String>,
    /// The verbose text so far, for `-OutVerboseVariable`.
    pub verbose: Option<mpsc::UnboundedSender<String>>,
    /// The log of each test, for `-OutLoggerVariable`.
    pub log: Option<mpsc::UnboundedSender<Record>>,
}

impl Streams {
    /// Tells an error that need not end the call.
    ///
    /// # Errors
    /// It does end it, under `-ErrorAction Stop`.
    pub fn error(&self, error: ErrorRecord) -> Outcome {
        let error = error.placed(self.position, self.program.as_ref());
        match self.error_action {
            ActionPreference::Stop => return Err(Halt::Failed(error)),
            ActionPreference::Ignore => {
                self.has_ignored.store(true, Ordering::Relaxed);
                return Ok(());
            }
            ActionPreference::Continue => self.operator.error(&error),
            ActionPreference::SilentlyContinue => {}
        }
        // The receiver lives as long as the call; if it is gone nobody wants the record.
        let _ = self.errors.send(error);
        Ok(())
    }

    fn warn(&self, text: String) -> Outcome {
        match self.warning_action {
            ActionPreference::Stop => {
                return Err(ErrorRecord::new(Category::OperationStopped, "WarningStop", text).into());
            }
            ActionPreference::Ignore => return Ok(()),
            ActionPreference::Continue => self.operator.warning(&text),
            ActionPreference::SilentlyContinue => {}
        }
        let _ = self.warnings.send(text);
        Ok(())
    }

    /// Verbose text, where it is wanted.
    pub fn verbose(&self, text: &str) {
        if let Some(verbose) = &self.verbose {
            let _ = verbose.send(text.to_owned());
        }
        if self.is_verbose {
            self.operator.verbose(text);
        }
    }

    /// Whether anybody wants verbose text.
    pub fn wants_verbose(&self) -> bool {
        self.is_verbose || self.verbose.is_some()
    }

    /// Whether anybody wants the log.
    pub fn is_logging(&self) -> bool {
        self.log.is_some()
    }

    /// Adds a test to the log, if anybody wants it.
    pub fn log(&self, tests: impl FnOnce() -> Vec<Record>) {
        let Some(log) = &self.log else { return };
        for test in tests() {
            let _ = log.send(test);
        }
    }

    /// Reports the progress of a long piece of work.
    pub fn progress(&self, progress: &Progress<'_>) {
        self.operator.progress(progress);
    }
}

/// Makes a sentence of a clause: a capital letter, except for an address, and a full stop.
pub(crate) fn sentence(clause: &str) -> String {
    let is_address = clause.split_whitespace().next().is_some_and(|word| word.contains('@'));
    let mut letters = clause.chars();
    let first: String = match letters.next() {
        Some(first) if is_address => first.to_string(),
        first => first.map(|first| first.to_uppercase().collect()).unwrap_or_default(),
    };
    let stop = if clause.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_has_a_capital_in_front_and_an_address_stays_as_it_is() {
        for (clause, said) in [
            ("a domain is missing", "A domain is missing."),
            (
                "kim@contoso.com is the first test user already",
                "kim@contoso.com is the first test user already.",
            ),
            ("was it?", "Was it?"),
            ("", "."),
        ] {
            assert_eq!(sentence(clause), said);
        }
    }
}
