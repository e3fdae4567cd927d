//! Planning: who sends as what to whom, with which evidence; and what fails before a packet leaves.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::warnings::Thresholds;
use crate::address::{Address, Domain};
use crate::cmdlet::{Category, ErrorRecord};
use crate::secret::{Credential, Secret};
use crate::topology::{
    Evidence, FenceSetting, Gateway, LogonName, Pool, Security, Server, TlsNegotiation, Topology,
};
use crate::vault::{self, OfferedCredential, StoredCredential, Vault};
use crate::xmpp::network::{Network, Trust};
use crate::xmpp::resolve::{self, Endpoint, TlsStart};
use crate::xmpp::sasl::{Authentication, Login, Mechanism, PlainPassword};
use crate::xmpp::secure::ClientCertificate;
use crate::xmpp::session::Upkeep;
use crate::xmpp::trace::Trace;
use crate::xmpp::{Deadlines, Fault, LogonRequest, PoolName};

/// The request of the caller, for every pair of a pool and a receiver.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// The sender, if named by hand.
    pub sender: Option<Address>,
    /// The sender's credential, if given by hand.
    pub credential: Option<Credential>,
    /// The port, in place of the topology's.
    pub registrar_port: Option<u16>,
    /// The way to authenticate.
    pub authentication: Authentication,
    /// The level of evidence that makes a success, in place of the topology's.
    pub minimum: Option<Evidence>,
    /// The text of the message, in place of the usual one.
    pub body: Option<String>,
    /// The deadline of the whole, in place of the topology's.
    pub timeout: Option<Duration>,
    /// The time that a late error is waited for behind evidence that rests on the partner's server alone.
    pub linger: Option<Duration>,
    /// From which latency on a success is not well.
    pub thresholds: Thresholds,
}

/// One verification, with all that it needs looked up. What many of them have in common they share.
#[derive(Clone, Debug)]
pub struct Verification {
    /// The account that the sender logs on with.
    pub sender: Arc<LogonAccount>,
    /// The address that the message goes to.
    pub receiver: Address,
    /// The receiver's own logon, where it is a test user of ours.
    pub second: Option<Arc<LogonAccount>>,
    /// The level of evidence that makes a success.
    pub minimum: Evidence,
    /// The text of the message.
    pub body: Arc<str>,
    /// The time limits of the phases.
    pub deadlines: Deadlines,
    /// Whether the topology lists the receiver's domain.
    pub partner_listed: bool,
    /// Whether the topology says that somebody answers there (`minimum_evidence`).
    pub answer_promised: bool,
    /// The server that the topology names for the receiver's domain, in place of its records.
    pub partner_server: Option<Server>,
    /// The setting of what is sent behind the message to learn that the receiver's server has taken it.
    pub fence: FenceSetting,
    /// Whether the receiver's server must offer TLS.
    pub partner_tls: TlsNegotiation,
    /// The parameters that were given by hand, for the diagnosis.
    pub ask: Arc<Ask>,
}

/// An account that can log on to a pool.
#[derive(Clone, Debug)]
pub struct LogonAccount {
    /// The pool's name, as results show it.
    pub target: String,
    /// The pool, if the topology knows it.
    pub pool: Option<Arc<Pool>>,
    /// The account.
    pub address: Address,
    /// The name to authenticate as.
    pub logon_name: String,
    /// The password; none where a certificate stands for it.
    pub password: Option<Secret>,
    /// The certificate to show, where there is one.
    pub certificate: Option<vault::StoredCertificate>,
    /// The port, if given by hand.
    pub registrar_port: Option<u16>,
    /// The way to authenticate.
    pub authentication: Authentication,
    /// The one server of the pool that is tested, where each is tested by itself.
    pub one_server: Option<OneServer>,
}

/// One of the servers behind a pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OneServer {
    /// Its name or address, and its port.
    pub server: Server,
    /// Whether TLS begins there with the first byte.
    is_direct: bool,
}

/// The plan for one pair.
#[derive(Clone, Debug)]
pub enum Plan {
    /// It can be tested.
    Test(Box<Verification>),
    /// It fails without a test: messages to this domain are not allowed.
    NotAllowed {
        /// The account that would have sent.
        sender: Address,
    },
}

/// The reason why a pair cannot be tested at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The pool has no test user, and nobody was named.
    NoTestUsers,
    /// A credential was given without an address, and its name is none.
    NoSender,
    /// There is no credential for the account.
    NoCredential {
        /// The account.
        account: Address,
    },
    /// A client certificate was asked for, and none is stored.
    NoCertificate {
        /// The account.
        account: Address,
    },
    /// There is a credential, but this pool does not list the account as a test user.
    NotItsPool {
        /// The account.
        account: Address,
    },
    /// The vault cannot be read.
    Vault {
        /// The problem with the vault.
        problem: String,
    },
}

impl Refusal {
    /// The refusal as an error record about the pool `target` of the topology at `place`.
    pub fn error(&self, target: &str, place: &str) -> ErrorRecord {
        match self {
            Self::NoTestUsers => ErrorRecord::new(
                Category::ResourceUnavailable,
                "NotFoundTestUsers",
                format!("There is no test user assigned for [{target}]. Verify test user configuration."),
            )
            .remedy(format!(
                "List test users for the pool in {place}, or name a sender: -UserSipAddress and -UserCredential."
            )),
            Self::NoSender => ErrorRecord::new(
                Category::InvalidArgument,
                "NoSender",
                "The credential does not say which address sends.",
            )
            .remedy("Give -UserSipAddress as well."),
            Self::NoCredential { account } => ErrorRecord::new(
                Category::ResourceUnavailable,
                "NoCredential",
                format!("There is no password for {account}."),
            )
            .remedy(format!(
                "Store one: Set-TestUserCredential {account} (Get-Credential {account}); or give -UserCredential."
            )),
            Self::NoCertificate { account } => ErrorRecord::new(
                Category::ResourceUnavailable,
                "NoClientCertificate",
                format!("There is no client certificate for {account}."),
            )
            .remedy(format!(
                "Store one: Set-TestUserCredential {account} -CertificateFile FILE -KeyFile FILE; or leave -Authentication out."
            )),
            Self::NotItsPool { account } => ErrorRecord::new(
                Category::ResourceUnavailable,
                "NotItsPool",
                format!("The stored password of {account} does not go to {target}, which does not list the account as a test user."),
            )
            .remedy(format!(
                "List the account among the pool's test_users in {place}, or give -UserCredential."
            )),
            Self::Vault { problem } => {
                ErrorRecord::new(Category::AuthenticationError, "VaultUnreadable", problem.as_str())
            }
        }
        .target(target)
    }
}

/// Plans the tests of many pairs that ask for the same.
pub struct Planner<'a> {
    pub(super) topology: &'a Topology,
    /// Asked only when a stored credential is needed.
    vault: OpenVault<'a>,
    pub(super) ask: Arc<Ask>,
    senders: HashMap<String, Result<Arc<LogonAccount>, Refusal>>,
    /// The pools that lend receivers, each of which many tests share.
    lenders: HashMap<Domain, Arc<Pool>>,
    bodies: HashMap<String, Arc<str>>,
}

impl<'a> Planner<'a> {
    /// With this topology; `vault` is asked only when a stored credential is needed.
    pub fn new(topology: &'a Topology, vault: OpenVault<'a>, ask: Ask) -> Self {
        Self {
            topology,
            vault,
            ask: Arc::new(ask),
            senders: HashMap::new(),
            lenders: HashMap::new(),
            bodies: HashMap::new(),
        }
    }

    /// Plans the test of one pair; `lender` is the pool that lends the receiver as a test user, where the test may
    /// log on as the receiver too.
    ///
    /// # Errors
    /// When the pair cannot be tested.
    pub fn pair(&mut self, target: &str, receiver: &Address, lender: Option<&Pool>) -> Result<Plan, Refusal> {
        let Self { topology, vault, ask, .. } = self;
        let (topology, vault, ask) = (*topology, *vault, Arc::clone(ask));
        let domain = receiver.domain();
        if !topology.allows(&domain) {
            let sender = sender_address(topology.canonical_pool(target), target, &ask)?;
            return Ok(Plan::NotAllowed { sender });
        }
        let sender = self.sender(target)?;
        let partner = topology.partner_for(&domain);
        let of_partner = partner.and_then(|partner| partner.minimum_evidence).unwrap_or(DEFAULT_MINIMUM);
        let minimum = ask.minimum.unwrap_or(of_partner.max(DEFAULT_MINIMUM));
        let second = if ask.minimum.is_none_or(|minimum| minimum >= Evidence::Delivered) {
            let lender = lender.map(|pool| self.lender(pool));
            second_account(lender, vault, receiver).map(Arc::new)
        } else {
            None
        };
        let minimum = if second.is_some() && ask.minimum.is_none() { Evidence::Exchanged } else { minimum };
        let of_entry = || Some(partner?.body.as_ref()?.as_str().to_owned());
        let body = ask.body.clone().or_else(of_entry).unwrap_or_else(|| usual_body(&sender.address));
        Ok(Plan::Test(Box::new(Verification {
            answer_promised: of_partner >= Evidence::Delivered,
            partner_listed: partner.is_some() || topology.pool_serving(&domain).is_some(),
            partner_server: partner.and_then(|partner| partner.proxy_fqdn.clone()),
            fence: partner.map_or(FenceSetting::Auto, |partner| partner.fence),
            partner_tls: partner.map_or(TlsNegotiation::Required, |partner| partner.tls_negotiation),
            sender,
            receiver: receiver.clone(),
            second,
            minimum,
            body: self.shared(body),
            deadlines: deadlines(&topology.gateway, ask.timeout),
            ask,
        })))
    }

    /// One pool for all whose receivers it lends.
    fn lender(&mut self, pool: &Pool) -> Arc<Pool> {
        if let Some(shared) = self.lenders.get(&pool.identity) {
            return Arc::clone(shared);
        }
        let shared = Arc::new(pool.clone());
        self.lenders.insert(pool.identity.clone(), Arc::clone(&shared));
        shared
    }

    /// The account that logs on to a pool, looked up once.
    pub(super) fn sender(&mut self, target: &str) -> Result<Arc<LogonAccount>, Refusal> {
        if let Some(sender) = self.senders.get(target) {
            return sender.clone();
        }
        let sender = plan_logon(self.topology, self.vault, target, &self.ask).map(Arc::new);
        self.senders.insert(target.to_owned(), sender.clone());
        sender
    }

    /// One text for all that send it.
    fn shared(&mut self, body: String) -> Arc<str> {
        if let Some(body) = self.bodies.get(&body) {
            return Arc::clone(body);
        }
        let shared: Arc<str> = body.as_str().into();
        self.bodies.insert(body, Arc::clone(&shared));
        shared
    }
}

/// Plans a logon at a pool, with nothing to be sent. `vault` is asked only when a stored credential is
/// needed.
///
/// # Errors
/// When nobody can log on there.
pub fn plan_logon(
    topology: &Topology,
    vault: OpenVault<'_>,
    target: &str,
    ask: &Ask,
) -> Result<LogonAccount, Refusal> {
    let pool = topology.canonical_pool(target);
    let address = sender_address(pool, target, ask)?;
    account(vault, topology.pool_name(target), pool.cloned().map(Arc::new), address, ask)
}

/// The test users of a pool with what is stored for them; without a credential where nothing is.
///
/// # Errors
/// The vault cannot be read.
pub fn lent(pool: &Pool, vault: OpenVault<'_>) -> Result<Vec<LogonAccount>, Refusal> {
    let shared = Arc::new(pool.clone());
    let account = |address: &Address| match stored(vault, Some(pool), address) {
        Ok(stored) => Ok(own_account(Some(shared.clone()), address.clone(), stored)),
        Err(Refusal::NoCredential { .. }) => Ok(without_credential(shared.clone(), address.clone())),
        Err(refusal) => Err(refusal),
    };
    pool.test_users.iter().map(account).collect()
}

/// An account that nobody has, to get as far as a pool's certificate with.
pub fn stranger(pool: &Pool) -> Option<LogonAccount> {
    let address = format!("nobody@{}", pool.domains.first()?).parse().ok()?;
    Some(without_credential(Arc::new(pool.clone()), address))
}

fn without_credential(pool: Arc<Pool>, address: Address) -> LogonAccount {
    let user_name = address.bare().node().map_or_else(String::new, ToString::to_string);
    own_account(Some(pool), address, StoredCredential { user_name, password: None, certificate: None })
}

/// Opens the vault, when and if it is needed.
pub type OpenVault<'a> = &'a dyn Fn() -> Result<Arc<Vault>, ErrorRecord>;

/// The level that proves a partner's server to have taken the message.
const DEFAULT_MINIMUM: Evidence = Evidence::AcceptedByPartner;

/// Returns the address that sends: the one that was named, the one that the credential names, or the pool's first
/// test user.
pub(super) fn sender_address(pool: Option<&Pool>, target: &str, ask: &Ask) -> Result<Address, Refusal> {
    if let Some(sender) = &ask.sender {
        return Ok(sender.clone());
    }
    if let Some(credential) = &ask.credential {
        let named = match pool {
            Some(pool) => pool.account_of(credential),
            // A pool that nobody knows is taken for the domain of a user who is named without one.
            None => credential.user_name.parse().ok().or_else(|| {
                let (_, local) =
                    credential.user_name.rsplit_once('\\').unwrap_or(("", &credential.user_name));
                format!("{local}@{target}").parse().ok()
            }),
        };
        return named.ok_or(Refusal::NoSender);
    }
    pool.and_then(|pool| pool.test_users.first()).cloned().ok_or(Refusal::NoTestUsers)
}

/// The sender's account, with the credential that was given or the stored one.
fn account(
    vault: OpenVault<'_>,
    target: String,
    pool: Option<Arc<Pool>>,
    address: Address,
    ask: &Ask,
) -> Result<LogonAccount, Refusal> {
    let stored = match &ask.credential {
        Some(credential) => {
            goes_there(credential, pool.as_deref(), &address)?;
            credential.clone().into()
        }
        None => stored(vault, pool.as_deref(), &address)?,
    };
    let by_certificate = [Authentication::ClientCertificate, Authentication::Mechanism(Mechanism::External)];
    if by_certificate.contains(&ask.authentication) && stored.certificate.is_none() {
        return Err(Refusal::NoCertificate { account: address });
    }
    Ok(LogonAccount {
        target,
        registrar_port: ask.registrar_port,
        authentication: ask.authentication,
        ..own_account(pool, address, stored)
    })
}

/// A credential that came out of the vault, by whatever way, goes where the vault's would go.
fn goes_there(credential: &Credential, pool: Option<&Pool>, address: &Address) -> Result<(), Refusal> {
    let Some(account) = &credential.stored_for else { return Ok(()) };
    if *account == address.to_string() && pool.is_some_and(|pool| pool.lists(address)) {
        return Ok(());
    }
    let account = account.parse().unwrap_or_else(|_| address.clone());
    Err(Refusal::NotItsPool { account })
}

fn own_account(pool: Option<Arc<Pool>>, address: Address, stored: StoredCredential) -> LogonAccount {
    let form = pool.as_ref().map_or(LogonName::default(), |pool| pool.logon_name);
    let named = Credential::new(stored.user_name, Secret::new(String::new()));
    LogonAccount {
        target: pool.as_ref().map(|pool| pool.identity.to_string()).unwrap_or_default(),
        pool,
        logon_name: form.of(&address, &named),
        address,
        password: stored.password,
        certificate: stored.certificate,
        registrar_port: None,
        authentication: Authentication::default(),
        one_server: None,
    }
}

/// The stored credential of an account, for a pool that lists it and for no other.
fn stored(vault: OpenVault<'_>, pool: Option<&Pool>, account: &Address) -> Result<StoredCredential, Refusal> {
    if !pool.is_some_and(|pool| pool.lists(account)) {
        return Err(Refusal::NotItsPool { account: account.clone() });
    }
    let vault = vault().map_err(|error| Refusal::Vault { problem: error.message })?;
    let found =
        vault.get(account).map_err(|fault: vault::Fault| Refusal::Vault { problem: fault.to_string() })?;
    found.ok_or_else(|| Refusal::NoCredential { account: account.clone() })
}

/// The receiver's own account, where it is a test user of ours and its credential is here.
fn second_account(
    lender: Option<Arc<Pool>>,
    vault: OpenVault<'_>,
    receiver: &Address,
) -> Option<LogonAccount> {
    let pool = lender?;
    let stored = stored(vault, Some(&pool), receiver).ok()?;
    Some(own_account(Some(pool), receiver.clone(), stored))
}

fn usual_body(sender: &Address) -> String {
    format!(
        "This is an automatic test by {sender} that messages between our networks arrive; no answer is needed."
    )
}

/// The deadlines of the topology, the whole one replaced where the caller says so.
pub fn deadlines(gateway: &Gateway, timeout: Option<Duration>) -> Deadlines {
    Deadlines {
        resolve: gateway.resolve_timeout,
        connect: gateway.connect_timeout,
        secure: gateway.secure_timeout,
        authenticate: gateway.authenticate_timeout,
        bind: gateway.bind_timeout,
        deliver: gateway.deliver_timeout,
        whole: timeout.unwrap_or(gateway.timeout),
        establish: gateway.stream_establishment_timeout,
        upkeep: Upkeep {
            keep_alive: Some(gateway.keep_alive_interval),
            inactivity: Some(gateway.stream_inactivity_timeout),
        },
    }
}

/// Returns the certificate authorities that a pool's settings trust.
pub(super) fn trust(pool: Option<&Pool>) -> Trust {
    let ca_file = pool.and_then(|pool| pool.ca_file.clone());
    ca_file.map_or(Trust::System, Trust::File)
}

impl LogonAccount {
    /// The kinds of TLS that its pool may be reached by.
    pub fn security(&self) -> Security {
        self.pool.as_ref().map_or(Security::default(), |pool| pool.security)
    }

    /// Returns the certificate authorities that are trusted.
    pub(super) fn trust(&self) -> Trust {
        trust(self.pool.as_deref())
    }

    /// Returns the credential that a logon offers, and the pool that it is offered to.
    pub(super) fn offered(&self) -> OfferedCredential<'_> {
        OfferedCredential {
            account: &self.address,
            pool: &self.target,
            logon_name: &self.logon_name,
            password: self.password.as_ref(),
            certificate: self.certificate.as_ref().map(|certificate| certificate.chain_pem.as_str()),
        }
    }

    /// Returns the way to authenticate, as it was given by hand; none for the usual way.
    pub fn given_authentication(&self) -> Option<&'static str> {
        match self.authentication {
            Authentication::Negotiate => None,
            Authentication::ClientCertificate => Some("ClientCertificate"),
            Authentication::Mechanism(mechanism) => Some(mechanism.name()),
        }
    }

    /// The same account at each of the servers behind its pool, as the topology lists them or DNS names them; the
    /// account alone where none is found, so that its own test says why.
    pub async fn at_each_server(&self, deadlines: &Deadlines, network: &Network) -> Vec<Self> {
        let Ok(logon) = self.logon(*deadlines) else { return vec![self.clone()] };
        let (place, mut trace) = (logon.place(), Trace::new());
        let resolving = resolve::pool(&place, network, &mut trace);
        let found = tokio::time::timeout(deadlines.resolve, resolving).await;
        let mut accounts: Vec<Self> = Vec::new();
        for Endpoint { target, .. } in found.ok().and_then(Result::ok).unwrap_or_default() {
            let Ok(host) = target.host.parse() else { continue };
            let server = Server { host, port: Some(target.port) };
            let one_server = Some(OneServer { server, is_direct: target.kind == TlsStart::Direct });
            if !accounts.iter().any(|account| account.one_server == one_server) {
                accounts.push(Self { one_server, registrar_port: None, ..self.clone() });
            }
        }
        if accounts.is_empty() { vec![self.clone()] } else { accounts }
    }

    /// Returns the request that the client path needs for a logon.
    ///
    /// # Errors
    /// The stored certificate cannot be used.
    pub(super) fn logon(&self, deadlines: Deadlines) -> Result<LogonRequest, Fault> {
        let pool = self.pool.as_deref();
        // A port that was given by hand holds for every server, whatever the topology says.
        let server = |server: &Server| match self.registrar_port {
            Some(_) => Server { port: None, ..server.clone() },
            None => server.clone(),
        };
        let servers = match &self.one_server {
            Some(one) => Some(vec![one.server.clone()]),
            None => pool.map(|pool| pool.servers.iter().map(server).collect()),
        };
        let certificate = self.certificate.as_ref();
        Ok(LogonRequest {
            pool_fqdn: pool.map_or_else(|| self.target.clone(), |pool| pool.identity.to_string()),
            servers: servers.unwrap_or_default(),
            registrar_port: self.registrar_port.or(pool.and_then(|pool| pool.registrar_port)),
            security: match &self.one_server {
                Some(OneServer { is_direct: true, .. }) => Security::Direct,
                Some(_) => Security::StartTls,
                None => self.security(),
            },
            trust: self.trust(),
            pool_name: if pool.is_some() { PoolName::Trusted } else { PoolName::NotTrusted },
            login: Login {
                account: self.address.bare().clone(),
                logon_name: self.logon_name.clone(),
                password: self.password.clone(),
                has_certificate: certificate.is_some(),
                authentication: self.authentication,
                plain: match pool {
                    Some(pool) if pool.allow_plain => PlainPassword::Allowed,
                    _ => PlainPassword::Forbidden,
                },
            },
            client_certificate: certificate
                .map(|own| ClientCertificate::from_pem(&own.chain_pem, &own.key_pem))
                .transpose()?,
            deadlines,
        })
    }
}
