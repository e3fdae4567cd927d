//! The `imsh` program.

use std::process::ExitCode;

use clap::Parser;
use imsh::front::cli::{Action, Cli};
use imsh::front::{ExitStatus, run, shell};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("imsh: the runtime could not be started: {error}");
            return ExitStatus::Wrong.into();
        }
    };
    let status = runtime.block_on(async {
        match (cli.action, cli.command) {
            (Some(Action::Run { script, arguments }), _) => {
                run::script(&cli.session, &script, arguments).await
            }
            (None, Some(code)) => run::command(&cli.session, &code).await,
            (None, None) => shell::shell(&cli.session).await,
        }
    });
    // A resolver or a blocking read that is still at work must not hold the process.
    runtime.shutdown_background();
    status.into()
}
