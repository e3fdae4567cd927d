//! Exec: a program gets the notice as JSON on standard input.
//!
//! No shell, an empty environment but for `PATH`, and a time limit, at whose end it is killed. An exit status
//! other than 0 means that it has not taken the notice.

use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

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
    let read = async {
        let mut said = Vec::new();
        if let Some(stderr) = stderr {
            let _ = stderr.take(MOST_SAID).read_to_end(&mut said).await;
        }
        String::from_utf8_lossy(&said).into_owned()
    };
    let ((), said, status) = tokio::join!(write, read, child.wait());
    let status = status.map_err(|error| not_now(error.to_string()))?;
    if status.success() {
        return Ok(());
    }
    let first: String =
        said.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
    Err(not_now(format!("{program} ended with {status}: {first}").trim_end_matches([' ', ':']).to_owned()))
}

/// The maximum size of a program's error output that is read, in bytes.
const MOST_SAID: u64 = 4 << 10;
