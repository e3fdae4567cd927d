//! The reason why a call is refused, in words for whoever reads the audit log.
//!
//! Says which resource of a call is out of reach, and which parameters are limited. Never shown
//! to the caller: all refusals get one and the same answer.

use crate::access::{CallRequest, Decision, Denial, GivenParameter, Resource, Role, decide};

/// The words for a refusal by these roles, as a clause.
pub fn words(refusal: &Denial, roles: &[&Role], call: CallRequest<'_>) -> String {
    match refusal {
        Denial::Cmdlet => NO_CMDLET.to_owned(),
        Denial::Parameters => {
            let names = |given: &[&GivenParameter]| {
                given.iter().map(|one| format!("-{}", one.name)).collect::<Vec<_>>().join(" and ")
            };
            let alone = |given: &&GivenParameter| {
                let given = std::slice::from_ref(*given);
                !is_allowed(roles, CallRequest { parameters: given, resources: &[], ..call })
            };
            let limited: Vec<&GivenParameter> = call.parameters.iter().filter(alone).collect();
            if limited.is_empty() {
                let all: Vec<&GivenParameter> = call.parameters.iter().collect();
                format!("no one role of the caller allows {} with these values together", names(&all))
            } else {
                format!("no role of the caller allows {} with these values", names(&limited))
            }
        }
        Denial::Resource { n } => {
            let resources = call.resources.get(*n).map(Vec::as_slice).unwrap_or_default();
            let names = |resources: &[&Resource]| {
                resources.iter().map(|one| named(one)).collect::<Vec<_>>().join(" and ")
            };
            let alone = |resource: &&Resource| {
                !is_allowed(roles, CallRequest { resources: &[vec![(*resource).clone()]], ..call })
            };
            let out_of_reach: Vec<&Resource> = resources.iter().filter(alone).collect();
            if out_of_reach.is_empty() {
                let all: Vec<&Resource> = resources.iter().collect();
                format!("no one role of the caller reaches {} together", names(&all))
            } else {
                format!("no role of the caller reaches {}", names(&out_of_reach))
            }
        }
    }
}

/// Of a cmdlet that no role has.
pub const NO_CMDLET: &str = "no role of the caller has the cmdlet";

fn is_allowed(roles: &[&Role], call: CallRequest<'_>) -> bool {
    matches!(decide(roles, &call), Decision::Allowed { .. })
}

fn named(resource: &Resource) -> String {
    match resource {
        Resource::Pool { identity, .. } => format!("the pool {identity}"),
        Resource::Settings => "the settings of the whole topology".to_owned(),
        Resource::Everybody => "everybody's calls, for which both scopes must be global".to_owned(),
        Resource::Receiver(account) => format!("the receiver {account}"),
        Resource::Sender(account) => format!("the sender {account}"),
        Resource::Partner(domain) => format!("the partner {domain}"),
        Resource::Role(power) => format!("all that the role {} allows", power.role.identity),
        Resource::Unlisted { what } => format!("{what}, which needs the role Administrator"),
    }
}
