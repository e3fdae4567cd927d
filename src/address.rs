//! Addresses and domains: `user@domain` in every spelling that people write, brought to one form.
//!
//! Ground: imported by every layer. Two spellings of one address compare equal here (letter case,
//! a trailing dot, `xn--` labels, `sip:` and `xmpp:` in front), so that what is looked up, what is
//! allowed and what goes on the wire are the same thing. Never asks the network.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use jid::{BareJid, DomainPart, DomainRef, NodePart};

/// An account's address, `user@domain` (RFC 7622): always with a local part, never with a resource.
///
/// Reads `user@domain`, `sip:user@domain` and `xmpp:user@domain`; prints `user@domain`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(BareJid);

impl Address {
    /// The address as a JID.
    pub fn bare(&self) -> &BareJid {
        &self.0
    }

    /// Returns the part before the `@`.
    pub fn local(&self) -> &str {
        // INVARIANT: every constructor refuses an address without a local part.
        self.0.node().map_or("", |node| node.as_str())
    }

    /// Returns the domain, which stands behind the `@`.
    pub fn domain(&self) -> Domain {
        Domain(self.0.domain().to_owned())
    }

    /// Whether the address is at this domain.
    pub fn is_at(&self, domain: &Domain) -> bool {
        self.0.domain().as_str() == domain.as_str()
    }

    /// The spelling of the original's documentation: `sip:user@domain`.
    pub fn sip(&self) -> String {
        format!("sip:{}", self.0)
    }
}

impl FromStr for Address {
    type Err = AddressFault;

    fn from_str(written: &str) -> Result<Self, AddressFault> {
        if written.trim().is_empty() {
            return Err(AddressFault::Empty);
        }
        if written.len() > MAX_WRITTEN {
            return Err(AddressFault::TooLong { bytes: written.len() });
        }
        let (is_uri, rest) = without_scheme(written)?;
        let Some((local, domain)) = rest.rsplit_once('@') else {
            return Err(AddressFault::NoLocalPart { written: written.to_owned() });
        };
        if let Some((_, resource)) = domain.split_once('/') {
            return Err(AddressFault::Resource { resource: resource.to_owned() });
        }
        if let Some(at) = domain.find(['?', ';', '#']) {
            return Err(AddressFault::UriParameters { parameters: domain[at..].to_owned() });
        }
        if local.is_empty() {
            return Err(AddressFault::NoLocalPart { written: written.to_owned() });
        }
        let local = if is_uri { percent_decoded(local)? } else { local.to_owned() };
        let bad_local = || AddressFault::LocalPart { local: local.clone() };
        let node = NodePart::new(&local).map_err(|_| bad_local())?;
        // What nodeprep makes of it must be the same when it is read again: `🄐` becomes `(A)`, and that `(a)`.
        if NodePart::new(node.as_str()).ok().as_deref() != Some(&*node) {
            return Err(bad_local());
        }
        let domain: Domain = domain.parse().map_err(AddressFault::Domain)?;
        Ok(Self(BareJid::from_parts(Some(&node), &domain.0)))
    }
}

impl TryFrom<BareJid> for Address {
    type Error = AddressFault;

    fn try_from(bare: BareJid) -> Result<Self, AddressFault> {
        bare.as_str().parse()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The reason why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// Nothing was written.
    #[error("an address is missing: write it as user@domain")]
    Empty,
    /// No `@`, or nothing before it.
    #[error("{written:?} names no user: write it as user@domain")]
    NoLocalPart {
        /// The text as written.
        written: String,
    },
    /// A scheme in front that is neither `sip:` nor `xmpp:`.
    #[error("the scheme {scheme:?} is none of sip: and xmpp:")]
    Scheme {
        /// The scheme, without the colon.
        scheme: String,
    },
    /// A full JID, where an account is wanted.
    #[error("an address ends with its domain: leave out \"/{resource}\"")]
    Resource {
        /// The resource, without the slash.
        resource: String,
    },
    /// URI parameters or a query behind the domain.
    #[error("an address has no parameters: leave out {parameters:?}")]
    UriParameters {
        /// From the first `;`, `?` or `#`.
        parameters: String,
    },
    /// `%` in a URI, without two hexadecimal digits behind it or for bytes that are no text.
    #[error("{local:?} has a percent sign that encodes nothing")]
    PercentEncoding {
        /// The local part as written.
        local: String,
    },
    /// The local part breaks the rules of RFC 7622, section 3.3.
    #[error("{local:?} cannot stand before the @ of an address")]
    LocalPart {
        /// The local part as written.
        local: String,
    },
    /// The domain part is none.
    #[error("{0}")]
    Domain(DomainFault),
    /// Longer than any address can be.
    #[error("an address of {bytes} bytes is too long: 3071 are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

/// A domain or a host name in one canonical form: Unicode, lower case, no trailing dot.
///
/// Pools, XMPP domains and servers are named by it. An IP address in place of a name keeps its
/// shortest spelling, IPv6 in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(DomainPart);

impl Domain {
    /// The canonical form.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The form that DNS and TLS use: `xn--` labels for what is not ASCII.
    pub fn ascii(&self) -> String {
        idna::domain_to_ascii(self.as_str()).unwrap_or_else(|_| self.as_str().to_owned())
    }

    /// The domain as a part of a JID.
    pub fn part(&self) -> &DomainRef {
        &self.0
    }

    /// The address, where this is one in place of a name.
    pub fn ip(&self) -> Option<IpAddr> {
        ip_literal(self.as_str())
    }
}

impl FromStr for Domain {
    type Err = DomainFault;

    fn from_str(written: &str) -> Result<Self, DomainFault> {
        if written.trim().is_empty() {
            return Err(DomainFault::Empty);
        }
        let malformed = || DomainFault::Malformed { written: written.chars().take(MAX_QUOTED).collect() };
        if written.len() > MAX_WRITTEN {
            return Err(malformed());
        }
        let name = match ip_literal(written) {
            Some(IpAddr::V4(v4)) => v4.to_string(),
            Some(IpAddr::V6(v6)) => format!("[{v6}]"),
            None => {
                let (unicode, checked) = idna::domain_to_unicode(written);
                checked.map_err(|_| malformed())?;
                unicode
            }
        };
        let part = DomainPart::new(&name).map_err(|_| malformed())?.into_owned();
        // What nameprep makes of a name must be a name again, or two readings of it would differ.
        match DomainPart::new(part.as_str()) {
            Ok(again) if again.as_str() == part.as_str() => Ok(Self(part)),
            Ok(_) | Err(_) => Err(malformed()),
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AsRef<str> for Domain {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Domain {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Domain {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// The reason why a text is no domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainFault {
    /// Nothing was written.
    #[error("a domain is missing")]
    Empty,
    /// Not a name by the rules of DNS and IDNA.
    #[error("{written:?} is no domain name")]
    Malformed {
        /// The text as written, at most 80 characters of it.
        written: String,
    },
}

/// Takes `sip:` or `xmpp:` off, in any letter case; says whether one was there.
fn without_scheme(written: &str) -> Result<(bool, &str), AddressFault> {
    // A colon may not stand in a local part (RFC 7622, section 3.3.1), and may in an IPv6 domain.
    let before_at = written.rsplit_once('@').map_or(written, |(local, _)| local);
    let Some((scheme, _)) = before_at.split_once(':') else {
        return Ok((false, written));
    };
    if scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("xmpp") {
        return Ok((true, &written[scheme.len() + 1..]));
    }
    Err(AddressFault::Scheme { scheme: scheme.to_owned() })
}

/// Undoes RFC 3986, section 2.1.
fn percent_decoded(local: &str) -> Result<String, AddressFault> {
    let fault = || AddressFault::PercentEncoding { local: local.to_owned() };
    let mut bytes = Vec::with_capacity(local.len());
    let mut rest = local.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(fault()) };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| fault())?);
    }
    String::from_utf8(bytes).map_err(|_| fault())
}

fn ip_literal(written: &str) -> Option<IpAddr> {
    let inner = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match inner {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => written.parse().ok(),
    }
}

/// The longest JID of RFC 7622 is 3071 bytes with a resource; a scheme and encoding fit as well.
const MAX_WRITTEN: usize = 3071;
const MAX_QUOTED: usize = 80;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_of_an_address_is_the_same_address() {
        let wanted: Address = "kenmyer@litwareinc.com".parse().unwrap();
        for written in [
            "kenmyer@litwareinc.com",
            "sip:kenmyer@litwareinc.com",
            "SIP:KenMyer@LitwareInc.com.",
            "xmpp:kenmyer@litwareinc.com",
            "xmpp:ken%6Dyer@litwareinc.com",
            "kenmyer@LITWAREINC.COM",
            "kenmyer@litwareinc。com",
        ] {
            assert_eq!(written.parse::<Address>().unwrap(), wanted, "{written}");
        }
        assert_eq!(wanted.sip(), "sip:kenmyer@litwareinc.com");
        assert_eq!(wanted.to_string(), "kenmyer@litwareinc.com");
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (written, why) in [
            ("", "an address is missing: write it as user@domain"),
            ("kenmyer", "\"kenmyer\" names no user: write it as user@domain"),
            ("@contoso.com", "\"@contoso.com\" names no user: write it as user@domain"),
            ("mailto:a@b.c", "the scheme \"mailto\" is none of sip: and xmpp:"),
            ("a@b.c/phone", "an address ends with its domain: leave out \"/phone\""),
            ("sip:a@b.c;transport=tls", "an address has no parameters: leave out \";transport=tls\""),
            ("xmpp:a@b.c?message", "an address has no parameters: leave out \"?message\""),
            ("xmpp:a%4@b.c", "\"a%4\" has a percent sign that encodes nothing"),
            ("a b@c.d", "\"a b\" cannot stand before the @ of an address"),
            ("a@b@c.d", "\"a@b\" cannot stand before the @ of an address"),
            ("a@-b", "\"-b\" is no domain name"),
            ("a@", "a domain is missing"),
        ] {
            let fault = written.parse::<Address>().map(|address| address.to_string()).unwrap_err();
            assert_eq!(fault.to_string(), why, "{written}");
        }
    }

    #[test]
    fn a_domain_has_one_form() {
        for (written, wanted) in [
            ("Contoso.COM.", "contoso.com"),
            ("xn--bcher-kva.example", "bücher.example"),
            ("BÜCHER.example", "bücher.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("[0::1]", "[::1]"),
            ("::1", "[::1]"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(written.parse::<Domain>().unwrap(), wanted, "{written}");
        }
        assert_eq!("bücher.example".parse::<Domain>().unwrap().ascii(), "xn--bcher-kva.example");
    }

    proptest! {
        #[test]
        fn reading_a_printed_address_gives_it_back(written in "[^@]{1,12}@[a-zA-Zéß。.-]{1,12}") {
            if let Ok(address) = written.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
            }
        }

        #[test]
        fn no_text_panics(written in any::<String>()) {
            let _ = written.parse::<Address>();
            let _ = written.parse::<Domain>();
        }
    }
}
