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
use crate::access::scope::site_key;
use crate::access::{
    Access, Assignment, BuiltIn, ConfigScope, Limit, LimitedParameter, Member, PrincipalEntry, PublicKey,
    RoleDefinition, UserScope,
};
use crate::address::Address;

pub(super) fn document(text: &str, path: &Path) -> Result<Topology, Vec<Mistake>> {
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
        remarks: Vec::new(),
    };
    top.close(&mut reading.mistakes);
    reading.check_names(&topology);
    reading.check_domains(&topology);
    reading.check_limits(&topology);
    reading.check_access(&topology);
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
    config_scopes: Vec<Found<ConfigScope>>,
    user_scopes: Vec<Found<UserScope>>,
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
            body: body.map(|body| body.value.to_owned()),
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

    fn access(&mut self, top: &mut Section<'_, '_>) -> Option<Access> {
        let mut section = top.section(&mut self.mistakes, "access")?;
        let roles = section.sections(&mut self.mistakes, "role");
        let principals = section.sections(&mut self.mistakes, "principal");
        let assignments = section.sections(&mut self.mistakes, "assignment");
        section.close(&mut self.mistakes);
        Some(Access {
            roles: roles.into_iter().filter_map(|section| self.role(section)).collect(),
            principals: principals.into_iter().filter_map(|section| self.principal(section)).collect(),
            assignments: assignments.into_iter().filter_map(|section| self.assignment(section)).collect(),
        })
    }

    fn role(&mut self, mut section: Section<'_, '_>) -> Option<RoleDefinition> {
        let mistakes = &mut self.mistakes;
        let identity = section.text(mistakes, "identity");
        section.missing(mistakes, "identity", "name the role");
        let template = section.parsed::<BuiltIn>(mistakes, "template");
        section.missing(mistakes, "template", "name the built-in role that it starts from");
        let cmdlets =
            section.has("cmdlets").then(|| section.list(mistakes, "cmdlets")).map(|list| values(&list));
        let add_cmdlets = section.list(mistakes, "add_cmdlets");
        let remove_cmdlets = section.list(mistakes, "remove_cmdlets");
        let config_scopes = section.list::<ConfigScope>(mistakes, "config_scopes");
        let user_scopes = section.list::<UserScope>(mistakes, "user_scopes");
        let script_modules = section.list::<String>(mistakes, "script_modules");
        let description = section.text(mistakes, "description").map(|text| text.value.to_owned());
        refuse_repeats(mistakes, &section, "config_scopes", &config_scopes);
        refuse_repeats(mistakes, &section, "user_scopes", &user_scopes);
        let limits = section.sections(mistakes, "limit").into_iter();
        let limits: Vec<LimitedParameter> = limits.filter_map(|limit| read_limit(mistakes, limit)).collect();
        if let Some(name) = identity.as_ref().and_then(|identity| BuiltIn::named(identity.value)) {
            let span = section.span_of("identity");
            mistakes.add(span, section.key("identity"), format!("{name} is a built-in role"), || {
                Some("give a custom role a name of its own".to_owned())
            });
        }
        let places = RolePlaces { identity: section.span_of("identity"), config_scopes, user_scopes };
        // A list that is there and empty reaches nothing; one that is left out reaches everything.
        let config_scopes = match section.has("config_scopes") {
            true => values(&places.config_scopes),
            false => vec![ConfigScope::Global],
        };
        let user_scopes = match section.has("user_scopes") {
            true => values(&places.user_scopes),
            false => vec![UserScope::Global],
        };
        section.close(mistakes);
        let definition = RoleDefinition {
            identity: identity?.value.trim().to_owned(),
            template: template?.value,
            cmdlets,
            add_cmdlets: values(&add_cmdlets),
            remove_cmdlets: values(&remove_cmdlets),
            config_scopes,
            user_scopes,
            limits,
            script_modules: values(&script_modules),
            description,
        };
        self.places.roles.push(places);
        Some(definition)
    }

    fn principal(&mut self, mut section: Section<'_, '_>) -> Option<PrincipalEntry> {
        let mistakes = &mut self.mistakes;
        let name = section.text(mistakes, "name");
        section.missing(mistakes, "name", "name the principal");
        let keys = section.list::<PublicKey>(mistakes, "keys");
        if let Some(name) = &name
            && !crate::access::principal::is_principal_name(name.value)
        {
            let message = format!("{} is no name for a principal", quoted(name.value));
            mistakes.add(name.span.clone(), section.key("name"), message, || {
                Some("use letters, digits and . _ - @, up to 64, no dash first".to_owned())
            });
        }
        section.close(mistakes);
        let name = name?;
        self.places.principals.push(name.span);
        self.places.keys.extend(keys.iter().map(|key| (key.value.clone(), key.span.clone())));
        Some(PrincipalEntry { name: name.value.to_owned(), keys: values(&keys) })
    }

    fn assignment(&mut self, mut section: Section<'_, '_>) -> Option<Assignment> {
        let mistakes = &mut self.mistakes;
        let role = section.text(mistakes, "role");
        section.missing(mistakes, "role", "name a built-in role or one of [[access.role]]");
        let members = section.list::<Member>(mistakes, "members");
        section.missing(mistakes, "members", "list who has the role");
        refuse_repeats(mistakes, &section, "members", &members);
        section.close(mistakes);
        let role = role?;
        let assignment = Assignment { role: role.value.trim().to_owned(), members: values(&members) };
        self.places.assignments.push(AssignmentPlaces {
            role: Found { value: assignment.role.clone(), span: role.span },
            members,
        });
        Some(assignment)
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
            self.mistakes.add(span, "gateway.partner_connection_limit", message, || None);
        }
        for limit in self.places.partners.iter().filter_map(|places| places.connection_limit.as_ref()) {
            if limit.value > gateway.connection_limit {
                let message = format!(
                    "is more than the gateway's connection_limit, which is {}",
                    gateway.connection_limit
                );
                self.mistakes.add(limit.span.clone(), "partner.connection_limit", message, || None);
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

    /// Roles, sites, pools and principals that are named exist, and no name is taken twice.
    fn check_access(&mut self, topology: &Topology) {
        let Some(access) = &topology.access else { return };
        let mut roles: BTreeMap<String, &str> =
            BuiltIn::ALL.iter().map(|role| (site_key(role.name()), role.name())).collect();
        for (role, places) in access.roles.iter().zip(&self.places.roles) {
            if BuiltIn::named(&role.identity).is_none()
                && roles.insert(site_key(&role.identity), &role.identity).is_some()
            {
                let message = format!("{} is already the name of a role", quoted(&role.identity));
                self.mistakes.add(places.identity.clone(), "access.role.identity", message, || None);
            }
        }
        let sites: BTreeMap<String, &str> =
            topology.sites().into_iter().map(|site| (site_key(site), site)).collect();
        let pools: BTreeSet<&Domain> = topology.pools.iter().map(|pool| &pool.identity).collect();
        for scope in self.places.roles.iter().flat_map(|role| &role.config_scopes) {
            let (message, known): (String, Vec<&str>) = match &scope.value {
                ConfigScope::Site(site) if !sites.contains_key(&site_key(site)) => {
                    (format!("no pool is at the site {}", quoted(site)), sites.values().copied().collect())
                }
                ConfigScope::Pool(pool) if !pools.contains(pool) => {
                    (format!("there is no pool {pool}"), pools.iter().map(|pool| pool.as_str()).collect())
                }
                ConfigScope::Global | ConfigScope::Site(_) | ConfigScope::Pool(_) => continue,
            };
            let name = match &scope.value {
                ConfigScope::Global => "",
                ConfigScope::Site(site) => site,
                ConfigScope::Pool(pool) => pool.as_str(),
            };
            self.mistakes.add(scope.span.clone(), "access.role.config_scopes", message, || {
                nearest(name, known).map(|near| format!("did you mean {near}?"))
            });
        }
        for scope in self.places.roles.iter().flat_map(|role| &role.user_scopes) {
            let domain = match &scope.value {
                UserScope::Global => continue,
                UserScope::Domain(domain) => domain.clone(),
                UserScope::User(user) => user.domain(),
            };
            if !topology.allows(&domain) {
                let message = format!("{domain} is neither a pool's domain nor a partner's");
                self.remarks.add(scope.span.clone(), "access.role.user_scopes", message, || None);
            }
        }
        self.check_principals(access);
        self.check_assignments(access, &roles);
    }

    fn check_principals(&mut self, access: &Access) {
        let mut names = BTreeSet::new();
        for (principal, span) in access.principals.iter().zip(&self.places.principals) {
            if !names.insert(&principal.name) {
                let message = format!("{} is already a principal", quoted(&principal.name));
                self.mistakes.add(span.clone(), "access.principal.name", message, || None);
            }
        }
        let mut keys = BTreeSet::new();
        for (key, span) in &self.places.keys {
            if !keys.insert(&key.blob) {
                let message = "this key is listed before: one key names one principal";
                self.mistakes.add(span.clone(), "access.principal.keys", message, || None);
            }
        }
    }

    fn check_assignments(&mut self, access: &Access, roles: &BTreeMap<String, &str>) {
        let principals: BTreeSet<&str> = access.principals.iter().map(|entry| entry.name.as_str()).collect();
        let mut has_administrator = false;
        for assignment in &self.places.assignments {
            let role = &assignment.role;
            let built_in = BuiltIn::named(&role.value);
            has_administrator |= built_in == Some(BuiltIn::Administrator) && !assignment.members.is_empty();
            if built_in.is_none() && !roles.contains_key(&site_key(&role.value)) {
                let message = format!("there is no role {}", quoted(&role.value));
                self.mistakes.add(role.span.clone(), "access.assignment.role", message, || {
                    nearest(&role.value, roles.values().copied()).map(|near| format!("did you mean {near}?"))
                });
            }
            for member in &assignment.members {
                let Member::Principal(name) = &member.value else { continue };
                if !principals.contains(name.as_str()) {
                    let message = format!("there is no principal {}", quoted(name));
                    self.mistakes.add(member.span.clone(), "access.assignment.members", message, || {
                        Some(match nearest(name, principals.iter().copied()) {
                            Some(near) => format!("did you mean principal:{near}?"),
                            None => "list it as [[access.principal]]".to_owned(),
                        })
                    });
                }
            }
        }
        if !has_administrator {
            let message = "nobody is assigned the role Administrator";
            self.remarks.add(0..0, "access.assignment", message, || {
                Some("only an editor can change this document then".to_owned())
            });
        }
    }
}

fn read_limit(mistakes: &mut Mistakes<'_>, mut section: Section<'_, '_>) -> Option<LimitedParameter> {
    let cmdlet = section.parsed(mistakes, "cmdlet");
    section.missing(mistakes, "cmdlet", "name the cmdlet");
    let parameter = section.text(mistakes, "parameter");
    section.missing(mistakes, "parameter", "name the parameter");
    let values_given = section.list::<String>(mistakes, "values");
    let pattern = section.parsed(mistakes, "pattern");
    let limit = match (section.has("values"), section.has("pattern")) {
        (true, false) => Some(Limit::Values(values(&values_given))),
        (false, true) => pattern.map(|found| Limit::Pattern(found.value)),
        (both, _) => {
            let message = if both { "has both values and pattern" } else { "has neither values nor pattern" };
            let key = section.key("values");
            mistakes.add(section.span.clone(), key, message, || Some("write one of the two".to_owned()));
            None
        }
    };
    section.close(mistakes);
    let parameter = parameter?.value.trim().trim_start_matches('-').to_owned();
    Some(LimitedParameter { cmdlet: cmdlet?.value, parameter, limit: limit? })
}

/// A test message is read by people, and travels as XML.
fn check_body(mistakes: &mut Mistakes<'_>, section: &Section<'_, '_>, body: &Found<&str>) {
    let is_forbidden =
        |c: char| (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{fffe}' | '\u{ffff}');
    if body.value.chars().any(is_forbidden) {
        let message = "holds a character that no message can carry";
        mistakes.add(body.span.clone(), section.key("body"), message, || None);
    }
    if body.value.len() > MAX_BODY_BYTES {
        let message = format!("is {} bytes long: {MAX_BODY_BYTES} are allowed", body.value.len());
        mistakes.add(body.span.clone(), section.key("body"), message, || None);
    }
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
