//! Programs: Rhai, and command lines inside it.
//!
//! Stands above the host, through whose one door every cmdlet call goes. The only layer that
//! knows the script engine.

// Reading order.
pub mod session;
pub mod file;
pub mod engine;
pub mod check;
pub mod commands;
pub mod convert;
mod apart;
pub mod types;
pub mod members;
pub mod statics;
pub mod operators;
pub mod shell;
mod validation;
pub mod table;
pub mod library;
pub mod texts;
mod compile;
pub mod failure;
mod wording;
pub mod language;

pub use engine::{EngineContext, Memory, ScriptLimits, stack};
pub use failure::{BROKEN, Failure, FailureKind};
pub use session::ScriptSession;

/// The result of a function that scripts may call.
type Fallible<T> = Result<T, Box<rhai::EvalAltResult>>;
