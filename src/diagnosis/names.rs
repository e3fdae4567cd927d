//! The names that a remedy leaves open (`DOMAIN`, `HOST:5269`, `USER`), filled in where the finding knows them.
//!
//! The catalogue speaks of any pool and any partner; a finding is about one. Fills in nothing that a shell would
//! read as more than a word: a remedy is typed, and a host's name comes from somebody else's DNS.

use std::net::IpAddr;

use super::quote::place;
use super::{Context, Finding, domain_of};
use crate::xmpp::resolve::Target;
use crate::xmpp::trace::{Fact, Trace};

/// What is known of whom a remedy speaks about.
struct Names<'a> {
    domain: &'a str,
    user: Option<&'a str>,
    target: Option<&'a Target>,
    address: Option<IpAddr>,
}

impl<'a> Names<'a> {
    /// Those of the partner for what stands between the servers or behind them, else those of the pool.
    fn of(code: &str, trace: &'a Trace, context: &Context<'a>) -> Self {
        let is_partners = ["FEDERATION-", "RECEIVER-"].iter().any(|family| code.starts_with(family));
        let user_of = |address: &'a str| address.rsplit_once('@').map(|(user, _)| user);
        match context.receiver.filter(|_| is_partners) {
            Some(receiver) => {
                let look = context.look;
                let first = look.and_then(|look| look.probes.as_ref().ok()?.first());
                Self {
                    domain: domain_of(receiver),
                    user: user_of(receiver),
                    target: first.map(|probe| &probe.target),
                    address: look.and_then(|look| first_address(&look.trace)),
                }
            }
            None => Self {
                domain: context.domain(),
                user: user_of(context.sender),
                target: last_target(trace),
                address: first_address(trace),
            },
        }
    }
}

/// Fills in the names.
pub(super) fn filled(mut finding: Finding, trace: &Trace, context: &Context<'_>) -> Finding {
    let names = Names::of(finding.code, trace, context);
    let mut fill = |open: &str, name: &str| {
        if is_word(name) {
            finding.remedy = replaced(&finding.remedy, open, name);
        }
    };
    if let Some(target) = names.target {
        for port in ["PORT", "5269", "5222"] {
            fill(&format!("HOST:{port}"), &place(target));
            if is_word(&target.host) {
                fill(&format!("HOST {port}"), &format!("{} {}", target.host, target.port));
            }
        }
    }
    if let Some(address) = names.address {
        fill("get ADDRESS", &format!("get {address}"));
    }
    fill("POOLDOMAIN", context.domain());
    if let Some(user) = names.user.filter(|user| is_word(user)) {
        fill("USER@DOMAIN", &format!("{user}@{}", names.domain));
        fill("USER DOMAIN", &format!("{user} {}", names.domain));
    }
    fill("DOMAIN", names.domain);
    finding
}

/// Where the pool was reached last, or would have been first.
fn last_target(trace: &Trace) -> Option<&Target> {
    let mut reached = trace.facts().rev().filter_map(|(_, fact)| {
        if let Fact::Connected { target, .. } | Fact::TargetFailed { target, .. } = fact {
            Some(target)
        } else {
            None
        }
    });
    let mut named =
        trace.facts().filter_map(|(_, fact)| if let Fact::Targets(all) = fact { all.first() } else { None });
    reached.next().or_else(|| named.next())
}

fn first_address(trace: &Trace) -> Option<IpAddr> {
    trace.facts().find_map(|(_, fact)| {
        if let Fact::Addresses { addresses, .. } = fact { addresses.first().copied() } else { None }
    })
}

/// Whether a shell takes it as it stands. Blanks are ours.
fn is_word(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-_:[]@ ".contains(letter))
}

/// The text with a name in each place of an open one that stands as a word of its own.
fn replaced(text: &str, open: &str, name: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let (mut done, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(open) {
        let (before, found) = rest.split_at(at);
        let behind = &found[open.len()..];
        let is_whole = !before.chars().next_back().or_else(|| done.chars().next_back()).is_some_and(is_part)
            && !behind.chars().next().is_some_and(is_part);
        done.push_str(before);
        done.push_str(if is_whole { name } else { open });
        rest = behind;
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_name_is_filled_in_where_it_is_a_word() {
        let text = "dig SRV _xmpp._tcp.DOMAIN, DOMAIN; POOLDOMAIN and DOMAINS stay";
        assert_eq!(
            replaced(text, "DOMAIN", "a.example"),
            "dig SRV _xmpp._tcp.a.example, a.example; POOLDOMAIN and DOMAINS stay"
        );
        assert_eq!(replaced("HOST:5269 HOST:52690", "HOST:5269", "h:1"), "h:1 HOST:52690");
    }

    #[test]
    fn what_a_shell_would_read_as_more_than_a_word_is_not_filled_in() {
        for name in ["a.example", "xn--e1afmkfd.example", "[2001:db8::1]:5269", "kim.m-1"] {
            assert!(is_word(name), "{name}");
        }
        for name in ["", "a;id", "$(id)", "`id`", "a|b", "a'b", "-oProxyCommand", "a\nb", "a>b", "ö.example"]
        {
            assert!(!is_word(name), "{name}");
        }
    }
}
