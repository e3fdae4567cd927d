//! The contents of the vault: a line that names the version, then one line per account.
//!
//! A line is the account and four fields in base64, `-` for one that is absent: user name, password,
//! certificate, private key. Base64 is decoded into buffers of known size, so that no secret stays
//! behind in memory that grew, as it would with the general formats.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{Entries, Fault, StoredCertificate, StoredCredential};
use crate::address::Address;
use crate::secret::Secret;

/// The reason why decrypted text is not a vault.
pub(super) enum MalformedVault {
    Version { version: String },
    Line { line: usize },
}

pub(super) fn parse(plain: &[u8]) -> Result<Entries, MalformedVault> {
    let text = std::str::from_utf8(plain).map_err(|_| MalformedVault::Line { line: 1 })?;
    let mut lines = text.lines();
    match lines.next().and_then(|first| first.strip_prefix(NAME)) {
        Some(VERSION) => {}
        Some(version) => return Err(MalformedVault::Version { version: version.chars().take(20).collect() }),
        None => return Err(MalformedVault::Line { line: 1 }),
    }
    let mut entries = Entries::new();
    for (n, line) in lines.enumerate() {
        let (account, credential) = entry(line).ok_or(MalformedVault::Line { line: n + 2 })?;
        entries.insert(account, credential);
    }
    Ok(entries)
}

pub(super) fn print(entries: &Entries) -> Zeroizing<Vec<u8>> {
    let size = entries.iter().map(|(account, credential)| line_size(account, credential)).sum::<usize>();
    let mut text = Zeroizing::new(String::with_capacity(NAME.len() + VERSION.len() + 1 + size));
    for piece in [NAME, VERSION, "\n"] {
        text.push_str(piece);
    }
    for (account, credential) in entries {
        text.push_str(&account.to_string());
        for field in fields(credential) {
            text.push(' ');
            match field {
                Some(field) => STANDARD.encode_string(field, &mut text),
                None => text.push('-'),
            }
        }
        text.push('\n');
    }
    Zeroizing::new(std::mem::take(&mut *text).into_bytes())
}

/// Refuses what no credential needs, so that the vault stays readable.
pub(super) fn check_size(account: &Address, credential: &StoredCredential) -> Result<(), Fault> {
    if line_size(account, credential) > MAX_ENTRY_BYTES {
        return Err(Fault::TooLarge { account: account.clone() });
    }
    Ok(())
}

fn fields(credential: &StoredCredential) -> [Option<&str>; 4] {
    let certificate = credential.certificate.as_ref();
    [
        Some(&credential.user_name),
        credential.password.as_ref().map(Secret::expose),
        certificate.map(|certificate| certificate.chain_pem.as_str()),
        certificate.map(|certificate| certificate.key_pem.expose()),
    ]
}

fn line_size(account: &Address, credential: &StoredCredential) -> usize {
    let in_base64 = |field: Option<&str>| field.map_or(1, |field| field.len().div_ceil(3) * 4);
    let fields = fields(credential).into_iter().map(|field| 1 + in_base64(field)).sum::<usize>();
    account.to_string().len() + fields + 1
}

fn entry(line: &str) -> Option<(Address, StoredCredential)> {
    let mut words = line.split(' ');
    let account: Address = words.next()?.parse().ok()?;
    let mut field = || match words.next()? {
        "-" => Some(None),
        encoded => decode(encoded).map(Some),
    };
    let (user_name, password, chain, key) = (field()??, field()?, field()?, field()?);
    if words.next().is_some() {
        return None;
    }
    let certificate = match (chain, key) {
        (Some(chain_pem), Some(key)) => Some(StoredCertificate { chain_pem, key_pem: Secret::new(key) }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return None,
    };
    Some((account, StoredCredential { user_name, password: password.map(Secret::new), certificate }))
}

/// Decodes into a text of exactly its own size: one that shrank might leave a copy behind.
fn decode(encoded: &str) -> Option<String> {
    let mut buffer = Zeroizing::new(vec![0; base64::decoded_len_estimate(encoded.len())]);
    let n_bytes = STANDARD.decode_slice(encoded, &mut buffer).ok()?;
    let text = std::str::from_utf8(buffer.get(..n_bytes)?).ok()?;
    Some(text.to_owned())
}

const NAME: &str = "imsh-vault ";
const VERSION: &str = "1";
const MAX_ENTRY_BYTES: usize = 1 << 20;
