//! Findings of Bind: the logon worked, and the server gives no session.

use std::time::Duration;

use super::quote::{quoted, word};
use super::{Context, Finding, Owner, catalogue, not_done, stream};
use crate::xmpp::Phase;
use crate::xmpp::bind::Fault;
use crate::xmpp::condition::{StanzaCondition, StanzaError};
use crate::xmpp::trace::Trace;

/// Says what a fault of Bind means.
pub(super) fn finding(fault: &Fault, context: &Context<'_>) -> Finding {
    let pool = context.pool;
    match fault {
        Fault::NotOffered => {
            Finding::of(&catalogue::BIND_NOT_OFFERED, format!("{pool} lets us log on and offers no session"))
                .evidence("<bind/> is not among the stream's features")
        }
        Fault::Refused { error } => {
            refused(error, context).evidence(format_args!("the server said {}", told(error)))
        }
        Fault::SessionRefused { error } => Finding::of(
            &catalogue::BIND_REFUSED,
            format!("{pool} demands a session of the old kind (RFC 3921) and refuses it"),
        )
        .evidence(format_args!("the server said {}", told(error))),
        Fault::OtherAccount { wanted, given } => {
            let finding = Finding::of(
                &catalogue::BIND_OTHER_ACCOUNT,
                format!("{pool} took the logon of {wanted} for that of {}", given.to_bare()),
            )
            .evidence(format_args!("the session that it gave is {}", quoted(given.as_str())));
            if context.given.credential {
                finding.owned_by(Owner::Caller).first("Run the test again without -UserCredential.")
            } else {
                finding
            }
        }
        Fault::InvalidAddress { said } => {
            Finding::of(&catalogue::BIND_BAD_ADDRESS, format!("{pool} gave us an address that is none"))
                .evidence(format_args!("the address is {}", quoted(said)))
        }
    }
}

/// Bind was not done in time.
pub(super) fn late(after: Duration, trace: &Trace, context: &Context<'_>) -> Finding {
    let title = format!("{} stopped answering {}", context.pool, stream::in_phase(Phase::Bind));
    Finding::of(&catalogue::BIND_TIMEOUT, title).evidence(not_done(Phase::Bind, after)).last_seen(trace)
}

/// RFC 6120, section 7.6.2 and 7.7.2: the conditions that have a meaning of their own here.
fn refused(error: &StanzaError, context: &Context<'_>) -> Finding {
    let (pool, sender) = (context.pool, context.sender);
    match error.condition {
        StanzaCondition::ResourceConstraint => Finding::of(
            &catalogue::BIND_LIMIT,
            format!("{sender} has as many sessions at {pool} as it may have"),
        ),
        StanzaCondition::Conflict => Finding::of(
            &catalogue::BIND_LIMIT,
            format!("{pool} refuses a further session of {sender} beside those that it has"),
        ),
        StanzaCondition::NotAllowed
        | StanzaCondition::Forbidden
        | StanzaCondition::NotAuthorized
        | StanzaCondition::PolicyViolation => Finding::of(
            &catalogue::BIND_FORBIDDEN,
            format!("{pool} lets {sender} log on and forbids it a session"),
        ),
        StanzaCondition::BadRequest
        | StanzaCondition::FeatureNotImplemented
        | StanzaCondition::Gone
        | StanzaCondition::InternalServerError
        | StanzaCondition::ItemNotFound
        | StanzaCondition::JidMalformed
        | StanzaCondition::NotAcceptable
        | StanzaCondition::RecipientUnavailable
        | StanzaCondition::Redirect
        | StanzaCondition::RegistrationRequired
        | StanzaCondition::RemoteServerNotFound
        | StanzaCondition::RemoteServerTimeout
        | StanzaCondition::ServiceUnavailable
        | StanzaCondition::SubscriptionRequired
        | StanzaCondition::UndefinedCondition
        | StanzaCondition::UnexpectedRequest
        | StanzaCondition::Unknown(_) => {
            Finding::of(&catalogue::BIND_REFUSED, format!("{pool} could not give {sender} a session"))
        }
    }
}

/// A condition as the server named it; that it named none, where it did not.
pub(super) fn condition(name: &str) -> String {
    if name.is_empty() { "that it is an error, and not which (no condition)".to_owned() } else { word(name) }
}

/// An error of a stanza, as its maker worded it.
pub(super) fn told(error: &StanzaError) -> String {
    let mut marks = Vec::new();
    if !error.kind.is_empty() {
        marks.push(word(&error.kind));
    }
    if let Some(by) = &error.by {
        marks.push(format!("by {}", word(by)));
    }
    if let Some(application) = &error.application {
        marks.push(format!("with {}", word(application)));
    }
    if let Some(elsewhere) = &error.elsewhere {
        marks.push(format!("naming {}", word(elsewhere)));
    }
    let mut told = condition(error.condition.name());
    if !marks.is_empty() {
        told.push_str(&format!(" ({})", marks.join(", ")));
    }
    match &error.text {
        Some(text) => format!("{told}: {}", quoted(text)),
        None => format!("{told}, without a text"),
    }
}
