//! A network to practise on, inside this process and on loopback: pools, partners, name server, authority.
//!
//! Beside the layers: only the front end (`--lab`), tests and examples start it. Speaks real TCP, TLS,
//! SASL and XML, and shares no code with the client's side of SASL and streams. What is healthy and what
//! is broken stands in two tables, [`POOLS`] and [`PARTNERS`], each row with what it shows;
//! [`exercises`] gives all of them as commands to try. It is not a server to run: every password is
//! [`PASSWORD`], and everything ends when the [`Lab`] is dropped.

pub mod behaviour;
pub mod pools;
pub mod partners;
pub mod dns;
mod names;
mod topology;
mod pki;
mod host;
mod server;
mod sasl;
mod session;
mod routing;
mod federation;
mod receivers;
mod stanza;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::secret::{Credential, Secret};
use crate::vault::{StoredCertificate, StoredCredential, Vault};
use dns::LabNameServer;
use host::{LabServers, random_id};
use partners::Federation;
pub use partners::PARTNERS;
use pki::Authority;
use pools::Lends;
pub use pools::{LabPool, Lesson, POOLS};
use server::{Entrance, serve};

/// A running practice network. Dropping it ends it and removes its files.
pub struct Lab {
    directory: Directory,
    authority: CertificateDer<'static>,
    names: LabNameServer,
    #[cfg(test)]
    ports: Ports,
    /// Ports that nobody answers at, kept so that nobody else gets them.
    _quiet: (TcpSocket, TcpListener, TcpStream),
    _tasks: JoinSet<()>,
}

/// Something to try: a message from a pool to a receiver, and what imsh must say.
#[derive(Clone, Debug)]
pub struct Exercise {
    /// The pool that the message is sent from.
    pub target: &'static str,
    /// The receiver's address.
    pub receiver: String,
    /// The diagnosis that must be reported.
    pub lesson: Lesson,
}

/// Every exercise: each pool with a healthy receiver, and each receiver from a pool of either manner.
pub fn exercises() -> Vec<Exercise> {
    let pools = POOLS.iter().map(|pool| Exercise {
        target: pool.identity,
        receiver: RECEIVER.to_owned(),
        lesson: pool.lesson,
    });
    let receivers = PARTNERS.iter().flat_map(|partner| {
        // Only ejabberd has such a memory, and only its errors are never signed.
        let for_ejabberd = matches!(partner.federation, Federation::Remembered | Federation::UnsignedError);
        let targets = if for_ejabberd { &HEALTHY_POOLS[1..] } else { &HEALTHY_POOLS };
        partner.receivers.iter().flat_map(move |receiver| {
            targets.iter().map(move |target| Exercise {
                target,
                receiver: format!("{}@{}", receiver.name, partner.domain),
                lesson: receiver.lesson,
            })
        })
    });
    pools
        .chain(receivers)
        .chain(PAIRS.iter().map(|(target, receiver, lesson)| Exercise {
            target,
            receiver: (*receiver).to_owned(),
            lesson: *lesson,
        }))
        .collect()
}

impl Lab {
    /// Starts it.
    ///
    /// # Errors
    /// When loopback has no free port, or the temporary directory cannot be written to.
    pub async fn start() -> io::Result<Self> {
        let world = Arc::new(LabServers::new()?);
        let starttls = TcpListener::bind(LOOPBACK).await?;
        let direct = TcpListener::bind(LOOPBACK).await?;
        let closed = closed_port()?;
        let (dropping, filler) = dropping_port().await?;
        let ports = Ports {
            starttls: starttls.local_addr()?.port(),
            direct: direct.local_addr()?.port(),
            closed: closed.local_addr()?.port(),
            dropping: dropping.local_addr()?.port(),
        };
        let names = LabNameServer::start(names::zone(&world, &ports)?).await?;
        let directory = Directory::create()?;
        std::fs::write(directory.0.join(CA_FILE), world.authority.pem())?;
        std::fs::write(directory.0.join(TOPOLOGY), topology::document(names.address(), CA_FILE))?;
        fill_vault(&directory.0, &world.authority).await?;
        let mut tasks = JoinSet::new();
        let authority = world.authority.certificate();
        tasks.spawn(serve(starttls, Entrance::StartTls, Arc::clone(&world)));
        tasks.spawn(serve(direct, Entrance::Direct, world));
        Ok(Self {
            directory,
            authority,
            names,
            #[cfg(test)]
            ports,
            _quiet: (closed, dropping, filler),
            _tasks: tasks,
        })
    }

    /// The name servers that know its hosts, and nothing else.
    pub fn name_servers(&self) -> Vec<SocketAddr> {
        vec![self.names.address()]
    }

    /// Its directory, which only its owner can read.
    pub fn directory(&self) -> &Path {
        &self.directory.0
    }

    /// Its topology document.
    pub fn topology(&self) -> PathBuf {
        self.directory.0.join(TOPOLOGY)
    }

    /// The directory of its vault.
    pub fn vault(&self) -> &Path {
        &self.directory.0
    }

    /// The file with the certificate of its authority.
    pub fn ca_file(&self) -> PathBuf {
        self.directory.0.join(CA_FILE)
    }

    /// The certificate of its authority, which issued those of its pools and partners.
    pub fn authority(&self) -> CertificateDer<'static> {
        self.authority.clone()
    }
}

/// Puts the test users' passwords and certificates into a vault, in one write.
async fn fill_vault(directory: &Path, authority: &Authority) -> io::Result<()> {
    let directory = directory.to_owned();
    let mut credentials = POOLS
        .iter()
        .filter_map(|pool| Some((pool, pool.password()?)))
        .flat_map(|(pool, password)| {
            pool.test_users().iter().map(move |user| {
                let account = format!("{user}@{}", pool.domain).parse().map_err(io::Error::other)?;
                let password = Secret::new(password.to_owned());
                Ok((account, Credential::new(*user, password).into()))
            })
        })
        .collect::<io::Result<Vec<_>>>()?;
    for pool in POOLS {
        if let Some(certificate) = certificate(pool, authority)? {
            let account = format!("kenmyer@{}", pool.domain).parse().map_err(io::Error::other)?;
            let certificate = Some(certificate);
            let stored = StoredCredential { user_name: "kenmyer".to_owned(), password: None, certificate };
            credentials.push((account, stored));
        }
    }
    let fill = move || {
        let vault = Vault::open(&directory).map_err(io::Error::other)?;
        vault.set_all(credentials).map_err(io::Error::other)
    };
    tokio::task::spawn_blocking(fill).await.map_err(io::Error::other)?
}

/// The certificate that the vault holds of a pool's test user.
fn certificate(pool: &LabPool, authority: &Authority) -> io::Result<Option<StoredCertificate>> {
    let issue = |local: &str| authority.client(&format!("{local}@{}", pool.domain)).map_err(io::Error::other);
    let ((chain_pem, key), wrong_key) = match pool.lends {
        Lends::Certificate => (issue("kenmyer")?, None),
        Lends::OthersCertificate => (issue("somebody-else")?, None),
        Lends::WrongKey => (issue("kenmyer")?, Some(issue("kenmyer")?.1)),
        Lends::Users(_)
        | Lends::WrongPassword
        | Lends::UnknownAccount
        | Lends::NoPassword
        | Lends::Nobody => {
            return Ok(None);
        }
    };
    Ok(Some(StoredCertificate { chain_pem, key_pem: Secret::new(wrong_key.unwrap_or(key)) }))
}

impl std::fmt::Debug for Lab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lab").field("directory", &self.directory.0).finish_non_exhaustive()
    }
}

/// The ports of the servers.
struct Ports {
    starttls: u16,
    direct: u16,
    closed: u16,
    dropping: u16,
}

/// A port that is taken, so that nobody else gets it, and that nobody listens at.
fn closed_port() -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(LOOPBACK.into())?;
    Ok(socket)
}

/// A port whose queue is full, so that the system drops what comes: like a firewall that says nothing.
async fn dropping_port() -> io::Result<(TcpListener, TcpStream)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(LOOPBACK.into())?;
    let listener = socket.listen(0)?;
    let filler = TcpStream::connect(listener.local_addr()?).await?;
    // It is full as soon as there is something to accept, which nobody ever does.
    poll(&mut [PollFd::new(listener.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)?;
    Ok((listener, filler))
}

/// A directory of our own under the system's temporary one, gone when this is dropped.
struct Directory(PathBuf);

impl Directory {
    fn create() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("imsh-lab-{}", random_id()));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// The password of every account.
pub const PASSWORD: &str = "practice";

/// The healthy receiver that answers.
const RECEIVER: &str = "adelany@contoso.com";

/// A healthy pool of each manner.
const HEALTHY_POOLS: [&str; 2] = ["atl-cs-001.litwareinc.com", "dub-cs-001.fabrikam.com"];

const LOOPBACK: std::net::SocketAddrV4 = std::net::SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
const CA_FILE: &str = "ca.pem";
const TOPOLOGY: &str = "topology.toml";

/// The exercises that are shown neither by a pool nor by a partner alone.
const PAIRS: &[(&str, &str, Lesson)] = &[
    (
        HEALTHY_POOLS[0],
        "kenmyer@one-way.litwareinc.com",
        Lesson {
            code: "RETURN-PATH",
            owner: "Unknown",
            shows: "the receiver's own session saw the message, and its answer did not come back",
        },
    ),
    (
        HEALTHY_POOLS[0],
        "kenmyer@deaf.litwareinc.com",
        Lesson {
            code: "EVIDENCE-NOT-SEEN",
            owner: "Partner",
            shows: "the receiver's own session never saw the message",
        },
    ),
    (
        HEALTHY_POOLS[0],
        "pilar@litwareinc.com",
        Lesson { code: "", owner: "", shows: "two users of one pool exchange messages" },
    ),
    (
        HEALTHY_POOLS[0],
        "david@fabrikam.com",
        Lesson { code: "", owner: "", shows: "users of two pools exchange messages" },
    ),
    (
        HEALTHY_POOLS[0],
        "somebody@woodgrovebank.com",
        Lesson { code: "PLAN-NOT-ALLOWED", owner: "Caller", shows: "the topology does not allow the domain" },
    ),
];
