//! The hosts of the practice network and what they share: the authority, the keys, who is on line.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::behaviour::Behaviour;
use super::partners::{LabPartner, PARTNERS, Receiver};
use super::pki::{Authority, ServerIdentity};
use super::pools::{LabPool, POOLS};
use super::sasl::LabKeys;
use crate::xmpp::xml::Element;

/// The servers of the practice network, by the domains that they serve.
pub(super) struct LabServers {
    pub(super) authority: Authority,
    pub(super) keys: Arc<LabKeys>,
    hosts: HashMap<&'static str, Arc<LabHost>>,
    accounts: Mutex<HashMap<String, LabAccount>>,
    /// Bounces that follow the next answer of a partner's server, by the session that they are for.
    late: Mutex<HashMap<String, Vec<Element>>>,
}

/// A domain and the server that serves it.
pub(super) struct LabHost {
    pub(super) domain: &'static str,
    /// The server's own name; the domain, where it has none.
    pub(super) server: &'static str,
    pub(super) behaviour: Behaviour,
    pub(super) role: HostRole,
    identity: OnceLock<Arc<ServerIdentity>>,
}

/// The role of a host in the topology.
pub(super) enum HostRole {
    Pool(&'static LabPool),
    Partner(&'static LabPartner),
}

/// The sessions of an account that are on line, and the messages that are stored for it.
#[derive(Default)]
struct LabAccount {
    resources: Vec<LabResource>,
    stored: Vec<Element>,
}

/// One session of an account.
pub(super) struct LabResource {
    pub(super) name: String,
    /// The priority of its presence; `None` before it sent any.
    pub(super) priority: Option<i8>,
    pub(super) outgoing: mpsc::Sender<Element>,
}

impl LabHost {
    fn new(domain: &'static str, server: &'static str, behaviour: Behaviour, role: HostRole) -> Arc<Self> {
        Arc::new(Self { domain, server, behaviour, role, identity: OnceLock::new() })
    }

    /// The accounts of a pool.
    pub(super) fn accounts(&self) -> &'static [&'static str] {
        match self.role {
            HostRole::Pool(pool) => pool.accounts(),
            HostRole::Partner(_) => &[],
        }
    }

    /// Whether somebody may log on by this name.
    pub(super) fn has_account(&self, local: &str) -> bool {
        match self.role {
            HostRole::Pool(pool) => pool.accounts().contains(&local),
            HostRole::Partner(_) => self.receiver(local).is_some(),
        }
    }

    /// An account that exists.
    pub(super) fn any_account(&self) -> &'static str {
        match self.role {
            HostRole::Pool(pool) => pool.accounts().first().copied().unwrap_or_default(),
            HostRole::Partner(partner) => partner.receivers.first().map_or("", |receiver| receiver.name),
        }
    }

    /// A partner's account of this name, which answers by itself.
    pub(super) fn receiver(&self, local: &str) -> Option<&'static Receiver> {
        match self.role {
            HostRole::Pool(_) => None,
            HostRole::Partner(partner) => partner.receivers.iter().find(|receiver| receiver.name == local),
        }
    }
}

impl LabServers {
    pub(super) fn new() -> io::Result<Self> {
        let pools = POOLS
            .iter()
            .map(|pool| LabHost::new(pool.domain, pool.identity, pool.behaviour, HostRole::Pool(pool)));
        let partners = PARTNERS.iter().map(|partner| {
            LabHost::new(partner.domain, partner.domain, partner.behaviour, HostRole::Partner(partner))
        });
        Ok(Self {
            authority: Authority::new()?,
            keys: Arc::new(LabKeys::new()),
            hosts: pools.chain(partners).map(|host| (host.domain, host)).collect(),
            accounts: Mutex::default(),
            late: Mutex::default(),
        })
    }

    /// Every host.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &Arc<LabHost>> {
        self.hosts.values()
    }

    /// The host that serves a domain.
    pub(super) fn host(&self, domain: &str) -> Option<&Arc<LabHost>> {
        self.hosts.get(domain)
    }

    /// The host that a name stands for in TLS: a domain, or the name of its server.
    pub(super) fn named(&self, name: &str) -> Option<&Arc<LabHost>> {
        self.host(name).or_else(|| self.hosts().find(|host| host.server == name))
    }

    /// Returns the certificate and key that a host presents in TLS, made when they are first asked for.
    pub(super) fn identity(&self, host: &LabHost) -> io::Result<Arc<ServerIdentity>> {
        if let Some(identity) = host.identity.get() {
            return Ok(Arc::clone(identity));
        }
        let names: &[&str] =
            if host.server == host.domain { &[host.domain] } else { &[host.domain, host.server] };
        let identity = self.authority.identity(names, &host.behaviour)?;
        Ok(Arc::clone(host.identity.get_or_init(|| Arc::new(identity))))
    }

    /// Puts a session on line, and says by which resource it goes: the wanted one, if it is free.
    pub(super) fn join(
        &self,
        account: &str,
        wanted: Option<&str>,
        outgoing: mpsc::Sender<Element>,
    ) -> String {
        let mut accounts = self.accounts();
        let account = accounts.entry(account.to_owned()).or_default();
        let is_free = |name: &str| account.resources.iter().all(|resource| resource.name != name);
        let name = match wanted {
            Some(wanted) if is_free(wanted) => wanted.to_owned(),
            _ => random_id(),
        };
        account.resources.push(LabResource { name: name.clone(), priority: None, outgoing });
        name
    }

    /// Takes a session off line.
    pub(super) fn leave(&self, account: &str, resource: &str) {
        lock(&self.late).remove(&format!("{account}/{resource}"));
        if let Some(account) = self.accounts().get_mut(account) {
            account.resources.retain(|other| other.name != resource);
        }
    }

    /// Notes the presence of a session; what waited for the account is given back when it becomes available.
    pub(super) fn available(&self, account: &str, resource: &str, priority: Option<i8>) -> Vec<Element> {
        let mut accounts = self.accounts();
        let Some(account) = accounts.get_mut(account) else { return Vec::new() };
        if let Some(resource) = account.resources.iter_mut().find(|other| other.name == resource) {
            resource.priority = priority;
        }
        if priority.is_some_and(|priority| priority >= 0) {
            std::mem::take(&mut account.stored)
        } else {
            Vec::new()
        }
    }

    /// Hands a stanza to one session. Says whether it is there.
    pub(super) fn deliver_to_resource(&self, account: &str, resource: &str, stanza: &Element) -> bool {
        let accounts = self.accounts();
        let found = accounts
            .get(account)
            .and_then(|account| account.resources.iter().find(|other| other.name == resource));
        found.is_some_and(|resource| resource.outgoing.try_send(stanza.clone()).is_ok())
    }

    /// Hands a stanza to a session after a while, if it is there then.
    pub(super) fn deliver_later(&self, session: &str, stanza: Element, after: Duration) {
        let Some((account, resource)) = session.split_once('/') else { return };
        let accounts = self.accounts();
        let found = accounts
            .get(account)
            .and_then(|account| account.resources.iter().find(|other| other.name == resource));
        if let Some(outgoing) = found.map(|resource| resource.outgoing.clone()) {
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                // The session may be over.
                let _ = outgoing.send(stanza).await;
            });
        }
    }

    /// Hands a stanza to every session of an account that takes messages. Says whether there is one.
    pub(super) fn deliver_to_account(&self, account: &str, stanza: &Element) -> bool {
        let accounts = self.accounts();
        let Some(account) = accounts.get(account) else { return false };
        let takers = account.resources.iter().filter(|resource| resource.priority.is_some_and(|p| p >= 0));
        takers.filter(|resource| resource.outgoing.try_send(stanza.clone()).is_ok()).count() > 0
    }

    /// Keeps a message for an account until it comes on line; the oldest go when there are too many.
    pub(super) fn store(&self, account: &str, message: Element) {
        let mut accounts = self.accounts();
        let stored = &mut accounts.entry(account.to_owned()).or_default().stored;
        if stored.len() >= MAX_STORED {
            stored.remove(0);
        }
        stored.push(message);
    }

    /// Keeps a bounce until the partner's server has answered something else.
    pub(super) fn put_late(&self, session: &str, bounce: Element) {
        let mut late = lock(&self.late);
        let waiting = late.entry(session.to_owned()).or_default();
        if waiting.len() < MAX_STORED {
            waiting.push(bounce);
        }
    }

    /// The bounces that waited for a session.
    pub(super) fn take_late(&self, session: &str) -> Vec<Element> {
        lock(&self.late).remove(session).unwrap_or_default()
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<String, LabAccount>> {
        lock(&self.accounts)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A short text that nobody guesses and that occurs once.
pub(super) fn random_id() -> String {
    format!("{:016x}", getrandom::u64().unwrap_or_default())
}

/// Messages that wait for one account.
const MAX_STORED: usize = 32;
