//! The choice of the SASL mechanism, and of what it is tied to (RFC 5802, section 6; XEP-0440).
//!
//! A pure choice from what the server offers, what the connection can do and what the caller allows.
//! Never chooses PLAIN where SCRAM is offered, and never uses a `-PLUS` mechanism with a binding that
//! the server has not announced: ejabberd 23.01 offers `-PLUS` on TLS 1.3 and cannot do it.

use std::fmt;

use super::super::secure::ChannelBindings;
use super::super::xml::{Element, ns};
use super::scram::ScramHash;
use super::{Authentication, Login, PlainPassword};

/// A SASL mechanism that we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// SCRAM (RFC 5802, RFC 7677), `plus` with channel binding.
    Scram {
        /// The hash that it uses.
        hash: ScramHash,
        /// Whether it is tied to the TLS connection.
        binding: ChannelBinding,
    },
    /// A client certificate (RFC 4422, appendix A; XEP-0178).
    External,
    /// The password itself (RFC 4616).
    Plain,
}

/// Whether a SCRAM mechanism is tied to the TLS connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelBinding {
    /// A `-PLUS` mechanism.
    Plus,
    /// Its plain sister.
    None,
}

impl Mechanism {
    /// Every mechanism, the strongest first.
    pub const ALL: [Self; 8] = [
        Self::Scram { hash: ScramHash::Sha512, binding: ChannelBinding::Plus },
        Self::Scram { hash: ScramHash::Sha256, binding: ChannelBinding::Plus },
        Self::Scram { hash: ScramHash::Sha1, binding: ChannelBinding::Plus },
        Self::Scram { hash: ScramHash::Sha512, binding: ChannelBinding::None },
        Self::Scram { hash: ScramHash::Sha256, binding: ChannelBinding::None },
        Self::Scram { hash: ScramHash::Sha1, binding: ChannelBinding::None },
        Self::External,
        Self::Plain,
    ];

    /// The name in IANA's registry.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scram { hash: ScramHash::Sha512, binding: ChannelBinding::Plus } => "SCRAM-SHA-512-PLUS",
            Self::Scram { hash: ScramHash::Sha256, binding: ChannelBinding::Plus } => "SCRAM-SHA-256-PLUS",
            Self::Scram { hash: ScramHash::Sha1, binding: ChannelBinding::Plus } => "SCRAM-SHA-1-PLUS",
            Self::Scram { hash: ScramHash::Sha512, binding: ChannelBinding::None } => "SCRAM-SHA-512",
            Self::Scram { hash: ScramHash::Sha256, binding: ChannelBinding::None } => "SCRAM-SHA-256",
            Self::Scram { hash: ScramHash::Sha1, binding: ChannelBinding::None } => "SCRAM-SHA-1",
            Self::External => "EXTERNAL",
            Self::Plain => "PLAIN",
        }
    }

    /// The mechanism of that name, whatever its case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The mechanisms that a server offers for authentication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MechanismOffer {
    /// The names of its mechanisms, in its order.
    pub mechanisms: Vec<String>,
    /// The channel-binding types that it announces (XEP-0440); `None` where it announces none.
    pub channel_bindings: Option<Vec<String>>,
    /// The reason why the server offers no mechanism, where its features tell.
    pub(super) instead: Option<Unusable>,
}

/// The mechanism and the channel binding that were chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) mechanism: Mechanism,
    pub(super) channel: ChannelBindingFlag,
}

/// The statement of a SCRAM client about channel binding (RFC 5802, section 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChannelBindingFlag {
    /// `n`: we do not bind.
    Unbound,
    /// `y`: we could, and believe that the server cannot. A server that can will refuse: somebody
    /// between us took its offer away.
    NotOffered,
    /// `p`: bound by this type, with this data.
    Bound { kind: &'static str, data: Vec<u8> },
}

/// The reason why no mechanism could be chosen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The server offers none that we speak.
    #[error("none of them is spoken here")]
    NoneCommon,
    /// The server speaks SASL 2 (XEP-0388) only.
    #[error("it offers SASL 2 instead, which is not spoken here")]
    SaslTwo,
    /// The server speaks the authentication that was there before SASL (XEP-0078) only.
    #[error("it offers jabber:iq:auth instead, which is not spoken here")]
    BeforeSasl,
    /// The server offers to encrypt what is encrypted, and nothing else: it does not know that it is.
    #[error("it offers STARTTLS inside TLS instead")]
    StartTlsAgain,
    /// The server lets in by a client certificate only, and there is a password.
    #[error("only EXTERNAL is left, and there is no certificate for it")]
    CertificateOnly,
    /// The password could only be sent in clear inside TLS, and the pool's settings forbid it.
    #[error("only PLAIN is left, which the pool's settings do not allow")]
    PlainForbidden,
    /// The one that was asked for is not among the server's.
    #[error("{wanted} is not among them")]
    NotOffered {
        /// It.
        wanted: Mechanism,
    },
    /// There is nothing that the `-PLUS` mechanism asked for could be tied to.
    #[error("{wanted} needs a channel binding that both sides have")]
    NoChannelBinding {
        /// The mechanism that was asked for.
        wanted: Mechanism,
    },
    /// The server lets in by a password only, and there is a certificate.
    #[error("they want a password, and there is a certificate only")]
    PasswordOnly,
    /// There is no password to use.
    #[error("there is no password for it")]
    NoPassword,
}

impl MechanismOffer {
    /// Reads the offer among the features of a stream (RFC 6120, section 6.3.3).
    pub(super) fn of(features: &Element) -> Self {
        let instead = if features.has_child("authentication", ns::SASL2) {
            Some(Unusable::SaslTwo)
        } else if features.has_child("starttls", ns::TLS) {
            Some(Unusable::StartTlsAgain)
        } else if features.has_child("auth", ns::IQ_AUTH_FEATURE) {
            Some(Unusable::BeforeSasl)
        } else {
            None
        };
        let Some(mechanisms) = features.child("mechanisms", ns::SASL) else {
            return Self { instead, ..Self::default() };
        };
        // Earlier versions of XEP-0440 put the types among the mechanisms.
        let types = features
            .child("sasl-channel-binding", ns::CHANNEL_BINDING)
            .or_else(|| mechanisms.child("sasl-channel-binding", ns::CHANNEL_BINDING));
        Self {
            instead,
            mechanisms: mechanisms
                .elements()
                .filter(|child| child.is("mechanism", ns::SASL))
                .map(|child| child.text().trim().chars().take(MAX_NAME).collect())
                .collect(),
            channel_bindings: types.map(|types| {
                types
                    .elements()
                    .filter_map(|kind| kind.attribute("type"))
                    .map(|kind| kind.chars().take(MAX_NAME).collect())
                    .collect()
            }),
        }
    }

    fn has(&self, mechanism: Mechanism) -> bool {
        self.mechanisms.iter().any(|name| name == mechanism.name())
    }

    fn has_plus(&self) -> bool {
        self.mechanisms.iter().any(|name| name.starts_with("SCRAM-") && name.ends_with("-PLUS"))
    }

    /// Chooses for this login over a connection with these bindings.
    pub(super) fn choose(&self, login: &Login, ours: &ChannelBindings) -> Result<Choice, Unusable> {
        let mechanism = match login.authentication {
            Authentication::Negotiate => self.strongest(login, ours)?,
            Authentication::ClientCertificate => self.wanted(Mechanism::External)?,
            Authentication::Mechanism(Mechanism::Plain) if login.plain == PlainPassword::Forbidden => {
                return Err(Unusable::PlainForbidden);
            }
            Authentication::Mechanism(mechanism) => self.wanted(mechanism)?,
        };
        if login.password.is_none() && mechanism != Mechanism::External {
            return Err(Unusable::NoPassword);
        }
        let channel = match mechanism {
            Mechanism::Scram { binding: ChannelBinding::Plus, .. } => self
                .common_binding(ours)
                // Forced by name, it is tried with what we have: that is what a look into a fault is for.
                .or_else(|| preferred(ours).into_iter().next())
                .map(|(kind, data)| ChannelBindingFlag::Bound { kind, data })
                .ok_or(Unusable::NoChannelBinding { wanted: mechanism })?,
            Mechanism::Scram { binding: ChannelBinding::None, .. }
                if self.has_plus() || preferred(ours).is_empty() =>
            {
                ChannelBindingFlag::Unbound
            }
            Mechanism::Scram { binding: ChannelBinding::None, .. } => ChannelBindingFlag::NotOffered,
            Mechanism::External | Mechanism::Plain => ChannelBindingFlag::Unbound,
        };
        Ok(Choice { mechanism, channel })
    }

    fn wanted(&self, wanted: Mechanism) -> Result<Mechanism, Unusable> {
        if self.has(wanted) { Ok(wanted) } else { Err(Unusable::NotOffered { wanted }) }
    }

    fn strongest(&self, login: &Login, ours: &ChannelBindings) -> Result<Mechanism, Unusable> {
        if login.password.is_none() {
            let takes_password = Mechanism::ALL
                .into_iter()
                .any(|mechanism| mechanism != Mechanism::External && self.has(mechanism));
            return match (login.has_certificate, self.has(Mechanism::External), takes_password) {
                (false, _, _) => Err(Unusable::NoPassword),
                (true, true, _) => Ok(Mechanism::External),
                (true, false, true) => Err(Unusable::PasswordOnly),
                (true, false, false) => Err(self.nothing_left()),
            };
        }
        let can_bind = self.common_binding(ours).is_some();
        let scram = Mechanism::ALL.into_iter().find(|mechanism| match mechanism {
            Mechanism::Scram { binding: ChannelBinding::Plus, .. } => can_bind && self.has(*mechanism),
            Mechanism::Scram { binding: ChannelBinding::None, .. } => self.has(*mechanism),
            Mechanism::External | Mechanism::Plain => false,
        });
        if scram.is_none() && login.has_certificate && self.has(Mechanism::External) {
            return Ok(Mechanism::External);
        }
        match (scram, self.has(Mechanism::Plain), login.plain) {
            (Some(scram), _, _) => Ok(scram),
            (None, _, _) if self.has_plus() => Err(self.nothing_left()),
            (None, true, PlainPassword::Allowed) => Ok(Mechanism::Plain),
            (None, true, PlainPassword::Forbidden) => Err(Unusable::PlainForbidden),
            (None, false, _) => Err(self.nothing_left()),
        }
    }

    /// Returns the reason why none of the mechanisms can be used with a password.
    fn nothing_left(&self) -> Unusable {
        let plus = Mechanism::ALL.into_iter().find(|mechanism| {
            matches!(mechanism, Mechanism::Scram { binding: ChannelBinding::Plus, .. })
                && self.has(*mechanism)
        });
        match (plus, &self.instead) {
            (Some(wanted), _) => Unusable::NoChannelBinding { wanted },
            (None, _) if self.has(Mechanism::External) => Unusable::CertificateOnly,
            (None, Some(instead)) if self.mechanisms.is_empty() => instead.clone(),
            (None, _) => Unusable::NoneCommon,
        }
    }

    /// The best type that the server announces and the connection has.
    fn common_binding(&self, ours: &ChannelBindings) -> Option<(&'static str, Vec<u8>)> {
        let announced = self.channel_bindings.as_ref()?;
        preferred(ours).into_iter().find(|(kind, _)| announced.iter().any(|name| name == kind))
    }
}

/// Returns the channel bindings of our end of the connection, the best first.
fn preferred(ours: &ChannelBindings) -> Vec<(&'static str, Vec<u8>)> {
    let exporter = ours.tls_exporter.map(|data| (TLS_EXPORTER, data.to_vec()));
    let end_point = ours.tls_server_end_point.clone().map(|data| (TLS_SERVER_END_POINT, data));
    exporter.into_iter().chain(end_point).collect()
}

/// RFC 9266.
const TLS_EXPORTER: &str = "tls-exporter";
/// RFC 5929, section 4.
const TLS_SERVER_END_POINT: &str = "tls-server-end-point";
const MAX_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use jid::BareJid;

    use super::*;
    use crate::secret::Secret;

    fn login(authentication: Authentication, plain: PlainPassword) -> Login {
        Login {
            account: BareJid::new("kenmyer@litwareinc.com").unwrap(),
            logon_name: "kenmyer".into(),
            password: Some(Secret::new("secret".into())),
            has_certificate: false,
            authentication,
            plain,
        }
    }

    /// Offered mechanisms and announced types, both with blanks between; `-` announces nothing.
    fn offer(mechanisms: &str, types: &str) -> MechanismOffer {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let channel_bindings = (types != "-").then(|| words(types));
        MechanismOffer { mechanisms: words(mechanisms), channel_bindings, instead: None }
    }

    fn bindings(kinds: &str) -> ChannelBindings {
        ChannelBindings {
            tls_exporter: kinds.contains(TLS_EXPORTER).then_some([1; 32]),
            tls_server_end_point: kinds.contains(TLS_SERVER_END_POINT).then(|| vec![2; 32]),
        }
    }

    const BOTH: &str = "tls-exporter tls-server-end-point";

    #[test]
    fn the_strongest_is_chosen_and_bound_by_what_both_sides_have() {
        for (offered, announced, ours, name, flag) in [
            ("PLAIN SCRAM-SHA-1 SCRAM-SHA-256", "-", BOTH, "SCRAM-SHA-256", "y"),
            ("PLAIN SCRAM-SHA-1 SCRAM-SHA-512", "-", "", "SCRAM-SHA-512", "n"),
            ("SCRAM-SHA-1 SCRAM-SHA-1-PLUS", "tls-exporter", BOTH, "SCRAM-SHA-1-PLUS", "tls-exporter"),
            ("SCRAM-SHA-512 SCRAM-SHA-1-PLUS", BOTH, BOTH, "SCRAM-SHA-1-PLUS", "tls-exporter"),
            (
                "SCRAM-SHA-256-PLUS",
                "tls-server-end-point",
                BOTH,
                "SCRAM-SHA-256-PLUS",
                "tls-server-end-point",
            ),
            // ejabberd 23.01: the mechanism without the announcement.
            ("SCRAM-SHA-1 SCRAM-SHA-1-PLUS", "-", BOTH, "SCRAM-SHA-1", "n"),
            ("SCRAM-SHA-1 SCRAM-SHA-1-PLUS", "tls-unique", BOTH, "SCRAM-SHA-1", "n"),
            // The announcement without the mechanism.
            ("SCRAM-SHA-1", "tls-exporter", BOTH, "SCRAM-SHA-1", "y"),
            ("SCRAM-SHA-1 EXTERNAL", "-", "", "SCRAM-SHA-1", "n"),
        ] {
            let choice = offer(offered, announced)
                .choose(&login(Authentication::Negotiate, PlainPassword::Forbidden), &bindings(ours))
                .unwrap();
            let said = match choice.channel {
                ChannelBindingFlag::Unbound => "n",
                ChannelBindingFlag::NotOffered => "y",
                ChannelBindingFlag::Bound { kind, .. } => kind,
            };
            assert_eq!((choice.mechanism.name(), said), (name, flag), "{offered} / {announced}");
        }
    }

    #[test]
    fn plain_is_used_only_where_it_is_allowed_and_nothing_better_is_offered() {
        let choose = |offered, plain| {
            offer(offered, "-")
                .choose(&login(Authentication::Negotiate, plain), &ChannelBindings::default())
                .map(|choice| choice.mechanism)
        };
        let scram = Mechanism::from_name("scram-sha-1").unwrap();
        assert_eq!(choose("PLAIN", PlainPassword::Allowed), Ok(Mechanism::Plain));
        assert_eq!(choose("PLAIN SCRAM-SHA-1", PlainPassword::Allowed), Ok(scram));
        assert_eq!(choose("PLAIN", PlainPassword::Forbidden), Err(Unusable::PlainForbidden));
        assert_eq!(choose("DIGEST-MD5", PlainPassword::Allowed), Err(Unusable::NoneCommon));
        assert_eq!(choose("DIGEST-MD5 EXTERNAL", PlainPassword::Allowed), Err(Unusable::CertificateOnly));
        let plus = Mechanism::from_name("SCRAM-SHA-256-PLUS").unwrap();
        let bound = Err(Unusable::NoChannelBinding { wanted: plus });
        assert_eq!(choose("SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS PLAIN", PlainPassword::Allowed), bound);
        let forced = login(Authentication::Mechanism(Mechanism::Plain), PlainPassword::Forbidden);
        let choice = offer("PLAIN", "-").choose(&forced, &ChannelBindings::default());
        assert_eq!(choice, Err(Unusable::PlainForbidden));
    }

    #[test]
    fn a_certificate_without_a_password_needs_external_and_what_is_missing_is_said() {
        let negotiated = login(Authentication::Negotiate, PlainPassword::Forbidden);
        let login = Login { password: None, has_certificate: true, ..negotiated };
        for (offered, chosen) in [
            ("SCRAM-SHA-1 EXTERNAL", Ok(Mechanism::External)),
            ("SCRAM-SHA-256 SCRAM-SHA-1", Err(Unusable::PasswordOnly)),
            ("DIGEST-MD5", Err(Unusable::NoneCommon)),
        ] {
            let choice = offer(offered, "-").choose(&login, &bindings(BOTH));
            assert_eq!(choice.map(|choice| choice.mechanism), chosen, "{offered}");
        }
    }

    #[test]
    fn a_mechanism_asked_for_by_name_is_used_or_refused() {
        let plus = Mechanism::from_name("SCRAM-SHA-1-PLUS").unwrap();
        let login = login(Authentication::Mechanism(plus), PlainPassword::Forbidden);
        let choose = |offered, ours| offer(offered, "-").choose(&login, &bindings(ours));
        assert!(matches!(
            choose("SCRAM-SHA-1-PLUS", BOTH).map(|choice| choice.channel),
            Ok(ChannelBindingFlag::Bound { kind: TLS_EXPORTER, .. })
        ));
        assert_eq!(choose("SCRAM-SHA-1", BOTH), Err(Unusable::NotOffered { wanted: plus }));
        assert_eq!(choose("SCRAM-SHA-1-PLUS", ""), Err(Unusable::NoChannelBinding { wanted: plus }));
    }
}
