//! Every row of `bounces.table`, as a server would say it.

use std::time::Duration;

use imsh::internals::diagnosis::diagnose;
use imsh::internals::xmpp::condition::{StanzaCondition, StanzaError};
use imsh::internals::xmpp::deliver::{Bounce, ErrorOrigin, Fault, Fence, Order};
use imsh::internals::xmpp::trace::{Fact, SoftwareBasis, Trace};

use crate::scene::{context, look};

#[test]
fn every_bounce_has_its_code_and_owner() {
    let wrong: Vec<_> = rows().filter_map(|row| row.mistake()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// For each thing that a pool says, and each that this machine sees: no line says both that a server is well and
/// that it is broken, unless it says that the two disagree.
#[test]
fn no_finding_contradicts_the_look_beside_it() {
    const BROKEN: &[&str] = &[
        "is no XMPP server",
        "offers no encryption",
        "has expired",
        "is not valid yet",
        "is for another name",
        "does not serve",
        "that it does not send",
        "offers no federation",
        "nobody listens",
        "falls silent",
        "begins another way",
    ];
    const LOOKS: &[&str] = &[
        "healthy",
        "nxdomain",
        "not offered",
        "refused",
        "silent",
        "no tls",
        "expired",
        "not yet",
        "no intermediate",
        "for clients",
    ];
    let mut wrong = Vec::new();
    for row in rows() {
        for look in LOOKS {
            let finding = Row { look, ..row }.diagnose();
            let looks_well = finding.evidence.iter().any(|seen| seen.contains("looks healthy"));
            let is_broken = BROKEN.iter().any(|words| finding.title.contains(words));
            let disagree =
                finding.title.contains("as the pool sees it") || finding.title.contains("although");
            if looks_well && is_broken && !disagree {
                wrong.push(format!("{} ({}), {look}: {}", row.case, row.software, finding.diagnosis()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_bounce_is_quoted_in_the_error() {
    for row in rows().filter(|row| row.text != "-" && !row.expected.starts_with("FEDERATION-MEMORY")) {
        let error = row.diagnose().error();
        let text = row.text.replace('"', "\\\"");
        assert!(error.contains(&format!("\"{text}\"")), "{}: {error}", row.case);
    }
}

/// One line of the table.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) case: &'a str,
    pub(crate) software: &'a str,
    error: &'a str,
    by: &'a str,
    text: &'a str,
    after: Duration,
    ping: &'a str,
    look: &'a str,
    expected: &'a str,
}

pub(crate) fn rows() -> impl Iterator<Item = Row<'static>> {
    let lines = include_str!("bounces.table").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let columns: Vec<_> = line.split('|').map(str::trim).collect();
        let [case, software, error, by, text, after, ping, look, expected] = columns[..] else {
            panic!("not nine columns: {line}")
        };
        let after = Duration::from_millis(after.parse().unwrap());
        Row { case, software, error, by, text, after, ping, look, expected }
    })
}

impl Row<'_> {
    fn mistake(&self) -> Option<String> {
        let finding = self.diagnose();
        let found = format!("{}, {}", finding.code, finding.owner);
        (found != self.expected)
            .then(|| format!("{} ({}): {found}, not {}", self.case, self.software, self.expected))
    }

    pub(crate) fn diagnose(&self) -> imsh::internals::diagnosis::Finding {
        let look = look(self.look);
        let context = context(look.as_ref());
        let mut trace = Trace::new();
        if self.software != "unknown" {
            let name = self.software.split(' ').next().unwrap_or_default().to_owned();
            trace.learn(Fact::Software { name, version: None, basis: SoftwareBasis::Said });
        }
        diagnose(&self.fault().into(), &trace, &context)
    }

    /// As the client judges it before anybody finds words for it.
    fn fault(&self) -> Fault {
        let error = self.error();
        let origin = match (self.by, &error.condition) {
            ("pool", _) => ErrorOrigin::Pool,
            ("partner", _) => ErrorOrigin::Partner,
            (_, StanzaCondition::RemoteServerNotFound | StanzaCondition::RemoteServerTimeout) => {
                ErrorOrigin::Pool
            }
            _ => ErrorOrigin::Unclear,
        };
        let fence = match self.ping {
            "same" => Fence::Failed { error: Box::new(error.clone()), origin, after: self.after },
            "answered" => Fence::Answered { after: self.after },
            _ => Fence::Open,
        };
        let bounce = Box::new(Bounce {
            error,
            from: "adelany@contoso.com".to_owned(),
            origin,
            after: self.after,
            order: Order::BeforeFence,
        });
        match (&bounce.error.condition, &fence) {
            (StanzaCondition::ServiceUnavailable, Fence::Answered { .. }) => {
                Fault::ReceiverUnavailable { bounce }
            }
            _ => Fault::Bounced { bounce, fence },
        }
    }

    fn error(&self) -> StanzaError {
        let (kind, condition) = self.error.split_once('/').unwrap();
        let (condition, application) = match condition.split_once('+') {
            Some((condition, application)) => (condition, Some(application.to_owned())),
            None => (condition, None),
        };
        StanzaError {
            condition: StanzaCondition::from_name(condition),
            kind: kind.to_owned(),
            text: (self.text != "-").then(|| self.text.to_owned()),
            by: match self.by {
                "pool" => Some("litwareinc.com".to_owned()),
                "partner" => Some("contoso.com".to_owned()),
                _ => None,
            },
            application,
            elsewhere: None,
        }
    }
}
