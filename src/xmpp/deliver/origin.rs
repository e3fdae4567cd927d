//! The origin of an error: our own pool, the partner's server, or somebody else.

use jid::{DomainPart, DomainRef, Jid};

use super::ErrorOrigin;
use crate::xmpp::condition::{StanzaCondition, StanzaError};
use crate::xmpp::session::XmppSession;

/// The two ends of a message, as far as they tell who made an error.
#[derive(Clone, Debug)]
pub struct MessageEnds {
    /// The sender's domain.
    pub(super) own: DomainPart,
    /// The receiver's domain.
    pub(super) partner: DomainPart,
    /// Whether the pool signs what it makes itself.
    pub(super) marks_errors: bool,
}

impl MessageEnds {
    /// The ends of what a session sends to a domain.
    pub fn of(session: &XmppSession, partner: &DomainRef) -> Self {
        Self {
            own: session.jid().domain().to_owned(),
            partner: partner.to_owned(),
            marks_errors: session.marks_its_errors(),
        }
    }

    /// Whether an error in answer to a ping of the partner's domain, which comes from there as it says, was made by
    /// the partner without a doubt. A likely origin is no proof: without a signature only what no server says for
    /// another one is.
    pub(super) fn is_partners_answer(&self, error: &StanzaError) -> bool {
        let is_proven = error.by.is_some()
            || error.condition == StanzaCondition::FeatureNotImplemented
            || self.own == self.partner;
        !error.condition.is_about_servers()
            && is_proven
            && self.origin(error, self.partner.as_str()) == ErrorOrigin::Partner
    }

    /// Returns the origin of an error. A server that makes one for somebody else writes the other's address as its
    /// `from`, so that only `by` and the condition tell.
    pub fn origin(&self, error: &StanzaError, from: &str) -> ErrorOrigin {
        let (own, partner) = (&*self.own, &*self.partner);
        if let Some(by) = &error.by {
            return match Jid::new(by) {
                Ok(by) if by.domain() == partner => ErrorOrigin::Partner,
                Ok(by) if by.domain() == own => ErrorOrigin::Pool,
                Ok(_) | Err(_) => ErrorOrigin::Other,
            };
        }
        match Jid::new(from) {
            Ok(from) if from.domain() != own && from.domain() != partner => return ErrorOrigin::Other,
            Ok(_) | Err(_) if own == partner => return ErrorOrigin::Partner,
            Ok(from) if from.domain() == own => return ErrorOrigin::Pool,
            Ok(_) | Err(_) => {}
        }
        match &error.condition {
            StanzaCondition::RemoteServerNotFound | StanzaCondition::RemoteServerTimeout => ErrorOrigin::Pool,
            StanzaCondition::FeatureNotImplemented => ErrorOrigin::Partner,
            // COMPAT: Prosody signs what it makes itself for a domain out of reach.
            StanzaCondition::ServiceUnavailable if self.marks_errors => ErrorOrigin::Partner,
            StanzaCondition::ServiceUnavailable
            | StanzaCondition::BadRequest
            | StanzaCondition::Conflict
            | StanzaCondition::Forbidden
            | StanzaCondition::Gone
            | StanzaCondition::InternalServerError
            | StanzaCondition::ItemNotFound
            | StanzaCondition::JidMalformed
            | StanzaCondition::NotAcceptable
            | StanzaCondition::NotAllowed
            | StanzaCondition::NotAuthorized
            | StanzaCondition::PolicyViolation
            | StanzaCondition::RecipientUnavailable
            | StanzaCondition::Redirect
            | StanzaCondition::RegistrationRequired
            | StanzaCondition::ResourceConstraint
            | StanzaCondition::SubscriptionRequired
            | StanzaCondition::UndefinedCondition
            | StanzaCondition::UnexpectedRequest
            | StanzaCondition::Unknown(_) => ErrorOrigin::Unclear,
        }
    }
}
