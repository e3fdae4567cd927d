//! Findings of Secure: the certificate with its names and dates, and ports that speak another way.
//!
//! A certificate is never blamed without saying what it says. No remedy ever proposes to look away.

use std::time::Duration;

use super::quote::{moment, place, quoted, words};
use super::{Context, Finding, Owner, catalogue, connected, given_up, not_done, port_in_doubt};
use crate::xmpp::Phase;
use crate::xmpp::certificate::KeyPurpose;
use crate::xmpp::resolve::{TargetOrigin, TlsStart};
use crate::xmpp::secure::{CaFileFault, CertificateFault, CertificateName, CertificateReport, Fault, Shown};
use crate::xmpp::trace::{Fact, Trace};

/// Says what a fault of Secure means.
pub(super) fn finding(fault: &Fault, trace: &Trace, context: &Context<'_>) -> Finding {
    let pool = context.pool;
    let finding = match fault {
        Fault::Certificate(fault) => certificate(fault, trace, context),
        Fault::HandshakeRefused { alert, shown } => refused(alert, *shown, context),
        Fault::TooOld { reason } => {
            Finding::of(&catalogue::TLS_TOO_OLD, format!("{pool} speaks neither TLS 1.2 nor TLS 1.3"))
                .evidence(format_args!("the handshake ended with {}", quoted(reason)))
        }
        Fault::NotTls { said } => not_tls(said, trace, context),
        Fault::SpeaksTls => wants_tls_at_once("a TLS record answered our stream header", trace, context),
        Fault::NoStartTls => Finding::of(
            &catalogue::TLS_NOT_OFFERED,
            format!("{pool} offers no encryption, and no password leaves without it"),
        )
        .evidence("<starttls/> is not among the stream's features"),
        Fault::StartTlsFailed => {
            Finding::of(&catalogue::TLS_STARTTLS_FAILED, format!("{pool} offers STARTTLS and cannot do it"))
                .evidence("it answered <starttls/> with <failure/>")
        }
        Fault::Injected { n_bytes } => Finding::of(
            &catalogue::TLS_INJECTED,
            format!(
                "unencrypted bytes came where only TLS may come, perhaps from somebody between us and {pool}"
            ),
        )
        .evidence(format_args!("{n_bytes} bytes of plain text behind <proceed/>"))
        .sent_again(trace, context),
        Fault::Closed => interrupted("closed", trace, context),
        Fault::Reset => interrupted("reset", trace, context),
        Fault::Handshake { reason } => {
            Finding::of(&catalogue::TLS_HANDSHAKE, format!("the TLS handshake with {pool} failed"))
                .evidence(format_args!("it ended with {}", quoted(reason)))
        }
        Fault::CaFile { path, reason } => Finding::of(
            &catalogue::TLS_CA_FILE,
            format!("the file of issuers that the topology names for {pool} cannot be used"),
        )
        .evidence(format_args!("{}: {}", path.display(), ca_file(reason))),
        Fault::NoRoots { reason } => {
            Finding::of(&catalogue::TLS_NO_ROOTS, "this machine trusts no issuer of certificates")
                .evidence(format_args!("loading them said {}", quoted(reason)))
        }
        Fault::ClientCertificate { reason } => Finding::of(
            &catalogue::TLS_CLIENT_CERTIFICATE,
            format!("the client certificate of {} cannot be used", context.sender),
        )
        .evidence(quoted(reason)),
    };
    given_up(trace).fold(finding, Finding::evidence)
}

impl Finding {
    /// Blames the server where a separate connection met the same bytes again: that is no chance.
    fn sent_again(self, trace: &Trace, context: &Context<'_>) -> Self {
        let Some((_, fact)) = trace.facts().find(|(_, fact)| matches!(fact, Fact::InjectedAgain)) else {
            return self;
        };
        let pool = context.pool;
        let title = format!("{pool} sends unencrypted bytes where only TLS may come, in every connection");
        Finding { title, ..self }.owned_by(Owner::Pool).evidence(fact).remedy(format!(
            "Look at what answers at the port of {pool}, a proxy before its server or the server itself: it must send nothing between <proceed/> and the TLS handshake."
        ))
    }
}

/// The server ended TLS with an alert, in the handshake or, as TLS 1.3 has it, behind our end of it.
pub(super) fn refused(alert: &str, shown: Shown, context: &Context<'_>) -> Finding {
    let (pool, sender) = (context.pool, context.sender);
    let wants_one = alert == "CertificateRequired" || shown == Shown::Nothing && ABOUT_NONE.contains(&alert);
    let finding = if wants_one {
        let title =
            format!("{pool} lets nobody in who shows no client certificate, and none is stored for {sender}");
        Finding::of(&catalogue::TLS_CERTIFICATE_WANTED, title).remedy(certificate_wanted(context))
    } else if shown == Shown::Certificate && ABOUT_OURS.contains(&alert) {
        let title = format!("{pool} does not accept the client certificate of {sender}");
        Finding::of(&catalogue::SASL_CERTIFICATE, title)
    } else {
        Finding::of(&catalogue::TLS_REFUSED, format!("{pool} refuses our TLS handshake"))
    };
    finding.evidence(format_args!("it sent the TLS alert {}", alert_name(alert)))
}

/// The name of an alert as the standard writes it (RFC 8446, section 6): `handshake_failure`.
fn alert_name(alert: &str) -> String {
    if !alert.chars().all(|c| c.is_ascii_alphanumeric()) {
        return quoted(alert);
    }
    let mut name = String::new();
    let mut before = 'A';
    for c in alert.chars() {
        if c.is_ascii_uppercase() && !before.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
        before = c;
    }
    name
}

/// TLS begins at once at a port where STARTTLS was tried.
pub(super) fn wants_tls_at_once(
    evidence: impl std::fmt::Display,
    trace: &Trace,
    context: &Context<'_>,
) -> Finding {
    let title =
        format!("the port of {} wants TLS from the first byte, and we asked for STARTTLS", context.pool);
    port_kind(Finding::of(&catalogue::TLS_PORT_KIND, title), TlsStart::StartTls, trace, context)
        .led_by(evidence)
}

/// Returns the remedy for a missing client certificate: where one comes from, or why none should be needed.
pub(super) fn certificate_wanted(context: &Context<'_>) -> String {
    format!(
        "Store a certificate for the sender with Set-TestUserCredential {} -CertificateFile FILE -KeyFile FILE. If users log on to this pool with passwords, have its server ask for certificates without demanding them.",
        context.sender
    )
}

/// The alerts by which servers end a handshake in which they got no certificate. TLS 1.2 has none of its own.
const ABOUT_NONE: [&str; 4] = ["HandshakeFailure", "BadCertificate", "CertificateUnknown", "AccessDenied"];
/// The alerts by which servers refuse a certificate (RFC 8446, section 6.2).
const ABOUT_OURS: [&str; 9] = [
    "BadCertificate",
    "UnsupportedCertificate",
    "CertificateRevoked",
    "CertificateExpired",
    "CertificateUnknown",
    "UnknownCA",
    "AccessDenied",
    "DecryptError",
    "HandshakeFailure",
];

/// Secure was not done in time.
pub(super) fn late(after: Duration, trace: &Trace, context: &Context<'_>) -> Finding {
    let pool = context.pool;
    let direct = connected(trace).is_some_and(|target| target.kind == TlsStart::Direct);
    let title = match Heard::last(trace) {
        Heard::EncryptedHeader => {
            format!("{pool} opened the encrypted stream and then fell silent, with nothing to log on by")
        }
        Heard::Handshake => format!("{pool} made the TLS handshake and then fell silent"),
        Heard::Proceed => format!("{pool} agreed to STARTTLS and then fell silent"),
        Heard::Header => format!("{pool} opened a stream and then fell silent"),
        Heard::Nothing if direct => {
            format!("{pool} accepts connections and does not answer the TLS handshake")
        }
        Heard::Nothing => format!("{pool} accepts connections and says nothing"),
    };
    let finding =
        Finding::of(&catalogue::TLS_TIMEOUT, title).evidence(not_done(Phase::Secure, after)).last_seen(trace);
    port_in_doubt(finding, context)
}

/// The progress of the server with us in Secure, as a step of the trace tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It said nothing.
    Nothing,
    /// It opened its stream.
    Header,
    /// It agreed to STARTTLS.
    Proceed,
    /// TLS stands.
    Handshake,
    /// It opened its stream inside TLS.
    EncryptedHeader,
}

impl Heard {
    /// The last that was heard in the step at work.
    pub(super) fn last(trace: &Trace) -> Self {
        let facts = trace.steps().last().map_or(&[][..], |step| &step.facts);
        facts.iter().fold(Self::Nothing, |heard, fact| {
            if matches!(fact, Fact::Tls(_)) {
                Self::Handshake
            } else if matches!(fact, Fact::Proceed) {
                Self::Proceed
            } else if matches!(fact, Fact::Header { .. }) {
                match heard {
                    Self::Nothing | Self::Header | Self::Proceed => Self::Header,
                    Self::Handshake | Self::EncryptedHeader => Self::EncryptedHeader,
                }
            } else {
                heard
            }
        })
    }
}

fn certificate(fault: &CertificateFault, trace: &Trace, context: &Context<'_>) -> Finding {
    let pool = context.pool;
    let shown = trace.certificate();
    let finding = match fault {
        CertificateFault::Expired { whose, not_after } => {
            // Whole days that are left, rounded down: the day that ended it is none that has gone by.
            let ago = match shown.map(|report| -report.chain_days_left() - 1) {
                Some(1) => ", a day ago".to_owned(),
                Some(days @ 2..) => format!(", {days} days ago"),
                Some(_) | None => String::new(),
            };
            let on = moment(*not_after);
            if shown.is_none_or(|report| report.subject == *whose) {
                Finding::of(
                    &catalogue::TLS_EXPIRED,
                    format!("the certificate of {pool} expired on {on}{ago}"),
                )
            } else {
                let title = format!("a certificate that the one of {pool} depends on expired on {on}{ago}");
                Finding::of(&catalogue::TLS_EXPIRED, title)
                    .evidence(format_args!("the expired one is that of {}", quoted(whose)))
                    .remedy("Replace the expired issuer's certificate in the server's chain, or have the pool's certificate reissued, and reload the server.")
            }
        }
        CertificateFault::NotYetValid { not_before } => Finding::of(
            &catalogue::TLS_NOT_YET_VALID,
            format!("the certificate of {pool} is not valid before {}", moment(*not_before)),
        ),
        CertificateFault::NameMismatch { wanted, offered } => wrong_name(wanted, offered, context),
        CertificateFault::SelfSigned { subject } => Finding::of(
            &catalogue::TLS_SELF_SIGNED,
            format!("the certificate of {pool} is signed by itself, and nobody whom we trust vouches for it"),
        )
        .evidence(format_args!("its subject and issuer is {}", quoted(subject))),
        CertificateFault::UnknownIssuer { issuer } => Finding::of(
            &catalogue::TLS_UNTRUSTED,
            format!("the certificate of {pool} comes from an issuer that we do not trust"),
        )
        .evidence(format_args!("the issuer is {}", quoted(issuer))),
        CertificateFault::Namesake { issuer } => Finding::of(
            &catalogue::TLS_UNTRUSTED,
            format!("the certificate of {pool} was not signed by the issuer that we trust, but by another key of the same name"),
        )
        .evidence(format_args!("the issuer is {}", quoted(issuer)))
        .remedy("If this is your own authority and was made anew, renew its certificate in the pool's `ca_file` in the topology; if not, somebody uses its name: have the pool's certificate reissued."),
        CertificateFault::IncompleteChain { missing, published } => {
            let finding = Finding::of(
                &catalogue::TLS_INCOMPLETE_CHAIN,
                format!("{pool} does not send the intermediate certificate that its own one depends on"),
            )
            .evidence(format_args!("the certificate of {} is missing", quoted(missing)));
            match published {
                Some(place) => finding.evidence(format_args!("its issuer publishes it at {}", quoted(place))),
                None => finding,
            }
        }
        CertificateFault::WrongPurpose { reason } => Finding::of(
            &catalogue::TLS_WRONG_PURPOSE,
            format!("the certificate of {pool} is not meant for a server"),
        )
        .evidence(quoted(reason)),
        CertificateFault::Invalid { reason } => {
            Finding::of(&catalogue::TLS_INVALID, format!("the certificate of {pool} is broken or outdated"))
                .evidence(quoted(reason))
        }
    };
    match shown {
        Some(report) => finding.evidence(summary(report)),
        None => finding,
    }
}

/// Returns the finding for a certificate that is in order but is meant for servers only; it holds whether a test
/// succeeded or not.
pub fn servers_only(report: &CertificateReport, of: &str, owner: Owner) -> Option<Finding> {
    (report.verdict.is_ok() && report.purpose == KeyPurpose::ServersOnly).then(|| {
        Finding::of(
            &catalogue::CERTIFICATE_SERVERS_ONLY,
            format!("the certificate of {of} cannot prove its server to strict servers"),
        )
        .owned_by(owner)
        .evidence(format_args!(
            "the certificate issued by {} is meant for servers only (no clientAuth)",
            quoted(&report.issuer)
        ))
        .made_safe()
    })
}

fn wrong_name(wanted: &str, offered: &[CertificateName], context: &Context<'_>) -> Finding {
    let pool = context.pool;
    let finding = Finding::of(
        &catalogue::TLS_NAME,
        format!("the certificate of {pool} is not for {wanted}"),
    )
    .evidence(if offered.is_empty() {
        "it names nobody (a common name alone does not count)".to_owned()
    } else {
        format!("it is for {}", words(offered))
    })
    .remedy(format!(
        "Have the pool's certificate reissued with the name {wanted} (as dNSName, or as SRVName _xmpp-client.{wanted}), and let the server pick it for this domain. On the pool's machine, prosodyctl check certs says which names are missing; openssl s_client -starttls xmpp -xmpphost {wanted} -connect HOST:5222 shows what clients get."
    ));
    let names_the_pool = offered.iter().any(|name| name.to_string().eq_ignore_ascii_case(pool));
    if names_the_pool && !context.pool_listed {
        finding.first(&format!("List the pool in the topology, if {pool} is to be trusted for {wanted}."))
    } else {
        finding
    }
}

/// Returns the summary of a certificate for an operator, in a line.
fn summary(report: &CertificateReport) -> String {
    // Where the names are what is wrong, they have been told.
    let names = match &report.verdict {
        Err(CertificateFault::NameMismatch { .. }) => String::new(),
        Ok(_) | Err(_) => format!("is for {}, ", words(&report.names)),
    };
    format!(
        "the certificate {names}was issued by {} and is valid from {} to {}",
        quoted(&report.issuer),
        moment(report.not_before),
        moment(report.not_after)
    )
}

/// Returns the finding for an answer to our handshake that is something else: a stream, a web server, anything.
fn not_tls(said: &str, trace: &Trace, context: &Context<'_>) -> Finding {
    let pool = context.pool;
    let is_xml = said.contains("<?xml") || said.contains("stream:") || said.contains("<stream");
    if is_xml && connected(trace).is_some_and(|target| target.kind == TlsStart::StartTls) {
        let title =
            format!("plain text came where TLS was agreed on, perhaps from somebody between us and {pool}");
        return Finding::of(&catalogue::TLS_INJECTED, title)
            .evidence(format_args!("our TLS handshake was answered with {}", quoted(said)));
    }
    if is_xml {
        let title = format!("the port of {pool} wants STARTTLS, and we began with TLS at once");
        return port_kind(Finding::of(&catalogue::TLS_PORT_KIND, title), TlsStart::Direct, trace, context)
            .led_by(format_args!("our TLS handshake was answered with {}", quoted(said)));
    }
    let what = if said.starts_with("HTTP/") {
        "a web server"
    } else if said.starts_with("SSH-") {
        "an SSH server"
    } else {
        "something that is neither TLS nor XMPP"
    };
    let finding = Finding::of(&catalogue::TLS_NOT_TLS, format!("{what} answers at the port of {pool}"))
        .evidence(format_args!("our TLS handshake was answered with {}", quoted(said)));
    port_in_doubt(finding, context)
}

/// Whoever said how TLS begins at the port said it wrong.
fn port_kind(finding: Finding, tried: TlsStart, trace: &Trace, context: &Context<'_>) -> Finding {
    let Some(target) = connected(trace) else { return port_in_doubt(finding, context) };
    let right = match tried {
        TlsStart::Direct => "starttls",
        TlsStart::StartTls => "direct",
    };
    match target.origin {
        TargetOrigin::Srv => {
            let (wrong, right) = match tried {
                TlsStart::Direct => ("_xmpps-client", "_xmpp-client"),
                TlsStart::StartTls => ("_xmpp-client", "_xmpps-client"),
            };
            finding
                .owned_by(Owner::Pool)
                .evidence(format_args!("DNS gives the port {} under {wrong}", target.port))
                .remedy(format!("Publish the port {} in DNS under {right} instead of {wrong}.", target.port))
        }
        TargetOrigin::Listed | TargetOrigin::Name if context.given.registrar_port.is_some() => {
            port_in_doubt(finding, context)
        }
        TargetOrigin::Listed | TargetOrigin::Name => finding.owned_by(Owner::Caller).remedy(format!(
            "Set security = \"{right}\" for this pool in the topology, or name its other port there."
        )),
    }
}

/// The handshake broke off without a word.
fn interrupted(how: &str, trace: &Trace, context: &Context<'_>) -> Finding {
    let entry = if how == "reset" { &catalogue::TLS_RESET } else { &catalogue::TLS_CLOSED };
    let title = format!("{} {how} the connection in the TLS handshake without a reason", context.pool);
    let finding = Finding::of(entry, title);
    let finding = match connected(trace) {
        Some(target) => finding.evidence(format_args!("{} was tried with {}", place(target), target.kind)),
        None => finding,
    };
    port_in_doubt(finding, context)
}

fn ca_file(fault: &CaFileFault) -> String {
    match fault {
        CaFileFault::Unreadable(reason) => format!("it cannot be read: {}", quoted(reason)),
        CaFileFault::Empty => "there is no certificate in PEM form in it".to_owned(),
        CaFileFault::Broken { number, error } => {
            format!("its certificate number {number} is not sound: {}", quoted(error))
        }
    }
}
