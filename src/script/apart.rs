//! Blocks that run beside others: what ends one of them alone, and their copies of variables.
//!
//! Stands below `convert`, which makes blocks of closures, and `engine`, which asks for the token at
//! every look. A block beside others reads copies of the variables around it, which it cannot
//! change: what it would write there, another one would overwrite. Never touches the variables
//! themselves.

use std::cell::RefCell;
use std::sync::Arc;

use rhai::{Array, Dynamic, FnPtr, Map, Scope};
use tokio_util::sync::CancellationToken;

use super::table::VariableTable;
use crate::value::BlockError;

thread_local! {
    /// The token that cancels the block that this thread runs.
    static CANCEL: RefCell<Option<CancellationToken>> = const { RefCell::new(None) };
}

/// Returns the token that cancels the block that this thread runs, if the block runs beside others.
pub fn cancel() -> Option<CancellationToken> {
    CANCEL.with_borrow(Option::clone)
}

/// Runs a block that `cancel` ends.
pub fn under<T>(cancel: Option<CancellationToken>, block: impl FnOnce() -> T) -> T {
    /// Puts back what was there, also where the block panics.
    struct Before(Option<CancellationToken>);
    impl Drop for Before {
        fn drop(&mut self) {
            let before = self.0.take();
            CANCEL.with_borrow_mut(|cancel| *cancel = before);
        }
    }
    let _before = Before(CANCEL.with_borrow_mut(|own| std::mem::replace(own, cancel)));
    block()
}

/// Runs a block on a thread of its own that has so much stack, and waits for it.
///
/// # Errors
/// The system gives no such thread.
pub fn on_stack<T: Send>(
    bytes: usize,
    block: impl FnOnce() -> Result<T, BlockError> + Send,
) -> Result<T, BlockError> {
    std::thread::scope(|scope| {
        let named = std::thread::Builder::new().name("block".to_owned()).stack_size(bytes);
        let running = named.spawn_scoped(scope, block).map_err(|fault| {
            let message = format!("No thread could be started for the block: {fault}.");
            BlockError::Failed { message, cause: Arc::new(fault), record: None }
        })?;
        // A panic has been reported.
        running.join().unwrap_or(Err(BlockError::Stopped))
    })
}

/// The closure with copies of the variables that it captured, as they are now.
pub fn with_copies(closure: &FnPtr) -> FnPtr {
    copy_of_closure(closure, MOST_LEVELS)
}

fn copy_of_closure(closure: &FnPtr, levels: usize) -> FnPtr {
    let mut copy = closure.clone();
    copy.set_curry(closure.curry().iter().map(|variable| read_only(variable, levels)));
    copy
}

/// A copy that cannot be changed. A variable without a value stays one that can: `$x = …` in the
/// block has declared it, and it is the block's own.
fn read_only(variable: &Dynamic, levels: usize) -> Dynamic {
    let value = deep_copy(variable, levels);
    if value.is_unit() {
        return value;
    }
    let mut scope = Scope::new();
    scope.push_constant_dynamic("copy", value);
    let constant = scope.into_iter().next().map(|(_, value, _)| value);
    // A value alone forgets that it is a constant when it is handed over; one in a cell does not.
    constant.unwrap_or_default().into_shared()
}

/// A copy that shares nothing that can change, down to so many levels of values within values.
fn deep_copy(value: &Dynamic, levels: usize) -> Dynamic {
    let value = value.flatten_clone();
    let Some(below) = levels.checked_sub(1) else { return value };
    if let Some(items) = value.read_lock::<Array>() {
        return Dynamic::from_array(items.iter().map(|item| deep_copy(item, below)).collect());
    }
    if let Some(map) = value.read_lock::<Map>() {
        let entries = map.iter().map(|(name, value)| (name.clone(), deep_copy(value, below)));
        return Dynamic::from_map(entries.collect());
    }
    if let Some(table) = value.read_lock::<VariableTable>() {
        return Dynamic::from(table.with_values(|value| deep_copy(value, below)));
    }
    if let Some(closure) = value.read_lock::<FnPtr>() {
        return copy_of_closure(&closure, below).into();
    }
    value
}

/// No program has values within values as deep as this but to try what happens.
const MOST_LEVELS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_shares_nothing_and_cannot_be_changed() {
        let inner = Dynamic::from(1_i64).into_shared();
        let list = Dynamic::from_array(vec![inner.clone()]).into_shared();
        let mut closure = FnPtr::new("anonymous").unwrap();
        closure.set_curry([list, Dynamic::UNIT.into_shared()]);
        let copy = with_copies(&closure);
        *inner.clone().write_lock::<i64>().unwrap() = 2;
        let [read, own] = copy.curry() else { panic!("two variables were captured") };
        assert_eq!(read.clone().flatten().into_typed_array::<i64>().unwrap(), [1]);
        assert!(read.clone().is_read_only(), "also when it was handed over");
        assert!(!own.is_read_only() && !own.is_shared());
    }

    #[test]
    fn a_token_is_the_threads_and_only_as_long_as_the_block_runs() {
        let token = CancellationToken::new();
        under(Some(token.clone()), || {
            assert!(cancel().is_some());
            under(None, || assert!(cancel().is_none()));
            assert!(cancel().is_some());
            assert!(std::thread::spawn(|| cancel().is_none()).join().unwrap());
        });
        assert!(cancel().is_none());
    }
}
