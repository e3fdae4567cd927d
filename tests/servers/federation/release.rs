//! Which release of the servers runs: the machine's own, or that of another Debian tree.
//!
//! `IMSH_SERVERS_ROOT` names such a tree; `tests/servers/root` builds one of Debian 13, with the packages
//! `prosody`, `lua-unbound` and `ejabberd` installed in it. Either way a server runs in a mount namespace
//! of its own, where the system's resolver asks the name server of the run.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of a Debian tree; `/` is the machine's own.
#[derive(Clone, Debug)]
pub struct Release {
    root: PathBuf,
}

impl Release {
    /// The release that the environment names, if it can run here.
    pub fn find() -> Result<Self, String> {
        let root = std::env::var_os("IMSH_SERVERS_ROOT").unwrap_or_else(|| "/".into());
        let mounts = Command::new("unshare").args(["--mount", "true"]).output();
        if mounts.is_ok_and(|output| output.status.success()) {
            Ok(Self { root: root.into() })
        } else {
            Err(format!("the servers need a mount namespace of their own: {PRIVILEGE}"))
        }
    }

    /// Where a file of the release is on this machine.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside.trim_start_matches('/'))
    }

    /// Whether the release has a file.
    pub fn has(&self, inside: &str) -> bool {
        self.path(inside).exists()
    }

    /// The major version of Debian that the servers are packaged for: 12 has Prosody 0.12 and ejabberd
    /// 23.01, 13 with its backports Prosody 13 and ejabberd 26.
    pub fn debian(&self) -> u32 {
        let version = std::fs::read_to_string(self.path("/etc/debian_version")).unwrap_or_default();
        version.split('.').next().and_then(|major| major.trim().parse().ok()).unwrap_or(12)
    }

    /// A command that runs `program` of the release; it sees `ground` under the same path.
    pub fn command(&self, ground: &Path, name_server: IpAddr, program: &str) -> Command {
        std::fs::write(ground.join("resolv.conf"), format!("nameserver {name_server}\n")).unwrap();
        std::fs::write(ground.join("nsswitch.conf"), "hosts: dns\n").unwrap();
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-ec", ENTER, "sh", program])
            .env("RELEASE", self.path(""))
            .env("GROUND", ground);
        command
    }
}

/// What a machine must permit, for the reason of a skip.
pub const PRIVILEGE: &str = "run as root, or see the documentation of tests/servers/federation";

const ENTER: &str = r#"
if [ "$RELEASE" != / ]; then
    mount --rbind /dev "$RELEASE/dev"
    mount --rbind /proc "$RELEASE/proc"
    mount -t tmpfs none "$RELEASE/tmp"
    mkdir -p "$RELEASE$GROUND"
    mount --bind "$GROUND" "$RELEASE$GROUND"
fi
mount --bind "$GROUND/resolv.conf" "$RELEASE/etc/resolv.conf"
mount --bind "$GROUND/nsswitch.conf" "$RELEASE/etc/nsswitch.conf"
exec chroot "$RELEASE" "$@"
"#;
