//! The types of `[[watch]]` and `[[notify]]`: what is tested again and again, and who is told of a change.
//!
//! Each is a text of the document that is checked when it is read. Which pools and receivers a pattern
//! means is answered by [`WatchEntry::pools_of`] and [`WatchEntry::receivers_of`]. Plans nothing and tells nobody.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::schema::{Gateway, WatchEntry};
use super::setting::{Meaningful, Words};
use super::{Address, Domain, Partner, Pool, Topology};
use crate::value::pattern::{Case, Pattern};

/// A test that a watcher runs again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WatchedTest {
    /// `Test-XmppIM`, for each pool and receiver.
    XmppIm,
    /// `Test-Registration`, for each pool.
    Registration,
    /// `Test-FederatedPartner`, for each partner.
    FederatedPartner,
    /// `Test-XmppPing`, for each pool and partner.
    XmppPing,
    /// `Test-Topology`, once.
    Topology,
}

/// The sites, of several, that test a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TestingSites {
    /// Every site.
    #[default]
    Each,
    /// One of them.
    Any,
}

/// The way in which a notice is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationKind {
    /// A JSON document is posted.
    Webhook,
    /// Alerts go to Prometheus' Alertmanager.
    Alertmanager,
    /// A program is run.
    Exec,
    /// A mail is sent.
    Mail,
    /// A message is sent by XMPP.
    Xmpp,
}

/// The owner whose findings a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotifiedOwner {
    /// The operator of the watcher.
    Caller,
    /// The operator of the pool.
    Pool,
    /// The operator of the network in between.
    Network,
    /// The operator of the receiver's side.
    Partner,
    /// The watcher itself.
    Imsh,
    /// Nobody can know.
    Unknown,
}

impl WatchedTest {
    /// Whether it tests partners, and needs none of their receivers.
    pub fn is_of_partners(self) -> bool {
        match self {
            Self::FederatedPartner | Self::XmppPing => true,
            Self::XmppIm | Self::Registration | Self::Topology => false,
        }
    }

    /// Whether a test user logs on for it.
    pub fn logs_on(self) -> bool {
        match self {
            Self::XmppIm | Self::Registration | Self::XmppPing => true,
            Self::FederatedPartner | Self::Topology => false,
        }
    }
}

super::setting::words! {
    TestingSites { "each" = Each, "any" = Any }
    NotificationKind {
        "webhook" = Webhook,
        "alertmanager" = Alertmanager,
        "exec" = Exec,
        "mail" = Mail,
        "xmpp" = Xmpp,
    }
    NotifiedOwner {
        "Caller" = Caller,
        "Pool" = Pool,
        "Network" = Network,
        "Partner" = Partner,
        "imsh" = Imsh,
        "Unknown" = Unknown,
    }
    WatchedTest {
        "XmppIM" = XmppIm,
        "Registration" = Registration,
        "FederatedPartner" = FederatedPartner,
        "XmppPing" = XmppPing,
        "Topology" = Topology,
    }
}

/// Words that stand in a list, in any letter case.
macro_rules! listed_words {
    ($($type:ty),*) => { $(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }

        impl Meaningful for $type {
            fn meant(written: &str) -> Result<Self, String> {
                let found = Self::SPELLINGS.iter().find(|(word, _)| word.eq_ignore_ascii_case(written));
                found.map(|(_, value)| *value).ok_or_else(|| {
                    let words: Vec<&str> = Self::SPELLINGS.iter().map(|(word, _)| *word).collect();
                    format!("{written:?} is none of {}", words.join(", "))
                })
            }
        }
    )* };
}
listed_words!(WatchedTest, NotifiedOwner);

/// Texts of the document that are kept as they are written, once they have been checked.
macro_rules! checked_texts {
    ($($(#[$meta:meta])* $type:ident: $check:expr;)*) => { $(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $type(String);

        impl $type {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(written: &str) -> Result<Self, String> {
                let written = written.trim();
                let check: fn(&str) -> Result<(), String> = $check;
                check(written).map(|()| Self(written.to_owned()))
            }
        }
    )* };
}

checked_texts! {
    /// Pools: `site:Redmond`, a pool's FQDN, or a pattern with `*` and `?`.
    PoolPattern: |written| match written.strip_prefix("site:") {
        Some(site) if site.trim().is_empty() => Err(format!("{written:?} names no site: write \"site:Redmond\"")),
        Some(_) | None => Ok(()),
    };

    /// Receivers: `partners`, `partner:contoso.com`, an address, or a pattern with `*` and `?` over the
    /// receivers of the partners.
    ReceiverPattern: |written| {
        if written.eq_ignore_ascii_case(EVERY_PARTNER) || has_wildcard(written) {
            return Ok(());
        }
        match written.strip_prefix(ONE_PARTNER) {
            Some(domain) => domain.parse::<Domain>().map(drop).map_err(|fault| fault.to_string()),
            None => written.parse::<Address>().map(drop).map_err(|fault| fault.to_string()),
        }
    };

    /// A cron expression of five fields, or of six with seconds.
    CronText: |written| written.parse::<croner::Cron>().map(drop).map_err(|fault| {
        format!("{written:?} is no cron expression: {fault}")
    });

    /// A time zone of the IANA database: `Europe/Dublin`.
    ZoneName: |written| TimeZone::get(written).map(drop).map_err(|_| {
        format!("{written:?} is no time zone: write \"Europe/Dublin\" or \"UTC\"")
    });

    /// One word of a command line; the first one is the program.
    CommandWord: |_| Ok(());
}

/// Stands for the receivers of every partner.
const EVERY_PARTNER: &str = "partners";
/// Begins a pattern that means the receivers of one partner.
const ONE_PARTNER: &str = "partner:";

fn has_wildcard(written: &str) -> bool {
    written.contains(['*', '?', '['])
}

impl PoolPattern {
    /// Whether it means a pool.
    pub fn means(&self, pool: &Pool) -> bool {
        match self.0.strip_prefix("site:") {
            Some(site) => pool.site.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(site.trim())),
            None => {
                let pattern = Pattern::new(&self.0, Case::Ignored);
                let aliases = pool.aliases.iter().map(Domain::as_str);
                std::iter::once(pool.identity.as_str()).chain(aliases).any(|name| pattern.matches(name))
            }
        }
    }
}

impl ReceiverPattern {
    /// The receivers that it means.
    pub fn receivers<'t>(&self, topology: &'t Topology) -> Vec<Address> {
        let partners = || topology.partners.iter().flatten();
        let of = |partners: Vec<&'t Partner>| -> Vec<Address> {
            partners.into_iter().flat_map(|partner| partner.receivers.iter().cloned()).collect()
        };
        if self.0.eq_ignore_ascii_case(EVERY_PARTNER) {
            of(partners().collect())
        } else if let Some(domain) = self.0.strip_prefix(ONE_PARTNER) {
            let domain = domain.parse::<Domain>().ok();
            of(domain.and_then(|domain| topology.partner_for(&domain)).into_iter().collect())
        } else if has_wildcard(&self.0) {
            let pattern = Pattern::new(&self.0, Case::Ignored);
            let mut all = of(partners().collect());
            all.retain(|receiver| pattern.matches(&receiver.to_string()));
            all
        } else {
            self.0.parse().into_iter().collect()
        }
    }

    /// The partners that it means, also where they have no receivers: those of the receivers, and by a pattern those of
    /// such a domain.
    pub fn partners(&self, topology: &Topology) -> Vec<Domain> {
        let listed = || topology.partners.iter().flatten();
        let named =
            |domain: Domain| topology.partner_for(&domain).map_or(domain, |partner| partner.domain.clone());
        if self.0.eq_ignore_ascii_case(EVERY_PARTNER) {
            listed().map(|partner| partner.domain.clone()).collect()
        } else if let Some(domain) = self.0.strip_prefix(ONE_PARTNER) {
            let domain = domain.parse::<Domain>().ok();
            let partner = domain.and_then(|domain| topology.partner_for(&domain));
            partner.map(|partner| partner.domain.clone()).into_iter().collect()
        } else if has_wildcard(&self.0) {
            let pattern = Pattern::new(&self.0, Case::Ignored);
            let is_meant = |partner: &&Partner| {
                pattern.matches(partner.domain.as_str())
                    || partner.receivers.iter().any(|receiver| pattern.matches(&receiver.to_string()))
            };
            listed().filter(is_meant).map(|partner| partner.domain.clone()).collect()
        } else {
            self.0.parse::<Address>().into_iter().map(|receiver| named(receiver.domain())).collect()
        }
    }
}

impl Gateway {
    /// Returns the maximum time that one test takes: one that fails waits for its deadlines.
    pub fn longest_test(&self) -> Duration {
        let phases = [
            self.resolve_timeout,
            self.connect_timeout,
            self.secure_timeout,
            self.authenticate_timeout,
            self.bind_timeout,
            self.deliver_timeout,
        ];
        self.timeout.min(phases.into_iter().sum())
    }
}

impl WatchEntry {
    /// The pools that it means: those that lend a test user, where it names none.
    pub fn pools_of<'t>(&self, topology: &'t Topology) -> Vec<&'t Pool> {
        let is_meant = |pool: &&Pool| {
            !pool.test_users.is_empty()
                && (self.pools.is_empty() || self.pools.iter().any(|pattern| pattern.means(pool)))
        };
        topology.pools.iter().filter(is_meant).collect()
    }

    /// The patterns that say who is at the other end: every partner, where it has none.
    fn receiver_patterns(&self) -> Vec<ReceiverPattern> {
        let everyone = || vec![ReceiverPattern(EVERY_PARTNER.to_owned())];
        if self.receivers.is_empty() { everyone() } else { self.receivers.clone() }
    }

    /// The receivers that it means, each once: those of every partner, where it names none.
    pub fn receivers_of(&self, topology: &Topology) -> Vec<Address> {
        let patterns = self.receiver_patterns();
        let mut seen = BTreeSet::new();
        let all = patterns.iter().flat_map(|pattern| pattern.receivers(topology));
        all.filter(|receiver| seen.insert(receiver.to_string())).collect()
    }

    /// The partners that it means, each once, also those without receivers.
    pub fn partners_of(&self, topology: &Topology) -> Vec<Domain> {
        let mut seen = BTreeSet::new();
        let patterns = self.receiver_patterns();
        let all = patterns.iter().flat_map(|pattern| pattern.partners(topology));
        all.filter(|domain| seen.insert(domain.to_string())).collect()
    }
}
