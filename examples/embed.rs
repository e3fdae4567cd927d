//! Embeds imsh: starts the practice network, runs one cmdlet through the one door, and reads its
//! record as data.
//!
//! `cargo run --example embed`

use std::error::Error;
use std::sync::Arc;

use imsh::access::Principal;
use imsh::cmdlet::{Arguments, Catalogue};
use imsh::cmdlets::store::{TopologyStore, VaultStore};
use imsh::cmdlets::world::Networks;
use imsh::cmdlets::{self, Nobody, World};
use imsh::host::{Gate, Host, Stage};
use imsh::lab::Lab;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let lab = Lab::start().await?;
    let world = World {
        networks: Networks::default(),
        topology: TopologyStore::new(Some(lab.topology())),
        vault: VaultStore::new(Some(lab.vault().to_owned()), None),
        operator: Arc::new(Nobody),
        catalogue: Catalogue::new(cmdlets::ALL.iter().map(|cmdlet| &cmdlet.description)),
        directory: std::env::current_dir()?,
        environment: Arc::new(|_| None),
    };
    let principal = Principal::OsUser { name: "embedder".to_owned(), groups: Vec::new() };
    let host = Host::new(cmdlets::ALL, Arc::new(world), Gate::new(principal), false);

    let test = Stage {
        name: "Test-XmppIM".to_owned(),
        arguments: Arguments::none()
            .with("TargetFqdn", "atl-cs-001.litwareinc.com")
            .with("Receiver", "adelany@contoso.com"),
        position: None,
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
    ended.map(|_| ()).map_err(|halt| format!("{halt:?}").into())
}
