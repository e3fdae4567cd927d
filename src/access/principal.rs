//! Principals: who is asking, and the keys by which an SSH endpoint knows them.
//!
//! Operating-system users, their groups and vouched-for names are three namespaces that never
//! meet: `os-user:kim` is not `principal:kim`.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

/// The caller of a cmdlet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A user of the operating system, with the names of all their groups.
    OsUser {
        /// The login name.
        name: String,
        /// Every group, the primary one too.
        groups: Vec<String>,
    },
    /// A name that an endpoint vouches for.
    Vouched {
        /// The name, spelled as in `[[access.principal]]`.
        name: String,
    },
}

impl Principal {
    /// Whether an assignment's member means this principal.
    pub fn is(&self, member: &Member) -> bool {
        match (self, member) {
            (Self::OsUser { name, .. }, Member::OsUser(user)) => name == user,
            (Self::OsUser { groups, .. }, Member::OsGroup(group)) => groups.contains(group),
            (Self::Vouched { name }, Member::Principal(principal)) => name == principal,
            (Self::OsUser { .. }, Member::Principal(_))
            | (Self::Vouched { .. }, Member::OsUser(_) | Member::OsGroup(_)) => false,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OsUser { name, .. } => write!(f, "os-user:{name}"),
            Self::Vouched { name } => write!(f, "principal:{name}"),
        }
    }
}

/// One member of an assignment: `os-user:kim`, `os-group:im-helpdesk` or `principal:pilar`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Member {
    /// A login name.
    OsUser(String),
    /// A group of the operating system.
    OsGroup(String),
    /// A vouched-for name.
    Principal(String),
}

impl Member {
    /// The name, without its namespace.
    pub fn name(&self) -> &str {
        match self {
            Self::OsUser(name) | Self::OsGroup(name) | Self::Principal(name) => name,
        }
    }
}

impl FromStr for Member {
    type Err = MemberFault;

    fn from_str(written: &str) -> Result<Self, MemberFault> {
        let (kind, name) =
            written.split_once(':').ok_or_else(|| MemberFault::NoKind { written: written.to_owned() })?;
        let member = match kind {
            "os-user" => Self::OsUser,
            "os-group" => Self::OsGroup,
            "principal" => Self::Principal,
            _ => return Err(MemberFault::NoKind { written: written.to_owned() }),
        };
        if !is_principal_name(name) {
            return Err(MemberFault::Name { name: name.to_owned() });
        }
        Ok(member(name.to_owned()))
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OsUser(name) => write!(f, "os-user:{name}"),
            Self::OsGroup(name) => write!(f, "os-group:{name}"),
            Self::Principal(name) => write!(f, "principal:{name}"),
        }
    }
}

/// The reason why a text does not name a member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberFault {
    /// No namespace in front, or an unknown one.
    #[error(
        "{written:?} does not say whom it means: write os-user:<name>, os-group:<name> or principal:<name>"
    )]
    NoKind {
        /// The text as written.
        written: String,
    },
    /// A name with characters that none has.
    #[error("{name:?} is no name: letters, digits and . _ - @ are allowed, up to 64, no dash first")]
    Name {
        /// The name as written.
        name: String,
    },
}

/// Whether a text can be the name of a principal.
///
/// The name stands in the forced command that sshd hands to a login shell, so nothing that a shell
/// or an option parser reads otherwise may stand in it.
pub fn is_principal_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && !name.starts_with('-')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_@".contains(c))
}

/// A name that an endpoint may vouch for, and the keys that prove it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalEntry {
    /// The name.
    pub name: String,
    /// Its keys; none where certificates prove it.
    pub keys: Vec<PublicKey>,
}

/// An SSH public key: `ssh-ed25519 AAAA… comment`, without options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// The algorithm: `ssh-ed25519`, `ecdsa-sha2-nistp256`, `sk-ssh-ed25519@openssh.com` …
    pub kind: String,
    /// The key in base64, as `%k` of `AuthorizedKeysCommand` gives it.
    pub blob: String,
    /// The text behind it.
    pub comment: String,
}

impl FromStr for PublicKey {
    type Err = PublicKeyFault;

    fn from_str(written: &str) -> Result<Self, PublicKeyFault> {
        if written.contains("PRIVATE KEY") {
            return Err(PublicKeyFault::Private);
        }
        if written.len() > 16 * 1024 || written.chars().any(char::is_control) {
            return Err(PublicKeyFault::NotOneLine);
        }
        let mut words = written.trim().splitn(3, ' ');
        let (kind, blob) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if !KEY_KINDS.contains(&kind) {
            return Err(PublicKeyFault::Kind { kind: kind.chars().take(80).collect() });
        }
        let bytes = STANDARD.decode(blob).map_err(|_| PublicKeyFault::Base64)?;
        // RFC 4253, section 6.6: strings with their lengths, the first of them the kind again.
        let parts = strings(&bytes).unwrap_or_default();
        if parts.first() != Some(&kind.as_bytes()) || !is_whole(kind, &parts[1..]) {
            return Err(PublicKeyFault::OtherKind { kind: kind.to_owned() });
        }
        if let ("ssh-rsa", [_, _, modulus]) = (kind, parts.as_slice())
            && bits(modulus) < LEAST_RSA_BITS
        {
            return Err(PublicKeyFault::Weak { bits: bits(modulus) });
        }
        Ok(Self {
            kind: kind.to_owned(),
            blob: blob.to_owned(),
            comment: words.next().unwrap_or_default().trim().to_owned(),
        })
    }
}

impl PublicKey {
    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.blob)
    }
}

/// The strings that a key consists of; none where a length leads past its end.
fn strings(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let (part, rest) = string(bytes)?;
        parts.push(part);
        bytes = rest;
    }
    Some(parts)
}

/// Returns the principals that are proved by a key or a certificate that sshd has accepted: the principal whose key
/// it is, or those whom the certificate names; each with the fingerprint of the key.
pub fn proved_by(kind: &str, blob: &str, principals: &[PrincipalEntry]) -> Vec<(String, String)> {
    let is_proved: Box<dyn Fn(&&PrincipalEntry) -> bool> = match certificate_principals(kind, blob) {
        Some(named) => Box::new(move |entry: &&PrincipalEntry| named.contains(&entry.name)),
        None => Box::new(|entry| entry.keys.iter().any(|key| key.kind == kind && key.blob == blob)),
    };
    let fingerprint = fingerprint(blob);
    principals.iter().filter(is_proved).map(|entry| (entry.name.clone(), fingerprint.clone())).collect()
}

/// The names in a certificate (OpenSSH's PROTOCOL.certkeys); `None` for what is no certificate.
fn certificate_principals(kind: &str, blob: &str) -> Option<Vec<String>> {
    let n_key_parts = match kind.strip_suffix("-cert-v01@openssh.com")? {
        "ssh-ed25519" => 1,
        "ssh-rsa"
        | "ecdsa-sha2-nistp256"
        | "ecdsa-sha2-nistp384"
        | "ecdsa-sha2-nistp521"
        | "sk-ssh-ed25519" => 2,
        "sk-ecdsa-sha2-nistp256" => 3,
        _ => return Some(Vec::new()),
    };
    let named = || {
        let bytes = STANDARD.decode(blob).ok()?;
        let mut rest = bytes.as_slice();
        // The kind, a nonce and the key.
        for _ in 0..2 + n_key_parts {
            rest = string(rest)?.1;
        }
        // Its serial number and that it is a user's, then its identifier.
        let (_, rest) = rest.split_at_checked(8)?;
        let (of, rest) = rest.split_first_chunk::<4>()?;
        let (names, _) = string(string(rest)?.1)?;
        let names = strings(names)?.into_iter().map(|name| String::from_utf8(name.to_vec()).ok());
        names.collect::<Option<Vec<String>>>().filter(|_| u32::from_be_bytes(*of) == USER_CERTIFICATE)
    };
    Some(named().unwrap_or_default())
}

const USER_CERTIFICATE: u32 = 1;

/// A string with its length in front, and what follows it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

fn fingerprint(blob: &str) -> String {
    let bytes = STANDARD.decode(blob).unwrap_or_default();
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(bytes)))
}

/// Whether the parts behind the kind are those of a key of that kind (RFC 8709, RFC 4253, RFC 5656,
/// OpenSSH's PROTOCOL.u2f).
fn is_whole(kind: &str, parts: &[&[u8]]) -> bool {
    let is_point = |curve: &[u8], point: &[u8]| {
        let size = match curve {
            b"nistp256" => 32,
            b"nistp384" => 48,
            b"nistp521" => 66,
            _ => return false,
        };
        point.len() == 1 + 2 * size && point.first() == Some(&4)
    };
    match (kind, parts) {
        ("ssh-ed25519", [key]) => key.len() == 32,
        ("sk-ssh-ed25519@openssh.com", [key, application]) => key.len() == 32 && !application.is_empty(),
        ("ssh-rsa", [exponent, modulus]) => !exponent.is_empty() && !modulus.is_empty(),
        ("sk-ecdsa-sha2-nistp256@openssh.com", [curve, point, application]) => {
            *curve == b"nistp256" && is_point(curve, point) && !application.is_empty()
        }
        (_, [curve, point]) => {
            kind.as_bytes().strip_prefix(b"ecdsa-sha2-") == Some(curve) && is_point(curve, point)
        }
        _ => false,
    }
}

fn bits(number: &[u8]) -> usize {
    let significant = number.iter().position(|byte| *byte != 0).map_or(&[][..], |at| &number[at..]);
    significant.first().map_or(0, |first| significant.len() * 8 - first.leading_zeros() as usize)
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.blob)?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " {}", self.comment) }
    }
}

/// The reason why a text is not an acceptable public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyFault {
    /// A private key, which nobody but its owner may have.
    #[error("that is a private key, which must not leave its owner: give the line of the .pub file")]
    Private,
    /// An RSA key that is too short.
    #[error("an RSA key of {bits} bits is too short: 2048 at least")]
    Weak {
        /// Its length.
        bits: usize,
    },
    /// Line breaks, control characters or far too long.
    #[error("a public key is one line of at most 16 KiB")]
    NotOneLine,
    /// Does not begin with a kind that OpenSSH takes.
    #[error("{kind:?} is no kind of SSH public key: paste the line of the .pub file, without options")]
    Kind {
        /// The first word.
        kind: String,
    },
    /// The second word is no base64.
    #[error("the key behind its kind is no base64")]
    Base64,
    /// The key itself says another kind, or nothing.
    #[error("the key is not the {kind} key that it says it is")]
    OtherKind {
        /// The first word.
        kind: String,
    },
}

const LEAST_RSA_BITS: usize = 2048;
const KEY_KINDS: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfMhVvJ0mW0n0mS3bYjJ8QmJ5Jj1wJ3q4g6p3l1u0aZ pilar@desk";

    #[test]
    fn namespaces_never_meet() {
        let kim = Principal::OsUser { name: "kim".into(), groups: vec!["im-helpdesk".into()] };
        let vouched = Principal::Vouched { name: "kim".into() };
        for (member, is_kim, is_vouched) in [
            ("os-user:kim", true, false),
            ("os-group:im-helpdesk", true, false),
            ("os-group:kim", false, false),
            ("os-user:im-helpdesk", false, false),
            ("principal:kim", false, true),
        ] {
            let member: Member = member.parse().unwrap();
            assert_eq!((kim.is(&member), vouched.is(&member)), (is_kim, is_vouched), "{member}");
        }
    }

    #[test]
    fn a_name_that_a_shell_would_read_is_refused() {
        for name in ["", "-x", "a b", "a;b", "a\"b", "a\nb", "$(id)", "ü"] {
            assert!(format!("principal:{name}").parse::<Member>().is_err(), "{name:?}");
        }
        for member in ["kim", "user:kim", "OS-USER:kim"] {
            assert!(member.parse::<Member>().is_err(), "{member}");
        }
    }

    #[test]
    fn a_public_key_is_what_it_says() {
        let key: PublicKey = KEY.parse().unwrap();
        assert_eq!((key.comment.as_str(), key.to_string().as_str()), ("pilar@desk", KEY));
        let blob = &key.blob;
        for wrong in [
            String::new(),
            format!("command=\"sh\" {KEY}"),
            format!("ssh-rsa {blob}"),
            "ssh-ed25519 AAAA".to_owned(),
            "ssh-ed25519 !!!!".to_owned(),
            format!("{KEY}\nssh-ed25519 {blob}"),
        ] {
            assert!(wrong.parse::<PublicKey>().is_err(), "{wrong:?}");
        }
    }
}
