//! The audit log as an administrator sees it: what is told of each call, by whatever process made it,
//! and that nothing runs which cannot be written down.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use support::imsh_at;
use tempfile::TempDir;

/// A deployment that is audited, with a user who is the administrator.
struct Home(TempDir);

impl Home {
    fn with(audit: &str) -> Self {
        let user = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name;
        let home = Self(tempfile::tempdir().unwrap());
        let topology = format!("{TOPOLOGY}\n[audit]\n{audit}\n").replace("USER", &user);
        std::fs::write(home.0.path().join("topology.toml"), topology).unwrap();
        home
    }

    fn log(&self) -> PathBuf {
        self.0.path().join("audit").join("imsh.jsonl")
    }

    fn start(&self, code: &str) -> Child {
        imsh_at(self.0.path())
            .args(["--topology", "topology.toml", "-c", code])
            .current_dir(self.0.path())
            .env("SECRET", "hunter2-swordfish")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// What the program says of a command, and its exit status.
    fn run(&self, code: &str) -> (String, Option<i32>) {
        let ended = self.start(code).wait_with_output().unwrap();
        (String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap(), ended.status.code())
    }

    /// What Test-AuditLog says of a log that is not whole.
    fn broken(&self) -> String {
        self.failed("(Test-AuditLog).Error")
    }

    fn failed(&self, code: &str) -> String {
        let (said, status) = self.run(code);
        assert_eq!(status, Some(1), "a test failed: {said}");
        said.trim().to_owned()
    }

    fn done(&self, code: &str) -> String {
        let (said, status) = self.run(code);
        assert_eq!(status, Some(0), "{code}\n{said}");
        said.trim().to_owned()
    }
}

const TOPOLOGY: &str = r#"
[[pool]]
identity = "a.litwareinc.com"
domains = ["litwareinc.com"]
test_users = ["sip:kenmyer@litwareinc.com"]

[[partner]]
domain = "contoso.com"

[access]
[[access.role]]
identity = "Desk"
template = "HelpDesk"

[[access.assignment]]
role = "Administrator"
members = ["os-user:USER"]
"#;

/// Nobody of the machine that runs the tests gets copies.
const QUIET: &str = "syslog = \"off\"\nmust_reach_disk = false";

#[test]
fn each_call_is_told_once_with_what_became_of_it() {
    let home = Home::with(QUIET);
    home.done("Get-Pool a.litwareinc.com");
    assert_eq!(home.run("Set-Pool missing.example -Description x").1, Some(4));
    assert_eq!(home.run("Get-Pool missing.example").1, Some(4));
    assert_eq!(home.run("New-Pool a.litwareinc.com -Domains x.example").1, Some(4));
    let told = home.done(
        "Get-AuditLog -Cmdlet Get-Pool,New-CsPool,Set-Pool | Select-Object Cmdlet, Outcome, Reason, Errors | ConvertTo-Csv",
    );
    let told: Vec<&str> = told.lines().collect();
    // An administrator may name what is not there, and is told so.
    assert_eq!(
        told,
        [
            r#""Cmdlet","Outcome","Reason","Errors""#,
            r#""Get-Pool","Finished","","{}""#,
            r#""Set-Pool","Failed","PoolNotFound","{}""#,
            r#""Get-Pool","Finished","","{PoolNotFound}""#,
            r#""New-Pool","Failed","Exists","{}""#,
        ]
    );
    assert_eq!(home.done("(Test-AuditLog).Result"), "Success");
}

#[test]
fn the_log_is_asked_by_who_what_when_and_how_it_ended() {
    let home = Home::with(QUIET);
    home.done("Get-Pool; Get-Pool; Get-XmppAllowedPartner contoso.com");
    let count = |filter: &str| home.done(&format!("(Get-AuditLog {filter}).len()"));
    assert_eq!(count("-Cmdlet Get-Pool"), "2");
    assert_eq!(count("-Cmdlet get-cspool"), "2");
    assert_eq!(count("-Cmdlet Get-*Partner,Get-Pool"), "3");
    assert_eq!(count("-Cmdlet Get-Pool -Newest 1"), "1");
    assert_eq!(count("-Cmdlet Get-Pool -Last 5"), "2");
    assert_eq!(count("-Cmdlet Get-Pool -Principal os-user:*"), "2");
    assert_eq!(count("-Cmdlet Get-Pool -Principal principal:*"), "0");
    assert_eq!(count("-Cmdlet Get-Pool -Outcome Finished,Refused"), "2");
    assert_eq!(count("-Cmdlet Get-Pool -Outcome Refused"), "0");
    assert_eq!(count("-Cmdlet Get-Pool -StartTime 1h"), "2");
    assert_eq!(count("-Cmdlet Get-Pool -EndTime 1h"), "0");
    assert_eq!(count("-Cmdlet Get-Pool -StartTime 2020-01-01 -EndTime 2020-01-02T12:00"), "0");
    assert_eq!(count("-Outcome Started"), "1", "the call that asks is under way");
    let asked = "(Get-AuditLog -Cmdlet Get-XmppAllowedPartner).Parameters.Identity";
    assert_eq!(home.done(asked), "contoso.com");
    let (said, status) = home.run("Get-AuditLog -StartTime yesterday");
    assert!(said.contains("-StartTime cannot be 'yesterday'") && status == Some(2), "{said}");
}

#[test]
fn no_secret_is_in_it() {
    let home = Home::with(QUIET);
    let code = "let c = Get-Credential kenmyer -FromEnvironment SECRET; Set-TestUserCredential kenmyer@litwareinc.com $c; \
        $c | Write-Output | Format-List; Write-Host $c; Write-Output @{a=$c; b=@($c)} | ConvertTo-Json; \
        $c | ForEach-Object { $_.Password }; Get-TestUserCredential | Select-Object *";
    let (said, _) = home.run(code);
    assert!(!said.contains("swordfish"), "{said}");
    let log = std::fs::read_to_string(home.log()).unwrap();
    assert!(log.contains("Set-TestUserCredential") && !log.contains("swordfish"), "{log}");
    assert!(!home.done("Get-AuditLog | ConvertTo-Json -Depth 5").contains("swordfish"));
}

#[test]
fn what_is_huge_is_bounded_and_what_is_hostile_is_shown() {
    let home = Home::with(QUIET);
    let huge = "x".repeat(50_000);
    home.done(&format!("Get-Pool -Filter {huge}"));
    home.done("Get-Pool -Filter \"a`n{`\"n`\":99}`r\u{1b}[2J\u{202e}\"");
    let log = std::fs::read_to_string(home.log()).unwrap();
    assert!(log.len() < 20_000, "{}", log.len());
    assert!(log.lines().all(|line| line.starts_with("{\"n\":") && line.ends_with('}')), "{log}");
    assert!(!log.contains(['\u{1b}', '\u{202e}', '\r']), "{log}");
    assert_eq!(home.done("(Test-AuditLog).Result"), "Success");
}

#[test]
fn a_refusal_before_binding_tells_no_arguments() {
    let home = Home::with(QUIET);
    let topology = home.0.path().join("topology.toml");
    let text = std::fs::read_to_string(&topology).unwrap().replace("\"Administrator\"", "\"Desk\"");
    std::fs::write(&topology, text).unwrap();
    assert_eq!(home.run("Set-TestUserCredential kenmyer@litwareinc.com swordfish").1, Some(3));
    assert_eq!(home.run("Get-Pool elsewhere.example").1, Some(3));
    assert_eq!(home.run("Get-AuditLog").1, Some(3));
    let log = std::fs::read_to_string(home.log()).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 3, "{log}");
    assert!(lines[0].contains("\"refused\"") && !lines[0].contains("swordfish"), "{log}");
    assert!(lines[1].contains("elsewhere.example") && lines[1].contains("\"roles\":[\"Desk\"]"), "{log}");
}

/// A deployment whose user has the role Desk, with these cmdlets and scopes besides the template's.
fn at_the_desk(role: &str) -> Home {
    let home = Home::with(QUIET);
    let topology = home.0.path().join("topology.toml");
    let text = std::fs::read_to_string(&topology).unwrap().replace("\"Administrator\"", "\"Desk\"");
    let text = text.replace("template = \"HelpDesk\"", &format!("template = \"HelpDesk\"\n{role}"));
    std::fs::write(&topology, text).unwrap();
    home
}

#[test]
fn only_who_reaches_everything_and_everybody_reads_it() {
    let cmdlets = "add_cmdlets = [\"Get-AuditLog\", \"Test-AuditLog\"]";
    for (scopes, status) in [
        ("config_scopes = [\"pool:a.litwareinc.com\"]", 3),
        ("config_scopes = [\"global\"]\nuser_scopes = [\"domain:contoso.com\"]", 3),
        ("user_scopes = []", 3),
        (
            "config_scopes = [\"global\", \"pool:a.litwareinc.com\"]\nuser_scopes = [\"domain:contoso.com\", \"global\"]",
            0,
        ),
        ("", 0),
    ] {
        let home = at_the_desk(&format!("{cmdlets}\n{scopes}"));
        for code in [
            "Get-AuditLog",
            "Get-AuditLog -Principal os-user:nobody",
            "(Get-AuditLog).len()",
            "Test-AuditLog",
            "Test-AuditLog -FirstLine 7",
        ] {
            let (said, ended) = home.run(code);
            assert_eq!(ended, Some(status), "{scopes} {code}\n{said}");
            assert!(status == 0 || !said.contains("Lines") && !said.contains("Outcome"), "{said}");
        }
    }
}

#[test]
fn the_log_says_what_was_out_of_reach() {
    let home = at_the_desk(
        "add_cmdlets = [\"Set-Pool\"]\nconfig_scopes = [\"site:Redmond\"]\nuser_scopes = [\"domain:contoso.com\"]\n\
         [[access.role.limit]]\ncmdlet = \"Test-XmppIM\"\nparameter = \"Body\"\nvalues = [\"hello\"]",
    );
    let site = |text: String| {
        text.replace(
            "[[partner]]",
            "[[pool]]\nidentity = \"b.x\"\ndomains = [\"b.x\"]\nsite = \"Redmond\"\n\n[[partner]]",
        )
    };
    let topology = home.0.path().join("topology.toml");
    std::fs::write(&topology, site(std::fs::read_to_string(&topology).unwrap())).unwrap();
    for (code, wanted) in [
        ("Set-Pool a.litwareinc.com -Description x", "the pool a.litwareinc.com"),
        ("Set-Pool b.x -Servers 192.0.2.1", "-Servers, which needs the role Administrator"),
        ("Set-Pool missing.x -Description x", "missing.x, which needs the role Administrator"),
        (
            "Test-XmppIM b.x a@fabrikam.org",
            "the receiver a@fabrikam.org and fabrikam.org, which needs the role Administrator",
        ),
    ] {
        assert_eq!(home.run(code).1, Some(3), "{code}");
        let log = std::fs::read_to_string(home.log()).unwrap();
        let wanted = format!("\"why\":\"no role of the caller reaches {wanted}\"");
        assert!(log.lines().last().unwrap().contains(&wanted), "{code}\n{log}");
    }
    for (code, wanted) in [
        ("Test-XmppIM b.x a@contoso.com -Body bye", "no role of the caller allows -Body with these values"),
        ("Remove-Pool b.x -Confirm:$false", "no role of the caller has the cmdlet"),
    ] {
        assert_eq!(home.run(code).1, Some(3), "{code}");
        let log = std::fs::read_to_string(home.log()).unwrap();
        assert!(log.lines().last().unwrap().contains(&format!("\"why\":\"{wanted}\"")), "{code}\n{log}");
    }
}

#[test]
fn removed_first_lines_show_and_fail() {
    let home = Home::with(QUIET);
    home.done("Get-Pool; Get-Pool");
    let log = std::fs::read_to_string(home.log()).unwrap();
    std::fs::write(home.log(), log.split_once('\n').unwrap().1).unwrap();
    let said = home.broken();
    assert!(said.contains("imsh.jsonl:1: this is line 2, and line 1 should be here"), "{said}");
}

#[test]
fn several_processes_write_one_chain_over_many_files() {
    let home = Home::with("syslog = \"off\"\nmust_reach_disk = false\nmax_file_size = \"64KiB\"");
    let code = "for n in 0..60 { Get-Pool a.litwareinc.com }";
    let running: Vec<Child> = (0..4).map(|_| home.start(code)).collect();
    for child in running {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let n_files = std::fs::read_dir(home.0.path().join("audit")).unwrap().count();
    assert!(n_files > 3, "full files were set aside, beside the current one and the lock: {n_files}");
    let told = home.done("let t = Test-AuditLog; `${t.Result} ${t.Lines} ${t.First}`");
    // Two lines of each call, and the first one of the call that asks.
    assert_eq!(told, format!("Success {} 1", 4 * 60 * 2 + 1));
    assert_eq!(home.done("(Get-AuditLog -Cmdlet Get-Pool -Outcome Finished).len()"), "240");
    // The first file gone shows, unless whoever asks knows of it.
    let mut full: Vec<_> =
        std::fs::read_dir(home.0.path().join("audit")).unwrap().map(|e| e.unwrap().path()).collect();
    full.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with("imsh-"));
    full.sort();
    std::fs::remove_file(&full[0]).unwrap();
    let said = home.broken();
    assert!(said.contains("and should with line 1") && said.contains("-FirstLine"), "{said}");
    let first: u32 =
        said.split_once("begins with line ").unwrap().1.split_once(',').unwrap().0.parse().unwrap();
    let told = home.done(&format!("let t = Test-AuditLog -FirstLine {first}; `${{t.Result}} ${{t.First}}`"));
    assert_eq!(told, format!("Success {first}"));
    // Its first lines gone: the name of the file says which should be there.
    let text = std::fs::read_to_string(&full[1]).unwrap();
    let cut: Vec<&str> = text.split_inclusive('\n').skip(5).collect();
    std::fs::write(&full[1], cut.concat()).unwrap();
    let said = home.failed(&format!("(Test-AuditLog -FirstLine {first}).Error"));
    assert!(said.contains(":1: this is line "), "{said}");
    std::fs::write(&full[1], text).unwrap();
    // All full files gone: the current one says that others were before it.
    let aside = tempfile::tempdir().unwrap();
    let moved = |file: &PathBuf| aside.path().join(file.file_name().unwrap());
    full[1..].iter().for_each(|file| std::fs::rename(file, moved(file)).unwrap());
    let asked = "(Test-AuditLog -FirstLine 481).Result";
    assert_eq!(home.done(asked), "Success");
    let current = std::fs::read_to_string(home.log()).unwrap();
    std::fs::write(home.log(), current.split_once('\n').unwrap().1).unwrap();
    assert_eq!(home.run(asked), ("Failure\n".to_owned(), Some(1)));
    std::fs::write(home.log(), current).unwrap();
    full[1..].iter().for_each(|file| std::fs::rename(moved(file), file).unwrap());
    let last = full.last().unwrap();
    let text = std::fs::read_to_string(last).unwrap();
    std::fs::write(last, text.replacen("Get-Pool", "Get-Pooh", 1)).unwrap();
    let said = home.failed(&format!("(Test-AuditLog -FirstLine {first}).Error"));
    assert!(said.contains(&*last.file_name().unwrap().to_string_lossy()) && said.contains(":2:"), "{said}");
}

#[test]
fn the_first_line_that_was_changed_is_named() {
    let home = Home::with(QUIET);
    home.done("Get-Pool; Get-Pool; Get-Pool");
    let log = std::fs::read_to_string(home.log()).unwrap();
    std::fs::write(home.log(), log.replacen("\"finished\"", "\"cancelled\"", 2)).unwrap();
    let (said, status) = home.run("(Test-AuditLog).Error");
    let wanted = "imsh.jsonl:3: what stands before this line was changed or removed.";
    assert!(said.trim().ends_with(wanted) && status == Some(1), "{said}");
    std::fs::write(home.log(), log.split_once('\n').unwrap().1).unwrap();
    let (said, status) = home.run("(Test-AuditLog).Error");
    let wanted = "imsh.jsonl:1: this is line 2, and line 1 should be here.";
    assert!(said.trim().ends_with(wanted) && status == Some(1), "{said}");
}

#[test]
fn a_copy_goes_to_a_real_socket_and_may_be_required() {
    let sockets = tempfile::tempdir().unwrap();
    let socket = sockets.path().join("log");
    let home = Home::with(&format!("syslog = \"required\"\nsyslog_socket = \"{}\"", socket.display()));
    let (said, status) = home.run("(Get-Pool).Identity");
    assert!(said.contains("give a copy to syslog, which is required") && status == Some(4), "{said}");
    assert!(!said.contains("a.litwareinc.com\n"), "{said}");
    let log = std::fs::read_to_string(home.log()).unwrap();
    assert!(
        log.lines().nth(1).unwrap().contains("AuditUnwritable"),
        "the log says that it was not begun: {log}"
    );
    let syslog = UnixDatagram::bind(&socket).unwrap();
    syslog.set_nonblocking(true).unwrap();
    home.done("(Get-Pool).Identity");
    let mut buffer = [0; 65_536];
    let mut copies = Vec::new();
    while let Ok(bytes) = syslog.recv(&mut buffer) {
        copies.push(String::from_utf8_lossy(&buffer[..bytes]).into_owned());
    }
    assert_eq!(copies.len(), 2, "{copies:?}");
    assert!(copies[0].starts_with("<85>imsh[") && copies[0].contains("\"started\""), "{copies:?}");
    let hash = copies[1].rsplit_once("sha256=").unwrap().1.to_owned();
    let home_log = std::fs::read_to_string(home.log()).unwrap();
    assert!(home_log.lines().count() == 4, "{home_log}");
    // Who compares the last copy with the log sees that its end is missing.
    let cut: Vec<&str> = home_log.lines().take(3).collect();
    std::fs::write(home.log(), cut.join("\n") + "\n").unwrap();
    std::fs::remove_file(home.0.path().join("topology.toml")).unwrap();
    let topology = "[audit]\nsyslog = \"off\"\n";
    std::fs::write(home.0.path().join("topology.toml"), topology).unwrap();
    assert_ne!(home.done("(Test-AuditLog).Hash"), hash);
}

#[test]
fn a_call_whose_line_cannot_be_written_does_not_run() {
    for (spoil, wanted) in
        [("directory", "cannot open it"), ("log", "cannot open it"), ("end", "cannot read its end")]
    {
        let home = Home::with(QUIET);
        let log = home.log();
        match spoil {
            "directory" => std::fs::write(log.parent().unwrap(), "").unwrap(),
            "log" => std::fs::create_dir_all(&log).unwrap(),
            _ => {
                std::fs::create_dir_all(log.parent().unwrap()).unwrap();
                std::fs::write(&log, vec![b'x'; 3 << 20]).unwrap();
            }
        }
        let before = std::fs::read_to_string(home.0.path().join("topology.toml")).unwrap();
        let (said, status) = home.run("Set-Pool a.litwareinc.com -Description x; (Get-Pool).Identity");
        assert!(
            said.contains(wanted) && said.contains("nothing runs without its audit line"),
            "{spoil}: {said}"
        );
        assert_eq!(status, Some(4), "{said}");
        assert_eq!(std::fs::read_to_string(home.0.path().join("topology.toml")).unwrap(), before);
    }
}
