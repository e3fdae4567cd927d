//! The one door: every call of every cmdlet, whoever makes it and from wherever, goes through
//! [`Host::pipeline`], and each of its stages through `invoke`.
//!
//! find the cmdlet → may this principal run it at all? → bind the arguments → does one role
//! cover each resource of the call? → run → write the audit line. There is no other
//! path to a cmdlet. Knows no script engine and no terminal.

// Reading order.
pub mod bind;
pub mod gate;
pub mod kept;
pub mod power;
pub mod refusal;
pub mod resources;
pub mod view;
pub mod library;
pub mod audit;
pub mod standing;
pub mod sitting;
pub mod tally;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use gate::Gate;
pub use kept::VariableAssignment;
pub use library::LibraryScript;
pub use sitting::Sitting;
use standing::Standing;
pub use tally::Tally;

use crate::access::{self, Principal};
use crate::call::Watch;
use crate::call::{
    ActionPreference, BoundArguments, Call, Cmdlet, ConfirmationForAll, Halt, Input, Operator, Output,
    SessionContext, Streams,
};
use crate::cmdlet::{
    Arguments, Catalogue, Category, Description, ErrorRecord, Family, Need, Parameter, Position, Program,
};
use crate::topology::Topology;
use crate::value::Value;
use crate::value::text::shortened;
use audit::Audit;
use gate::RefusedCall;
use kept::{CapturedCall, Reports};

/// One command of a pipeline, as written.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The cmdlet's name, an alias or the original's name.
    pub name: String,
    /// Its arguments, not yet bound.
    pub arguments: Arguments,
    /// The position at which the stage was written.
    pub position: Option<Position>,
    /// The text in which it was written.
    pub program: Option<Arc<Program>>,
}

/// The end of a pipeline.
#[derive(Debug)]
pub struct EndedPipeline {
    /// Whether it came to its end, or why not.
    pub outcome: Result<(), Halt>,
    /// The variables that it fills, also after an error; in the order of its commands.
    pub assignments: Vec<VariableAssignment>,
}

/// The door of one session.
pub struct Host {
    everything: Catalogue,
    cmdlets: &'static [&'static Cmdlet],
    context: Arc<SessionContext>,
    gate: Arc<Gate>,
    tally: Tally,
    /// Whether every call speaks as under `-Verbose`.
    is_verbose: bool,
}

/// The captured calls of a pipeline, in the order in which they began.
type KeptOfAll = Mutex<Vec<Arc<CapturedCall>>>;

/// Values that wait between two stages of a pipe.
const PIPE: usize = 64;

/// The time that the other stages of a pipeline may take to end once one has failed.
const LAST_WORDS: Duration = Duration::from_secs(5);

impl Host {
    /// The door to these cmdlets, for the principal whom the gate knows.
    pub fn new(
        cmdlets: &'static [&'static Cmdlet],
        context: Arc<SessionContext>,
        gate: Gate,
        is_verbose: bool,
    ) -> Self {
        let everything = Catalogue::new(cmdlets.iter().map(|cmdlet| &cmdlet.description));
        Self { everything, cmdlets, context, gate: Arc::new(gate), tally: Tally::default(), is_verbose }
    }

    /// The cmdlets that the principal may run; the front end, help and completion read it. Empty where the
    /// topology cannot be read: the call itself says why.
    pub fn catalogue(&self) -> Catalogue {
        let topology = self.context.topology.read();
        let own = topology.and_then(|topology| self.gate.own_catalogue(&self.everything, &topology));
        own.unwrap_or_default().with_aliases(self.context.aliases.list())
    }

    /// The principal of the session.
    pub fn principal(&self) -> &Principal {
        self.gate.principal()
    }

    /// The topology as calls of a cmdlet without arguments see it, for completion; empty where the
    /// principal may not run the cmdlet.
    pub fn visible_topology(&self, description: &'static Description) -> Arc<Topology> {
        let visible = || {
            let topology = self.context.topology.read().ok()?;
            let permission = self.gate.may_run(description, &self.everything, &topology).ok()?;
            permission.covers(&BoundArguments::default()).ok()
        };
        visible().map(|covered| covered.topology).unwrap_or_default()
    }

    /// Those of the values that the principal may give for a parameter, each in a call that gives nothing
    /// else, for completion.
    pub fn allowed(
        &self,
        description: &'static Description,
        parameter: &Parameter,
        mut values: Vec<String>,
    ) -> Vec<String> {
        let permission = || {
            let topology = self.context.topology.read().ok()?;
            self.gate.may_run(description, &self.everything, &topology).ok()
        };
        let Some(permission) = permission() else { return Vec::new() };
        values.retain(|value| {
            let mut bound = BoundArguments::default();
            bound.set(parameter.name, Value::text(value.as_str()));
            permission.roles_covering(&bound).is_ok()
        });
        values
    }

    /// Whether the principal may use every resource, also one that the topology does not list.
    pub fn is_administrator(&self) -> bool {
        let topology = self.context.topology.read();
        topology.is_ok_and(|topology| self.gate.is_administrator(&self.everything, &topology))
    }

    /// Every cmdlet that there is: names are public, permission to run them is not.
    pub fn everything(&self) -> &Catalogue {
        &self.everything
    }

    /// The count of results so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The operator, who reads warnings and answers questions.
    pub fn operator(&self) -> &Arc<dyn Operator> {
        &self.context.operator
    }

    /// The context of the session.
    pub fn context(&self) -> &Arc<SessionContext> {
        &self.context
    }

    /// Runs a pipeline: all stages at once, records flowing from one to the next as they come.
    ///
    /// The stages run on the calling task, since script blocks belong to its thread; `input` goes
    /// into the first stage's pipe, what the last one emits into `output`. An error of one
    /// stage ends them all.
    pub async fn pipeline(
        &self,
        stages: Vec<Stage>,
        input: Option<Value>,
        output: mpsc::Sender<Value>,
        cancel: CancellationToken,
    ) -> EndedPipeline {
        let n_stages = stages.len();
        let kept = KeptOfAll::default();
        let mut reading = input.map_or_else(Input::none, Input::of);
        let mut running = FuturesUnordered::new();
        let cancel = cancel.child_token();
        for (place, stage) in stages.into_iter().enumerate() {
            let (writing, next) = if place + 1 == n_stages {
                (output.clone(), Input::none())
            } else {
                let (sender, receiver) = mpsc::channel(PIPE);
                (sender, Input::pipe(receiver))
            };
            let input = std::mem::replace(&mut reading, next);
            running.push(self.invoke(place, stage, input, writing, cancel.clone(), &kept));
        }
        drop(output);
        let outcome = loop {
            match running.next().await {
                Some(Ok(())) => {}
                Some(Err(halt)) => break Err(halt),
                None => break Ok(()),
            }
        };
        // What an error of one stage ends tells the audit log so; no stage that hangs keeps the others.
        cancel.cancel();
        let _ = tokio::time::timeout(LAST_WORDS, async { while running.next().await.is_some() {} }).await;
        drop(running);
        let mut kept = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        kept.sort_by_key(|kept| kept.stage());
        EndedPipeline { outcome, assignments: kept::assignments(&kept) }
    }

    /// One stage of a pipeline: one call of its cmdlet, or one for each record of the pipe where the
    /// cmdlet says that a record fills a parameter. The gate knows the resources of a call before it begins.
    async fn invoke(
        &self,
        place: usize,
        stage: Stage,
        mut input: Input,
        output: mpsc::Sender<Value>,
        cancel: CancellationToken,
        kept_of_all: &KeptOfAll,
    ) -> Result<(), Halt> {
        let stage = match asks_for_help(&stage) {
            // The help of a cmdlet takes no pipe.
            true => {
                input = Input::none();
                Stage { name: "Get-Help".to_owned(), arguments: Arguments::none().and(stage.name), ..stage }
            }
            false => stage,
        };
        let cmdlet = self.find(&stage)?;
        let filled = match input.is_piped() {
            true => bind::filled_by_records(&cmdlet.description, &stage.arguments)
                .map_err(|error| located(error, &cmdlet.description, &stage))?,
            false => None,
        };
        let in_turn = filled.is_some_and(|parameter| parameter.need == Need::RequiredOrEach);
        let confirmation = ConfirmationForAll::default();
        let place =
            CallPlace { stage: place, is_for_record: in_turn, kept_of_all, confirmation: &confirmation };
        let Some(parameter) = filled else {
            if input.is_piped() && !cmdlet.description.takes_pipe() {
                self.ask_permission(&cmdlet.description, &stage)?;
                return Err(
                    located(bind::takes_no_pipe(&cmdlet.description), &cmdlet.description, &stage).into()
                );
            }
            return self.call(cmdlet, stage, input, place, output, cancel).await;
        };
        // A principal without permission is refused before the previous stage has done its work.
        self.ask_permission(&cmdlet.description, &stage)?;
        if !in_turn {
            let mut records = Vec::new();
            while let Some(record) = input.next().await {
                records.push(record);
            }
            // An empty pipe names nothing, so the cmdlet does nothing; a test says that it has tested nothing.
            let is_test = cmdlet.description.family == Family::Verify;
            if records.is_empty() && !is_test && matches!(parameter.need, Need::OptionalOrAll(_)) {
                return Ok(());
            }
            let arguments = stage.arguments.clone().with(parameter.name, Value::List(records));
            let filled = Stage { arguments, ..stage };
            return self.call(cmdlet, filled, Input::none(), place, output, cancel).await;
        }
        while let Some(record) = input.next().await {
            if output.is_closed() {
                break;
            }
            let filled =
                Stage { arguments: stage.arguments.clone().with(parameter.name, record), ..stage.clone() };
            let (output, cancel) = (output.clone(), cancel.clone());
            self.call(cmdlet, filled, Input::none(), place, output, cancel).await?;
        }
        Ok(())
    }

    /// The gate's first question, for a stage whose calls are still to come.
    fn ask_permission(&self, description: &'static Description, stage: &Stage) -> Result<(), Halt> {
        let located = |error| located(error, description, stage);
        let topology = self.context.topology.read().map_err(located)?;
        match self.gate.may_run(description, &self.everything, &topology) {
            Ok(_) => Ok(()),
            Err(refused) => Err(self.refuse(description, &topology, Vec::new(), refused, located)),
        }
    }

    /// One call of one cmdlet.
    async fn call(
        &self,
        cmdlet: &'static Cmdlet,
        stage: Stage,
        input: Input,
        place: CallPlace<'_>,
        output: mpsc::Sender<Value>,
        cancel: CancellationToken,
    ) -> Result<(), Halt> {
        let description = &cmdlet.description;
        let located = |error| located(error, description, &stage);
        let topology = self.context.topology.read().map_err(located)?;
        let permission = match self.gate.may_run(description, &self.everything, &topology) {
            Ok(permission) => permission,
            Err(refused) => return Err(self.refuse(description, &topology, Vec::new(), refused, located)),
        };
        let bound = bind::bind(description, stage.arguments.clone(), input.is_piped()).map_err(located)?;
        let covered = match permission.covers(&bound) {
            Ok(covered) => covered,
            Err(refused) => {
                let parameters = gate::parameters(&bound);
                return Err(self.refuse(description, &topology, parameters, refused, located));
            }
        };
        let standing = Standing::new(self, description, &bound, &topology, &cancel);
        // Only this call ends when its permission is lost.
        let (parent, cancel) = (cancel, standing.cancel.clone());
        let parameters = gate::parameters(&bound);
        let audit = self.audit(description.name, &topology, parameters.clone(), covered.by);
        let audited = audit.started().map_err(located)?;
        let (streams, reports) = self.streams(&bound, &stage, place.confirmation);
        let kept = Arc::new(CapturedCall::new(place, description, &bound, reports));
        place.kept_of_all.lock().unwrap_or_else(PoisonError::into_inner).push(kept.clone());
        let watch = self.watch(description, &kept);
        let call = Call {
            description,
            bound,
            input,
            context: self.context.clone(),
            catalogue: self.gate.own_catalogue(&self.everything, &topology).map_err(located)?,
            topology: covered.topology,
            whole: topology.clone(),
            lenders: covered.lenders,
            readable: covered.readable,
            principal: self.gate.principal().clone(),
            output: Output::new(output, watch),
            still: standing.asked(),
            cancel,
            streams: streams.clone(),
        };
        let watching = self.context.is_delegated.then(|| standing.watched());
        let ended = (cmdlet.run)(call).await;
        drop(watching);
        let written = audited.ended(&ended, &kept.reported());
        if let Some(refused) = standing.lost() {
            written.map_err(located)?;
            return Err(self.refuse(description, &topology, parameters, refused, located));
        }
        // An operator who ended the program at a question has cancelled the call's token alone.
        if standing.cancel.is_cancelled() {
            parent.cancel();
        }
        let ended = match ended {
            // An error about one record does not end the call for the other records.
            Err(Halt::Failed(error)) if place.is_for_record && error.is_about_its_target() => {
                streams.error(located(error))
            }
            ended => ended,
        };
        for error in kept.reported() {
            self.tally.error(&error);
            self.tally.note(&error);
        }
        if kept.has_ignored() {
            self.tally.ignored();
        }
        written.map_err(located)?;
        match ended {
            Ok(()) | Err(Halt::PipeClosed) => Ok(()),
            Err(Halt::Failed(error)) => {
                let error = located(error);
                kept.failed(&error);
                self.tally.note(&error);
                Err(Halt::Failed(error))
            }
            Err(halt @ (Halt::Cancelled | Halt::Block(_))) => Err(halt),
        }
    }

    /// Writes the refusal down, and gives the one answer that all refusals have.
    fn refuse(
        &self,
        description: &'static Description,
        topology: &Arc<Topology>,
        parameters: Vec<access::GivenParameter>,
        refused: RefusedCall,
        located: impl Fn(ErrorRecord) -> ErrorRecord,
    ) -> Halt {
        let roles = self.gate.role_names(&self.everything, topology).unwrap_or_default();
        let written = self.audit(description.name, topology, parameters, roles).refused(&refused.reason);
        Halt::Failed(located(written.err().unwrap_or(refused.error)))
    }

    /// The audit of one call; nothing is written where the topology says neither who may do what nor
    /// how calls are audited.
    fn audit(
        &self,
        cmdlet: &str,
        topology: &Topology,
        parameters: Vec<access::GivenParameter>,
        roles: Vec<String>,
    ) -> Audit {
        let is_audited = topology.access.is_some() || topology.audit.is_some();
        let log = is_audited.then(|| self.context.audit(topology));
        Audit::new(log, self.gate.principal(), self.context.way, cmdlet, parameters, roles)
            .within(self.context.budget.get())
    }

    /// The streams of a call, as its common parameters ask for them, and where reports are kept.
    fn streams(
        &self,
        bound: &BoundArguments,
        stage: &Stage,
        confirmation: &ConfirmationForAll,
    ) -> (Streams, Reports) {
        let action =
            |parameter| bound.text(parameter).map(|name| ActionPreference::named(&name)).unwrap_or_default();
        let (errors, kept_errors) = mpsc::unbounded_channel();
        let (warnings, kept_warnings) = mpsc::unbounded_channel();
        let (verbose, kept_verbose) = mpsc::unbounded_channel();
        let (log, kept_log) = mpsc::unbounded_channel();
        let has_ignored = Arc::new(AtomicBool::new(false));
        let streams = Streams {
            operator: self.context.operator.clone(),
            confirmation: confirmation.clone(),
            position: stage.position,
            program: stage.program.clone(),
            error_action: action("ErrorAction"),
            warning_action: action("WarningAction"),
            is_verbose: bound.switch_if_given("Verbose").unwrap_or(self.is_verbose),
            errors,
            has_ignored: has_ignored.clone(),
            warnings,
            verbose: bound.is_given("OutVerboseVariable").then_some(verbose),
            log: bound.is_given("OutLoggerVariable").then_some(log),
        };
        let reports = Reports {
            errors: kept_errors,
            has_ignored,
            warnings: kept_warnings,
            verbose: kept_verbose,
            log: kept_log,
        };
        (streams, reports)
    }

    /// The observer of every value that the cmdlet emits: the tally of tests, whatever they test, and
    /// `-OutVariable`.
    fn watch(&self, description: &'static Description, kept: &CapturedCall) -> Option<Watch> {
        let counts = description.name.starts_with("Test-");
        let emitted = kept.emitted.clone();
        if !counts && emitted.is_none() {
            return None;
        }
        let tally = self.tally.clone();
        Some(Arc::new(move |value: &Value| {
            if counts {
                tally.result(value);
            }
            if let Some(emitted) = &emitted {
                emitted.lock().unwrap_or_else(PoisonError::into_inner).push(value.clone());
            }
        }))
    }

    /// The cmdlet that a stage names.
    fn find(&self, stage: &Stage) -> Result<&'static Cmdlet, ErrorRecord> {
        let named = self.cmdlets.iter().find(|cmdlet| cmdlet.description.answers_to(&stage.name));
        named.copied().ok_or_else(|| {
            let remedy = match self.everything.nearest(&stage.name) {
                Some(nearest) => format!("Did you mean {nearest}?"),
                None => "Run Get-Command to see what there is.".to_owned(),
            };
            let error = ErrorRecord::new(
                Category::ObjectNotFound,
                "CommandNotFound",
                format!("There is no cmdlet '{}'.", shortened(&stage.name)),
            );
            error.remedy(remedy).placed(stage.position, stage.program.as_ref())
        })
    }
}

/// The place of a call in its pipeline.
#[derive(Clone, Copy)]
struct CallPlace<'a> {
    /// The index of the command in the pipeline, counted from zero.
    stage: usize,
    /// Whether it is one of many, for one record of the pipe.
    is_for_record: bool,
    /// The captured calls of its pipeline.
    kept_of_all: &'a KeptOfAll,
    /// The operator's answer to all questions of its command.
    confirmation: &'a ConfirmationForAll,
}

/// An error with the cmdlet that it is of, and with a place in the program.
fn located(error: ErrorRecord, description: &'static Description, stage: &Stage) -> ErrorRecord {
    ErrorRecord { cmdlet: Some(description.name), ..error }.placed(stage.position, stage.program.as_ref())
}

/// `NAME -?` asks for help on the cmdlet, whatever else stands there.
fn asks_for_help(stage: &Stage) -> bool {
    stage.arguments.0.iter().any(|argument| argument.name.as_deref() == Some("?"))
}
