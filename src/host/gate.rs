//! The gate decides whether a principal may run a cmdlet at all, and whether one role covers each
//! resource of a call.
//!
//! It is asked once per call, before anything else. Every refusal is the same error record; only
//! the audit log gets the reason. The rules are in `access`; the gate translates the call into
//! their terms.

use std::sync::{Arc, Mutex, PoisonError};

use super::power::AccessContext;
use super::refusal;
use super::resources::{Pair, lent_pairs, limited, listed, resources_of, tested};
use super::view::visible;
use crate::access::limits::SessionLimits;
use crate::access::{
    self, Access, BuiltIn, CmdletName, Decision, Limit, Principal, Resource, Role, RoleDefinition,
    ScriptModule, UnknownName,
};
use crate::call::results::ReadableResults;
use crate::call::stores::{TopologyReader, mistakes_elsewhere};
use crate::call::{BoundArguments, Lenders};
use crate::cmdlet::parameter::NoParameter;
use crate::cmdlet::{Catalogue, Category, Description, ErrorRecord, Kind};
use crate::topology::Topology;
use crate::value::Value;
use crate::value::text::parse_duration;

/// The gate of one session.
#[derive(Debug)]
pub struct Gate {
    principal: Principal,
    /// The reader who is told about mistakes in the roles.
    reader: TopologyReader,
    /// The location of the files that a call names.
    files: Files,
    /// The roles of the topology that was read last.
    current: Mutex<Option<GateState>>,
}

/// The location of the files that a call names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// On the machine: whoever names one of the service account could name its vault or its topology.
    OfMachine,
    /// On the principal's drive, whose names lead nowhere else.
    OnDrive,
}

/// The roles of one state of the topology.
#[derive(Clone, Debug)]
struct GateState {
    topology: Arc<Topology>,
    roles: Arc<access::RoleTable>,
    /// The cmdlets that the principal may run.
    catalogue: Catalogue,
}

/// The permission to run a cmdlet, not yet for a particular call of it.
#[derive(Debug)]
pub struct Permission {
    description: &'static Description,
    cmdlet: CmdletName,
    /// The principal's roles that have the cmdlet.
    roles: Vec<Role>,
    /// Every role that there is.
    every_role: Arc<access::RoleTable>,
    everything: Catalogue,
    topology: Arc<Topology>,
    files: Files,
}

/// The result of a call that is allowed.
#[derive(Debug)]
pub struct Covered {
    /// The topology as far as the roles let it be seen.
    pub topology: Arc<Topology>,
    /// The roles that cover the call.
    pub by: Vec<String>,
    /// The pools where a test may log on as its receiver as well.
    pub lenders: Lenders,
    /// The kept results that may be read.
    pub readable: ReadableResults,
}

/// A call that is not covered.
#[derive(Debug)]
pub struct RefusedCall {
    /// The error for the caller: always the same.
    pub error: ErrorRecord,
    /// The reason, for the audit log.
    pub reason: String,
}

impl Gate {
    /// The gate that knows this principal.
    pub fn new(principal: Principal) -> Self {
        Self { principal, reader: TopologyReader::Owner, files: Files::OfMachine, current: Mutex::new(None) }
    }

    /// The same for a session whose files lie on a drive.
    pub fn with_drive(self) -> Self {
        Self { files: Files::OnDrive, ..self }
    }

    /// The same for this reader of the topology.
    pub fn told_to(self, reader: TopologyReader) -> Self {
        Self { reader, ..self }
    }

    /// The principal.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The names of the principal's roles.
    ///
    /// # Errors
    /// As [`Gate::may_run`].
    pub fn role_names(
        &self,
        everything: &Catalogue,
        topology: &Arc<Topology>,
    ) -> Result<Vec<String>, ErrorRecord> {
        let GateState { roles, .. } = self.state(everything, topology)?;
        Ok(roles.roles_of(&self.principal).iter().map(|role| role.identity.clone()).collect())
    }

    /// The limits of a session of the principal; none without a role.
    ///
    /// # Errors
    /// As [`Gate::may_run`].
    pub fn session_limits(
        &self,
        everything: &Catalogue,
        topology: &Arc<Topology>,
    ) -> Result<Option<SessionLimits>, ErrorRecord> {
        let GateState { roles, .. } = self.state(everything, topology)?;
        let held = roles.roles_of(&self.principal);
        Ok(held.iter().map(|role| role.session.clone()).reduce(|one, other| one.or(&other)))
    }

    /// The entries of the principal's roles for this script of the library; empty where they may run nothing of it.
    ///
    /// # Errors
    /// As [`Gate::may_run`].
    pub fn script_modules(
        &self,
        everything: &Catalogue,
        topology: &Arc<Topology>,
        script: &str,
    ) -> Result<Vec<ScriptModule>, ErrorRecord> {
        let GateState { roles, .. } = self.state(everything, topology)?;
        let listed = roles.roles_of(&self.principal).into_iter().flat_map(|role| &role.script_modules);
        Ok(listed.filter(|module| module.name() == script).cloned().collect())
    }

    /// Whether the principal has the built-in `Administrator`.
    pub fn is_administrator(&self, everything: &Catalogue, topology: &Arc<Topology>) -> bool {
        let state = self.state(everything, topology);
        state
            .is_ok_and(|state| state.roles.roles_of(&self.principal).iter().any(|one| one.is_administrator()))
    }

    /// The cmdlets of `everything` that the principal may run.
    ///
    /// # Errors
    /// As [`Gate::may_run`].
    pub fn own_catalogue(
        &self,
        everything: &Catalogue,
        topology: &Arc<Topology>,
    ) -> Result<Catalogue, ErrorRecord> {
        self.state(everything, topology).map(|state| state.catalogue)
    }

    /// Whether the principal may run the cmdlet at all.
    ///
    /// # Errors
    /// No role has it; or the topology's roles name what does not exist, and the gate stays shut.
    pub fn may_run(
        &self,
        description: &'static Description,
        everything: &Catalogue,
        topology: &Arc<Topology>,
    ) -> Result<Permission, RefusedCall> {
        let refused = |reason: &str| RefusedCall {
            error: ErrorRecord::permission_denied(description.name),
            reason: reason.to_owned(),
        };
        let GateState { roles, .. } = self
            .state(everything, topology)
            .map_err(|error| RefusedCall { reason: error.message.clone(), error })?;
        let Some(cmdlet) = cmdlet_name(description) else { return Err(refused("no cmdlet's name")) };
        let held = roles.roles_of(&self.principal);
        if !access::may_run_at_all(&held, &cmdlet) {
            return Err(refused(refusal::NO_CMDLET));
        }
        let own = held.into_iter().filter(|role| role.cmdlets.contains(&cmdlet)).cloned().collect();
        let (everything, topology) = (everything.clone(), topology.clone());
        let files = self.files;
        Ok(Permission { description, cmdlet, roles: own, every_role: roles, everything, topology, files })
    }

    /// The roles of the topology for the principal, computed once for each state of the file.
    fn state(&self, everything: &Catalogue, topology: &Arc<Topology>) -> Result<GateState, ErrorRecord> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = current.as_ref()
            && Arc::ptr_eq(&state.topology, topology)
        {
            return Ok(state.clone());
        }
        let access = topology.access.clone().map(|access| Access {
            roles: access.roles.into_iter().map(|role| as_bound(role, everything)).collect(),
            ..access
        });
        let roles = access::RoleTable::new(access.as_ref(), everything).map_err(|unknown| {
            let path = topology.path.display();
            let told = |name: &UnknownName| format!("{path}: {name}{}", did_you_mean(name, everything));
            let list: Vec<String> = unknown.iter().map(told).collect();
            match self.reader {
                TopologyReader::Owner => {
                    ErrorRecord::new(Category::InvalidData, "TopologyInvalid", list.join("\n"))
                        .target(path.to_string())
                        .remedy("Correct the roles in the topology; until then nothing runs.")
                }
                TopologyReader::Other => mistakes_elsewhere(),
            }
        })?;
        let held = roles.roles_of(&self.principal);
        let may_run = |description: &&'static Description| {
            cmdlet_name(description).is_some_and(|name| access::may_run_at_all(&held, &name))
        };
        let catalogue = Catalogue::new(everything.iter().filter(may_run));
        let state = GateState { topology: topology.clone(), catalogue, roles: Arc::new(roles) };
        *current = Some(state.clone());
        Ok(state)
    }
}

impl Permission {
    /// Checks that one role covers each resource of the call.
    ///
    /// # Errors
    /// At least one resource is not covered.
    pub fn covers(&self, bound: &BoundArguments) -> Result<Covered, RefusedCall> {
        let by = self.roles_covering(bound)?;
        if self.topology.access.is_none() {
            let (topology, lenders) = (self.topology.clone(), Lenders::Any);
            return Ok(Covered { topology, by, lenders, readable: ReadableResults::All });
        }
        let roles: Vec<&Role> = self.roles.iter().collect();
        let lenders = self.lenders(bound);
        let topology = visible(&self.topology, &roles, &self.every_role);
        Ok(Covered { topology, by, lenders, readable: self.readable() })
    }

    /// The roles that cover the resources of the call.
    ///
    /// # Errors
    /// As [`Permission::covers`].
    pub fn roles_covering(&self, bound: &BoundArguments) -> Result<Vec<String>, RefusedCall> {
        if self.topology.access.is_none() {
            return Ok(vec![BuiltIn::Administrator.name().to_owned()]);
        }
        let parameters = limited(self.description, bound, &self.topology);
        let resources = resources_of(self.description, bound, self.context())
            .map_err(|error| RefusedCall { reason: error.message.clone(), error })?;
        let call =
            access::CallRequest { cmdlet: &self.cmdlet, parameters: &parameters, resources: &resources };
        let roles: Vec<&Role> = self.roles.iter().collect();
        match access::decide(&roles, &call) {
            Decision::Allowed { by } => Ok(by),
            Decision::Refused(reason) => Err(RefusedCall {
                error: ErrorRecord::permission_denied(self.description.name),
                reason: refusal::words(&reason, &roles, call),
            }),
        }
    }

    /// The pools where a test may log on as its receiver: one role covers the pool together with the
    /// resources of the pair of pool and receiver.
    fn lenders(&self, bound: &BoundArguments) -> Lenders {
        let parameters = limited(self.description, bound, &self.topology);
        let roles: Vec<&Role> = self.roles.iter().collect();
        let is_covered = |resources: &[Vec<Resource>]| {
            let call = access::CallRequest { cmdlet: &self.cmdlet, parameters: &parameters, resources };
            matches!(access::decide(&roles, &call), Decision::Allowed { .. })
        };
        let lends = |pair: &Pair| {
            let resources = resources_of(self.description, &pair.bound, self.context()).ok()?;
            let mut lenders = self.topology.pools_listing(&pair.receiver);
            let lender = lenders.find(|pool| {
                let with_lender: Vec<_> =
                    resources.iter().map(|list| [&list[..], &[listed(pool)]].concat()).collect();
                is_covered(&with_lender)
            })?;
            Some(lender.identity.clone())
        };
        let pairs = lent_pairs(self.description, bound, &self.topology).into_iter();
        let covered = pairs.filter_map(|pair| Some((lends(&pair)?, pair)));
        Lenders::Covered(covered.map(|(lender, pair)| ((pair.target, pair.receiver), lender)).collect())
    }

    /// The pairs of which one role with this cmdlet covers both the pool and the receiver.
    fn readable(&self) -> ReadableResults {
        let (roles, cmdlet, topology) = (self.roles.clone(), self.cmdlet.clone(), self.topology.clone());
        ReadableResults::Of(Arc::new(move |pair| {
            let resources = [tested(pair, &topology)];
            let call = access::CallRequest { cmdlet: &cmdlet, parameters: &[], resources: &resources };
            let roles: Vec<&Role> = roles.iter().collect();
            matches!(access::decide(&roles, &call), Decision::Allowed { .. })
        }))
    }

    fn context(&self) -> AccessContext<'_> {
        AccessContext {
            topology: &self.topology,
            roles: &self.every_role,
            everything: &self.everything,
            files: self.files,
        }
    }
}

fn did_you_mean(unknown: &UnknownName, everything: &Catalogue) -> String {
    let nearest = match unknown {
        UnknownName::Cmdlet { role: _, cmdlet } => everything.nearest(cmdlet).map(str::to_owned),
        UnknownName::Parameter { role: _, cmdlet, parameter } => {
            let description = everything.find(cmdlet);
            description.and_then(|found| match found.parameter(parameter) {
                // Roles are read by full names alone.
                Ok(meant) => Some(meant.name.to_owned()),
                Err(NoParameter::Unknown { nearest }) => nearest.map(|name| name.to_owned()),
                Err(NoParameter::Foreign { .. } | NoParameter::Ambiguous { .. }) => None,
            })
        }
    };
    nearest.map(|name| format!(" (did you mean {name}?)")).unwrap_or_default()
}

/// Limits in the form that values of a call have: a span of time may be written in many ways.
pub(super) fn as_bound(mut definition: RoleDefinition, everything: &Catalogue) -> RoleDefinition {
    for limited in &mut definition.limits {
        let description = everything.find(limited.cmdlet.as_str());
        let kind = description.and_then(|found| Some(found.parameter(&limited.parameter).ok()?.kind));
        if let (Some(Kind::Duration), Limit::Values(values)) = (kind, &mut limited.limit) {
            for value in values {
                if let Some(duration) = parse_duration(value) {
                    *value = Value::Duration(duration).to_string();
                }
            }
        }
    }
    definition
}

/// The parameters of a call as the audit log holds them: secrets masked.
pub fn parameters(bound: &BoundArguments) -> Vec<access::GivenParameter> {
    let values = |value: &Value| {
        if let Value::List(items) = value {
            items.iter().map(Value::to_string).collect()
        } else if let Value::Boolean(truth) = value {
            vec![truth.to_string()]
        } else {
            vec![value.to_string()]
        }
    };
    bound
        .iter()
        .map(|(name, value)| access::GivenParameter { name: name.to_owned(), values: values(value) })
        .collect()
}

/// A cmdlet's name as roles list it.
fn cmdlet_name(description: &Description) -> Option<CmdletName> {
    description.name.parse().ok()
}
