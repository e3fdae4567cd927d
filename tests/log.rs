//! The log of a test: what it holds, what it never holds, and that no server's words break it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::process::Output;
use std::time::Duration;

use imsh::internals::render::{Colour, Format, log, render};
use imsh::internals::value::{Record, Value};
use quick_xml::Reader;
use quick_xml::events::Event;
use support::imsh;

/// Runs code on the practice network.
fn practise(code: &str) -> Output {
    imsh().env("TYPED", "correct horse battery staple").args(["--lab", "-c", code]).output().unwrap()
}

fn printed(code: &str) -> String {
    let output = practise(code);
    let errors = String::from_utf8(output.stderr).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.is_empty(), "{errors}");
    text
}

/// The texts of an XML document, once it is known to be well formed.
fn texts(xml: &str) -> Vec<String> {
    let is_legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(xml.chars().all(is_legal), "a character that XML forbids");
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let (mut texts, mut depth) = (vec![String::new()], 0);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                start.attributes().for_each(|attribute| drop(attribute.unwrap()));
                depth += 1;
                texts.push(String::new());
            }
            Event::End(_) => depth -= 1,
            Event::Text(text) => texts.last_mut().unwrap().push_str(&text),
            Event::GeneralRef(name) => {
                let letter = match &*name {
                    "lt" => '<',
                    "gt" => '>',
                    "amp" => '&',
                    "quot" => '"',
                    "#39" => '\'',
                    other => panic!("the reference {other}"),
                };
                texts.last_mut().unwrap().push(letter);
            }
            Event::Eof => break,
            Event::Decl(_) => {}
            other @ (Event::Empty(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::PI(_)
            | Event::DocType(_)) => {
                panic!("{other:?} is none of a log's");
            }
        }
    }
    assert_eq!(depth, 0);
    texts
}

#[test]
fn a_log_holds_phases_stanzas_and_certificates_and_no_secret() {
    let test = "$r = Test-XmppIM atl-cs-001.litwareinc.com pilar@litwareinc.com -OutLoggerVariable log; ";
    let xml = printed(&format!("{test}$log.ToXML()"));
    let said = texts(&xml).join("\n");
    for part in [
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-512-PLUS'>********</auth>",
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>********</success>",
        "<stream xmlns='http://etherx.jabber.org/streams' version='1.0' to='litwareinc.com' xml:lang='en'>",
        "<request xmlns='urn:xmpp:receipts'/>",
        "<answer xmlns='urn:imsh:probe:1'",
        "CN=litwareinc.com, issued by CN=imsh practice network CA",
    ] {
        assert!(said.contains(part), "{part} is missing:\n{said}");
    }
    for phase in imsh::internals::xmpp::Phase::ALL {
        assert!(xml.contains(&format!("<phase name=\"{phase}\"")), "{phase}");
    }
    assert_eq!(xml.matches("<lane ").count(), 2, "the sender's and the receiver's");

    let html = printed(&format!("{test}$log.ToHTML()"));
    assert!(html.starts_with("<!DOCTYPE html>") && html.trim_end().ends_with("</html>"));
    assert!(html.contains("&#60;auth") || html.contains("&lt;auth"), "{html}");
    for external in ["<script", "<link", "<img", "src=", "url(", "@import"] {
        assert!(!html.contains(external), "{external}");
    }
}

#[test]
fn a_log_tells_what_failed_from_here_too_and_what_could_not_run() {
    let failed = printed(
        "$r = Test-XmppIM atl-cs-001.litwareinc.com adelany@expired.contoso.com -OutLoggerVariable log; $log",
    );
    assert!(failed.contains("Look from here at expired.contoso.com:"), "{failed}");
    assert!(failed.contains("Failure\n  Diagnosis: FEDERATION-CERTIFICATE-EXPIRED, Partner:"), "{failed}");
    assert!(failed.lines().all(|line| line.chars().count() <= 80), "{failed}");

    let not_run = printed(
        "try { Test-XmppIM no-test-users.litwareinc.com a@contoso.com -ErrorAction Stop -OutLoggerVariable log } catch { } $log.ToXML()",
    );
    assert!(not_run.contains("<error>There is no test user assigned"), "{not_run}");
}

#[test]
fn what_was_typed_is_in_no_log() {
    let code = "let c = Get-Credential kenmyer -FromEnvironment TYPED; \
        let r = Test-XmppIM wrong-password.litwareinc.com adelany@contoso.com \
        -UserSipAddress kenmyer@wrong-password.litwareinc.com -UserCredential $c \
        -OutLoggerVariable log -OutVerboseVariable told; ";
    for shown in ["$log.ToXML()", "$log.ToHTML()", "$log", "$log | ConvertTo-Json", "$told", "$r.ToXML()"] {
        let text = printed(&format!("{code}{shown}"));
        assert!(!text.contains("correct horse"), "{shown}: {text}");
    }
    let told = printed(&format!("{code}$told"));
    assert!(told.contains("'Authenticate' started."), "{told}");
}

#[test]
fn what_keeps_no_log_says_so() {
    let output = practise("let r = Get-Pool; r.ToHTML()");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("a list is no log; -OutLoggerVariable name of a test keeps one"), "{errors}");
}

/// What a hostile server could say.
const HOSTILE: &str = "</pre><script>alert(1)</script>\u{1b}[2J\u{0}\u{fffe}]]>&quot;\"'\u{202e}<!--";

fn hostile_log() -> Value {
    let entry = |kind: &'static str| -> Value {
        Record::new("LogEntry")
            .with("At", Duration::from_millis(2))
            .with("Kind", kind)
            .with("Text", HOSTILE)
            .into()
    };
    let step = |phase: &str, start, duration| -> Value {
        Record::new("LogStep")
            .with("Phase", phase.to_owned())
            .with("Start", Duration::from_millis(start))
            .with("Duration", Duration::from_millis(duration))
            .with("Entries", vec![entry("fact"), entry("received"), entry(HOSTILE)])
            .into()
    };
    let certificate =
        Record::new("LogCertificate").with("Subject", HOSTILE).with("Names", Value::texts([HOSTILE]));
    let lane = Record::new("LogLane")
        .with("Lane", HOSTILE)
        .with("Steps", vec![step("Resolve", 0, 10), step("Secure", 10, 90), step(HOSTILE, 100, 0)])
        .with("Certificates", vec![Value::from(certificate)]);
    let test = Record::new("TestResult")
        .with("TargetFqdn", HOSTILE)
        .with("Result", "Failure")
        .with("Error", HOSTILE)
        .with(
            "Proofs",
            vec![Value::from(Record::new("Proof").with("Proof", HOSTILE).with("Evidence", HOSTILE))],
        )
        .with("Log", vec![Value::from(lane)]);
    Record::new("Log")
        .with("Cmdlet", "Test-XmppIM")
        .with("Command", HOSTILE)
        .with("Warnings", Value::texts([HOSTILE]))
        .with("Tests", vec![Value::from(test)])
        .into()
}

#[test]
fn no_words_of_a_server_break_a_log_or_act_in_it() {
    let log = hostile_log();
    let html = log::html(&log).unwrap();
    assert!(!html.contains("<script") && !html.contains("<!--") && !html.contains("</pre></pre>"), "{html}");
    assert!(!html.contains('\u{1b}') && !html.contains('\u{202e}') && !html.contains('\u{0}'));
    let said = texts(&log::xml(&log).unwrap());
    let visible = r#"</pre><script>alert(1)</script>\x1b[2J\x00�]]>&quot;"'\u{202e}<!--"#;
    assert!(said.iter().any(|text| text.trim() == visible), "{said:?}");
    let text = render([&log], Format::VIEW, Some(80), Colour::Never);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
}

#[test]
fn the_waterfall_fits_the_terminal_and_is_coloured_only_where_that_is_wanted() {
    let log = hostile_log();
    for width in [80, 132] {
        let text = render([&log], Format::VIEW, Some(width), Colour::Never);
        let bars: Vec<&str> = text.lines().filter(|line| line.contains('█')).collect();
        assert_eq!(bars.len(), 3, "{text}");
    }
    let plain = log::text(&log, Some(80), Colour::Never).unwrap();
    let coloured = log::text(&log, Some(80), Colour::Always).unwrap();
    assert!(!plain.contains('\u{1b}') && coloured.contains("\u{1b}[38;5;29m█"));
}
