//! Arguments as they were written, before they are bound to parameters.

use super::error::Position;
use crate::value::Value;

/// One argument of a call.
#[derive(Clone, Debug)]
pub struct Argument {
    /// The parameter's name as it was written, without its hyphen; none for a positional argument.
    pub name: Option<String>,
    /// The value; none for a name that stands alone, such as a switch.
    pub value: Option<Value>,
    /// The position at which the argument begins, if it was written in a program.
    pub position: Option<Position>,
}

/// The arguments of one call, in the order written.
#[derive(Clone, Debug, Default)]
pub struct Arguments(pub Vec<Argument>);

impl Arguments {
    /// No arguments.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same arguments and one more with a name.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.push(Argument { name: Some(name.into()), value: Some(value.into()), position: None });
        self
    }

    /// The same arguments and one more without a name.
    pub fn and(mut self, value: impl Into<Value>) -> Self {
        self.0.push(Argument { name: None, value: Some(value.into()), position: None });
        self
    }

    /// The same arguments and a switch.
    pub fn switch(mut self, name: impl Into<String>) -> Self {
        self.0.push(Argument { name: Some(name.into()), value: None, position: None });
        self
    }
}
