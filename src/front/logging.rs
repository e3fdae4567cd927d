//! The log of what runs for long, `imsh watch` and `imsh respond`: on standard error, in lines for people on a
//! terminal and as JSON for the journal elsewhere.

use std::io::{self, IsTerminal};

use clap::{Args, ValueEnum};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The options for the amount of logging.
#[derive(Args, Clone, Copy, Debug)]
pub struct LogOptions {
    /// Log what is at least this grave [default: info, with -v debug]
    #[arg(long = "log", value_name = "LEVEL", env = "IMSH_LOG", hide_env_values = true, ignore_case = true)]
    level: Option<LogLevel>,
}

/// The severity of an event.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogLevel {
    /// What somebody must look at
    Error,
    /// What is not as it should be, and is dealt with
    Warn,
    /// What it does
    Info,
    /// Every test or answer
    Debug,
    /// Every step of every test
    Trace,
}

impl LogOptions {
    /// Writes the log to standard error from now on.
    pub fn start(self, is_verbose: bool) {
        let level = match self.level {
            Some(LogLevel::Error) => LevelFilter::ERROR,
            Some(LogLevel::Warn) => LevelFilter::WARN,
            Some(LogLevel::Info) => LevelFilter::INFO,
            Some(LogLevel::Debug) => LevelFilter::DEBUG,
            Some(LogLevel::Trace) => LevelFilter::TRACE,
            None if is_verbose => LevelFilter::DEBUG,
            None => LevelFilter::INFO,
        };
        let filter = Targets::new().with_default(LevelFilter::OFF).with_target("imsh", level);
        let registry = tracing_subscriber::registry().with(filter);
        let format = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_target(false);
        // Somebody has set a log up already, who embeds this program.
        let _ = match io::stderr().is_terminal() {
            true => registry.with(format.with_ansi(true).compact()).try_init(),
            false => registry.with(format.json().flatten_event(true)).try_init(),
        };
    }
}
