//! A federation of two real servers on loopback: Prosody serves `litware.test`, ejabberd serves
//! `contoso.test`, and messages really cross between them.
//!
//! The tests start it themselves from Debian's packages (`prosody`, `ejabberd`), once per test process,
//! in about three seconds, without Docker and without touching the machine's settings:
//!
//! - **Addresses.** Every run claims a network `127.x.y.0/24` of its own, so the standard ports are
//!   always free and several runs can stand beside each other. Prosody is `.11`, ejabberd `.12`, the name
//!   server `.10`, peers that misbehave have one address each.
//! - **Privileges.** The name server has port 53, and the servers a `resolv.conf` in a mount namespace, since
//!   ejabberd asks the system's resolver. Both take root; without it, run the tests as
//!   `unshare --user --map-root-user --mount --net sh -c 'ip link set lo up; cargo test --test servers'`.
//! - **Names.** [`names`] is a name server for `.test` that says what the tests want, SERVFAIL included.
//!   Prosody's libunbound forwards to it; ejabberd's Erlang resolver reads it from an inetrc; the client
//!   under test from the topology's `[resolver]`.
//! - **Certificates.** [`authority`] issues a good one for every domain, and the bad ones: expired, not
//!   yet valid, for another name, signed by itself, signed by somebody unknown. A virtual host such as
//!   `expired.litware.test` presents its own on c2s and on s2s.
//! - **Federation.** s2s wants TLS and certificates (SASL EXTERNAL) in both directions, no dialback.
//! - **Peers.** What no real server can be made to do is done by the fakes of [`peers`].
//! - **Limits.** Rate limits, bans and session limits are off; ejabberd forgets a failed partner after a
//!   second, since otherwise it answers the next test from its memory of the last one, and gives up on a
//!   silent one after twelve (`negotiation_timeout`; Debian's default is 30). What these limits do is
//!   tested on servers of their own ([`ejabberd::Limits`], [`prosody::Settings`]).
//!
//! Nothing waits for a fixed time: a server is ready when it answers a stream header for its domain.
//! Every server is the child of a small keeper that ends it, and its files, when this process is gone,
//! however it went ([`process`]).
//!
//! `IMSH_SERVERS_KEEP=1` leaves the files (logs, data, certificates) in place for a look, and
//! `IMSH_SERVERS_ROOT` runs the servers of another Debian tree ([`release`]).

#![expect(clippy::unwrap_used, reason = "a federation that cannot be built is a failed test")]
#![expect(clippy::print_stderr, reason = "a skipped test says why")]

pub mod loopback;
pub mod process;
pub mod release;
pub mod names;
pub mod authority;
pub mod prosody;
pub mod ejabberd;
pub mod peers;
pub mod resident;
pub mod ready;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use authority::{Authority, Flaw};
use loopback::Loopback;
use names::Names;
use peers::{Manner, Peer};
use process::Ground;
use release::{PRIVILEGE, Release};
use resident::{Answer, Resident};

use crate::support::skip;

/// The domain that Prosody serves.
pub const LITWARE: &str = "litware.test";
/// The domain that ejabberd serves.
pub const CONTOSO: &str = "contoso.test";
/// A domain on Prosody that does not federate.
pub const ISLAND: &str = "island.litware.test";
/// A domain on Prosody that DNS does not know: its messages arrive, answers to them do not.
pub const ONE_WAY: &str = "oneway.litware.test";
/// A domain on ejabberd that lets partners prove themselves by dialback.
pub const DIALBACK: &str = "dialback.contoso.test";
/// A domain on ejabberd that swallows the messages of its users, and carries their questions.
pub const EATER: &str = "eater.contoso.test";
/// A domain on ejabberd that does not know pings.
pub const NO_PING: &str = "noping.contoso.test";
/// A domain on ejabberd that refuses messages from strangers.
pub const STRANGERS: &str = "strangers.contoso.test";
/// A domain on ejabberd that holds messages from strangers until they have proved to be people (XEP-0158).
pub const CAPTCHA: &str = "captcha.contoso.test";
/// A domain on ejabberd that does not federate.
pub const ISLAND_OF_CONTOSO: &str = "island.contoso.test";
/// A domain on ejabberd whose accounts are in a directory that is not there.
pub const DIRECTORY: &str = "directory.contoso.test";
/// A domain that ejabberd's own policy forbids its users to reach.
pub const FORBIDDEN: &str = "forbidden.test";
/// The password of every account, on both servers; no output may ever show it.
pub const PASSWORD: &str = "Wrench-4417-of-Redmond";

/// Accounts on every domain of both servers: `kenmyer` and `pilar` send; `adelany` is on line and gives
/// receipts, `garth` is on line and gives none, `kim` is never on line, `lola` and `toni` send late errors.
pub const USERS: [&str; 9] =
    ["kenmyer", "pilar", "adelany", "garth", "kim", "lola", "toni", RESPONDER, BUSY_RESPONDER];
/// The account that answers tests, where a test lets it.
pub const RESPONDER: &str = "respond";
/// The same for the test that meets its limit.
pub const BUSY_RESPONDER: &str = "busy";
/// An account on both servers that ejabberd lets nobody use.
pub const BARRED: &str = "barred";
/// An account on both servers that has blocked `kenmyer` of the other domain (XEP-0191).
pub const BLOCKER: &str = "blocker";

/// The two servers, their names, their certificates and the peers that misbehave.
pub struct Federation {
    pub loopback: Loopback,
    pub names: Names,
    pub authority: Authority,
    pub prosody: prosody::Prosody,
    pub ejabberd: ejabberd::Ejabberd,
    pub release: Release,
    ground: Ground,
    runtime: tokio::runtime::Runtime,
}

impl Federation {
    /// The federation of this test process, started by whoever asks first.
    ///
    /// `None` where a package is missing, with the reason on standard error; with `CI` in the
    /// environment that is a panic instead, so that nothing passes there by not running.
    pub fn get() -> Option<&'static Federation> {
        static FEDERATION: OnceLock<Result<Federation, String>> = OnceLock::new();
        match FEDERATION.get_or_init(Federation::start) {
            Ok(federation) => Some(federation),
            Err(reason) => {
                skip(reason);
                None
            }
        }
    }

    fn start() -> Result<Federation, String> {
        let release = Release::find()?;
        prosody::installed(&release)?;
        ejabberd::installed(&release)?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let ground = Ground::claim();
        let _inside = runtime.enter();
        let loopback = Loopback::claim();
        let names = Names::serve(loopback.name_server())
            .map_err(|error| format!("no name server at port 53 ({error}): {PRIVILEGE}"))?;
        let authority = Authority::establish(&ground.path().join("certificates"));

        let prosody_hosts = hosts(LITWARE, &[(ISLAND, Policy::Island), (ONE_WAY, Policy::Unlisted)]);
        let ejabberd_hosts = hosts(
            CONTOSO,
            &[
                (STRANGERS, Policy::RefusesStrangers),
                (CAPTCHA, Policy::HoldsForCaptcha),
                (DIALBACK, Policy::Dialback),
                (ISLAND_OF_CONTOSO, Policy::Island),
                (EATER, Policy::EatsMessages),
                (NO_PING, Policy::NoPing),
                (DIRECTORY, Policy::Directory),
            ],
        );
        for (hosts, address) in [(&prosody_hosts, loopback.prosody()), (&ejabberd_hosts, loopback.ejabberd())]
        {
            for host in hosts.iter().filter(|host| host.policy != Policy::Unlisted) {
                names.domain(&host.domain, address);
            }
        }

        let mut prosody = prosody::Prosody::start(
            &release,
            &ground,
            loopback.prosody(),
            loopback.name_server(),
            &authority,
            &prosody_hosts,
            &prosody::Settings::default(),
        );
        let mut ejabberd = ejabberd::Ejabberd::start(
            &release,
            &ground,
            loopback.ejabberd(),
            loopback.name_server(),
            &authority,
            &ejabberd_hosts,
            ejabberd::Limits::Off,
        );
        prosody.wait_until_ready();
        ejabberd.wait_until_ready();
        Ok(Federation { loopback, names, authority, prosody, ejabberd, release, ground, runtime })
    }

    /// The folder of this run: topologies, vaults and whatever else a test writes.
    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = self.ground.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// The certificate of the authority that signed every good certificate (PEM).
    pub fn ca_file(&self) -> &Path {
        self.authority.ca_file()
    }

    /// Where the federation's names are resolved.
    pub fn name_server(&self) -> SocketAddr {
        self.loopback.name_server()
    }

    /// A second Prosody for `domain` on an address of its own, to be stopped, frozen or killed.
    pub fn another_prosody(&self, domain: &str) -> prosody::Prosody {
        self.prosody_with(domain, &prosody::Settings::default())
    }

    /// The same with settings of its own.
    pub fn prosody_with(&self, domain: &str, settings: &prosody::Settings) -> prosody::Prosody {
        let address = self.loopback.next();
        self.names.domain(domain, address);
        self.prosody_at(domain, address, settings)
    }

    /// A second ejabberd for `domain` on an address of its own.
    pub fn another_ejabberd(&self, domain: &str, limits: ejabberd::Limits) -> ejabberd::Ejabberd {
        let address = self.loopback.next();
        self.names.domain(domain, address);
        let host = Host { domain: domain.to_owned(), flaw: Flaw::None, policy: Policy::Open };
        let mut server = ejabberd::Ejabberd::start(
            &self.release,
            &self.ground,
            address,
            self.name_server(),
            &self.authority,
            &[host],
            limits,
        );
        server.wait_until_ready();
        server
    }

    /// A Prosody in the place of one that was stopped.
    pub fn start_again(&self, stopped: prosody::Prosody) -> prosody::Prosody {
        let (domain, address) = (stopped.domain.clone(), stopped.address);
        drop(stopped);
        self.prosody_at(&domain, address, &prosody::Settings::default())
    }

    fn prosody_at(&self, domain: &str, address: IpAddr, settings: &prosody::Settings) -> prosody::Prosody {
        let host = Host { domain: domain.to_owned(), flaw: Flaw::None, policy: Policy::Open };
        let mut server = prosody::Prosody::start(
            &self.release,
            &self.ground,
            address,
            self.name_server(),
            &self.authority,
            &[host],
            settings,
        );
        server.wait_until_ready();
        server
    }

    /// Puts `user` on line at one of the two servers, until the end of the test process.
    pub fn log_on(&self, user: &str, domain: &str, answer: Answer) -> Resident {
        let address = if domain.ends_with(LITWARE) { self.prosody.address } else { self.ejabberd.address };
        self.log_on_at(address, user, domain, answer)
    }

    /// The same at a server of its own.
    pub fn log_on_at(&self, address: IpAddr, user: &str, domain: &str, answer: Answer) -> Resident {
        let _inside = self.runtime.enter();
        Resident::log_on(address, user, domain, self.ca_file(), answer)
    }

    /// A peer that misbehaves, on an address of its own, at the client's and the servers' port; `domain`
    /// and `pool.<domain>` lead to it.
    pub fn peer(&self, domain: &str, manner: Manner) -> Peer {
        let address = self.loopback.next();
        self.names.domain(domain, address);
        let _inside = self.runtime.enter();
        Peer::start(address, domain, manner, &self.authority)
    }

    /// Waits until somebody connects to a peer.
    pub fn wait_for_a_call(&self, peer: &Peer) {
        peer.wait_for_a_call(&self.runtime);
    }
}

/// A domain as one of the servers serves it.
pub struct Host {
    pub domain: String,
    pub flaw: Flaw,
    pub policy: Policy,
}

/// What a domain's server lets happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Messages from and to everywhere.
    Open,
    /// No federation at all.
    Island,
    /// Federation, and no record in DNS: nobody finds the way back.
    Unlisted,
    /// No messages from senders without a subscription (ejabberd).
    RefusesStrangers,
    /// Messages from such senders wait until they have proved to be people (ejabberd).
    HoldsForCaptcha,
    /// Partners without a valid certificate are asked back by dialback instead (ejabberd).
    Dialback,
    /// Messages of its users go nowhere, as behind a filter (ejabberd).
    EatsMessages,
    /// Pings are not known (ejabberd).
    NoPing,
    /// Accounts in a directory that is not there (ejabberd).
    Directory,
}

/// A server's domains: the good one, those with a policy, and one for each flaw that a certificate can have.
fn hosts(good: &str, policies: &[(&str, Policy)]) -> Vec<Host> {
    let sound = [(good, Policy::Open)];
    let sound = sound.iter().chain(policies).map(|(domain, policy)| Host {
        domain: (*domain).to_owned(),
        flaw: Flaw::None,
        policy: *policy,
    });
    let flawed =
        Flaw::ALL.map(|flaw| Host { domain: format!("{}.{good}", flaw.label()), flaw, policy: Policy::Open });
    sound.chain(flawed).collect()
}
