//! Access control: roles, scopes, principals, the decision whether a call is covered, and the log
//! of what was decided.
//!
//! Ground: the one door asks [`decide`] and nobody else does. All but [`audit`] are pure functions of
//! their arguments; names are brought to one form before they are compared. Never asks the system who
//! is calling, never explains a refusal to the one refused.

// Reading order.
pub mod scope;
pub mod role;
pub mod principal;
pub mod gate;
pub mod limits;
pub mod usage;
pub mod audit;

pub use gate::{
    CallRequest, Decision, Denial, GivenParameter, KnownCmdlets, Power, Resource, Role, RoleTable,
    UnknownName, covers, decide, may_run_at_all,
};
pub use principal::{Member, Principal, PrincipalEntry, PublicKey};
pub use role::{BuiltIn, CmdletName, Limit, LimitPattern, LimitedParameter, RoleDefinition, ScriptModule};
pub use scope::{ConfigScope, UserScope};

/// The `[access]` table of a topology, as written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Access {
    /// The custom roles.
    pub roles: Vec<RoleDefinition>,
    /// The names that an endpoint may vouch for, with their keys.
    pub principals: Vec<PrincipalEntry>,
    /// The assignments of roles to members.
    pub assignments: Vec<RoleAssignment>,
    /// The members who have no role, whatever is assigned to them.
    pub locked: Vec<Member>,
}

impl Access {
    /// Whether a vouched-for name has any role, and is not locked.
    pub fn lets_in(&self, name: &str) -> bool {
        let principal = Principal::Vouched { name: name.to_owned() };
        let is_of = |members: &[Member]| members.iter().any(|member| principal.is(member));
        !is_of(&self.locked) && self.assignments.iter().any(|assignment| is_of(&assignment.members))
    }
}

/// One role, and those who have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleAssignment {
    /// The identity of a custom or a built-in role, as the topology spells it.
    pub role: String,
    /// Its members.
    pub members: Vec<Member>,
}

impl RoleAssignment {
    /// Whether it is of the role with this name.
    pub fn is_of(&self, role: &str) -> bool {
        role::is_same(&self.role, role)
    }
}
