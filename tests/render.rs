//! What records look like: every output format against golden files, without a width and at two.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "support/golden.rs"]
mod golden;

use std::fs;
use std::time::Duration;

use imsh::internals::render::{Colour, Format, Renderer, render};
use imsh::internals::secret::{Credential, Secret};
use imsh::internals::value::{Record, Value};
use jiff::{SignedDuration, Timestamp};

use golden::golden_folder;

fn success() -> Value {
    let step = |phase: &'static str, milliseconds| {
        Record::new("Step")
            .with("Phase", phase)
            .with("Start", Duration::ZERO)
            .with("Duration", Duration::from_millis(milliseconds))
            .with("Learned", Value::texts(["TLSv1.3", "ALPN \"xmpp-client\""]))
    };
    result("atl-cs-001.litwareinc.com", "adelany@contoso.com", "Success")
        .with("Latency", Duration::from_nanos(84_312_700))
        .with("Evidence", "Exchanged")
        .with("MessageLatency", Duration::from_nanos(12_000_000))
        .with("Steps", Value::List(vec![step("Resolve", 3).into(), step("Connect", 1).into()]))
        .with("CertificateDaysLeft", 60_i64)
        .with("CertificateExpiresAt", Timestamp::UNIX_EPOCH + SignedDuration::from_hours(499_920))
        .with("Attempts", 1_i64)
        .into()
}

fn failure() -> Value {
    result("redmond-cs-002.litwareinc.com", "nobody@chat.contoso.com", "Failure")
        .with("Error", "The partner's server refused the message: remote-server-not-found (cancel), made by atl-cs-001.litwareinc.com after 00:00:02.5361946")
        .with("Diagnosis", "Code=FEDERATION-REFUSED, Owner=Partner\nNext: ask the partner to allow litwareinc.com.")
        .with("Evidence", "AcceptedByPool")
        .with("Code", "FEDERATION-REFUSED")
        .with("Owner", "Partner")
        .with("Remedy", "Ask the partner to allow litwareinc.com.")
        .into()
}

fn hostile() -> Value {
    result("pool\u{202e}moc.live", "a\u{200b}b@contoso.com", "Failure")
        .with("Error", "\u{1b}[2J\u{1b}]0;owned\u{7}\rnothing wrong\u{9b}32m\twith \"quotes\" <b>&amp;</b>")
        .with("Diagnosis", "first\r\nsecond\u{2028}third")
        .with("Code", "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字")
        .into()
}

fn result(pool: &str, receiver: &str, result: &str) -> Record {
    Record::new("TestResult")
        .with("TargetFqdn", pool)
        .with("Receiver", receiver)
        .with("Sender", "kenmyer@litwareinc.com")
        .with("Result", result)
        .with("Latency", Duration::ZERO)
        .with("Error", Value::Null)
        .with("Diagnosis", Value::Null)
        .with("Evidence", Value::Null)
        .with("Code", Value::Null)
}

fn pool(identity: &str, site: &str, domains: &[&str], test_users: &[&str]) -> Value {
    Record::new("Pool")
        .with("Identity", identity)
        .with("Site", site)
        .with("Domains", Value::texts(domains.to_vec()))
        .with("RegistrarPort", 5222_i64)
        .with("Security", "auto")
        .with("TestUsers", Value::texts(test_users.to_vec()))
        .into()
}

fn count(name: &str, count: i64) -> Value {
    Record::new("GroupInfo").with("Name", name).with("Count", count).with("Share", Value::Float(0.25)).into()
}

fn nested() -> Value {
    Record::new("Settings")
        .with("Name", "gateway")
        .with("Empty", Value::List(vec![]))
        .with("Nothing", Value::Null)
        .with(
            "Limits",
            Record::new("Limits").with("Connections", 1000_i64).with("Timeout", Duration::from_secs(60)),
        )
        .with("Partners", Value::List(vec![count("contoso.com", 1), count("fabrikam.com", 2)]))
        .with("Truth", true)
        .into()
}

fn credential() -> Value {
    Value::Credential(Credential::new(r"litwareinc\kenmyer", Secret::new("hunter2".into())))
}

/// Every stream of values that has golden files.
fn streams() -> Vec<(&'static str, Vec<Value>)> {
    let pools = || {
        vec![
            pool(
                "atl-cs-001.litwareinc.com",
                "Redmond",
                &["litwareinc.com"],
                &["kenmyer@litwareinc.com", "pilar@litwareinc.com"],
            ),
            pool("dub-cs-001.litwareinc.ie", "Dublin", &[], &[]),
        ]
    };
    vec![
        ("nothing", vec![]),
        ("one-success", vec![success()]),
        ("one-failure", vec![failure()]),
        ("one-hostile", vec![hostile()]),
        ("three-results", vec![success(), failure(), hostile()]),
        ("pools", pools()),
        ("counts", vec![count("Success", 9_998), count("Failure", 2)]),
        ("nested", vec![nested()]),
        ("credential", vec![credential()]),
        (
            "mixed",
            [
                vec![Value::text("Pools:"), Value::Integer(2)],
                pools(),
                vec![success(), Value::Null, Value::text("done\n")],
            ]
            .concat(),
        ),
    ]
}

#[test]
fn every_stream_looks_as_in_its_golden_file() {
    let formats = formats();
    let mut texts = Vec::new();
    for (stream, values) in streams() {
        for format in &formats {
            for (suffix, width) in [("", None), (".80", Some(80)), (".200", Some(200))] {
                let text = render(&values, *format, width, Colour::Never);
                texts.push((format!("{stream}.{}{suffix}", format.name()), text));
            }
        }
    }
    for stream in ["three-results", "one-failure"] {
        let (_, values) = streams().into_iter().find(|(name, _)| *name == stream).unwrap();
        let text = render(&values, Format::VIEW, Some(80), Colour::Always);
        texts.push((format!("{stream}.view.colour"), text));
    }
    golden_folder("tests/golden/render", &texts);
}

/// On a terminal of eighty columns, several of them stand side by side.
#[test]
fn states_runs_and_trends_are_tables_of_eighty_columns() {
    let at = || Value::Timestamp("2026-11-30T13:27:04Z".parse().unwrap());
    let (pool, receiver) = ("atl-cs-001.litwareinc.com", "adelany@host-unknown.contoso.com");
    let state = Record::new("TestState")
        .with("TargetFqdn", pool)
        .with("Receiver", receiver)
        .with("Test", "XmppIM")
        .with("State", "Unknown")
        .with("Since", at())
        .with("Code", "FEDERATION-CERTIFICATE-EXPIRED")
        .with("Owner", "Partner")
        .with("Recent", "SSSSFFFFFF");
    let run = Record::new("TestRun")
        .with("Identity", "01a22ca2-e486-73ff-8d15-1dcf3853d30d")
        .with("StartedAt", at())
        .with("Tests", 10_000_i64)
        .with("Failures", 9_999_i64)
        .with("NotRun", 1_i64)
        .with("Way", "session")
        .with("Command", "Test-XmppIM atl-cs-001.litwareinc.com -Receiver adelany@contoso.com");
    let trend = Record::new("TestTrend")
        .with("Start", at())
        .with("TargetFqdn", pool)
        .with("Receiver", receiver)
        .with("Tests", 96_i64)
        .with("Availability", Value::Float(98.958))
        .with("P95", Value::Duration(Duration::from_millis(84)));
    for (record, first) in [(state, "State "), (run, "StartedAt "), (trend, "Start ")] {
        let values = [Value::from(record.clone()), Value::from(record)];
        let table = render(&values, Format::VIEW, Some(80), Colour::Never);
        let header = table.lines().find(|line| !line.is_empty()).unwrap_or_default();
        assert!(header.starts_with(first) && !header.contains(" : "), "{table}");
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    }
}

#[test]
fn no_format_shows_a_secret_or_a_raw_control_character() {
    let values: Vec<Value> = streams().into_iter().flat_map(|(_, values)| values).collect();
    for format in formats() {
        for width in [None, Some(1), Some(17), Some(80)] {
            let text = render(&values, format, width, Colour::Never);
            assert!(!text.contains("hunter2"), "{format:?}");
            let raw = text.chars().find(|letter| imsh::internals::render::visible::is_hostile(*letter));
            assert_eq!(raw, None, "{format:?} at {width:?}");
        }
    }
}

#[test]
fn no_line_of_a_view_is_wider_than_the_terminal() {
    for (name, values) in streams() {
        for format in [Format::VIEW, Format::LIST, Format::TABLE] {
            for width in [40, 60, 80, 120] {
                for line in render(&values, format, Some(width), Colour::Never).lines() {
                    let wide = imsh::internals::render::wrap::columns(line);
                    assert!(wide <= width, "{name} {format:?}: {wide} > {width}: {line}");
                }
            }
        }
    }
}

#[test]
fn json_reads_back_with_the_records_own_names() {
    let values = [success(), hostile()];
    let array: serde_json::Value =
        serde_json::from_str(&render(&values, Format::JSON, None, Colour::Never)).unwrap();
    assert_eq!(array[0]["TargetFqdn"], "atl-cs-001.litwareinc.com");
    assert_eq!(array[0]["Latency"], "00:00:00.0843127");
    assert_eq!(array[0]["LatencySeconds"], 0.084_312_7);
    assert_eq!(array[0]["Steps"][1]["Phase"], "Connect");
    assert_eq!(array[1]["Error"], hostile().property("Error").unwrap().to_string());
    for line in render(&values, Format::JSONL, None, Colour::Never).lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn rows_leave_as_they_come() {
    for format in [Format::LIST, Format::JSON, Format::JSONL] {
        assert!(
            Renderer::new(format, None, Colour::Never).push(&success()).contains("atl-cs-001"),
            "{format:?}"
        );
    }
    // Held back to size the columns, but not for long.
    let mut table = Renderer::new(Format::TABLE, Some(120), Colour::Never);
    assert_eq!(table.push(&success()), "", "held back to size the columns");
    assert!(table.flush().contains("atl-cs-001"), "until patience ends");
    assert!(table.push(&failure()).contains("FEDERATION-REFUSED"), "then every row leaves at once");
    assert_eq!(table.finish(), "");
}

#[test]
fn one_result_is_a_list_and_several_are_a_table() {
    let mut view = Renderer::new(Format::VIEW, Some(80), Colour::Never);
    assert_eq!(view.push(&success()), "");
    assert_eq!(view.flush(), "", "nobody knows yet whether it stays alone");
    view.push(&failure());
    assert!(view.flush().starts_with("Target Fqdn "));
    let alone = render(&[success()], Format::VIEW, Some(80), Colour::Never);
    assert!(
        alone.starts_with("Target Fqdn   : atl-cs-001.litwareinc.com\nResult        : Success\n"),
        "{alone}"
    );
}

#[test]
fn a_long_stream_is_sized_by_its_first_rows_and_loses_nothing() {
    let mut table = Renderer::new(Format::TABLE, None, Colour::Never);
    let mut text = String::new();
    for number in 0..1_000 {
        text.push_str(&table.push(&count(&"x".repeat(number % 100), 1)));
    }
    text.push_str(&table.finish());
    assert_eq!(text.lines().count(), 1_002);
    assert!(text.contains(&"x".repeat(99)));
}

/// The only list of the formats is [`Format::NAMED`]; what tells people of them follows it.
#[test]
fn every_text_that_lists_the_formats_lists_all_of_them() {
    let names: Vec<&str> = Format::NAMED.iter().map(|format| format.name()).collect();
    let readme = fs::read_to_string("README.md").unwrap();
    assert!(readme.contains(&format!("`--output {}`", names.join("|"))), "README.md: {}", names.join("|"));
    for name in names {
        assert_eq!(name.parse::<Format>().unwrap().name(), name);
    }
    assert!("view".parse::<Format>().is_err(), "it is what comes without a name");
}

/// So many results that nobody reads them one by one.
#[test]
fn a_page_of_many_results_says_first_what_they_came_to_and_what_to_do() {
    let finding = |code: &str, n: usize| -> Value {
        result("pool.example", &format!("user{n}@contoso.com"), "Failure")
            .with("Error", format!("broken <b>{n}</b> | `x`"))
            .with("Code", code.to_owned())
            .with("Owner", "Partner")
            .with("Remedy", "Ask the *partner*.")
            .into()
    };
    let mut values = vec![finding("FEDERATION-REFUSED", 1), finding("TLS-NAME", 2)];
    values.extend((3..600).map(|_| success()));
    values.push(finding("TLS-NAME", 600));
    let html = render(&values, Format::HTML, None, Colour::Never);
    let places = [
        "<h1>3 of 600 tests failed.</h1>",
        "<td>Partner</td><td>TLS-NAME</td><td>2</td><td>broken &lt;b&gt;2&lt;/b&gt; | `x`</td><td>Ask the *partner*.</td>",
        "<td>Partner</td><td>FEDERATION-REFUSED</td><td>1</td>",
        "user600@contoso.com",
        "adelany@contoso.com",
    ];
    let found = places.map(|part| html.find(part).unwrap_or_else(|| panic!("{part}\n{html}")));
    assert!(found.is_sorted(), "{found:?}");
    assert_eq!(
        html.matches("<details>").count(),
        103,
        "successes are unfolded only as far as somebody reads"
    );
    assert!(!html.contains("<script") && !html.contains("<b>"));

    let markdown = render(&values, Format::MARKDOWN, None, Colour::Never);
    let places = [
        "**3 of 600 tests failed.**",
        r"| Partner | TLS-NAME | 2 | broken &lt;b&gt;2&lt;/b&gt; \| \`x\` | Ask the \*partner\*. |",
        "| Target Fqdn | Receiver | Result | Latency | Code |",
    ];
    let found = places.map(|part| markdown.find(part).unwrap_or_else(|| panic!("{part}\n{markdown}")));
    assert!(found.is_sorted(), "{found:?}");
}

/// Two senders to one receiver, and one pair that was tested twice.
#[test]
fn what_is_the_same_twice_is_told_apart() {
    let from = |sender: &str| -> Value {
        let own = result("pool.example", "adelany@contoso.com", "Success").with("Sender", sender.to_owned());
        own.with("Latency", Duration::from_millis(20)).into()
    };
    let values = [from("kenmyer@litwareinc.com"), from("pilar@litwareinc.com"), from("pilar@litwareinc.com")];
    let junit = render(&values, Format::JUNIT, None, Colour::Never);
    let nagios = render(&values, Format::NAGIOS, None, Colour::Never);
    for name in [
        "adelany@contoso.com from kenmyer@litwareinc.com",
        "adelany@contoso.com from pilar@litwareinc.com",
        "adelany@contoso.com from pilar@litwareinc.com (2)",
    ] {
        assert_eq!(junit.matches(&format!("name=\"{name}\"")).count(), 1, "{junit}");
        assert_eq!(nagios.matches(&format!("'pool.example to {name}'=")).count(), 1, "{nagios}");
    }
    let prometheus = render(&values, Format::PROMETHEUS, None, Colour::Never);
    let mut series: Vec<&str> = prometheus.lines().filter(|line| !line.starts_with('#')).collect();
    let n_lines = series.len();
    series.iter_mut().for_each(|line| *line = line.rsplit_once(' ').unwrap().0);
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), n_lines, "{prometheus}");
}

#[test]
fn a_metric_is_of_the_test_that_began_last_in_whatever_order_the_results_come() {
    let at = |hours: i64, outcome: &str| -> Value {
        let own = result("pool.example", "adelany@contoso.com", outcome);
        own.with("StartedAt", Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)).into()
    };
    let told = |values: &[Value]| {
        let text = render(values, Format::PROMETHEUS, None, Colour::Never);
        let line = text.lines().find(|line| line.starts_with("imsh_test_success{")).unwrap().to_owned();
        line.rsplit_once(' ').unwrap().1.to_owned()
    };
    assert_eq!(told(&[at(3, "Success"), at(2, "Failure"), at(1, "Failure")]), "1");
    assert_eq!(told(&[at(1, "Failure"), at(2, "Failure"), at(3, "Success")]), "1");
    assert_eq!(told(&[at(2, "Failure"), at(3, "NotRun"), at(1, "Success")]), "0");
    // The success of one test was taken back.
    assert_eq!(told(&[at(1, "Failure"), at(1, "Success")]), "0");
    assert_eq!(told(&[at(1, "Success"), at(1, "Failure")]), "0");
}

/// What is wrong beside a success is in every output for monitoring.
#[test]
fn a_warning_is_told_in_every_format() {
    let warning = |severity: &str| -> Value {
        let warning = Record::new("ResultWarning").with("Code", "LATENCY-WARNING");
        let warning = warning.with("Severity", severity.to_owned()).with("Text", "too slow");
        let own = result("pool.example", "adelany@contoso.com", "Success");
        own.with("Warnings", vec![Value::from(warning)]).into()
    };
    for format in Format::NAMED.iter().filter(|format| !format.is_for_people()) {
        let text = render(&[warning("Warning"), success()], *format, None, Colour::Never);
        let is_metric = *format == Format::PROMETHEUS;
        let told = if is_metric { r#"code="LATENCY-WARNING",severity="Warning""# } else { "too slow" };
        assert!(text.contains(told), "{format:?}: {text}");
    }
    let nagios = |values: &[Value]| render(values, Format::NAGIOS, None, Colour::Never);
    let said = "pool.example to adelany@contoso.com: LATENCY-WARNING: too slow";
    assert!(nagios(&[warning("Warning")]).starts_with(&format!("XMPPIM WARNING - {said} | ")));
    assert!(nagios(&[warning("Critical")]).starts_with(&format!("XMPPIM CRITICAL - {said} | ")));
    let several = nagios(&[warning("Warning"), success(), warning("Critical")]);
    assert!(
        several.starts_with("XMPPIM CRITICAL - 1 of 3 tests passed a critical threshold | "),
        "{several}"
    );
    assert!(nagios(&[warning("Warning"), failure()]).starts_with("XMPPIM CRITICAL - 1 of 2 tests failed | "));
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_a_format_or_a_terminal(texts in proptest::collection::vec("\\PC{0,40}|[\\x00-\\x7f]{0,40}|.{0,20}", 1..4), width in 1_usize..120) {
        let record = |text: &String| {
            let record = Record::new("TestResult").with("TargetFqdn", text.as_str()).with("Result", "Failure");
            Value::from(record.with("Error", text.as_str()).with("Code", text.as_str()))
        };
        let values: Vec<Value> = texts.iter().map(record).collect();
        for format in formats() {
            let text = render(&values, format, Some(width), Colour::Never);
            let raw = text.chars().find(|letter| imsh::internals::render::visible::is_hostile(*letter));
            proptest::prop_assert_eq!(raw, None, "{:?}", format);
        }
        let json = render(&values, Format::JSON, None, Colour::Never);
        let array: serde_json::Value = serde_json::from_str(&json).unwrap();
        for (text, read) in texts.iter().zip(array.as_array().unwrap()) {
            proptest::prop_assert_eq!(read["Error"].as_str(), Some(text.as_str()));
        }
    }
}

fn formats() -> Vec<Format> {
    [Format::VIEW].iter().chain(Format::NAMED).copied().collect()
}
