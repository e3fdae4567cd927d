//! `Set-TestUserCredential`: puts a test user's password, or certificate, into the vault.

use std::io::{self, Read};

use crate::access::BuiltIn;
use crate::address::Address;
use crate::call::stores::unreadable;
use crate::call::{Call, Cmdlet, Halt, Outcome, files, sentence};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::cmdlets::verify::guesses;
use crate::secret::Secret;
use crate::vault::{StoredCertificate, StoredCredential};
use crate::verify::warnings::WARNING_DAYS;
use crate::xmpp::secure;

/// `Set-TestUserCredential`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Set-TestUserCredential",
        original: Some("Set-CsTestUserCredential"),
        aliases: &[],
        family: Family::Credentials,
        synopsis: "Stores the credential of a test user in the vault.",
        description: "The vault is one encrypted file beside the topology, with its key in a file that only you can \
            read. Both are made when they are first needed. What is given replaces what is stored of the account, and \
            the rest stays: an account may have a password and a certificate. Both go only to the pools that list \
            the account as a test user.\n\n\
            A certificate logs on by SASL EXTERNAL: where the account has no password, and with -Authentication \
            ClientCertificate. It is refused where it cannot be read or the key is not its own, and warned about \
            where it ends soon.",
        parameters: &[
            Parameter::new("SipAddress", Kind::Address, "The test user's address.")
                .at(0)
                .required()
                .binds(Binds::TestUser),
            Parameter::new("Credential", Kind::Credential, "Name and password, from Get-Credential.").at(1),
            Parameter::new(
                "CertificateFile",
                Kind::File,
                "A certificate to log on with, in PEM, its chain behind it.",
            )
            .on_drive(),
            Parameter::new("KeyFile", Kind::File, "Its private key, in PEM, without a passphrase.")
                .on_drive()
                .default("The file of the certificate."),
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
    let credential = call.bound.credential("Credential");
    let certificate = certificate(&call)?;
    if credential.is_none() && certificate.is_none() {
        let message = "There is nothing to store: neither -Credential nor -CertificateFile is given.";
        return Err(ErrorRecord::new(Category::InvalidArgument, "MissingMandatoryParameter", message)
            .remedy("Give a password (Get-Credential NAME), or -CertificateFile and -KeyFile.")
            .into());
    }
    // Under another account's name a stored password would go to that account's pools.
    let stored_for = credential.as_ref().and_then(|credential| credential.stored_for.as_ref());
    if stored_for.is_some_and(|account| *account != address.to_string()) {
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
    if credential.is_some() {
        guesses::note_stored(&call, &address)?;
    }
    let vault = call.context.vault.open()?;
    let update = |stored: Option<StoredCredential>| {
        let stored = stored.unwrap_or_else(|| StoredCredential {
            user_name: address.bare().node().map_or_else(String::new, ToString::to_string),
            password: None,
            certificate: None,
        });
        let stored = match credential {
            Some(credential) => StoredCredential { certificate: stored.certificate, ..credential.into() },
            None => stored,
        };
        StoredCredential { certificate: certificate.or(stored.certificate), ..stored }
    };
    tokio::task::block_in_place(|| vault.update(&address, update)).map_err(|fault| unreadable(&fault))?;
    Ok(())
}

/// The certificate of the call's files, if they were given; of no use, it is an error.
fn certificate(call: &Call) -> Result<Option<StoredCertificate>, Halt> {
    let (file, key_file) = (call.bound.text("CertificateFile"), call.bound.text("KeyFile"));
    let Some(file) = file else {
        return match key_file {
            None => Ok(None),
            Some(_) => {
                let message = "-KeyFile is the key to a certificate, and there is none.";
                Err(ErrorRecord::new(Category::InvalidArgument, "MissingMandatoryParameter", message)
                    .remedy("Give -CertificateFile as well.")
                    .into())
            }
        };
    };
    let chain_pem = text_of(call, &file)?;
    let key_pem = Secret::new(text_of(call, key_file.as_deref().unwrap_or(&file))?);
    let usable = secure::ClientCertificate::from_pem(&chain_pem, &key_pem).map_err(|fault| {
        ErrorRecord::new(Category::InvalidData, "CertificateUnusable", sentence(&fault.to_string()))
            .target(&file)
            .remedy(
                "Give the certificate and its own private key, both in PEM, the key without a passphrase.",
            )
    })?;
    if let Some(link) = usable.link() {
        match link.days_left {
            ..0 => call.warn(format!("The certificate of {} ended on {}.", link.subject, link.not_after))?,
            left @ 0..WARNING_DAYS => {
                call.warn(format!("The certificate of {} ends in {left} days.", link.subject))?;
            }
            WARNING_DAYS.. => {}
        }
    }
    // A file with both holds the key as well, which is a secret.
    let chain_pem = certificates_of(&chain_pem);
    Ok(Some(StoredCertificate { chain_pem, key_pem }))
}

/// The certificates of a PEM text, and nothing else that stands there.
fn certificates_of(pem: &str) -> String {
    let mut is_certificate = false;
    let lines = pem.lines().filter(|line| {
        is_certificate |= line.trim() == BEGIN;
        let is_kept = is_certificate;
        is_certificate &= line.trim() != END;
        is_kept
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Reads a file.
fn text_of(call: &Call, name: &str) -> Result<String, ErrorRecord> {
    let mut text = String::new();
    let read = files::opened(call, name).and_then(|file| {
        file.take(MOST_BYTES + 1).read_to_string(&mut text)?;
        let is_too_large = text.len() as u64 > MOST_BYTES;
        if is_too_large { Err(io::Error::other("it is too large for a certificate")) } else { Ok(()) }
    });
    read.map_err(|error| files::failure(Category::ReadError, "FileReadFailure", "read", name, &error))?;
    Ok(text)
}

/// Bytes of a certificate's or a key's file.
const MOST_BYTES: u64 = 256 << 10;

/// The account that the call is about.
fn account(call: &Call) -> Result<Address, ErrorRecord> {
    let written = call.bound.text("SipAddress").unwrap_or_default();
    written.parse().map_err(|fault| {
        ErrorRecord::new(Category::InvalidArgument, "BadAddress", format!("'{written}': {fault}."))
    })
}
