//! `Get-AdminRole`: gives the roles, with their cmdlets and scopes.

use super::authority::{limit_record, session_record};
use crate::access::BuiltIn;
use crate::access::{Role, RoleTable};
use crate::call::filter::{self, Filter};
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::Catalogue;
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::value::{Record, Value};

/// `Get-AdminRole`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-AdminRole",
        original: Some("Get-CsAdminRole"),
        aliases: &[],
        family: Family::Access,
        synopsis: "Gives the roles, with their cmdlets and scopes.",
        description: "Cmdlets holds every name of a cmdlet, its own and the original's, so that -match finds either. Who does not see the whole topology sees the roles that they hold, and the built-in ones.",
        parameters: &[
            Parameter::new(
                "Identity",
                Kind::Role,
                "One role, or several; a built-in one by the original's name too.",
            )
            .many()
            .at(0)
            .default("Every role.")
            .from_all_records(),
            Parameter::new("Filter", Kind::Text, "Roles whose name matches a pattern with * and ?."),
        ],
        emits: "AdminRole",
        roles: BuiltIn::EVERYBODY,
        impact: Impact::None,
        examples: &[Example {
            title: "Names the roles that may run a test",
            code: "(Get-CsAdminRole | Where-Object {$_.Cmdlets -match \"Test-CsXmppIM\"}).Identity",
            output: "Administrator\nHelpDesk\nServerAdministrator\nUserAdministrator",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let known = crate::cmdlets::catalogue();
    let gate = RoleTable::new(call.topology.access.as_ref(), &known).map_err(|unknown| {
        let list: Vec<String> = unknown.iter().map(ToString::to_string).collect();
        ErrorRecord::new(Category::InvalidData, "TopologyInvalid", list.join("; "))
    })?;
    let filter = call.bound.text("Filter").map(|pattern| Filter::new(&pattern));
    let wanted = call.bound.texts("Identity");
    if wanted.is_empty() {
        for role in gate.roles() {
            if filter.as_ref().is_none_or(|filter| filter.matches(&role.identity)) {
                call.emit(record(role, &known)).await?;
            }
        }
        return Ok(());
    }
    for name in wanted {
        match gate.role(&name) {
            Some(role) => call.emit(record(role, &known)).await?,
            None => call.error(
                ErrorRecord::new(
                    Category::ObjectNotFound,
                    "RoleNotFound",
                    format!("There is no role '{name}'."),
                )
                .target(&name)
                .remedy(filter::advice(
                    "Get-AdminRole",
                    "roles",
                    &name,
                    &call.topology.place(),
                    gate.roles().map(|role| role.identity.as_str()),
                )),
            )?,
        }
    }
    Ok(())
}

/// A role as a record.
fn record(role: &Role, known: &Catalogue) -> Record {
    let names = role.cmdlets.iter().flat_map(|cmdlet| {
        let original = known.find(cmdlet.as_str()).and_then(|description| description.original);
        [Some(cmdlet.as_str()), original].into_iter().flatten()
    });
    let limits = role.limits.iter().map(|limited| Value::from(limit_record(limited)));
    Record::new("AdminRole")
        .with("Identity", role.identity.as_str())
        .with("IsStandardRole", role.is_standard)
        .with("Template", role.template.name())
        .with("Cmdlets", Value::texts(names))
        .with("ConfigScopes", Value::texts(role.config_scopes.iter().map(ToString::to_string)))
        .with("UserScopes", Value::texts(role.user_scopes.iter().map(ToString::to_string)))
        .with("ParameterLimits", Value::List(limits.collect()))
        .with("ScriptModules", Value::texts(role.script_modules.iter().map(ToString::to_string)))
        .with("SessionLimits", session_record(&role.session))
        .with("Description", Value::optional(role.description.clone()))
}
