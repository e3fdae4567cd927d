//! The decision: may these roles make this call?
//!
//! Roles do not add up. A call uses lists of resources (each pool/receiver pair of a batch is one
//! list), and for each list a single role must allow the cmdlet, every parameter and every resource.
//! Names arrive in canonical form ([`Domain`], [`Address`], [`CmdletName`]); a pool's alias or
//! server name was resolved to the pool before. Pure: no topology, no clock, no words for people.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::SessionLimits;
use super::role::{BuiltIn, CmdletName, Limit, LimitedParameter, RoleDefinition, ScriptModule};
use super::scope::{ConfigScope, UserScope, site_key};
use super::{Access, Principal};
use crate::address::{Address, Domain};

/// The cmdlets and parameters that exist, as far as the rules need them.
pub trait KnownCmdlets {
    /// The cmdlets whose own files give them to a built-in role.
    fn cmdlets_of(&self, role: BuiltIn) -> Vec<CmdletName>;

    /// The parameters of a cmdlet by their full names; `None` where there is no such cmdlet.
    fn parameters_of(&self, cmdlet: &CmdletName) -> Option<Vec<String>>;
}

/// A role with its cmdlets worked out: a built-in one, or a custom one over its template.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    /// Its name.
    pub identity: String,
    /// Whether it is built in.
    pub is_standard: bool,
    /// The template; itself for a built-in role.
    pub template: BuiltIn,
    /// The cmdlets that its holders may run.
    pub cmdlets: BTreeSet<CmdletName>,
    /// The pools that its holders reach.
    pub config_scopes: Vec<ConfigScope>,
    /// The users that its holders reach.
    pub user_scopes: Vec<UserScope>,
    /// The parameter values that its holders may give.
    pub limits: Vec<LimitedParameter>,
    /// The library scripts that its holders may run.
    pub script_modules: Vec<ScriptModule>,
    /// The limits of a session of its holders.
    pub session: SessionLimits,
    /// Its purpose, for people.
    pub description: Option<String>,
}

impl Role {
    /// A built-in role: global scopes, no limits.
    pub fn built_in(role: BuiltIn, catalogue: &dyn KnownCmdlets) -> Self {
        Self {
            identity: role.name().to_owned(),
            is_standard: true,
            template: role,
            cmdlets: catalogue.cmdlets_of(role).into_iter().collect(),
            config_scopes: vec![ConfigScope::Global],
            user_scopes: vec![UserScope::Global],
            limits: Vec::new(),
            script_modules: Vec::new(),
            session: match role {
                BuiltIn::Administrator => SessionLimits::of_administrator(),
                BuiltIn::ServerAdministrator
                | BuiltIn::UserAdministrator
                | BuiltIn::HelpDesk
                | BuiltIn::ViewOnlyAdministrator => SessionLimits::default(),
            },
            description: None,
        }
    }

    /// A custom role over its template.
    ///
    /// # Errors
    /// Names of cmdlets and parameters that do not exist: one that takes nothing away, or limits
    /// nothing, would leave more allowed than its author meant.
    pub fn custom(
        definition: &RoleDefinition,
        catalogue: &dyn KnownCmdlets,
    ) -> Result<Self, Vec<UnknownName>> {
        let mut unknown = Vec::new();
        let named = [&definition.add_cmdlets, &definition.remove_cmdlets];
        for cmdlet in named.into_iter().flatten().chain(definition.cmdlets.iter().flatten()) {
            if catalogue.parameters_of(cmdlet).is_none() {
                unknown.push(UnknownName::Cmdlet {
                    role: definition.identity.clone(),
                    cmdlet: cmdlet.to_string(),
                });
            }
        }
        for limit in &definition.limits {
            let parameters = catalogue.parameters_of(&limit.cmdlet);
            let (role, cmdlet) = (definition.identity.clone(), limit.cmdlet.to_string());
            match parameters {
                None => unknown.push(UnknownName::Cmdlet { role, cmdlet }),
                Some(known) if !known.iter().any(|name| name.eq_ignore_ascii_case(&limit.parameter)) => {
                    unknown.push(UnknownName::Parameter { role, cmdlet, parameter: limit.parameter.clone() });
                }
                Some(_) => {}
            }
        }
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let from_template = || catalogue.cmdlets_of(definition.template);
        let mut cmdlets: BTreeSet<CmdletName> =
            definition.cmdlets.clone().unwrap_or_else(from_template).into_iter().collect();
        cmdlets.extend(definition.add_cmdlets.iter().cloned());
        for removed in &definition.remove_cmdlets {
            cmdlets.remove(removed);
        }
        Ok(Self {
            identity: definition.identity.clone(),
            is_standard: false,
            template: definition.template,
            cmdlets,
            config_scopes: definition.config_scopes.clone(),
            user_scopes: definition.user_scopes.clone(),
            limits: definition.limits.clone(),
            script_modules: definition.script_modules.clone(),
            session: definition.session.clone(),
            description: definition.description.clone(),
        })
    }

    /// Whether this is the built-in `Administrator`, who alone may name what the topology does not list.
    pub fn is_administrator(&self) -> bool {
        self.is_standard && self.template == BuiltIn::Administrator
    }

    fn allows_parameters(&self, call: &CallRequest<'_>) -> bool {
        self.limits_of(call.cmdlet).all(|limited| {
            let mut given = call.parameters.iter();
            given.all(|parameter| {
                !parameter.name.eq_ignore_ascii_case(&limited.parameter)
                    || !parameter.values.is_empty()
                        && parameter.values.iter().all(|value| limited.limit.allows(value))
            })
        })
    }

    fn limits_of<'r>(&'r self, cmdlet: &'r CmdletName) -> impl Iterator<Item = &'r LimitedParameter> {
        self.limits.iter().filter(move |limited| limited.cmdlet == *cmdlet)
    }

    fn reaches(&self, resource: &Resource) -> bool {
        match resource {
            Resource::Pool { identity, site } => {
                self.config_scopes.iter().any(|scope| scope.covers_pool(identity, site.as_deref()))
            }
            Resource::Settings => self.config_scopes.contains(&ConfigScope::Global),
            Resource::Everybody => {
                self.config_scopes.contains(&ConfigScope::Global)
                    && self.user_scopes.contains(&UserScope::Global)
            }
            Resource::Receiver(account) | Resource::Sender(account) => {
                self.user_scopes.iter().any(|scope| scope.covers_account(account))
            }
            Resource::Partner(domain) => self.user_scopes.iter().any(|scope| scope.covers_domain(domain)),
            Resource::Role(power) => covers(&[self], &power.role, &|pool| power.site_of(pool)),
            Resource::Unlisted { .. } => self.is_administrator(),
        }
    }
}

/// A role by what it lets its holders do: nobody hands it out, takes it away or changes it who may not
/// do all of that by the role that lets them.
#[derive(Clone, Debug, PartialEq)]
pub struct Power {
    /// The role.
    pub role: Role,
    /// The sites of the pools that it names.
    pub sites: Vec<(Domain, String)>,
}

impl Power {
    fn site_of(&self, pool: &Domain) -> Option<String> {
        self.sites.iter().find(|(named, _)| named == pool).map(|(_, site)| site.clone())
    }
}

/// A name in a role that nothing has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownName {
    /// No such cmdlet.
    #[error("the role {role:?} names the cmdlet {cmdlet}, which does not exist")]
    Cmdlet {
        /// The role.
        role: String,
        /// The name.
        cmdlet: String,
    },
    /// No such parameter; aliases and short forms do not count.
    #[error("the role {role:?} limits the parameter {parameter} of {cmdlet}, which does not exist")]
    Parameter {
        /// The role.
        role: String,
        /// The cmdlet.
        cmdlet: String,
        /// The name.
        parameter: String,
    },
}

/// One resource that a call uses.
#[derive(Clone, Debug, PartialEq)]
pub enum Resource {
    /// A pool of the topology, and with it the test users that it lends.
    Pool {
        /// Its identity.
        identity: Domain,
        /// Its site.
        site: Option<String>,
    },
    /// Settings of the whole topology: the gateway, the resolver. Needs the scope `global`.
    Settings,
    /// The calls of every principal, on all pools and users. Needs both scopes to be `global`.
    Everybody,
    /// An account that a message goes to.
    Receiver(Address),
    /// An account that was named by hand to send, or whose credential is used.
    Sender(Address),
    /// A domain as a partner.
    Partner(Domain),
    /// A role that is made, changed, handed out or taken away, as it was or as it would be.
    Role(Box<Power>),
    /// A resource that only an `Administrator` may use: a pool, partner or port that the topology does not
    /// list, or where a pool's passwords go.
    Unlisted {
        /// Its name, for the audit log.
        what: String,
    },
}

/// A parameter as bound: its full name, and its values as text, one for a single value, `true` or
/// `false` for a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenParameter {
    /// The full name.
    pub name: String,
    /// Every value.
    pub values: Vec<String>,
}

/// A call, bound and not yet run.
#[derive(Clone, Copy, Debug)]
pub struct CallRequest<'a> {
    /// The cmdlet.
    pub cmdlet: &'a CmdletName,
    /// Every parameter that was given.
    pub parameters: &'a [GivenParameter],
    /// The resources that it uses; one role must cover all of an inner list.
    pub resources: &'a [Vec<Resource>],
}

/// The answer of [`decide`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Every list is covered, each by the role named here; a call that uses no resource, by the
    /// one role that allows it. In the order of the lists, each role once.
    Allowed {
        /// Identities of roles.
        by: Vec<String>,
    },
    /// At least one is not. Why is for the audit alone: the caller gets one and the same answer.
    Refused(Denial),
}

/// The reason why a call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No role has the cmdlet.
    Cmdlet,
    /// A role has it, and none that has it allows these parameters.
    Parameters,
    /// No role that allows cmdlet and parameters covers this list of resources.
    Resource {
        /// Its index in the call.
        n: usize,
    },
}

/// Whether any role has the cmdlet: asked before anything is bound.
pub fn may_run_at_all(roles: &[&Role], cmdlet: &CmdletName) -> bool {
    roles.iter().any(|role| role.cmdlets.contains(cmdlet))
}

/// Decides whether one role covers each list of resources of a call. Without roles it is refused.
pub fn decide(roles: &[&Role], call: &CallRequest<'_>) -> Decision {
    let mut having: Vec<&Role> =
        roles.iter().copied().filter(|role| role.cmdlets.contains(call.cmdlet)).collect();
    if having.is_empty() {
        return Decision::Refused(Denial::Cmdlet);
    }
    having.retain(|role| role.allows_parameters(call));
    let Some(first) = having.first() else { return Decision::Refused(Denial::Parameters) };
    let mut by = Vec::new();
    for (n, list) in call.resources.iter().enumerate() {
        match having.iter().find(|role| list.iter().all(|resource| role.reaches(resource))) {
            Some(role) if by.contains(&role.identity) => {}
            Some(role) => by.push(role.identity.clone()),
            None => return Decision::Refused(Denial::Resource { n }),
        }
    }
    if by.is_empty() {
        by.push(first.identity.clone());
    }
    Decision::Allowed { by }
}

/// Whether a role allows nothing that its granter does not already hold: nobody climbs.
///
/// For each cmdlet of the role *one* role of the granter must have the cmdlet, no tighter limits and
/// all of the role's scopes; `site_of` tells the site of a pool.
pub fn covers(granter: &[&Role], role: &Role, site_of: &dyn Fn(&Domain) -> Option<String>) -> bool {
    if granter.iter().any(|held| held.is_administrator()) {
        return true;
    }
    if role.is_administrator() {
        return false;
    }
    let within = |held: &Role, cmdlet: &CmdletName| {
        held.cmdlets.contains(cmdlet)
            && role.session.is_within(&held.session)
            && role
                .config_scopes
                .iter()
                .all(|wanted| held.config_scopes.iter().any(|scope| config_within(wanted, scope, site_of)))
            && role
                .user_scopes
                .iter()
                .all(|wanted| held.user_scopes.iter().any(|scope| user_within(wanted, scope)))
            && held.limits_of(cmdlet).all(|outer| {
                let mut own = role.limits_of(cmdlet);
                own.any(|inner| {
                    inner.parameter.eq_ignore_ascii_case(&outer.parameter)
                        && limit_within(&inner.limit, &outer.limit)
                })
            })
    };
    role.cmdlets.iter().all(|cmdlet| granter.iter().any(|held| within(held, cmdlet)))
        && role
            .script_modules
            .iter()
            .all(|module| granter.iter().flat_map(|held| &held.script_modules).any(|own| own.covers(module)))
}

fn config_within(
    inner: &ConfigScope,
    outer: &ConfigScope,
    site_of: &dyn Fn(&Domain) -> Option<String>,
) -> bool {
    match inner {
        ConfigScope::Global => *outer == ConfigScope::Global,
        ConfigScope::Pool(pool) => outer.covers_pool(pool, site_of(pool).as_deref()),
        ConfigScope::Site(site) => match outer {
            ConfigScope::Global => true,
            ConfigScope::Site(outer) => site_key(site) == site_key(outer),
            ConfigScope::Pool(_) => false,
        },
    }
}

fn user_within(inner: &UserScope, outer: &UserScope) -> bool {
    match inner {
        UserScope::Global => *outer == UserScope::Global,
        UserScope::Domain(domain) => outer.covers_domain(domain),
        UserScope::User(user) => outer.covers_account(user),
    }
}

fn limit_within(inner: &Limit, outer: &Limit) -> bool {
    match (inner, outer) {
        (Limit::Values(inner), Limit::Values(_)) => inner.iter().all(|value| outer.allows(value)),
        // A value stands for all its letter cases, and a pattern need not match them all.
        (Limit::Values(inner), Limit::Pattern(pattern)) => inner
            .iter()
            .all(|value| pattern.matches(value) && !value.contains(|c: char| c.is_ascii_alphabetic())),
        (Limit::Pattern(inner), Limit::Pattern(outer)) => inner == outer,
        (Limit::Pattern(_), Limit::Values(_)) => false,
    }
}

/// The roles of a topology, and who has them.
#[derive(Clone, Debug)]
pub struct RoleTable {
    roles: BTreeMap<String, Role>,
    access: Option<Access>,
}

impl RoleTable {
    /// Works out every role. Without an `[access]` table the operating-system user has the built-in
    /// `Administrator`, and nobody else has anything.
    ///
    /// # Errors
    /// Custom roles that name what does not exist; the gate stays shut then.
    pub fn new(access: Option<&Access>, catalogue: &dyn KnownCmdlets) -> Result<Self, Vec<UnknownName>> {
        let built_in = BuiltIn::ALL.into_iter().map(|role| Role::built_in(role, catalogue));
        let mut roles: BTreeMap<String, Role> =
            built_in.map(|role| (site_key(&role.identity), role)).collect();
        let mut unknown = Vec::new();
        for definition in access.iter().flat_map(|access| &access.roles) {
            match Role::custom(definition, catalogue) {
                Ok(role) => {
                    roles.insert(site_key(&role.identity), role);
                }
                Err(names) => unknown.extend(names),
            }
        }
        if unknown.is_empty() { Ok(Self { roles, access: access.cloned() }) } else { Err(unknown) }
    }

    /// Every role, built-in and custom.
    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.values()
    }

    /// The role of this name, in any letter case, a built-in one also by the original's name.
    pub fn role(&self, name: &str) -> Option<&Role> {
        match BuiltIn::named(name) {
            Some(built_in) => self.roles.get(&site_key(built_in.name())),
            None => self.roles.get(&site_key(name)),
        }
    }

    /// The roles of a principal, each once.
    pub fn roles_of(&self, principal: &Principal) -> Vec<&Role> {
        let Some(access) = &self.access else {
            return match principal {
                Principal::OsUser { .. } => self.role(BuiltIn::Administrator.name()).into_iter().collect(),
                Principal::Vouched { .. } => Vec::new(),
            };
        };
        let mut held: Vec<&Role> = Vec::new();
        if access.locked.iter().any(|member| principal.is(member)) {
            return held;
        }
        for assignment in &access.assignments {
            let has_it = assignment.members.iter().any(|member| principal.is(member));
            if let Some(role) = self.role(&assignment.role).filter(|_| has_it)
                && !held.iter().any(|other| other.identity == role.identity)
            {
                held.push(role);
            }
        }
        held
    }
}

#[cfg(test)]
mod tests;
