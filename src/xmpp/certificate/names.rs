//! The names of a certificate, and whom they cover (RFC 9525, section 6; RFC 6120, section 13.7.1.2).
//!
//! Only the subject-alternative-name extension is read; a common name is no name.

use std::net::IpAddr;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use super::{CertificateIdentity, CertificateName, CertificateRole};
use crate::xmpp::dns::a_label;
use crate::xmpp::trace::printable;

/// The names of the subject-alternative-name extension.
pub(super) fn names(certificate: &X509Certificate<'_>) -> Vec<CertificateName> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| {
        if let GeneralName::DNSName(name) = name {
            return Some(CertificateName::Dns(printable(name)));
        }
        if let GeneralName::IPAddress(bytes) = name {
            return address(bytes).map(|address| CertificateName::Ip(address.to_string()));
        }
        let GeneralName::OtherName(kind, value) = name else { return None };
        let text = printable(explicit_text(value)?);
        match kind.to_id_string().as_str() {
            XMPP_ADDR => Some(CertificateName::XmppAddr(text)),
            SRV_NAME => Some(CertificateName::Srv(text)),
            _ => None,
        }
    };
    extension.value.general_names.iter().filter_map(name).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// The text of an otherName's value: `[0] EXPLICIT` around a UTF8String or an IA5String (X.690).
fn explicit_text(der: &[u8]) -> Option<&str> {
    let string = value(der, &[0xA0])?;
    std::str::from_utf8(value(string, &[0x0C, 0x16])?).ok()
}

/// The content of a DER value that has one of these tags and fills the slice.
fn value<'a>(der: &'a [u8], tags: &[u8]) -> Option<&'a [u8]> {
    let (tag, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, content) = match length {
        0..=0x7F => (usize::from(*length), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?])), rest.get(2..)?),
        _ => return None,
    };
    (tags.contains(tag) && content.len() == length).then_some(content)
}

impl CertificateIdentity {
    /// The name that is good for whom we ask for, if there is one.
    pub(super) fn find<'a>(&self, names: &'a [CertificateName]) -> Option<&'a CertificateName> {
        let service = match self.role {
            CertificateRole::Client => "_xmpp-client.",
            CertificateRole::Server => "_xmpp-server.",
        };
        let for_domain = |name: &&CertificateName| match name {
            CertificateName::Dns(pattern) => covers(pattern, &self.domain),
            CertificateName::Srv(name) => {
                name.strip_prefix(service).is_some_and(|name| name.eq_ignore_ascii_case(&self.domain))
            }
            CertificateName::XmppAddr(name) => a_label(name).is_ok_and(|name| name == self.domain),
            CertificateName::Ip(_) => false,
        };
        let for_host = |name: &&CertificateName| match (name, &self.host) {
            (CertificateName::Dns(pattern), Some(host)) => covers(pattern, host),
            (_, _) => false,
        };
        names.iter().find(for_domain).or_else(|| names.iter().find(for_host))
    }
}

/// Whether a dNSName covers a host: equal, or with `*` for the whole of the first label (RFC 9525, section 6.3).
fn covers(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.trim_end_matches('.'), host.trim_end_matches('.'));
    match pattern.strip_prefix("*.") {
        None => pattern.eq_ignore_ascii_case(host),
        Some(rest) => {
            let label = host.split_once('.').filter(|(label, _)| !label.is_empty());
            rest.contains('.') && label.is_some_and(|(_, parent)| rest.eq_ignore_ascii_case(parent))
        }
    }
}

/// RFC 6120, section 13.7.1.4: id-on-xmppAddr.
const XMPP_ADDR: &str = "1.3.6.1.5.5.7.8.5";

/// RFC 4985, section 2: id-on-dnsSRV.
const SRV_NAME: &str = "1.3.6.1.5.5.7.8.7";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_covers_itself_and_a_wildcard_one_label() {
        for (pattern, host, expected) in [
            ("contoso.com", "CONTOSO.com.", true),
            ("*.contoso.com", "im.contoso.com", true),
            ("*.contoso.com", "contoso.com", false),
            ("*.contoso.com", ".contoso.com", false),
            ("*.contoso.com", "a.b.contoso.com", false),
            ("*", "contoso", false),
            ("*.com", "contoso.com", false),
            ("i*.contoso.com", "im.contoso.com", false),
            ("*.*.com", "a.b.com", false),
        ] {
            assert_eq!(covers(pattern, host), expected, "{pattern} {host}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_of_other_names_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            explicit_text(&bytes);
        }
    }
}
