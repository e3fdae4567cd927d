//! The check of who is answered: on this machine whoever names it, elsewhere whoever gives the token.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{HeaderMap, Uri};

use super::tls::{FromFiles, Token};

/// The door of the service.
pub(super) struct ServiceAccess {
    /// The token, where one is asked for.
    pub(super) token: Option<FromFiles<Token>>,
    /// Whether only this machine reaches it.
    pub(super) is_local: bool,
}

/// The reason why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccessRefusal {
    /// No token, or another one.
    NoToken,
    /// A page from elsewhere has sent the browser here under a name of its own.
    OtherName,
    /// A page from elsewhere asks.
    OtherSite,
}

impl ServiceAccess {
    /// Whether a request is answered.
    pub(super) fn admits(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), AccessRefusal> {
        if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site")
            && headers.get("sec-fetch-mode").is_none_or(|mode| mode != "navigate")
        {
            return Err(AccessRefusal::OtherSite);
        }
        if let Some(token) = &self.token {
            let is_it = given(headers).is_some_and(|given| token.now().is(&given));
            return if is_it { Ok(()) } else { Err(AccessRefusal::NoToken) };
        }
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        match uri.host().or(host) {
            Some(name) if self.is_local && !names_this_machine(name) => Err(AccessRefusal::OtherName),
            Some(_) | None => Ok(()),
        }
    }
}

/// The token of a request: `Bearer TOKEN`, or the password of whatever user, which browsers ask for.
fn given(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(rest.trim().as_bytes().to_vec()),
        "basic" => {
            let pair = STANDARD.decode(rest.trim()).ok()?;
            let colon = pair.iter().position(|byte| *byte == b':')?;
            Some(pair[colon + 1..].to_vec())
        }
        _ => None,
    }
}

/// Whether a name with or without a port is one that only this machine has.
fn names_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_taken_for_it() {
        for (host, is_it) in [
            ("localhost", true),
            ("localhost:9604", true),
            ("127.0.0.1:9604", true),
            ("[::1]:9604", true),
            ("imsh.localhost:9604", true),
            ("watcher.example", false),
            ("localhost.example:9604", false),
            ("192.0.2.1:9604", false),
            ("", false),
        ] {
            assert_eq!(names_this_machine(host), is_it, "{host}");
        }
    }
}
