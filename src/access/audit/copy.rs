//! The copy of a line that goes to journald or syslog: a file of the same account can lose its tail.
//!
//! Speaks journald's own protocol at a socket called `socket`, else syslog's (RFC 3164). Never waits
//! for a reader that does not read, unless the copy is required.

use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{AuditOutcome, Line};

/// The sockets that copies go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syslog {
    /// The sockets, the first one that takes a copy is enough; none for no copies.
    pub sockets: Vec<PathBuf>,
    /// Whether a call whose copy nobody takes does not run.
    pub is_required: bool,
}

impl Syslog {
    /// No copies.
    pub const OFF: Self = Self { sockets: Vec::new(), is_required: false };

    /// The sockets where Linux has them: journald's, then syslog's.
    pub fn usual_sockets() -> Vec<PathBuf> {
        vec![PathBuf::from("/run/systemd/journal/socket"), PathBuf::from("/dev/log")]
    }

    /// Sends a copy; says whether somebody took it.
    ///
    /// # Errors
    /// No reader took the copy, and one is required.
    pub(super) fn copy(&self, text: &str, line: &Line, hash: &str) -> io::Result<bool> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "no socket is named");
        for socket in &self.sockets {
            let sent = self.send(socket, &datagram(socket, text, line, hash)).or_else(|fault| {
                // Some systems take no datagram of this size: number and hash are what must arrive.
                let is_too_long = fault.raw_os_error() == Some(nix::errno::Errno::EMSGSIZE as i32);
                let short = format!("line {}, too long to be copied", line.n);
                if is_too_long {
                    self.send(socket, &datagram(socket, &short, line, hash))
                } else {
                    Err(fault)
                }
            });
            match sent {
                Ok(()) => return Ok(true),
                Err(fault) => last = io::Error::new(fault.kind(), format!("{}: {fault}", socket.display())),
            }
        }
        if self.is_required { Err(last) } else { Ok(false) }
    }

    fn send(&self, socket: &Path, datagram: &[u8]) -> io::Result<()> {
        let sender = UnixDatagram::unbound()?;
        if self.is_required {
            sender.set_write_timeout(Some(PATIENCE))?;
        } else {
            sender.set_nonblocking(true)?;
        }
        sender.send_to(datagram, socket).map(|_| ())
    }
}

fn datagram(socket: &Path, text: &str, line: &Line, hash: &str) -> Vec<u8> {
    if socket.file_name().is_none_or(|name| name != "socket") {
        let told = format!("<{}>imsh[{}]: {text} sha256={hash}", FACILITY * 8 + SEVERITY, std::process::id());
        return told.into_bytes();
    }
    let mut fields = Vec::with_capacity(text.len() + 512);
    for (name, value) in [
        ("MESSAGE", format!("{text} sha256={hash}")),
        ("PRIORITY", SEVERITY.to_string()),
        ("SYSLOG_FACILITY", FACILITY.to_string()),
        ("SYSLOG_IDENTIFIER", "imsh".to_owned()),
        ("IMSH_LINE", line.n.to_string()),
        ("IMSH_SHA256", hash.to_owned()),
        ("IMSH_PRINCIPAL", line.event.principal.clone()),
        ("IMSH_CMDLET", line.event.cmdlet.clone()),
        ("IMSH_OUTCOME", line.event.outcome.word().to_owned()),
    ] {
        field(&mut fields, name, &value);
    }
    fields
}

/// A field of journald's protocol; one with a line end in it carries its length.
fn field(fields: &mut Vec<u8>, name: &str, value: &str) {
    // Writing to memory cannot fail.
    let _ = if value.contains('\n') {
        writeln!(fields, "{name}").and_then(|()| {
            fields.write_all(&(value.len() as u64).to_le_bytes())?;
            writeln!(fields, "{value}")
        })
    } else {
        writeln!(fields, "{name}={value}")
    };
}

impl AuditOutcome {
    /// Its word, as the log has it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Refused(_) => "refused",
            Self::Finished => "finished",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// RFC 5424, section 6.2.1: `authpriv`.
const FACILITY: u8 = 10;
/// RFC 5424, section 6.2.1: notice.
const SEVERITY: u8 = 5;
/// The longest time that a required copy may wait for a reader.
const PATIENCE: Duration = Duration::from_secs(2);
