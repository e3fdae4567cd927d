//! The `imsh` program.

#![expect(clippy::print_stderr, reason = "before there is a session there is no other way to say it")]

use std::process::ExitCode;

use imsh::front::cli::{self, Cli, CliCommand};
use imsh::front::{ExitStatus, caller, lint, manual, respond, run, shell};

fn main() -> ExitCode {
    if let Some(refusal) = caller::refusal() {
        eprintln!("imsh: {refusal}");
        return ExitStatus::Denied.into();
    }
    let command = Cli::read();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("imsh: the runtime could not be started: {error}");
            return ExitStatus::Wrong.into();
        }
    };
    let status = runtime.block_on(async {
        match (command.action, command.command) {
            (Some(CliCommand::Run { script, arguments }), _) => {
                run::script(&command.session, &script, arguments).await
            }
            (Some(CliCommand::Lint { scripts }), _) => lint::lint(&command.session, &scripts),
            (Some(CliCommand::Respond(options)), _) => respond::respond(&command.session, *options).await,
            (Some(CliCommand::Completions { shell }), _) => cli::completions(shell),
            (Some(CliCommand::Man { page }), _) => manual::manual(page.as_deref()),
            (None, Some(code)) => run::command(&command.session, &code).await,
            (None, None) => shell::shell(&command.session).await,
        }
    });
    // A resolver or a blocking read that is still at work must not hold the process.
    runtime.shutdown_background();
    status.into()
}
