//! `imsh session`: the one way in for those whom another account serves.
//!
//! As the forced command of OpenSSH, and behind sudo. Takes no path from its caller: the topology is
//! `/etc/imsh/topology.toml`, and everything else follows from it. Who is asking is what sshd or sudo
//! vouches for. Nothing is answered before the process is put right, and nothing runs before its line is
//! in the audit log.

mod end;

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use nix::sys::termios::{
    _POSIX_VDISABLE, SetArg, SpecialCharacterIndices as Key, Termios, tcgetattr, tcsetattr,
};
use nix::unistd::geteuid;

pub(super) use end::{LAST_WORDS, put_back};
use end::{LastLine, SessionEnd, SessionWatch, force, over};

use super::caller::{Caller, caller};
use super::cli::SessionOptions;
use super::confine::{Confinement, confine};
use super::exit::ExitStatus;
use super::kept;
use super::output::Console;
use super::process::{self, Unsound};
use super::run;
use super::shell::secrets::may_hold_secret;
use super::start::Started;
use super::terminal::Terminal;
use super::{shell, start};
use crate::access::limits::{Limited, SessionLimits};
use crate::access::usage::{Exceeded, RunningSession, Usage, UsagePlace};
use crate::access::{Access, GivenParameter, Principal, principal};
use crate::call::context::Budget;
use crate::call::drive::Drive;
use crate::call::stores::{TopologyReader, TopologyStore, VaultStore};
use crate::call::transcript::{Heading, LEFT_OUT, Room};
use crate::call::{Halt, SessionContext};
use crate::cmdlet::{Category, ErrorRecord};
use crate::cmdlets;
use crate::durable;
use crate::host::{Gate, Host, Sitting};
use crate::render::visible::visible;
use crate::script::{Memory, ScriptLimits, stack};
use crate::topology::places;
use crate::trusted::{self, Directory, Untrusted, Why};
use crate::value::Value;

/// The arguments of `imsh session`.
#[derive(Args, Debug)]
pub struct SessionArguments {
    /// Who is asking, as sshd's forced command says it; not behind sudo
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,

    /// Run this code; over ssh it is what stands behind the destination
    #[arg(short = 'c', long = "command", value_name = "CODE", allow_hyphen_values = true)]
    command: Option<String>,

    /// - reads a script from standard input; what follows are its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, conflicts_with = "command")]
    arguments: Vec<String>,
}

/// The text of `imsh session --help`.
pub const ABOUT: &str = "\
Runs what the caller's roles allow, at the prompt, as a one-liner and as a script: for delegated administrators, \
who need no shell on this machine.

It takes no path: the topology is /etc/imsh/topology.toml, and imsh session runs as the account that owns it. Over \
ssh it is the forced command, and who is asking is told by their key (imsh authorized-keys) or certificate; behind \
sudo it is the user who called sudo. Every call is audited.";

/// The end of `imsh session --help`.
pub const EXAMPLES: &str = "\
Examples:
  ssh imsh@watcher                                     at the prompt
  ssh imsh@watcher 'Test-XmppIM POOL USER@DOMAIN'      one line; its exit status is ssh's
  ssh imsh@watcher - redmond < daily.rhai              a script, with arguments
  sudo -u imsh imsh session -c 'Get-Pool'              the same without ssh";

/// The shared options that it refuses: each names a file or makes one.
pub const REFUSED: [&str; 5] = ["topology", "vault", "lab", "store", "output_file"];

/// A session whose caller may come in.
pub struct SessionDoor {
    host: Arc<Host>,
    who: CallerIdentity,
    output: Console,
    program: SessionProgram,
    sitting: Sitting,
    terminal: Option<Termios>,
    limits: ScriptLimits,
    ends: Ends,
    /// Held as long as the session lasts.
    _place: UsagePlace,
}

/// The program that the caller wants run.
enum SessionProgram {
    /// Lines at a prompt.
    Shell,
    /// Code from the command line.
    Code(String),
    /// A script on standard input, with its arguments.
    Script(Vec<String>),
}

/// Lets the caller in; `held` says how many bytes the process holds. Runs before there is a second thread.
///
/// # Errors
/// The caller is refused; they have been told, and the refusal is in the audit log.
pub fn enter(
    options: &SessionOptions,
    arguments: SessionArguments,
    held: fn() -> usize,
) -> Result<SessionDoor, ExitStatus> {
    let output = Console::new(options.output, options.color);
    let refuse = |sentence: &str| {
        output.fail(sentence);
        ExitStatus::Denied
    };
    let caller = caller().map_err(refuse)?;
    process::secure(caller).map_err(|unsound| refuse(&unsound.to_string()))?;
    let short = process::limits().err();
    let account = geteuid().as_raw();
    trusted::only(account);
    let topology = PathBuf::from(places::SYSTEM);
    let names_file = [&options.topology, &options.vault, &options.store, &options.output_file];
    if options.lab || names_file.iter().any(|option| option.is_some()) {
        return Err(refuse(
            "imsh session takes no --topology, --vault, --store, --output-file or --lab: all files are the \
             account's own",
        ));
    }
    let another = || {
        refuse(&format!(
            "imsh session runs as the account that owns {}; run sudo -u ACCOUNT imsh session, or connect with ssh",
            topology.display()
        ))
    };
    match trusted::open(&topology).and_then(|file| Ok(file.metadata()?.uid())) {
        Ok(owner) if owner == account => {}
        Ok(_) => return Err(another()),
        Err(fault) if matches!(Untrusted::of(&fault), Some(Untrusted { why: Why::Owner { .. }, .. })) => {
            return Err(another());
        }
        Err(fault) => {
            return Err(refuse(&format!("the topology {} cannot be used: {fault}", topology.display())));
        }
    }
    let store =
        TopologyStore::new(Some(topology.clone()), cmdlets::catalogue()).told_to(TopologyReader::Other);
    let access = store.read().map(|topology| topology.access.clone().unwrap_or_default());
    let who = match (&caller, access) {
        (Caller::Behind(_), _) if arguments.principal.is_some() => {
            Err("behind sudo the principal is who called sudo; leave --principal away".to_owned())
        }
        (Caller::Behind(uid), _) => {
            Ok(CallerIdentity { principal: start::of_user(*uid), proof: CallerProof::User(uid.as_raw()) })
        }
        (Caller::Own, Ok(access)) => vouched(arguments.principal.as_deref(), &access),
        (Caller::Own, Err(error)) => Err(error.message),
    };
    let who = who.map_err(|sentence| refuse(&sentence))?;
    let vault = VaultStore::new(topology.parent().map(|beside| beside.join("vault")), None);
    let operator = Arc::new(Terminal::new(output.clone()));
    let gate = Gate::new(who.principal.clone()).told_to(TopologyReader::Other).with_drive();
    // A caller without a role is told so below.
    let limits = store
        .read()
        .ok()
        .and_then(|topology| gate.session_limits(&cmdlets::catalogue(), &topology).ok().flatten());
    let limits = limits.unwrap_or_default();
    let (state, name) = (Path::new(places::STATE), who.principal.to_string());
    let context = SessionContext {
        way: "session",
        is_delegated: true,
        drive: Some(Drive::new(state, &name, limits.get(Limited::DriveMib))),
        directory: PathBuf::from("/"),
        transcripts: output.transcripts(),
        sessions: Some(PathBuf::from(places::STATE)),
        results: kept::of_account(),
        ..SessionContext::new(store, vault, operator)
    };
    let host = Arc::new(Host::new(cmdlets::ALL, Arc::new(context), gate, options.verbose));
    let program = program(&caller, arguments);
    let seen = seen(&caller, &who, &program);
    let limited = |short: &Unsound| {
        ErrorRecord::new(Category::LimitsExceeded, "LimitTooLow", sentence(&short.to_string()))
            .remedy("Raise the limits of the process that calls imsh session, or come in with ssh.")
    };
    let usage = Usage::new(state, &name);
    let running = RunningSession {
        identity: String::new(),
        principal: name,
        process: i32::try_from(std::process::id()).unwrap_or(0),
        since: jiff::Timestamp::now().as_second(),
        from: seen.iter().find(|one| one.name == "From").map_or_else(String::new, |one| one.values.concat()),
    };
    let about = serde_json::to_string(&running).unwrap_or_default();
    let place = usage.place(Limited::Sessions, limits.get(Limited::Sessions), &about);
    let used_up = |exceeded: &Exceeded| {
        ErrorRecord::new(Category::LimitsExceeded, "LimitReached", sentence(&exceeded.to_string()))
            .remedy("End another session of yours, or ask an administrator for a larger limit.")
    };
    let budget = Budget { usage: usage.clone(), limits: limits.clone() };
    // An administrator's lines are never too many.
    if !host.is_administrator() {
        // It is set once, here.
        let _ = host.context().budget.set(budget);
        durable::queue();
    }
    let admitted = match (short, &program) {
        (Some(short), _) => {
            // That no line can be written follows from the limit.
            let _ = host.session_refused(seen, &short.to_string(), limited(&short));
            Err(limited(&short))
        }
        (None, Err(why)) => {
            let wrong = ErrorRecord::new(Category::InvalidArgument, "BadCommandLine", sentence(why));
            Err(host.session_refused(seen, why, wrong))
        }
        (None, Ok(_)) => match &place {
            Err(exceeded) => Err(host.session_refused(seen, &exceeded.to_string(), used_up(exceeded))),
            Ok(_) => host.session_begins(seen),
        },
    };
    let (sitting, program) = match (admitted, program) {
        (Ok(sitting), Ok(program)) => (sitting, program),
        (Err(error), _) => {
            output.error(&error);
            return Err(ExitStatus::Denied);
        }
        (Ok(_), Err(why)) => return Err(refuse(&why)),
    };
    let place = place.map_err(|exceeded| refuse(&exceeded.to_string()))?;
    transcribe(&host, &output, &usage, &place.name, &limits).map_err(|fault| {
        refuse(&format!("no transcript can be written, and without one there is no session: {fault}"))
    })?;
    let memory = (limits.get(Limited::MemoryMib) as usize) << 20;
    output.limit((limits.get(Limited::OutputMib) as usize) << 20);
    let confined = hold(&host, &topology, memory, limits.get(Limited::Threads) as usize)
        .map_err(|fault| refuse(&fault.to_string()))?;
    if !confined.of_files {
        host.operator().verbose("This kernel has no Landlock: imsh alone keeps the session from files.");
    }
    if !confined.of_calls {
        host.operator().verbose("This kernel has no seccomp: imsh alone keeps the session from programs.");
    }
    let budget_limits = limits.clone();
    let limits = ScriptLimits {
        operations: Some(u64::from(limits.get(Limited::Operations))),
        time: Some(minutes(&limits, Limited::ProgramMinutes)),
        source: (limits.get(Limited::SourceKib) as usize) << 10,
        memory: Some(Memory { most: memory, held }),
        ..ScriptLimits::DELEGATED
    };
    let ends = Ends {
        after: minutes(&budget_limits, Limited::SessionMinutes),
        idle: minutes(&budget_limits, Limited::IdleMinutes),
    };
    let terminal = tcgetattr(std::io::stdin()).ok();
    if let Some(found) = &terminal {
        let mut without_quit = found.clone();
        // SIGQUIT would end the shell in which sshd runs a forced command, and the session with it.
        without_quit.control_chars[Key::VQUIT as usize] = _POSIX_VDISABLE;
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, &without_quit);
    }
    Ok(SessionDoor { host, who, output, program, sitting, terminal, limits, ends, _place: place })
}

/// The times after which a session ends by itself.
struct Ends {
    after: Duration,
    idle: Duration,
}

fn minutes(limits: &SessionLimits, limited: Limited) -> Duration {
    Duration::from_secs(u64::from(limits.get(limited)) * 60)
}

/// Writes down what the session shows and what is typed: `transcripts/PRINCIPAL/TIME.PROCESS.txt`, in the
/// account's state directory.
fn transcribe(
    host: &Host,
    output: &Console,
    usage: &Usage,
    place: &str,
    limits: &SessionLimits,
) -> io::Result<()> {
    let of_principal = place.rsplit_once('.').map_or(place, |(name, _)| name);
    let directory = Path::new(places::STATE).join("transcripts").join(of_principal);
    let time = jiff::ZonedDateTime::now().strftime("%Y%m%dT%H%M%S%z").to_string();
    let name = format!("{time}.{}.txt", std::process::id());
    let file = Directory::create(&directory)?.create_new(std::ffi::OsStr::new(&name))?;
    let here = directory.join(&name);
    let heading = Heading {
        user: host.principal().to_string(),
        machine: nix::unistd::gethostname()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        is_minimal: false,
        has_times: true,
    };
    let (usage, most) = (usage.clone(), u64::from(limits.get(Limited::AuditKib)) << 10);
    let day = Duration::from_secs(24 * 3600);
    let is_delegates = host.context().is_delegates();
    let again = usage.clone();
    let take = move |n_bytes: usize| {
        let has_room = !is_delegates || durable::leaves_reserve(&here);
        has_room && matches!(usage.count("transcripts", n_bytes as u64, 4 * most, day), Ok(Ok(_)))
    };
    // What cannot be given back is booked until the day is over.
    let give_back = move |n_bytes: usize| drop(again.give_back("transcripts", n_bytes as u64));
    let room = Room { take: Box::new(take), give_back: Box::new(give_back) };
    let begun = output.transcripts().begin(file, directory.join(&name), &heading, Some(room));
    begun.map_err(|fault| {
        if fault.kind() != io::ErrorKind::QuotaExceeded {
            return fault;
        }
        let is_reserve = is_delegates && !durable::leaves_reserve(&directory.join(name));
        let why = match is_reserve {
            true => "the room that is left on the disk is kept for administrators",
            false => "those of today take all the room that they may have",
        };
        io::Error::new(fault.kind(), why)
    })
}

/// Holds the process within its memory, the files that it needs and the system calls that it has a use for;
/// says which of the latter the kernel sees to.
fn hold(
    host: &Host,
    topology: &Path,
    memory: usize,
    n_blocks: usize,
) -> Result<Confinement, Box<dyn std::error::Error>> {
    let stacks = stack(Some(memory)) * (1 + n_blocks);
    process::hold_memory((memory + memory / 4 + stacks + BASE_MEMORY) as u64)?;
    let now = host.context().topology.read().map_err(|error| error.message)?;
    let log = host.context().audit(&now).path().to_owned();
    let beside = |file: &Path| file.parent().map(Path::to_owned);
    let of_store = now.store.ca_file.as_deref();
    let of_pools = now.pools.iter().filter_map(|pool| pool.ca_file.as_deref());
    let authorities = of_pools.chain(of_store).filter_map(beside).collect::<Vec<_>>();
    let to_write = [beside(topology), beside(&log), Some(PathBuf::from(places::STATE))];
    let to_write: Vec<&Path> = to_write.iter().flatten().map(PathBuf::as_path).collect();
    Ok(confine(&to_write, &authorities)?)
}

/// Runs what the caller wants, until it ends or somebody ends it.
pub async fn run(door: SessionDoor) -> ExitStatus {
    let SessionDoor { host, who, output, program, sitting, terminal, limits, ends, _place } = door;
    let line = LastLine::new(sitting);
    let watch = SessionWatch::new(host.clone(), who, output.transcripts(), ends.after);
    if let Err(fault) = force(watch.clone(), line.clone(), terminal.clone()) {
        output.fail(&format!(
            "nothing could be set up that ends the session, and so it does not begin: {fault}"
        ));
        put_back(terminal.as_ref());
        let _ = line.write(&Err(Halt::Cancelled));
        return ExitStatus::Wrong;
    }
    let ended = tokio::select! {
        biased;
        // A program may end in the time for its last words: why it had to is told all the same. What it says of a
        // signal is enough.
        status = converse(host, output.clone(), program, limits, ends.idle) => match watch.first() {
            None | Some(SessionEnd::Signal) => Ok(status),
            Some(end) => Err(end),
        },
        end = over(&watch) => Err(end),
    };
    let status = ended.unwrap_or_else(|end| {
        output.last_note(&format!("\nimsh: {}", end.why()));
        end.status()
    });
    let is_ended = status == ExitStatus::Interrupted || watch.first().is_some();
    let outcome = if is_ended { Err(Halt::Cancelled) } else { Ok(()) };
    put_back(terminal.as_ref());
    output.transcripts().stop_all();
    if let Err(error) = line.write(&outcome) {
        output.error(&error);
    }
    status
}

async fn converse(
    host: Arc<Host>,
    output: Console,
    program: SessionProgram,
    limits: ScriptLimits,
    idle: Duration,
) -> ExitStatus {
    let arguments = match &program {
        SessionProgram::Script(arguments) => arguments.clone(),
        SessionProgram::Shell | SessionProgram::Code(_) => Vec::new(),
    };
    let variables = vec![("args".to_owned(), Value::texts(arguments))];
    let started = match start::started(host, output.clone(), limits, None, variables) {
        Ok(started) => started,
        Err(error) => {
            output.fail(&format!("the session could not be started: {error}"));
            return ExitStatus::Wrong;
        }
    };
    match program {
        SessionProgram::Shell => shell::converse(Arc::new(started), false, Some(idle)).await,
        SessionProgram::Code(code) => {
            record_source(&started, &code);
            run::code(&started, &code).await
        }
        SessionProgram::Script(_) => {
            run::standard_input(&started, |source| record_source(&started, source)).await
        }
    }
}

/// Writes the source of a program into the transcript, without the lines that may hold a secret.
fn record_source(started: &Started, source: &str) {
    let transcripts = started.output.transcripts();
    let told = |line: &str| match may_hold_secret(line, started.host.everything()) {
        true => {
            transcripts.withhold(line);
            LEFT_OUT.to_owned()
        }
        false => visible(line).into_owned(),
    };
    let lines: Vec<String> = source.lines().map(told).collect();
    transcripts.typed("", Some(&lines.join("\n>> ")));
}

/// The program to run: over ssh the command that the caller gave to ssh, behind sudo the arguments.
fn program(caller: &Caller, arguments: SessionArguments) -> Result<SessionProgram, String> {
    let of_ssh = match caller {
        Caller::Own => std::env::var_os("SSH_ORIGINAL_COMMAND"),
        Caller::Behind(_) => None,
    };
    if let Some(command) = of_ssh {
        let command = command.into_string().map_err(|_| "the command is not UTF-8 text".to_owned())?;
        return match command.strip_prefix('-') {
            Some(rest) if rest.is_empty() || rest.starts_with(' ') => words(rest).map(SessionProgram::Script),
            Some(_) | None if command.trim().is_empty() => Ok(without_command()),
            Some(_) | None => Ok(SessionProgram::Code(command)),
        };
    }
    if let Some(code) = arguments.command {
        return Ok(SessionProgram::Code(code));
    }
    let mut words = arguments.arguments.into_iter();
    match words.next().as_deref() {
        None => Ok(without_command()),
        Some("-") => Ok(SessionProgram::Script(words.collect())),
        Some(_) => {
            Err("imsh session reads no file: give the script on standard input, as imsh session - < FILE, \
             or code with -c"
                .to_owned())
        }
    }
}

fn without_command() -> SessionProgram {
    if std::io::stdin().is_terminal() { SessionProgram::Shell } else { SessionProgram::Script(Vec::new()) }
}

/// The words of a command line, with quotes and backslashes as a shell has them, and nothing else of a
/// shell's: what ssh joins with blanks is taken apart again.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some(end) if end == letter => break,
                        Some('\\') if letter == '"' => word.extend(letters.next()),
                        Some(other) => word.push(other),
                        None => return Err(format!("a {letter} in the arguments has no end")),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(letters.next()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

/// The caller, and what proved it.
#[derive(Clone)]
struct CallerIdentity {
    principal: Principal,
    proof: CallerProof,
}

/// The proof of the caller's identity.
#[derive(Clone)]
enum CallerProof {
    /// The kernel, behind sudo: this user.
    User(u32),
    /// The key or certificate of which sshd tells: its fingerprint, and what sshd says.
    Key { fingerprint: String, told: String },
    /// The forced command alone.
    ForcedCommand,
}

impl CallerIdentity {
    fn fingerprint(&self) -> Option<String> {
        match &self.proof {
            CallerProof::Key { fingerprint, .. } => Some(fingerprint.clone()),
            CallerProof::User(_) | CallerProof::ForcedCommand => None,
        }
    }

    /// Whether they would be let in as the same principal now: with the key that the topology lists, or in the
    /// groups that gave a role.
    fn still_holds(&self, access: &Access) -> bool {
        match (&self.proof, &self.principal) {
            (CallerProof::Key { told, .. }, Principal::Vouched { name }) => {
                proved(told, access).iter().any(|(own, _)| own == name)
            }
            (CallerProof::User(uid), Principal::OsUser { groups, .. }) => match start::of_user((*uid).into())
            {
                Principal::OsUser { groups: now, .. } => groups.iter().all(|group| now.contains(group)),
                Principal::Vouched { .. } => false,
            },
            (CallerProof::Key { .. } | CallerProof::User(_) | CallerProof::ForcedCommand, _) => true,
        }
    }
}

/// The principal that sshd vouches for: by the key or certificate that it tells of, and by the name that
/// the forced command gives; where there are both, they must agree.
fn vouched(named: Option<&str>, access: &Access) -> Result<CallerIdentity, String> {
    let vouched =
        |name: &str, proof| CallerIdentity { principal: Principal::Vouched { name: name.to_owned() }, proof };
    let Some(told) = std::env::var_os("SSH_USER_AUTH") else {
        return named.map(|name| vouched(name, CallerProof::ForcedCommand)).ok_or_else(|| {
            "nobody says who is asking: imsh session is the forced command of sshd, or runs behind sudo -u \
             ACCOUNT"
                .to_owned()
        });
    };
    let mut text = String::new();
    trusted::open(Path::new(&told))
        .and_then(|file: File| file.take(MAX_AUTHENTICATION_BYTES).read_to_string(&mut text))
        .map_err(|fault| format!("what sshd says of the caller's key cannot be read: {fault}"))?;
    let proved = proved(&text, access);
    let by_key = |(name, key): &(String, String)| {
        vouched(name, CallerProof::Key { fingerprint: key.clone(), told: text.clone() })
    };
    match (named, proved.as_slice()) {
        (Some(named), proved) => match proved.iter().find(|(name, _)| name == named) {
            Some(found) => Ok(by_key(found)),
            None => Err("the key is not one of the principal whom the forced command names".to_owned()),
        },
        (None, [only]) => Ok(by_key(only)),
        (None, []) => Err("the key is no principal's".to_owned()),
        (None, _) => Err("the certificate is of several principals of this topology".to_owned()),
    }
}

/// The principals whom a key or certificate proves of which sshd tells, each with its fingerprint.
fn proved(told: &str, access: &Access) -> Vec<(String, String)> {
    let mut proved = Vec::new();
    for line in told.lines() {
        let mut words = line.split(' ');
        if words.next() == Some("publickey")
            && let (Some(kind), Some(blob)) = (words.next(), words.next())
        {
            proved.extend(principal::proved_by(kind, blob, &access.principals));
        }
    }
    proved.sort();
    proved.dedup();
    proved
}

/// The parameters of a session's lines in the audit log.
fn seen(
    caller: &Caller,
    who: &CallerIdentity,
    program: &Result<SessionProgram, String>,
) -> Vec<GivenParameter> {
    let from = match caller {
        Caller::Own => std::env::var("SSH_CONNECTION").ok().map(|from| format!("ssh {from}")),
        Caller::Behind(_) => Some("sudo".to_owned()),
    };
    let program = match program {
        Ok(SessionProgram::Shell) => "shell",
        Ok(SessionProgram::Code(_)) => "command",
        Ok(SessionProgram::Script(_)) => "script",
        Err(_) => "none",
    };
    let process = std::process::id().to_string();
    [
        ("From", from),
        ("Key", who.fingerprint()),
        ("Program", Some(program.to_owned())),
        ("Process", Some(process)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(GivenParameter { name: name.to_owned(), values: vec![value?] }))
    .collect()
}

/// The memory of the process beside a program's values and stacks: other stacks, the engine, certificates.
const BASE_MEMORY: usize = 704 << 20;
const MAX_AUTHENTICATION_BYTES: u64 = 256 << 10;

/// A clause as a sentence.
fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let first: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_of_a_script_are_words_and_nothing_is_expanded() {
        for (line, wanted) in [
            ("", vec![]),
            (" a  b ", vec!["a", "b"]),
            (" 'a b' \"c d\"e", vec!["a b", "c de"]),
            (r#" a\ b "x\"y" 'x\y' '' "#, vec!["a b", "x\"y", "x\\y", ""]),
            (
                " $(id) `id` $HOME ; | & > x * ~",
                vec!["$(id)", "`id`", "$HOME", ";", "|", "&", ">", "x", "*", "~"],
            ),
        ] {
            assert_eq!(words(line).unwrap(), wanted, "{line}");
        }
        assert!(words(" 'a").is_err() && words(" \"a").is_err());
    }
}
