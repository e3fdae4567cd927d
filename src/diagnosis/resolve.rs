//! Findings of Resolve: what DNS says about the pool, and who could change it.
//!
//! An answer of DNS is quoted with the question that it answers. SERVFAIL is never called a missing name.

use std::time::Duration;

use super::quote::{quoted, seconds, some};
use super::{Context, Finding, Owner, catalogue, not_done};
use crate::xmpp::Phase;
use crate::xmpp::resolve::{Fault, Leads, TlsStart};
use crate::xmpp::trace::{Fact, Trace};

/// Says what a fault of Resolve means.
pub(super) fn finding(fault: &Fault, context: &Context<'_>) -> Finding {
    let pool = context.pool;
    match fault {
        Fault::BadName { name } => {
            Finding::of(&catalogue::DNS_BAD_NAME, format!("{} is not a name that DNS can hold", quoted(name)))
        }
        Fault::NoNameServer { reason } => {
            Finding::of(&catalogue::DNS_NO_RESOLVER, "this machine has no name server to ask")
                .evidence(format_args!("reading its configuration said {}", quoted(reason)))
        }
        Fault::NotOffered { query } => Finding::of(
            &catalogue::DNS_NOT_OFFERED,
            format!("DNS says that {pool} offers no service to XMPP clients"),
        )
        .evidence(format_args!("the answer to {query} is the single target \".\"")),
        Fault::NoSuchName { query } => {
            Finding::of(&catalogue::DNS_NO_SUCH_NAME, format!("DNS does not know the name {}", query.name))
                .owned_by(whoever_wrote_the_name(context))
                .evidence(format_args!("the answer to {query} is NXDOMAIN: no such name"))
        }
        Fault::NoRecords { query } => Finding::of(
            &catalogue::DNS_NO_RECORDS,
            format!("DNS knows the name {} and has no address for it", query.name),
        )
        .owned_by(whoever_wrote_the_name(context))
        .evidence(format_args!("the answer to {query} is empty")),
        Fault::ServerFailure { query, code } => Finding::of(
            &catalogue::DNS_SERVER_FAILURE,
            format!(
                "the name server could not answer for {} (which does not mean that the name is missing)",
                query.name
            ),
        )
        .evidence(format_args!("the answer to {query} is {}", quoted(code))),
        Fault::Timeout { query, after } => {
            Finding::of(&catalogue::DNS_TIMEOUT, "no name server answered this machine")
                .evidence(format_args!("no answer to {query} after {}", seconds(*after)))
        }
        Fault::NotAsked { query, reason } => {
            Finding::of(&catalogue::DNS_NOT_ASKED, "no name server could be asked from this machine")
                .evidence(format_args!("asking for {query} said {}", quoted(reason)))
        }
        Fault::TargetWithoutAddress { srv, host, cause } => {
            // What is wrong with the address has its own words; only the blame is the record's.
            let cause = finding(cause, context);
            let because_of_the_network = cause.owner == Owner::Network;
            let trouble = if because_of_the_network {
                "whose address cannot be looked up"
            } else {
                "which has no address"
            };
            let title = format!("the SRV record of {pool} leads to {host}, {trouble}");
            let mut finding = Finding::of(&catalogue::DNS_TARGET_WITHOUT_ADDRESS, title);
            finding.evidence.extend(cause.evidence);
            let finding = finding.evidence(format_args!("{srv} names {host}"));
            if because_of_the_network {
                finding.owned_by(Owner::Network).remedy(cause.remedy)
            } else {
                finding
            }
        }
        Fault::SecurityNotOffered { wanted, offered } => {
            let setting = match wanted {
                TlsStart::Direct => "direct",
                TlsStart::StartTls => "starttls",
            };
            Finding::of(
                &catalogue::DNS_SECURITY_NOT_OFFERED,
                format!("the topology asks for {wanted} and DNS offers other ways to {pool} only"),
            )
            .evidence(format_args!("the pool has security = \"{setting}\""))
            .evidence(format_args!("DNS offers {}", some(offered)))
        }
    }
}

/// Returns the finding for a name that gets no answer. Where the same resolver answers for other names, the finding
/// blames the name's own servers, not the resolver.
pub(super) fn asked_of_others(finding: Finding, fault: &Fault, trace: &Trace) -> Finding {
    let silent = match fault {
        Fault::Timeout { query, .. } => query,
        Fault::TargetWithoutAddress { cause, .. } => match &**cause {
            Fault::Timeout { query, .. } => query,
            Fault::BadName { .. }
            | Fault::NoNameServer { .. }
            | Fault::NotOffered { .. }
            | Fault::NoSuchName { .. }
            | Fault::NoRecords { .. }
            | Fault::ServerFailure { .. }
            | Fault::NotAsked { .. }
            | Fault::TargetWithoutAddress { .. }
            | Fault::SecurityNotOffered { .. } => return finding,
        },
        Fault::BadName { .. }
        | Fault::NoNameServer { .. }
        | Fault::NotOffered { .. }
        | Fault::NoSuchName { .. }
        | Fault::NoRecords { .. }
        | Fault::ServerFailure { .. }
        | Fault::NotAsked { .. }
        | Fault::SecurityNotOffered { .. } => return finding,
    };
    if !trace.facts().any(|(_, fact)| matches!(fact, Fact::ResolverAnswers)) {
        return finding;
    }
    let name = &silent.name;
    Finding {
        title: format!("the name servers of this machine answer, and get no answer about {name}"),
        ..finding
    }
    .owned_by(Owner::Pool)
    .evidence(Fact::ResolverAnswers)
    .remedy(format!(
        "Check the name servers of the zone of {name} (dig +trace {name}): they do not answer. If they do elsewhere, look at the resolvers of this machine (/etc/resolv.conf)."
    ))
}

/// Resolve was not done in time.
pub(super) fn late(after: Duration, trace: &Trace, context: &Context<'_>) -> Finding {
    Finding::of(&catalogue::DNS_TIMEOUT, format!("DNS did not say in time where {} is", context.pool))
        .evidence(not_done(Phase::Resolve, after))
        .last_seen(trace)
}

/// The sender's domain's own records lead its users elsewhere than the test went: true whether the
/// test succeeded or not.
pub fn elsewhere(trace: &Trace, pool: &str) -> Option<Finding> {
    let records = trace
        .facts()
        .find_map(|(_, fact)| if let Fact::Domain(records) = fact { Some(records) } else { None })?;
    let domain = &records.domain;
    let title = match &records.leads {
        Leads::ToThePool | Leads::NoRecords => return None,
        Leads::Elsewhere { .. } => {
            format!("the users of {domain} do not log on at {pool}, where this test does")
        }
        Leads::NotOffered => format!("the users of {domain} find no server at all in DNS"),
    };
    Some(Finding::of(&catalogue::DNS_ELSEWHERE, title).evidence(records).made_safe())
}

/// A name that the topology lists was right once; one that was only typed may be wrong.
fn whoever_wrote_the_name(context: &Context<'_>) -> Owner {
    if context.pool_listed { Owner::Pool } else { Owner::Caller }
}
