//! The functions of the module `__shell`, which lowered command lines call.
//!
//! Stands between the text that `language` makes and the host's one door. `language::lower` lists
//! the functions with their meaning; nothing else may be registered under that name. Users cannot
//! reach the module: the front end refuses names with two underscores, and function pointers do
//! not lead into modules.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{
    Array, Dynamic, Engine, EvalAltResult, FnPtr, FuncRegistration, ImmutableString, Module,
    NativeCallContext, Position as RhaiPosition,
};

use super::Fallible;
use super::convert::{CallableBlock, Converter, MOST_NUMBERS, elements, length, range, to_dynamic};
use super::engine::emit_result;
use super::failure::{Failure, TerminationCheck, caught, sentence};
use super::operators;
use super::shell::{self, LastMatch};
use super::table::VariableTable;
use super::types::{ScriptList, Thrown};
use crate::call::Halt;
use crate::cmdlet::{Argument, Arguments, Category, ErrorRecord, Position};
use crate::host::{Stage, VariableAssignment};
use crate::value::Value;
use crate::value::compare::{CompareError, Comparison, ComparisonOperator};
use crate::value::record::canonical;
use crate::value::text::interpolated;

/// An executor of pipelines.
pub trait Runner: Clone + Send + Sync + 'static {
    /// Runs a pipeline to its end and gives what came out of it.
    fn collect(&self, stages: Vec<Stage>, input: Option<Value>) -> Ran<Vec<Value>>;

    /// Runs a pipeline and passes on what comes out of it while it comes.
    fn stream(&self, stages: Vec<Stage>, input: Option<Value>) -> Ran<()>;

    /// Passes on a value that nobody takes.
    fn emit(&self, value: Value);

    /// Whether the last pipeline came to its end without an error.
    fn succeeded(&self) -> bool;

    /// The errors so far, the latest first.
    fn errors(&self) -> Vec<ErrorRecord>;

    /// Keeps none of them any more.
    fn forget_errors(&self);

    /// Keeps an error of the program's own that was caught.
    fn caught(&self, error: &ErrorRecord);

    /// The check with which native code sees that the program must end.
    fn termination_check(&self) -> TerminationCheck;

    /// The value of a variable of the environment, if it is set.
    ///
    /// # Errors
    /// The session has no environment of its own.
    fn environment(&self, name: &str) -> Result<Option<String>, ErrorRecord>;

    /// The parameter's own name, if it is one that names a variable.
    fn names_variable(&self, cmdlet: &str, parameter: &str) -> Option<&'static str>;
}

/// The result of a pipeline.
pub struct Ran<T> {
    /// The output of the pipeline, or the reason why it did not come to its end.
    pub outcome: Result<T, Halt>,
    /// The assignments of variables that the pipeline leaves behind, however it ended.
    pub assignments: Vec<VariableAssignment>,
}

/// Registers the module.
pub fn register<R: Runner>(engine: &mut Engine, converter: &Converter, runner: &R) {
    let mut module = Module::new();
    register_pipelines(&mut module, converter, runner);
    let last = LastMatch::default();
    register_values(&mut module, converter, runner);
    register_comparison(&mut module, converter, &last, &runner.termination_check());
    operators::register_dashes(&mut module, converter, &runner.termination_check());
    operators::register_addend(engine, &mut module, converter);
    shell::register(&mut module, converter, runner, &last);
    engine.register_static_module("__shell", module.into());
}

fn register_pipelines<R: Runner>(module: &mut Module, converter: &Converter, runner: &R) {
    // Volatile: the optimizer must not run a cmdlet because its arguments are constants.
    let volatile = |name: &'static str| FuncRegistration::new(name).with_purity(false).with_volatility(true);
    for (name, reader) in [("run", PipelineConsumer::Program), ("show", PipelineConsumer::Person)] {
        let (own, door) = (converter.clone(), runner.clone());
        volatile(name).set_into_module(module, move |context: NativeCallContext<'_>, stages: Array| {
            let stages = own.stages(stages, &context)?;
            PendingPipeline::make(&door, stages, None, reader, &[]).end(context.call_position())
        });
    }
    for (name, reader) in [("run_on", PipelineConsumer::Program), ("show_on", PipelineConsumer::Person)] {
        let (own, door) = (converter.clone(), runner.clone());
        volatile(name).set_into_module(
            module,
            move |context: NativeCallContext<'_>, input: Dynamic, stages: Array| {
                let input = own.piped(input, &context)?;
                let stages = own.stages(stages, &context)?;
                PendingPipeline::make(&door, stages, Some(input), reader, &[]).end(context.call_position())
            },
        );
    }
    register_attempts(module, converter, runner);
}

/// Registers the functions that set variables: the pipeline is run, the variables are set, and only then does it
/// give its value or its error.
fn register_attempts<R: Runner>(module: &mut Module, converter: &Converter, runner: &R) {
    let volatile = |name: &'static str| FuncRegistration::new(name).with_purity(false).with_volatility(true);
    for (name, reader) in [("try_run", PipelineConsumer::Program), ("try_show", PipelineConsumer::Person)] {
        let (own, door) = (converter.clone(), runner.clone());
        volatile(name).set_into_module(
            module,
            move |context: NativeCallContext<'_>,
                  places: Array,
                  stages: Array|
                  -> Fallible<PendingPipeline> {
                let stages = own.stages(stages, &context)?;
                Ok(PendingPipeline::make(&door, stages, None, reader, &places_of(places)))
            },
        );
    }
    for (name, reader) in
        [("try_run_on", PipelineConsumer::Program), ("try_show_on", PipelineConsumer::Person)]
    {
        let (own, door) = (converter.clone(), runner.clone());
        volatile(name).set_into_module(
            module,
            move |context: NativeCallContext<'_>,
                  places: Array,
                  input: Dynamic,
                  stages: Array|
                  -> Fallible<PendingPipeline> {
                let input = own.piped(input, &context)?;
                let stages = own.stages(stages, &context)?;
                Ok(PendingPipeline::make(&door, stages, Some(input), reader, &places_of(places)))
            },
        );
    }
    let own = converter.clone();
    volatile("keep").set_into_module(
        module,
        move |context: NativeCallContext<'_>,
              old: &mut Dynamic,
              attempt: PendingPipeline,
              stage: i64,
              parameter: &str|
              -> Dynamic {
            let old = std::mem::take(old);
            match attempt.assignment(stage, parameter) {
                None => old,
                Some(VariableAssignment { appends: false, value, .. }) => to_dynamic(value),
                Some(VariableAssignment { value, .. }) => {
                    let mut all = own.to_value(old, &context).into_elements();
                    all.extend(value.into_elements());
                    Dynamic::from(list(all))
                }
            }
        },
    );
    volatile("end").set_into_module(
        module,
        |context: NativeCallContext<'_>, attempt: PendingPipeline| -> Fallible<Dynamic> {
            attempt.end(context.call_position())
        },
    );
    let (own, door) = (converter.clone(), runner.clone());
    volatile("emit").set_into_module(module, move |context: NativeCallContext<'_>, value: Dynamic| {
        emit_result(&|value| door.emit(value), own.to_value(value, &context));
    });
}

/// The consumer of the values that a pipeline emits.
#[derive(Clone, Copy)]
enum PipelineConsumer {
    /// The program, as a list.
    Program,
    /// Whoever reads its output.
    Person,
}

/// A pipeline that was run, and whose outcome waits until the variables are set.
#[derive(Clone)]
struct PendingPipeline(Arc<Mutex<Ran<Dynamic>>>);

/// A command's place in its pipeline, and a parameter of it that names a variable.
type VariablePlace = (usize, String);

impl PendingPipeline {
    fn make<R: Runner>(
        runner: &R,
        stages: Vec<Stage>,
        input: Option<Value>,
        reader: PipelineConsumer,
        reached: &[VariablePlace],
    ) -> Self {
        let ran = match (out_of_reach(runner, &stages, reached), reader) {
            (Some(error), _) => Ran { outcome: Err(error.into()), assignments: Vec::new() },
            (None, PipelineConsumer::Program) => {
                let Ran { outcome, assignments } = runner.collect(stages, input);
                Ran { outcome: outcome.map(|values| Dynamic::from(list(values))), assignments }
            }
            (None, PipelineConsumer::Person) => {
                let Ran { outcome, assignments } = runner.stream(stages, input);
                Ran { outcome: outcome.map(|()| Dynamic::UNIT), assignments }
            }
        };
        Self(Arc::new(Mutex::new(ran)))
    }

    /// Takes the value that the pipeline leaves in a variable; it can be taken once.
    fn assignment(&self, stage: i64, parameter: &str) -> Option<VariableAssignment> {
        let assignments = &mut self.0.lock().unwrap_or_else(PoisonError::into_inner).assignments;
        let is_it =
            |one: &VariableAssignment| i64::try_from(one.stage) == Ok(stage) && one.parameter == parameter;
        assignments.iter().position(is_it).map(|place| assignments.swap_remove(place))
    }

    /// Its value, or its error; once.
    fn end(&self, place: RhaiPosition) -> Fallible<Dynamic> {
        let mut ran = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = std::mem::replace(&mut ran.outcome, Ok(Dynamic::UNIT));
        outcome.map_err(|halt| Failure::thrown(halt, place))
    }
}

/// The error for a variable that is named where nobody can set it: in a splatted map or in the call
/// of a function. Those in `reached` stand in the text of the program.
pub fn out_of_reach<R: Runner>(
    runner: &R,
    stages: &[Stage],
    reached: &[VariablePlace],
) -> Option<ErrorRecord> {
    let names = stages.iter().enumerate().flat_map(|(place, stage)| {
        stage.arguments.0.iter().filter_map(move |argument| {
            let parameter = runner.names_variable(&stage.name, argument.name.as_deref()?)?;
            Some((place, parameter, argument.position))
        })
    });
    let is_reached = |place: usize, parameter: &str| {
        reached.iter().any(|(stage, name)| *stage == place && name == parameter)
    };
    let (_, parameter, position) = names.into_iter().find(|(place, name, _)| !is_reached(*place, name))?;
    let message = format!("-{parameter} sets a variable whose name stands in the text of a command line.");
    let error = ErrorRecord::new(Category::InvalidArgument, "VariableOutOfReach", message)
        .remedy(format!("Behind the cmdlet itself, write: … -{parameter} name."));
    Some(ErrorRecord { position, ..error })
}

/// Reads the places of a pipeline's variables as `language::lower` writes them.
fn places_of(places: Array) -> Vec<VariablePlace> {
    let place = |place: Dynamic| {
        let [stage, parameter] = <[Dynamic; 2]>::try_from(place.try_cast::<Array>()?).ok()?;
        Some((usize::try_from(stage.as_int().ok()?).ok()?, parameter.into_string().ok()?))
    };
    places.into_iter().filter_map(place).collect()
}

fn list(values: Vec<Value>) -> ScriptList {
    ScriptList(Arc::new(values))
}

fn register_values<R: Runner>(module: &mut Module, converter: &Converter, runner: &R) {
    FuncRegistration::new("block").set_into_module(module, |source: ImmutableString, pointer: FnPtr| {
        CallableBlock { pointer, source, sets: None }
    });
    FuncRegistration::new("block").set_into_module(
        module,
        |source: ImmutableString, pointer: FnPtr, sets: FnPtr| CallableBlock {
            pointer,
            source,
            sets: Some(sets),
        },
    );
    let own = converter.clone();
    FuncRegistration::new("text").set_into_module(
        module,
        move |context: NativeCallContext<'_>, parts: Array| -> Fallible<String> {
            parts.into_iter().map(|part| Ok(interpolated(&own.listed(part, &context)?))).collect()
        },
    );
    FuncRegistration::new("list").set_into_module(
        module,
        |context: NativeCallContext<'_>, items: Array| -> Fallible<Array> {
            let place = context.call_position();
            let mut all = Array::with_capacity(items.len());
            items.into_iter().try_for_each(|item| spread(&mut all, item, place))?;
            Ok(all)
        },
    );
    FuncRegistration::new("map").set_into_module(module, |pairs: Array| -> VariableTable {
        let entry = |pair: Dynamic| {
            let [name, value] = <[Dynamic; 2]>::try_from(pair.try_cast::<Array>()?).ok()?;
            Some((name.to_string().into(), value))
        };
        pairs.into_iter().filter_map(entry).collect()
    });
    FuncRegistration::new("gather").set_into_module(
        module,
        |context: NativeCallContext<'_>, all: &mut Array, item: Dynamic| -> Fallible<()> {
            if item.is_unit() { Ok(()) } else { spread(all, item, context.call_position()) }
        },
    );
    let (texts, door) = (converter.texts.clone(), runner.clone());
    FuncRegistration::new("caught").with_volatility(true).set_into_module(
        module,
        move |error: Dynamic| -> Dynamic {
            let is_own = error.is_map();
            let caught = caught(error, &texts);
            if let Some(thrown) = caught.read_lock::<Thrown>().filter(|_| is_own) {
                door.caught(&thrown.0);
            }
            caught
        },
    );
    let own = converter.clone();
    FuncRegistration::new("truth").set_into_module(
        module,
        move |context: NativeCallContext<'_>, value: Dynamic| -> bool {
            value.as_bool().unwrap_or_else(|_| own.to_value(value, &context).is_truthy())
        },
    );
}

/// Appends a value, or the elements of a list or a range.
///
/// # Errors
/// A range has more numbers than a list.
pub(super) fn spread(all: &mut Array, item: Dynamic, place: rhai::Position) -> Fallible<()> {
    let item = item.flatten();
    if item.is_array() {
        all.extend(item.cast::<Array>());
    } else if item.is::<ScriptList>() {
        all.extend(item.cast::<ScriptList>());
    } else if let Some(numbers) = range(&item) {
        all.extend(elements(numbers, place)?);
    } else {
        all.push(item);
    }
    Ok(())
}

fn register_comparison(
    module: &mut Module,
    converter: &Converter,
    last: &LastMatch,
    ending: &TerminationCheck,
) {
    let (own, ending) = (converter.clone(), ending.clone());
    let last = last.clone();
    let patterns = Patterns::default();
    FuncRegistration::new("compare").set_into_module(
        module,
        move |context: NativeCallContext<'_>,
              name: &str,
              left: Dynamic,
              right: Dynamic|
              -> Fallible<Dynamic> {
            let left = own.operand(left, &context)?;
            let right = own.operand(right, &context)?;
            let compared = patterns.comparison(name, right).and_then(|comparison| {
                let verdict = comparison.of_until(&left, &|| ending.is_due())?;
                if let (Some(expression), Value::Boolean(true), Some(text)) =
                    (comparison.fitting(), &verdict, left.as_text())
                {
                    last.keep(expression, text);
                }
                Ok(verdict)
            });
            compared.map(operators::from_value).map_err(|error| {
                let (message, place) = (sentence(&error.to_string()), context.call_position());
                let error = ErrorRecord::new(Category::InvalidArgument, "InvalidComparison", message);
                ending.or(place, || Failure::thrown(Halt::Failed(error), place))
            })
        },
    );
}

/// Patterns that were read before: a filter asks for the same one again and again.
#[derive(Clone, Default)]
struct Patterns(Arc<Mutex<ComparisonCache>>);

/// Comparisons by the operator's name and the pattern.
type ComparisonCache = HashMap<(String, String), Arc<Comparison>>;

/// The maximum number of patterns that are kept; when there are more, all are forgotten.
const MOST_PATTERNS: usize = 64;

impl Patterns {
    fn comparison(&self, name: &str, right: Value) -> Result<Arc<Comparison>, CompareError> {
        let (operator, case) = ComparisonOperator::named(name).unwrap_or_default();
        let is_pattern = matches!(
            operator,
            ComparisonOperator::Like
                | ComparisonOperator::NotLike
                | ComparisonOperator::Match
                | ComparisonOperator::NotMatch
        );
        let Some(text) = right.as_text().filter(|_| is_pattern) else {
            return Comparison::new(operator, right, case).map(Arc::new);
        };
        let key = (name.to_owned(), text.to_owned());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(comparison) = kept.get(&key) {
            return Ok(comparison.clone());
        }
        let comparison = Arc::new(Comparison::new(operator, right, case)?);
        if kept.len() >= MOST_PATTERNS {
            kept.clear();
        }
        kept.insert(key, comparison.clone());
        Ok(comparison)
    }
}

impl Converter {
    /// A side of a comparison: what a command did not give is nothing, and what it gave alone is itself.
    fn operand(&self, side: Dynamic, context: &NativeCallContext<'_>) -> Fallible<Value> {
        let is_of_command = side.is::<ScriptList>();
        let value = self.listed(side, context)?;
        Ok(if is_of_command { value.read_through() } else { value })
    }

    /// Returns the value that goes into a pipe; a range of more numbers than a list holds is refused.
    fn piped(&self, input: Dynamic, context: &NativeCallContext<'_>) -> Fallible<Value> {
        match range(&input).filter(|numbers| length(numbers) > MOST_NUMBERS) {
            Some(numbers) => Err(Failure::thrown(
                Halt::Failed(
                    ErrorRecord::new(
                        Category::LimitsExceeded,
                        "RangeTooLong",
                        format!("A range of {} numbers is too long for a pipe.", length(&numbers)),
                    )
                    .remedy("Write: for n in … { … }."),
                ),
                context.call_position(),
            )),
            None => Ok(self.to_value(input, context)),
        }
    }

    /// The stages of a pipeline as `language::lower` writes them.
    fn stages(&self, stages: Array, context: &NativeCallContext<'_>) -> Fallible<Vec<Stage>> {
        let malformed =
            || thrown("a command was called in a way that no command line makes", context.call_position());
        stages.into_iter().map(|stage| self.stage(stage, context).ok_or_else(malformed)).collect()
    }

    fn stage(&self, stage: Dynamic, context: &NativeCallContext<'_>) -> Option<Stage> {
        let mut parts = stage.try_cast::<Array>()?.into_iter();
        let name = parts.next()?.into_string().ok()?;
        let position = position(&mut parts)?;
        let parts: Vec<Dynamic> = parts.collect();
        let named: Vec<String> = parts.iter().filter_map(name_given).collect();
        let arguments: Option<Vec<_>> =
            parts.into_iter().map(|argument| self.argument(argument, &named, context)).collect();
        let arguments = Arguments(arguments?.into_iter().flatten().collect());
        let program = self.texts.place(context.call_position()).map(|place| place.program);
        Some(Stage { name, arguments, position: Some(position), program })
    }

    /// The value of an argument: what one command gave is the one record, and a list that was written is a list.
    fn given(&self, value: Dynamic, context: &NativeCallContext<'_>) -> Value {
        let only = value.read_lock::<ScriptList>().filter(|list| list.0.len() == 1);
        let only = only.and_then(|list| list.0.first().cloned());
        only.unwrap_or_else(|| self.to_value(value, context))
    }

    /// One argument; those of a splatted map are several, but for those that are `named` beside it.
    fn argument(
        &self,
        argument: Dynamic,
        named: &[String],
        context: &NativeCallContext<'_>,
    ) -> Option<Vec<Argument>> {
        let mut parts = argument.try_cast::<Array>()?.into_iter();
        let name = parts.next()?.into_string().ok()?;
        let position = Some(position(&mut parts)?);
        let value = parts.next().map(|value| self.given(value, context));
        match name.as_str() {
            "@" => Some(splat(value?, named, position)),
            "" => Some(vec![Argument { name: None, value, position }]),
            _ => Some(vec![Argument { name: Some(name), value, position }]),
        }
    }
}

/// The name by which an argument is given, if it is by one.
fn name_given(argument: &Dynamic) -> Option<String> {
    let parts = argument.read_lock::<Array>()?;
    let name = parts.first()?.clone().into_string().ok()?;
    (!name.is_empty() && name != "@").then(|| canonical(&name))
}

/// A map's entries are arguments with names, a list's are arguments in their places. As in PowerShell,
/// what is `named` on the command line wins over the map.
fn splat(value: Value, named: &[String], position: Option<Position>) -> Vec<Argument> {
    match value {
        Value::Record(record) => record
            .iter()
            .filter(|(name, _)| !named.contains(&canonical(name)))
            .map(|(name, value)| Argument {
                name: Some(name.to_owned()),
                value: Some(value.clone()),
                position,
            })
            .collect(),
        Value::List(items) => {
            items.into_iter().map(|value| Argument { name: None, value: Some(value), position }).collect()
        }
        value @ (Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Duration(_)
        | Value::Timestamp(_)
        | Value::Credential(_)
        | Value::Block(_)) => vec![Argument { name: None, value: Some(value), position }],
    }
}

fn position(parts: &mut impl Iterator<Item = Dynamic>) -> Option<Position> {
    let mut number = || parts.next()?.as_int().ok().and_then(|number| usize::try_from(number).ok());
    Some(Position { line: number()?, column: number()? })
}

fn thrown(message: &str, place: RhaiPosition) -> Box<EvalAltResult> {
    Box::new(EvalAltResult::ErrorRuntime(message.into(), place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmdlet::{Catalogue, Description, Family, Impact, Kind, Parameter};
    use crate::script::engine::ScriptLimits;
    use crate::script::language::{ReadingContext, lower_in};
    use crate::script::texts::Texts;
    use crate::script::{table, types};
    use crate::value::Record;

    const fn cmdlet(name: &'static str, parameters: &'static [Parameter]) -> Description {
        Description {
            name,
            original: None,
            aliases: &[],
            family: Family::Shell,
            synopsis: "",
            description: "",
            parameters,
            emits: "",
            roles: &[],
            impact: Impact::None,
            examples: &[],
        }
    }

    static CMDLETS: &[Description] = &[
        cmdlet("Get-Pool", &[Parameter::new("Site", Kind::Any, "").at(0)]),
        cmdlet("Where-Object", &[Parameter::new("FilterScript", Kind::Block, "").at(0)]),
        cmdlet("ForEach-Object", &[Parameter::new("Process", Kind::Block, "").at(0)]),
    ];

    /// Knows two pools, filters, and writes down what was asked of it.
    #[derive(Clone, Default)]
    struct PracticeOperator {
        shown: Arc<Mutex<Vec<String>>>,
        asked: Arc<Mutex<Vec<String>>>,
    }

    impl Runner for PracticeOperator {
        fn termination_check(&self) -> TerminationCheck {
            TerminationCheck::never()
        }

        fn collect(&self, stages: Vec<Stage>, input: Option<Value>) -> Ran<Vec<Value>> {
            let values = match input {
                Some(Value::List(items)) => items,
                Some(value) => vec![value],
                None => Vec::new(),
            };
            let outcome = stages.iter().try_fold(values, |values, stage| self.stage(stage, values));
            Ran { outcome, assignments: Vec::new() }
        }

        fn stream(&self, stages: Vec<Stage>, input: Option<Value>) -> Ran<()> {
            let Ran { outcome, assignments } = self.collect(stages, input);
            let shown = |values: Vec<Value>| {
                self.shown.lock().unwrap().extend(values.iter().map(Value::to_string));
            };
            Ran { outcome: outcome.map(shown), assignments }
        }

        fn names_variable(&self, _: &str, _: &str) -> Option<&'static str> {
            None
        }

        fn succeeded(&self) -> bool {
            true
        }

        fn errors(&self) -> Vec<ErrorRecord> {
            Vec::new()
        }

        fn forget_errors(&self) {}

        fn caught(&self, _: &ErrorRecord) {}

        fn environment(&self, _: &str) -> Result<Option<String>, ErrorRecord> {
            Ok(None)
        }

        fn emit(&self, value: Value) {
            self.shown.lock().unwrap().push(value.to_string());
        }
    }

    impl PracticeOperator {
        fn stage(&self, stage: &Stage, values: Vec<Value>) -> Result<Vec<Value>, Halt> {
            let arguments: Vec<String> = stage
                .arguments
                .0
                .iter()
                .map(|argument| {
                    let Position { line, column } = argument.position.unwrap();
                    let name = argument.name.as_deref().unwrap_or("");
                    let value = argument.value.as_ref().map(Value::to_string).unwrap_or_default();
                    format!("{line}:{column} {name}={value}")
                })
                .collect();
            self.asked.lock().unwrap().push(format!("{} {}", stage.name, arguments.join(", ")));
            let block = || match stage.arguments.0[0].value.clone() {
                Some(Value::Block(block)) => block,
                other => panic!("{other:?} is no block"),
            };
            let pool = |name: &str, users: i64| {
                Value::from(Record::new("Pool").with("Identity", name).with("Users", users))
            };
            match stage.name.as_str() {
                "Get-Pool" => Ok(vec![pool("atl", 5), pool("dub", 0)]),
                "Where-Object" => {
                    let block = block();
                    let mut kept = Vec::new();
                    for value in values {
                        if block.call(value.clone()).map_err(Halt::Block)?.is_truthy() {
                            kept.push(value);
                        }
                    }
                    Ok(kept)
                }
                _ => {
                    let block = block();
                    let mut all = Vec::new();
                    for value in values {
                        let answer = block.call(value).map_err(Halt::Block)?;
                        if let Value::List(items) = answer {
                            all.extend(items);
                        } else if !matches!(answer, Value::Null) {
                            all.push(answer);
                        }
                    }
                    Ok(all)
                }
            }
        }
    }

    /// The value of a program's last expression, and what it showed.
    fn run(source: &str) -> (String, PracticeOperator) {
        let practice = PracticeOperator::default();
        let engine = Arc::new_cyclic(|weak| {
            let converter = Converter { engine: weak.clone(), texts: Texts::default(), stack: 1 << 20 };
            let mut engine = Engine::new();
            engine.set_max_expr_depths(0, 0);
            types::register(&mut engine);
            operators::register(&mut engine, &converter, ScriptLimits::OWN.text);
            table::register(&mut engine, &converter, ScriptLimits::OWN);
            register(&mut engine, &converter, &practice);
            engine
        });
        let catalogue = Catalogue::new(CMDLETS);
        let lowered = lower_in(source, &ReadingContext::new(&catalogue)).unwrap();
        let value = match engine.eval::<Dynamic>(lowered.text()) {
            Ok(value) => crate::script::convert::final_value(value).to_string(),
            Err(error) => {
                let place = error.unwrap_inner().position();
                let Position { line, column } =
                    lowered.to_source(place.line().unwrap_or(0), place.position().unwrap_or(0));
                format!("{line}:{column} {}", error.unwrap_inner())
            }
        };
        (value, practice)
    }

    #[test]
    fn arguments_arrive_with_the_positions_at_which_they_were_written() {
        let (_, practice) = run("\n  Get-Pool -Site `\n  \"a$(1 + 1)\"\n$s = @{ Site = 5 }\nGet-Pool @s");
        assert_eq!(*practice.asked.lock().unwrap(), ["Get-Pool 2:12 Site=a2", "Get-Pool 5:10 Site=5"]);
    }

    #[test]
    fn commands_that_stand_alone_are_shown_and_others_are_values() {
        let (value, practice) =
            run("Get-Pool\nlet pools = Get-Pool\nfn all() { Get-Pool }\nall().len() + pools.len()");
        assert_eq!(value, "4");
        assert_eq!(practice.shown.lock().unwrap().len(), 2);
    }

    #[test]
    fn values_that_begin_with_a_dollar_are_shown_where_nobody_takes_them() {
        let (value, practice) =
            run("$n = 5\n$n\n$n -gt 3\nfn f(x) { $x; $x + 1 }\nlet m = f(1);\nfor i in 0..2 { $i }\nm");
        assert_eq!(value, "2");
        assert_eq!(*practice.shown.lock().unwrap(), ["5", "True", "1", "0", "1"]);
    }

    #[test]
    fn blocks_filter_and_see_the_variables_around_them() {
        let (value, _) =
            run("$most = 3\n$busy = Get-Pool | Where-Object { $_.Users -gt $most }\nbusy.Identity");
        assert_eq!(value, "atl");
        let (value, _) = run("let n = 0; for p in Get-Pool { $n += $p.Users }\nn");
        assert_eq!(value, "5");
    }

    #[test]
    fn a_block_emits_from_every_place() {
        let (value, _) =
            run("$all = 1..3 | ForEach-Object {\n  if $_ -eq 1 { Get-Pool }\n  \"item $_\"\n}\nall.len()");
        assert_eq!(value, "5", "a range is its numbers, its end included");
        let (value, _) =
            run("$all = [1, 2] | ForEach-Object {\n  if $_ -eq 1 { Get-Pool }\n  \"item $_\"\n}\n`${$all}`");
        assert_eq!(value, "{@{Identity=atl; Users=5}, @{Identity=dub; Users=0}, item 1, item 2}");
    }

    #[test]
    fn conditions_have_powershells_truth() {
        let (value, _) = run(
            "let n = 0;\nif Get-Pool { n += 1 }\nif $n -eq \"1\" -and !(Get-Pool).is_empty() { n += 1 }\nwhile -not ($n -ge 5) { n += 1 }\nn",
        );
        assert_eq!(value, "5");
    }

    #[test]
    fn errors_stand_where_the_author_wrote_them() {
        let (error, _) = run("$n = 5\n\nlet x = Get-Pool | Where-Object { $_.Users -match \"(\" };");
        assert!(error.starts_with("3:44 Runtime error"), "{error}");
        let (error, _) = run("let x = 1;\n$y = @(1, \"a$(x.nothing())\")");
        assert!(error.starts_with("2:17 Function not found: nothing"), "{error}");
    }

    #[test]
    fn users_cannot_call_what_lowered_text_calls() {
        let (error, _) = run("Fn(\"__shell::run\").call([])");
        assert!(error.contains("Function not found"), "{error}");
        let (error, _) = run("Fn(\"run\").call([])");
        assert!(error.contains("Function not found"), "{error}");
    }

    #[test]
    fn splatted_lists_maps_with_computed_names_and_constants() {
        let (value, _) =
            run("$n = \"b\"\n$m = @{ a = 1; \"$n\" = @(2, @(3)).len(); c = $null }\n`${m.a} ${m.b}`");
        assert_eq!(value, "1 2");
    }
}
