//! The certificate authority of a run, and every way in which a certificate can be wrong.

use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, OtherNameValue, SanType, date_time_ymd,
};

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    None,
    Expired,
    NotYetValid,
    WrongName,
    SelfSigned,
    UnknownAuthority,
    MissingIntermediate,
    /// Its extended key usage allows a server, and no client.
    ServersOnly,
    /// Its extended key usage allows a client, and no server.
    ClientsOnly,
    /// Its key usage allows it to issue others, and nothing that TLS does.
    IssuersOnly,
    /// The authority signed it with SHA-1.
    Sha1,
    /// Its key is one of RSA with 1 024 bits.
    ShortKey,
}

impl Flaw {
    /// The flaws that a server with OpenSSL's usual settings can show.
    pub const ALL: [Flaw; 9] = [
        Flaw::Expired,
        Flaw::NotYetValid,
        Flaw::WrongName,
        Flaw::SelfSigned,
        Flaw::UnknownAuthority,
        Flaw::MissingIntermediate,
        Flaw::ServersOnly,
        Flaw::ClientsOnly,
        Flaw::IssuersOnly,
    ];

    /// The first label of the virtual host that shows the flaw.
    pub fn label(self) -> &'static str {
        match self {
            Flaw::None => "good",
            Flaw::Expired => "expired",
            Flaw::NotYetValid => "notyet",
            Flaw::WrongName => "wrongname",
            Flaw::SelfSigned => "selfsigned",
            Flaw::UnknownAuthority => "unknownca",
            Flaw::MissingIntermediate => "nochain",
            Flaw::ServersOnly => "serversonly",
            Flaw::ClientsOnly => "clientsonly",
            Flaw::IssuersOnly => "issuersonly",
            Flaw::Sha1 => "sha1",
            Flaw::ShortKey => "shortkey",
        }
    }
}

/// A certificate chain and its key, as PEM files.
#[derive(Clone, Debug)]
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Identity {
    /// Both in one file, as ejabberd wants them.
    pub fn combined(&self) -> PathBuf {
        self.certificate.with_extension("both.pem")
    }
}

/// The authority that everybody in the federation trusts, and one that nobody does.
pub struct Authority {
    folder: PathBuf,
    ca_file: PathBuf,
    trusted: Issuer<'static, KeyPair>,
    unknown: Issuer<'static, KeyPair>,
    /// Signed by the trusted one; no server sends its certificate.
    intermediate: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes both authorities; the trusted one's certificate is written to `ca.pem`.
    pub fn establish(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let (trusted, pem, key) = root("Root", "Federation Test Authority");
        let (unknown, unknown_pem, _) = root("Root", "Authority That Nobody Knows");
        let intermediate =
            Issuer::new(issuing("Intermediate", "Federation Test Authority"), KeyPair::generate().unwrap());
        let ca_file = folder.join("ca.pem");
        std::fs::write(&ca_file, pem).unwrap();
        std::fs::create_dir_all(folder.join("keys")).unwrap();
        std::fs::write(folder.join("keys/ca.key"), key).unwrap();
        std::fs::create_dir_all(folder.join("unknown")).unwrap();
        std::fs::write(folder.join("unknown/ca.pem"), unknown_pem).unwrap();
        Self { folder: folder.to_owned(), ca_file, trusted, unknown, intermediate }
    }

    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// The certificate of an authority that signed nobody's good certificate.
    pub fn unknown_ca_file(&self) -> PathBuf {
        self.folder.join("unknown/ca.pem")
    }

    /// A certificate for `domain` with the flaw, good for both ends of a connection: a server shows it
    /// to clients, and as a client to other servers.
    pub fn issue(&self, domain: &str, flaw: Flaw) -> Identity {
        self.issue_named(&valid_name(domain, flaw), domain, flaw, domain)
    }

    /// The same beside the one that a server of the domain shows to clients.
    pub fn issue_for_servers(&self, domain: &str, flaw: Flaw) -> Identity {
        self.issue_named(&valid_name(domain, flaw), domain, flaw, &format!("servers.{domain}"))
    }

    /// The same, with `domain` as the common name whatever the certificate is valid for: ejabberd chooses
    /// a host's certificate by that name too, and nobody else accepts it by that name.
    pub fn issue_for_ejabberd(&self, domain: &str, flaw: Flaw) -> Identity {
        self.issue_named(domain, domain, flaw, domain)
    }

    /// A certificate of the kind that only old software makes, for a domain, by OpenSSL.
    pub fn issue_outdated(&self, domain: &str, flaw: Flaw) -> Identity {
        let key = if flaw == Flaw::ShortKey { "rsa:1024" } else { "rsa:2048" };
        let hash = if flaw == Flaw::Sha1 { "-sha1" } else { "-sha256" };
        let made = Command::new("sh")
            .args(["-ec", OUTDATED, "sh", domain, key, hash])
            .current_dir(&self.folder)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Identity {
            certificate: self.folder.join(format!("{domain}.crt")),
            key: self.folder.join(format!("{domain}.key")),
        }
    }

    /// A certificate for an account (RFC 6120, section 13.7.1.4), to log on with.
    pub fn issue_for_account(&self, account: &str) -> Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(account);
        let name = OtherNameValue::Utf8String(account.to_owned());
        params.subject_alt_names = vec![SanType::OtherName((XMPP_ADDR.to_vec(), name))];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2099, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.trusted).unwrap().pem();
        let identity = Identity {
            certificate: self.folder.join(format!("{account}.crt")),
            key: self.folder.join(format!("{account}.key")),
        };
        std::fs::write(&identity.certificate, certificate).unwrap();
        std::fs::write(&identity.key, key.serialize_pem()).unwrap();
        identity
    }

    fn issue_named(&self, common: &str, domain: &str, flaw: Flaw, file: &str) -> Identity {
        let mut params = CertificateParams::new([valid_name(domain, flaw)]).unwrap();
        params.distinguished_name = common_name(common);
        params.extended_key_usages = match flaw {
            Flaw::ServersOnly => vec![ExtendedKeyUsagePurpose::ServerAuth],
            Flaw::ClientsOnly => vec![ExtendedKeyUsagePurpose::ClientAuth],
            Flaw::None
            | Flaw::Expired
            | Flaw::NotYetValid
            | Flaw::WrongName
            | Flaw::SelfSigned
            | Flaw::UnknownAuthority
            | Flaw::MissingIntermediate
            | Flaw::IssuersOnly
            | Flaw::Sha1
            | Flaw::ShortKey => {
                vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth]
            }
        };
        if flaw == Flaw::IssuersOnly {
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        }
        params.use_authority_key_identifier_extension = true;
        let (from, until) = validity(flaw);
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);

        let key = KeyPair::generate().unwrap();
        let certificate = match flaw {
            Flaw::SelfSigned => params.self_signed(&key),
            Flaw::UnknownAuthority => params.signed_by(&key, &self.unknown),
            Flaw::MissingIntermediate => params.signed_by(&key, &self.intermediate),
            Flaw::None
            | Flaw::Expired
            | Flaw::NotYetValid
            | Flaw::WrongName
            | Flaw::ServersOnly
            | Flaw::ClientsOnly
            | Flaw::IssuersOnly
            | Flaw::Sha1
            | Flaw::ShortKey => params.signed_by(&key, &self.trusted),
        }
        .unwrap()
        .pem();
        let identity = Identity {
            certificate: self.folder.join(format!("{file}.crt")),
            key: self.folder.join(format!("{file}.key")),
        };
        std::fs::write(&identity.certificate, &certificate).unwrap();
        std::fs::write(&identity.key, key.serialize_pem()).unwrap();
        std::fs::write(identity.combined(), certificate + key.serialize_pem().as_str()).unwrap();
        identity
    }
}

/// The OID of xmppAddr.
const XMPP_ADDR: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 8, 5];

/// An authority, its certificate and its key.
fn root(name: &str, organization: &str) -> (Issuer<'static, KeyPair>, String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = issuing(name, organization).self_signed(&key).unwrap().pem();
    let written = key.serialize_pem();
    (Issuer::new(issuing(name, organization), key), certificate, written)
}

/// Arguments: the domain, the key, the hash of the signature.
const OUTDATED: &str = r#"
printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$1" >"keys/$1.ext"
openssl req -new -newkey "$2" -nodes -keyout "$1.key" -subj "/CN=$1" -out "keys/$1.csr"
openssl x509 -req -in "keys/$1.csr" -CA ca.pem -CAkey keys/ca.key -set_serial 1 "$3" -days 3650 \
  -extfile "keys/$1.ext" -out "$1.crt"
"#;

fn issuing(name: &str, organization: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(name);
    params.distinguished_name.push(DnType::OrganizationName, organization);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    params
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn valid_name(domain: &str, flaw: Flaw) -> String {
    if flaw == Flaw::WrongName { format!("elsewhere-{domain}") } else { domain.to_owned() }
}

/// The years at whose first days a certificate begins and ends.
fn validity(flaw: Flaw) -> (i32, i32) {
    match flaw {
        Flaw::Expired => (2020, 2021),
        Flaw::NotYetValid => (2098, 2099),
        Flaw::None
        | Flaw::WrongName
        | Flaw::SelfSigned
        | Flaw::UnknownAuthority
        | Flaw::MissingIntermediate
        | Flaw::ServersOnly
        | Flaw::ClientsOnly
        | Flaw::IssuersOnly
        | Flaw::Sha1
        | Flaw::ShortKey => (2020, 2099),
    }
}
