//! From the document's text to a topology, with every mistake in it.
//!
//! The schema says what a table holds; here is what one setting means beside another, and what no
//! table can see alone. Nothing is kept of a document that has a mistake.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use toml::de::DeTable;

use super::mistake::{Mistakes, nearest};
use super::section::{Found, Section, Spans, quoted};
use super::setting::{Named, SettingsTable, TableReader};
use super::{
    AuditTable, Domain, Gateway, General, Mistake, Partner, Pool, Security, SyslogCopies, Topology, duration,
};
use crate::access::{CmdletName, ConfigScope, KnownCmdlets, Member, PublicKey, UserScope};
use crate::value::Value;

mod access;
mod watch;
mod http;

pub(super) fn document(
    text: &str,
    path: &Path,
    known: Option<&dyn KnownCmdlets>,
) -> Result<Topology, Vec<Mistake>> {
    let (table, faults) = DeTable::parse_recoverable(text);
    if !faults.is_empty() {
        let mut mistakes = Mistakes::new(path, text);
        for fault in faults {
            mistakes.add(fault.span().unwrap_or(0..0), "", syntax_in_words(fault.message()), || None);
        }
        return Err(mistakes.into_list());
    }
    let mut reading = TopologyReading {
        path,
        mistakes: Mistakes::new(path, text),
        remarks: Mistakes::new(path, text),
        places: Places::default(),
    };
    let mut top = Section::top(&table);
    let topology = Topology {
        path: path.to_owned(),
        general: reading.general(&mut top),
        pools: reading.list(&mut top, TopologyReading::check_pool, |places| &mut places.pools),
        partners: {
            let partners =
                reading.list(&mut top, TopologyReading::check_partner, |places| &mut places.partners);
            top.has("partner").then_some(partners)
        },
        gateway: reading.section(&mut top, TopologyReading::check_gateway).unwrap_or_default(),
        resolver: reading.section(&mut top, |_, _, _| {}).unwrap_or_default(),
        store: reading.section(&mut top, |_, _, _| {}).unwrap_or_default(),
        http: reading.section(&mut top, TopologyReading::check_http).unwrap_or_default(),
        watches: reading.list(&mut top, TopologyReading::check_watch, |places| &mut places.watches),
        notifications: reading
            .list(&mut top, TopologyReading::check_notification, |places| &mut places.notifications),
        access: reading.access(&mut top),
        audit: reading.section(&mut top, TopologyReading::check_audit),
        remarks: Vec::new(),
    };
    top.close(&mut reading.mistakes, &[]);
    reading.check_names(&topology);
    reading.check_domains(&topology);
    reading.check_watches(&topology);
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

struct TopologyReading<'t> {
    path: &'t Path,
    mistakes: Mistakes<'t>,
    remarks: Mistakes<'t>,
    places: Places,
}

/// The positions of the names that the last checks compare, in the order of the lists of the topology.
#[derive(Default)]
struct Places {
    pools: Vec<Spans>,
    partners: Vec<Spans>,
    watches: Vec<Spans>,
    notifications: Vec<Spans>,
    roles: Vec<RolePlaces>,
    assignments: Vec<AssignmentPlaces>,
    principals: Vec<Range<usize>>,
    keys: Vec<(PublicKey, Range<usize>)>,
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

impl<'t> TopologyReading<'t> {
    /// The tables of a list, without those that have no name.
    fn list<T: Named>(
        &mut self,
        top: &mut Section<'_, '_>,
        check: impl Fn(&mut Self, &mut T, &Spans),
        places: impl Fn(&mut Places) -> &mut Vec<Spans>,
    ) -> Vec<T> {
        let mut list = Vec::new();
        for mut section in top.sections(&mut self.mistakes, T::TABLE.path) {
            let mut reader = self.reader(&mut section);
            let name = T::TABLE.name.and_then(|setting| reader.value(&setting));
            let is_named = name.is_some();
            // Its other mistakes are told too.
            let Some(mut table) = name.map_or_else(T::sample, |name| Some(T::named(name))) else { continue };
            let spans = reader.fill(&mut table);
            check(self, &mut table, &spans);
            section.close(&mut self.mistakes, T::TABLE.refused);
            if is_named {
                places(&mut self.places).push(spans);
                list.push(table);
            }
        }
        list
    }

    /// A table that there is once, if it is there.
    fn section<T: SettingsTable>(
        &mut self,
        top: &mut Section<'_, '_>,
        check: impl Fn(&mut Self, &mut T, &Spans),
    ) -> Option<T> {
        let mut section = top.section(&mut self.mistakes, T::TABLE.path)?;
        let mut table = T::sample()?;
        let spans = self.reader(&mut section).fill(&mut table);
        check(self, &mut table, &spans);
        section.close(&mut self.mistakes, T::TABLE.refused);
        Some(table)
    }

    /// The keys above the first table.
    fn general(&mut self, top: &mut Section<'_, '_>) -> General {
        let mut general = General::new();
        self.reader(top).fill(&mut general);
        general
    }

    fn reader<'r, 'd, 'i>(&'r mut self, section: &'r mut Section<'d, 'i>) -> TableReader<'r, 't, 'd, 'i> {
        TableReader { spans: Spans::of(section), section, mistakes: &mut self.mistakes, document: self.path }
    }

    fn check_pool(&mut self, pool: &mut Pool, at: &Spans) {
        let mistakes = &mut self.mistakes;
        if !at.has("domains") {
            let from_users: BTreeSet<String> =
                pool.test_users.iter().map(|user| user.domain().to_string()).collect();
            let suggestion = match from_users.into_iter().collect::<Vec<_>>() {
                known if !known.is_empty() => format!("write domains = {known:?}"),
                _ => "list the domains whose users log on here".to_owned(),
            };
            mistakes.add(at.span("domains"), at.key("domains"), "is missing", || Some(suggestion));
        } else if pool.domains.is_empty() && mistakes.is_empty() {
            mistakes.add(at.span("domains"), at.key("domains"), "lists no domain", || {
                Some("list the domains whose users log on here".to_owned())
            });
        }
        for (n, user) in pool.test_users.iter().enumerate() {
            let domain = user.domain();
            if !at.has("domains") || pool.domains.is_empty() || pool.serves(&domain) {
                continue;
            }
            let message = format!("{user} is at {domain}, which this pool does not serve");
            mistakes.add(at.item("test_users", n), at.key("test_users"), message, || {
                let known = pool.domains.iter().map(Domain::as_str);
                Some(match nearest(domain.as_str(), known) {
                    Some(near) => format!("did you mean {}@{near}?", user.local()),
                    None => format!("add {:?} to its domains", domain.as_str()),
                })
            });
        }
        let servers = &pool.servers;
        if pool.registrar_port.is_some()
            && !servers.is_empty()
            && servers.iter().all(|server| server.port.is_some())
        {
            let (span, key) = (at.span("registrar_port"), at.key("registrar_port"));
            self.remarks.add(span, key, "is used by none of the servers", || {
                Some("every one of them names its own port".to_owned())
            });
        }
        let to_5222 =
            pool.registrar_port == Some(5222) || servers.iter().any(|server| server.port == Some(5222));
        if pool.security == Security::Direct && to_5222 {
            let message = "is direct, and port 5222 is the one for STARTTLS";
            self.remarks.add(at.span("security"), at.key("security"), message, || {
                Some("direct TLS is usually on 5223".to_owned())
            });
        }
    }

    fn check_partner(&mut self, partner: &mut Partner, at: &Spans) {
        for (n, receiver) in partner.receivers.iter().enumerate() {
            let domain = receiver.domain();
            if !at.has("domain") || partner.has(&domain) {
                continue;
            }
            let message = format!("{receiver} is at {domain}, which is not this partner's");
            self.mistakes.add(at.item("receivers", n), at.key("receivers"), message, || {
                let known = std::iter::once(&partner.domain).chain(&partner.additional_domains);
                Some(match nearest(domain.as_str(), known.map(Domain::as_str)) {
                    Some(near) => format!("did you mean {}@{near}?", receiver.local()),
                    None => format!("add {:?} to its additional_domains", domain.as_str()),
                })
            });
        }
    }

    /// No limit or deadline that another one makes void.
    fn check_gateway(&mut self, gateway: &mut Gateway, at: &Spans) {
        if !at.has("partner_connection_limit") {
            gateway.partner_connection_limit = gateway.partner_connection_limit.min(gateway.connection_limit);
        } else if gateway.partner_connection_limit > gateway.connection_limit {
            let message = format!("is more than connection_limit, which is {}", gateway.connection_limit);
            let (span, key) = (at.span("partner_connection_limit"), at.key("partner_connection_limit"));
            self.mistakes.add(span, key, message, || Some("lower it, or raise connection_limit".to_owned()));
        }
        for field in Gateway::FIELDS {
            let key = field.setting.key;
            let Value::Duration(set) = (field.value)(gateway) else { continue };
            if OUTLIVES.contains(&key) || !at.has(key) || set <= gateway.timeout {
                continue;
            }
            let whole = duration::print(gateway.timeout);
            let message = format!("is longer than the whole verification may take, which is {whole}");
            self.mistakes
                .add(at.span(key), at.key(key), message, || Some("raise gateway.timeout".to_owned()));
        }
    }

    fn check_audit(&mut self, audit: &mut AuditTable, at: &Spans) {
        if audit.syslog_socket.is_some() && audit.syslog == SyslogCopies::Off {
            let (span, key) = (at.span("syslog_socket"), at.key("syslog_socket"));
            self.remarks.add(span, key, "is not used while syslog is off", || None);
        }
    }

    /// No two pools have a name in common.
    fn check_names(&mut self, topology: &Topology) {
        let mut owners: BTreeMap<&Domain, (&Domain, usize)> = BTreeMap::new();
        for (pool, at) in topology.pools.iter().zip(&self.places.pools) {
            let aliases = pool.aliases.iter().enumerate().map(|(n, alias)| (alias, at.item("aliases", n)));
            for (name, span) in std::iter::once((&pool.identity, at.span("identity"))).chain(aliases) {
                let (line, _) = self.mistakes.position(span.start);
                match owners.get(name) {
                    Some((owner, first)) => {
                        let message = format!("{name} already names the pool {owner} of line {first}");
                        self.mistakes.add(span, "pool", message, || {
                            Some("give every pool names of its own".to_owned())
                        });
                    }
                    None => {
                        owners.insert(name, (&pool.identity, line));
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
        for (partner, at) in topology.partners.iter().flatten().zip(&self.places.partners) {
            let others = partner.additional_domains.iter().enumerate();
            let others = others.map(|(n, domain)| (domain, at.item("additional_domains", n)));
            for (domain, span) in std::iter::once((&partner.domain, at.span("domain"))).chain(others) {
                let mut refuse = |message: String, suggestion: &str| {
                    self.mistakes.add(span.clone(), "partner", message, || Some(suggestion.to_owned()));
                };
                if let Some(pool) = ours.get(domain) {
                    refuse(
                        format!("{domain} is served by the pool {}", pool.identity),
                        "a domain of our own is no partner; leave it out",
                    );
                }
                match partners.get(domain) {
                    Some(line) => refuse(
                        format!("{domain} is already a partner's domain in line {line}"),
                        "list a domain once",
                    ),
                    None => {
                        partners.insert(domain, self.mistakes.position(span.start).0);
                    }
                }
            }
            if let Some(limit) = partner.connection_limit
                && limit > topology.gateway.connection_limit
            {
                let most = topology.gateway.connection_limit;
                let message = format!("is more than the gateway's connection_limit, which is {most}");
                let (span, key) = (at.span("connection_limit"), at.key("connection_limit"));
                self.mistakes.add(span, key, message, || {
                    Some("lower it, or raise gateway.connection_limit".to_owned())
                });
            }
        }
    }
}

/// Durations of the gateway that are not of one verification alone.
const OUTLIVES: [&str; 4] =
    ["stream_establishment_timeout", "stream_inactivity_timeout", "keep_alive_interval", "timeout"];
