//! The interactive shell as a user at a terminal sees it: a real terminal's two ends, and the
//! answers that a terminal gives.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rexpect::session::{PtySession, spawn_command};
use support::{imsh, imsh_at};
use tempfile::TempDir;

/// How long a busy machine may take for what takes no time, in milliseconds.
const PATIENCE: u64 = 60_000;
const ENTER: &str = "\r";
const ARROW_UP: &str = "\x1b[A";
/// "Where is the cursor?", which the editor asks before each prompt, and an answer.
const WHERE: &str = "\x1b[6n";
const HERE: &str = "\x1b[1;1R";

/// A user who sits at the shell, on the practice network.
struct Seat {
    shell: PtySession,
    home: Arc<TempDir>,
}

impl Seat {
    /// Sits down and waits for the first prompt.
    fn take() -> Self {
        Self::with_start_up_file(None)
    }

    fn with_start_up_file(text: Option<&str>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("config/imsh");
        std::fs::create_dir_all(&config).unwrap();
        if let Some(text) = text {
            std::fs::write(config.join("profile.rhai"), text).unwrap();
        }
        Self::at(Arc::new(home))
    }

    /// Sits down at home.
    fn at(home: Arc<TempDir>) -> Self {
        let mut command = imsh_at(home.path());
        command.arg("--lab").current_dir(home.path());
        command.env("XDG_CONFIG_HOME", home.path().join("config"));
        // A shell that is cut off leaves its practice network's files, which go with its home.
        command.env("XDG_STATE_HOME", home.path().join("state")).env("TMPDIR", home.path());
        command.env("TERM", "xterm-256color").env("NO_COLOR", "1");
        let shell = spawn_command(command, Some(PATIENCE)).unwrap();
        let mut seat = Self { shell, home };
        seat.resize(160, 50);
        seat
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        let terminal = self.shell.process().get_file_handle().unwrap();
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let stty = Command::new("stty").args(["cols", &columns, "rows", &rows]).stdin(terminal).status();
        assert!(stty.unwrap().success());
    }

    fn history(&self) -> std::path::PathBuf {
        self.home.path().join("state/imsh/history")
    }

    /// Waits for a prompt; gives what was on the screen before it.
    fn prompt(&mut self) -> String {
        let before = self.shell.exp_string(WHERE).unwrap();
        self.press(HERE);
        self.shell.exp_string("@practice").unwrap();
        before
    }

    fn press(&mut self, keys: &str) {
        // No more at once than `send` takes.
        for some in keys.as_bytes().chunks(500) {
            self.shell.send(str::from_utf8(some).unwrap()).unwrap();
            self.shell.flush().unwrap();
        }
    }

    /// Types a line at a prompt; gives what was shown until the next prompt.
    fn run(&mut self, line: &str) -> String {
        self.press(line);
        self.press(ENTER);
        self.prompt()
    }

    /// Types a line that shows 42 and goes on for ever, and ends it with Ctrl-C.
    fn interrupt(&mut self, line: &str) {
        self.press(line);
        self.press(ENTER);
        self.shell.exp_string("42").unwrap();
        self.press("\x03");
        self.prompt();
    }

    fn see(&mut self, text: &str) {
        self.shell.exp_string(text).unwrap();
    }

    /// Leaves with Ctrl-D.
    fn leave(&mut self) {
        self.press("\x04");
        self.shell.exp_eof().unwrap();
    }
}

fn mode(file: &Path) -> u32 {
    std::fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_one_line_makes_the_next_can_use() {
    let mut seat = Seat::take();
    let greeting = seat.prompt();
    assert!(greeting.contains("The topology is /") && greeting.contains("/topology.toml."), "{greeting}");
    seat.run("let n = 6");
    seat.run("fn twice(x) { x * 2 }");
    assert!(seat.run("n * twice(n) + 5").contains("77"));
    // A variable keeps its type.
    seat.run("[int]$k = 5");
    seat.run("$k = '64'");
    assert!(seat.run("$k + 13").contains("77"));
    seat.leave();
}

#[test]
fn input_goes_on_until_it_is_whole() {
    let mut seat = Seat::take();
    seat.prompt();
    seat.press("let sum = 0; for n in 1..4 {");
    seat.press(ENTER);
    seat.see(">> ");
    seat.press("sum += n");
    seat.press(ENTER);
    seat.run("}");
    assert!(seat.run("sum * 111").contains("666"));
    seat.leave();
}

#[test]
fn a_mistake_in_a_function_of_an_earlier_line_is_shown_there() {
    let mut seat = Seat::take();
    seat.prompt();
    seat.run("fn boom(x) { x.zork() }");
    seat.run("let wrong = |x| x.zork()");
    let shown = seat.run("1..=3 | ForEach-Object { boom($_) }");
    assert!(shown.contains("line 1:1:16") && shown.contains("| fn boom(x) { x.zork() }"), "{shown}");
    assert!(shown.contains("in boom at line 3:1:26"), "{shown}");
    let shown = seat.run("wrong.call(1)");
    assert!(shown.contains("line 2:1:19"), "{shown}");
    let shown = seat.run("nosuch()");
    assert!(shown.contains("line 5:1:1"), "{shown}");
    seat.leave();
}

#[test]
fn input_that_uses_a_variable_of_an_earlier_line_goes_on_too() {
    let mut seat = Seat::take();
    seat.prompt();
    seat.run("let pools = Get-Pool | Select-Object -First 3");
    for (lines, shown) in [
        (["let n = 0; for p in $pools {", "n += 1", "}", "n * 111"], "333"),
        (["if $pools.Count -gt 2 {", "Write-Host (6 * 7)", "}", ""], "42"),
        (["$many =", "6 * 111", "", "$many"], "666"),
        (["$pools | Where-Object { $_.Identity -like '*' -and", "", "true } | Measure-Object", ""], "3"),
    ] {
        seat.press(&format!("{}\r", lines[0]));
        seat.see(">> ");
        seat.press(&format!("{}\r", lines[1]));
        if !lines[2].is_empty() {
            seat.see(">> ");
            seat.press(&format!("{}\r", lines[2]));
        }
        let mut seen = seat.prompt();
        if !lines[3].is_empty() {
            seen = seat.run(lines[3]);
        }
        assert!(seen.contains(shown), "{shown} is not in: {seen}");
    }
    seat.leave();
}

#[test]
fn an_interrupt_at_a_question_ends_the_command_and_changes_nothing() {
    let mut seat = Seat::take();
    seat.prompt();
    for (command, question) in [
        ("Remove-XmppAllowedPartner contoso.com -Confirm", "(default is \"Y\"): "),
        ("Get-XmppAllowedPartner | Remove-XmppAllowedPartner -Confirm", "(default is \"Y\"): "),
        ("Read-Host 'Which pool'", "Which pool: "),
        ("Get-Credential", "User: "),
        ("Get-Credential kenmyer", "Password for user kenmyer: "),
    ] {
        // Enter comes at once: it answers nothing, and what was begun is not carried out.
        for interrupt in ["\x03\r", "half an ans\x03y\r", "\x04"] {
            seat.press(&format!("{command}\r"));
            seat.see(question);
            seat.press(interrupt);
            seat.see("Interrupted.");
            seat.prompt();
            if interrupt.ends_with('\r') {
                seat.prompt();
            }
        }
    }
    assert!(seat.run("Get-XmppAllowedPartner contoso.com | Measure-Object").contains('1'));
    assert!(seat.run("7 * 11").contains("77"));
    seat.leave();
}

#[test]
fn an_interrupt_at_the_question_of_a_script_ends_it_with_130() {
    for (code, question) in [
        ("Remove-XmppAllowedPartner contoso.com -Confirm; print(6 * 7)", "(default is \"Y\"): "),
        ("try { Read-Host 'Which pool' } catch (e) { print(6 * 7) }", "Which pool: "),
        ("1..=3 | ForEach-Object -Parallel { Read-Host 'Which pool' }", "Which pool: "),
    ] {
        let mut command = imsh();
        command.args(["--lab", "-c", code]).env("TERM", "xterm-256color");
        let mut script = spawn_command(command, Some(PATIENCE)).unwrap();
        script.exp_string(question).unwrap();
        script.send("\x03").unwrap();
        script.flush().unwrap();
        let shown = script.exp_eof().unwrap();
        assert!(shown.contains("Interrupted.") && !shown.contains("42"), "{shown}");
        let status = script.process().wait().unwrap();
        assert!(format!("{status:?}").ends_with(", 130)"), "{status:?}");
    }
}

#[test]
fn a_question_takes_an_answer_for_all_that_follow_it() {
    let mut seat = Seat::take();
    seat.prompt();
    let remove = "Get-XmppAllowedPartner | Select-Object -First 3 | Remove-XmppAllowedPartner -Confirm";
    seat.run("let before = (Get-XmppAllowedPartner).len()");
    let ask = |seat: &mut Seat, answers: &[&str]| {
        seat.press(&format!("{remove}\r"));
        for answer in answers {
            seat.see("[Y] Yes  [A] Yes to All  [N] No  [L] No to All  [?] Help (default is \"Y\"): ");
            seat.press(&format!("{answer}\r"));
        }
        seat.prompt();
        seat.run("`${before - (Get-XmppAllowedPartner).len()} are gone`")
    };
    assert!(ask(&mut seat, &["l"]).contains("0 are gone"));
    assert!(ask(&mut seat, &["n", "?", "?", "y", "L"]).contains("1 are gone"));
    assert!(ask(&mut seat, &["nonsense", "n", "a"]).contains("3 are gone"));
    seat.leave();
}

#[test]
fn tab_completes_a_cmdlet_and_its_parameter() {
    let mut seat = Seat::take();
    seat.prompt();
    seat.press("Test-XmppI\t");
    seat.see("Test-XmppIM");
    seat.press(" -TargetF\t");
    seat.see("-TargetFqdn");
    seat.press("\x03");
    seat.prompt();
    seat.leave();
}

#[test]
fn an_interrupt_ends_what_runs_and_not_the_session() {
    let mut seat = Seat::take();
    seat.prompt();
    seat.interrupt("print(6 * 7); loop {}");
    seat.interrupt("print(6 * 7); Test-XmppIM silent.litwareinc.com adelany@contoso.com");
    assert!(seat.run("7 * 11").contains("77"));
    seat.leave();
}

#[test]
fn tab_completes_properties_and_files() {
    let mut seat = Seat::take();
    std::fs::create_dir_all(seat.home.path().join("reports/old ones")).unwrap();
    std::fs::write(seat.home.path().join("reports/old ones/june.txt"), "42\n").unwrap();
    seat.prompt();
    seat.run("let pools = Get-Pool");
    for (typed, completed) in [
        ("$pools[0].Regi", "$pools[0].RegistrarPort"),
        ("$pools | Where-Object { $_.Regi", "RegistrarPort"),
        ("Get-Pool | Where-Object { $_.Regi", "$_.RegistrarPort"),
        ("Get-XmppAllowedPartner | Sort-Object TlsN", "TlsNegotiation"),
        ("Get-Pool | Sort-Object Sit", "Sort-Object Site"),
        ("test_xmpp_i", "test_xmpp_im"),
        ("Test-XmppIM -Authentication Cli", "ClientCertificate"),
        ("Get-Content ./rep", "./reports/"),
        ("Get-Content ./reports/old", "'./reports/old ones/"),
        ("Get-Content './reports/old ones/ju", "'./reports/old ones/june.txt'"),
        ("Get-Credential kenmyer -FromFile /etc/host", "/etc/host"),
    ] {
        seat.press(&format!("{typed}\t"));
        seat.see(completed);
        seat.press("\x03");
        seat.prompt();
    }
    seat.press("Get-Content reports/old\t");
    seat.see("'reports/old ones/");
    seat.press("ju\t");
    seat.see("june.txt'");
    assert!(seat.run("").contains("42"));
    seat.leave();
}

#[test]
fn tab_completes_pools_and_receivers_of_the_topology() {
    let mut seat = Seat::take();
    seat.prompt();
    seat.press("Test-XmppIM -TargetFqdn atl-c\t");
    seat.see("atl-cs-001.litwareinc.com");
    seat.press(" -Receiver adelany@cont\t");
    seat.see("adelany@contoso.com");
    let shown = seat.run("");
    assert!(shown.contains("Success"), "{shown}");
    seat.leave();
}

#[test]
fn an_interrupt_in_the_middle_of_a_verification_tells_what_was_learned() {
    let mut seat = Seat::take();
    seat.prompt();
    // The first pool answers; then each keeps silent until its deadline.
    seat.run("$names = 'atl-cs-001','silent','tls-silent','tls-then-silent','auth-silent','bind-silent'");
    seat.run("$pools = $names | ForEach-Object { `${$_}.litwareinc.com` }");
    seat.press("Test-XmppIM $pools adelany@contoso.com -ThrottleLimit 1");
    seat.press(ENTER);
    seat.see("1/6");
    seat.press("\x03");
    let shown = seat.prompt();
    assert!(shown.contains("atl-cs-001.litwareinc.com") && shown.contains("Success"), "{shown}");
    assert!(shown.contains("Interrupted."), "{shown}");
    // What was learned does not stand behind the echo of the key.
    assert!(!shown.contains("^CTarget") && !shown.contains("^CInterrupted"), "{shown}");
    assert!(!shown.contains("bind-silent.litwareinc.com"), "{shown}");
    assert!(seat.run("7 * 11").contains("77"));
    seat.leave();
}

#[test]
fn clear_leaves_the_session_as_it_is() {
    let mut seat = Seat::take();
    seat.prompt();
    seat.run("let n = 11");
    seat.press("clear");
    seat.press(ENTER);
    seat.see("\x1b[2J");
    seat.prompt();
    assert!(seat.run("7 * n").contains("77"));
    seat.leave();
}

#[test]
fn a_mistake_shows_its_place_and_the_nearest_name() {
    let mut seat = Seat::take();
    seat.prompt();
    let shown = seat.run("Get-Pol");
    assert!(shown.contains('^') && shown.contains("Get-Pool"), "{shown}");
    seat.leave();
}

#[test]
fn the_history_is_private_comes_back_and_holds_no_secret() {
    let mut seat = Seat::take();
    seat.prompt();
    for secret in [
        "let password = 'hunter2'",
        "$pw = \"hunter2\"",
        "Get-Credential kenmyer -Password hunter2",
        "Get-Credential kenmyer hunter2",
        "ConvertTo-SecureString hunter2 -AsPlainText",
    ] {
        assert!(seat.run(secret).contains("(not kept in the history: the line may hold a secret)"));
    }
    assert!(seat.run(" 6 * 7").contains("(not kept in the history: the line begins with a blank)"));
    seat.run("7 * 11");
    // Each line is there at once: a shell that is cut off loses none.
    assert_eq!(std::fs::read_to_string(seat.history()).unwrap(), "7 * 11\n");
    assert_eq!(mode(&seat.history()), 0o600);
    assert!(!seat.run("Get-History").contains("hunter2"));
    seat.press(ARROW_UP);
    seat.press(ARROW_UP);
    assert!(seat.run("").contains("77"));
    seat.leave();
    assert!(!std::fs::read_to_string(seat.history()).unwrap().contains("hunter2"));
}

#[test]
fn shells_side_by_side_keep_one_history() {
    let mut one = Seat::take();
    let mut other = Seat::at(one.home.clone());
    one.prompt();
    other.prompt();
    one.run("1 + 41");
    other.run("2 + 40");
    one.run("3 + 39");
    // One of them is cut off, and somebody takes the file away from the other.
    drop(one.shell);
    assert_eq!(std::fs::read_to_string(other.history()).unwrap(), "1 + 41\n2 + 40\n3 + 39\n");
    std::fs::remove_file(other.history()).unwrap();
    other.run("4 + 38");
    assert_eq!(mode(&other.history()), 0o600);
    other.leave();
}

#[test]
fn a_password_is_not_shown() {
    let mut seat = Seat::take();
    seat.prompt();
    seat.press("$c = Get-Credential kenmyer");
    seat.press(ENTER);
    seat.see("Password for user kenmyer: ");
    let shown = seat.run("correct horse");
    assert!(!shown.contains("correct"), "{shown}");
    let shown = seat.run("$c");
    assert!(shown.contains("********") && !shown.contains("correct"), "{shown}");
    seat.leave();
}

#[test]
fn the_start_up_file_runs_first() {
    let mut seat = Seat::with_start_up_file(Some("print(6 * 7); let mine = 11;"));
    assert!(seat.prompt().contains("42"));
    assert!(seat.run("mine * 7").contains("77"));
    seat.leave();
}

#[test]
fn a_terminal_of_another_size_is_taken_note_of() {
    let mut seat = Seat::take();
    seat.prompt();
    let pool = "Get-Pool dub-cs-001.fabrikam.com";
    assert!(seat.run(pool).contains("{sip:phyllis@fabrikam.com, sip:david@fabrikam.com}"));
    seat.resize(80, 24);
    assert!(!seat.run(pool).contains("{sip:phyllis@fabrikam.com, sip:david@fabrikam.com}"));
    seat.leave();
}

#[test]
fn a_variable_that_a_command_sets_is_there_on_the_next_line_even_when_the_command_was_stopped() {
    let mut seat = Seat::take();
    seat.prompt();
    seat.run("Write-Output 6 7 -OutVariable kept | Out-String");
    assert!(seat.run("$kept[0] * $kept[1]").contains("42"));
    seat.interrupt(
        "Write-Output 1 2 | ForEach-Object { print(42); if $_ == 2 { loop { } } $_ } -OutVariable some",
    );
    assert!(seat.run("`${$some.len()} kept`").contains("1 kept"));
    seat.leave();
}

#[test]
fn a_transcript_holds_what_was_typed_and_shown_and_no_secret() {
    let mut seat = Seat::take();
    seat.prompt();
    seat.run("Start-Transcript session.txt");
    seat.run("Write-Output (6 * 7)");
    seat.run("Get-Pol");
    seat.press("Get-Credential kenmyer\r");
    seat.see("Password for user kenmyer");
    seat.press("typed-blind\r");
    seat.prompt();
    seat.run("let password = \"typed-in-sight\"");
    // The line that an error is in is shown again later, and not written down then either.
    seat.run("fn login(x) { x.log_on_to(\"token typed-in-sight\") }");
    assert!(seat.run("login(7)").contains("typed-in-sight"));
    seat.run("Stop-Transcript");
    seat.leave();
    let file = seat.home.path().join("session.txt");
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(mode(&file), 0o600);
    for shown in
        ["imsh transcript start", "> Write-Output (6 * 7)\n42\n", "did you mean Get-Pool", "transcript end"]
    {
        assert!(text.contains(shown), "{shown} is not in:\n{text}");
    }
    assert!(text.contains("Username: ") && !text.contains("Username: unknown"), "{text}");
    for secret in ["typed-blind", "typed-in-sight", "\u{1b}"] {
        assert!(!text.contains(secret), "{secret} is in:\n{text}");
    }
}

#[test]
fn the_profile_gives_names_functions_and_a_prompt_and_tab_completes_them() {
    let profile = "Set-Alias partners Get-XmppAllowedPartner\nfunction Show-Pools { 'mine ' * 2 }\n\
        function prompt { \"at @practice \" + 6 * 7 + '> ' }";
    let mut seat = Seat::with_start_up_file(Some(profile));
    seat.prompt();
    seat.see(" 42> ");
    seat.press("part\t");
    seat.see("partners");
    seat.press(" | measure | % { $_.Count -gt 20 }");
    seat.press(ENTER);
    assert!(seat.prompt().contains("True"));
    seat.press("Show-P\t");
    seat.see("Show-Pools");
    seat.press(ENTER);
    assert!(seat.prompt().contains("mine mine"));
    seat.leave();
}

#[test]
fn a_prompt_that_fails_is_told_once_and_replaced() {
    let mut seat = Seat::with_start_up_file(Some("function prompt { throw 'broken' }"));
    seat.see("the function prompt gives no text");
    seat.prompt();
    assert!(!seat.run("1 + 1").contains("gives no text"));
    seat.leave();
}

#[test]
fn what_is_pasted_waits_for_enter_however_long_it_is() {
    let mut seat = Seat::take();
    seat.prompt();
    let longest = "x".repeat(5_000);
    seat.press(&format!("\x1b[200~let a = 40\nlet\tb = '{longest}'.len()\x1b[201~"));
    seat.see(".len()");
    seat.press(ENTER);
    seat.prompt();
    assert!(seat.run("b + a + 37").contains("5077"));
    seat.leave();
}

/// The sizes of terminal that every point of it is tried at.
const SIZES: [(u16, u16); 2] = [(80, 24), (200, 50)];

#[test]
fn a_paste_a_long_line_of_the_history_and_a_page_hold_at_each_size() {
    for (columns, rows) in SIZES {
        let mut seat =
            Seat::with_start_up_file(Some("function Show-Answer { 6 * 7 }\nSet-Alias gp Get-Pool"));
        seat.resize(columns, rows);
        seat.prompt();
        // More lines than the screen has, with tabs in them.
        let pasted: String = (0..60).map(|n| format!("$v{n} =\t'{}'\n", "x".repeat(70))).collect();
        seat.press(&format!("\x1b[200~{pasted}$v59.Length\x1b[201~"));
        seat.see("$v59.Length");
        assert!(seat.run("").contains("70"), "{columns}×{rows}");
        // Wider than the screen; Ctrl-R brings it back.
        let long = format!("'{}'.Length", "ab".repeat(150));
        assert!(seat.run(&long).contains("300"), "{columns}×{rows}");
        seat.press("\x12");
        seat.see("(history: ");
        seat.press("abab");
        seat.see("'.Length");
        seat.press(ENTER);
        assert!(seat.run("").contains("300"), "{columns}×{rows}");
        seat.press("Show-A\t");
        seat.see("Show-Answer");
        assert!(seat.run("").contains("42"), "{columns}×{rows}");
        seat.press("1..120 | % { \"line $_ ends\" } | more\r");
        let page = seat.shell.exp_string("-- More --").unwrap();
        let (last, next) = (format!("line {} ends", rows - 1), format!("line {rows} ends"));
        assert!(page.contains(&last) && !page.contains(&next), "{columns}×{rows}: {page}");
        seat.press("q\r");
        seat.prompt();
        // A name of one's own stands where a command may.
        assert!(
            seat.run("if (gp) { \"$((gp | select -First 3).Count) and $(@(gp)[0].Site)\" }")
                .contains("3 and")
        );
        seat.leave();
    }
}

#[test]
fn a_long_page_stops_at_each_screen() {
    let mut seat = Seat::take();
    seat.prompt();
    seat.press("Get-Help about_Diagnosis | more");
    seat.press(ENTER);
    seat.see("-- More --");
    seat.press(ENTER);
    seat.see("-- More --");
    seat.press("q");
    seat.press(ENTER);
    seat.prompt();
    assert!(seat.run("'one ' + 'line' | more").contains("one line"));
    seat.press("help about_Diagnosis");
    seat.press(ENTER);
    seat.see("-- More --");
    seat.press("q");
    seat.press(ENTER);
    seat.prompt();
    assert!(seat.run("(help about_Diagnosis).Length -gt 500").contains("True"));
    seat.leave();
}

#[test]
fn the_home_directory_is_where_file_names_and_variables_say() {
    let mut seat = Seat::take();
    seat.prompt();
    seat.run("'kept' | Out-File ~/note.txt");
    assert_eq!(std::fs::read_to_string(seat.home.path().join("note.txt")).unwrap(), "kept\n");
    assert!(
        seat.run("(Get-Content ~/note.txt) + \" at $HOME, $env:HOME\"")
            .contains(&format!("kept at {home}, {home}", home = seat.home.path().display()))
    );
    seat.leave();
}

/// The practice networks whose files lie in a home.
fn networks(home: &TempDir) -> usize {
    let names = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with("imsh-lab")).count()
}

#[test]
fn a_terminal_that_is_closed_leaves_nothing_of_the_practice_network() {
    let mut seat = Seat::take();
    seat.prompt();
    assert_eq!(networks(&seat.home), 1);
    seat.shell.process_mut().signal(Signal::SIGHUP).unwrap();
    seat.shell.exp_eof().unwrap();
    assert_eq!(networks(&seat.home), 0);
}

#[test]
fn a_terminal_that_goes_away_without_a_signal_ends_the_shell_too() {
    let home = tempfile::tempdir().unwrap();
    let mut command = support::bare("script");
    let shell = format!("trap '' HUP; exec '{}' --lab", support::IMSH);
    command.args(["--quiet", "--command", &shell, "/dev/null"]);
    command.env("HOME", home.path()).env("TMPDIR", home.path());
    command.env("TERM", "xterm-256color").env("NO_COLOR", "1");
    let shell = spawn_command(command, Some(PATIENCE)).unwrap();
    let mut seat = Seat { shell, home: Arc::new(home) };
    seat.prompt();
    let home = seat.home.clone();
    assert_eq!(networks(&home), 1);
    // Its terminal's other end is held by `script` alone.
    seat.shell.process_mut().signal(Signal::SIGKILL).unwrap();
    let began = Instant::now();
    while networks(&home) > 0 {
        assert!(began.elapsed() < Duration::from_millis(PATIENCE), "the shell reads on");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn ctrl_z_stops_the_shell_until_it_is_called_back() {
    let home = tempfile::tempdir().unwrap();
    let mut command = support::bare("bash");
    // Job control: without it nobody could call the shell back, and the kernel stops nothing.
    command.args(["-c", &format!("set -m; '{}' --lab; echo stopped with $?; fg", support::IMSH)]);
    command.env("HOME", home.path()).env("TMPDIR", home.path());
    command.env("TERM", "xterm-256color").env("NO_COLOR", "1");
    let shell = spawn_command(command, Some(PATIENCE)).unwrap();
    let mut seat = Seat { shell, home: Arc::new(home) };
    seat.prompt();
    seat.press("6 * \x1a");
    seat.see("stopped with 148");
    seat.press("");
    // The line is still there.
    seat.prompt();
    seat.press("7");
    seat.press(ENTER);
    assert!(seat.prompt().contains("42"));
    seat.leave();
}
