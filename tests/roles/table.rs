//! The reviewed table: each of some principals, each cmdlet, within the principal's scopes and outside
//! of them (`tests/golden/principals.txt`).
//!
//! A call is made of the cmdlet's own description: what it must be given, and every parameter that a
//! scope is held against, one at a time. So a new cmdlet or parameter is a new row, which somebody has
//! to read.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use imsh::internals::access::Principal;
use imsh::internals::cmdlet::{Arguments, Binds, Catalogue, Description, Kind, Need, Parameter};
use imsh::internals::cmdlets::ALL;
use imsh::internals::host::{Gate, bind};
use imsh::internals::secret::{Credential, Secret};
use imsh::internals::topology::Topology;
use imsh::internals::value::{Record, Value};

use crate::golden::golden;

const TOPOLOGY: &str = r#"
[[pool]]
identity = "in.litware.com"
site = "Redmond"
domains = ["litware.com"]
test_users = ["sip:in@litware.com"]

[[pool]]
identity = "out.fabrikam.com"
site = "Dublin"
domains = ["fabrikam.com"]
test_users = ["sip:out@fabrikam.com"]

[[partner]]
domain = "in.example"

[[partner]]
domain = "out.example"

[access]
[[access.principal]]
name = "vera"
keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f vera@desk"]

[[access.role]]
identity = "Desk"
template = "HelpDesk"
config_scopes = ["site:Redmond"]
user_scopes = ["domain:in.example", "domain:litware.com"]

[[access.role]]
identity = "Chief"
template = "ServerAdministrator"
add_cmdlets = ["New-AdminRole", "Set-AdminRole", "Remove-AdminRole", "Grant-AdminRole", "Revoke-AdminRole"]
config_scopes = ["pool:in.litware.com"]
user_scopes = ["domain:in.example"]

[[access.role]]
identity = "Caller"
template = "HelpDesk"
cmdlets = ["Test-XmppIM"]

[[access.role.limit]]
cmdlet = "Test-XmppIM"
parameter = "Receiver"
pattern = '[^@]+@in\.example'

[[access.assignment]]
role = "Administrator"
members = ["os-user:ada"]

[[access.assignment]]
role = "Desk"
members = ["os-group:desk"]

[[access.assignment]]
role = "Chief"
members = ["os-user:carl"]

[[access.assignment]]
role = "Caller"
members = ["os-user:cora"]

[[access.assignment]]
role = "ViewOnlyAdministrator"
members = ["principal:vera"]
"#;

/// Who asks: the column, and who that is.
fn principals() -> [(&'static str, Principal); 6] {
    let user = |name: &str, groups: &[&str]| Principal::OsUser {
        name: name.to_owned(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    };
    [
        ("ada", user("ada", &[])),
        ("carl", user("carl", &[])),
        ("dora", user("dora", &["desk"])),
        ("cora", user("cora", &[])),
        ("vera", Principal::Vouched { name: "vera".to_owned() }),
        // Of the operating system, and so somebody else.
        ("os-vera", user("vera", &["vera"])),
    ]
}

const HEAD: &str = "\
# Who may call what. ada: Administrator · carl: Chief, a ServerAdministrator of in.litware.com and in.example ·
# dora: in the group desk, a HelpDesk of Redmond · cora: Caller, Test-XmppIM to in.example only, by a limit ·
# vera: vouched for from outside, ViewOnlyAdministrator · os-vera: an operating-system user of that name.
# Where a parameter stands: y within and outside of Redmond and in.example, i within only, o outside only,
# - neither. The row without one is the call that gives only what it must, within.
";

/// What a parameter is given, within Chief's and Desk's scopes or outside of them.
fn sample(parameter: &Parameter, is_within: bool) -> Value {
    let side = if is_within { "in" } else { "out" };
    let of = |within: &str, outside: &str| Value::text(if is_within { within } else { outside });
    match (parameter.binds, parameter.kind) {
        (Binds::Receiver, _) => Value::text(format!("x@{side}.example")),
        (Binds::Sender | Binds::TestUser, _) | (_, Kind::Address) => of("in@litware.com", "out@fabrikam.com"),
        (Binds::Partner | Binds::Federation, _) | (_, Kind::Domain) => Value::text(format!("{side}.example")),
        (Binds::Role, _) => of("Desk", "Caller"),
        (_, Kind::Pool) => of("in.litware.com", "out.fabrikam.com"),
        (_, Kind::Site) => of("Redmond", "Dublin"),
        (Binds::NewRole | Binds::NewPrincipal, _) => Value::text("new"),
        (_, Kind::Principal) => Value::text("vera"),
        (_, Kind::Member) => Value::text("os-user:new"),
        (_, Kind::Switch) => Value::Boolean(true),
        (_, Kind::Choice(words)) => Value::text(words[0]),
        (_, Kind::Integer(least, _)) => Value::Integer(least.max(1)),
        (_, Kind::Duration) => Value::text("5s"),
        (_, Kind::Cmdlet) => Value::text("Get-Pool"),
        (_, Kind::Credential) => Value::Credential(Credential::new("in", Secret::new("x".to_owned()))),
        (_, Kind::Map) => Value::from(Record::new("Map").with("Add", "x")),
        (_, Kind::Modification) if parameter.name == "ConfigScopes" => of("pool:in.litware.com", "global"),
        (_, Kind::Modification) if parameter.name == "UserScopes" => of("domain:in.example", "global"),
        (_, Kind::Modification) if parameter.name.ends_with("mdlets") => of("Get-Pool", "Get-AuditLog"),
        (_, Kind::Modification) if parameter.name == "Receivers" => Value::text(format!("x@{side}.example")),
        (_, Kind::Role) => Value::text("HelpDesk"),
        (Binds::Power, Kind::Any) => {
            let limit = Record::new("Map").with("Cmdlet", "Test-XmppIM").with("Parameter", "Body");
            Value::from(limit.with("Values", "ping"))
        }
        (Binds::Power, Kind::Modification) => Value::text("sweep.rhai"),
        (_, _) => Value::text("x"),
    }
}

/// A call that gives what must be given, and one parameter more.
fn call(description: &'static Description, more: Option<(&Parameter, bool)>) -> Arguments {
    let is_needed = |own: &&Parameter| {
        let is_needed = match own.need {
            Need::Required | Need::RequiredOrPipeline | Need::RequiredOrEach | Need::RequiredOrAll => true,
            Need::Optional(_) | Need::Pipeline | Need::OptionalOrAll(_) => false,
        };
        is_needed && own.kind != Kind::Foreign && more.is_none_or(|(more, _)| more.name != own.name)
    };
    let needed = description.parameters.iter().filter(is_needed);
    let arguments = needed.fold(Arguments::none(), |all, own| all.with(own.name, sample(own, true)));
    match more {
        Some((more, is_within)) => arguments.with(more.name, sample(more, is_within)),
        None => arguments,
    }
}

#[test]
fn every_principal_cmdlet_and_scope_has_been_read() {
    let everything = Catalogue::new(ALL.iter().map(|cmdlet| &cmdlet.description));
    let topology = Arc::new(Topology::parse(TOPOLOGY, Path::new("table.toml")).unwrap());
    let gates = principals().map(|(name, principal)| (name, Gate::new(principal)));
    let names: Vec<&str> = gates.iter().map(|(name, _)| *name).collect();
    let mut table = format!("{HEAD}#\n{:<60}{}\n", "", names.join(" "));
    for cmdlet in ALL {
        let description = &cmdlet.description;
        let may = |gate: &Gate, arguments: Arguments| {
            let bound = bind::bind(description, arguments.clone(), false);
            let bound = bound.unwrap_or_else(|error| panic!("{} {arguments:?}: {error}", description.name));
            let leave = gate.may_run(description, &everything, &topology);
            leave.and_then(|leave| leave.covers(&bound)).is_ok()
        };
        let mut row = |parameter: &str, letter: &dyn Fn(&Gate) -> &'static str| {
            let _ = write!(table, "{:<60}", format!("{} {parameter}", description.name).trim_end());
            let letters: Vec<String> =
                gates.iter().map(|(name, gate)| format!("{:<1$}", letter(gate), name.len())).collect();
            table.push_str(letters.join(" ").trim_end());
            table.push('\n');
        };
        if has_a_block(description) {
            let letter = |gate: &Gate| {
                if gate.may_run(description, &everything, &topology).is_ok() { "y" } else { "-" }
            };
            row("", &letter);
            continue;
        }
        row("", &|gate| if may(gate, call(description, None)) { "y" } else { "-" });
        let is_bound = |own: &&Parameter| {
            (own.binds != Binds::Nothing || own.kind == Kind::File) && own.kind != Kind::Foreign
        };
        for own in description.parameters.iter().filter(is_bound) {
            let letter = |gate: &Gate| match (
                may(gate, call(description, Some((own, true)))),
                may(gate, call(description, Some((own, false)))),
            ) {
                (true, true) => "y",
                (true, false) => "i",
                (false, true) => "o",
                (false, false) => "-",
            };
            row(&format!("-{}", own.name), &letter);
        }
    }
    golden("tests/golden/principals.txt", &table);
}

/// Blocks belong to the script engine: no call is made of such a cmdlet here.
fn has_a_block(description: &Description) -> bool {
    description.parameters.iter().any(|own| own.kind == Kind::Block)
}
