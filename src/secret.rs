//! Secrets in memory: a password from the prompt to the wire, and the credential that carries it.
//!
//! Ground: imported by every layer. Never printable: `Debug` and `Display` give [`MASK`],
//! there is no `Serialize`, and the memory is wiped on drop.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// What a secret looks like in every way of printing it.
pub const MASK: &str = "********";

/// A password, passphrase or private key in memory.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes ownership of the text, whose buffer is wiped when the last clone is dropped.
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The text itself, for the one place that puts it on the wire or into the vault.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

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
}

impl Credential {
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
        let credential = Credential { user_name: "kenmyer".into(), password: Secret::new("hunter2".into()) };
        let printed =
            format!("{credential:?} {credential:#?} {} {:?}", credential.password, credential.password);
        assert!(!printed.contains("hunter2"), "{printed}");
        assert!(printed.contains(MASK));
    }

    #[test]
    fn the_logon_name_is_the_bare_account() {
        for written in ["kenmyer", r"litwareinc\kenmyer", "kenmyer@litwareinc.com"] {
            let credential = Credential { user_name: written.into(), password: Secret::new(String::new()) };
            assert_eq!(credential.logon_name(), "kenmyer", "{written}");
        }
    }
}
