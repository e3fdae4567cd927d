//! The `[access]` table: roles, principals and assignments, and that they fit each other.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AssignmentPlaces, Found, LimitPlaces, Mistakes, RolePlaces, Section, TopologyReading, nearest, quoted,
    values,
};
use crate::access::limits::{SESSION_LIMITS, SessionLimits};
use crate::access::scope::site_key;
use crate::access::{
    Access, BuiltIn, CmdletName, ConfigScope, KnownCmdlets, Limit, LimitedParameter, Member, PrincipalEntry,
    PublicKey, RoleAssignment, RoleDefinition, ScriptModule, UserScope,
};
use crate::address::Domain;
use crate::topology::Topology;

impl TopologyReading<'_> {
    pub(super) fn access(&mut self, top: &mut Section<'_, '_>) -> Option<Access> {
        let mut section = top.section(&mut self.mistakes, "access")?;
        let roles = section.sections(&mut self.mistakes, "role");
        let principals = section.sections(&mut self.mistakes, "principal");
        let assignments = section.sections(&mut self.mistakes, "assignment");
        let locked = section.list::<Member>(&mut self.mistakes, "locked");
        section.close(&mut self.mistakes, &[]);
        Some(Access {
            roles: roles.into_iter().filter_map(|section| self.role(section)).collect(),
            principals: principals.into_iter().filter_map(|section| self.principal(section)).collect(),
            assignments: assignments.into_iter().filter_map(|section| self.assignment(section)).collect(),
            locked: values(&locked),
        })
    }

    fn role(&mut self, mut section: Section<'_, '_>) -> Option<RoleDefinition> {
        let mistakes = &mut self.mistakes;
        let identity = section.text(mistakes, "identity");
        section.missing(mistakes, "identity", "name the role");
        let template = section.parsed::<BuiltIn>(mistakes, "template");
        section.missing(mistakes, "template", "name the built-in role that it starts from");
        let cmdlets = section.has("cmdlets").then(|| section.list::<CmdletName>(mistakes, "cmdlets"));
        let add_cmdlets = section.list(mistakes, "add_cmdlets");
        let remove_cmdlets = section.list(mistakes, "remove_cmdlets");
        let config_scopes = section.list::<ConfigScope>(mistakes, "config_scopes");
        let user_scopes = section.list::<UserScope>(mistakes, "user_scopes");
        let script_modules = section.list::<ScriptModule>(mistakes, "script_modules");
        let description = section.text(mistakes, "description").map(|text| text.value.to_owned());
        let mut session = SessionLimits::default();
        for limit in &SESSION_LIMITS {
            let bounds = i64::from(*limit.bounds.start())..=i64::from(*limit.bounds.end());
            let most = section.number(mistakes, limit.key, bounds);
            session.set(limit.limited, most.and_then(|most| u32::try_from(most.value).ok()));
        }
        section.refuse_repeats(mistakes, "config_scopes", &config_scopes);
        section.refuse_repeats(mistakes, "user_scopes", &user_scopes);
        let limits = section.sections(mistakes, "limit").into_iter();
        let limits: Vec<ReadLimit> = limits.filter_map(|limit| read_limit(mistakes, limit)).collect();
        if let Some(name) = identity.as_ref().and_then(|identity| BuiltIn::named(identity.value)) {
            let span = section.span_of("identity");
            mistakes.add(span, section.key("identity"), format!("{name} is a built-in role"), || {
                Some("give a custom role a name of its own".to_owned())
            });
        }
        let lists = [("add_cmdlets", &add_cmdlets), ("remove_cmdlets", &remove_cmdlets)];
        let lists = lists.into_iter().chain(cmdlets.as_ref().map(|list| ("cmdlets", list)));
        let named = lists.flat_map(|(key, list)| list.iter().map(move |cmdlet| (key, cmdlet.clone())));
        let places = RolePlaces {
            identity: section.span_of("identity"),
            cmdlets: named.collect(),
            limits: limits.iter().map(|limit| limit.places.clone()).collect(),
            config_scopes,
            user_scopes,
        };
        // A list that is there and empty reaches nothing; one that is left out reaches everything.
        let config_scopes = match section.has("config_scopes") {
            true => values(&places.config_scopes),
            false => vec![ConfigScope::Global],
        };
        let user_scopes = match section.has("user_scopes") {
            true => values(&places.user_scopes),
            false => vec![UserScope::Global],
        };
        section.close(mistakes, &[]);
        let definition = RoleDefinition {
            identity: identity?.value.trim().to_owned(),
            template: template?.value,
            cmdlets: cmdlets.as_deref().map(values),
            add_cmdlets: values(&add_cmdlets),
            remove_cmdlets: values(&remove_cmdlets),
            config_scopes,
            user_scopes,
            limits: limits.into_iter().map(|limit| limit.limited).collect(),
            script_modules: values(&script_modules),
            session,
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
        section.close(mistakes, &[]);
        let name = name?;
        self.places.principals.push(name.span);
        self.places.keys.extend(keys.iter().map(|key| (key.value.clone(), key.span.clone())));
        Some(PrincipalEntry { name: name.value.to_owned(), keys: values(&keys) })
    }

    fn assignment(&mut self, mut section: Section<'_, '_>) -> Option<RoleAssignment> {
        let mistakes = &mut self.mistakes;
        let role = section.text(mistakes, "role");
        section.missing(mistakes, "role", "name a built-in role or one of [[access.role]]");
        let members = section.list::<Member>(mistakes, "members");
        section.missing(mistakes, "members", "list who has the role");
        section.refuse_repeats(mistakes, "members", &members);
        section.close(mistakes, &[]);
        let role = role?;
        let assignment = RoleAssignment { role: role.value.trim().to_owned(), members: values(&members) };
        self.places.assignments.push(AssignmentPlaces {
            role: Found { value: assignment.role.clone(), span: role.span },
            members,
        });
        Some(assignment)
    }

    /// Roles, sites, pools and principals that are named exist, and no name is taken twice.
    pub(super) fn check_access(&mut self, topology: &Topology) {
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
        let other_name = |scope: &ConfigScope| match scope {
            ConfigScope::Pool(name) => topology.canonical_pool(name.as_str()),
            ConfigScope::Global | ConfigScope::Site(_) => None,
        };
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
            self.mistakes.add(scope.span.clone(), "access.role.config_scopes", message, || match other_name(
                &scope.value,
            ) {
                Some(pool) => Some(format!("it is another name of {}: write that", pool.identity)),
                None => nearest(name, known).map(|near| format!("did you mean {near}?")),
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

    /// The cmdlets and parameters that roles name exist: one that takes nothing away, or limits nothing, would
    /// leave more allowed than its author meant.
    pub(super) fn check_cmdlets(&mut self, known: &dyn KnownCmdlets) {
        let all = known.cmdlets_of(BuiltIn::Administrator);
        let did_you_mean = |written: &str, names: Vec<&str>| {
            nearest(written, names).map(|near| format!("did you mean {near}?"))
        };
        let in_limits = self.places.roles.iter().flat_map(|role| &role.limits);
        let named = self.places.roles.iter().flat_map(|role| &role.cmdlets);
        let named = named.map(|(key, cmdlet)| (*key, cmdlet));
        for (key, cmdlet) in named.chain(in_limits.clone().map(|limit| ("limit.cmdlet", &limit.cmdlet))) {
            if known.parameters_of(&cmdlet.value).is_none() {
                let message = format!("there is no cmdlet {}", cmdlet.value);
                self.mistakes.add(cmdlet.span.clone(), format!("access.role.{key}"), message, || {
                    did_you_mean(cmdlet.value.as_str(), all.iter().map(CmdletName::as_str).collect())
                });
            }
        }
        for LimitPlaces { cmdlet, parameter } in in_limits {
            let Some(own) = known.parameters_of(&cmdlet.value) else { continue };
            if !own.iter().any(|name| name.eq_ignore_ascii_case(&parameter.value)) {
                let message = format!("{} has no parameter {}", cmdlet.value, quoted(&parameter.value));
                self.mistakes.add(parameter.span.clone(), "access.role.limit.parameter", message, || {
                    did_you_mean(&parameter.value, own.iter().map(String::as_str).collect())
                        .or_else(|| Some("write its full name".to_owned()))
                });
            }
        }
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

/// A limit, and where its names stand.
struct ReadLimit {
    limited: LimitedParameter,
    places: LimitPlaces,
}

fn read_limit(mistakes: &mut Mistakes<'_>, mut section: Section<'_, '_>) -> Option<ReadLimit> {
    let cmdlet = section.parsed::<CmdletName>(mistakes, "cmdlet");
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
    section.close(mistakes, &[]);
    let (cmdlet, written) = (cmdlet?, parameter?);
    let parameter = written.value.trim().trim_start_matches('-').to_owned();
    let found = Found { value: parameter.clone(), span: written.span };
    let limited = LimitedParameter { cmdlet: cmdlet.value.clone(), parameter, limit: limit? };
    Some(ReadLimit { limited, places: LimitPlaces { cmdlet, parameter: found } })
}
