//! Servers as child processes that cannot outlive the tests.
//!
//! Between this process and a server stands a keeper: a shell that waits for the end of its standard
//! input. When this process goes (normally, by a panic, by a signal), the kernel closes the pipe, and the
//! keeper kills the server and removes its files.

use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The folder of one run, removed at its end.
pub struct Ground {
    path: PathBuf,
    _keeper: Option<Child>,
}

impl Ground {
    /// Makes a fresh folder.
    pub fn claim() -> Self {
        let path = tempfile::Builder::new().prefix("imsh-servers-").tempdir().unwrap().keep();
        let keeper = (!kept()).then(|| {
            Command::new("sh")
                .args(["-c", r#"cat >/dev/null; rm -rf -- "$1""#, "keeper"])
                .arg(&path)
                .stdin(Stdio::piped())
                .process_group(0)
                .spawn()
                .unwrap()
        });
        if kept() {
            eprintln!("the servers' files stay in {}", path.display());
        }
        Self { path, _keeper: keeper }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder for one server.
    pub fn server(&self, name: &str, address: IpAddr) -> PathBuf {
        let folder = self.path.join(format!("{name}-{address}"));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }
}

/// A running server.
pub struct Server {
    keeper: Child,
    pid: Pid,
    folder: PathBuf,
}

impl Server {
    /// Starts `command` in `folder`, its output going to `output.log` there.
    pub fn start(folder: &Path, command: &mut Command) -> Self {
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            keeper.env(name, value.unwrap_or_default());
        }
        let mut keeper = keeper
            .current_dir(folder)
            .env("KEEP", if kept() { "1" } else { "" })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut pid = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut pid).unwrap();
        let pid = Pid::from_raw(pid.trim().parse().unwrap());
        Self { keeper, pid, folder: folder.to_owned() }
    }

    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends the server a signal: TERM to stop it in good order, KILL, STOP to freeze it, CONT.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid, signal).unwrap();
    }

    /// Whether the process is still there.
    pub fn runs(&self) -> bool {
        kill(self.pid, None).is_ok()
    }

    /// What it has written into a log of its own.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }

    /// The last lines of a log, for the message of a failed start.
    pub fn log_tail(&self, name: &str) -> String {
        let text = self.log(name);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
    }
}

/// Whether somebody will look at the files, and wants long logs.
pub fn kept() -> bool {
    std::env::var_os("IMSH_SERVERS_KEEP").is_some()
}

// The server must not inherit the keeper's standard output, or whoever reads its first line would wait
// for the server's end.
const KEEPER: &str = r#"
"$@" >output.log 2>&1 </dev/null &
pid=$!
echo "$pid"
exec >/dev/null 2>&1
cat
kill -KILL "$pid"
wait "$pid"
if [ -z "$KEEP" ]; then rm -rf -- "$PWD"; rmdir -- "$(dirname "$PWD")"; fi
"#;
