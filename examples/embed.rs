//! Embeds imsh: starts the practice network, runs one cmdlet through the one door, and reads its
//! record as data.
//!
//! `cargo run --example embed`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;

use imsh::{
    Arguments, CMDLETS, Gate, Host, Lab, Nobody, Principal, SessionContext, Stage, TopologyStore, VaultStore,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let lab = Lab::start().await?;
    let topology = TopologyStore::new(Some(lab.topology()), imsh::cmdlet_catalogue());
    let vault = VaultStore::new(Some(lab.vault().to_owned()), None);
    let context = SessionContext::new(topology, vault, Arc::new(Nobody));
    let principal = Principal::OsUser { name: "embedder".to_owned(), groups: Vec::new() };
    let host = Host::new(CMDLETS, Arc::new(context), Gate::new(principal), false);

    let test = Stage {
        name: "Test-XmppIM".to_owned(),
        arguments: Arguments::none()
            .with("TargetFqdn", "atl-cs-001.litwareinc.com")
            .with("Receiver", "adelany@contoso.com"),
        position: None,
        program: None,
    };
    let (records, mut results) = mpsc::channel(16);
    let (ended, ()) =
        tokio::join!(host.pipeline(vec![test], None, records, CancellationToken::new()), async {
            while let Some(result) = results.recv().await {
                let property =
                    |name| result.property(name).map(|value| value.to_string()).unwrap_or_default();
                println!("{}: {} ({})", property("Receiver"), property("Result"), property("Evidence"));
            }
        });
    ended.outcome.map_err(|halt| format!("{halt:?}").into())
}
