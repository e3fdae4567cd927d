//! Bound arguments: every value belongs to a parameter and has been checked against its kind.

use std::sync::Arc;
use std::time::Duration;

use crate::secret::Credential;
use crate::value::{Block, Value};

/// The arguments of a call, by parameter. Only what was given is in it.
#[derive(Clone, Debug, Default)]
pub struct BoundArguments(Vec<(&'static str, Value)>);

impl BoundArguments {
    /// Sets a parameter's value.
    pub fn set(&mut self, parameter: &'static str, value: Value) {
        match self.0.iter_mut().find(|(name, _)| *name == parameter) {
            Some((_, old)) => *old = value,
            None => self.0.push((parameter, value)),
        }
    }

    /// The value that was given.
    pub fn value(&self, parameter: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| *name == parameter).map(|(_, value)| value)
    }

    /// Whether the parameter was given.
    pub fn is_given(&self, parameter: &str) -> bool {
        self.value(parameter).is_some()
    }

    /// Names and values in the order written.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    /// Whether a switch is on.
    pub fn switch(&self, parameter: &str) -> bool {
        self.switch_if_given(parameter).unwrap_or(false)
    }

    /// Whether a switch is on, if it was given at all.
    pub fn switch_if_given(&self, parameter: &str) -> Option<bool> {
        self.value(parameter).map(Value::is_truthy)
    }

    /// The text of a parameter that takes one value.
    pub fn text(&self, parameter: &str) -> Option<String> {
        self.value(parameter).map(Value::to_string)
    }

    /// The texts of a parameter that takes many; empty if it was not given.
    pub fn texts(&self, parameter: &str) -> Vec<String> {
        match self.value(parameter) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::List(items)) => items.iter().map(Value::to_string).collect(),
            Some(value) => vec![value.to_string()],
        }
    }

    /// The values of a parameter that takes many; empty if it was not given.
    pub fn values(&self, parameter: &str) -> Vec<Value> {
        match self.value(parameter) {
            None => Vec::new(),
            Some(Value::List(items)) => items.clone(),
            Some(value) => vec![value.clone()],
        }
    }

    /// A whole number.
    pub fn integer(&self, parameter: &str) -> Option<i64> {
        if let Some(Value::Integer(number)) = self.value(parameter) { Some(*number) } else { None }
    }

    /// A duration.
    pub fn duration(&self, parameter: &str) -> Option<Duration> {
        if let Some(Value::Duration(duration)) = self.value(parameter) { Some(*duration) } else { None }
    }

    /// A credential.
    pub fn credential(&self, parameter: &str) -> Option<Credential> {
        if let Some(Value::Credential(credential)) = self.value(parameter) {
            Some(credential.clone())
        } else {
            None
        }
    }

    /// A script block.
    pub fn block(&self, parameter: &str) -> Option<Arc<dyn Block>> {
        if let Some(Value::Block(block)) = self.value(parameter) { Some(block.clone()) } else { None }
    }
}
