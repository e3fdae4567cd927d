//! Mail (RFC 5321): the notice as a plain text, over TLS wherever it leaves the machine.
//!
//! `smtps://` is TLS from the first byte, `smtp://` STARTTLS; without TLS only to this machine itself, where no
//! `ca_file` asks for it. It is one mail for all receivers; where the server refuses one of them, one for each.

use std::io::Read;
use std::net::IpAddr;

use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::response::Category;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::{DeliveryFault, Means, NoticeMessage, not_taken};
use crate::topology::{Address, Notification};
use crate::trusted;

pub(super) async fn send(
    means: &Means,
    notification: &Notification,
    message: &NoticeMessage,
    left: &mut Vec<Address>,
) -> Result<(), DeliveryFault> {
    let mail = mail(notification, message).map_err(DeliveryFault::Refused)?.formatted();
    let server = MailServer::of(notification.url.as_deref().unwrap_or_default());
    let tls = server.tls(notification).map_err(DeliveryFault::NotNow)?;
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .port(server.port)
        .tls(tls)
        .timeout(Some(notification.timeout));
    if let Some(user) = &server.user {
        let secret = means.secret(notification)?;
        let Some(secret) = secret else {
            return Err(DeliveryFault::NotNow(format!("there is no password for {user}; give secret_file")));
        };
        transport = transport.credentials(Credentials::new(user.clone(), secret.expose().to_owned()));
    }
    let transport = transport.build();
    let send = async |to: &[Address]| {
        let envelope = envelope(notification, to).map_err(DeliveryFault::Refused)?;
        Ok::<_, DeliveryFault>(transport.send_raw(&envelope, &mail).await)
    };
    let whole = send(left).await?;
    match whole {
        Ok(_) => left.clear(),
        Err(error) if left.len() < 2 || !is_about_receivers(&error) => return Err(fault(&error)),
        Err(_) => {
            let mut faults = Vec::new();
            for receiver in left.clone() {
                match send(std::slice::from_ref(&receiver)).await? {
                    Ok(_) => left.retain(|other| *other != receiver),
                    Err(error) => faults.push(fault(&error)),
                }
            }
            if !faults.is_empty() {
                return Err(not_taken(faults));
            }
        }
    }
    Ok(())
}

/// Whether a server that does not take a mail may say so of one receiver (RFC 5321, section 4.2.1). The answer to a
/// logon is of another category.
fn is_about_receivers(error: &SmtpError) -> bool {
    error.status().is_some_and(|code| code.category == Category::MailSystem)
}

fn fault(error: &SmtpError) -> DeliveryFault {
    match error.is_permanent() {
        true => DeliveryFault::Refused(error.to_string()),
        false => DeliveryFault::NotNow(chain(error)),
    }
}

fn envelope(notification: &Notification, to: &[Address]) -> Result<Envelope, String> {
    let from = notification.from.as_ref().map(smtp_address).transpose()?;
    let to = to.iter().map(smtp_address).collect::<Result<_, _>>()?;
    Envelope::new(from, to).map_err(|error| error.to_string())
}

fn smtp_address(address: &Address) -> Result<lettre::Address, String> {
    address.to_string().parse().map_err(|error| format!("{address}: {error}"))
}

fn mail(notification: &Notification, message: &NoticeMessage) -> Result<Message, String> {
    let mailbox = |address: &Address| smtp_address(address).map(|address| Mailbox::new(None, address));
    let from = notification.from.as_ref().ok_or("no sender is given")?;
    let domain = from.domain();
    let id = format!("<{}.{}@{domain}>", message.key.replace('/', "."), notification.identity.len());
    let mut mail = Message::builder()
        .from(mailbox(from)?)
        .subject(format!("[imsh {}] {}", message.site, message.summary))
        .message_id(Some(id))
        .header(ContentType::TEXT_PLAIN);
    for receiver in &notification.to {
        mail = mail.to(mailbox(receiver)?);
    }
    mail.body(message.text.clone()).map_err(|error| error.to_string())
}

/// The parts of `smtp://user@host:port`.
struct MailServer {
    user: Option<String>,
    host: String,
    port: u16,
    is_direct: bool,
}

impl MailServer {
    /// Reads a mail server's address. Anything wrong with the address was reported when the topology was read.
    fn of(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("smtp", url));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user.replace("%40", "@")), place),
            None => (None, authority),
        };
        let is_direct = scheme == "smtps";
        let usual = match (is_direct, &user) {
            (true, _) => 465,
            (false, Some(_)) => 587,
            (false, None) => 25,
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().unwrap_or(usual)),
            None => (place, usual),
        };
        Self { user, host: host.trim_matches(['[', ']']).to_owned(), port, is_direct }
    }

    fn is_this_machine(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    fn tls(&self, notification: &Notification) -> Result<Tls, String> {
        if self.is_this_machine() && !self.is_direct && notification.ca_file.is_none() {
            return Ok(Tls::None);
        }
        let mut parameters = TlsParameters::builder(self.host.clone());
        if let Some(file) = &notification.ca_file {
            let unreadable = |reason: String| format!("{}: {reason}", file.display());
            let mut pem = Vec::new();
            let read = trusted::open_linked(file).and_then(|mut opened| opened.read_to_end(&mut pem));
            read.map_err(|error| unreadable(error.to_string()))?;
            let certificate = Certificate::from_pem(&pem).map_err(|error| unreadable(error.to_string()))?;
            parameters =
                parameters.certificate_store(CertificateStore::None).add_root_certificate(certificate);
        }
        let parameters = parameters.build().map_err(|error| error.to_string())?;
        Ok(if self.is_direct { Tls::Wrapper(parameters) } else { Tls::Required(parameters) })
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
