//! The command line.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Args, ColorChoice, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::authorized;
use super::exit::ExitStatus;
use super::kept::StoreTask;
use super::respond::{self, RespondOptions};
use super::session::{self, SessionArguments};
use super::setup::{self, SetupArguments};
use super::watch::{self, WatchOptions};
use crate::render::Format;

/// A shell for the people who run instant messaging.
#[derive(Debug, Parser)]
#[command(
    name = "imsh",
    version,
    about = "Sends an instant message across XMPP networks and tells the truth about what became of it",
    long_about = LONG_ABOUT,
    after_help = format!("{EXAMPLES}\n\n{EXIT_STATUS}"),
    args_conflicts_with_subcommands = false,
    subcommand_negates_reqs = true,
    max_term_width = 100,
)]
pub struct Cli {
    /// The sources of a session's settings.
    #[command(flatten)]
    pub session: SessionOptions,

    /// Run this code and exit
    #[arg(short = 'c', long = "command", value_name = "CODE", allow_hyphen_values = true)]
    pub command: Option<String>,

    /// What to do instead
    #[command(subcommand)]
    pub action: Option<CliCommand>,
}

/// The subcommands that run in place of the shell.
#[derive(Debug, Subcommand)]
pub enum CliCommand {
    /// Run a script
    #[command(
        long_about = "Runs a script to its end. The exit status says what came of it: 0 every test succeeded, 1 a test failed, 2 the script or the topology is wrong, 3 access denied, 4 a test could not run, 130 interrupted."
    )]
    Run {
        /// The script; - reads it from standard input
        script: PathBuf,
        /// Arguments, which the script finds in `args`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Check scripts without running them
    #[command(
        long_about = "Says every mistake of a script that can be found without running it: unknown cmdlets, parameters, variables and functions, values that a parameter does not take, bare words that are variables, what the language does not have; also in the modules that it imports. What stands in a try is warned of only. Ends with 2 where there is one. --output json gives the findings as data."
    )]
    Lint {
        /// The scripts; - reads one from standard input
        #[arg(required = true)]
        scripts: Vec<PathBuf>,
    },
    /// Serve a delegated administrator, behind sshd or sudo
    #[command(long_about = session::ABOUT, after_help = session::EXAMPLES)]
    Session(Box<SessionArguments>),
    /// Tell sshd what an offered key may do
    #[command(long_about = authorized::KEYS_ABOUT)]
    AuthorizedKeys {
        /// The account that is logged on to: %u
        user: String,
        /// The kind of the key: %t
        kind: String,
        /// The key: %k
        key: String,
        /// What else sshd tells
        #[arg(hide = true)]
        more: Vec<String>,
    },
    /// Tell sshd what a certificate's principals may do
    #[command(long_about = authorized::PRINCIPALS_ABOUT)]
    AuthorizedPrincipals {
        /// The account that is logged on to: %u
        user: String,
    },
    /// Lay out the files of the service account, or check them
    #[command(long_about = setup::ABOUT, after_help = setup::EXAMPLES)]
    Setup(SetupArguments),
    /// Answer test messages as an account at a partner's side
    #[command(long_about = respond::ABOUT, after_help = respond::EXAMPLES)]
    Respond(Box<RespondOptions>),
    /// Keep watch: test again and again, remember, and tell whom it concerns
    #[command(long_about = watch::ABOUT, after_help = watch::EXAMPLES)]
    Watch(WatchOptions),
    /// Look after the store of results: its schema, its accounts, its sites
    #[command(
        long_about = "Says which version the schema of the store of results has, brings it up to date, says what accounts of the database may do, or forgets a site. A file is brought up to date by whoever uses it; a database, which several machines share, only by this command. The store is the one that [store] of the topology names, or --store FILE; the password of a database comes from ~/.pgpass, $PGPASSFILE or systemd's credential imsh-store-password."
    )]
    Store {
        /// What to do
        #[command(subcommand)]
        task: StoreTask,
    },
    /// Print completions for a command-line shell
    #[command(
        long_about = "Prints completions for a command-line shell. For bash: imsh completions bash > ~/.local/share/bash-completion/completions/imsh"
    )]
    Completions {
        /// bash, zsh, fish, …
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(
        long_about = "Prints the manual page of imsh, or of one of its commands: imsh man | man -l -, imsh man respond | man -l -"
    )]
    Man {
        /// The command
        #[arg(value_name = "COMMAND", value_parser = COMMANDS)]
        page: Option<String>,
    },
}

/// Reads the name of the file of results. The address of a database is refused without being repeated: a password may
/// stand in it.
#[derive(Clone)]
struct StoreFile;

impl TypedValueParser for StoreFile {
    type Value = PathBuf;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<PathBuf, clap::Error> {
        if !value.to_string_lossy().contains("://") {
            return Ok(value.into());
        }
        let words = "--store takes the name of a file, and this is an address. Name a database by url in [store] of the \
                     topology.\n";
        Err(clap::Error::raw(ErrorKind::ValueValidation, words).with_cmd(command))
    }
}

/// Options that every way in shares.
#[derive(Args, Debug)]
pub struct SessionOptions {
    /// Read pools, partners and settings from FILE [default: $IMSH_TOPOLOGY, ~/.config/imsh/topology.toml, /etc/imsh/topology.toml]
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "lab")]
    pub topology: Option<PathBuf>,

    /// Keep passwords in DIR [default: $IMSH_VAULT, or vault beside the topology]
    #[arg(long, value_name = "DIR", global = true, conflicts_with = "lab")]
    pub vault: Option<PathBuf>,

    /// Keep the results of tests in FILE [default: what the topology says, or results.sqlite in ~/.local/state/imsh; none with --lab]
    #[arg(long, value_name = "FILE", global = true, value_parser = StoreFile)]
    pub store: Option<PathBuf>,

    /// Start the practice network, on this machine alone, and work on it
    #[arg(long, global = true)]
    pub lab: bool,

    /// Print records in this format [default: what suits them]
    #[arg(long, short, value_name = "FORMAT", global = true, value_parser = format(), ignore_case = true)]
    pub output: Option<Format>,

    /// Write the output of -c and run into FILE, which is replaced as a whole when the run ends
    #[arg(long, value_name = "FILE", global = true)]
    pub output_file: Option<PathBuf>,

    /// Say what is being done, phase by phase
    #[arg(long, short, global = true)]
    pub verbose: bool,

    /// Use colour: auto, always or never
    #[arg(long, value_name = "WHEN", global = true, default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
}

fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::NAMED.iter().map(|format| format.name()))
        .try_map(|name| name.parse::<Format>())
}

impl Cli {
    /// Parses the command line; prints what is wrong with it and ends the program.
    pub fn read() -> Self {
        let matches = command().get_matches();
        if let Err(error) = said_once(std::env::args_os()) {
            error.exit();
        }
        let cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        let is_run = cli.command.is_some() || matches!(cli.action, Some(CliCommand::Run { .. }));
        if cli.session.output_file.is_some() && !is_run {
            let message = "--output-file takes the output of -c and run alone";
            command().error(ErrorKind::ArgumentConflict, message).exit();
        }
        cli
    }
}

/// Checks that no option stands before a command and behind it as well, and no code beside a command: one
/// of the two would not count, and nobody would be told.
fn said_once(arguments: impl IntoIterator<Item = OsString>) -> Result<(), clap::Error> {
    // The same grammar, with the options behind a command as options of its own.
    let whole = Cli::command();
    let shared: Vec<Arg> = whole.get_arguments().filter(|option| option.is_global_set()).cloned().collect();
    let apart = shared.iter().fold(whole, |command, option| {
        command.mut_arg(option.get_id().clone(), |option| option.global(false))
    });
    let own: Vec<Arg> = shared.iter().map(|option| option.clone().global(false)).collect();
    let mut apart = apart.mut_subcommands(|command| command.args(own.clone()));
    let Ok(matches) = apart.try_get_matches_from_mut(arguments) else { return Ok(()) };
    let Some((_, of_command)) = matches.subcommand() else { return Ok(()) };
    let is_written = |matches: &clap::ArgMatches, id: &str| {
        matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine)
    };
    let mut conflict = |text: String| Err(apart.error(ErrorKind::ArgumentConflict, text));
    if is_written(&matches, "command") {
        return conflict("-c runs code, and no command can stand beside it".to_owned());
    }
    for option in &shared {
        let id = option.get_id().as_str();
        if is_written(&matches, id) && is_written(of_command, id) {
            return conflict(format!("--{id} stands before the command and behind it"));
        }
    }
    Ok(())
}

/// The command line's grammar, in whose help each command lists the options that it takes.
pub fn command() -> Command {
    let command = Cli::command();
    let is_refused = |option: &&Arg| respond::REFUSED.contains(&option.get_id().as_str());
    let refused: Vec<Arg> = command.get_arguments().filter(is_refused).cloned().collect();
    // Its own options stand in place of those that every way in shares.
    let hidden = refused.into_iter().map(|option| option.hide(true));
    let command = command.mut_subcommand("respond", |respond| respond.args(hidden));
    // They are there to be refused with a sentence of their own.
    let files = command.get_arguments().filter(|option| session::REFUSED.contains(&option.get_id().as_str()));
    let files: Vec<Arg> = files.cloned().map(|option| option.hide(true)).collect();
    command.mut_subcommand("session", |session| session.args(files))
}

/// Prints completions for a command-line shell.
pub fn completions(shell: clap_complete::Shell) -> ExitStatus {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command(), "imsh", &mut text);
    print(&text)
}

/// Prints a text that is no record.
pub fn print(text: &[u8]) -> ExitStatus {
    let mut out = std::io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Ok(()) => ExitStatus::Success,
        // A reader that goes away has what it wanted: `imsh man | head`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitStatus::Success,
        Err(error) => {
            // When standard error is gone there is nowhere left to say so.
            let _ = writeln!(std::io::stderr(), "imsh: Standard output could not be written: {error}.");
            ExitStatus::Wrong
        }
    }
}

/// The commands that have a manual page of their own.
const COMMANDS: [&str; 11] = [
    "run",
    "lint",
    "session",
    "authorized-keys",
    "authorized-principals",
    "setup",
    "respond",
    "watch",
    "store",
    "completions",
    "man",
];

const LONG_ABOUT: &str = "\
imsh logs on to a pool as a test user, sends an instant message to a user on an XMPP \
network, and says whether it arrived, how long every step took, and if it did not, why, \
whose fault it is and what to do next.";

/// The examples of the help.
pub const EXAMPLES: &str = "\
Try it on the practice network, which needs no set-up:
  imsh --lab -c 'Test-XmppIM -TargetFqdn atl-cs-001.litwareinc.com -Receiver adelany@contoso.com'

Then on your own servers:
  imsh -c 'Get-Pool'                           what the topology lists
  imsh -c 'Test-XmppIM -TargetFqdn POOL -Receiver USER@DOMAIN' -v
  imsh run scripts/daily-verification.rhai     every pool, every partner; for cron
  imsh -c 'Get-Help Test-XmppIM'               all about one cmdlet
  imsh respond USER@DOMAIN                     answers the tests of partners";

/// The exit statuses, for the help.
pub const EXIT_STATUS: &str = "\
Exit status of -c and run:
  0 every test succeeded   1 a test failed      2 the command, script or topology is wrong
  3 access denied          4 a test could not run      130 interrupted
With --output nagios they end as a monitoring plugin does:
  0 OK   1 WARNING, a threshold was passed   2 CRITICAL, a test failed
  3 UNKNOWN, something could not run or no test ran";
