//! Scripts of a delegate who wants the machine, or the others on it, to suffer. Each ends in its own session, as
//! an error where it reaches a limit or for what it may not have.

use std::sync::Mutex;

use crate::machine::{Machine, Said};
use crate::topology;

/// A text of so many letters, as the language makes one.
const BIG: &str = "fn big(n) { let s = \"x\"; while s.len() < n { s += s } s }\n";

/// What ends as an error: what it tries, and a part of what it is told.
const ERRORS: &[(&str, &str)] = &[
    // Memory: lists, maps, texts, closures.
    ("let a = [1]; loop { a += a }", ""),
    ("let a = [1]; loop { a = [a, a] }", ""),
    ("let a = []; loop { a = [a] }", ""),
    ("let m = #{}; let n = 0; loop { m[`k${n}`] = big(1000); n += 1 }", ""),
    ("let all = []; loop { all.push(#{a: big(10000)}) }", ""),
    ("let s = \"x\"; loop { s += s }", ""),
    ("let all = []; loop { let s = big(50000); all.push(|| s.len()) }", ""),
    ("let f = || 1; loop { let g = f; f = || g.call() + 1 }", ""),
    ("let f = || 1; loop { let g = f; f = || g.call() }", ""),
    ("1..2 | ForEach-Object -Parallel { let f = || 1; loop { let g = f; f = || g.call() } }", ""),
    ("1..2 | ForEach-Object -Parallel { let a = []; loop { a = [a] } }", ""),
    ("let s = \"\"; s.pad(4000000000, 'x')", ""),
    ("let a = []; a.pad(4000000000, 1)", ""),
    ("let b = blob(4000000000); b.len()", ""),
    ("let s = big(1000); s.replace(\"x\", big(500000))", ""),
    ("let s = big(500000); let all = []; loop { all.push(s.split(\"\")) }", ""),
    ("let s = big(500000); let all = []; loop { all += s.to_chars() }", ""),
    ("$x = 'x' * 2000000000", ""),
    ("$x = 'x'.PadLeft(2000000000)", ""),
    ("let s = big(500000); $y = (1..1000 | ForEach-Object { $s }) -join ','", ""),
    ("let s = big(500000); let b = big(500000); $y = $s -replace 'x', $b", ""),
    (
        "let a = []; for n in 0..100000 { a.push(n) } let all = []; loop { all.push(a.map(|x| [x, x, x])) }",
        "",
    ),
    ("1..100000000 | ForEach-Object { $_ } | Sort-Object", ""),
    ("1..100000000 | Group-Object { $_ }", ""),
    ("let s = \"[\"; for n in 0..100000 { s += \"[\" } $s | ConvertFrom-Json", ""),
    ("let a = []; for n in 0..60 { a = [a, a] } $a | ConvertTo-Json -Depth 100", ""),
    // Time and depth.
    ("loop { }", "operations"),
    ("while true { try { loop { } } catch { } }", "operations"),
    ("do { } until false", "operations"),
    ("for ($i = 0; $true; $i++) { }", "operations"),
    ("for i in range(0, 9223372036854775807) { }", "operations"),
    ("[1, 2, 3].map(|x| { loop { } })", "operations"),
    ("fn f() { f() } f()", ""),
    ("fn f() { g() } fn g() { f() } f()", ""),
    ("fn f(n) { try { f(n + 1) } catch { f(n + 1) } } f(0)", ""),
    ("let f = Fn(\"big\"); loop { f = f.curry(1) }", ""),
    ("let a = []; for n in 0..5000 { a.push(5000 - n) } loop { a.sort(|x, y| { loop { } }) }", "operations"),
    ("1..64 | ForEach-Object -Parallel { loop { } } -ThrottleLimit 64", ""),
    (
        "1..3 | ForEach-Object -Parallel { 1..100000 | ForEach-Object { $_ } | Out-Null } -ThrottleLimit 100000",
        "",
    ),
    ("eval(\"loop { }\")", ""),
    ("1 / 0", ""),
    // Output.
    ("loop { print(big(10000)) }", ""),
    ("loop { Write-Host xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx }", ""),
    ("let s = big(500000); loop { Write-Warning $s }", ""),
    ("let s = big(500000); loop { Write-Error $s }", ""),
    ("let s = big(500000); loop { Write-Verbose $s -Verbose }", ""),
    ("throw big(500000)", ""),
    ("loop { debug(big(100000)) }", ""),
    // Files, programs, environment.
    ("import \"../../etc/passwd\" as x;", ""),
    ("import \"/etc/imsh/vault/vault.key\" as x;", ""),
    ("let n = \"/etc/\" + \"passwd\"; import n as x;", ""),
    ("Get-Content /etc/shadow", ""),
    ("Get-Content /proc/self/environ", ""),
    ("Get-Pool > /etc/imsh/topology.toml", ""),
    ("'x' | Out-File /etc/imsh/scripts/x.rhai", ""),
    ("Get-Credential x -FromFile /etc/imsh/vault/vault.key", ""),
    ("Get-Credential x -FromEnvironment PATH", ""),
    ("Invoke-Expression 'id'", ""),
    ("Start-Process sh", ""),
    ("& sh", ""),
    ("$env:PATH", ""),
    // Patterns.
    ("'x' -match '((((x{1000}){1000}){1000}){1000})'", ""),
    ("'x' -match '('", ""),
    ("let s = big(500000); let part = big(100000); $s -like ('*' + $part + '?b*')", "too long"),
    ("let s = big(500000); $s -replace '.*b|x', 'c'", "longer than"),
    // Work that native code does by itself.
    ("let s = big(500000); $s.Substring(9223372036854775807)", "out of range"),
    ("let s = big(500000); Get-Command $s", "There is no cmdlet"),
    ("let s = big(500000); Get-Help $s", "There is no help"),
    (
        "let s = big(500000); $s, '1' | ConvertFrom-Csv | Select-Object -ExpandProperty ($s + 'b')",
        "has no property",
    ),
    ("$x = 1..9223372036854775807; \"$x\"", "too long for a list"),
];

/// What is over at once, whatever comes of it.
const HARMLESS: &[&str] = &[
    "$x = 1..2000000000",
    "9223372036854775807 + 1",
    "$x = 'a' * 30 + '!'; $x -match '^(a+)+$'",
    "[3, 2, 1].sort(|a, b| 1)",
    "let a = []; for n in 0..2000 { a.push(n) } a.sort(|a, b| if a % 2 == 0 { 1 } else { -1 }); a.len()",
    "print(\"\\x1b]0;title\\x07\\x1b[2J\\u202etxt\")",
    "fn print(x) { } print(1)",
    "Get-Pool | Select-Object -First 99999999999999999",
    "Get-Help nothing-of-that-name",
    "1..50 | ForEach-Object { Write-Progress -Activity $_ -PercentComplete 5 }",
    "$s = 'x' * 500000; $s -like ('*' + $s + 'b')",
    "$s = 'x' * 900000; $a = @($s) * 10; $a.Contains($s + 'b')",
    "('{\"k' + ((1..20000) -join '\":1,\"k') + '\":1}') | ConvertFrom-Json | Out-Null",
    "('c' + ((1..20000) -join ',c')), '1' | ConvertFrom-Csv | Out-Null",
    "$s = 'x' * 100000; 1..20 | ForEach-Object { $s + $_ } | Sort-Object | Out-Null",
];

#[test]
fn hostile_scripts_end_as_errors_in_their_own_session() {
    let limits = "memory_mib = 64\noperations = 100000\noutput_mib = 1\nsource_kib = 64\nprogram_minutes = 1\naudit_kib_per_day = 4194304";
    let role = format!("template = \"HelpDesk\"\n{limits}");
    let Some(machine) = Machine::with(&topology(&[]).replace("template = \"HelpDesk\"", &role)) else {
        return;
    };
    let nested =
        [("(", ")"), ("[", "]"), ("{", "}"), ("$(", ")"), ("if true { ", " }"), ("-", "1"), ("!", "true")];
    let deep = nested.map(|(open, close)| format!("{}1{}", open.repeat(6000), close.repeat(6000)));
    let piped = format!("1{}", " | ForEach-Object { $_ }".repeat(2000));
    let long = format!("print(\"{}\")", "x".repeat(100_000));
    let scripts: Vec<(String, &str)> = ERRORS
        .iter()
        .map(|(script, told)| (format!("{BIG}{script}"), *told))
        .chain(deep.into_iter().map(|script| (script, "")))
        .chain([(piped, ""), (long, "")])
        .collect();
    assert!(scripts.len() >= 50);
    let harmless = HARMLESS.iter().map(|script| ((*script).to_owned(), "", false));
    let all = scripts.into_iter().map(|(script, told)| (script, told, true)).chain(harmless);
    let waiting = Mutex::new(all);
    let wrong = Mutex::new(Vec::new());
    let next = || waiting.lock().unwrap().next();
    let run = || {
        while let Some((script, told, fails)) = next() {
            let said = Said::with_input(&mut machine.session("kim", &["-"]), script.as_bytes());
            let ended = match fails {
                // Nobody interrupts them: what ends them is told.
                true => matches!(said.status, Some(2..=4)) && !said.text.contains("Interrupted"),
                false => matches!(said.status, Some(0..=4)),
            };
            let is_quiet = said.text.len() < 3 << 20
                && !said.text.contains("panicked")
                && !said.text.contains("root:")
                && !said.text.contains("\x1b]")
                && !said.text.contains("uid=");
            if !ended || !is_quiet || !said.text.contains(told) {
                wrong.lock().unwrap().push(format!("{script:.200}\n{:?} {:.400}", said.status, said.text));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(run);
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n\n"));
    let after = Said::of(machine.session("kim", &["-c", "1 + 1"]).output().unwrap());
    assert_eq!((after.text.trim(), after.status), ("2", Some(0)));
    let checked = Said::of(machine.session("ada", &["-c", "(Test-AuditLog).Result"]).output().unwrap());
    assert_eq!(checked.text.trim(), "Success", "{}", checked.text);
}
