//! A watcher's post: a practice network, a topology of the test's own on it, and a store.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use imsh::internals::lab::Lab;
use rusqlite::Connection;
use rusqlite::types::Value;
use tokio::runtime::Runtime;

use crate::support::imsh_at;

pub const ATL: &str = "atl-cs-001.litwareinc.com";
pub const GOOD: &str = "adelany@contoso.com";

/// The practice network with watches and notifications of the test's own.
pub struct Post {
    pub lab: Lab,
    pub runtime: Runtime,
    pub home: tempfile::TempDir,
}

impl Post {
    /// A post whose topology ends with this text.
    pub fn with(watches: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let lab = runtime.block_on(Lab::start()).unwrap();
        let post = Self { lab, runtime, home: tempfile::tempdir().unwrap() };
        let text = std::fs::read_to_string(post.lab.topology()).unwrap();
        let (own, _) = text.split_once("\n[[watch]]").unwrap();
        // A machine that is busy with other tests is slow, and nobody's fault.
        let own = own.replace("_timeout = \"2s\"", "_timeout = \"10s\"");
        post.write(&format!("{own}\n{watches}"));
        post
    }

    /// The topology as it is.
    pub fn topology(&self) -> String {
        std::fs::read_to_string(self.lab.topology()).unwrap()
    }

    /// Writes the topology anew.
    pub fn write(&self, text: &str) {
        std::fs::write(self.lab.topology(), text).unwrap();
    }

    /// Sends tests of a pool to a port at which nobody listens, or no longer.
    pub fn set_broken(&self, pool: &str, is_broken: bool) {
        let text = self.topology();
        let (header, line) = (format!("identity = \"{pool}\"\n"), "servers = [\"127.0.0.1:1\"]\n");
        let text = text.replace(&format!("{header}{line}"), &header);
        self.write(&if is_broken { text.replace(&header, &format!("{header}{line}")) } else { text });
    }

    pub fn store(&self) -> PathBuf {
        self.home.path().join("results.sqlite")
    }

    /// The program at this post.
    pub fn command(&self) -> Command {
        let mut command = imsh_at(self.home.path());
        command.arg("--topology").arg(self.lab.topology()).arg("--vault").arg(self.lab.vault());
        command.arg("--store").arg(self.store()).stdin(Stdio::null());
        command
    }

    /// One round.
    pub fn once(&self) -> Output {
        self.command().args(["watch", "--once", "-v"]).output().unwrap()
    }

    /// One round that ends with this exit status; what it logged.
    pub fn round(&self, status: i32) -> String {
        let output = self.once();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{log}");
        log
    }

    /// Rounds until the store says so: a pair is due again when its period has passed.
    pub fn rounds_until(&self, what: &str, is_so: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !is_so() {
            assert!(Instant::now() < end, "{what}");
            self.once();
        }
    }

    /// A watcher that runs until it is stopped.
    pub fn start(&self) -> RunningWatcher {
        RunningWatcher::of(self.command())
    }

    /// The rows of a query of the store, each cell as text.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        rows(&self.store(), sql)
    }

    /// The one number of a query.
    pub fn number(&self, sql: &str) -> i64 {
        self.rows(sql)[0][0].parse().unwrap()
    }

    /// Writes an executable file beside the store.
    pub fn program(&self, name: &str, text: &str) -> PathBuf {
        let file = self.home.path().join(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o700)).unwrap();
        file
    }
}

fn rows(store: &Path, sql: &str) -> Vec<Vec<String>> {
    let connection = Connection::open(store).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    // The watcher has a pair of its own, which says whether it gives a sign of life.
    connection.execute("CREATE TEMP VIEW tested AS SELECT * FROM pair WHERE test <> 'Watcher'", []).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let n_columns = statement.column_count();
    let read = statement.query_map([], |row| {
        let cell = |n| match row.get::<_, Value>(n).unwrap() {
            Value::Null => String::new(),
            Value::Integer(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
            Value::Text(text) => text,
            Value::Blob(_) => "?".to_owned(),
        };
        Ok((0..n_columns).map(cell).collect())
    });
    read.unwrap().map(Result::unwrap).collect()
}

/// A watcher in a process of its own; killed where the test ends before it.
pub struct RunningWatcher {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl RunningWatcher {
    /// Starts `imsh … watch`.
    pub fn of(mut command: Command) -> Self {
        let mut child = command.args(["watch", "-v"]).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, lines, said: Vec::new() }
    }

    pub fn pid(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(self.pid(), signal).unwrap();
    }

    /// Waits for a line of the log that holds a text.
    pub fn says(&mut self, text: &str) -> String {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.said.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(_) => panic!("the watcher did not say {text:?}:\n{}", self.said.join("\n")),
            }
        }
    }

    /// Waits for its end; gives the exit status.
    pub fn ends(&mut self) -> Option<i32> {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < end, "the watcher does not end: {:?}", self.said);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for RunningWatcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something holds.
pub fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
