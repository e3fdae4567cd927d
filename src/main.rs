//! The `imsh` program.

#![expect(clippy::print_stderr, reason = "before there is a session there is no other way to say it")]

use std::alloc::System;
use std::ffi::OsString;
use std::process::ExitCode;

use cap::Cap;
use imsh::front::cli::{self, Cli, CliCommand};
use imsh::front::{
    ExitStatus, authorized, caller, kept, lint, manual, respond, run, session, setup, shell, watch,
};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Some(refusal) = caller::refusal(&arguments) {
        eprintln!("imsh: {refusal}");
        return ExitStatus::Denied.into();
    }
    let Cli { session: options, command, action } = Cli::read();
    let status = match (action, command) {
        (Some(CliCommand::Run { script, arguments }), _) => {
            in_runtime(run::script(&options, &script, arguments))
        }
        // What it does first needs a process without a second thread.
        (Some(CliCommand::Session(arguments)), _) => match session::enter(&options, *arguments, held) {
            Ok(door) => in_runtime(session::run(door)),
            Err(status) => status,
        },
        (Some(CliCommand::AuthorizedKeys { user: _, kind, key, more: _ }), _) => {
            authorized::keys(&kind, &key)
        }
        (Some(CliCommand::AuthorizedPrincipals { user }), _) => authorized::principals(&user),
        (Some(CliCommand::Setup(arguments)), _) => setup::setup(&options, &arguments),
        (Some(CliCommand::Lint { scripts }), _) => lint::lint(&options, &scripts),
        (Some(CliCommand::Respond(account)), _) => in_runtime(respond::respond(&options, *account)),
        (Some(CliCommand::Watch(own)), _) => in_runtime(watch::watch(&options, own)),
        (Some(CliCommand::Store { task }), _) => in_runtime(kept::look_after(&options, task)),
        (Some(CliCommand::Completions { shell }), _) => cli::completions(shell),
        (Some(CliCommand::Man { page }), _) => manual::manual(page.as_deref()),
        (None, Some(code)) => in_runtime(run::command(&options, &code)),
        (None, None) => in_runtime(shell::shell(&options)),
    };
    status.into()
}

/// Counts what the process holds: a session's limit is of all of it.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

fn held() -> usize {
    MEMORY.allocated()
}

fn in_runtime(deed: impl Future<Output = ExitStatus>) -> ExitStatus {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("imsh: the runtime could not be started: {error}");
            return ExitStatus::Wrong;
        }
    };
    let status = runtime.block_on(deed);
    // A resolver or a blocking read that is still at work must not hold the process.
    runtime.shutdown_background();
    status
}
