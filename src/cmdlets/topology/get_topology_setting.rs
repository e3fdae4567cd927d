//! `Get-TopologySetting`: every setting of the topology, also those that no other cmdlet shows.

use crate::access::BuiltIn;
use crate::call::filter::Filter;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Description, Example, Family, Impact, Kind, Parameter};
use crate::topology::sample::header;
use crate::value::{Record, Value};

/// `Get-TopologySetting`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-TopologySetting",
        original: None,
        aliases: &[],
        family: Family::Topology,
        synopsis: "Gives every setting of the topology with its value.",
        description: "One record for each setting of each table: the value that holds, whether it is the default, the \
            command that sets it where one does, and what it is for. Roles and principals are not among them: see \
            Get-AdminRole. A role needs both scopes global for it.",
        parameters: &[
            Parameter::new("Key", Kind::Text, "Settings whose key matches a pattern with * and ?.")
                .at(0)
                .default("Every setting."),
            Parameter::new(
                "Table",
                Kind::Text,
                "Settings of tables whose header matches a pattern, such as gateway.",
            )
            .default("Every table.")
            .binds(Binds::Everybody),
        ],
        emits: "TopologySetting",
        roles: &[BuiltIn::ServerAdministrator, BuiltIn::ViewOnlyAdministrator],
        impact: Impact::None,
        examples: &[
            Example {
                title: "Says how large a file of the audit log grows",
                code: "(Get-TopologySetting max_file_size).Value",
                output: "64MiB",
            },
            Example {
                title: "Says how many connections may be open, and what changes that",
                code: "Get-TopologySetting *connection_limit -Table gateway | Select-Object Key,Value,SetBy",
                output: "Key                      Value SetBy\n\
                    ---                      ----- -----\n\
                    connection_limit          1000 Set-XmppGatewayConfiguration -ConnectionLimit\n\
                    partner_connection_limit    20 Set-XmppGatewayConfiguration -PartnerConnectionLimit",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    call.warn_where_no_topology()?;
    let [key, path] = ["Key", "Table"].map(|name| call.bound.text(name).map(|pattern| Filter::new(&pattern)));
    let matches = |filter: &Option<Filter>, text: &str| filter.as_ref().is_none_or(|own| own.matches(text));
    for (table, values) in call.topology.tables().into_iter().filter(|(table, _)| matches(&path, table.path))
    {
        let defaults = (table.defaults)();
        let value = |of: &Record, name: &str| of.get(name).cloned().unwrap_or_default();
        let name = table.name.map_or(Value::Null, |name| value(&values, &name.property()));
        for setting in (table.settings)().iter().filter(|setting| matches(&key, setting.key)) {
            let (holds, default) =
                (value(&values, &setting.property()), value(&defaults, &setting.property()));
            let set_by = match (table.cmdlet, setting.parameter) {
                (Some(noun), Some(parameter)) if !setting.is_name => {
                    Value::Text(format!("Set-{noun} -{parameter}"))
                }
                _ => Value::Null,
            };
            let record = Record::new("TopologySetting")
                .with("Table", header(&table))
                .with("Name", name.clone())
                .with("Key", setting.key)
                .with("Value", holds.clone())
                .with("IsDefault", !setting.is_name && holds.to_string() == default.to_string())
                .with("SetBy", set_by)
                .with("Help", setting.help);
            call.emit(record).await?;
        }
    }
    Ok(())
}
