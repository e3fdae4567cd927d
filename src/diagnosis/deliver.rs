//! Findings of Deliver: bounces, silence, and evidence that falls short of what was asked for.
//!
//! First who made an error, then what it means: our pool's errors are about federation, the
//! partner's about the receiver. Where nobody says who spoke, the words say so. A ping of a domain fails as a message
//! does, and has no receiver beside the domain.

use std::time::Duration;

use super::bind::told;
use super::bounces::{self, KnownSoftware};
use super::federation::{self, Word, with_look};
use super::quote::{quoted, seconds, word};
use super::{Context, Finding, Owner, SentStanza, catalogue, not_done};
use crate::topology::Evidence;
use crate::xmpp::Phase;
use crate::xmpp::condition::{StanzaCondition, StanzaError};
use crate::xmpp::deliver::{Bounce, ErrorOrigin, Fault, Fence, OpenDoubt, Order, Party};
use crate::xmpp::message::RATE_LIMIT;
use crate::xmpp::trace::{Fact, Trace};

/// Says what a fault of Deliver means.
pub(super) fn finding(fault: &Fault, trace: &Trace, context: &Context<'_>) -> Finding {
    match fault {
        Fault::Bounced { bounce, fence } => bounced(bounce, fence, trace, context),
        Fault::ReceiverUnavailable { bounce } => {
            let said = answer(bounce, &the_partner(context));
            let finding = unavailable(&bounce.error, context).evidence(said);
            if is_local(context) {
                finding
            } else {
                finding.evidence(format_args!(
                    "{} answered what was sent behind the message: federation works both ways",
                    context.partner()
                ))
            }
        }
        Fault::Silent { reached, wanted, waited, fence } => {
            silent(*reached, *wanted, *waited, fence, trace, context)
        }
        Fault::Held { words } => {
            let title = format!(
                "the server of {} holds the message until {} proves to be a person",
                context.partner(),
                context.sender
            );
            let finding = Finding::of(&catalogue::RECEIVER_POLICY, title)
                .evidence(format_args!("it says {}", quoted(words)));
            at_home(finding, context).remedy(format!(
                "Ask the partner to let {} write without a challenge (ejabberd: mod_block_strangers, captcha: false, or an access rule), or have the receiver take it into the roster.",
                context.sender
            ))
        }
        Fault::Vanished { at, software, waited } => vanished(*at, software, *waited, context),
        Fault::PartnerStopped { error, wanted, waited } => {
            let finding = Finding::of(
                &catalogue::EVIDENCE_PARTNER_STOPPED,
                format!("the server of {} took the message and then stopped answering", context.partner()),
            );
            let finding = match error {
                Some(error) => {
                    finding.evidence(format_args!("asked again, {} said {}", context.pool, told(error)))
                }
                None => finding.evidence(
                    "asked once more before the time was up, it did not answer a ping, and the pool did",
                ),
            };
            finding.evidence(rests(Some(Evidence::AcceptedByPartner), *wanted, *waited))
        }
        Fault::NotRead { passed, reached, wanted, waited } => at_home(
            Finding::of(
                &catalogue::EVIDENCE_NOT_READ,
                format!("what came back from {} was more than imsh reads", context.receiver()),
            )
            .evidence(passed)
            .evidence(rests(*reached, *wanted, *waited)),
            context,
        ),
        Fault::PoolStopped { reached, wanted, waited } => Finding::of(
            &catalogue::EVIDENCE_POOL_SILENT,
            format!(
                "{} answered at first and then stopped answering, before the partner could",
                context.pool
            ),
        )
        .evidence("asked once more before the time was up, it did not answer a ping")
        .evidence(rests(*reached, *wanted, *waited)),
        Fault::ReturnPath { waited } => {
            let (domain, partner) = (context.domain(), context.partner());
            Finding::of(
                &catalogue::RETURN_PATH,
                format!("the message arrived at {} and its answer did not come back", context.receiver()),
            )
            .evidence(format_args!(
                "our session at {partner} saw the message, and nothing came to {} within {}",
                context.sender,
                seconds(*waited)
            ))
            .remedy(format!(
                "Run Test-FederatedPartner -Domain {domain} to see the pool as {partner} must reach it: its _xmpp-server record, its federation port, its certificate. If that is in order, ask {partner} what its log says about {domain}."
            ))
        }
    }
}

/// Pings pass and messages do not.
fn vanished(at: Party, software: &str, waited: Duration, context: &Context<'_>) -> Finding {
    let (pool, partner) = (context.pool, context.partner());
    let of = |title: String| Finding::of(&catalogue::MESSAGES_VANISH, title);
    let missing = |whose: &str, domain: &str| {
        format!(
            "a message to an address of {domain} that nobody has, which {} always sends back, did not come back within {}",
            word(software),
            seconds(waited)
        ) + whose
    };
    match at {
        Party::Pool => of(format!("{pool} answers pings and swallows messages"))
            .owned_by(Owner::Pool)
            .evidence(missing("", context.domain()))
            .remedy(format!(
                "Look for what filters messages at {pool}: mod_firewall, an archive or a scanner among the modules in prosody.cfg.lua or ejabberd.yml, and what its log says about this time. Send a message between two of its own users by hand."
            )),
        Party::Partner => of(format!("pings reach {partner} and come back, and messages vanish on the way"))
            .evidence(missing("; a message to the pool's own domain did", partner))
            .remedy(format!(
                "Have both administrators look for what filters messages between {domain} and {partner}: mod_firewall, mod_block_strangers or a scanner in prosody.cfg.lua or ejabberd.yml, and both logs for this time. If {partner} is known to drop messages to addresses that nobody has, set fence = \"ping\" for it in the topology.",
                domain = context.domain()
            )),
    }
}

/// Returns the doubts that a success leaves open, as findings that warn.
pub fn doubts(doubts: &[OpenDoubt], context: &Context<'_>) -> Vec<Finding> {
    doubts.iter().map(|doubt| doubted(doubt, context).made_safe()).collect()
}

fn doubted(doubt: &OpenDoubt, context: &Context<'_>) -> Finding {
    match doubt {
        OpenDoubt::MessageNotReturned { party, software, waited } => {
            let domain = match party {
                Party::Pool => context.domain(),
                Party::Partner => context.partner(),
            };
            let title =
                format!("the success rests on a ping to {domain}, and says nothing certain of messages");
            let served = match software {
                Some(software) => format!("its server calls itself {}", word(software)),
                None => "its server does not say what it is".to_owned(),
            };
            Finding::of(&catalogue::EVIDENCE_PING_ONLY, title)
                .evidence(format_args!(
                    "a message to an address of {domain} that nobody has did not come back within {}",
                    seconds(*waited)
                ))
                .evidence(served)
        }
    }
}

/// Deliver was not done in time: the whole attempt's time was up.
pub(super) fn late(after: Duration, trace: &Trace, context: &Context<'_>) -> Finding {
    silence(context).evidence(not_done(Phase::Deliver, after)).last_seen(trace)
}

fn bounced(bounce: &Bounce, fence: &Fence, trace: &Trace, context: &Context<'_>) -> Finding {
    let side = side(bounce, fence, context);
    // The origin of an error by which pings are unknown is likely, and no proof.
    let is_of_partner =
        bounce.origin == ErrorOrigin::Partner && !bounce.error.condition.is_of_unknown_request();
    let is_proven = is_of_partner || matches!(fence, Fence::Answered { .. });
    if context.sent == SentStanza::Ping && matches!(side, Side::Receiver | Side::Unclear) && !is_proven {
        return unproven(bounce, fence, context);
    }
    let finding = match side {
        Side::Address => Finding::of(
            &catalogue::RECEIVER_BAD_ADDRESS,
            format!("{} is no address that a server accepts", context.receiver()),
        ),
        Side::OwnBlockList => Finding::of(
            &catalogue::RECEIVER_BLOCKED_BY_SENDER,
            format!("{} blocks {} on its own block list", context.sender, context.receiver()),
        ),
        Side::Connection => Finding::of(&catalogue::FEDERATION_LOST, broken_connection(context)),
        Side::Federation => {
            let software = bounces::software(&bounce.error, trace);
            return federation(&bounce.error, software, bounce.after, answer(bounce, context.pool), context);
        }
        Side::Receiver => {
            let speaker = match bounce.origin {
                ErrorOrigin::Other => speaker(bounce.origin, &bounce.error, &bounce.from, context),
                ErrorOrigin::Pool | ErrorOrigin::Partner | ErrorOrigin::Unclear => the_partner(context),
            };
            let refused = match context.sent {
                SentStanza::Message => refused(&bounce.error, context),
                SentStanza::Ping => ping_refused(&bounce.error, context),
            };
            return refused.evidence(answer(bounce, &speaker));
        }
        Side::Unclear => Finding::of(
            &catalogue::RECEIVER_REJECTED,
            format!(
                "the message to {} came back, and nothing says whether {} or {} refused it",
                context.receiver(),
                context.pool,
                context.partner()
            ),
        )
        .owned_by(Owner::Unknown),
    };
    finding.evidence(answer(bounce, &speaker(bounce.origin, &bounce.error, &bounce.from, context)))
}

fn broken_connection(context: &Context<'_>) -> String {
    let (pool, partner) = (context.pool, context.partner());
    match context.sent {
        SentStanza::Message => format!(
            "the message to {} came back undelivered: a connection broke under it, and nothing says whether between {pool} and {partner} or the receiver's own",
            context.receiver()
        ),
        SentStanza::Ping => format!(
            "the ping of {partner} came back undelivered: the connection between {pool} and {partner} broke under it"
        ),
    }
}

/// A ping came back with an error that the domain is not known to have made, and a question did not fare better.
fn unproven(bounce: &Bounce, fence: &Fence, context: &Context<'_>) -> Finding {
    let (pool, partner) = (context.pool, context.partner());
    // A likely origin is no proof.
    let who = |origin: ErrorOrigin, error: &StanzaError| match origin {
        ErrorOrigin::Partner | ErrorOrigin::Unclear => "a server".to_owned(),
        ErrorOrigin::Pool | ErrorOrigin::Other => speaker(origin, error, partner, context),
    };
    let asked = match fence {
        Fence::Failed { error, origin, after } => format!(
            "after {}, asked what {partner} is, {} said {}",
            seconds(*after),
            who(*origin, error),
            told(error)
        ),
        Fence::Open | Fence::Answered { .. } => {
            format!("asked then what it is, {partner} said nothing in time")
        }
    };
    Finding::of(
        &catalogue::EVIDENCE_FENCE,
        format!("nothing proves that {partner} answered: the error that came back for the ping may be the pool's own"),
    )
    .evidence(answer(bounce, &who(bounce.origin, &bounce.error)))
    .evidence(asked)
    .remedy(format!(
        "Test a message to a receiver at {partner} (Test-XmppIM), for which only the receiver can answer, or look into the log of {pool} for {partner}."
    ))
}

/// The subject of an error.
enum Side {
    Address,
    OwnBlockList,
    Federation,
    /// A connection on the way that broke, whosever it was.
    Connection,
    Receiver,
    Unclear,
}

fn side(bounce: &Bounce, fence: &Fence, context: &Context<'_>) -> Side {
    let error = &bounce.error;
    let text = error.text.as_deref().unwrap_or_default().to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| text.contains(words));
    if error.condition == StanzaCondition::JidMalformed
        || says(&["attribute 'to'", "failed idna", "not an idn hostname"])
    {
        return Side::Address;
    }
    let blocked = error.application.as_deref() == Some("blocked") && bounce.origin != ErrorOrigin::Partner;
    if error.condition == StanzaCondition::NotAcceptable
        && (blocked || says(&["you have blocked", "your active privacy list"]))
    {
        return Side::OwnBlockList;
    }
    if is_local(context) {
        return Side::Receiver;
    }
    // COMPAT: Prosody 13 counts what it hands to another server, and gives it back so when the connection breaks;
    // any server says the same of a client whose session ended.
    let is_open = !matches!(fence, Fence::Answered { .. });
    if is_open
        && bounce.origin == ErrorOrigin::Unclear
        && error.condition == StanzaCondition::RecipientUnavailable
    {
        return Side::Connection;
    }
    match bounce.origin {
        ErrorOrigin::Pool => Side::Federation,
        ErrorOrigin::Partner => Side::Receiver,
        ErrorOrigin::Other | ErrorOrigin::Unclear => match fence {
            _ if error.condition.is_about_servers() => Side::Federation,
            // The way is open, so that the error is about the receiver.
            Fence::Answered { .. } => Side::Receiver,
            Fence::Failed { origin: ErrorOrigin::Partner, .. } => Side::Receiver,
            // The pool says the same about the message and about the ping to the domain.
            Fence::Failed { error: same, .. }
                if same.condition == error.condition && is_policy(&error.condition) =>
            {
                Side::Federation
            }
            Fence::Open | Fence::Failed { .. } if is_policy_of_servers(&text) => Side::Federation,
            Fence::Open | Fence::Failed { .. } => {
                if is_about_people(&error.condition) || says(&["offline message"]) {
                    Side::Receiver
                } else {
                    Side::Unclear
                }
            }
        },
    }
}

fn is_policy(condition: &StanzaCondition) -> bool {
    matches!(condition, StanzaCondition::Forbidden | StanzaCondition::NotAllowed)
}

/// Texts that a server says about federation only.
fn is_policy_of_servers(text: &str) -> bool {
    ["remote domains", "outgoing stanza queue", "stream queue is overloaded"]
        .iter()
        .any(|words| text.contains(words))
}

/// Conditions that a server gives for a receiver that it serves.
fn is_about_people(condition: &StanzaCondition) -> bool {
    matches!(
        condition,
        StanzaCondition::Gone
            | StanzaCondition::ItemNotFound
            | StanzaCondition::Redirect
            | StanzaCondition::RecipientUnavailable
            | StanzaCondition::PolicyViolation
            | StanzaCondition::SubscriptionRequired
    )
}

/// Whether the receiver is served by the sender's own pool.
fn is_local(context: &Context<'_>) -> bool {
    context.partner().eq_ignore_ascii_case(context.domain())
}

fn federation(
    error: &StanzaError,
    software: KnownSoftware,
    after: Duration,
    said: String,
    context: &Context<'_>,
) -> Finding {
    let word = Word { cause: bounces::cause(error, software), software, after };
    federation::finding(&word, context).led_by(said)
}

/// Returns a sentence that tells who sent an error, which one, and when.
fn answer(bounce: &Bounce, who: &str) -> String {
    let order = match bounce.order {
        Order::BeforeFence => "",
        Order::BehindFence => " (behind the answer to the ping, which came too early)",
    };
    format!("after {}, {who} said{order} {}", seconds(bounce.after), told(&bounce.error))
}

fn the_partner(context: &Context<'_>) -> String {
    format!("the server of {}", context.partner())
}

/// Returns the name of the party that sent an error, or claims to have sent it.
fn speaker(origin: ErrorOrigin, error: &StanzaError, from: &str, context: &Context<'_>) -> String {
    match origin {
        ErrorOrigin::Pool => context.pool.to_owned(),
        ErrorOrigin::Partner => the_partner(context),
        ErrorOrigin::Other => quoted(error.by.as_deref().unwrap_or(from)),
        ErrorOrigin::Unclear if error.condition.is_about_servers() => context.pool.to_owned(),
        ErrorOrigin::Unclear => "a server".to_owned(),
    }
}

/// The partner's server speaks about the receiver.
fn refused(error: &StanzaError, context: &Context<'_>) -> Finding {
    let (partner, receiver) = (context.partner(), context.receiver());
    let text = error.text.as_deref().unwrap_or_default().to_lowercase();
    let finding = match &error.condition {
        StanzaCondition::ServiceUnavailable | StanzaCondition::ItemNotFound => {
            return unavailable(error, context);
        }
        StanzaCondition::RecipientUnavailable => Finding::of(
            &catalogue::RECEIVER_UNAVAILABLE,
            format!("the session of {receiver} was lost before the message reached it"),
        ),
        StanzaCondition::Gone => {
            Finding::of(&catalogue::RECEIVER_GONE, format!("the account {receiver} does not exist any more"))
        }
        StanzaCondition::Redirect => {
            let moved =
                Finding::of(&catalogue::RECEIVER_MOVED, format!("{receiver} has moved to another address"));
            match &error.elsewhere {
                Some(address) => moved.remedy(format!(
                    "Test with {} instead, and correct the topology, if you trust whoever names it.",
                    word(address)
                )),
                None => moved,
            }
        }
        StanzaCondition::PolicyViolation if text.contains("stranger") => Finding::of(
            &catalogue::RECEIVER_POLICY,
            format!("{partner} takes no messages for {receiver} from strangers"),
        ),
        StanzaCondition::PolicyViolation if text.contains("unsolicited") || text.contains("spam") => {
            Finding::of(&catalogue::RECEIVER_POLICY, format!("{partner} holds the message for spam"))
        }
        StanzaCondition::PolicyViolation
        | StanzaCondition::Forbidden
        | StanzaCondition::NotAllowed
        | StanzaCondition::NotAcceptable
        | StanzaCondition::NotAuthorized
        | StanzaCondition::RegistrationRequired
        | StanzaCondition::SubscriptionRequired => Finding::of(
            &catalogue::RECEIVER_POLICY,
            format!("a policy of {partner} does not let {} write to {receiver}", context.sender),
        ),
        StanzaCondition::ResourceConstraint if error.application.as_deref() == Some(RATE_LIMIT) => {
            return Finding::of(
                &catalogue::RECEIVER_RATE_LIMIT,
                format!("the imsh respond of {receiver} has answered as many tests as it may for now"),
            );
        }
        StanzaCondition::ResourceConstraint => Finding::of(
            &catalogue::RECEIVER_QUEUE_FULL,
            format!("{partner} has no room for another message to {receiver}"),
        ),
        StanzaCondition::InternalServerError => Finding::of(
            &catalogue::RECEIVER_SERVER_ERROR,
            format!("the server of {partner} failed internally"),
        ),
        StanzaCondition::RemoteServerNotFound | StanzaCondition::RemoteServerTimeout => Finding::of(
            &catalogue::RECEIVER_SERVER_ERROR,
            format!("the server of {partner} cannot reach a server that it needs for {receiver}"),
        ),
        StanzaCondition::BadRequest
        | StanzaCondition::Conflict
        | StanzaCondition::FeatureNotImplemented
        | StanzaCondition::JidMalformed
        | StanzaCondition::UndefinedCondition
        | StanzaCondition::UnexpectedRequest
        | StanzaCondition::Unknown(_) => Finding::of(
            &catalogue::RECEIVER_REJECTED,
            format!("the server of {partner} did not take the message to {receiver}"),
        ),
    };
    at_home(finding, context)
}

/// The domain that was pinged is there, and refuses the ping or is in trouble.
fn ping_refused(error: &StanzaError, context: &Context<'_>) -> Finding {
    let (pool, partner) = (context.pool, context.partner());
    let finding = match &error.condition {
        StanzaCondition::PolicyViolation
        | StanzaCondition::Forbidden
        | StanzaCondition::NotAllowed
        | StanzaCondition::NotAcceptable
        | StanzaCondition::NotAuthorized
        | StanzaCondition::RegistrationRequired
        | StanzaCondition::SubscriptionRequired => Finding::of(
            &catalogue::RECEIVER_POLICY,
            format!("a policy of {partner} does not let {} ping it from {pool}", context.sender),
        )
        .remedy(format!("Ask the partner what its server has against {}, and to allow it.", context.sender)),
        StanzaCondition::ResourceConstraint => Finding::of(
            &catalogue::RECEIVER_SERVER_ERROR,
            format!("the server of {partner} has no room for a ping"),
        ),
        StanzaCondition::InternalServerError => Finding::of(
            &catalogue::RECEIVER_SERVER_ERROR,
            format!("the server of {partner} failed internally"),
        ),
        StanzaCondition::RemoteServerNotFound | StanzaCondition::RemoteServerTimeout => Finding::of(
            &catalogue::RECEIVER_SERVER_ERROR,
            format!("the server of {partner} cannot reach a server that it needs"),
        ),
        StanzaCondition::BadRequest
        | StanzaCondition::Conflict
        | StanzaCondition::FeatureNotImplemented
        | StanzaCondition::Gone
        | StanzaCondition::ItemNotFound
        | StanzaCondition::JidMalformed
        | StanzaCondition::RecipientUnavailable
        | StanzaCondition::Redirect
        | StanzaCondition::ServiceUnavailable
        | StanzaCondition::UndefinedCondition
        | StanzaCondition::UnexpectedRequest
        | StanzaCondition::Unknown(_) => Finding::of(
            &catalogue::RECEIVER_REJECTED,
            format!("the server of {partner} did not take the ping"),
        ),
    };
    at_home(finding, context)
}

/// The receiver's server is there, and the receiver is not.
fn unavailable(error: &StanzaError, context: &Context<'_>) -> Finding {
    let receiver = context.receiver();
    let text = error.text.as_deref().unwrap_or_default().to_lowercase();
    let title = if text.contains("user session not found") {
        format!(
            "{receiver} exists and is off line, and its server keeps no message that asks not to be kept, as test messages do"
        )
    } else {
        format!("{receiver} is not available: no such user, or off line, or it blocks {}", context.sender)
    };
    at_home(Finding::of(&catalogue::RECEIVER_UNAVAILABLE, title), context)
}

/// A receiver in the sender's own domain is its own pool's.
fn at_home(finding: Finding, context: &Context<'_>) -> Finding {
    if is_local(context) && finding.owner == Owner::Partner { finding.owned_by(Owner::Pool) } else { finding }
}

/// The evidence did not come in time.
fn silent(
    reached: Option<Evidence>,
    wanted: Evidence,
    waited: Duration,
    fence: &Fence,
    trace: &Trace,
    context: &Context<'_>,
) -> Finding {
    let rests = rests(reached, wanted, waited);
    if let Fence::Failed { error, origin, after } = fence {
        return wrong_side(error, *origin, *after, trace, context).evidence(rests);
    }
    let (pool, partner, receiver) = (context.pool, context.partner(), context.receiver());
    match reached {
        None | Some(Evidence::Sent | Evidence::AcceptedByPool) if let Some(fact) = overcounted(trace) => {
            Finding::of(
                &catalogue::EVIDENCE_POOL_SILENT,
                format!("{pool} acknowledges more than it was sent, so that its count proves nothing, and nothing else came"),
            )
            .evidence(fact)
            .evidence(rests)
            .remedy("Report it to the authors of the pool's server: its stream management (XEP-0198) counts wrongly. Its log says what became of the message.")
        }
        None | Some(Evidence::Sent) => Finding::of(
            &catalogue::EVIDENCE_POOL_SILENT,
            match context.sent {
                SentStanza::Message => {
                    format!("{pool} took the message from the wire and then answered nothing, not even a ping")
                }
                SentStanza::Ping => format!("{pool} answered nothing after the logon, not even a ping of itself"),
            },
        )
        .evidence(rests),
        Some(Evidence::AcceptedByPool) => {
            // What was seen from here names the broken thing before the pool does.
            match federation::unsaid(context) {
                Some(finding) => finding
                    .led_by(format_args!(
                        "{pool} took the {} and nothing came back within {}",
                        context.sent,
                        seconds(waited)
                    ))
                    .evidence(rests),
                None => with_look(silence(context).evidence(rests), None, context),
            }
        }
        Some(Evidence::AcceptedByPartner) if context.witnessed => {
            let title =
                format!("{partner} took the message and did not bring it to our session of {receiver}");
            at_home(Finding::of(&catalogue::EVIDENCE_NOT_SEEN, title), context).evidence(rests)
        }
        Some(Evidence::AcceptedByPartner) => {
            let title =
                format!("the server of {partner} took the message for {receiver}, and no client answered it");
            let finding = at_home(Finding::of(&catalogue::EVIDENCE_NO_ANSWER, title), context).evidence(rests);
            if context.answer_promised {
                finding.remedy(format!(
                    "Look at the imsh respond of {receiver}: whether it is on line (its log says so), at its limit, or logged on beside another session that got the message; and whether {receiver} blocks {}, which Prosody 13 does without a word (mod_blocklist).",
                    context.sender
                ))
            } else {
                finding
            }
        }
        Some(Evidence::Delivered | Evidence::Exchanged) => {
            let title = format!("a client of {receiver} acknowledged the message and nobody wrote back");
            at_home(Finding::of(&catalogue::EVIDENCE_NO_ECHO, title), context).evidence(rests)
        }
    }
}

/// The pool's count, where it is ahead of what was sent.
fn overcounted(trace: &Trace) -> Option<&Fact> {
    trace.facts().map(|(_, fact)| fact).find(|fact| matches!(fact, Fact::Overcounted { .. }))
}

fn silence(context: &Context<'_>) -> Finding {
    let (pool, partner, sent) = (context.pool, context.partner(), context.sent);
    let finding = Finding::of(
        &catalogue::EVIDENCE_SILENCE,
        format!("{pool} took the {sent} for {partner}, and neither an answer nor an error came back"),
    );
    let domain = if context.look.is_none() { partner } else { context.domain() };
    finding.remedy(format!(
        "Run Test-FederatedPartner -Domain {domain} to look at {} from this machine, and ask the partner whether its policy drops {sent}s from {} without a word, or lets its server send nothing to other domains, and what its server's log says of them. To hear what {pool} has to say itself, test again with timeout and deliver_timeout at 200 seconds under [gateway] in the topology.",
        if context.look.is_none() { "the partner" } else { "the way back" },
        context.domain()
    ))
}

/// The ping behind the message came back with an error, and the message itself did not.
fn wrong_side(
    error: &StanzaError,
    origin: ErrorOrigin,
    after: Duration,
    trace: &Trace,
    context: &Context<'_>,
) -> Finding {
    let said = |who: &str| {
        format!("after {}, {who} said to the ping behind the message {}", seconds(after), told(error))
    };
    if origin == ErrorOrigin::Pool || error.condition.is_about_servers() {
        let software = bounces::software(error, trace);
        return federation(error, software, after, said(context.pool), context);
    }
    Finding::of(
        &catalogue::EVIDENCE_FENCE,
        format!(
            "nothing proves that {} saw the message: its answer to the ping behind it may be the pool's own",
            context.partner()
        ),
    )
    .evidence(said(&speaker(origin, error, context.partner(), context)))
}

fn rests(reached: Option<Evidence>, wanted: Evidence, waited: Duration) -> String {
    format!("reached {}, wanted {wanted}, waited {}", level(reached), seconds(waited))
}

fn level(reached: Option<Evidence>) -> String {
    reached.map_or_else(|| "nothing".to_owned(), |level| level.to_string())
}
