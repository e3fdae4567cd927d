//! A machine of its own for each test: its own `/etc`, `/run`, `/home` and `/var/lib`, its own processes and
//! its own network, in namespaces of the kernel. Nothing of the machine that runs the test is changed.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{IMSH, skip};

/// A machine on which imsh is installed as `examples/deploy` says.
pub struct Machine {
    holder: Child,
    /// The first process in it.
    first: u32,
    pub ground: TempDir,
}

impl Machine {
    /// A machine with this topology; none where namespaces cannot be made, which is said.
    pub fn with(topology: &str) -> Option<Self> {
        if !nix::unistd::getuid().is_root() {
            skip("the tests of the door make a machine of their own, and need to be root for that");
            return None;
        }
        for program in ["/usr/bin/sudo", "/usr/sbin/sshd", "/usr/bin/ssh", "/usr/bin/unshare"] {
            if !Path::new(program).exists() {
                skip(&format!("{program} is not installed (apt install sudo openssh-server util-linux)"));
                return None;
            }
        }
        let ground = tempfile::tempdir().unwrap();
        std::fs::write(ground.path().join("topology.toml"), topology).unwrap();
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/deploy");
        let mut holder = Command::new("unshare")
            .args(["-m", "-p", "-n", "-f", "--kill-child", "--mount-proc", "--propagation", "private"])
            .args(["sh", "-c", SET_UP])
            .env_clear()
            .env("PATH", PATH)
            .env("GROUND", ground.path())
            .env("IMSH", IMSH)
            .env("DEPLOY", deploy)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said.trim(), "ready", "the machine could not be set up");
        let children = format!("/proc/{0}/task/{0}/children", holder.id());
        let first = std::fs::read_to_string(children).unwrap().trim().parse().unwrap();
        Some(Self { holder, first, ground })
    }

    /// A program on it, run by this user, without an environment.
    pub fn command(&self, user: &str, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.first.to_string(), "-m", "-n", "-p", "--wd=/"]);
        if user == "root" {
            command.args(["env", "-i"]);
        } else {
            command.args(["setpriv", "--reuid", user, "--regid", user, "--init-groups", "env", "-i"]);
        }
        command.args([&format!("PATH={PATH}"), "TERM=xterm", "NO_COLOR=1", program]);
        command.current_dir("/").env_clear().env("PATH", PATH).stdin(Stdio::null());
        command
    }

    /// `imsh session` behind sudo, with these arguments.
    pub fn session(&self, user: &str, arguments: &[&str]) -> Command {
        let mut command = self.command(user, "sudo");
        command.args(["-n", "-u", "imsh", "imsh", "session"]).args(arguments);
        command
    }

    /// What a shell of this user says, and its status.
    pub fn shell(&self, user: &str, script: &str) -> Said {
        let mut command = self.command(user, "sh");
        Said::of(command.args(["-c", script]).output().unwrap())
    }

    /// What must succeed for root.
    pub fn root(&self, script: &str) -> String {
        let said = self.shell("root", script);
        assert_eq!(said.status, Some(0), "{script}\n{}", said.text);
        said.text
    }

    /// Replaces the topology as its owner would.
    pub fn set_topology(&self, topology: &str) {
        std::fs::write(self.ground.path().join("next.toml"), topology).unwrap();
        self.root(&format!(
            "cp {}/next.toml /etc/imsh/.next && chown imsh: /etc/imsh/.next && mv /etc/imsh/.next /etc/imsh/topology.toml",
            self.ground.path().display()
        ));
    }

    /// The audit log, line by line.
    pub fn log(&self) -> Vec<serde_json::Value> {
        let text = self
            .shell("root", "cat /etc/imsh/audit/imsh-*.jsonl /etc/imsh/audit/imsh.jsonl 2>/dev/null")
            .text;
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|fault| panic!("{fault}: {line}")))
            .collect()
    }

    /// What refusals the log has, as `principal cmdlet: why`.
    pub fn refusals(&self) -> Vec<String> {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let lines = self.log().into_iter().filter(|line| line["outcome"]["what"] == "refused");
        lines
            .map(|line| {
                let why = text(&line["outcome"]["why"]);
                format!("{} {}: {why}", text(&line["principal"]), text(&line["cmdlet"]))
            })
            .collect()
    }

    /// Starts sshd with the drop-in of `examples/deploy`.
    pub fn start_sshd(&self) {
        self.start_sshd_with_drop_in(|drop_in| drop_in);
    }

    /// Starts sshd with the drop-in of `examples/deploy`, changed like this.
    pub fn start_sshd_with_drop_in(&self, change: impl FnOnce(String) -> String) {
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/deploy/sshd-imsh.conf");
        let drop_in =
            std::fs::read_to_string(deploy).unwrap().replace("/usr/bin/imsh", "/usr/local/bin/imsh");
        std::fs::write(place(self, "drop-in"), change(drop_in)).unwrap();
        self.root(&format!("cp {} /etc/ssh/imsh.conf", place(self, "drop-in").display()));
        self.start_sshd_with("/etc/ssh/imsh.conf");
    }

    /// Starts sshd with this drop-in.
    pub fn start_sshd_with(&self, drop_in: &str) {
        self.root(
            &"printf '%s\\n' 'HostKey /etc/ssh/test_host' 'UsePAM no' 'ListenAddress 127.0.0.1' 'PidFile none' \
             'MaxStartups 100:30:200' 'LogLevel VERBOSE' 'Subsystem sftp internal-sftp' \
             'TrustedUserCAKeys /etc/ssh/test_ca.pub' 'AcceptEnv *' 'Include DROP_IN' \
             >/etc/ssh/test_config; \
             for key in host ca; do test -e /etc/ssh/test_$key || \
             ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/test_$key; done; \
             if sshd -T -f /etc/ssh/test_config -o PerSourcePenalties=no >/dev/null 2>&1; then \
             sed -i '1i PerSourcePenalties no' /etc/ssh/test_config; fi; \
             sshd_path=$(command -v sshd); $sshd_path -f /etc/ssh/test_config -E /run/sshd.log; \
             for n in $(seq 200); do ssh-keyscan 127.0.0.1 2>/dev/null | grep -q . && break; sleep 0.05; done"
                .replace("DROP_IN", drop_in),
        );
    }

    /// A key for a principal, made on the machine; gives the public line.
    pub fn key(&self, name: &str) -> String {
        self.root(&format!(
            "ssh-keygen -q -t ed25519 -N '' -C {name}@desk -f /home/kim/{name} && chown kim: /home/kim/{name}* && \
             cat /home/kim/{name}.pub"
        ))
        .trim()
        .to_owned()
    }

    /// ssh as kim, with the key of this name.
    pub fn ssh(&self, key: &str, options: &[&str], command: &[&str]) -> Command {
        let mut ssh = self.command("kim", "ssh");
        ssh.args(["-F", "none", "-i", &format!("/home/kim/{key}"), "-o", "IdentitiesOnly=yes"]);
        ssh.args([
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
        ]);
        ssh.args(["-o", "BatchMode=yes"]).args(options).arg("imsh@127.0.0.1").args(command);
        ssh
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Its first process ends with its input, and the others with it.
        drop(self.holder.stdin.take());
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// What a program said on both of its streams, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub text: String,
    pub status: Option<i32>,
}

impl Said {
    pub fn of(output: Output) -> Self {
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Self { text, status: output.status.code() }
    }

    /// What this command says with this input.
    pub fn with_input(command: &mut Command, input: &[u8]) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that does not read it all has its reasons.
        let _ = child.stdin.take().unwrap().write_all(input);
        Self::of(child.wait_with_output().unwrap())
    }
}

/// Waits until something is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Where a file of the ground lies.
pub fn place(machine: &Machine, name: &str) -> PathBuf {
    machine.ground.path().join(name)
}

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const SET_UP: &str = r#"
set -e
exec 2>&1
mkdir "$GROUND/etc"
cp -a /etc/. "$GROUND/etc/"
mount --bind "$GROUND/etc" /etc
for place in /run /home /var/lib /usr/local/bin /root; do mount -t tmpfs -o mode=755 none $place; done
rm -rf /etc/imsh /etc/sudoers.d /etc/ssh/sshd_config.d
mkdir -p /etc/imsh /etc/sudoers.d /run/sshd /var/lib/imsh /var/log
chmod 755 /etc/imsh
n=990
for user in imsh kim pilar ada; do
  sed -i "/^$user:/d" /etc/passwd /etc/group /etc/shadow
  echo "$user:x:$n:$n::/home/$user:/bin/sh" >>/etc/passwd
  echo "$user:x:$n:" >>/etc/group
  echo "$user:*:19000:0:99999:7:::" >>/etc/shadow
  mkdir /home/$user && chown $n:$n /home/$user && chmod 700 /home/$user
  n=$((n + 1))
done
cat >/etc/sudoers <<'END'
Defaults env_reset
Defaults !pam_session, !lecture
root ALL=(ALL:ALL) NOPASSWD: ALL
%kim,%pilar,%ada ALL=(imsh) NOPASSWD: SETENV: ALL
END
chmod 440 /etc/sudoers
printf '%s\n' 'auth sufficient pam_permit.so' 'account sufficient pam_permit.so' 'session sufficient pam_permit.so' >/etc/pam.d/sudo
cp "$GROUND/topology.toml" /etc/imsh/topology.toml
chown -R imsh: /etc/imsh /var/lib/imsh
chmod 700 /var/lib/imsh
chmod 640 /etc/imsh/topology.toml
touch /usr/local/bin/imsh
mount --bind "$IMSH" /usr/local/bin/imsh
ip link set lo up
echo ready
exec cat
"#;
