//! `Get-TestUserCredential`: a stored credential, to be used and not to be read.

use crate::access::BuiltIn;
use crate::address::Address;
use crate::call::stores::unreadable;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::secret::Credential;
use crate::value::{Record, Value};
use crate::xmpp::secure;

/// `Get-TestUserCredential`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Get-TestUserCredential",
        original: Some("Get-CsTestUserCredential"),
        aliases: &[],
        family: Family::Credentials,
        synopsis: "Says which test users have a credential in the vault.",
        description: "Gives the account, the name it logs on with, and what is stored for it. The password can be used \
            and never be read: -UserCredential takes what this gives, and it goes to the pools that list the account \
            as a test user and to no others. An address that is no test user is an error.",
        parameters: &[Parameter::new("SipAddress", Kind::Address, "The test user's address, or several.")
            .many()
            .at(0)
            .default("Every test user that has a credential.")
            .from_all_records()
            .binds(Binds::TestUser)],
        emits: "TestUserCredential",
        roles: &[BuiltIn::ServerAdministrator, BuiltIn::UserAdministrator],
        impact: Impact::None,
        examples: &[Example {
            title: "What the vault holds of an account",
            code: "Get-TestUserCredential kenmyer@litwareinc.com",
            output: "SipAddress                 UserName Password HasCertificate\n\
                ----------                 -------- -------- --------------\n\
                sip:kenmyer@litwareinc.com kenmyer  ******** False",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let wanted: Vec<Address> =
        call.bound.texts("SipAddress").iter().filter_map(|written| written.parse().ok()).collect();
    let vault = call.context.vault.open()?;
    let stored = tokio::task::block_in_place(|| vault.accounts()).map_err(|fault| unreadable(&fault))?;
    // Of an account that several pools lend, all of them are in sight: its password serves them all.
    let is_visible = |account: &Address| {
        let mut lenders = call.whole.pools_listing(account).peekable();
        lenders.peek().is_some() && lenders.all(|pool| call.topology.pool(pool.identity.as_str()).is_some())
    };
    let accounts = if wanted.is_empty() {
        stored.iter().filter(|account| is_visible(account)).cloned().collect()
    } else {
        wanted
    };
    for account in accounts {
        let entry = if is_visible(&account) {
            vault.get(&account).map_err(|fault| unreadable(&fault))?
        } else {
            None
        };
        let Some(entry) = entry else {
            let message = format!("{account} is no test user, or has no credential in the vault.");
            let error = ErrorRecord::new(Category::ObjectNotFound, "TestUserCredentialNotFound", message);
            call.error(error.target(account.sip()).remedy("Store one with Set-TestUserCredential."))?;
            continue;
        };
        let credential = entry
            .credential()
            .map(|credential| Credential { stored_for: Some(account.to_string()), ..credential });
        let certificate = entry
            .certificate
            .as_ref()
            .and_then(|own| secure::ClientCertificate::from_pem(&own.chain_pem, &own.key_pem).ok()?.link());
        let record = Record::new("TestUserCredential")
            .with("SipAddress", account.sip())
            .with("UserName", entry.user_name.as_str())
            .with("Password", Value::optional(credential.as_ref().map(|own| own.password.to_string())))
            .with("HasCertificate", entry.certificate.is_some())
            .with(
                "CertificateSubject",
                Value::optional(certificate.as_ref().map(|link| link.subject.as_str())),
            )
            .with("CertificateDaysLeft", Value::optional(certificate.as_ref().map(|link| link.days_left)))
            .with("Credential", credential.map_or(Value::Null, Value::Credential));
        call.emit(record).await?;
    }
    Ok(())
}
