//! Why a call is refused, in words for whoever reads the audit log.
//!
//! Says which of the things that a call touches is out of reach, and which parameters are limited. Never shown
//! to the caller: all refusals get one and the same answer.

use crate::access::{Call, Decision, Parameter, Refusal, Role, Touch, decide};

/// The words for a refusal by these roles, as a clause.
pub fn words(refusal: &Refusal, roles: &[&Role], call: Call<'_>) -> String {
    match refusal {
        Refusal::Cmdlet => NO_CMDLET.to_owned(),
        Refusal::Parameters => {
            let names = |given: &[&Parameter]| {
                given.iter().map(|one| format!("-{}", one.name)).collect::<Vec<_>>().join(" and ")
            };
            let alone = |given: &&Parameter| {
                let given = std::slice::from_ref(*given);
                !is_allowed(roles, Call { parameters: given, things: &[], ..call })
            };
            let limited: Vec<&Parameter> = call.parameters.iter().filter(alone).collect();
            if limited.is_empty() {
                let all: Vec<&Parameter> = call.parameters.iter().collect();
                format!("no one role of the caller allows {} with these values together", names(&all))
            } else {
                format!("no role of the caller allows {} with these values", names(&limited))
            }
        }
        Refusal::Thing { n } => {
            let touched = call.things.get(*n).map(Vec::as_slice).unwrap_or_default();
            let names =
                |touches: &[&Touch]| touches.iter().map(|one| named(one)).collect::<Vec<_>>().join(" and ");
            let alone =
                |touch: &&Touch| !is_allowed(roles, Call { things: &[vec![(*touch).clone()]], ..call });
            let out_of_reach: Vec<&Touch> = touched.iter().filter(alone).collect();
            if out_of_reach.is_empty() {
                let all: Vec<&Touch> = touched.iter().collect();
                format!("no one role of the caller reaches {} together", names(&all))
            } else {
                format!("no role of the caller reaches {}", names(&out_of_reach))
            }
        }
    }
}

/// Of a cmdlet that no role has.
pub const NO_CMDLET: &str = "no role of the caller has the cmdlet";

fn is_allowed(roles: &[&Role], call: Call<'_>) -> bool {
    matches!(decide(roles, &call), Decision::Allowed { .. })
}

fn named(touch: &Touch) -> String {
    match touch {
        Touch::Pool { identity, .. } => format!("the pool {identity}"),
        Touch::Settings => "the settings of the whole topology".to_owned(),
        Touch::Everybody => "everybody's calls, for which both scopes must be global".to_owned(),
        Touch::Receiver(account) => format!("the receiver {account}"),
        Touch::Sender(account) => format!("the sender {account}"),
        Touch::Partner(domain) => format!("the partner {domain}"),
        Touch::Role(power) => format!("all that the role {} allows", power.role.identity),
        Touch::Unlisted { what } => format!("{what}, which needs the role Administrator"),
    }
}
