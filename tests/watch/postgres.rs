//! Debian's PostgreSQL in a directory of its own, which the test starts, stops and ends.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::bare;

/// A running server with an empty database.
pub struct Postgres {
    directory: tempfile::TempDir,
    bin: PathBuf,
}

impl Postgres {
    /// Starts it.
    ///
    /// # Errors
    /// Why it cannot be started here.
    pub fn start() -> Result<Self, String> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").map_err(|_| "postgresql is not installed")?;
        let newest = versions.flatten().map(|entry| entry.path().join("bin")).max();
        let bin = newest.ok_or("postgresql is not installed")?;
        if !nix::unistd::getuid().is_root() {
            return Err("initdb runs as the user postgres, and only root can start it as that".to_owned());
        }
        let directory = tempfile::Builder::new().prefix("imsh-pg-").tempdir_in("/tmp").unwrap();
        run(bare("chown").arg("postgres").arg(directory.path()));
        let server = Self { directory, bin };
        run(server.program("initdb").args(["-A", "trust", "-N", "-D"]).arg(server.data()));
        server.begin();
        run(server.program("createdb").arg("-h").arg(server.directory.path()).arg("imsh"));
        Ok(server)
    }

    /// The address of its database.
    pub fn url(&self) -> String {
        Self::url_by(self.directory.path(), "postgres")
    }

    /// The address of the database by a socket in this directory, for this account.
    pub fn url_by(socket: &Path, role: &str) -> String {
        format!("postgres://{role}@{}/imsh", socket.display().to_string().replace('/', "%2F"))
    }

    /// Where its socket is.
    pub fn socket(&self) -> &Path {
        self.directory.path()
    }

    /// Starts it, after it was stopped.
    pub fn begin(&self) {
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories={} -c fsync=off",
            self.directory.path().display()
        );
        let mut start = self.program("pg_ctl");
        start.args(["-w", "-D"]).arg(self.data()).args(["-o", &options, "-l"]);
        run(start.arg(self.directory.path().join("log")).arg("start"));
    }

    /// Stops it in the middle of everything.
    pub fn stop(&self) {
        run(self.program("pg_ctl").args(["-m", "immediate", "-w", "-D"]).arg(self.data()).arg("stop"));
    }

    /// The rows of a query, cells as text.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let mut psql = self.program("psql");
        psql.args(["-X", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", "imsh", "-c", sql, "-h"]);
        let output = psql.arg(self.directory.path()).output().unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }

    /// What the database says to a statement of this account: its rows, or its error.
    pub fn as_account(&self, account: &str, sql: &str) -> Result<String, String> {
        let mut psql = self.program("psql");
        psql.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", "imsh", "-U", account, "-c", sql, "-h"]);
        let output = psql.arg(self.directory.path()).output().unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// The one number of a query.
    pub fn number(&self, sql: &str) -> i64 {
        self.rows(sql)[0][0].parse().unwrap()
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let mut command = bare("runuser");
        command.args(["-u", "postgres", "--"]).arg(self.bin.join(name)).current_dir("/").stdin(Stdio::null());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        let _ = stop.args(["-m", "immediate", "-D"]).arg(self.data()).arg("stop").output();
    }
}

fn run(command: &mut Command) {
    // A server that goes on must not hold the test's end of a pipe.
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}
