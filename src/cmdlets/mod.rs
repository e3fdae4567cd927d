//! The cmdlets, one file each, and what a call of one is.
//!
//! A file states the description as data and then `run`. A cmdlet reads its [`Call`], emits
//! records, and asks the world that the call brings; it never imports a sibling, prints, exits,
//! or reads the environment. Leave has been asked before it runs.

pub mod bound;
pub mod call;
pub mod store;
pub mod world;
pub mod filter;

pub mod get_pool;
pub mod get_xmpp_allowed_partner;
pub mod get_xmpp_gateway_configuration;
pub mod get_health_monitoring_configuration;
pub mod get_credential;
pub mod set_test_user_credential;
pub mod get_test_user_credential;
pub mod remove_test_user_credential;

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
pub static ALL: &[&Cmdlet] = &[
    &get_pool::CMDLET,
    &get_xmpp_allowed_partner::CMDLET,
    &get_xmpp_gateway_configuration::CMDLET,
    &get_health_monitoring_configuration::CMDLET,
    &get_credential::CMDLET,
    &set_test_user_credential::CMDLET,
    &get_test_user_credential::CMDLET,
    &remove_test_user_credential::CMDLET,
];

/// A clause of a lower layer as a sentence: a capital in front, a full stop behind.
pub(crate) fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let first: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    let stop = if clause.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}
