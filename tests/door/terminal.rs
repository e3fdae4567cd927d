//! At a terminal over ssh: the whole shell, whose keys reach it and leave it where it is.

use std::process::Command;

use rexpect::session::{PtySession, spawn_command};

use crate::machine::{Machine, Said, until};
use crate::ssh::with_sshd;

/// How long a busy machine may take for what takes no time, in milliseconds.
const PATIENCE: u64 = 60_000;
/// "Where is the cursor?", which the editor asks before each prompt, and an answer.
const WHERE: &str = "\x1b[6n";
const HERE: &str = "\x1b[1;1R";

/// A delegate at a terminal, connected with ssh.
struct Seat(PtySession);

impl Seat {
    fn take(machine: &Machine) -> Self {
        // The terminal has its size before anybody asks for it.
        let connect = machine.ssh("desk", &["-tt"], &[]);
        let mut sized = Command::new(connect.get_program());
        for argument in connect.get_args() {
            if argument == "ssh" {
                sized.args(["sh", "-c", "stty cols 160 rows 50; exec \"$@\"", "sh"]);
            }
            sized.arg(argument);
        }
        sized.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let session = spawn_command(sized, Some(PATIENCE)).unwrap();
        let mut seat = Self(session);
        seat.prompt();
        seat
    }

    /// Waits for a prompt; gives what was on the screen before it.
    fn prompt(&mut self) -> String {
        let before = self.0.exp_string(WHERE).unwrap();
        self.press(HERE);
        self.see("desk@topology");
        before
    }

    fn press(&mut self, keys: &str) {
        self.0.send(keys).unwrap();
        self.0.flush().unwrap();
    }

    fn see(&mut self, text: &str) {
        self.0.exp_string(text).unwrap();
    }

    fn run(&mut self, line: &str) -> String {
        self.press(&format!("{line}\r"));
        self.prompt()
    }

    fn leave(mut self) {
        self.press("\x04");
        self.0.exp_eof().unwrap();
    }
}

#[test]
fn at_a_terminal_it_is_the_whole_shell_and_no_key_stops_it() {
    let Some(machine) = with_sshd() else { return };
    let mut seat = Seat::take(&machine);
    // What one line makes the next can use, and Tab knows what there is for this principal.
    seat.run("let pool = (Get-Pool).Identity");
    assert!(seat.run("print(pool.len())").contains("16"), "a.litwareinc.com");
    seat.press("Get-XmppAllowedPar\t");
    seat.see("Get-XmppAllowedPartner");
    seat.press("\r");
    assert!(seat.prompt().contains("contoso.com"));
    seat.press("Get-Pool b.fab\t\x03");
    seat.prompt();
    // An interrupt ends what runs, and not the session.
    seat.press("print(6 * 7); loop { }\r");
    seat.see("42");
    seat.press("\x03");
    seat.prompt();
    // Ctrl-Z and Ctrl-\ end and stop nothing, neither at the prompt nor while something runs.
    seat.press("\x1a");
    seat.prompt();
    assert!(seat.run("print(20 + 3)").contains("23"));
    seat.press("print(40 + 4); sleep(2); print(\"wo\" + \"ke\")\r");
    seat.see("44");
    seat.press("\x1a\x1c");
    seat.see("woke");
    seat.prompt();
    assert!(seat.run("print(70 + 7)").contains("77"));
    let state = machine.root("for pid in $(pgrep -u imsh -x imsh); do grep State: /proc/$pid/status; done");
    assert!(!state.contains("stopped"), "{state}");
    // A refusal is an error, and the next line works.
    assert!(seat.run("Get-Pool b.fabrikam.com").contains("no role that allows"));
    assert!(seat.run("print(\"st\" + \"ill\")").contains("still"));
    assert!(seat.run("'kept' | Out-File note.txt; Get-Content note.txt").contains("kept"));
    seat.press("Get-Content no\t");
    seat.see("note.txt");
    seat.press("\x03");
    seat.prompt();
    seat.leave();
    until("it has ended", || {
        machine
            .log()
            .iter()
            .any(|line| line["cmdlet"] == "imsh session" && line["outcome"]["what"] == "finished")
    });
    let transcript = machine.root("cat /var/lib/imsh/transcripts/principal+desk/*.txt");
    for wanted in ["let pool = (Get-Pool).Identity", "no role that allows", "woke"] {
        assert!(transcript.contains(wanted), "{wanted}\n{transcript}");
    }
}

#[test]
fn at_a_terminal_it_ends_when_the_line_is_cut() {
    let Some(machine) = with_sshd() else { return };
    let mut seat = Seat::take(&machine);
    seat.press("print(40 + 4); sleep(300)\r");
    seat.see("44");
    machine.root("kill -KILL $(pgrep -u kim -x ssh)");
    until("nobody is left", || {
        let there = Said::of(
            machine.session("ada", &["-c", "@(Get-AdminSession principal:desk).Count"]).output().unwrap(),
        );
        there.text.trim() == "0"
    });
    let cancelled = machine
        .log()
        .iter()
        .any(|line| line["cmdlet"] == "imsh session" && line["outcome"]["what"] == "cancelled");
    assert!(cancelled, "its end is written down");
}
