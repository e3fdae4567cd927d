//! Those who scrape: Debian's Prometheus, Debian's `prosodyctl check connectivity`, and `/probe` by hand.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::post::{ATL, GOOD, until};
use crate::service::{EXPIRED, Serving, check_metrics};
use crate::support::{bare, skip};

fn probe(serving: &Serving, module: &str, target: &str) -> String {
    let answer = serving.get(&format!("/probe?module={module}&target={target}"));
    assert_eq!(answer.status, 200, "{module} {target}");
    check_metrics(&answer.text);
    let verdicts: Vec<&str> = answer.text.lines().filter(|line| line.starts_with("probe_success")).collect();
    assert!(matches!(verdicts[..], ["probe_success 0" | "probe_success 1"]), "{}", answer.text);
    answer.text
}

fn is_pass(text: &str) -> bool {
    text.lines().any(|line| line == "probe_success 1")
}

#[test]
fn a_probe_tests_what_the_topology_lists_and_nothing_else() {
    let serving = Serving::two_pairs();
    let passed = probe(&serving, "c2s_normal_auth", "xmpp%3alitwareinc.com");
    assert!(is_pass(&passed), "{passed}");
    for line in ["probe_duration_seconds ", "probe_ssl_earliest_cert_expiry 1"] {
        assert!(passed.lines().any(|own| own.starts_with(line)), "{line}: {passed}");
    }
    for phase in ["resolve", "connect", "starttls", "auth", "bind"] {
        assert!(passed.contains(&format!("probe_xmpp_duration_seconds{{phase=\"{phase}\"}}")), "{passed}");
    }
    let partner = probe(&serving, "s2s_normal", "xmpp:contoso.com");
    assert!(is_pass(&partner), "{partner}");
    assert!(partner.contains("probe_sasl_mechanism_offered{mechanism=\"EXTERNAL\"} 1"), "{partner}");
    let failed = probe(&serving, "s2s_normal", "xmpp:expired.contoso.com");
    assert!(
        !is_pass(&failed) && failed.contains("code=\"FEDERATION-CERTIFICATE-EXPIRED\",owner=\"Partner\""),
        "{failed}"
    );
    // Targets as users of other exporters write them.
    for (module, target) in [
        ("register", "kenmyer@litwareinc.com"),
        ("c2s_normal_auth", "litwareinc.com"),
        ("s2s_normal", "xmpp://contoso.com"),
        ("ping", "litwareinc.com"),
    ] {
        let passed = probe(&serving, module, target);
        assert!(is_pass(&passed), "{module} {target}: {passed}");
    }
    let sent = probe(&serving, "im", GOOD);
    assert!(is_pass(&sent) && sent.contains("probe_xmpp_evidence_info{evidence=\""), "{sent}");
    // A ping is answered, or refused on the way, or lost.
    let pong = probe(&serving, "ping", "xmpp:contoso.com");
    assert!(is_pass(&pong), "{pong}");
    for line in
        ["probe_ping_timeout 0", "probe_xmpp_duration_seconds{phase=\"deliver\"} ", "probe_duration_seconds "]
    {
        assert!(pong.lines().any(|own| own.starts_with(line)), "{line}: {pong}");
    }
    let round_trip = |text: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix("probe_xmpp_ping_duration_seconds "));
        value.map(|value| value.parse::<f64>().unwrap())
    };
    assert!(round_trip(&pong).is_some_and(|seconds| seconds > 0.0), "{pong}");
    let refused = probe(&serving, "ping", "expired.contoso.com");
    assert!(
        !is_pass(&refused) && refused.contains("code=\"FEDERATION-CERTIFICATE-EXPIRED\",owner=\"Partner\"")
    );
    assert!(refused.contains("\nprobe_ping_timeout 0\n") && round_trip(&refused).is_none(), "{refused}");
    let lost = probe(&serving, "ping", "lost.contoso.com");
    assert!(!is_pass(&lost) && lost.contains("\nprobe_ping_timeout 1\n"), "{lost}");
    let nobody = probe(&serving, "ping", "contoso.com&pool=wrong-password.litwareinc.com");
    assert!(!is_pass(&nobody) && nobody.contains("\nprobe_ping_timeout 0\n"), "{nobody}");
    assert!(!partner.contains("probe_ping_timeout") && !sent.contains("probe_ping_timeout"));
    let unkeyed = probe(&serving, "ping", "contoso.com&pool=no-password.litwareinc.com");
    assert!(
        unkeyed.contains("# Nothing was tested: There is no password for kenmyer@no-password"),
        "{unkeyed}"
    );
    assert!(!is_pass(&unkeyed) && unkeyed.contains("owner=\"Caller\""), "{unkeyed}");
    for target in ["adelany@contoso.com", "xmpp://contoso.com:5269/contoso.com"] {
        let refused = probe(&serving, "ping", target);
        assert!(
            !is_pass(&refused) && refused.contains("# Nothing was tested: module=ping asks a domain"),
            "{refused}"
        );
    }
    // Nothing else is logged on to, looked up or sent to.
    for (module, target) in [
        ("c2s_normal_auth", "xmpp:unlisted.example"),
        ("c2s_normal_auth", "xmpp://127.0.0.1:22/litwareinc.com"),
        ("c2s_normal_auth", ""),
        // A server that the topology does not name, and users whom it does not lend.
        ("c2s_normal_auth", "xmpp://127.0.0.1:5222/litwareinc.com"),
        ("c2s_normal_auth", "stranger@litwareinc.com"),
        ("register", "adelany@contoso.com"),
        ("register", "xmpp:unlisted.example"),
        ("ping", "nobody@unlisted.example"),
        ("ping", "unlisted.example"),
        ("ping", "contoso.com&pool=unlisted.example"),
        ("ping", "127.0.0.1"),
        ("im", "litwareinc.com"),
        ("c2s_direct", "xmpp:litwareinc.com"),
        ("s2s_normal", "xmpp:unlisted.example"),
        ("s2s_normal", "127.0.0.1"),
        ("im", "stranger@contoso.com"),
        ("im", "%0aprobe_success%201"),
        ("http_2xx", "xmpp:contoso.com"),
        ("", ""),
    ] {
        let refused = probe(&serving, module, target);
        assert!(!is_pass(&refused), "{module} {target}: {refused}");
        assert!(refused.contains("owner=\"Caller\""), "{refused}");
        assert!(refused.contains("# Nothing was tested: "), "{refused}");
    }
}

/// What a command prints, as one line.
fn said(serving: &Serving, code: &str) -> String {
    let output = serving.post.command().args(["-c", code]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_probe_of_one_server_is_of_that_server_and_only_of_one_that_is_listed_or_found() {
    let serving = Serving::two_pairs();
    let server = said(&serving, "(Test-FederatedPartner contoso.com).Servers[0].Server");
    assert!(is_pass(&probe(&serving, "s2s_normal", &format!("xmpp://{server}/contoso.com"))), "{server}");
    let other = probe(&serving, "s2s_normal", "xmpp://127.0.0.1:1/contoso.com");
    assert!(!is_pass(&other) && other.contains("code=\"NO-SUCH-SERVER\""), "{other}");
    let server = said(&serving, &format!("(Test-Registration {ATL} -EachServer)[0].Server"));
    let target = format!("xmpp://{server}/litwareinc.com");
    let refused = probe(&serving, "c2s_normal_auth", &target);
    assert!(refused.contains("# Nothing was tested: the topology lists no such server"), "{refused}");
    let header = format!("identity = \"{ATL}\"\n");
    let listed = serving.post.topology().replace(&header, &format!("{header}servers = [\"{server}\"]\n"));
    serving.post.write(&listed);
    let passed = probe(&serving, "c2s_normal_auth", &target);
    assert!(is_pass(&passed), "{target}: {passed}");
}

#[test]
fn a_probe_is_not_made_again_at_once_and_keeps_the_time_of_its_scrape() {
    let serving = Serving::two_pairs();
    let n_results = || serving.post.number("SELECT count(*) FROM result");
    let n = n_results();
    let first = probe(&serving, "im", GOOD);
    for _ in 0..5 {
        assert_eq!(probe(&serving, "im", GOOD), first, "the last answer holds");
    }
    // Another spelling is no other target.
    for spelling in ["xmpp:adelany@contoso.com", "Adelany@CONTOSO.com", "adelany@contoso.COM&x=1"] {
        assert_eq!(probe(&serving, "im", spelling), first, "{spelling}");
    }
    assert_eq!(n_results(), n, "no state turns by a probe");
    // A pool that keeps silent is waited for as long as the scrape allows, and the scrape is to blame.
    let silent = format!("{GOOD}&pool=silent.litwareinc.com");
    let began = Instant::now();
    let within = |seconds: &str, target: &str| {
        serving.ask(&format!(
            "GET /probe?module=im&target={target} HTTP/1.1\r\nHost: localhost\r\nX-Prometheus-Scrape-Timeout-Seconds: {seconds}\r\nConnection: close\r\n\r\n"
        ))
    };
    let cut = within("0.6", &silent);
    assert!(began.elapsed() < Duration::from_secs(10));
    assert!(
        !is_pass(&cut.text) && cut.text.contains("code=\"TIMEOUT-TOO-SHORT\",owner=\"Caller\""),
        "{}",
        cut.text
    );
    // The answer does not hold for another scrape, which leaves the time that a test takes.
    let target = format!("{GOOD}&pool=dub-cs-001.fabrikam.com");
    assert!(within("0.501", &target).text.contains("TIMEOUT-TOO-SHORT"));
    assert!(is_pass(&within("10", &target).text));
}

#[test]
fn many_requests_at_once_are_one_test() {
    let serving = Serving::two_pairs();
    let ask = |address: String| {
        use std::io::{Read, Write};
        let path = "/probe?module=c2s_normal_auth&target=litwareinc.com";
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    };
    let asking: Vec<_> = (0..24).map(|_| serving.address.clone()).collect();
    let asking: Vec<_> = asking.into_iter().map(|address| std::thread::spawn(move || ask(address))).collect();
    let answers: Vec<String> = asking.into_iter().map(|asked| asked.join().unwrap()).collect();
    // An answer holds how long its test took: the same answer is the same test.
    let tests: std::collections::BTreeSet<&String> = answers.iter().collect();
    assert!(tests.len() <= 2, "{} tests for {} requests at once", tests.len(), answers.len());
    assert!(answers.iter().all(|answer| is_pass(answer)));
}

/// Starts Prometheus on a configuration, and asks it until it has seen what is wanted.
#[test]
fn prometheus_scrapes_metrics_and_probes() {
    if bare("prometheus").arg("--version").output().is_err() {
        skip("prometheus is not installed");
        return;
    }
    let serving = Serving::two_pairs();
    let directory = tempfile::tempdir().unwrap();
    let example = std::fs::read_to_string("examples/deploy/prometheus.yml").unwrap();
    let configuration = example
        .replace("localhost:9604", &serving.address)
        .replace("xmpp:example.com", "xmpp:litwareinc.com")
        .replace("xmpp:partner.example", "xmpp:expired.contoso.com")
        .replace(
            "/etc/prometheus/imsh-alerts.yml",
            &std::fs::canonicalize("examples/deploy/imsh-alerts.yml").unwrap().display().to_string(),
        )
        .replace(
            "scrape_interval: 1m",
            "scrape_interval: 1s\n  scrape_timeout: 1s\n  evaluation_interval: 1s",
        );
    let file = directory.path().join("prometheus.yml");
    std::fs::write(&file, configuration).unwrap();
    let checked = bare("promtool").args(["check", "config"]).arg(&file).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut prometheus = bare("prometheus")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
        .arg(format!("--web.listen-address={address}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(directory.path().join("log")).unwrap())
        .spawn()
        .unwrap();
    let ask = |query: &str| -> Vec<Value> {
        use std::io::{Read, Write};
        let Ok(mut stream) = std::net::TcpStream::connect(&address) else { return Vec::new() };
        let path = format!(
            "/api/v1/query?query={}",
            query.replace('{', "%7B").replace('}', "%7D").replace('"', "%22").replace(' ', "%20")
        );
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let value: Value = serde_json::from_str(body).unwrap_or_default();
        value["data"]["result"].as_array().cloned().unwrap_or_default()
    };
    let has = |query: &str| !ask(query).is_empty();
    let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        for query in [
            "up{job=\"imsh\"} == 1",
            "imsh_test_state{state=\"Down\"} == 1",
            "imsh_test_failure{code=\"FEDERATION-CERTIFICATE-EXPIRED\",owner=\"Partner\"}",
            "probe_success{job=\"imsh-c2s\"} == 1",
            "probe_success{job=\"imsh-s2s\"} == 0",
            "probe_success{job=\"imsh-ping\"} == 0",
            "ALERTS{alertname=\"ImshPairDown\"}",
        ] {
            until(query, || has(query));
        }
    }));
    let _ = prometheus.kill();
    let _ = prometheus.wait();
    let log = std::fs::read_to_string(directory.path().join("log")).unwrap_or_default();
    assert!(seen.is_ok(), "{log}");
    assert!(!log.contains("err="), "{log}");
    assert!(serving.get("/metrics").text.contains(EXPIRED) && serving.get("/metrics").text.contains(ATL));
}

#[test]
fn the_alert_rules_are_ones_that_prometheus_takes() {
    if bare("promtool").arg("--version").output().is_err() {
        skip("promtool is not installed");
        return;
    }
    let checked =
        bare("promtool").args(["check", "rules", "examples/deploy/imsh-alerts.yml"]).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

/// `prosodyctl check connectivity` of hosts that are well, and of hosts that are not.
#[test]
fn prosodyctl_says_pass_for_a_good_host_and_fail_for_a_broken_one() {
    if bare("prosodyctl").arg("about").output().is_err() {
        skip("prosody is not installed");
        return;
    }
    let serving = Serving::two_pairs();
    for (host, protocol, is_well) in [
        ("litwareinc.com", "xmpp-client", true),
        ("wrong-password.litwareinc.com", "xmpp-client", false),
        ("contoso.com", "xmpp-server", true),
        ("expired.contoso.com", "xmpp-server", false),
    ] {
        let said = connectivity(&serving, host, protocol);
        let wanted = if is_well { "Works" } else { "Check service failed to establish" };
        assert!(said.contains(&format!("  {protocol}: {wanted}")), "{host}: {said}");
        assert_eq!(said.contains("All checks passed"), is_well, "{host}: {said}");
    }
}

/// What `prosodyctl` of a running Prosody says, which serves clients or servers of this host.
fn connectivity(serving: &Serving, host: &str, protocol: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("prosody.cfg.lua");
    let other = if protocol == "xmpp-client" { "s2s" } else { "c2s" };
    let text = format!(
        "data_path = '{0}'\ncertificates = '{0}'\npidfile = '{0}/prosody.pid'\nlog = '{0}/log'\n\
         run_as_root = true\nc2s_ports = {{}}\ns2s_ports = {{}}\nc2s_direct_tls_ports = {{}}\n\
         s2s_direct_tls_ports = {{}}\nhttp_ports = {{}}\nhttps_ports = {{}}\ncomponent_ports = {{}}\n\
         modules_enabled = {{ 'posix' }}\nmodules_disabled = {{ '{other}', 'http' }}\n\
         connectivity_probe = 'http://{1}/probe'\nVirtualHost '{host}'\n",
        directory.path().display(),
        serving.address.replace("127.0.0.1", "localhost")
    );
    std::fs::write(&file, text).unwrap();
    let mut prosody = bare("prosody")
        .arg("--config")
        .arg(&file)
        .arg("-F")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let is_running = || {
        let told = std::fs::read_to_string(directory.path().join("prosody.pid")).unwrap_or_default();
        !told.trim().is_empty()
    };
    let started =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| until("prosody runs", is_running)));
    let output =
        bare("prosodyctl").arg("--config").arg(&file).args(["--root", "check", "connectivity"]).output();
    let _ = prosody.kill();
    let _ = prosody.wait();
    assert!(started.is_ok());
    let output = output.unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}
