//! From the document's text to a topology, with every mistake in it.
//!
//! One function per table; each asks for its keys, and then the whole is checked for what no table
//! can see alone. Nothing is kept of a document that has a mistake.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use toml::de::DeTable;

use super::mistake::{Mistakes, nearest};
use super::section::{Found, Section, quoted};
use super::{
    CERTIFICATE_WARNING_DAYS, Domain, Evidence, Gateway, LogonName, Mistake, Partner, PartnerType, Pool,
    Resolver, Security, Server, TlsNegotiation, Topology,
};
use crate::access::{CmdletName, ConfigScope, KnownCmdlets, Member, PublicKey, UserScope};
use crate::address::Address;

mod access;
mod audit;

pub(super) fn document(
    text: &str,
    path: &Path,
    known: Option<&dyn KnownCmdlets>,
) -> Result<Topology, Vec<Mistake>> {
    let mut mistakes = Mistakes::new(path, text);
    let (table, faults) = DeTable::parse_recoverable(text);
    if !faults.is_empty() {
        for fault in faults {
            mistakes.add(fault.span().unwrap_or(0..0), "", syntax_in_words(fault.message()), || None);
        }
        return Err(mistakes.into_list());
    }
    let mut reading = Reading { mistakes, remarks: Mistakes::new(path, text), places: Places::default() };
    let mut top = Section::top(&table);
    let topology = Topology {
        path: path.to_owned(),
        pools: reading.pools(&mut top, path),
        partners: reading.partners(&mut top),
        gateway: reading.gateway(&mut top),
        resolver: reading.resolver(&mut top),
        access: reading.access(&mut top),
        audit: reading.audit(&mut top, path),
        remarks: Vec::new(),
    };
    top.close(&mut reading.mistakes);
    reading.check_names(&topology);
    reading.check_domains(&topology);
    reading.check_limits(&topology);
    reading.check_access(&topology);
    if let Some(known) = known {
        reading.check_cmdlets(known);
    }
    if reading.mistakes.is_empty() {
        Ok(Topology { remarks: reading.remarks.into_list(), ..topology })
    } else {
        Err(reading.mistakes.into_list())
    }
}

/// The toml crate's clauses, on one line.
fn syntax_in_words(message: &str) -> String {
    message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ")
}

struct Reading<'t> {
    mistakes: Mistakes<'t>,
    remarks: Mistakes<'t>,
    places: Places,
}

/// Where the names stand that the last checks compare, in the order of the lists of the topology.
#[derive(Default)]
struct Places {
    pools: Vec<PoolPlaces>,
    partners: Vec<PartnerPlaces>,
    connection_limit: Range<usize>,
    timeouts: Vec<(&'static str, Range<usize>)>,
    roles: Vec<RolePlaces>,
    assignments: Vec<AssignmentPlaces>,
    principals: Vec<Range<usize>>,
    keys: Vec<(PublicKey, Range<usize>)>,
}

struct PoolPlaces {
    /// The identity, and each alias.
    names: Vec<Found<Domain>>,
}

struct PartnerPlaces {
    domains: Vec<Found<Domain>>,
    connection_limit: Option<Found<u32>>,
}

struct RolePlaces {
    identity: Range<usize>,
    /// Those that it has, adds and removes, each with the key that names it.
    cmdlets: Vec<(&'static str, Found<CmdletName>)>,
    limits: Vec<LimitPlaces>,
    config_scopes: Vec<Found<ConfigScope>>,
    user_scopes: Vec<Found<UserScope>>,
}

#[derive(Clone)]
struct LimitPlaces {
    cmdlet: Found<CmdletName>,
    parameter: Found<String>,
}

struct AssignmentPlaces {
    role: Found<String>,
    members: Vec<Found<Member>>,
}

/// Takes the values, leaves the places.
fn values<T: Clone>(list: &[Found<T>]) -> Vec<T> {
    list.iter().map(|found| found.value.clone()).collect()
}

impl Reading<'_> {
    fn pools(&mut self, top: &mut Section<'_, '_>, path: &Path) -> Vec<Pool> {
        let sections = top.sections(&mut self.mistakes, "pool");
        sections.into_iter().filter_map(|section| self.pool(section, path)).collect()
    }

    fn pool(&mut self, mut section: Section<'_, '_>, path: &Path) -> Option<Pool> {
        let mistakes = &mut self.mistakes;
        let identity = section.parsed::<Domain>(mistakes, "identity");
        section.missing(mistakes, "identity", "write the pool's FQDN");
        let aliases = section.list::<Domain>(mistakes, "aliases");
        let site = section.text(mistakes, "site").map(|site| site.value.trim().to_owned());
        let description = section.text(mistakes, "description").map(|text| text.value.to_owned());
        let domains = section.list::<Domain>(mistakes, "domains");
        let servers = section.list::<Server>(mistakes, "servers");
        let registrar_port = section.port(mistakes, "registrar_port").map(|port| port.value);
        let security = section.choice(mistakes, "security", &Security::SPELLINGS);
        let ca_file = section.text(mistakes, "ca_file").map(|file| seen_from(path, file.value));
        let logon_name = section.choice(mistakes, "logon_name", &LogonName::SPELLINGS);
        let allow_plain = section.flag(mistakes, "allow_plain").unwrap_or(false);
        let warning = section.number(mistakes, "certificate_warning_days", 0..=3650);
        let test_users = section.list::<Address>(mistakes, "test_users");

        if !section.has("domains") {
            let from_users: BTreeSet<String> =
                test_users.iter().map(|user| user.value.domain().to_string()).collect();
            let suggestion = match from_users.into_iter().collect::<Vec<_>>() {
                known if !known.is_empty() => format!("write domains = {known:?}"),
                _ => "list the domains whose users log on here".to_owned(),
            };
            section.missing(mistakes, "domains", suggestion);
        } else if domains.is_empty() && mistakes.is_empty() {
            mistakes.add(section.span_of("domains"), section.key("domains"), "lists no domain", || {
                Some("list the domains whose users log on here".to_owned())
            });
        }
        refuse_repeats(mistakes, &section, "domains", &domains);
        refuse_repeats(mistakes, &section, "servers", &servers);
        refuse_repeats(mistakes, &section, "aliases", &aliases);
        refuse_repeats(mistakes, &section, "test_users", &test_users);
        for user in &test_users {
            let domain = user.value.domain();
            if domains.is_empty() || domains.iter().any(|served| served.value == domain) {
                continue;
            }
            let message = format!("{} is at {domain}, which this pool does not serve", user.value);
            mistakes.add(user.span.clone(), section.key("test_users"), message, || {
                let known = domains.iter().map(|served| served.value.as_str());
                Some(match nearest(domain.as_str(), known) {
                    Some(near) => format!("did you mean {}@{near}?", user.value.local()),
                    None => format!("add {:?} to its domains", domain.as_str()),
                })
            });
        }
        if registrar_port.is_some() && !servers.is_empty() && servers.iter().all(|s| s.value.port.is_some()) {
            let key = section.key("registrar_port");
            self.remarks.add(
                section.span_of("registrar_port"),
                key,
                "is used by none of the servers",
                || Some("every one of them names its own port".to_owned()),
            );
        }
        if let Some(direct) = security.as_ref().filter(|security| security.value == Security::Direct) {
            let to_5222 = registrar_port == Some(5222) || servers.iter().any(|s| s.value.port == Some(5222));
            if to_5222 {
                let message = "is direct, and port 5222 is the one for STARTTLS";
                self.remarks.add(direct.span.clone(), section.key("security"), message, || {
                    Some("direct TLS is usually on 5223".to_owned())
                });
            }
        }
        section.close(mistakes);
        let identity = identity?;
        let pool = Pool {
            identity: identity.value.clone(),
            aliases: values(&aliases),
            site,
            description,
            domains: values(&domains),
            servers: values(&servers),
            registrar_port,
            security: security.map(|found| found.value).unwrap_or_default(),
            ca_file,
            logon_name: logon_name.map(|found| found.value).unwrap_or_default(),
            allow_plain,
            certificate_warning_days: warning.map_or(CERTIFICATE_WARNING_DAYS, |found| found.value),
            test_users: values(&test_users),
        };
        self.places.pools.push(PoolPlaces { names: std::iter::once(identity).chain(aliases).collect() });
        Some(pool)
    }

    fn partners(&mut self, top: &mut Section<'_, '_>) -> Option<Vec<Partner>> {
        let sections = top.sections(&mut self.mistakes, "partner");
        top.has("partner").then(|| sections.into_iter().filter_map(|section| self.partner(section)).collect())
    }

    fn partner(&mut self, mut section: Section<'_, '_>) -> Option<Partner> {
        section.foreign(&["sasl_negotiation", "support_dialback_negotiation", "enable_keep_alive"]);
        let mistakes = &mut self.mistakes;
        let domain = section.parsed::<Domain>(mistakes, "domain");
        section.missing(mistakes, "domain", "write the partner's XMPP domain");
        let additional = section.list::<Domain>(mistakes, "additional_domains");
        let description = section.text(mistakes, "description").map(|text| text.value.to_owned());
        let partner_type = section.choice(mistakes, "partner_type", &PartnerType::SPELLINGS);
        let receivers = section.list::<Address>(mistakes, "receivers");
        let minimum_evidence = section.choice(mistakes, "minimum_evidence", &Evidence::SPELLINGS);
        let body = section.text(mistakes, "body");
        let proxy_fqdn = section.parsed::<Server>(mistakes, "proxy_fqdn").map(|found| found.value);
        let tls = section.choice(mistakes, "tls_negotiation", &TlsNegotiation::SPELLINGS);
        let connection_limit = section.number(mistakes, "connection_limit", CONNECTIONS);

        refuse_repeats(mistakes, &section, "receivers", &receivers);
        if let Some(body) = &body {
            check_body(mistakes, &section, body);
        }
        let domains: Vec<Found<Domain>> = domain.iter().cloned().chain(additional.iter().cloned()).collect();
        for receiver in &receivers {
            let at = receiver.value.domain();
            if domain.is_none() || domains.iter().any(|domain| domain.value == at) {
                continue;
            }
            let message = format!("{} is at {at}, which is not this partner's", receiver.value);
            mistakes.add(receiver.span.clone(), section.key("receivers"), message, || {
                let known = domains.iter().map(|domain| domain.value.as_str());
                Some(match nearest(at.as_str(), known) {
                    Some(near) => format!("did you mean {}@{near}?", receiver.value.local()),
                    None => format!("add {:?} to its additional_domains", at.as_str()),
                })
            });
        }
        section.close(mistakes);
        self.places.partners.push(PartnerPlaces { domains, connection_limit: connection_limit.clone() });
        Some(Partner {
            domain: domain?.value,
            additional_domains: values(&additional),
            description,
            partner_type: partner_type.map(|found| found.value).unwrap_or_default(),
            receivers: values(&receivers),
            minimum_evidence: minimum_evidence.map(|found| found.value),
            body: body.map(|body| line_ends_as_in_xml(body.value)),
            proxy_fqdn,
            tls_negotiation: tls.map(|found| found.value).unwrap_or_default(),
            connection_limit: connection_limit.map(|found| found.value),
        })
    }

    fn gateway(&mut self, top: &mut Section<'_, '_>) -> Gateway {
        let mut gateway = Gateway::default();
        let Some(mut section) = top.section(&mut self.mistakes, "gateway") else { return gateway };
        section.foreign(&[
            "dialback_passphrase",
            "enable_logging_all_message_bodies",
            "subscription_refresh_interval",
        ]);
        let mistakes = &mut self.mistakes;
        for (key, setting) in [
            ("connection_limit", &mut gateway.connection_limit),
            ("partner_connection_limit", &mut gateway.partner_connection_limit),
        ] {
            if let Some(found) = section.number(mistakes, key, CONNECTIONS) {
                *setting = found.value;
            }
        }
        if !section.has("partner_connection_limit") {
            gateway.partner_connection_limit = gateway.partner_connection_limit.min(gateway.connection_limit);
        }
        self.places.connection_limit = section.span_of("partner_connection_limit");
        for (key, setting) in [
            ("stream_establishment_timeout", &mut gateway.stream_establishment_timeout),
            ("keep_alive_interval", &mut gateway.keep_alive_interval),
            ("stream_inactivity_timeout", &mut gateway.stream_inactivity_timeout),
            ("resolve_timeout", &mut gateway.resolve_timeout),
            ("connect_timeout", &mut gateway.connect_timeout),
            ("secure_timeout", &mut gateway.secure_timeout),
            ("authenticate_timeout", &mut gateway.authenticate_timeout),
            ("bind_timeout", &mut gateway.bind_timeout),
            ("deliver_timeout", &mut gateway.deliver_timeout),
            ("timeout", &mut gateway.timeout),
        ] {
            if let Some(found) = section.duration(mistakes, key) {
                *setting = found.value;
                self.places.timeouts.push((key, found.span));
            }
        }
        section.close(mistakes);
        gateway
    }

    fn resolver(&mut self, top: &mut Section<'_, '_>) -> Resolver {
        let Some(mut section) = top.section(&mut self.mistakes, "resolver") else {
            return Resolver::default();
        };
        let name_servers = section.list::<NameServer>(&mut self.mistakes, "name_servers");
        refuse_repeats(&mut self.mistakes, &section, "name_servers", &name_servers);
        section.close(&mut self.mistakes);
        Resolver { name_servers: name_servers.into_iter().map(|found| found.value.0).collect() }
    }

    /// No two pools have a name in common.
    fn check_names(&mut self, topology: &Topology) {
        let mut owners: BTreeMap<&Domain, (&Domain, usize)> = BTreeMap::new();
        for (pool, places) in topology.pools.iter().zip(&self.places.pools) {
            for name in &places.names {
                let (line, _) = self.mistakes.position(name.span.start);
                match owners.get(&name.value) {
                    Some((owner, first)) => {
                        let message =
                            format!("{} already names the pool {owner} of line {first}", name.value);
                        self.mistakes.add(name.span.clone(), "pool", message, || {
                            Some("give every pool names of its own".to_owned())
                        });
                    }
                    None => {
                        owners.insert(&name.value, (&pool.identity, line));
                    }
                }
            }
        }
    }

    /// A domain is ours, or one partner's, once.
    fn check_domains(&mut self, topology: &Topology) {
        let ours: BTreeMap<&Domain, &Pool> = topology
            .pools
            .iter()
            .rev()
            .flat_map(|pool| pool.domains.iter().map(move |d| (d, pool)))
            .collect();
        let mut partners: BTreeMap<&Domain, usize> = BTreeMap::new();
        for domain in self.places.partners.iter().flat_map(|places| &places.domains) {
            let mut refuse = |message: String, suggestion: &str| {
                self.mistakes.add(domain.span.clone(), "partner", message, || Some(suggestion.to_owned()));
            };
            if let Some(pool) = ours.get(&domain.value) {
                refuse(
                    format!("{} is served by the pool {}", domain.value, pool.identity),
                    "a domain of our own is no partner; leave it out",
                );
            }
            match partners.get(&domain.value) {
                Some(line) => refuse(
                    format!("{} is already a partner's domain in line {line}", domain.value),
                    "list a domain once",
                ),
                None => {
                    partners.insert(&domain.value, self.mistakes.position(domain.span.start).0);
                }
            }
        }
    }

    /// No limit or deadline that another one makes void.
    fn check_limits(&mut self, topology: &Topology) {
        let gateway = &topology.gateway;
        if gateway.partner_connection_limit > gateway.connection_limit {
            let message = format!("is more than connection_limit, which is {}", gateway.connection_limit);
            let span = self.places.connection_limit.clone();
            self.mistakes.add(span, "gateway.partner_connection_limit", message, || {
                Some("lower it, or raise connection_limit".to_owned())
            });
        }
        for limit in self.places.partners.iter().filter_map(|places| places.connection_limit.as_ref()) {
            if limit.value > gateway.connection_limit {
                let message = format!(
                    "is more than the gateway's connection_limit, which is {}",
                    gateway.connection_limit
                );
                self.mistakes.add(limit.span.clone(), "partner.connection_limit", message, || {
                    Some("lower it, or raise gateway.connection_limit".to_owned())
                });
            }
        }
        for (key, span) in &self.places.timeouts {
            let setting = match *key {
                "resolve_timeout" => gateway.resolve_timeout,
                "connect_timeout" => gateway.connect_timeout,
                "secure_timeout" => gateway.secure_timeout,
                "authenticate_timeout" => gateway.authenticate_timeout,
                "bind_timeout" => gateway.bind_timeout,
                "deliver_timeout" => gateway.deliver_timeout,
                _ => continue,
            };
            if setting > gateway.timeout {
                let whole = super::duration::print(gateway.timeout);
                let message = format!("is longer than the whole verification may take, which is {whole}");
                self.mistakes.add(span.clone(), format!("gateway.{key}"), message, || {
                    Some("raise gateway.timeout".to_owned())
                });
            }
        }
    }
}

/// A test message is read by people, and travels as XML.
fn check_body(mistakes: &mut Mistakes<'_>, section: &Section<'_, '_>, body: &Found<&str>) {
    let is_forbidden =
        |c: char| (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{fffe}' | '\u{ffff}');
    if line_ends_as_in_xml(body.value).chars().any(is_forbidden) {
        let message = "holds a character that no message can carry";
        mistakes.add(body.span.clone(), section.key("body"), message, || None);
    }
    if body.value.len() > MAX_BODY_BYTES {
        let message = format!("is {} bytes long: {MAX_BODY_BYTES} are allowed", body.value.len());
        mistakes.add(body.span.clone(), section.key("body"), message, || None);
    }
}

/// A file that was written on Windows has such line ends in its texts, and XML knows none (section 2.11).
fn line_ends_as_in_xml(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn refuse_repeats<T: Ord + std::fmt::Display>(
    mistakes: &mut Mistakes<'_>,
    section: &Section<'_, '_>,
    key: &str,
    list: &[Found<T>],
) {
    let mut seen = BTreeSet::new();
    for item in list {
        if !seen.insert(&item.value) {
            let message = format!("lists {} twice", item.value);
            mistakes.add(item.span.clone(), section.key(key), message, || None);
        }
    }
}

fn seen_from(document: &Path, file: &str) -> std::path::PathBuf {
    document.parent().map_or_else(|| file.into(), |directory| directory.join(file))
}

/// `192.0.2.1`, `192.0.2.1:5353` or `[2001:db8::1]:53`; the port is 53 where none is written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct NameServer(SocketAddr);

impl FromStr for NameServer {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let unbracketed = written.trim_start_matches('[').trim_end_matches(']');
        match (written.parse(), unbracketed.parse::<IpAddr>()) {
            (Ok(address), _) => Ok(Self(address)),
            (Err(_), Ok(ip)) => Ok(Self(SocketAddr::new(ip, 53))),
            (Err(_), Err(_)) => {
                Err(format!("{written:?} is no address of a name server: write 192.0.2.1:53"))
            }
        }
    }
}

impl std::fmt::Display for NameServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

const CONNECTIONS: std::ops::RangeInclusive<u32> = 1..=100_000;
const MAX_BODY_BYTES: usize = 4096;
