//! `Export-TestReport`: the file, and how a browser shows it.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::past::{HOUR, Known, Past};
use crate::support;

/// Runs code with the results in `file`.
fn run(file: &Path, code: &str) -> Output {
    let mut command = support::imsh();
    command.arg("--store").arg(file).args(["-c", code]);
    command.stdin(Stdio::null()).output().unwrap()
}

fn export(past: &Past, options: &str) -> std::path::PathBuf {
    let file = past.beside("report.html");
    let output = run(&past.file, &format!("Export-TestReport '{}' {options}", file.display()));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && output.stdout.is_empty(), "{said}");
    file
}

/// What a hostile server, a hostile pool and a hostile operator could have written into a store.
const HOSTILE: &str = "</td></table></script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\u{202e}'\"{{ 7 * 7 }}<!--";

fn hostile(past: &Past) -> i64 {
    let step = json!({ "phase": HOSTILE, "learned": [HOSTILE], "start_ns": 0, "duration_ns": 5_000_000 });
    let report = json!({
        "kind": "TestResult", "target": HOSTILE, "subject": HOSTILE, "outcome": "Failure", "code": HOSTILE,
        "owner": "Partner", "diagnosis": HOSTILE, "remedy": HOSTILE, "error": HOSTILE, "evidence": HOSTILE,
        "attempts": 1, "is_flaky": false, "is_inferred": false, "steps": [step],
    });
    let id = past.add(&Known {
        test: HOSTILE,
        pool: HOSTILE,
        receiver: HOSTILE,
        state: "Down",
        code: Some(HOSTILE),
        owner: Some(HOSTILE),
        sites: &[(HOSTILE, "Down"), ("Dublin", "Up")],
        report: report.to_string(),
    });
    past.turn(id, "Up", "Down", HOUR, HOSTILE);
    past.hours(id, HOSTILE, 5, |hour| (hour % 5, 20));
    id
}

/// Five pairs: three are well, one is down, one is flaky.
fn few(past: &Past) {
    let pair = |pool, receiver, state, code: Option<&'static str>| {
        let site = [("Dublin", state)];
        past.add(&Known {
            test: "XmppIM",
            pool,
            receiver,
            state,
            code,
            owner: code.map(|_| "Partner"),
            sites: &site,
            report:
                json!({ "kind": "TestResult", "outcome": if code.is_some() { "Failure" } else { "Success" } })
                    .to_string(),
        })
    };
    let (atl, dub) = ("atl-cs-001.litwareinc.com", "dub-cs-001.fabrikam.com");
    let well = [
        pair(atl, "adelany@contoso.com", "Up", None),
        pair(dub, "adelany@contoso.com", "Up", None),
        pair(atl, "kim@northwindtraders.com", "Up", None),
    ];
    let down = pair(dub, "kim@northwindtraders.com", "Down", Some("FEDERATION-REFUSED"));
    let flaky = pair(atl, "pilar@expired.contoso.com", "Flaky", Some("FEDERATION-CERTIFICATE-EXPIRED"));
    for (n, id) in (0..).zip(well) {
        past.hours(id, "Dublin", 24, move |hour| (4, 16 + (n + u32::try_from(hour).unwrap() * 5) % 9));
    }
    past.hours(down, "Dublin", 24, |hour| (if hour < 3 { 0 } else { 4 }, 22));
    past.hours(flaky, "Dublin", 24, |hour| (1 + hour % 4, 19));
    past.turn(down, "Up", "Down", 2 * HOUR, "FEDERATION-REFUSED: the partner refuses us.");
    past.turn(flaky, "Up", "Flaky", 5 * HOUR, "FEDERATION-CERTIFICATE-EXPIRED: it ended.");
}

#[test]
fn a_report_is_one_file_that_loads_nothing_and_says_everything() {
    let past = Past::new();
    few(&past);
    let file = export(&past, "-Title 'Week 48' -TimeZone Europe/Dublin");
    let html = std::fs::read_to_string(&file).unwrap();
    for said in [
        "<title>Week 48</title>",
        "All times are Europe/Dublin (UTC",
        "✖ 1</b> Down",
        "✔ 3</b> Up",
        "FEDERATION-REFUSED",
        "Up → Down",
        // The remedy of the catalogue.
        imsh::internals::diagnosis::catalogue::entry("FEDERATION-REFUSED").unwrap().remedy,
        "40 days",
    ] {
        assert!(html.contains(said), "{said} is missing");
    }
    for external in ["<link", "<img", "src=", "url(", "@import", " style=", " onclick", "http:", "https:"] {
        assert!(!html.contains(external), "{external}");
    }
    let left: Vec<_> = std::fs::read_dir(past.directory()).unwrap().collect();
    let names = left.iter().map(|entry| entry.as_ref().unwrap().file_name().into_string().unwrap());
    assert_eq!(
        names.filter(|name| !name.starts_with("results")).count(),
        1,
        "nothing else is left: {left:?}"
    );
}

#[test]
fn the_same_facts_come_as_json_and_through_the_pipe() {
    let past = Past::new();
    few(&past);
    let output = run(&past.file, "Export-TestReport -Format Json -Receiver *@contoso.com");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["pairs"].as_array().unwrap().len(), 2, "{report}");
    assert_eq!(report["pairs"][0]["history"].as_array().unwrap().len(), 25);
    let page = run(&past.file, "Export-TestReport -Pool dub-*");
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    assert!(page.contains("dub-cs-001") && !page.contains("atl-cs-001"));
}

#[test]
fn a_report_without_a_pair_does_not_say_that_all_is_well() {
    let past = Past::new();
    let said = |options: &str| {
        let output = run(&past.file, &format!("Export-TestReport {options}"));
        assert!(output.status.success());
        let page = String::from_utf8(output.stdout).unwrap();
        assert!(!page.contains("every pair is up"), "{page}");
        assert_eq!(page.contains("<p>No pair is in this report.</p>"), !options.contains("Json"), "{page}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(said("").contains("none that your roles let you see was tested."));
    few(&past);
    for options in ["-Pool alt-cs-001*", "-Receiver nobody@contoso.com -Format Json"] {
        assert!(
            said(options).contains("WARNING: No pair is in the report: none that was tested fits -Pool,")
        );
    }
}

#[test]
fn a_file_is_replaced_at_once_or_not_at_all() {
    let past = Past::new();
    few(&past);
    let file = past.beside("report.html");
    std::fs::write(&file, "yesterday's").unwrap();
    let kept = run(&past.file, &format!("Export-TestReport '{}' -NoClobber", file.display()));
    assert!(String::from_utf8_lossy(&kept.stderr).contains("-NoClobber keeps it"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "yesterday's");
    let nowhere = run(&past.file, &format!("Export-TestReport '{}'", past.beside("no/such.html").display()));
    assert!(
        !nowhere.status.success()
            && String::from_utf8_lossy(&nowhere.stderr).contains("could not be written")
    );
    let zone = run(&past.file, "Export-TestReport -TimeZone Mars/Base");
    assert!(String::from_utf8_lossy(&zone.stderr).contains("knows no such time zone"));
    export(&past, "");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("<!DOCTYPE html>"));
}

#[test]
fn a_file_whose_name_promises_another_format_is_not_written() {
    let past = Past::new();
    few(&past);
    for (name, format, way) in [
        ("week.csv", "Html", "Get-TestResult | Export-Csv report.csv"),
        ("week.pdf", "Html", "Export-TestReport report.html"),
        ("week.xml", "Html", "imsh -o junit"),
        ("week.json", "Html", "Export-TestReport report.json -Format Json"),
        ("week.html", "Json", "Export-TestReport report.html"),
    ] {
        let file = past.beside(name);
        let refused = run(&past.file, &format!("Export-TestReport '{}' -Format {format}", file.display()));
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(way) && !file.exists(), "{name}: {said}");
    }
}

/// A delegated administrator has the report of what they may test, and no file.
#[test]
fn a_report_tells_of_what_the_reader_may_test() {
    let past = Past::new();
    few(&past);
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name;
    let document = past.beside("topology.toml");
    let topology = format!(
        "[[pool]]\nidentity = \"atl-cs-001.litwareinc.com\"\nsite = \"Redmond\"\ndomains = [\"litwareinc.com\"]\n\
         [[pool]]\nidentity = \"dub-cs-001.fabrikam.com\"\nsite = \"Dublin\"\ndomains = [\"fabrikam.com\"]\n\
         [access]\n[[access.role]]\nidentity = \"Desk\"\ntemplate = \"HelpDesk\"\nconfig_scopes = [\"site:Redmond\"]\n\
         user_scopes = [\"domain:contoso.com\"]\n[[access.assignment]]\nrole = \"Desk\"\nmembers = [\"os-user:{user}\"]\n"
    );
    std::fs::write(&document, topology).unwrap();
    let ask = |code: &str| {
        let mut command = support::imsh();
        command.arg("--topology").arg(&document).arg("--store").arg(&past.file);
        command.args(["-c", code]).stdin(Stdio::null()).output().unwrap()
    };
    let page = String::from_utf8(ask("Export-TestReport").stdout).unwrap();
    assert!(page.contains("adelany@contoso.com") && page.contains("✔ 1</b> Up"), "{page}");
    for hidden in ["dub-cs-001", "northwindtraders", "expired.contoso.com", "FEDERATION-REFUSED"] {
        assert!(!page.contains(hidden), "{hidden}");
    }
    let refused = ask(&format!("Export-TestReport '{}'", past.beside("own.html").display()));
    assert!(!refused.status.success() && !past.beside("own.html").exists());
}

#[test]
fn a_browser_has_nothing_to_complain_of_and_the_reader_can_filter_sort_and_walk() {
    let Some(mut browser) = Browser::start() else { return };
    let past = Past::new();
    few(&past);
    browser.open_file(&export(&past, ""));
    browser.picture("report");
    // Filter.
    browser.press("/");
    assert_eq!(browser.evaluate("document.activeElement.id"), "filter");
    browser.write("northwind dub");
    browser.until("document.getElementById('found').textContent === '1 of 5 pairs are shown.'");
    let shown =
        "[...document.querySelectorAll('#attention-table tbody tr')].filter(row => !row.hidden).length";
    assert_eq!(browser.evaluate(shown), 1);
    browser.picture("report-filtered");
    browser.press("Escape");
    browser.until("document.getElementById('found').textContent === ''");
    browser.evaluate("document.querySelector('#states input[value=Up]').click()");
    browser.until("document.getElementById('found').textContent === '2 of 5 pairs are shown.'");
    browser.evaluate("document.querySelector('#states input[value=Up]').click()");
    // Sort.
    let first = "document.querySelector('#pairs-table tbody tr').cells[2].textContent";
    let by = |place: usize| format!("document.querySelectorAll('#pairs-table th button')[{place}].click()");
    browser.evaluate(&by(2));
    assert_eq!(browser.evaluate(first), "adelany@contoso.com");
    browser.evaluate(&by(2));
    assert_eq!(browser.evaluate(first), "pilar@expired.contoso.com");
    let sorted = "document.querySelectorAll('#pairs-table th')[2].getAttribute('aria-sort')";
    assert_eq!(browser.evaluate(sorted), "descending");
    // Keyboard: one stop in the matrix, arrows inside, Enter leads to the pair.
    assert_eq!(browser.evaluate("document.querySelectorAll('table.matrix a[tabindex=\"0\"]').length"), 1);
    browser.evaluate("document.querySelector('table.matrix a[tabindex=\"0\"]').focus()");
    browser.press("ArrowDown");
    browser.press("ArrowRight");
    let at = "document.activeElement.closest('td').dataset.state";
    assert_eq!(browser.evaluate(at), "Down");
    browser.press("Enter");
    browser.until("location.hash.startsWith('#pair-') && document.querySelector(location.hash) !== null");
    browser.until("Math.abs(document.querySelector(location.hash).getBoundingClientRect().top) < 200");
    browser.picture("report-pair");
    assert_eq!(browser.complaints, [] as [String; 0]);
}

#[test]
fn what_a_server_said_stays_text() {
    let Some(mut browser) = Browser::start() else { return };
    let past = Past::new();
    few(&past);
    hostile(&past);
    let file = export(&past, "-Title '<script>document.title=1</script>'");
    let html = std::fs::read_to_string(&file).unwrap();
    assert!(!html.contains('\u{202e}'));
    browser.open_file(&file);
    browser.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })");
    assert_eq!(browser.evaluate("document.title"), "<script>document.title=1</script>");
    assert_eq!(browser.evaluate("document.scripts.length"), 1, "our own");
    assert_eq!(browser.evaluate("document.querySelectorAll('img, iframe, object, link, base').length"), 0);
    let text = browser.evaluate("document.body.innerText");
    assert!(text.as_str().unwrap().contains("document.title='owned'"), "it is shown");
    browser.picture("report-hostile");
    assert_eq!(browser.complaints, [] as [String; 0]);
    // Were it markup after all, the policy would still not let it run.
    let broken = html.replacen(
        "<main>",
        "<main><script>document.title='owned'</script><img src=\"x\" onerror=\"document.title='owned'\">",
        1,
    );
    std::fs::write(&file, broken).unwrap();
    browser.open_file(&file);
    assert_ne!(browser.evaluate("document.title"), "owned");
    assert!(!browser.complaints.is_empty(), "the browser says that it did not run it");
}

/// The names in tables that are broken within a word: those without a hyphen that take more than one line.
const BROKEN_NAMES: &str = "[...document.querySelectorAll('td.name')].filter((cell) => { \
    const range = document.createRange(); range.selectNodeContents(cell); \
    const lines = new Set([...range.getClientRects()].map((line) => Math.round(line.top))); \
    return lines.size > 1 && !cell.textContent.includes('-'); }).map((cell) => cell.textContent)";

#[test]
fn names_are_whole_on_a_wide_page_and_a_narrow_page_is_no_wider_than_its_window() {
    let Some(mut browser) = Browser::start() else { return };
    let past = Past::new();
    few(&past);
    let long = format!("{}@{}.example", "u".repeat(60), "p".repeat(63));
    past.add(&Known {
        test: "XmppIM",
        pool: "atl-cs-001.litwareinc.com",
        receiver: &long,
        state: "Down",
        code: Some("FEDERATION-CERTIFICATE-NAME-MISMATCH"),
        owner: Some("Partner"),
        sites: &[("Dublin", "Down")],
        report: json!({ "kind": "TestResult", "outcome": "Failure" }).to_string(),
    });
    let file = export(&past, "");
    browser.open_file(&file);
    for (width, scheme) in [(1200, "light"), (1200, "dark"), (400, "light"), (400, "dark")] {
        browser.show_as("screen", scheme);
        let size = json!({ "width": width, "height": 1400, "deviceScaleFactor": 1, "mobile": false });
        browser.call("Emulation.setDeviceMetricsOverride", size);
        browser.picture(&format!("report-{width}-{scheme}"));
        let overflows = "(() => { const edge = document.documentElement.clientWidth; \
            if (document.documentElement.scrollWidth <= edge) return ''; \
            const wide = [...document.querySelectorAll('body *')].find((part) => \
            !part.closest('.scroll') && part.getBoundingClientRect().right > edge + 1); \
            return wide ? wide.outerHTML.slice(0, 300) : 'something'; })()";
        assert_eq!(browser.evaluate(overflows), "", "{width}");
        if width == 1200 {
            assert_eq!(browser.evaluate(BROKEN_NAMES), json!([long, long]), "a name that is too long alone");
        }
    }
}

#[test]
fn a_report_is_dark_where_the_reader_is_and_prints_and_needs_no_script() {
    let Some(mut browser) = Browser::start() else { return };
    let past = Past::new();
    few(&past);
    let file = export(&past, "");
    browser.show_as("screen", "dark");
    browser.open_file(&file);
    browser.picture("report-dark");
    // Contrast of the text, by the formula of WCAG: at least 4.5.
    let contrast = "(() => { const light = (colour) => { const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => { \
        const share = part / 255; return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4; }); \
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; }; const page = getComputedStyle(document.body); \
        const behind = light(page.backgroundColor); \
        return [...document.querySelectorAll('body, .quiet, .state, a, .counts b')].map((element) => { \
        const own = light(getComputedStyle(element).color); \
        return (Math.max(own, behind) + 0.05) / (Math.min(own, behind) + 0.05); }).reduce((a, b) => Math.min(a, b)); })()";
    assert!(browser.evaluate(contrast).as_f64().unwrap() >= 4.5);
    browser.show_as("screen", "light");
    assert!(browser.evaluate(contrast).as_f64().unwrap() >= 4.5);
    assert!(browser.printed().starts_with(b"%PDF"));
    browser.show_as("print", "light");
    assert_eq!(browser.evaluate("getComputedStyle(document.getElementById('tools')).display"), "none");
    browser.picture("report-printed");
    browser.show_as("screen", "light");
    browser.allow_scripts(false);
    browser.open_file(&file);
    browser.picture("report-without-scripts");
    assert_eq!(browser.complaints, [] as [String; 0]);
    // What a reader without scripts is not shown is only what would do nothing.
    let text = browser.call("DOMSnapshot.captureSnapshot", json!({ "computedStyles": [] })).to_string();
    for said in ["FEDERATION-REFUSED", "Findings by owner", "adelany@contoso.com"] {
        assert!(text.contains(said), "{said}");
    }
}

/// The size and the time are of ten thousand pairs; a report of half as many pairs is half of it.
#[test]
fn ten_thousand_pairs_open_without_a_stall() {
    let Some(mut browser) = Browser::start() else { return };
    let past = Past::new();
    past.crowd(20, 500, 24);
    let began = Instant::now();
    let file = export(&past, "");
    let made = began.elapsed();
    let size = std::fs::metadata(&file).unwrap().len();
    let opened = browser.open_file(&file);
    assert_eq!(browser.evaluate("document.querySelectorAll('table.matrix td[data-state]').length"), 10_000);
    browser.picture("report-ten-thousand");
    let filtered = "(() => { const words = document.getElementById('filter'); words.value = 'partner-007'; \
        const began = performance.now(); words.dispatchEvent(new Event('input')); \
        return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)))); })()";
    let filtered = browser.evaluate(filtered).as_f64().unwrap();
    tell(&format!("made {made:?}, {size} bytes, opened {opened:?}, filtered {filtered:.0} ms"));
    assert_eq!(
        browser.evaluate("document.getElementById('found').textContent"),
        "40 of 10000 pairs are shown."
    );
    assert!(size < 12_000_000, "{size} bytes");
    // The machine may be busy with other tests: the bounds are those of a page that hangs.
    assert!(opened < Duration::from_secs(20) && filtered < 5_000.0, "{opened:?} {filtered}");
    assert_eq!(browser.complaints, [] as [String; 0]);
}

/// States, trends and reports are made of states and rollups; raw results are read of the pairs that are shown in full
/// alone, by an index. Beside ten thousand results and beside a million each answer takes the same time.
#[test]
fn the_time_of_an_answer_does_not_grow_with_the_results_that_are_kept() {
    let past = Past::new();
    past.crowd(10, 10, 24);
    let mut times = Vec::new();
    for n in [10_000, 100_000, 1_000_000] {
        past.results(n);
        let timed = |answer: &dyn Fn()| {
            let began = Instant::now();
            answer();
            began.elapsed()
        };
        let ask = |code: &str, n_lines: usize| {
            let answer = run(&past.file, code);
            let n_told = String::from_utf8(answer.stdout).unwrap().lines().count();
            assert!(n_told >= n_lines, "{code}: {n_told}");
        };
        times.push([
            timed(&|| ask("Get-TestState | ConvertTo-Csv", 100)),
            timed(&|| ask("Get-TestTrend -By Hour | ConvertTo-Csv", 24)),
            timed(&|| drop(export(&past, ""))),
        ]);
    }
    tell(&format!("Get-TestState, Get-TestTrend, a report beside 10^4, 10^5 and 10^6 results: {times:.1?}"));
    // A hundred times the rows; the factor is for other tests that run meanwhile.
    for (one, hundred) in times[0].iter().zip(&times[2]) {
        assert!(*hundred < *one * 5 + Duration::from_secs(2), "{times:?}");
    }
}

#[test]
fn a_report_tells_each_site_where_several_have_tested() {
    let past = Past::new();
    few(&past);
    assert!(!std::fs::read_to_string(export(&past, "")).unwrap().contains("<h2>Sites</h2>"), "there is one");
    past.add(&Known {
        test: "XmppIM",
        pool: "osl-cs-001.litwareinc.com",
        receiver: "kim@contoso.com",
        state: "Down",
        code: Some("FEDERATION-TIMEOUT"),
        owner: Some("Network"),
        sites: &[("Dublin", "Down"), ("Oslo", "Up"), ("Redmond", "Up")],
        report: json!({ "kind": "TestResult", "outcome": "Failure" }).to_string(),
    });
    let page = std::fs::read_to_string(export(&past, "")).unwrap();
    for said in ["<h2>Sites</h2>", "<td>Dublin</td>", "<td>Oslo</td>", "From Redmond"] {
        assert!(page.contains(said), "{said}");
    }
}

#[expect(clippy::print_stderr, reason = "figures for whoever reads the test's output")]
fn tell(text: &str) {
    eprintln!("{text}");
}
