//! The program: reads the command line, and runs the way in that it names.
//!
//! Refuses callers that may not choose the options (sudo, doas, pkexec) before it reads anything of theirs.

use std::ffi::OsString;
use std::process::ExitCode;

use super::cli::{self, Cli, CliCommand};
use super::{
    ExitStatus, authorized, caller, kept, lint, manual, process, respond, run, session, setup, shell, watch,
};

/// Runs imsh on the arguments of the process, and returns its exit status.
///
/// `memory` returns the bytes that the process holds, which limit a delegated session; the program counts them
/// in its global allocator.
#[expect(clippy::print_stderr, reason = "before there is a session there is no other way to say it")]
pub fn program(memory: fn() -> usize) -> ExitCode {
    if process::has_stack() {
        return on_this_stack(memory);
    }
    // A delegated session does not begin with such a limit: on a stack of its own it says so.
    let thread = std::thread::Builder::new().stack_size(process::STACK as usize);
    match thread.spawn(move || on_this_stack(memory)).map(std::thread::JoinHandle::join) {
        Ok(Ok(status)) => status,
        Ok(Err(_)) => ExitStatus::Wrong.into(),
        Err(error) => {
            eprintln!("imsh: the caller's limit for stacks is too low to work under: {error}");
            ExitStatus::Denied.into()
        }
    }
}

#[expect(clippy::print_stderr, reason = "before there is a session there is no other way to say it")]
fn on_this_stack(memory: fn() -> usize) -> ExitCode {
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
        (Some(CliCommand::Session(arguments)), _) => match session::enter(&options, *arguments, memory) {
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

#[expect(clippy::print_stderr, reason = "before there is a runtime there is no session to say it")]
fn in_runtime(work: impl Future<Output = ExitStatus>) -> ExitStatus {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("imsh: the runtime could not be started: {error}");
            return ExitStatus::Wrong;
        }
    };
    let status = runtime.block_on(work);
    // A resolver or a blocking read that is still at work must not hold the process.
    runtime.shutdown_background();
    status
}
