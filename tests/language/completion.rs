//! What the shell offers at a cursor, and how it paints a line.

use imsh::internals::cmdlet::Catalogue;
use imsh::internals::cmdlets::ALL;
use imsh::internals::script::language::complete::{CompletionOrigin, WantedKind, complete};
use imsh::internals::script::language::highlight::classify;
use imsh::internals::script::language::{ReadingContext, read};
use proptest::prelude::*;

use crate::catalogue::catalogue;
use crate::corpus::VARIABLES;

/// What is wanted at the end of `text`, in words.
fn wanted(text: &str, catalogue: &Catalogue) -> String {
    let setting = ReadingContext { variables: VARIABLES, ..ReadingContext::new(catalogue) };
    let wanted = complete(text, text.len(), &setting);
    let typed = wanted.span.of(text);
    let origin = match wanted.origin {
        Some(CompletionOrigin::Type(name)) => format!(" from {name}"),
        Some(CompletionOrigin::Variable(name)) => format!(" from ${name}"),
        None => String::new(),
    };
    match wanted.kind {
        WantedKind::Command { piped: false } => format!("command '{typed}'"),
        WantedKind::Command { piped: true } => format!("piped command '{typed}'"),
        WantedKind::Parameter { cmdlet, given } => {
            format!("parameter '{typed}' of {} beside {given:?}", cmdlet.name)
        }
        WantedKind::Value { cmdlet, parameter, quote } => {
            let parameter = parameter.map_or("nothing", |parameter| parameter.name);
            let quote = quote.map_or(String::new(), |quote| format!(" in {quote}"));
            format!("value '{typed}' of {} {parameter}{quote}{origin}", cmdlet.name)
        }
        WantedKind::Variable => format!("variable '{typed}'"),
        WantedKind::Property { of } => format!("property '{typed}' of {of}{origin}"),
        WantedKind::Nothing => "nothing".to_owned(),
    }
}

#[test]
fn what_stands_before_the_cursor_says_what_is_wanted() {
    for (text, want) in [
        ("", "command ''"),
        ("Get-", "command 'Get-'"),
        ("test-xm", "command 'test-xm'"),
        ("Test-Xmp", "command 'Test-Xmp'"),
        ("let r = Get-P", "command 'Get-P'"),
        ("for p in Get-P", "command 'Get-P'"),
        ("if Get-P", "command 'Get-P'"),
        ("Get-Pool | ", "piped command ''"),
        ("Get-Pool | Sel", "piped command 'Sel'"),
        ("Get-Pool | Where-Object { Test-X", "command 'Test-X'"),
        ("Test-XmppIM -", "parameter '-' of Test-XmppIM beside []"),
        ("Test-XmppIM -Tar", "parameter '-Tar' of Test-XmppIM beside []"),
        ("Test-XmppIM -TargetFqdn a -Rec", "parameter '-Rec' of Test-XmppIM beside [\"TargetFqdn\"]"),
        ("Test-XmppIM -FreshLogon -", "parameter '-' of Test-XmppIM beside [\"FreshLogon\"]"),
        ("Test-XmppIM ", "value '' of Test-XmppIM TargetFqdn"),
        ("Test-XmppIM atl", "value 'atl' of Test-XmppIM TargetFqdn"),
        ("Test-XmppIM atl-cs-001.lit", "value 'atl-cs-001.lit' of Test-XmppIM TargetFqdn"),
        ("Test-XmppIM atl ", "value '' of Test-XmppIM Receiver"),
        ("Test-XmppIM -Receiver ", "value '' of Test-XmppIM Receiver"),
        ("Test-XmppIM -Receiver a@", "value 'a@' of Test-XmppIM Receiver"),
        ("Test-XmppIM -Receiver a@b,", "value '' of Test-XmppIM Receiver"),
        ("Test-XmppIM -Receiver a@b, c", "value 'c' of Test-XmppIM Receiver"),
        ("Test-XmppIM -Receiver \"a", "value '\"a' of Test-XmppIM Receiver in \""),
        ("Test-XmppIM -Receiver 'a$b", "value ''a$b' of Test-XmppIM Receiver in '"),
        ("Test-XmppIM -Authentication:", "value '' of Test-XmppIM Authentication"),
        ("Test-XmppIM -Receiver $rec", "variable 'rec'"),
        ("Test-XmppIM -Receiver \"x $rec", "variable 'rec'"),
        ("Test-XmppIM -Receiver $", "variable ''"),
        ("$pool.Id", "property 'Id' of $pool"),
        ("let x = pool.", "property '' of pool"),
        ("Get-Pool | ? { $_.Si", "property 'Si' of $_"),
        ("Get-Pool | % { Test-XmppIM -Rec", "parameter '-Rec' of Test-XmppIM beside []"),
        ("Write-Host (Get-Pool -S", "parameter '-S' of Get-Pool beside []"),
        ("print(\"Get-P", "nothing"),
        ("Nonsense-Thing -x", "command '-x'"),
    ] {
        assert_eq!(wanted(text, &catalogue()), want, "{text}");
    }
}

#[test]
fn properties_are_those_of_what_comes_through_the_pipe() {
    let catalogue = Catalogue::new(ALL.iter().map(|cmdlet| &cmdlet.description));
    for (text, want) in [
        ("$pool[0].", "property '' of $pool[0]"),
        ("$pool[0].Id", "property 'Id' of $pool[0]"),
        ("Get-Pool | ? { $_.Si", "property 'Si' of $_ from Pool"),
        ("Get-Pool | sort Identity | ? { $_.Si", "property 'Si' of $_ from Pool"),
        ("Get-Pool | Select-Object Identity | ? { $_.Si", "property 'Si' of $_"),
        ("Get-Pool | % { Get-XmppAllowedPartner | ? { $_.", "property '' of $_ from XmppAllowedPartner"),
        ("$pool | ? { $_.", "property '' of $_ from $pool"),
        ("$pool | Sort-Object ", "value '' of Sort-Object Property from $pool"),
        ("Get-Pool | Sort-Object Id", "value 'Id' of Sort-Object Property from Pool"),
        ("let n = Get-Pool | Group-Object Si", "value 'Si' of Group-Object Property from Pool"),
        ("test_x", "command 'test_x'"),
        ("Get-Content ./o", "value './o' of Get-Content Path"),
        ("Get-Content '/tmp/a b", "value ''/tmp/a b' of Get-Content Path in '"),
        ("Get-Pool | Export-Csv /tm", "value '/tm' of Export-Csv Path from Pool"),
        ("Get-Credential kenmyer -FromFile ../run/x.y/", "value '../run/x.y/' of Get-Credential FromFile"),
    ] {
        assert_eq!(wanted(text, &catalogue), want, "{text}");
    }
}

#[test]
fn command_lines_and_rhai_are_painted_differently() {
    let catalogue = catalogue();
    let setting = ReadingContext { variables: VARIABLES, ..ReadingContext::new(&catalogue) };
    let text = "let r = Get-Pool -Site \"a $pool\" -Bad x | ? { $_.n -eq 5 } // all\nprint(\"x\");";
    let painted: Vec<String> = classify(text, &setting)
        .into_iter()
        .map(|(span, class)| format!("{class:?} {}", span.of(text)))
        .collect();
    assert_eq!(
        painted,
        [
            "Keyword let",
            "Rhai r",
            "Rhai =",
            "Cmdlet Get-Pool",
            "Parameter -Site",
            "ShellText \"a ",
            "Variable $pool",
            "ShellText \"",
            "UnknownParameter -Bad",
            "BareWord x",
            "Cmdlet ?",
            "Operator {",
            "Variable $_",
            "Rhai .",
            "Rhai n",
            "Operator -eq",
            "Constant 5",
            "Operator }",
            "Comment // all",
            "Rhai print",
            "Rhai (",
            "RhaiText \"x\"",
            "Rhai )",
        ]
    );
}

#[test]
fn an_unfinished_text_asks_for_another_line() {
    let catalogue = catalogue();
    let setting = ReadingContext { variables: VARIABLES, ..ReadingContext::new(&catalogue) };
    for (text, incomplete) in [
        ("Get-Pool |", true),
        ("Get-Pool | ? {", true),
        ("for p in Get-Pool {", true),
        ("let x = [1,", true),
        ("Test-XmppIM -Receiver a@b,", true),
        ("$x = @{ a = 1", true),
        ("Write-Host \"two\nlines", true),
        ("/* comment", true),
        ("Get-Pool `", true),
        ("fn f(", true),
        ("fn f(a)", true),
        ("if $pool", true),
        ("let x = 1 +", true),
        ("Get-Pool", false),
        ("let x = 1", false),
        // A block that was pasted with a mistake in its first line is told as one, not run in pieces.
        ("Get-Pol | ? {", true),
        ("for p in Get-Pol {\n  Get-Pool $nosuch", true),
        ("$pool | Where-Object { $_.Site -eq", true),
        ("for p in $pool {", true),
        ("if $pool.Count -gt 3 {", true),
        ("$pool | Where-Object { $_.Site -eq 'x' -and", true),
        ("$z =", true),
        ("$z = ", true),
        ("let x =", true),
        ("$z += ", true),
        ("for p in $nosuch {", true),
        ("Get-Pool $nosuch", false),
        ("}", false),
        ("Get-Pool | 5", false),
    ] {
        assert_eq!(read(text, &setting).is_incomplete, incomplete, "{text}");
    }
}

proptest! {
    #[test]
    fn every_prefix_can_be_completed_and_painted(text in "[-A-Za-z$_.|{}()\"'@, =;\n`é]{0,40}", cursor in 0_usize..50) {
        let catalogue = catalogue();
        let setting = ReadingContext { variables: VARIABLES, ..ReadingContext::new(&catalogue) };
        let wanted = complete(&text, cursor, &setting);
        prop_assert!(text.get(wanted.span.start..wanted.span.end).is_some());
        let mut end = 0;
        for (span, _) in classify(&text, &setting) {
            prop_assert!(span.start >= end && span.start < span.end && text.get(span.start..span.end).is_some());
            end = span.end;
        }
    }
}
