//! Secrets in memory: a password from the prompt to the wire, and the credential that carries it.
//!
//! Ground: imported by every layer. Never printable: `Debug` and `Display` give [`MASK`],
//! there is no `Serialize`, and the memory is wiped on drop.

use std::fmt;
use std::io::{BufRead, BufReader, Read};

use secrecy::{ExposeSecret, SecretString};

/// The text that takes the place of a secret in every way of printing it.
pub const MASK: &str = "********";

/// Bytes of a password in a file, at most.
const MAX_LINE: u64 = 64 * 1024;

/// A password, passphrase or private key in memory.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes ownership of the text, whose buffer is wiped when the last clone is dropped.
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The first line of a file, without its end.
    ///
    /// # Errors
    /// In words: the file cannot be read, or its first line is empty.
    pub fn first_line(file: impl Read) -> Result<Self, String> {
        let mut line = String::new();
        let read = BufReader::new(file.take(MAX_LINE)).read_line(&mut line);
        read.map_err(|error| error.to_string())?;
        let password = line.trim_end_matches(['\r', '\n']);
        let is_empty = password.is_empty();
        let secret = Self::new(password.to_owned());
        zeroize::Zeroize::zeroize(&mut line);
        if is_empty { Err("its first line is empty".to_owned()) } else { Ok(secret) }
    }

    /// The text itself, for the one place that puts it on the wire or into the vault.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Masks the secrets in a text: a long one wherever it stands, a short one where it is a word by itself, since
/// its letters may stand in other words by chance.
pub fn mask(text: &mut String, secrets: &[Secret]) {
    for secret in secrets.iter().map(Secret::expose).filter(|secret| !secret.is_empty()) {
        let mut from = 0;
        // Many short words are masked: the library's search prepares itself longer than it looks through one.
        while let Some(at) = memchr::memmem::find(&text.as_bytes()[from..], secret.as_bytes()) {
            let (start, end) = (from + at, from + at + secret.len());
            let is_part_of_a_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            let is_word = !is_part_of_a_word(text[..start].chars().next_back())
                && !is_part_of_a_word(text[end..].chars().next());
            if is_word || secret.chars().count() >= UNMISTAKABLE {
                text.replace_range(start..end, MASK);
                from = start + MASK.len();
            } else {
                from = end;
            }
        }
    }
}

/// Characters from which on a secret stands nowhere by chance.
const UNMISTAKABLE: usize = 6;

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// A user name and its password, as `Get-Credential` returns them.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The name as the user wrote it: `kenmyer`, `litwareinc\kenmyer` or `kenmyer@litwareinc.com`.
    pub user_name: String,
    /// The password.
    pub password: Secret,
    /// The account whose stored secret this is; none for one that somebody typed. A stored one can be
    /// used and handed on, and goes to the pools that list the account and to no others.
    pub stored_for: Option<String>,
}

impl Credential {
    /// A credential that somebody typed.
    pub fn new(user_name: impl Into<String>, password: Secret) -> Self {
        Self { user_name: user_name.into(), password, stored_for: None }
    }

    /// The name to authenticate with: what stands behind `DOMAIN\`, or before `@`.
    pub fn logon_name(&self) -> &str {
        let name = match self.user_name.split_once('\\') {
            Some((_, name)) => name,
            None => &self.user_name,
        };
        name.split_once('@').map_or(name, |(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_in_every_format() {
        let credential = Credential::new("kenmyer", Secret::new("hunter2".into()));
        let printed =
            format!("{credential:?} {credential:#?} {} {:?}", credential.password, credential.password);
        assert!(!printed.contains("hunter2"), "{printed}");
        assert!(printed.contains(MASK));
    }

    #[test]
    fn a_long_secret_is_masked_anywhere_and_a_short_one_as_a_word() {
        for (secret, text, masked) in [
            ("hunter22", "got ahunter22 from hunter22", "got a******** from ********"),
            ("ken", "kenmyer said ken, (ken)", "kenmyer said ********, (********)"),
            ("", "nothing", "nothing"),
            ("*", "2 * 3", "2 ******** 3"),
            ("schlüssel", "der Schlüssel: schlüssel", "der Schlüssel: ********"),
        ] {
            let mut text = text.to_owned();
            mask(&mut text, &[Secret::new(secret.to_owned())]);
            assert_eq!(text, masked);
        }
    }

    #[test]
    fn a_panic_shows_no_secret() {
        let password = Secret::new("hunter2".into());
        let panic = std::panic::catch_unwind(|| panic!("{password:?}")).unwrap_err();
        let said = panic.downcast_ref::<String>().unwrap();
        assert!(said.contains(MASK) && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn the_logon_name_is_the_bare_account() {
        for written in ["kenmyer", r"litwareinc\kenmyer", "kenmyer@litwareinc.com"] {
            let credential = Credential::new(written, Secret::new(String::new()));
            assert_eq!(credential.logon_name(), "kenmyer", "{written}");
        }
    }
}
