//! Exec: a program gets the notice as JSON on standard input.
//!
//! No shell, an empty environment but for `PATH`, and a time limit, at whose end it is killed. An exit status
//! other than 0 means that it has not taken the notice; whatever it has started and left behind has no say.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, Command};

use super::{DeliveryFault, NoticeMessage};
use crate::topology::Notification;

pub(super) async fn send(notification: &Notification, message: &NoticeMessage) -> Result<(), DeliveryFault> {
    let not_now = |reason: String| DeliveryFault::NotNow(reason);
    let body = serde_json::to_vec(message).map_err(|error| DeliveryFault::Refused(error.to_string()))?;
    let mut words = notification.command.iter().map(|word| word.as_str());
    let Some(program) = words.next() else {
        return Err(DeliveryFault::Refused("no command is given".to_owned()));
    };
    let mut child = Command::new(program)
        .args(words)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| not_now(format!("{program} cannot be started: {error}")))?;
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // A program that reads nothing may have taken it all the same.
            let _ = stdin.write_all(&body).await;
        }
    };
    let mut said = Vec::new();
    let status = {
        let mut talk = std::pin::pin!(async { tokio::join!(write, drain(stderr, &mut said)) });
        let mut is_silent = false;
        let status = tokio::select! {
            status = child.wait() => status,
            _ = &mut talk => {
                is_silent = true;
                child.wait().await
            }
        };
        let status = status.map_err(|error| not_now(error.to_string()))?;
        if status.success() {
            return Ok(());
        }
        // Its last words may still be in the pipe, which another program may hold open.
        if !is_silent {
            let _ = tokio::time::timeout(GRACE, talk).await;
        }
        status
    };
    let said = String::from_utf8_lossy(&said);
    let first: String =
        said.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
    Err(not_now(format!("{program} ended with {status}: {first}").trim_end_matches([' ', ':']).to_owned()))
}

/// Reads all that a program says on its error output, and keeps the beginning.
async fn drain(stderr: Option<ChildStderr>, said: &mut Vec<u8>) {
    let Some(mut stderr) = stderr else { return };
    let mut part = [0; MOST_SAID];
    while let Ok(n) = stderr.read(&mut part).await
        && n > 0
    {
        let room = MOST_SAID - said.len();
        said.extend_from_slice(&part[..n.min(room)]);
    }
}

/// The maximum size of a program's error output that is kept, in bytes.
const MOST_SAID: usize = 4 << 10;
/// The time that the end of a program's error output is waited for after the program's own.
const GRACE: Duration = Duration::from_millis(200);
