//! Findings of Authenticate: the password, the account, the mechanism, or a server that cheats.
//!
//! The point at which SCRAM fails distinguishes an unknown account from a wrong password, but servers may hide it,
//! so the words say "probably". Never quotes a secret: no fault holds one.

use std::time::Duration;

use super::bind::condition as named;
use super::quote::{quoted, words};
use super::{Context, Finding, Owner, catalogue, not_done, stream};
use crate::xmpp::Phase;
use crate::xmpp::condition::{SaslCondition, ScramCondition};
use crate::xmpp::sasl::mechanism::ChannelBinding;
use crate::xmpp::sasl::{Fault, Mechanism, Prepared, SaslStep, Unusable, scram};
use crate::xmpp::trace::{Fact, Trace};

/// Says what a fault of Authenticate means.
pub(super) fn finding(fault: &Fault, trace: &Trace, context: &Context<'_>) -> Finding {
    let (pool, sender) = (context.pool, context.sender);
    match fault {
        Fault::NoMechanism { offered, reason } => {
            no_mechanism(reason, context).led_by(format_args!("the server offers {}", words(offered)))
        }
        Fault::Unprintable { what } => {
            let what = match what {
                Prepared::LogonName => "logon name",
                Prepared::Password => "password",
            };
            let title = format!("the {what} of {sender} holds characters that no account can have");
            Finding::of(&catalogue::SASL_UNPRINTABLE, title)
        }
        Fault::Rejected { mechanism, step, condition, text, offered } => {
            let finding = rejected(*mechanism, *step, condition, text.as_deref(), trace, context)
                .led_by(said(condition, text.as_deref()))
                .evidence(format_args!("{mechanism} failed at {}", place(*step)));
            if *condition == SaslCondition::InvalidMechanism {
                finding.evidence(format_args!("the server offers {}", words(offered)))
            } else {
                finding
            }
        }
        Fault::Scram { mechanism, fault } => {
            cheated(fault, context).led_by(format_args!("{fault} (in {mechanism})"))
        }
        Fault::Undecodable { mechanism } => {
            Finding::of(&catalogue::SASL_MALFORMED, format!("{pool} breaks the rules of authentication"))
                .evidence(format_args!("its message in {mechanism} cannot be decoded, or none was due"))
        }
        Fault::NoRandomness { reason } => no_randomness(reason),
    }
}

/// Authenticate was not done in time.
pub(super) fn late(after: Duration, trace: &Trace, context: &Context<'_>) -> Finding {
    let title = format!("{} stopped answering {}", context.pool, stream::in_phase(Phase::Authenticate));
    Finding::of(&catalogue::SASL_TIMEOUT, title)
        .evidence(not_done(Phase::Authenticate, after))
        .last_seen(trace)
}

/// This machine cannot make a nonce.
pub(super) fn no_randomness(reason: &str) -> Finding {
    Finding::of(&catalogue::NO_RANDOMNESS, "this machine gives out no random numbers")
        .evidence(format_args!("the system says {}", quoted(reason)))
}

fn said(condition: &SaslCondition, text: Option<&str>) -> String {
    match text {
        Some(text) => format!("the server said {}: {}", named(condition.name()), quoted(text)),
        None => format!("the server said {}, without a text", named(condition.name())),
    }
}

fn place(step: SaslStep) -> &'static str {
    match step {
        SaslStep::First => "the first message, before any challenge",
        SaslStep::Final => "the message that proves the password",
    }
}

/// The server offers nothing that may be used.
fn no_mechanism(reason: &Unusable, context: &Context<'_>) -> Finding {
    let pool = context.pool;
    match reason {
        Unusable::NoneCommon => Finding::of(
            &catalogue::SASL_NO_MECHANISM,
            format!("{pool} offers no way to log on that imsh speaks"),
        ),
        Unusable::SaslTwo => Finding::of(
            &catalogue::SASL_NO_MECHANISM,
            format!("{pool} offers SASL 2 (XEP-0388) only, which imsh does not speak"),
        )
        .remedy("Enable SASL as in RFC 6120 on the server, beside SASL 2: most clients need it."),
        Unusable::BeforeSasl => Finding::of(
            &catalogue::SASL_NO_MECHANISM,
            format!("{pool} offers only the authentication that was there before SASL (XEP-0078)"),
        ),
        Unusable::StartTlsAgain => Finding::of(
            &catalogue::SASL_ENCRYPTION_REQUIRED,
            format!("{pool} offers to encrypt our connection, though it is encrypted as far as we see"),
        ),
        Unusable::CertificateOnly => Finding::of(
            &catalogue::SASL_CERTIFICATE_WANTED,
            format!(
                "{pool} lets users log on with a client certificate only, and none is stored for {}",
                context.sender
            ),
        )
        .remedy(super::secure::certificate_wanted(context)),
        Unusable::PlainForbidden => {
            let title = if context.given.authentication.is_some() {
                format!("PLAIN would show {pool} the password itself, which its settings here forbid")
            } else {
                format!(
                    "{pool} would take the password only in clear inside TLS, which its settings here forbid"
                )
            };
            authentication_in_doubt(Finding::of(&catalogue::SASL_PLAIN_ONLY, title), context)
        }
        Unusable::NotOffered { wanted } => {
            let title = format!("{pool} does not offer {wanted}");
            authentication_in_doubt(Finding::of(&catalogue::SASL_NOT_OFFERED, title), context)
        }
        Unusable::NoChannelBinding { wanted } => {
            let title = format!("{pool} and we have no channel binding in common, which {wanted} needs");
            authentication_in_doubt(Finding::of(&catalogue::SASL_NO_CHANNEL_BINDING, title), context)
        }
        Unusable::PasswordOnly => Finding::of(
            &catalogue::SASL_NO_PASSWORD,
            format!(
                "{pool} lets users log on with a password only, and for {} a certificate is stored and no password",
                context.sender
            ),
        )
        .remedy(
            "Store a password beside the certificate with Set-TestUserCredential, or give -UserCredential; or have EXTERNAL enabled on the server.",
        ),
        Unusable::NoPassword => {
            Finding::of(&catalogue::SASL_NO_PASSWORD, format!("there is no password for {}", context.sender))
        }
    }
}

/// The server refused, and said why.
fn rejected(
    mechanism: Mechanism,
    step: SaslStep,
    condition: &SaslCondition,
    text: Option<&str>,
    trace: &Trace,
    context: &Context<'_>,
) -> Finding {
    let (pool, sender) = (context.pool, context.sender);
    match condition {
        SaslCondition::NotAuthorized => not_authorized(mechanism, step, text, trace, context),
        SaslCondition::AccountDisabled => {
            Finding::of(&catalogue::SASL_DISABLED, format!("the account {sender} is disabled at {pool}"))
        }
        SaslCondition::CredentialsExpired => {
            Finding::of(&catalogue::SASL_EXPIRED, format!("the password of {sender} has expired at {pool}"))
        }
        SaslCondition::EncryptionRequired => Finding::of(
            &catalogue::SASL_ENCRYPTION_REQUIRED,
            format!(
                "{pool} believes our connection to be unencrypted, though it is encrypted as far as we see"
            ),
        ),
        SaslCondition::InvalidAuthzid => Finding::of(
            &catalogue::SASL_IDENTITY,
            format!("{pool} does not let this credential act for {sender}"),
        ),
        SaslCondition::InvalidMechanism => {
            let title = format!("{pool} does not do {mechanism} for this account or connection");
            authentication_in_doubt(Finding::of(&catalogue::SASL_MECHANISM_REFUSED, title), context)
        }
        SaslCondition::MechanismTooWeak => {
            let title = format!("{pool} holds {mechanism} for too weak for {sender}");
            authentication_in_doubt(Finding::of(&catalogue::SASL_TOO_WEAK, title), context)
        }
        SaslCondition::TemporaryAuthFailure => {
            Finding::of(&catalogue::SASL_TEMPORARY, format!("{pool} cannot check passwords at the moment"))
        }
        SaslCondition::Aborted => {
            Finding::of(&catalogue::SASL_ABORTED, format!("{pool} broke off the logon of {sender}"))
        }
        SaslCondition::IncorrectEncoding | SaslCondition::MalformedRequest => Finding::of(
            &catalogue::SASL_COMPLAINT,
            format!("{pool} says that our side of {mechanism} breaks the rules"),
        ),
        SaslCondition::Unknown(_) => Finding::of(
            &catalogue::SASL_REFUSED,
            format!("{pool} refuses the logon of {sender} for a reason of its own"),
        ),
    }
}

/// `not-authorized` stands for nearly everything; the mechanism, the place and the text tell more.
fn not_authorized(
    mechanism: Mechanism,
    step: SaslStep,
    text: Option<&str>,
    trace: &Trace,
    context: &Context<'_>,
) -> Finding {
    let (pool, sender) = (context.pool, context.sender);
    let says = |words: &[&str]| {
        let text = text.unwrap_or_default().to_lowercase();
        words.iter().any(|words| text.contains(words))
    };
    if says(&["unsupported_mechanism", "unsupported mechanism"]) {
        let title = format!("{pool} does not do {mechanism} for this account or connection");
        return authentication_in_doubt(Finding::of(&catalogue::SASL_MECHANISM_REFUSED, title), context);
    }
    if says(&[
        "nonce",
        "decoding failed",
        "unexpected attribute",
        "unsupported extension",
        "incompatible scram",
    ]) {
        return Finding::of(
            &catalogue::SASL_COMPLAINT,
            format!("{pool} says that our side of {mechanism} breaks the rules"),
        );
    }
    if says(&["channel binding", "channel-binding"]) {
        return channel_binding(mechanism, context);
    }
    match mechanism {
        Mechanism::External => Finding::of(
            &catalogue::SASL_CERTIFICATE,
            format!("{pool} does not accept the client certificate of {sender}"),
        ),
        Mechanism::Scram { binding: ChannelBinding::Plus, .. }
            if says(&["binding"])
                || (text.is_none() && step == SaslStep::Final && !names_bindings(trace)) =>
        {
            channel_binding(mechanism, context)
        }
        Mechanism::Scram { .. } => match step {
            SaslStep::First => no_such_account(context),
            SaslStep::Final => wrong_password(context),
        },
        Mechanism::Plain => {
            let title = format!("{pool} knows no account {sender} with this password");
            credential_in_doubt(Finding::of(&catalogue::SASL_REJECTED, title), context)
        }
    }
}

/// The server cannot tie the logon to the connection, or sees another connection than we do.
fn channel_binding(mechanism: Mechanism, context: &Context<'_>) -> Finding {
    let pool = context.pool;
    let Mechanism::Scram { hash, binding: ChannelBinding::Plus } = mechanism else {
        let title = format!("{pool} does not take {mechanism} without a channel binding on this connection");
        return authentication_in_doubt(Finding::of(&catalogue::SASL_CHANNEL_BINDING, title), context);
    };
    let title = format!("{pool} offers {mechanism} and cannot do its channel binding");
    let finding = Finding::of(&catalogue::SASL_CHANNEL_BINDING, title);
    match context.given.authentication {
        Some(_) => authentication_in_doubt(finding, context).owned_by(Owner::Pool),
        None => {
            let without = Mechanism::Scram { hash, binding: ChannelBinding::None };
            let remedy = format!(
                "{} Whether the rest works, -Authentication {without} shows meanwhile.",
                finding.remedy
            );
            finding.remedy(remedy)
        }
    }
}

fn wrong_password(context: &Context<'_>) -> Finding {
    let title = format!("the password for {} is wrong at {}", context.sender, context.pool);
    credential_in_doubt(Finding::of(&catalogue::SASL_REJECTED, title), context)
}

fn no_such_account(context: &Context<'_>) -> Finding {
    let title = format!("{} probably has no account {}", context.pool, context.sender);
    let finding = Finding::of(&catalogue::SASL_NO_SUCH_ACCOUNT, title);
    if context.given.sender || context.given.credential {
        finding.remedy(format!(
            "Run the test again without -UserSipAddress and -UserCredential, as the pool's own test user. If that works, correct the address and user name, or create the account {} on the server.",
            context.sender
        ))
    } else {
        finding
    }
}

/// Whether the server says which channel bindings it can do (XEP-0440).
fn names_bindings(trace: &Trace) -> bool {
    trace.facts().any(|(_, fact)| matches!(fact, Fact::Offered { channel_bindings: Some(_), .. }))
}

/// The server did not keep to SCRAM.
fn cheated(fault: &scram::Fault, context: &Context<'_>) -> Finding {
    let (pool, sender) = (context.pool, context.sender);
    match fault {
        scram::Fault::Malformed { .. } => {
            Finding::of(&catalogue::SASL_MALFORMED, format!("{pool} breaks the rules of SCRAM"))
        }
        scram::Fault::MandatoryExtension { .. } => Finding::of(
            &catalogue::SASL_EXTENSION,
            format!("{pool} demands an extension of SCRAM that no standard has"),
        ),
        scram::Fault::ForeignNonce => Finding::of(
            &catalogue::SASL_FOREIGN_NONCE,
            format!("the challenge of {pool} was made for another logon than ours: it is replayed"),
        ),
        scram::Fault::Iterations { asked } if asked < scram::ITERATIONS.start() => Finding::of(
            &catalogue::SASL_ITERATIONS,
            format!("{pool} asks for so little work that anybody who listens could guess the password"),
        ),
        scram::Fault::Iterations { .. } => Finding::of(
            &catalogue::SASL_ITERATIONS,
            format!("{pool} asks for so much work that it would be an attack on this machine"),
        ),
        scram::Fault::ServerError(condition) => match condition {
            ScramCondition::UnknownUser | ScramCondition::InvalidUsernameEncoding => no_such_account(context),
            ScramCondition::InvalidProof => wrong_password(context),
            ScramCondition::ChannelBindingsDontMatch
            | ScramCondition::ServerDoesSupportChannelBinding
            | ScramCondition::ChannelBindingNotSupported
            | ScramCondition::UnsupportedChannelBindingType => {
                let title = format!("{pool} and we do not agree on the channel binding");
                authentication_in_doubt(Finding::of(&catalogue::SASL_CHANNEL_BINDING, title), context)
            }
            ScramCondition::InvalidEncoding | ScramCondition::ExtensionsNotSupported => Finding::of(
                &catalogue::SASL_COMPLAINT,
                format!("{pool} says that our side of SCRAM breaks the rules"),
            ),
            ScramCondition::NoResources => Finding::of(
                &catalogue::SASL_TEMPORARY,
                format!("{pool} cannot check passwords at the moment"),
            ),
            ScramCondition::OtherError | ScramCondition::Unknown(_) => {
                Finding::of(&catalogue::SASL_REFUSED, format!("{pool} refuses the logon of {sender}"))
            }
        },
        scram::Fault::WrongSignature => Finding::of(
            &catalogue::SASL_WRONG_SIGNATURE,
            format!(
                "{pool} accepted us and could not prove that it knows the account: it may not be the pool"
            ),
        ),
        scram::Fault::NoProof => Finding::of(
            &catalogue::SASL_NO_PROOF,
            format!(
                "{pool} claims success without proving that it knows the account: it may not be the pool"
            ),
        ),
    }
}

/// A credential that was given by hand is the first suspect.
fn credential_in_doubt(finding: Finding, context: &Context<'_>) -> Finding {
    let sender = context.sender;
    if context.given.credential {
        finding.remedy(format!(
            "Run the test again without -UserSipAddress and -UserCredential, as the pool's own test user. If that works, give the right user name and password for {sender}. Stop before a third failure: servers ban whoever fails often."
        ))
    } else {
        finding.remedy(format!(
            "Store the right password for {sender} with Set-TestUserCredential, or set it anew on the server (on the pool's machine: prosodyctl passwd {sender}, or ejabberdctl change_password USER DOMAIN PASSWORD). Stop before a third failure: servers ban whoever fails often."
        ))
    }
}

/// A mechanism that was asked for by hand is the first suspect.
fn authentication_in_doubt(finding: Finding, context: &Context<'_>) -> Finding {
    match context.given.authentication {
        Some(written) => finding
            .owned_by(Owner::Caller)
            .evidence(format_args!("-Authentication {written} was given"))
            .first("Run the test again without -Authentication."),
        None => finding,
    }
}
