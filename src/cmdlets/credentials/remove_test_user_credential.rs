//! `Remove-TestUserCredential`: makes the vault forget a test user.

use crate::access::BuiltIn;
use crate::address::Address;
use crate::call::stores::unreadable;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};

/// `Remove-TestUserCredential`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Remove-TestUserCredential",
        original: Some("Remove-CsTestUserCredential"),
        aliases: &[],
        family: Family::Credentials,
        synopsis: "Makes the vault forget the credential of a test user.",
        description: "The account itself, and what the topology says of it, stay as they are.",
        parameters: &[Parameter::new("SipAddress", Kind::Address, "The test user's address.")
            .many()
            .at(0)
            .required()
            .binds(Binds::TestUser)],
        emits: "",
        roles: &[BuiltIn::ServerAdministrator, BuiltIn::UserAdministrator],
        impact: Impact::Medium,
        examples: &[Example {
            title: "What would be forgotten",
            code: "Remove-TestUserCredential kenmyer@litwareinc.com -WhatIf",
            output: "What if: Performing the operation \"Forget the credential\" on target \"kenmyer@litwareinc.com\".",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let vault = call.context.vault.open()?;
    let accounts = call.bound.texts("SipAddress");
    for account in accounts.iter().filter_map(|written| written.parse::<Address>().ok()) {
        if !call.should_process("Forget the credential", &account.to_string())? {
            continue;
        }
        let was_there =
            tokio::task::block_in_place(|| vault.remove(&account)).map_err(|fault| unreadable(&fault))?;
        if !was_there {
            let message = format!("The vault has no credential of {account}.");
            let error = ErrorRecord::new(Category::ObjectNotFound, "TestUserCredentialNotFound", message);
            call.error(error.target(account.sip()))?;
        }
    }
    Ok(())
}
