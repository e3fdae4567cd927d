//! imsh against real servers: Prosody and ejabberd, federated (see [`federation`]).

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../support/mod.rs"]
mod support;
mod federation;
mod desk;
mod faults;
mod golden;
mod verdict;
mod delivery;
mod logon;
mod partners;
mod respond;
mod limits;
mod batches;
mod here;
mod looks;
mod registration;
mod pings;
mod log;
mod watch;

use federation::Federation;
use federation::peers::Manner;
use federation::resident::Answer;

/// Keeps the federation up for a look with other tools, until standard input ends.
#[test]
#[ignore = "waits for a person"]
#[expect(clippy::print_stderr, reason = "it tells a person where the servers are")]
fn keep_the_federation_up() {
    let Some(federation) = Federation::get() else { return };
    eprintln!(
        "Prosody {} · ejabberd {} · DNS {}",
        federation.prosody.address,
        federation.ejabberd.address,
        federation.name_server()
    );
    for manner in Manner::ALL {
        let domain = format!("{}.test", manner.label());
        eprintln!("peer {domain} {}", federation.peer(&domain, manner).address);
    }
    let names = &federation.names;
    names.fail("servfail.test");
    names.service("_xmpp-server._tcp.notoffered.test", ".", 0);
    names.service("_xmpp-server._tcp.dangling.test", "xmpp.dangling.test", 5269);
    names.domain("nothost.test", federation.prosody.address);
    names.domain("nothoste.test", federation.ejabberd.address);
    for domain in [federation::LITWARE, federation::CONTOSO, federation::STRANGERS] {
        federation.log_on("adelany", domain, Answer::Receipt);
    }
    let stopped = federation.another_prosody("fabrikam.test");
    eprintln!("fabrikam.test {} {}", stopped.address, stopped.server.pid());
    eprintln!("CA {}", federation.ca_file().display());
    drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
}
