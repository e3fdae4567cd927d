//! Values on both sides of the engine: Rhai's `Dynamic` and imsh's [`Value`].
//!
//! Plain values cross as what they are. Lists, records, credentials, spans and points of time
//! cross as types of their own (see [`super::types`]), so that scripts get forgiving property
//! names and no secret can be printed. A closure becomes a [`Block`].

use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};
use std::sync::{Arc, Weak};

use rhai::{Dynamic, Engine, EvalAltResult, FnPtr, ImmutableString, Map, NativeCallContext, Position};
use tokio_util::sync::CancellationToken;

use super::Fallible;
use super::apart;
use super::failure::Failure;
use super::table::VariableTable;
use super::texts::Texts;
use super::types::{ScriptDuration, ScriptList, ScriptTime, Thrown};
use super::wording::type_name;
use crate::call::Halt;
use crate::cmdlet::{Category, ErrorRecord};
use crate::secret::Credential;
use crate::value::{Block, BlockError, Record, Value};

/// A value as the engine holds it.
pub fn to_dynamic(value: Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Boolean(truth) => truth.into(),
        Value::Integer(number) => number.into(),
        Value::Float(number) => number.into(),
        Value::Text(text) => text.into(),
        Value::Duration(duration) => Dynamic::from(ScriptDuration(duration)),
        Value::Timestamp(timestamp) => Dynamic::from(ScriptTime(timestamp)),
        Value::Credential(credential) => Dynamic::from(credential),
        Value::List(items) => Dynamic::from(ScriptList(Arc::new(items))),
        Value::Record(record) => Dynamic::from(record),
        Value::Block(block) => match block.origin().downcast_ref::<FnPtr>() {
            Some(pointer) => pointer.clone().into(),
            None => Dynamic::UNIT,
        },
    }
}

/// The converter from the engine's values to imsh's; closures need the engine they belong to.
#[derive(Clone, Debug)]
pub struct Converter {
    /// The engine, which must not keep itself alive through its own functions.
    pub engine: Weak<Engine>,
    /// The texts that the engine's positions refer to.
    pub texts: Texts,
    /// Bytes of stack for each block that runs beside others.
    pub stack: usize,
}

impl Converter {
    /// The value that the engine holds; `context` is the call in which it was handed over.
    pub fn to_value(&self, dynamic: Dynamic, context: &NativeCallContext<'_>) -> Value {
        self.convert(dynamic, Some(context))
    }

    /// The same for what reads a range as the list of its numbers.
    ///
    /// # Errors
    /// They are more than a list holds.
    pub fn listed(&self, dynamic: Dynamic, context: &NativeCallContext<'_>) -> Fallible<Value> {
        match range(&dynamic).map(|numbers| length(&numbers)).filter(|n_numbers| *n_numbers > MOST_NUMBERS) {
            Some(n_numbers) => Err(too_long(n_numbers, "Write: for n in … { … }.", context.call_position())),
            None => Ok(self.to_value(dynamic, context)),
        }
    }

    fn convert(&self, dynamic: Dynamic, context: Option<&NativeCallContext<'_>>) -> Value {
        let dynamic = dynamic.flatten();
        if dynamic.is_unit() {
            return Value::Null;
        }
        if let Ok(truth) = dynamic.as_bool() {
            return Value::Boolean(truth);
        }
        if let Ok(number) = dynamic.as_int() {
            return Value::Integer(number);
        }
        if let Ok(number) = dynamic.as_float() {
            return Value::Float(number);
        }
        if let Ok(letter) = dynamic.as_char() {
            return Value::Text(letter.to_string());
        }
        if dynamic.is_string() {
            return Value::Text(dynamic.cast::<ImmutableString>().into());
        }
        if dynamic.is_array() {
            let items = dynamic.cast::<rhai::Array>();
            return Value::List(items.into_iter().map(|item| self.convert(item, context)).collect());
        }
        if let Some(numbers) = range(&dynamic).filter(|numbers| length(numbers) <= MOST_NUMBERS) {
            return Value::List(numbers.map(Value::Integer).collect());
        }
        if dynamic.is_map() {
            let mut record = Record::new("Map");
            for (name, value) in dynamic.cast::<Map>() {
                record.add(name.to_string(), self.convert(value, context));
            }
            return record.into();
        }
        if dynamic.is::<VariableTable>() {
            let mut record = Record::new("Map");
            for (name, value) in dynamic.cast::<VariableTable>().iter() {
                // What a command gave alone is itself in a map, as in PowerShell.
                let is_of_command = value.is::<ScriptList>();
                let value = self.convert(value.clone(), context);
                record.add(name.to_string(), if is_of_command { value.read_through() } else { value });
            }
            return record.into();
        }
        if dynamic.is::<FnPtr>() {
            return self.block(dynamic.cast::<FnPtr>(), String::new(), context);
        }
        if dynamic.is::<CallableBlock>() {
            let CallableBlock { pointer, source, .. } = dynamic.cast();
            return self.block(pointer, source.into(), context);
        }
        host_value(dynamic)
    }

    /// A closure with the text that its author wrote.
    pub fn block(&self, pointer: FnPtr, source: String, context: Option<&NativeCallContext<'_>>) -> Value {
        let Some(context) = context else { return Value::Null };
        #[expect(deprecated, reason = "Rhai marks the call as volatile, not as old; its version is pinned")]
        let store = context.store_data();
        let variables = ClosureVariables::Shared;
        Value::Block(Arc::new(CallableClosure {
            pointer,
            store,
            source,
            converter: self.clone(),
            variables,
            cancel: apart::cancel(),
        }))
    }
}

/// The numbers of a range, as one that holds its end.
pub fn range(dynamic: &Dynamic) -> Option<RangeInclusive<i64>> {
    if let Some(closed) = dynamic.read_lock::<RangeInclusive<i64>>() {
        return Some((*closed).clone());
    }
    let open = dynamic.read_lock::<Range<i64>>()?;
    // Before the least number there is none, and the range is empty.
    Some(open.end.checked_sub(1).map_or(i64::MAX..=open.end, |last| open.start..=last))
}

/// The numbers of a range as the elements of a list.
///
/// # Errors
/// They are more than a list holds.
pub fn elements(numbers: RangeInclusive<i64>, place: Position) -> Fallible<impl Iterator<Item = Dynamic>> {
    match length(&numbers) {
        n_numbers if n_numbers > MOST_NUMBERS => Err(too_long(n_numbers, "Write: for n in … { … }.", place)),
        _ => Ok(numbers.map(Dynamic::from)),
    }
}

/// The error of a range that has more numbers than a list.
pub fn too_long(n_numbers: u64, remedy: &str, place: Position) -> Box<EvalAltResult> {
    let text = format!("A range of {n_numbers} numbers is too long for a list.");
    let error = ErrorRecord::new(Category::LimitsExceeded, "RangeTooLong", text).remedy(remedy);
    Failure::thrown(Halt::Failed(error), place)
}

/// Returns the number of numbers in a range.
pub fn length(numbers: &RangeInclusive<i64>) -> u64 {
    if numbers.is_empty() { 0 } else { numbers.start().abs_diff(*numbers.end()).saturating_add(1) }
}

/// The most numbers of a range that become a list.
pub const MOST_NUMBERS: u64 = 10_000_000;

/// A closure that was written as a script block, with the text that its author wrote.
#[derive(Clone, Debug)]
pub struct CallableBlock {
    /// The closure.
    pub pointer: FnPtr,
    /// The text between its braces.
    pub source: ImmutableString,
    /// A closure that has captured nothing but the variables around the block that it sets.
    pub sets: Option<FnPtr>,
}

impl CallableBlock {
    /// Calls the block as `&` does: the variables around it that it sets have their values again behind it.
    pub fn call_in_scope(&self, context: &NativeCallContext<'_>, item: Dynamic) -> Fallible<Dynamic> {
        let variables = self.sets.as_ref().map_or(&[][..], |sets| sets.curry());
        let kept: Vec<(Dynamic, Dynamic)> =
            variables.iter().map(|variable| (variable.clone(), variable.flatten_clone())).collect();
        let given = self.pointer.call_within_context(context, (item,));
        for (mut variable, value) in kept {
            if let Some(mut variable) = variable.write_lock::<Dynamic>() {
                *variable = value;
            }
        }
        given
    }
}

/// The value of one of our own types; a range of more numbers than a list holds as it is written, and of any
/// other type its name as text.
fn host_value(dynamic: Dynamic) -> Value {
    if let Some(numbers) = range(&dynamic) {
        return Value::Text(format!("{}..{}", numbers.start(), numbers.end()));
    }
    let name = type_name(dynamic.type_name());
    if let Some(list) = dynamic.clone().try_cast::<ScriptList>() {
        return Value::List(Arc::unwrap_or_clone(list.0));
    }
    if let Some(record) = dynamic.clone().try_cast::<Arc<Record>>() {
        return Value::Record(record);
    }
    if let Some(credential) = dynamic.clone().try_cast::<Credential>() {
        return Value::Credential(credential);
    }
    if let Some(thrown) = dynamic.clone().try_cast::<Thrown>() {
        return Record::from(thrown.0.as_ref()).into();
    }
    if let Some(span) = dynamic.clone().try_cast::<ScriptDuration>() {
        return Value::Duration(span.0);
    }
    if let Some(point) = dynamic.clone().try_cast::<ScriptTime>() {
        return Value::Timestamp(point.0);
    }
    if let Some(bytes) = dynamic.try_cast::<rhai::Blob>() {
        return Value::List(bytes.into_iter().map(|byte| Value::Integer(byte.into())).collect());
    }
    Value::Text(name)
}

/// The value at the end of a program, where no call is under way: a closure gives its name.
pub fn final_value(dynamic: Dynamic) -> Value {
    Converter { engine: Weak::new(), texts: Texts::default(), stack: 0 }.convert(dynamic, None)
}

/// The access of a closure to the variables around it.
#[derive(Clone, Copy)]
enum ClosureVariables {
    /// The variables themselves.
    Shared,
    /// Copies, made for every call.
    Copied,
}

/// A closure of a script, with what is needed to call it from any thread.
#[derive(Clone)]
struct CallableClosure {
    pointer: FnPtr,
    #[expect(deprecated, reason = "Rhai marks the type as volatile, not as old; its version is pinned")]
    store: rhai::NativeCallContextStore,
    source: String,
    converter: Converter,
    variables: ClosureVariables,
    /// The token that ends the closure before the program ends: of a block beside others, and of blocks in it.
    cancel: Option<CancellationToken>,
}

impl std::fmt::Debug for CallableClosure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Closure").field("source", &self.source).finish_non_exhaustive()
    }
}

impl CallableClosure {
    fn run(&self, item: Value) -> Result<Value, BlockError> {
        let Some(engine) = self.converter.engine.upgrade() else { return Err(BlockError::Stopped) };
        #[expect(deprecated, reason = "Rhai marks the call as volatile, not as old; its version is pinned")]
        let context = self.store.create_context(&engine);
        let pointer = match self.variables {
            ClosureVariables::Shared => Cow::Borrowed(&self.pointer),
            ClosureVariables::Copied => Cow::Owned(apart::with_copies(&self.pointer)),
        };
        let result = apart::under(self.cancel.clone(), || {
            // A closure without a parameter is a block that does not look at `$_`.
            match pointer.call_within_context::<Dynamic>(&context, (to_dynamic(item),)) {
                Err(error) if Failure::is_missing_function(&error, pointer.fn_name()) => {
                    pointer.call_within_context::<Dynamic>(&context, ())
                }
                result => result,
            }
        });
        match result {
            Ok(value) => Ok(self.converter.to_value(value, &context)),
            Err(error) => Err(Failure::block_error(error, &self.converter.texts)),
        }
    }
}

impl Block for CallableClosure {
    fn call(&self, item: Value) -> Result<Value, BlockError> {
        match self.variables {
            ClosureVariables::Shared => self.run(item),
            // Values within values need as much stack here as on the engine's own thread.
            ClosureVariables::Copied => apart::on_stack(self.converter.stack, || self.run(item)),
        }
    }

    fn apart(&self, cancel: CancellationToken) -> Arc<dyn Block> {
        Arc::new(Self { variables: ClosureVariables::Copied, cancel: Some(cancel), ..self.clone() })
    }

    fn source(&self) -> &str {
        &self.source
    }

    fn origin(&self) -> &(dyn std::any::Any + Send + Sync) {
        &self.pointer
    }
}
