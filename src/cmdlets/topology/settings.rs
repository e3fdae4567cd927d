//! What pools, partners and the gateway can be set to: one list each, for `New-` and `Set-` alike.
//!
//! Every parameter here names the key of the topology's document that it sets, so a list is all that
//! a cmdlet needs. What the original sets at the server, and a client has no part in, is listed too:
//! it is refused with words.

use crate::address::Address;
use crate::call::Call;
use crate::call::change::setting;
use crate::cmdlet::{Binds, Kind, Parameter};
use crate::topology::edit::{Fault, Setting};
use crate::topology::{Evidence, LogonName, PartnerType, Security, TlsNegotiation};

/// The domains of a pool, which a new one must have.
pub const DOMAINS: Parameter =
    Parameter::new("Domains", Kind::Modification, "The domains whose users log on here.")
        .binds(Binds::Endpoint)
        .sets("domains");

/// The other settings of a pool.
pub const POOL: [Parameter; 11] = [
    Parameter::new("Site", Kind::Text, "The site that it stands in.").binds(Binds::Endpoint).sets("site"),
    Parameter::new("Description", Kind::Text, "What it is for.").sets("description"),
    Parameter::new("TestUsers", Kind::Modification, "The accounts that it lends for verification, the first one first.")
        .binds(Binds::Endpoint)
        .sets("test_users"),
    Parameter::new("Servers", Kind::Modification, "Its servers in order: host, host:port or address. Without any, DNS is asked.")
        .binds(Binds::Endpoint)
        .sets("servers"),
    Parameter::new("RegistrarPort", Kind::Integer(1, 65_535), "The port of servers that name none.")
        .aliases(&["rp"])
        .binds(Binds::Endpoint)
        .sets("registrar_port"),
    Parameter::new("Security", Kind::Choice(&SECURITY), "How TLS begins.").binds(Binds::Endpoint).sets("security"),
    Parameter::new("CaFile", Kind::File, "A private CA to trust for this pool in place of the system's, absolute or seen from the topology's directory.")
        .binds(Binds::Endpoint)
        .sets("ca_file"),
    Parameter::new("LogonName", Kind::Choice(&LOGON_NAME), "How the name to log on with is formed: kenmyer, kenmyer@litwareinc.com, or as the credential has it.")
        .binds(Binds::Endpoint)
        .sets("logon_name"),
    Parameter::new("AllowPlain", Kind::Switch, "PLAIN may be used inside verified TLS.")
        .binds(Binds::Endpoint)
        .sets("allow_plain"),
    Parameter::new("Aliases", Kind::Modification, "Other names that people call it by.")
        .binds(Binds::Endpoint)
        .sets("aliases"),
    Parameter::new("CertificateWarningDays", Kind::Integer(0, 3650), "From how many days before its end on a certificate is warned about.")
        .sets("certificate_warning_days"),
];

/// The test users of a pool, as the original names them.
pub const TEST_USERS: [Parameter; 4] = [
    Parameter::new("FirstTestUserSipUri", Kind::Address, "The account that tests of the pool are sent from.")
        .binds(Binds::Endpoint)
        .sets("test_users"),
    Parameter::new(
        "SecondTestUserSipUri",
        Kind::Address,
        "Another account of the pool, which answers where a test needs two.",
    )
    .binds(Binds::Endpoint)
    .sets("test_users"),
    Parameter::foreign(
        "FirstTestSamAccountName",
        "the name to log on with is kept with the password, by Set-TestUserCredential",
    ),
    Parameter::foreign(
        "SecondTestSamAccountName",
        "the name to log on with is kept with the password, by Set-TestUserCredential",
    ),
];

/// The settings of a partner.
pub const PARTNER: [Parameter; 12] = [
    Parameter::new("AdditionalDomains", Kind::Modification, "Further domains of the same partner.")
        .binds(Binds::Endpoint)
        .sets("additional_domains"),
    Parameter::new("Receivers", Kind::Modification, "Whom a sweep sends to.")
        .binds(Binds::Receiver)
        .sets("receivers"),
    Parameter::new("PartnerType", Kind::Choice(&PARTNER_TYPE), "The relationship.").sets("partner_type"),
    Parameter::new("TlsNegotiation", Kind::Choice(&TLS_NEGOTIATION), "Whether its server must offer TLS.")
        .binds(Binds::Endpoint)
        .sets("tls_negotiation"),
    Parameter::new("ProxyFqdn", Kind::Text, "The server to look at in place of the domain's SRV records.")
        .binds(Binds::Endpoint)
        .sets("proxy_fqdn"),
    Parameter::new("MinimumEvidence", Kind::Choice(&EVIDENCE), "What a verification must prove here.")
        .sets("minimum_evidence"),
    Parameter::new(
        "ConnectionLimit",
        Kind::Integer(1, 100_000),
        "How many verifications may reach for it at once.",
    )
    .sets("connection_limit"),
    Parameter::new(
        "Body",
        Kind::Text,
        "The text of test messages to it: a real person may read it every day.",
    )
    .sets("body"),
    Parameter::new("Description", Kind::Text, "What is known about it.").sets("description"),
    Parameter::foreign(
        "SaslNegotiation",
        "how two servers authenticate each other is between them, and no client has a part in it",
    ),
    Parameter::foreign(
        "SupportDialbackNegotiation",
        "dialback is between two servers, and no client has a part in it",
    ),
    Parameter::foreign(
        "EnableKeepAlive",
        "a partner's keep-alives go to your server, which a client does not see",
    ),
];

/// The settings of every verification.
pub const GATEWAY: [Parameter; 15] = [
    Parameter::new("ConnectionLimit", Kind::Integer(1, 100_000), "How many connections may be open at once, over everything.")
        .binds(Binds::Global)
        .sets("connection_limit"),
    Parameter::new("PartnerConnectionLimit", Kind::Integer(1, 100_000), "How many verifications may reach for one partner at once, where the partner's own entry does not say.")
        .binds(Binds::Global)
        .sets("partner_connection_limit"),
    deadline("StreamEstablishmentTimeout", "From the first packet to a bound stream.", "stream_establishment_timeout"),
    deadline("StreamInactivityTimeout", "After how long without use a kept stream is closed.", "stream_inactivity_timeout"),
    deadline("KeepAliveInterval", "How often a kept stream is asked for a sign of life.", "keep_alive_interval"),
    deadline("ResolveTimeout", "The deadline of the phase Resolve.", "resolve_timeout"),
    deadline("ConnectTimeout", "The deadline of the phase Connect.", "connect_timeout"),
    deadline("SecureTimeout", "The deadline of the phase Secure.", "secure_timeout"),
    deadline("AuthenticateTimeout", "The deadline of the phase Authenticate.", "authenticate_timeout"),
    deadline("BindTimeout", "The deadline of the phase Bind.", "bind_timeout"),
    deadline("DeliverTimeout", "How long the evidence may take.", "deliver_timeout"),
    deadline("Timeout", "How long one verification may take in all.", "timeout"),
    Parameter::foreign("DialbackPassphrase", "it is a secret of two servers, and no client has a part in dialback"),
    Parameter::foreign("EnableLoggingAllMessageBodies", "imsh sees its own messages alone, and logs no text of any"),
    Parameter::foreign("SubscriptionRefreshInterval", "a test subscribes to nobody's presence"),
];

const fn deadline(name: &'static str, help: &'static str, key: &'static str) -> Parameter {
    Parameter::new(name, Kind::Duration, help).binds(Binds::Global).sets(key)
}

/// The one configuration of the gateway.
pub const GLOBAL: Parameter =
    Parameter::new("Identity", Kind::Choice(&["global"]), "There is one configuration, called global.")
        .at(0)
        .default("global");

/// What every `New-` has in the original and none here.
pub const IN_MEMORY: Parameter =
    Parameter::foreign("InMemory", "the topology is one file, and nothing is made that is not in it");

/// What every `Set-` has in the original and none here.
pub const INSTANCE: Parameter =
    Parameter::foreign("Instance", "give what is to change by its own parameter, or pipe the record in");

/// The parameters of one cmdlet: its own, then a list of settings.
pub const fn with<const N: usize, const M: usize, const SUM: usize>(
    own: [Parameter; N],
    settings: [Parameter; M],
) -> [Parameter; SUM] {
    assert!(SUM == N + M, "the sum is written beside the two");
    let mut all = [own[0]; SUM];
    let mut n = 0;
    while n < SUM {
        all[n] = if n < N { own[n] } else { settings[n - N] };
        n += 1;
    }
    all
}

/// What a call sets: the document's keys, and to what.
pub fn given(call: &Call) -> Vec<(&'static str, Setting)> {
    let of = |own: &Parameter| Some((own.sets?, setting(own, call.bound.value(own.name)?)));
    call.description.parameters.iter().filter_map(of).collect()
}

/// The accounts at the first places of a pool's list after a call of `New-` or `Set-`; null takes one
/// out. An account that is in the list already changes places with the one that it follows.
///
/// # Errors
/// The second one is the first one already: another account would send, and nobody has asked for that.
pub fn test_users(call: &Call, before: &[Address]) -> Result<Vec<String>, Fault> {
    let mut places: Vec<Option<String>> = before.iter().map(|user| Some(user.sip())).collect();
    for (place, parameter) in ["FirstTestUserSipUri", "SecondTestUserSipUri"].into_iter().enumerate() {
        let Some(value) = call.bound.value(parameter) else { continue };
        let wanted = value.as_text().map(|user| format!("sip:{user}"));
        if places.len() <= place {
            places.resize(place + 1, None);
        }
        let before = std::mem::replace(&mut places[place], wanted.clone());
        let other =
            (0..places.len()).find(|other| *other != place && wanted.is_some() && places[*other] == wanted);
        match (other, value.as_text()) {
            (Some(0), Some(user)) => return Err(Fault::FirstTestUser(user.to_owned())),
            (Some(other), _) => places[other] = before,
            (None, _) => {}
        }
    }
    Ok(places.into_iter().flatten().collect())
}

const SECURITY: [&str; 3] = spellings(Security::SPELLINGS);
const LOGON_NAME: [&str; 3] = spellings(LogonName::SPELLINGS);
const PARTNER_TYPE: [&str; 3] = spellings(PartnerType::SPELLINGS);
const TLS_NEGOTIATION: [&str; 3] = spellings(TlsNegotiation::SPELLINGS);
const EVIDENCE: [&str; 5] = spellings(Evidence::SPELLINGS);

/// The words alone.
const fn spellings<T: Copy, const N: usize>(of: [(&'static str, T); N]) -> [&'static str; N] {
    let mut words = [""; N];
    let mut n = 0;
    while n < N {
        words[n] = of[n].0;
        n += 1;
    }
    words
}
