//! Who may do what: the reviewed table, the gate against its model, and whoever tries to climb.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../support/golden.rs"]
mod golden;
mod model;
mod table;

use std::fmt::Write as _;

use imsh::internals::access::BuiltIn;
use imsh::internals::cmdlet::{Binds, Kind};
use imsh::internals::cmdlets::ALL;

use golden::golden;

fn table() -> String {
    let mut table = String::from("# cmdlet: roles beside Administrator | what its parameters bind\n");
    for cmdlet in ALL {
        let cmdlet = &cmdlet.description;
        let roles: Vec<_> =
            BuiltIn::ALL.iter().filter(|role| cmdlet.roles.contains(role)).map(|role| role.name()).collect();
        let binds: Vec<_> = cmdlet
            .parameters
            .iter()
            .filter(|own| own.binds != Binds::Nothing || own.kind == Kind::File)
            .map(|own| {
                if own.kind == Kind::File {
                    format!("{}={}", own.name, if own.is_on_drive { "FileOnDrive" } else { "File" })
                } else {
                    format!("{}={:?}", own.name, own.binds)
                }
            })
            .collect();
        writeln!(table, "{}: {} | {}", cmdlet.name, roles.join(" "), binds.join(" ")).unwrap();
    }
    table
}

#[test]
fn every_cmdlet_has_its_row_and_every_row_its_cmdlet() {
    golden("tests/golden/roles.txt", &table());
}
