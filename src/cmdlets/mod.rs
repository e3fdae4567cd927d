//! The cmdlets, one file each, and what a call of one is.
//!
//! A file states the description as data and then `run`. A cmdlet reads its [`Call`], emits
//! records, and asks the world that the call brings; it never imports a sibling, prints, exits,
//! or reads the environment. Leave has been asked before it runs.

pub mod bound;
pub mod call;
pub mod store;
pub mod world;

use futures_util::future::BoxFuture;

pub use bound::Bound;
pub use call::{Action, Call, Halt, Input, Outcome, Output, Streams};
pub use world::{NoOperator, Nobody, Operator, World};

use crate::cmdlet::Description;

/// A cmdlet: what it says of itself, and what it does.
#[derive(Debug)]
pub struct Cmdlet {
    /// What it says of itself.
    pub description: Description,
    /// What it does.
    pub run: Run,
}

/// What a cmdlet does with a call.
pub type Run = fn(Call) -> BoxFuture<'static, Outcome>;

/// Every cmdlet, in the order of help.
pub static ALL: &[&Cmdlet] = &[];
