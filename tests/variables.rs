//! What commands leave in variables: `-OutVariable` and its like, in programs as they are run.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::process::Output;

use support::imsh;

fn run(code: &str) -> Output {
    imsh().args(["-c", code]).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Programs with what they print: what commands leave in variables.
const VARIABLES: &[(&str, &str)] = &[
    // One variable, whatever its case and whether Rhai or a command line names it.
    ("Write-Output 1 2 -OutVariable seen | Write-Output; print(`${seen.len()} ${$SEEN[1]}`)", "1\n2\n2 2\n"),
    ("let seen = 5; let n = Write-Output 7 -OutVariable Seen; print(seen[0] + n[0])", "14\n"),
    (
        "Write-Output 1 2 3 | Tee-Object -Variable all | Where-Object { $_ -gt 2 }; print($all.len())",
        "3\n3\n",
    ),
    // Plus appends; what was no list becomes one.
    ("let all = \"a\"; let _x = Write-Output b -OutVariable +all; print($all)", "{a, b}\n"),
    ("for n in 1..4 { let _x = Write-Output $n -OutVariable +all; } print($all)", "{1, 2, 3}\n"),
    (
        "let _x = Write-Output 1 -OutVariable once; let _y = Write-Output 2 -OutVariable once; print($once)",
        "2\n",
    ),
    // In a function, a closure and a script block, and from the middle of a pipeline.
    ("fn last() { let _x = Write-Output 1 2 -OutVariable own; own[1] } print(last())", "2\n"),
    ("let f = |x| { Write-Output $x -OutVariable kept }; f.call(4); print($kept)", "4\n"),
    (
        "Write-Output 1 2 | ForEach-Object { Write-Output $_ -OutVariable +inner } | Sort-Object -OutVariable m; print(`${$inner} ${$m.Count}`)",
        "1\n2\n{1, 2} 2\n",
    ),
    (
        "Write-Output 3 1 2 | Sort-Object -OutVariable sorted | Select-Object -First 1 -OutVariable first; print(`${$sorted} ${$first}`)",
        "1\n{1, 2, 3} 1\n",
    ),
    // Warnings and errors, also of a command that fails.
    (
        "Write-Warning careful -WarningAction SilentlyContinue -WarningVariable said; print($said[0])",
        "careful\n",
    ),
    ("Write-Error bad -ErrorAction SilentlyContinue -ErrorVariable e; print($e.Message)", "bad\n"),
    (
        "try { Write-Error bad -ErrorAction Stop -ErrorVariable e; print(0) } catch (thrown) { print(`${$e.Count} ${$e.Message} ${thrown.Message}`) }",
        "1 bad bad\n",
    ),
    (
        "try { Write-Output 1 -OutVariable out | ForEach-Object { throw \"no\" } } catch { print($out) }",
        "1\n",
    ),
    (
        "try { Import-Csv /nonexistent -ErrorAction Stop -ErrorVariable e } catch { } print($e.Id)",
        "FileOpenFailure\n",
    ),
];

#[test]
fn commands_leave_in_variables_what_they_are_asked_to() {
    for (code, wanted) in VARIABLES {
        let output = run(code);
        let errors = text(&output.stderr);
        assert_eq!(text(&output.stdout), *wanted, "{code}\n{errors}");
        assert!(output.status.success() || code.contains("SilentlyContinue"), "{code}\n{errors}");
    }
}

#[test]
fn a_variable_that_no_command_line_names_is_refused_before_anything_runs() {
    for code in [
        "write_output(1, #{ out_variable: \"x\" })",
        "let more = #{ OutVariable: \"x\" }; Write-Output 1 @more",
        "write_output(1, #{ ov: \"x\" })",
    ] {
        let output = run(code);
        assert_eq!((text(&output.stdout), output.status.code()), ("", Some(2)), "{code}");
        let errors = text(&output.stderr);
        assert!(errors.contains("-OutVariable sets a variable whose name stands in the text"), "{code}");
    }
}
