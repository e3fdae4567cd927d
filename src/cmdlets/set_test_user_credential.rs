//! `Set-TestUserCredential`: puts a test user's password into the vault.

use crate::access::BuiltIn;
use crate::address::Address;
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::cmdlets::store::unreadable;
use crate::cmdlets::{Call, Cmdlet, Outcome};
use crate::vault::StoredCredential;

/// `Set-TestUserCredential`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Set-TestUserCredential",
        original: Some("Set-CsTestUserCredential"),
        aliases: &[],
        family: Family::Credentials,
        synopsis: "Stores the credential of a test user in the vault.",
        description: "The vault is one encrypted file beside the topology, with its key in a file that only you can \
            read. Both are made when they are first needed. A stored credential replaces an earlier one of the same \
            account, and goes only to the pools that list the account as a test user.",
        parameters: &[
            Parameter::new("SipAddress", Kind::Address, "The test user's address.")
                .at(0)
                .required()
                .binds(Binds::TestUser),
            Parameter::new("Credential", Kind::Credential, "Name and password, from Get-Credential.")
                .at(1)
                .required(),
        ],
        emits: "",
        roles: &[BuiltIn::ServerAdministrator, BuiltIn::UserAdministrator],
        impact: Impact::Medium,
        examples: &[Example {
            title: "What would be stored, with the password from the environment",
            code: "Set-TestUserCredential kenmyer@litwareinc.com (Get-Credential kenmyer -FromEnvironment HOME) -WhatIf",
            output: "What if: Performing the operation \"Store the credential\" on target \"kenmyer@litwareinc.com\".",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let address = account(&call)?;
    let Some(credential) = call.bound.credential("Credential") else { return Ok(()) };
    // Under another account's name a stored password would go to that account's pools.
    if credential.stored_for.as_ref().is_some_and(|account| *account != address.to_string()) {
        return Err(ErrorRecord::new(
            Category::InvalidOperation,
            "StoredForAnother",
            "A stored credential is its account's alone.",
        )
        .target(address.to_string())
        .remedy("Type the password again: Get-Credential.")
        .into());
    }
    if call.topology.test_user_of(&address).is_none() {
        call.warn(format!(
            "No pool lists {address} as a test user, so this credential goes nowhere until one does."
        ))?;
    }
    if !call.should_process("Store the credential", &address.to_string())? {
        return Ok(());
    }
    let stored = StoredCredential::from(credential);
    let vault = call.world.vault.open()?;
    tokio::task::block_in_place(|| vault.set(&address, stored)).map_err(|fault| unreadable(&fault))?;
    Ok(())
}

/// The account that the call is about.
fn account(call: &Call) -> Result<Address, ErrorRecord> {
    let written = call.bound.text("SipAddress").unwrap_or_default();
    written.parse().map_err(|fault| {
        ErrorRecord::new(Category::InvalidArgument, "BadAddress", format!("'{written}': {fault}."))
    })
}
