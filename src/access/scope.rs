//! Scopes: which pools and which users a role reaches.
//!
//! A config scope is compared with the pools that a call uses, a user scope to receivers, partners
//! and senders named by hand. Never widens: a domain does not include its subdomains.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::address::{Address, AddressFault, Domain, DomainFault};

/// The pools that a scope covers: `global`, `site:Redmond` or `pool:atl-cs-001.litwareinc.com`.
#[derive(Clone, Debug)]
pub enum ConfigScope {
    /// Every pool and the settings of the whole topology.
    Global,
    /// Every pool of a site. Sites compare by [`site_key`].
    Site(String),
    /// One pool, by its identity.
    Pool(Domain),
}

/// The users that a scope covers: `global`, `domain:contoso.com` or `user:adelany@contoso.com`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UserScope {
    /// Everybody.
    Global,
    /// Everybody at exactly this domain, and the domain as a partner.
    Domain(Domain),
    /// One account.
    User(Address),
}

/// The reason why a text is not a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeFault {
    /// The word before the colon is none of those that are allowed there.
    #[error("{written:?} is no scope: write {allowed}")]
    Kind {
        /// The text as written.
        written: String,
        /// The forms that are allowed.
        allowed: &'static str,
    },
    /// `site:` with nothing behind it.
    #[error("site: is followed by the name of a site")]
    NoSite,
    /// The text behind `pool:` or `domain:` is no name.
    #[error(transparent)]
    Domain(#[from] DomainFault),
    /// The text behind `user:` is no address.
    #[error(transparent)]
    Address(#[from] AddressFault),
}

impl ConfigScope {
    /// Whether a pool, by its identity and its site, lies within this scope.
    pub fn covers_pool(&self, identity: &Domain, site: Option<&str>) -> bool {
        match self {
            Self::Global => true,
            Self::Site(name) => site.is_some_and(|site| site_key(site) == site_key(name)),
            Self::Pool(pool) => pool == identity,
        }
    }
}

/// Two spellings of a site are one scope.
impl PartialEq for ConfigScope {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ConfigScope {}

impl PartialOrd for ConfigScope {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ConfigScope {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |scope: &Self| match scope {
            Self::Global => (0, String::new()),
            Self::Site(site) => (1, site_key(site)),
            Self::Pool(pool) => (2, pool.to_string()),
        };
        key(self).cmp(&key(other))
    }
}

impl UserScope {
    /// Whether an account lies within this scope.
    pub fn covers_account(&self, account: &Address) -> bool {
        match self {
            Self::Global => true,
            Self::Domain(domain) => account.is_at(domain),
            Self::User(user) => user == account,
        }
    }

    /// Whether a whole domain lies within this scope.
    pub fn covers_domain(&self, wanted: &Domain) -> bool {
        match self {
            Self::Global => true,
            Self::Domain(domain) => domain == wanted,
            Self::User(_) => false,
        }
    }
}

/// The form in which two sites, or two roles, are the same: without letter case and outer blanks.
pub fn site_key(name: &str) -> String {
    name.trim().to_lowercase()
}

impl FromStr for ConfigScope {
    type Err = ScopeFault;

    fn from_str(written: &str) -> Result<Self, ScopeFault> {
        let (kind, name) = kind_and_name(written);
        match kind.as_str() {
            "global" if name.is_none() => Ok(Self::Global),
            "site" if name.is_some() => match name.map(str::trim) {
                Some(site) if !site.is_empty() => Ok(Self::Site(site.to_owned())),
                Some(_) | None => Err(ScopeFault::NoSite),
            },
            "pool" if name.is_some() => Ok(Self::Pool(name.unwrap_or_default().trim().parse()?)),
            _ => Err(ScopeFault::Kind {
                written: written.to_owned(),
                allowed: "global, site:<site> or pool:<fqdn>",
            }),
        }
    }
}

impl FromStr for UserScope {
    type Err = ScopeFault;

    fn from_str(written: &str) -> Result<Self, ScopeFault> {
        let (kind, name) = kind_and_name(written);
        match kind.as_str() {
            "global" if name.is_none() => Ok(Self::Global),
            "domain" if name.is_some() => Ok(Self::Domain(name.unwrap_or_default().trim().parse()?)),
            "user" if name.is_some() => Ok(Self::User(name.unwrap_or_default().trim().parse()?)),
            _ => Err(ScopeFault::Kind {
                written: written.to_owned(),
                allowed: "global, domain:<domain> or user:<address>",
            }),
        }
    }
}

fn kind_and_name(written: &str) -> (String, Option<&str>) {
    match written.split_once(':') {
        Some((kind, name)) => (kind.trim().to_ascii_lowercase(), Some(name)),
        None => (written.trim().to_ascii_lowercase(), None),
    }
}

impl fmt::Display for ConfigScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("global"),
            Self::Site(site) => write!(f, "site:{site}"),
            Self::Pool(pool) => write!(f, "pool:{pool}"),
        }
    }
}

impl fmt::Display for UserScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("global"),
            Self::Domain(domain) => write!(f, "domain:{domain}"),
            Self::User(user) => write!(f, "user:{user}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_reads_as_it_prints() {
        for written in ["global", "site:Redmond", "pool:atl-cs-001.litwareinc.com"] {
            assert_eq!(written.parse::<ConfigScope>().unwrap().to_string(), written);
        }
        for written in ["global", "domain:contoso.com", "user:adelany@contoso.com"] {
            assert_eq!(written.parse::<UserScope>().unwrap().to_string(), written);
        }
        assert_eq!("USER:sip:A@Contoso.com.".parse::<UserScope>().unwrap().to_string(), "user:a@contoso.com");
    }

    #[test]
    fn two_spellings_of_a_site_are_one_scope() {
        let scope = |written: &str| written.parse::<ConfigScope>().unwrap();
        assert_eq!(scope("site:Redmond"), scope("SITE: redmond"));
        assert_ne!(scope("site:Redmond"), scope("site:Dublin"));
        assert_ne!(scope("site:a.b"), scope("pool:a.b"));
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for written in ["", "everything", "global:", "site:", "site", "pool:", "pool:a b", "domain:x.com"] {
            assert!(written.parse::<ConfigScope>().is_err(), "{written}");
        }
        for written in ["", "site:Redmond", "domain:", "user:contoso.com", "user:", "OU:ou=Redmond"] {
            assert!(written.parse::<UserScope>().is_err(), "{written}");
        }
    }

    #[test]
    fn a_domain_scope_does_not_reach_its_subdomains() {
        let scope: UserScope = "domain:contoso.com".parse().unwrap();
        assert!(scope.covers_account(&"a@contoso.com".parse().unwrap()));
        assert!(!scope.covers_account(&"a@chat.contoso.com".parse().unwrap()));
        assert!(!scope.covers_account(&"a@evilcontoso.com".parse().unwrap()));
    }
}
