//! A watcher whose stored password is wrong, at a Prosody that counts the logons which it refuses: whoever goes on
//! is locked out.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use imsh::internals::secret::{Credential, Secret};
use imsh::internals::vault::Vault;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::desk::{Desk, Pool};
use crate::federation::prosody::Settings;
use crate::federation::{Federation, PASSWORD};
use crate::support::imsh_at;

const WRONG: &str = "not-his-password";
const ANOTHER_WRONG: &str = "not-his-password-either";

/// A Prosody module that writes a line for each logon that was refused or taken.
const COUNTS: &str = "for _, what in ipairs({ \"failure\", \"success\" }) do\n\
    module:hook(\"authentication-\"..what, function ()\n\
        local file = io.open(\"FOLDER/\"..what, \"a\"); file:write(\"once\\n\"); file:close()\n\
    end)\nend\n";

/// A watcher's place: files of its own, and the counts of the server.
struct Post {
    folder: PathBuf,
}

/// A running watcher; its log is read along.
struct Watching {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Post {
    fn set_password(&self, password: &str) {
        let vault = Vault::open(&self.folder.join("vault")).unwrap();
        let credential = Credential::new("kenmyer@counted.test", Secret::new(password.to_owned()));
        vault.set(&"kenmyer@counted.test".parse().unwrap(), credential.into()).unwrap();
    }

    /// How many logons the server has refused (`failure`) or taken (`success`).
    fn n(&self, what: &str) -> usize {
        std::fs::read_to_string(self.folder.join(what)).map_or(0, |text| text.lines().count())
    }

    fn command(&self) -> std::process::Command {
        let mut command = imsh_at(&self.folder);
        command.arg("--topology").arg(self.folder.join("topology.toml"));
        command.arg("--vault").arg(self.folder.join("vault"));
        command.arg("--store").arg(self.folder.join("results.sqlite"));
        command
    }

    fn start(&self) -> Watching {
        let mut command = self.command();
        let mut child =
            command.args(["watch", "-v"]).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::<Mutex<String>>::default();
        let (kept, lines) = (log.clone(), BufReader::new(child.stderr.take().unwrap()).lines());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Watching { child, log }
    }

    fn number(&self, sql: &str) -> i64 {
        let file = self.folder.join("results.sqlite");
        if !file.exists() {
            return 0;
        }
        let store = rusqlite::Connection::open(file).unwrap();
        store.busy_timeout(Duration::from_secs(10)).unwrap();
        store.query_row(sql, [], |row| row.get(0)).unwrap_or(0)
    }

    /// Waits until each pair has been tested so often again.
    fn wait_for_rounds(&self, n: i64) {
        let least = "SELECT min(n) FROM (SELECT count(*) AS n FROM result GROUP BY pair)";
        let wanted = self.number(least) + n;
        until("there are more rounds", || self.number(least) >= wanted);
    }

    /// What a command says on both streams.
    fn says(&self, code: &str) -> String {
        let output = self.command().args(["-c", code]).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }
}

impl Watching {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// What its service answers.
    fn get(&self, path: &str) -> String {
        let mut address = String::new();
        until("it serves", || {
            let log = self.log.lock().unwrap();
            let served = log.split("pages and metrics are at http://").nth(1);
            address = served.and_then(|rest| rest.split('/').next()).unwrap_or_default().to_owned();
            !address.is_empty()
        });
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_watcher_does_not_offer_a_refused_password_again_until_it_is_another_one() {
    let Some(federation) = Federation::get() else { return };
    let folder = federation.folder("wrong-password");
    let module = COUNTS.replace("FOLDER", &folder.display().to_string());
    std::fs::write(folder.join("mod_count_logons.lua"), module).unwrap();
    let settings = Settings {
        global: format!("plugin_paths = {{ \"{}\" }}\n", folder.display()),
        host: "    modules_enabled = { \"count_logons\" }\n".to_owned(),
        ..Settings::default()
    };
    let server = federation.prosody_with("counted.test", &settings);
    let pool = Pool::at("counted.test", server.address).with("allow_plain = true");
    let watch = "[[watch]]\nidentity = \"all\"\ntests = [\"XmppIM\", \"Registration\"]\n\
                 every = \"1s\"\n\
                 [[partner]]\ndomain = \"contoso.test\"\n\
                 receivers = [\"pilar@contoso.test\", \"kim@contoso.test\", \"garth@contoso.test\"]\n\
                 [http]\nlisten = \"localhost:0\"\n";
    let _desk = Desk::set_up(federation, "wrong-password", &[pool], watch);
    let post = Post { folder };
    post.set_password(WRONG);

    let watcher = post.start();
    post.wait_for_rounds(3);
    assert_eq!(post.n("failure"), 1, "{}", watcher.log.lock().unwrap());
    let states = post.says("Get-TestState | Format-List *");
    for part in ["PLAN-CREDENTIAL-REFUSED", "Caller", "Down"] {
        assert!(states.contains(part), "{part}: {states}");
    }
    let said = post.says("Get-WatcherNodeConfiguration all");
    assert!(
        said.contains("does not log on as kenmyer@counted.test: pool.counted.test has refused"),
        "{said}"
    );
    assert!(watcher.get("/metrics").contains("\nimsh_watcher_refused_credentials 1\n"));
    assert!(watcher.get("/api/watcher").contains("\"account\":\"kenmyer@counted.test\""));
    assert!(
        watcher.get("/").contains("pool.counted.test refused the stored credential of kenmyer@counted.test")
    );
    // Nor does a scrape offer it.
    let probe = watcher.get("/probe?module=c2s_normal_auth&target=xmpp:counted.test");
    assert!(probe.contains("\nprobe_success 0\n") && probe.contains("PLAN-CREDENTIAL-REFUSED"), "{probe}");
    assert_eq!(post.n("failure"), 1);

    // A watcher that is started again has not forgotten, however it ended; and its file has no password in it.
    watcher.signal(Signal::SIGKILL);
    drop(watcher);
    let once = post.command().args(["watch", "--once"]).output().unwrap();
    assert_eq!(once.status.code(), Some(1), "{}", String::from_utf8_lossy(&once.stderr));
    let watcher = post.start();
    post.wait_for_rounds(2);
    assert_eq!(post.n("failure"), 1);
    let kept =
        std::fs::read_to_string(post.folder.join(".local/state/imsh/refused-credentials.json")).unwrap();
    assert!(kept.contains("kenmyer@counted.test") && !kept.contains(WRONG), "{kept}");

    // Another password is tried once; the right one is taken, and everything is well.
    post.set_password(ANOTHER_WRONG);
    until("the other password is tried", || post.n("failure") == 2);
    post.wait_for_rounds(2);
    assert_eq!(post.n("failure"), 2);
    post.set_password(PASSWORD);
    until("the right one is taken", || post.n("success") > 0);
    let down = "SELECT count(*) FROM pair WHERE test = 'Registration' AND state = 'Up'";
    until("the account is well", || post.number(down) == 1);
    assert!(watcher.get("/metrics").contains("\nimsh_watcher_refused_credentials 0\n"));

    // Whoever reloads may have mended the server: the same password is tried once more.
    post.set_password(WRONG);
    until("it is refused", || post.n("failure") >= 3);
    post.wait_for_rounds(2);
    let n_refused = post.n("failure");
    assert!(n_refused <= 5, "sessions that were under way at once: {n_refused}");
    watcher.signal(Signal::SIGHUP);
    until("it is tried once more", || post.n("failure") == n_refused + 1);
    post.wait_for_rounds(2);
    assert_eq!(post.n("failure"), n_refused + 1);
}
