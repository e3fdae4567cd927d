//! `imsh respond`: the answering account at a partner's side, as a program that runs for long.
//!
//! Needs no topology: an address and a password are enough. Logs what it does, for a person or for the
//! journal. The answering itself is [`Responder`]'s.

mod figures;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;

use super::cli::SessionOptions;
use super::exit::ExitStatus;
use super::logging::LogOptions;
use super::output::Console;
use super::run::Interrupts;
use super::terminal::Terminal;
use crate::address::Address;
use crate::call::Operator;
use crate::diagnosis::Finding;
use crate::render::visible::one_line;
use crate::secret::{Credential, Secret};
use crate::topology::{LogonName, Pool, Security, Server};
use crate::trusted;
use crate::verify::plan::LogonAccount;
use crate::verify::responder::pace::{AnswerVerdict, Pace};
use crate::verify::responder::{Ended, Happening, Responder};

use self::figures::Figures;
use crate::xmpp::Deadlines;
use crate::xmpp::network::Network;
use crate::xmpp::sasl::Authentication;
use crate::xmpp::trace::{Fact, Trace};

/// The options of `imsh respond`.
#[derive(Args, Debug)]
#[command(next_help_heading = "Answering")]
pub struct RespondOptions {
    /// The account that answers: user@domain
    #[arg(help_heading = "Arguments")]
    pub address: Address,

    /// Read the password from the first line of FILE
    #[arg(long, value_name = "FILE", conflicts_with = "password_variable")]
    pub password_file: Option<PathBuf>,

    /// Read the password from the environment variable NAME
    #[arg(long, value_name = "NAME")]
    pub password_variable: Option<String>,

    /// Log on to this server [default: what DNS says of the domain]
    #[arg(long, value_name = "HOST[:PORT]")]
    pub server: Option<Server>,

    /// Believe certificates of this private CA (PEM) and of no other
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// How TLS begins
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub security: HowTls,

    #[allow(rustdoc::broken_intra_doc_links, reason = "the brackets are help text of the command line")]
    /// Authenticate by this name [default: what stands before the @]
    #[arg(long, value_name = "NAME")]
    pub logon_name: Option<String>,

    /// Let the server see the password itself, inside TLS, where it offers nothing better
    #[arg(long)]
    pub allow_plain: bool,

    /// Answer so many test messages a minute to each sender
    #[arg(long, value_name = "COUNT", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    pub per_sender: u32,

    /// Keep figures for Prometheus in FILE, as its node exporter reads them (textfile collector)
    #[arg(long, value_name = "FILE")]
    pub metrics_file: Option<PathBuf>,

    /// Answer so many test messages a minute in all
    #[arg(long, value_name = "COUNT", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..))]
    pub in_all: u32,

    /// The options for the log.
    #[command(flatten)]
    pub log: LogOptions,
}

/// The way in which TLS begins, as in the topology's `security`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum HowTls {
    /// As DNS says; STARTTLS where it says nothing
    Auto,
    /// By STARTTLS
    Starttls,
    /// At once
    Direct,
}

/// The options of a session that mean nothing here.
pub const REFUSED: [&str; 6] = ["topology", "vault", "store", "lab", "output", "output_file"];

/// The beginning of `imsh respond --help`.
pub const ABOUT: &str = "\
Runs a test account that answers imsh's test messages, so that tests from other networks reach the evidence \
Exchanged: it is proven that messages arrive and that answers come back. Make an account for it, such as \
imsh-test@yourdomain, start this beside your server, and tell your partners the address.

Who sends more tests a minute than it answers (--per-sender, --in-all) is told so; --metrics-file keeps count. \
The log goes to standard error: lines for people on a terminal, JSON elsewhere. -v, or --log debug, tells every answer.

It answers a message only if it is a test message of imsh's: it has an id and a nonce and asks for a receipt. \
What a person writes gets no answer, nor does what was stored, copied, or sent by another responder. It needs no \
topology and no subscription, sends nothing by itself, and comes back by itself when the server restarts.

The password is read from --password-file, from the variable that --password-variable names, or from the systemd \
credential imsh-password (LoadCredential=imsh-password:/etc/imsh/respond.password); else it is asked for. It is \
never taken from the command line. examples/imsh-respond.service is a unit to start from.

No topology and no vault are read, and no records printed.

Exit status: 0 it was stopped (SIGTERM, Ctrl-C); 2 the command line or the password's source is wrong; 4 the \
server refused the logon three times in a row: trying on would get the account locked. Everything else is tried \
again: after a pause that grows to ten seconds while the server cannot be reached, to five minutes where it refuses.";

/// The end of `imsh respond --help`.
pub const EXAMPLES: &str = "\
Examples:
  imsh respond adelany@contoso.com -v      asks for the password, tells every answer
  imsh respond adelany@contoso.com --password-file /run/secrets/adelany
  imsh respond adelany@contoso.com --server xmpp.contoso.com:5222 --ca-file contoso-ca.pem

Your partners then demand Exchanged of you, in their topology:
  [[partner]]
  domain = \"contoso.com\"
  receivers = [\"adelany@contoso.com\"]
  minimum_evidence = \"Exchanged\"";

/// Answers until it is stopped.
pub async fn respond(session: &SessionOptions, options: RespondOptions) -> ExitStatus {
    let output = Console::new(session.output, session.color);
    let say = |text: &str| output.note(&format!("imsh respond: {text}"));
    if session.lab {
        say("the practice network has receivers of its own; give an account of your server, without --lab");
        return ExitStatus::Wrong;
    }
    if session.output.is_some() {
        say("no records are printed here; leave --output away");
        return ExitStatus::Wrong;
    }
    if session.topology.is_some() || session.vault.is_some() {
        say(
            "no topology and no vault are used here; give the server by --server and --ca-file, the password by \
             --password-file",
        );
        return ExitStatus::Wrong;
    }
    if let Some(file) = &options.ca_file
        && let Err(problem) = trusted::open_own(file)
    {
        say(&format!("{}: {problem}", file.display()));
        return ExitStatus::Wrong;
    }
    let password = match password(&options, &output) {
        Ok(password) => password,
        Err(problem) => {
            say(&problem);
            return ExitStatus::Wrong;
        }
    };
    if let Some(file) = options.password_file.as_deref().filter(|file| others_may_read(file)) {
        say(&format!("WARNING: other users may read {}; chmod 600 keeps it to yourself", file.display()));
    }
    let figures = Arc::new(Figures::new(options.per_sender, options.in_all));
    let metrics_file = options.metrics_file.clone();
    if let Some(file) = &metrics_file
        && let Err(problem) = figures.write(file)
    {
        say(&format!("{}: {problem}", file.display()));
        return ExitStatus::Wrong;
    }
    options.log.start(session.verbose);
    let mut responder = Responder {
        pace: Pace::new(options.per_sender, options.in_all),
        account: account(options, password),
        deadlines: Deadlines::default(),
        network: Network::system(),
    };
    let cancel = CancellationToken::new();
    let watch = tokio::spawn(stop_on_signal(Interrupts::listen(), cancel.clone()));
    let writing = metrics_file.clone().map(|file| tokio::spawn(figures.clone().keep_in(file)));
    let tell = |happening: Happening<'_>| {
        figures.count(&happening);
        log(&happening);
    };
    let ended = responder.run(&tell, &cancel).await;
    watch.abort();
    if let (Some(writing), Some(file)) = (writing, &metrics_file) {
        writing.abort();
        figures.is_off_line();
        if let Err(problem) = figures.write(file) {
            tracing::error!(file = %file.display(), %problem, "the figures cannot be written");
        }
    }
    match ended {
        Ended::Asked(counts) => {
            tracing::info!(
                answered = counts.answered,
                over_limit = counts.passed,
                dropped = counts.dropped,
                passed_over = counts.passed_over,
                "stopped"
            );
            ExitStatus::Success
        }
        Ended::Refused(finding) => {
            let diagnosis = one_line_of(&diagnosis(&finding));
            tracing::error!(diagnosis, "the logon was refused three times, and is not tried again");
            ExitStatus::NotRun
        }
    }
}

/// The first signal ends the session in order, the second the process.
async fn stop_on_signal(mut interrupts: Interrupts, cancel: CancellationToken) {
    interrupts.next().await;
    cancel.cancel();
    interrupts.next().await;
    std::process::exit(ExitStatus::Interrupted.code().into());
}

/// The account as the client path logs it on.
fn account(options: RespondOptions, password: Secret) -> LogonAccount {
    let domain = options.address.domain();
    let named = Credential::new(options.logon_name.unwrap_or_default(), password);
    let logon_name = match named.user_name.is_empty() {
        true => LogonName::Local.of(&options.address, &named),
        false => named.user_name,
    };
    // The certificate must be the domain's: it is the only name that anybody gave.
    let pool = Pool {
        servers: options.server.into_iter().collect(),
        security: match options.security {
            HowTls::Auto => Security::Auto,
            HowTls::Starttls => Security::StartTls,
            HowTls::Direct => Security::Direct,
        },
        ca_file: options.ca_file,
        allow_plain: options.allow_plain,
        ..Pool::new(domain.clone())
    };
    LogonAccount {
        target: domain.to_string(),
        pool: Some(Arc::new(pool)),
        address: options.address,
        logon_name,
        password: Some(named.password),
        certificate: None,
        registrar_port: None,
        authentication: Authentication::default(),
        one_server: None,
    }
}

/// The password, from wherever it is.
fn password(options: &RespondOptions, output: &Console) -> Result<Secret, String> {
    if let Some(file) = &options.password_file {
        return from_file(file);
    }
    if let Some(name) = &options.password_variable {
        let value = std::env::var(name).ok().filter(|value| !value.is_empty());
        return value
            .map(Secret::new)
            .ok_or_else(|| format!("the environment has no variable {name}, or it is empty"));
    }
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    if let Some(file) = credentials.map(|folder| folder.join(CREDENTIAL)).filter(|file| file.exists()) {
        return from_file(&file);
    }
    let asked = Terminal::new(output.clone()).ask_secret(&format!("Password of {}: ", options.address));
    match asked {
        Ok(password) if !password.expose().is_empty() => Ok(password),
        Ok(_) => Err("the password is empty".to_owned()),
        Err(_) => Err(format!(
            "there is no terminal to ask for the password at; give --password-file, --password-variable, or the \
             systemd credential {CREDENTIAL}"
        )),
    }
}

fn from_file(file: &Path) -> Result<Secret, String> {
    let opened = trusted::open_own(file).map_err(|problem| format!("{}: {problem}", file.display()))?;
    Secret::first_line(opened).map_err(|problem| format!("{}: {problem}", file.display()))
}

fn others_may_read(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
}

/// The name under which systemd passes the password in.
const CREDENTIAL: &str = "imsh-password";

/// Logs what happened. What comes from strangers stands on one line and commands no terminal.
fn log(happening: &Happening<'_>) {
    match happening {
        Happening::OnLine { address, trace, limits: (per_sender, in_all) } => {
            let (address, way) = (one_line_of(address), one_line_of(&way_in(trace)));
            tracing::info!(address, way, per_sender, in_all, "on line: test messages are answered");
        }
        Happening::Answered { sender } => {
            tracing::debug!(sender = one_line_of(sender), "answered");
        }
        Happening::Passed { sender, verdict: AnswerVerdict::SenderOverLimit, count } => {
            let sender = one_line_of(sender);
            tracing::warn!(sender, count, "not answered: the sender sends more than --per-sender allows");
        }
        Happening::Passed { sender, verdict: AnswerVerdict::OverLimit | AnswerVerdict::Answer, count } => {
            let sender = one_line_of(sender);
            tracing::warn!(
                sender,
                count,
                "not answered: more comes than --in-all allows, last from this sender"
            );
        }
        Happening::Missed { dropped, passed_over } => {
            if *dropped > 0 {
                tracing::warn!(
                    count = dropped,
                    "not answered: test messages came faster than they could be read"
                );
            }
            if *passed_over > 0 {
                tracing::warn!(count = passed_over, "passed over unread: stanzas over a limit");
            }
        }
        Happening::Lost { fault, again_in } => {
            let (fault, again_in) = (one_line_of(fault), pause(*again_in));
            tracing::warn!(fault, again_in, "the session is lost");
        }
        Happening::Failed { finding, again_in } => {
            let (diagnosis, again_in) = (one_line_of(&diagnosis(finding)), pause(*again_in));
            tracing::warn!(diagnosis, again_in, "not on line");
        }
    }
}

fn one_line_of(text: &impl ToString) -> String {
    one_line(&text.to_string()).into_owned()
}

/// A diagnosis for whoever runs a responder: there is no pool, no topology and no vault, and what mends
/// it is an option.
fn diagnosis(finding: &Finding) -> String {
    let remedy = match finding.code {
        "DNS-NO-SUCH-NAME" | "DNS-NO-RECORDS" | "DNS-TARGET-WITHOUT-ADDRESS" | "DNS-NOT-OFFERED" => {
            "Check the spelling of the address; if it is right, name the server with --server HOST:PORT, or put the \
             domain's records into DNS in order."
        }
        "SASL-REJECTED" | "SASL-NO-SUCH-ACCOUNT" => {
            "Check that the account exists, and that --password-file, --password-variable or the systemd credential \
             gives its password as it is now; --logon-name, if the server knows the account by another name."
        }
        "TLS-UNTRUSTED" | "TLS-SELF-SIGNED" | "TLS-CA-FILE" => {
            "Name the certificate of the server's private CA with --ca-file FILE (PEM), or give the server a \
             certificate from an issuer that this system trusts."
        }
        "SASL-PLAIN-ONLY" => "Enable SCRAM on the server, or give --allow-plain.",
        _ => return finding.diagnosis(),
    };
    Finding { remedy: remedy.to_owned(), ..finding.clone() }.diagnosis()
}

/// By which server and under which protection.
fn way_in(trace: &Trace) -> String {
    let mut parts = Vec::new();
    for (_, fact) in trace.facts() {
        if let Fact::Connected { address, .. } = fact {
            parts.push(format!("at {address}"));
        } else if let Fact::Certificate(report) = fact {
            parts.push(format!("certificate good for {} days", report.chain_days_left()));
        } else if let Fact::Mechanism { name, .. } = fact {
            parts.push(name.clone());
        }
    }
    parts.join(", ")
}

fn pause(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::diagnosis::catalogue::catalogue;
    use crate::diagnosis::{Finding, Owner};

    use super::super::cli::{Cli, CliCommand};

    #[test]
    fn a_remedy_names_an_option_and_neither_pool_nor_vault() {
        for code in
            ["DNS-NO-SUCH-NAME", "DNS-NO-RECORDS", "DNS-NOT-OFFERED", "SASL-REJECTED", "TLS-UNTRUSTED"]
        {
            let entry = catalogue().iter().find(|entry| entry.code == code).unwrap();
            let finding = Finding {
                code: entry.code,
                owner: Owner::Caller,
                title: String::new(),
                evidence: Vec::new(),
                remedy: entry.remedy.to_owned(),
            };
            let said = super::diagnosis(&finding);
            assert!(said.contains("--"), "{said}");
            assert!(!said.contains("Set-TestUserCredential") && !said.contains("topology"), "{said}");
        }
    }

    #[test]
    fn the_systemd_unit_starts_a_responder() {
        let unit = include_str!("../../examples/imsh-respond.service");
        let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
        let started = Cli::try_parse_from(line.split(' ')).unwrap();
        assert!(matches!(started.action, Some(CliCommand::Respond(_))));
        let loads = format!("LoadCredential={}:", super::CREDENTIAL);
        assert!(unit.lines().any(|line| line.starts_with(&loads)), "{loads}");
    }
}
