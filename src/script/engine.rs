//! The engine of one session: Rhai with its limits, its types, and every cmdlet as a function.
//!
//! Built once per session. Counts operations with one counter for all threads, watches the
//! cancel token and the deadline, and lets no `try` swallow either. Has no file system, no
//! environment and no processes; `import` finds nothing until somebody gives it a library.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rhai::{Dynamic, Engine, EvalAltResult, NativeCallContext};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::apart;
use super::commands::{self, Ran, Runner};
use super::convert::{Converter, to_dynamic};
use super::failure::{Failure, Termination, TerminationCheck};
use super::library::Library;
use super::members;
use super::operators;
use super::table;
use super::texts::Texts;
use super::types::{self, ScriptList};
use crate::call::Halt;
use crate::cmdlet::{Argument, Arguments, Category, Description, ErrorRecord, Kind, SourcePlace};
use crate::host::{Host, Stage};
use crate::value::Value;

/// The limits on the resources of a program.
#[derive(Clone, Copy, Debug)]
pub struct ScriptLimits {
    /// Operations of the engine; none for no limit.
    pub operations: Option<u64>,
    /// Time on the clock; none for no limit.
    pub time: Option<Duration>,
    /// Bytes of one text.
    pub text: usize,
    /// Elements of one array.
    pub array: usize,
    /// Bytes of source text.
    pub source: usize,
    /// Bytes of everything that the process holds; none for no limit.
    pub memory: Option<Memory>,
}

/// The memory that a process may hold, and how much it does: what a program's lists, maps, closures and
/// variables come to is known to the allocator alone.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Bytes, at most.
    pub most: usize,
    /// Bytes now.
    pub held: fn() -> usize,
}

impl Memory {
    fn is_exceeded(self) -> bool {
        (self.held)() > self.most
    }
}

impl ScriptLimits {
    /// For somebody's own machine: generous, but no runaway script eats the memory.
    pub const OWN: Self = Self {
        operations: None,
        time: None,
        text: 64 << 20,
        array: 10_000_000,
        source: 16 << 20,
        memory: None,
    };

    /// For delegated sessions.
    pub const DELEGATED: Self = Self {
        operations: Some(20_000_000),
        time: Some(Duration::from_secs(900)),
        text: 1 << 20,
        array: 100_000,
        source: 1 << 20,
        memory: None,
    };
}

/// Function calls within function calls; the thread's stack is sized for it.
const CALL_LEVELS: usize = 64;

/// Bytes of stack for the engine's thread, and for each block beside others, where values may take this much memory,
/// or where nobody counts it. The call levels need one MiB in a release build and several in a debug build; and
/// values that lie within each other are dropped level by level: a chain of closures takes nine tenths of its stack
/// in memory.
pub fn stack(memory: Option<usize>) -> usize {
    const MOST: usize = 1 << 30;
    (64 << 20) + memory.map_or(0, |memory| (memory + memory / 4).min(MOST))
}

/// The function that receives a program's output, value by value, as it comes.
pub type Emit = Arc<dyn Fn(Value) + Send + Sync>;

/// The state that the engine's functions share: the host, the runtime, and the control that ends a run.
#[derive(Clone)]
pub struct EngineContext {
    /// The one door to every cmdlet.
    pub host: Arc<Host>,
    /// The runtime that cmdlets run on.
    pub runtime: Handle,
    /// The function that receives the output.
    pub emit: Emit,
    control: Arc<Mutex<Control>>,
    operations: Arc<AtomicU64>,
    /// Whether the last pipeline had an error.
    has_failed: Arc<AtomicBool>,
    limits: ScriptLimits,
    /// The modules that `import` finds.
    pub library: Library,
    /// The texts that the engine's positions refer to.
    pub texts: Texts,
}

/// The conditions that end the program that is running now.
#[derive(Clone)]
struct Control {
    cancel: CancellationToken,
    deadline: Option<Instant>,
    /// The status of `exit(n)`, wherever it was called: a cmdlet that runs a block knows only that it ends.
    exit: Option<i32>,
    /// The limit that was reached, wherever it was, in words.
    limit: Option<String>,
}

impl EngineContext {
    /// Creates the context of a session's engine.
    pub fn new(host: Arc<Host>, runtime: Handle, emit: Emit, limits: ScriptLimits) -> Self {
        let control = Control { cancel: CancellationToken::new(), deadline: None, exit: None, limit: None };
        let texts = Texts::default();
        let library = Library::new(None, host.clone(), limits.source, texts.clone());
        Self {
            host,
            runtime,
            emit,
            control: Arc::new(Mutex::new(control)),
            operations: Arc::default(),
            has_failed: Arc::default(),
            limits,
            library,
            texts,
        }
    }

    /// With a script library: `import` finds what is below this directory.
    pub fn importing_from(mut self, directory: std::path::PathBuf) -> Self {
        self.library =
            Library::new(Some(directory), self.host.clone(), self.limits.source, self.texts.clone());
        self
    }

    /// A new program begins: its own token, its own counters.
    pub fn begin(&self, cancel: CancellationToken) {
        self.operations.store(0, Ordering::Relaxed);
        let deadline = self.limits.time.map(|time| Instant::now() + time);
        *self.control.lock().unwrap_or_else(PoisonError::into_inner) =
            Control { cancel, deadline, exit: None, limit: None };
    }

    /// Bytes of stack for the thread that runs programs.
    pub fn stack(&self) -> usize {
        stack(self.limits.memory.map(|memory| memory.most))
    }

    /// Bytes that a program's text may have.
    pub fn source_limit(&self) -> usize {
        self.limits.source
    }

    /// The token of the program that is running, or of the block that this thread runs beside others.
    pub fn cancel(&self) -> CancellationToken {
        self.control().cancel
    }

    /// The status that the program asked for with `exit`, if it did.
    pub fn exit(&self) -> Option<i32> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner).exit
    }

    /// The limit that the program ran over, if it did.
    pub fn limit(&self) -> Option<String> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner).limit.clone()
    }

    /// The program ends at a limit.
    fn ends_at(&self, limit: &str) -> Termination {
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        Termination::Limit(control.limit.get_or_insert_with(|| limit.to_owned()).clone())
    }

    /// The program asks to end.
    fn leave(&self, status: i64) -> Result<(), Box<EvalAltResult>> {
        let status = i32::try_from(status).unwrap_or(i32::MAX) & 0xff;
        self.control.lock().unwrap_or_else(PoisonError::into_inner).exit.get_or_insert(status);
        Err(Box::new(EvalAltResult::ErrorTerminated(
            Dynamic::from(Termination::Exit(status)),
            rhai::Position::NONE,
        )))
    }

    fn control(&self) -> Control {
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match apart::cancel() {
            // It is cancelled with the program.
            Some(cancel) => Control { cancel, ..control },
            None => control,
        }
    }

    /// Returns the reason why the program must end now, if it must.
    fn termination(&self) -> Option<Termination> {
        let control = self.control();
        if control.cancel.is_cancelled() {
            return Some(Termination::Cancelled);
        }
        match control.deadline {
            Some(deadline) if Instant::now() > deadline => Some(self.ends_at(OUT_OF_TIME)),
            _ => None,
        }
    }

    /// One operation of the engine is about to be done.
    fn progress(&self) -> Option<Dynamic> {
        let done = self.operations.fetch_add(1, Ordering::Relaxed) + 1;
        if self.limits.operations.is_some_and(|most| done > most) {
            return Some(Dynamic::from(
                self.ends_at("The script did more operations than a session allows."),
            ));
        }
        // Between two looks a program could hold far more: one operation may double a list.
        if self.is_out_of_memory() {
            return Some(Dynamic::from(self.ends_at(OUT_OF_MEMORY)));
        }
        // The clock and the token are looked at now and then: they cost more than an operation.
        if done.is_multiple_of(LOOK_EVERY) { self.termination().map(Dynamic::from) } else { None }
    }

    /// Whether more is held than a session may hold.
    pub fn is_out_of_memory(&self) -> bool {
        self.limits.memory.is_some_and(Memory::is_exceeded)
    }

    /// Waits for a future on the runtime, unless the program must end first.
    pub fn wait<T>(&self, future: impl Future<Output = Result<T, Halt>>) -> Result<T, Halt> {
        let Control { cancel, deadline, exit: _, limit: _ } = self.control();
        self.runtime.block_on(async {
            let out_of_time = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            let mut future = pin!(future);
            tokio::select! {
                biased;
                result = &mut future => return result,
                () = cancel.cancelled() => {}
                () = out_of_time => {
                    let _ = self.ends_at(OUT_OF_TIME);
                    cancel.cancel();
                }
            }
            // Cmdlets end by themselves when the token is cancelled, and tell what they have learned.
            let _ = tokio::time::timeout(LAST_WORDS, future).await;
            Err(Halt::Cancelled)
        })
    }

    /// Lets a program whose command was cancelled keep what the command leaves in variables, before
    /// the next look at the token ends it.
    fn leave_room(&self) {
        let done = self.operations.load(Ordering::Relaxed);
        self.operations.store(done.next_multiple_of(LOOK_EVERY), Ordering::Relaxed);
    }

    /// Waits for a pipeline to end, and for `reading`, which takes what it emits.
    fn run<T>(
        &self,
        stages: Vec<Stage>,
        input: Option<Value>,
        reading: impl AsyncFnOnce(mpsc::Receiver<Value>) -> T,
    ) -> Ran<T> {
        let (sender, receiver) = mpsc::channel(PIPE);
        let cancel = self.cancel();
        let n_errors = self.host.tally().noted();
        let mut assignments = Vec::new();
        let outcome = self.wait(async {
            let pipeline = self.host.pipeline(stages, input, sender, cancel);
            let (ended, read) = tokio::join!(pipeline, reading(receiver));
            assignments = ended.assignments;
            ended.outcome.map(|()| read)
        });
        if matches!(outcome, Err(Halt::Cancelled)) {
            self.leave_room();
        }
        let failed = outcome.is_err() || self.host.tally().noted() > n_errors;
        self.has_failed.store(failed, Ordering::Relaxed);
        Ran { outcome, assignments }
    }
}

impl Runner for EngineContext {
    fn termination_check(&self) -> TerminationCheck {
        let running = self.clone();
        TerminationCheck::new(move || {
            let is_full = running.is_out_of_memory();
            if is_full { Some(running.ends_at(OUT_OF_MEMORY)) } else { running.termination() }
        })
    }

    fn collect(&self, stages: Vec<Stage>, input: Option<Value>) -> Ran<Vec<Value>> {
        self.run(stages, input, async |mut receiver| {
            let mut values = Vec::new();
            while let Some(value) = receiver.recv().await {
                values.push(value);
                if self.is_out_of_memory() {
                    let _ = self.ends_at(OUT_OF_MEMORY);
                    self.cancel().cancel();
                    break;
                }
            }
            values
        })
    }

    fn emit(&self, value: Value) {
        (self.emit)(value);
    }

    fn stream(&self, stages: Vec<Stage>, input: Option<Value>) -> Ran<()> {
        self.run(stages, input, async |mut receiver| {
            while let Some(value) = receiver.recv().await {
                (self.emit)(value);
            }
        })
    }

    fn succeeded(&self) -> bool {
        !self.has_failed.load(Ordering::Relaxed)
    }

    fn errors(&self) -> Vec<ErrorRecord> {
        self.host.tally().errors()
    }

    fn forget_errors(&self) {
        self.host.tally().forget_errors();
    }

    fn caught(&self, error: &ErrorRecord) {
        self.host.tally().note(error);
    }

    fn environment(&self, name: &str) -> Result<Option<String>, ErrorRecord> {
        let context = self.host.context();
        if context.is_delegated {
            let message = "This session has no environment of yours.";
            return Err(ErrorRecord::new(Category::PermissionDenied, "NoEnvironment", message)
                .remedy("Give the value to the script as an argument."));
        }
        Ok((context.environment)(name))
    }

    fn names_variable(&self, cmdlet: &str, parameter: &str) -> Option<&'static str> {
        let parameter = self.host.everything().find(cmdlet)?.parameter(parameter).ok()?;
        (parameter.kind == Kind::Variable).then_some(parameter.name)
    }
}

/// Operations between two looks at the clock and the token.
const LOOK_EVERY: u64 = 256;

/// What a program is told that runs too long, and one that holds too much.
const OUT_OF_TIME: &str = "The script ran longer than a session allows.";
const OUT_OF_MEMORY: &str = "The script holds more memory than a session allows.";

/// The longest time that cmdlets may take to end once the run is cancelled.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Values that wait between two stages of a pipe.
const PIPE: usize = 64;

/// Builds the engine of a session.
pub fn build(running: &EngineContext) -> Arc<Engine> {
    Arc::new_cyclic(|weak| {
        let converter =
            Converter { engine: weak.clone(), texts: running.texts.clone(), stack: running.stack() };
        let mut engine = Engine::new();
        set_limits(&mut engine, running);
        types::register(&mut engine);
        members::register(&mut engine, &converter, running.limits.text, &running.termination_check());
        operators::register(&mut engine, &converter, running.limits.text);
        table::register(&mut engine, &converter, running.limits);
        register_shell(&mut engine, running);
        commands::register(&mut engine, &converter, running);
        for description in running.host.everything().iter() {
            for name in description.function_names() {
                register_cmdlet(&mut engine, running, &converter, (name.as_str(), description));
            }
        }
        engine
    })
}

/// An engine that has every function but the cmdlets', to ask which there are and not to run anything.
pub(super) fn vocabulary() -> Engine {
    let converter = Converter { engine: std::sync::Weak::new(), texts: Texts::default(), stack: 0 };
    let mut engine = Engine::new();
    types::register(&mut engine);
    members::register(&mut engine, &converter, ScriptLimits::OWN.text, &TerminationCheck::never());
    operators::register(&mut engine, &converter, ScriptLimits::OWN.text);
    table::register(&mut engine, &converter, ScriptLimits::OWN);
    // Those of `register_shell`.
    engine.register_fn("sleep", |_: i64| {}).register_fn("exit", || {}).register_fn("exit", |_: i64| {});
    engine
}

fn set_limits(engine: &mut Engine, running: &EngineContext) {
    let limits = running.limits;
    engine
        .set_max_call_levels(CALL_LEVELS)
        .set_max_expr_depths(128, 64)
        .set_max_string_size(limits.text)
        .set_max_array_size(limits.array)
        .set_max_map_size(limits.array)
        .set_max_variables(10_000)
        .set_module_resolver(running.library.clone())
        .disable_symbol("eval");
    let watched = running.clone();
    engine.on_progress(move |_| watched.progress());
    let speaking = running.clone();
    engine.on_print(move |text| speaking.host.operator().host(text));
    let speaking = running.clone();
    engine.on_debug(move |text, _, _| speaking.host.operator().verbose(text));
}

/// The functions that belong to the shell and not to a cmdlet.
fn register_shell(engine: &mut Engine, running: &EngineContext) {
    let sleeper = running.clone();
    let nap = move |seconds: f64| -> Result<(), Box<EvalAltResult>> {
        let time = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
        sleeper
            .wait(slept(time, sleeper.cancel()))
            .map_err(|halt| Failure::thrown(halt, rhai::Position::NONE))
    };
    let whole = nap.clone();
    engine.register_fn("sleep", nap);
    engine.register_fn("sleep", move |seconds: i64| whole(seconds as f64));
    let leaving = running.clone();
    engine.register_fn("exit", move |status: i64| leaving.leave(status));
    let leaving = running.clone();
    engine.register_fn("exit", move || leaving.leave(0));
}

/// Sleeps unless the program is cancelled: nothing is left to tell then, for which [`EngineContext::wait`] would
/// give it time.
async fn slept(time: Duration, cancel: CancellationToken) -> Result<(), Halt> {
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        () = cancel.cancelled() => Err(Halt::Cancelled),
    }
}

/// Arguments that a cmdlet's function takes without a name, at most.
pub(super) const MOST_POSITIONAL: usize = 6;

/// A cmdlet as a function: `test_xmpp_im(#{ target_fqdn: pool, receiver: who })`, or with its
/// positional arguments in their places, a map of named ones last.
fn register_cmdlet(
    engine: &mut Engine,
    running: &EngineContext,
    converter: &Converter,
    (name, description): (&str, &'static Description),
) {
    let any = std::any::TypeId::of::<Dynamic>();
    for count in 0..=MOST_POSITIONAL {
        let (running, converter) = (running.clone(), converter.clone());
        engine.register_raw_fn(
            name,
            vec![any; count],
            move |context: NativeCallContext<'_>, arguments: &mut [&mut Dynamic]| {
                let place = context.call_position();
                // A clone: as a method's first argument it may be a variable.
                let values =
                    arguments.iter().map(|argument| converter.to_value((**argument).clone(), &context));
                let arguments = function_arguments(values.collect());
                let (position, program) = match converter.texts.place(place) {
                    Some(SourcePlace { position, program }) => (Some(position), Some(program)),
                    None => (None, None),
                };
                let stage = Stage { name: description.name.to_owned(), arguments, position, program };
                let stages = vec![stage];
                if let Some(error) = commands::out_of_reach(&running, &stages, &[]) {
                    return Err(Failure::thrown(error.into(), place));
                }
                match running.collect(stages, None).outcome {
                    Ok(values) => Ok(ScriptList(Arc::new(values))),
                    Err(halt) => Err(Failure::thrown(halt, place)),
                }
            },
        );
    }
}

/// A function's arguments: a map at the end holds named ones, the others are positional.
fn function_arguments(mut values: Vec<Value>) -> Arguments {
    let named = match values.last() {
        Some(Value::Record(record)) if record.type_name() == "Map" => {
            let record = record.clone();
            values.pop();
            Some(record)
        }
        _ => None,
    };
    let positional =
        values.into_iter().map(|value| Argument { name: None, value: Some(value), position: None });
    let named = named.iter().flat_map(|record| {
        record.iter().map(|(name, value)| Argument {
            name: Some(name.to_owned()),
            value: Some(value.clone()),
            position: None,
        })
    });
    Arguments(positional.chain(named).collect())
}

/// The value of a program's last expression, passed on like any output.
pub fn emit_result(emit: &dyn Fn(Value), value: Value) {
    if let Value::List(items) = value {
        items.into_iter().for_each(emit);
    } else if !matches!(value, Value::Null) {
        emit(value);
    }
}

/// A value for a variable that the front sets, such as the script's arguments.
pub fn constant(value: Value) -> Dynamic {
    to_dynamic(value)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_sleep_that_is_interrupted_is_over_at_once() {
        let cancel = CancellationToken::new();
        assert!(slept(Duration::MAX, cancel.clone()).now_or_never().is_none());
        cancel.cancel();
        assert!(matches!(slept(Duration::MAX, cancel).now_or_never(), Some(Err(Halt::Cancelled))));
    }
}
