//! Principals and their keys, as the cmdlets about them say it.

use crate::access::{Principal, PrincipalEntry, PublicKey};
use crate::call::Call;
use crate::cmdlet::{Binds, Category, ErrorRecord, Kind, Parameter};

/// The keys of a principal.
pub const KEYS: Parameter = Parameter::new(
    "Keys",
    Kind::Modification,
    "Public keys, each the line of a .pub file: \"ssh-ed25519 AAAA… comment\". One key names one principal.",
)
.many()
.binds(Binds::Key);

/// The name that is given, if it can be one.
pub fn name(call: &Call) -> Result<String, ErrorRecord> {
    let name = call.bound.text("Identity").unwrap_or_default();
    let name = name.strip_prefix("principal:").unwrap_or(&name);
    if crate::access::principal::is_principal_name(name) {
        return Ok(name.to_owned());
    }
    Err(ErrorRecord::new(
        Category::InvalidArgument,
        "BadName",
        format!("'{name}' is no name for a principal."),
    )
    .remedy("Use letters, digits and . _ - @, up to 64, no dash first."))
}

/// The principal that is named, as far as the caller sees.
pub fn existing(call: &Call) -> Result<PrincipalEntry, ErrorRecord> {
    let name = name(call)?;
    let access = call.topology.access.iter();
    let found = access.flat_map(|access| &access.principals).find(|entry| entry.name == name).cloned();
    found.ok_or_else(|| not_found(&name))
}

/// There is none, or none in sight.
pub fn not_found(name: &str) -> ErrorRecord {
    ErrorRecord::new(
        Category::ObjectNotFound,
        "PrincipalNotFound",
        format!("There is no principal '{name}'."),
    )
    .target(name)
    .remedy("Run Get-AdminPrincipal to see the principals there are.")
}

/// The keys that are named, checked; what is not one is told without being repeated.
///
/// # Errors
/// Not a public key.
pub fn checked(keys: &[String]) -> Result<Vec<PublicKey>, ErrorRecord> {
    let read = |written: &String| {
        written.trim().parse().map_err(|fault| {
            let text = crate::call::sentence(&format!("{fault}"));
            ErrorRecord::new(Category::InvalidArgument, "BadPublicKey", text)
                .remedy("Give the line of the .pub file: ssh-ed25519 AAAA… comment.")
        })
    };
    keys.iter().map(read).collect()
}

/// The roles that a principal has, by their names.
pub fn roles_of(call: &Call, name: &str) -> Vec<String> {
    let vouched = Principal::Vouched { name: name.to_owned() };
    let assignments = call.topology.access.iter().flat_map(|access| &access.assignments);
    let own = assignments.filter(|one| one.members.iter().any(|member| vouched.is(member)));
    let mut roles: Vec<String> = own.map(|assignment| assignment.role.clone()).collect();
    roles.dedup();
    roles
}
