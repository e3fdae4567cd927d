//! The law of settings: every entry of the schema has a test here that shows its effect, on the practice
//! network, from the program's own command line. An entry without one is red.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use imsh::internals::lab::Lab;
use imsh::internals::topology::schema::TABLES;
use imsh::internals::topology::{Topology, sample};
use imsh::internals::vault::Vault;
use imsh::internals::verify::plan::{Ask, deadlines, plan_logon};
use imsh::internals::verify::sessions::{End, Sessions};
use imsh::internals::xmpp::network::Network;
use imsh::internals::xmpp::session::XmppSession;
use imsh::internals::xmpp::trace::TraceObserver;
use jiff::Timestamp;
use serde_json::Value;
use support::imsh_at;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use toml_edit::{DocumentMut, Item};

const ATL: &str = "atl-cs-001.litwareinc.com";

/// A practice network whose topology says something else in places.
struct Desk {
    lab: Lab,
    runtime: Runtime,
}

/// A setting in the document: its table, the table's name where it has one, its key, and the value as
/// TOML; without a value the key goes.
type Change<'a> = (&'a str, &'a str, &'a str, &'a str);

/// What the program said.
struct Said {
    records: Vec<Value>,
    errors: String,
    status: Option<i32>,
}

impl Desk {
    fn with(changes: &[Change<'_>]) -> Self {
        let runtime = Runtime::new().unwrap();
        let lab = runtime.block_on(Lab::start()).unwrap();
        let mut document: DocumentMut = std::fs::read_to_string(lab.topology()).unwrap().parse().unwrap();
        for (table, name, key, value) in changes {
            if table.is_empty() {
                document.insert(key, toml_edit::value(value.parse::<toml_edit::Value>().unwrap()));
                continue;
            }
            let name_key = if *table == "partner" { "domain" } else { "identity" };
            let table = match document.entry(table).or_insert(toml_edit::table()) {
                Item::ArrayOfTables(tables) => {
                    tables.iter_mut().find(|table| table[name_key].as_str() == Some(name)).unwrap()
                }
                one @ (Item::None | Item::Value(_) | Item::Table(_)) => one.as_table_mut().unwrap(),
            };
            match value.parse::<toml_edit::Value>() {
                Ok(value) => table[key] = value.into(),
                Err(_) => {
                    table.remove(key);
                }
            }
        }
        std::fs::write(lab.topology(), document.to_string()).unwrap();
        Self { lab, runtime }
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.lab.topology().with_file_name(name)
    }

    fn run(&self, code: &str) -> Said {
        let output = imsh_at(self.lab.vault())
            .args(["--output", "jsonl", "--topology"])
            .arg(self.lab.topology())
            .arg("--vault")
            .arg(self.lab.vault())
            .args(["-c", code])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        Said {
            records: text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            errors: String::from_utf8(output.stderr).unwrap(),
            status: output.status.code(),
        }
    }

    /// The code of the one result of a test; empty for a success.
    fn code(&self, test: &str) -> String {
        let said = self.run(test);
        assert_eq!(said.records.len(), 1, "{test}: {:?} {}", said.records, said.errors);
        let success = said.records[0]["Result"] == "Success";
        let code = said.records[0]["Code"].as_str().unwrap_or_default().to_owned();
        assert_eq!(code.is_empty(), success, "{test}: {:?}", said.records);
        code
    }

    /// A session of the pool's first test user.
    fn session(&self, pool: &str) -> XmppSession {
        let topology = Topology::load(&self.lab.topology()).unwrap();
        let vault = Arc::new(Vault::open(self.lab.vault()).unwrap());
        let account = plan_logon(&topology, &|| Ok(Arc::clone(&vault)), pool, &Ask::default()).unwrap();
        let network = Network::with_name_servers(&self.lab.name_servers());
        let sessions = Sessions::default();
        let (deadlines, cancel) = (deadlines(&topology.gateway, None), CancellationToken::new());
        let watcher = TraceObserver::default();
        let logged = sessions.get(&account, End::Sender, &deadlines, &network, &watcher, &cancel);
        self.runtime.block_on(logged).unwrap().shared.session.as_ref().unwrap().clone()
    }

    /// Waits until a session has ended by itself.
    fn ends(&self, session: &XmppSession) {
        let ended = async { tokio::time::timeout(Duration::from_secs(60), session.ended()).await };
        assert!(self.runtime.block_on(ended).is_ok(), "the session goes on");
    }
}

fn seconds(result: &Value) -> f64 {
    let parts = result["Elapsed"].as_str().unwrap().split(':').map(|part| part.parse::<f64>().unwrap());
    parts.fold(0.0, |sum, part| sum * 60.0 + part)
}

/// How many results were still under way when the next one began.
fn overlaps(results: &[Value]) -> usize {
    let mut times: Vec<(f64, f64)> = results
        .iter()
        .map(|result| {
            let began: Timestamp = result["StartedAt"].as_str().unwrap().parse().unwrap();
            let began = began.as_microsecond() as f64 / 1e6;
            // A success has reached its partner with its evidence; what it waits for then is late news.
            let is_success = result["Result"] == "Success";
            // A result's own clock and the wall's may differ by a little.
            let took = match is_success {
                true => result["LatencySeconds"].as_f64().unwrap() - 0.002,
                false => seconds(result) - 0.05,
            };
            (began, began + took)
        })
        .collect();
    times.sort_by(|one, other| one.0.total_cmp(&other.0));
    times.windows(2).filter(|pair| pair[1].0 < pair[0].1).count()
}

/// A gateway whose phases are patient, but for one deadline.
fn short(key: &'static str, value: &'static str) -> Vec<Change<'static>> {
    let phases = [
        "resolve_timeout",
        "connect_timeout",
        "secure_timeout",
        "authenticate_timeout",
        "bind_timeout",
        "deliver_timeout",
    ];
    let patient = phases.map(|phase| ("gateway", "", phase, "'20s'"));
    patient.into_iter().chain([("gateway", "", "timeout", "'60s'"), ("gateway", "", key, value)]).collect()
}

/// A test that one deadline ends long before any other one. Returns its diagnosis.
fn is_cut_by(key: &'static str, value: &'static str, test: &str, code: &str) -> String {
    let said = Desk::with(&short(key, value)).run(test);
    let [result] = said.records.as_slice() else { panic!("{:?} {}", said.records, said.errors) };
    assert_eq!(result["Code"], code, "{result}");
    assert!((0.3..15.0).contains(&seconds(result)), "{key}: {result}");
    result["Diagnosis"].as_str().unwrap().to_owned()
}

macro_rules! effects {
    ($($key:literal $name:ident $body:block)*) => {
        $(
            #[test]
            fn $name() $body
        )*

        /// The settings whose effect is shown.
        const SHOWN: &[&str] = &[$($key),*];
    };
}

/// Settings whose effect is shown in another place: beside the code, since no command line can, or where
/// watchers run. The file and the test.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "audit.must_reach_disk",
        include_str!("../src/access/audit/tests.rs"),
        "a_line_is_synced_where_it_must_reach_the_disk",
    ),
    ("site", WATCHED, "results_are_of_the_site_that_the_topology_names"),
    ("watch.identity", WATCHED, "a_watch_is_known_by_its_identity"),
    ("watch.enabled", WATCHED, "a_watch_that_is_paused_tests_nothing"),
    ("watch.tests", WATCHED, "the_tests_are_those_that_the_watch_lists"),
    ("watch.script", SCRIPTED, "a_script_is_a_round_and_its_tests_are_kept"),
    ("watch.pools", WATCHED, "the_pools_are_those_that_the_watch_means"),
    ("watch.receivers", WATCHED, "the_receivers_are_those_that_the_watch_means"),
    ("watch.every", WATCHED, "a_pair_is_due_as_often_as_the_watch_says"),
    ("watch.at", WATCHED, "a_pair_is_due_at_the_times_of_a_cron_expression"),
    ("watch.zone", WATCHED, "the_times_of_a_cron_expression_are_those_of_the_zone"),
    ("watch.sites", WATCHED, "a_pair_is_tested_by_each_site_or_by_any"),
    ("watch.raise_after", WATCHED, "a_pair_is_down_after_as_many_failures_as_the_watch_says"),
    ("watch.clear_after", WATCHED, "a_pair_is_up_after_as_many_successes_as_the_watch_says"),
    ("http.listen", SERVED, "off_this_machine_only_whoever_gives_the_token_is_answered_and_over_tls"),
    (
        "http.tls_certificate",
        SERVED,
        "off_this_machine_only_whoever_gives_the_token_is_answered_and_over_tls",
    ),
    ("http.tls_key", SERVED, "off_this_machine_only_whoever_gives_the_token_is_answered_and_over_tls"),
    ("http.token_file", SERVED, "off_this_machine_only_whoever_gives_the_token_is_answered_and_over_tls"),
    ("notify.identity", TOLD, "somebody_is_told_once_when_a_pair_breaks_and_once_when_it_is_mended"),
    ("notify.enabled", TOLD, "a_notification_that_is_paused_is_not_told"),
    ("notify.kind", TOLD, "alertmanager_gets_an_alert_that_fires_and_is_resolved"),
    ("notify.url", TOLD, "somebody_is_told_once_when_a_pair_breaks_and_once_when_it_is_mended"),
    ("notify.command", TOLD, "a_program_gets_the_notice_on_standard_input_and_nothing_else"),
    ("notify.to", TOLD, "a_mail_arrives_at_a_server"),
    ("notify.from", TOLD, "a_mail_arrives_at_a_server"),
    ("notify.pool", TOLD, "a_message_arrives_through_another_pool_than_the_one_that_fails"),
    ("notify.secret_file", TOLD, "a_token_comes_from_a_file_or_from_systemd_and_is_never_logged"),
    ("notify.ca_file", TOLD, "a_certificate_is_checked_against_the_file_of_the_notification"),
    ("notify.owners", TOLD, "a_notification_is_told_of_the_findings_of_its_owners"),
    ("notify.reminder", TOLD, "somebody_is_reminded_of_what_is_still_broken"),
    ("notify.timeout", TOLD, "a_delivery_takes_no_longer_than_the_notification_allows"),
];

const WATCHED: &str = include_str!("watch/settings.rs");
/// The tests of watches that run a script.
const SCRIPTED: &str = include_str!("watch/scripts.rs");
const SERVED: &str = include_str!("pages/service.rs");
const TOLD: &str = include_str!("watch/notices.rs");

#[test]
fn every_setting_has_a_test_of_its_effect() {
    let keys = |table: &imsh::internals::topology::setting::Table| {
        let path = table.path;
        let place = if path.is_empty() { String::new() } else { format!("{path}.") };
        (table.settings)().into_iter().map(move |setting| format!("{place}{}", setting.key))
    };
    let listed: BTreeSet<String> = TABLES.iter().flat_map(keys).collect();
    for (key, source, test) in ELSEWHERE {
        assert!(source.contains(&format!("fn {test}(")), "{key}: there is no test {test}");
    }
    let elsewhere = ELSEWHERE.iter().map(|(key, _, _)| *key);
    let shown: BTreeSet<String> = SHOWN.iter().copied().chain(elsewhere).map(str::to_owned).collect();
    let without: Vec<_> = listed.difference(&shown).collect();
    assert!(without.is_empty(), "no test shows what these settings do: {without:?}");
    let gone: Vec<_> = shown.difference(&listed).collect();
    assert!(gone.is_empty(), "these are no settings any more: {gone:?}");
}

#[test]
fn every_setting_that_a_parameter_sets_is_shown_by_the_cmdlet_that_gets_it() {
    let desk = Desk::with(&[]);
    for table in TABLES {
        let Some(noun) = table.cmdlet else { continue };
        let said = desk.run(&format!("Get-{noun} | Select-Object -First 1"));
        let record = said.records[0].as_object().unwrap();
        for setting in (table.settings)() {
            assert!(record.contains_key(&setting.property()), "Get-{noun} shows no {}", setting.property());
        }
    }
}

/// `UPDATE_GOLDEN=1` writes the part of the sample that the schema gives; the part about [access] below it
/// is written by hand.
#[test]
fn the_sample_document_has_every_setting() {
    const BY_HAND: &str = "\n# ---- Who may do what.";
    let path = "examples/every-setting.toml";
    let there = std::fs::read_to_string(path).unwrap();
    let (listed, by_hand) = there.split_once(BY_HAND).unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, format!("{}{BY_HAND}{by_hand}", sample::document())).unwrap();
        return;
    }
    assert!(
        listed == sample::document(),
        "run it with UPDATE_GOLDEN=1, and read the difference:\n{}",
        sample::document()
    );
}

effects! {
    "pool.identity" a_pool_is_known_by_its_identity {
        let desk = Desk::with(&[("pool", ATL, "identity", "'fe.litwareinc.com'")]);
        let said = desk.run(&format!("Test-Registration {ATL}"));
        assert!(said.errors.contains("There is no test user assigned"), "{}", said.errors);
    }

    "pool.site" a_pool_is_found_by_its_site {
        let desk = Desk::with(&[("pool", ATL, "site", "'Oslo'")]);
        assert_eq!(desk.run("Get-Pool -Site Oslo").records[0]["Identity"], ATL);
    }

    "pool.domains" messages_may_go_to_the_domains_of_a_pool {
        let test = format!("Test-XmppIM {ATL} kim@litwareinc.eu -Timeout 3s");
        assert_eq!(Desk::with(&[]).code(&test), "PLAN-NOT-ALLOWED");
        let desk = Desk::with(&[("pool", ATL, "domains", "['litwareinc.com', 'litwareinc.eu']")]);
        assert_ne!(desk.code(&test), "PLAN-NOT-ALLOWED");
    }

    "pool.servers" a_pool_is_reached_at_its_servers {
        let desk = Desk::with(&[("pool", ATL, "servers", "['127.0.0.1:1']")]);
        assert_eq!(desk.code(&format!("Test-Registration {ATL}")), "CONNECT-REFUSED");
    }

    "pool.registrar_port" servers_without_a_port_have_the_pools {
        let changes = [("pool", ATL, "servers", "['127.0.0.1']"), ("pool", ATL, "registrar_port", "1")];
        let said = Desk::with(&changes).run(&format!("Test-Registration {ATL}"));
        assert!(said.records[0]["Diagnosis"].as_str().unwrap().contains("127.0.0.1:1"), "{:?}", said.records);
    }

    "pool.security" tls_begins_as_the_pool_says {
        let desk = Desk::with(&[("pool", ATL, "security", "'direct'")]);
        assert_eq!(desk.code(&format!("Test-Registration {ATL}")), "DNS-SECURITY-NOT-OFFERED");
    }

    "pool.test_users" the_first_test_user_sends {
        let desk = Desk::with(&[("pool", ATL, "test_users", "['sip:pilar@litwareinc.com']")]);
        let said = desk.run(&format!("Test-XmppIM {ATL} adelany@contoso.com"));
        assert_eq!(said.records[0]["Sender"], "pilar@litwareinc.com");
    }

    "pool.description" a_pool_is_shown_with_its_description {
        let desk = Desk::with(&[("pool", ATL, "description", "'Building 7'")]);
        assert_eq!(desk.run(&format!("Get-Pool {ATL}")).records[0]["Description"], "Building 7");
    }

    "pool.ca_file" a_pool_is_trusted_by_its_own_authority {
        let desk = Desk::with(&[("pool", ATL, "ca_file", "'missing.pem'")]);
        assert_eq!(desk.code(&format!("Test-Registration {ATL}")), "TLS-CA-FILE");
    }

    "pool.logon_name" the_name_to_log_on_with_is_formed_as_the_pool_says {
        let desk = Desk::with(&[("pool", ATL, "logon_name", "'bare'")]);
        let code = desk.code(&format!("Test-Registration {ATL}"));
        assert!(code.starts_with("SASL-"), "the practice network knows local names only: {code}");
    }

    "pool.allow_plain" a_password_is_sent_only_where_the_pool_allows_it {
        let (pool, test) = ("plain-only.litwareinc.com", "Test-Registration plain-only.litwareinc.com");
        assert_eq!(Desk::with(&[]).code(test), "SASL-PLAIN-ONLY");
        assert_eq!(Desk::with(&[("pool", pool, "allow_plain", "true")]).code(test), "");
    }

    "pool.aliases" a_pool_is_found_by_its_other_names {
        let desk = Desk::with(&[("pool", ATL, "aliases", "['im.litwareinc.com']")]);
        assert_eq!(desk.code("Test-Registration im.litwareinc.com"), "");
    }

    "pool.certificate_warning_days" a_certificate_is_warned_about_as_early_as_the_pool_says {
        let pool = "expiring.litwareinc.com";
        let desk = Desk::with(&[]);
        let left = &desk.run(&format!("Test-Registration {pool}")).records[0]["CertificateDaysLeft"];
        let left = left.as_u64().unwrap();
        for (days, is_told) in [(30, true), (left + 1, true), (left, false), (1, false)] {
            let days = days.to_string();
            let desk = Desk::with(&[("pool", pool, "certificate_warning_days", &days)]);
            let said = desk.run(&format!("Test-Registration {pool}"));
            assert_eq!(said.errors.contains("ends in"), is_told, "{days}: {}", said.errors);
        }
    }

    "partner.domain" messages_may_go_to_a_partner {
        let changes = [("partner", "contoso.com", "receivers", "[]"), ("partner", "contoso.com", "domain", "'c.example'")];
        assert_eq!(Desk::with(&changes).code(&format!("Test-XmppIM {ATL} adelany@contoso.com")), "PLAN-NOT-ALLOWED");
    }

    "partner.additional_domains" messages_may_go_to_a_partners_other_domains {
        let desk = Desk::with(&[("partner", "contoso.com", "additional_domains", "['c.example']")]);
        let said = desk.run("Get-XmppAllowedPartner c.example");
        assert_eq!(said.records[0]["Identity"], "contoso.com");
        assert_ne!(desk.code(&format!("Test-XmppIM {ATL} kim@c.example -Timeout 3s")), "PLAN-NOT-ALLOWED");
    }

    "partner.receivers" a_sweep_sends_to_a_partners_receivers {
        let partner = "northwindtraders.com";
        let desk = Desk::with(&[("partner", partner, "receivers", "['echo@northwindtraders.com']")]);
        let said = desk.run(&format!("Test-XmppIM {ATL} (Get-XmppAllowedPartner {partner}).Receivers"));
        assert_eq!(said.records[0]["Receiver"], "echo@northwindtraders.com");
    }

    "partner.minimum_evidence" a_success_proves_what_the_partners_entry_asks_for {
        let test = format!("Test-XmppIM {ATL} offline@northwindtraders.com -Timeout 4s");
        assert_eq!(Desk::with(&[]).code(&test), "");
        let desk = Desk::with(&[("partner", "northwindtraders.com", "minimum_evidence", "'Delivered'")]);
        assert_ne!(desk.code(&test), "");
    }

    "partner.tls_negotiation" a_partner_without_tls_is_well_where_the_topology_says_so {
        let (partner, test) = ("no-starttls.contoso.com", "Test-FederatedPartner no-starttls.contoso.com");
        for (word, code) in [("'Required'", "FEDERATION-NO-TLS"), ("'Optional'", ""), ("'NotSupported'", "")] {
            assert_eq!(Desk::with(&[("partner", partner, "tls_negotiation", word)]).code(test), code, "{word}");
        }
        let offers = |word| {
            let desk = Desk::with(&[("partner", "contoso.com", "tls_negotiation", word)]);
            desk.run("Test-FederatedPartner contoso.com").records[0]["CertificateFor"].clone()
        };
        assert!(!offers("'Optional'").is_null(), "TLS that is offered is looked at");
        assert!(offers("'NotSupported'").is_null(), "TLS that a partner is said not to have is not");
        // A message that did not arrive is explained by a look at the partner.
        for (word, is_told) in [("'Required'", true), ("'Optional'", false)] {
            let desk = Desk::with(&[("partner", partner, "tls_negotiation", word)]);
            let said = desk.run(&format!("Test-XmppIM {ATL} adelany@{partner}"));
            let diagnosis = said.records[0]["Diagnosis"].as_str().unwrap();
            assert_eq!(diagnosis.contains("no STARTTLS among the features"), is_told, "{word}: {diagnosis}");
        }
    }

    "partner.proxy_fqdn" a_look_at_a_partner_goes_to_the_server_that_is_named {
        let desk = Desk::with(&[("partner", "contoso.com", "proxy_fqdn", "'127.0.0.1:1'")]);
        assert_eq!(desk.code("Test-FederatedPartner contoso.com"), "FEDERATION-REFUSED");
    }

    "partner.connection_limit" no_more_tests_reach_for_a_partner_than_its_entry_allows {
        let test = format!("Test-XmppIM {ATL} {RECEIVERS}");
        let partner = "northwindtraders.com";
        let said = Desk::with(&[("partner", partner, "connection_limit", "1")]).run(&test);
        assert_eq!((said.records.len(), overlaps(&said.records)), (3, 0), "{:?}", said.records);
        let wider = [("gateway", "", "partner_connection_limit", "1"), ("partner", partner, "connection_limit", "3")];
        let said = Desk::with(&wider).run(&test);
        assert!(overlaps(&said.records) > 0, "the partner's own entry decides: {:?}", said.records);
    }

    "partner.description" a_partner_is_shown_with_its_description {
        let desk = Desk::with(&[("partner", "contoso.com", "description", "'by mail'")]);
        assert_eq!(desk.run("Get-XmppAllowedPartner contoso.com").records[0]["Description"], "by mail");
    }

    "partner.body" a_message_has_the_text_of_the_partners_entry {
        let desk = Desk::with(&[("partner", "contoso.com", "body", "'Greetings from Litware.'")]);
        let said = desk.run(&format!("Test-XmppIM {ATL} adelany@contoso.com -OutLoggerVariable log; $log.ToXML()"));
        assert!(format!("{:?}", said.records).contains("Greetings from Litware."), "{:?}", said.records);
    }

    "partner.fence" what_is_sent_behind_a_message_is_what_the_partners_entry_says {
        let log = |fence| {
            let desk = Desk::with(&[("partner", "northwindtraders.com", "fence", fence)]);
            let test = format!("Test-XmppIM {ATL} offline@northwindtraders.com");
            let said = desk.run(&format!("{test} -OutLoggerVariable log | Out-Null; $log.ToXML()"));
            format!("{:?}", said.records)
        };
        let [auto, ping, message] = ["'auto'", "'ping'", "'message'"].map(log);
        let n = |log: &str, what| log.matches(what).count();
        assert!(n(&message, "urn:xmpp:ping") < n(&auto, "urn:xmpp:ping"), "{message}");
        assert!(n(&ping, "message ") < n(&auto, "message "), "{ping}");
    }

    "gateway.connection_limit" no_more_tests_are_under_way_than_connections_are_allowed {
        let pools = "silent.litwareinc.com,auth-silent.litwareinc.com,bind-silent.litwareinc.com";
        let test = format!("Test-Registration {pools} -ThrottleLimit 8");
        let said = Desk::with(&[("gateway", "", "connection_limit", "1")]).run(&test);
        assert_eq!((said.records.len(), overlaps(&said.records)), (3, 0), "{:?}", said.records);
    }

    "gateway.partner_connection_limit" no_more_tests_reach_for_a_partner_than_the_gateway_allows {
        let desk = Desk::with(&[("gateway", "", "partner_connection_limit", "1")]);
        let said = desk.run(&format!("Test-XmppIM {ATL} {RECEIVERS}"));
        assert_eq!((said.records.len(), overlaps(&said.records)), (3, 0), "{:?}", said.records);
    }

    "gateway.stream_establishment_timeout" a_logon_ends_in_time_whatever_its_phases_may_take {
        is_cut_by("stream_establishment_timeout", "'3s'", "Test-Registration bind-silent.litwareinc.com", "BIND-TIMEOUT");
    }

    "gateway.stream_inactivity_timeout" a_session_that_nobody_uses_ends {
        let desk = Desk::with(&[("gateway", "", "stream_inactivity_timeout", "'100ms'")]);
        desk.ends(&desk.session(ATL));
    }

    "gateway.keep_alive_interval" a_session_whose_server_gives_no_sign_of_life_is_over {
        let desk = Desk::with(&[("gateway", "", "keep_alive_interval", "'100ms'")]);
        desk.ends(&desk.session("swallows.litwareinc.com"));
    }

    "gateway.resolve_timeout" resolve_has_its_deadline {
        let test = "Test-Registration dns-silent.litwareinc.com";
        let diagnosis = is_cut_by("resolve_timeout", "'400ms'", test, "DNS-TIMEOUT");
        // A resolver gives up by itself before the other deadlines pass.
        assert!(diagnosis.contains("Resolve was not done after 400 ms"), "{diagnosis}");
    }

    "gateway.connect_timeout" connect_has_its_deadline {
        is_cut_by("connect_timeout", "'400ms'", "Test-Registration dropped.litwareinc.com", "CONNECT-TIMEOUT");
    }

    "gateway.secure_timeout" secure_has_its_deadline {
        is_cut_by("secure_timeout", "'400ms'", "Test-Registration silent.litwareinc.com", "TLS-TIMEOUT");
    }

    "gateway.authenticate_timeout" authenticate_has_its_deadline {
        is_cut_by("authenticate_timeout", "'400ms'", "Test-Registration auth-silent.litwareinc.com", "SASL-TIMEOUT");
    }

    "gateway.bind_timeout" bind_has_its_deadline {
        is_cut_by("bind_timeout", "'400ms'", "Test-Registration bind-silent.litwareinc.com", "BIND-TIMEOUT");
    }

    "gateway.deliver_timeout" deliver_has_its_deadline {
        let test = "Test-XmppIM swallows.litwareinc.com adelany@contoso.com";
        is_cut_by("deliver_timeout", "'400ms'", test, "EVIDENCE-POOL-SILENT");
    }

    "gateway.timeout" a_verification_ends_in_time_whatever_its_phases_may_take {
        let phases = ["resolve_timeout", "connect_timeout", "secure_timeout", "authenticate_timeout", "bind_timeout"];
        let changes: Vec<_> = phases
            .map(|phase| ("gateway", "", phase, "'2s'"))
            .into_iter()
            .chain([("gateway", "", "deliver_timeout", "'2s'"), ("gateway", "", "timeout", "'2s'")])
            .collect();
        let desk = Desk::with(&changes);
        let port = port(&desk);
        // Each of them may take two seconds, and so may all of them together.
        let servers = ["127.0.0.1", ATL, "silent.litwareinc.com", "tls12.litwareinc.com"];
        let servers = servers.map(|host| format!("{host}:{port}")).join("', '");
        let servers = format!("['{servers}']");
        drop(desk);
        let all = [changes, vec![("pool", "silent.litwareinc.com", "servers", servers.as_str())]].concat();
        let desk = Desk::with(&all);
        let said = desk.run("Test-Registration silent.litwareinc.com");
        assert!(seconds(&said.records[0]) < 4.0, "{:?}", said.records);
    }

    "resolver.name_servers" the_name_servers_of_the_topology_are_asked {
        let changes = [("resolver", "", "name_servers", "['127.0.0.1:1']"), ("gateway", "", "resolve_timeout", "'1s'")];
        let code = Desk::with(&changes).code(&format!("Test-Registration {ATL}"));
        assert!(code.starts_with("DNS-") || code == "OFFLINE", "{code}");
    }

    "store.url" results_go_to_the_database_that_the_topology_names {
        let desk = Desk::with(&[("store", "", "url", "'postgres://imsh@127.0.0.1:1/imsh'")]);
        let said = desk.run(TEST);
        assert!(said.errors.contains("Results are not kept: the store postgres://imsh@127.0.0.1:1/imsh"), "{}", said.errors);
        assert_eq!(said.records.len(), 1);
    }

    "store.ca_file" the_certificate_of_the_database_is_checked_against_the_file {
        let url = ("store", "", "url", "'postgres://imsh@127.0.0.1:1/imsh'");
        let said = Desk::with(&[url, ("store", "", "ca_file", "'nowhere.pem'")]).run(TEST);
        assert!(said.errors.contains("nowhere.pem cannot be read"), "{}", said.errors);
    }

    "store.keep" a_result_is_forgotten_after_as_many_days_as_the_topology_says {
        for (keep, n_kept) in [("'1d'", 1), ("'30d'", 2)] {
            let desk = Desk::with(&[("store", "", "keep", keep)]);
            desk.run(TEST);
            let file = desk.lab.vault().join(".local/state/imsh/results.sqlite");
            let connection = rusqlite::Connection::open(file).unwrap();
            connection.execute("UPDATE result SET started_at = started_at - 172800000000", []).unwrap();
            desk.run(TEST);
            assert_eq!(desk.run("Get-TestResult").records.len(), n_kept, "{keep}");
        }
    }

    "store.enabled" nothing_is_kept_where_the_topology_says_so {
        for (enabled, n_kept) in [("true", 1), ("false", 0)] {
            let desk = Desk::with(&[("store", "", "enabled", enabled)]);
            desk.run(TEST);
            assert_eq!(desk.run("Get-TestResult").records.len(), n_kept, "{enabled}");
        }
    }

    "audit.file" calls_are_written_down_where_the_topology_says {
        let desk = Desk::with(&[("audit", "", "file", "'calls.jsonl'"), ("audit", "", "syslog", "'off'")]);
        desk.run("Get-Pool");
        assert!(std::fs::read_to_string(desk.beside("calls.jsonl")).unwrap().contains("Get-Pool"));
    }

    "audit.max_file_size" a_file_of_the_log_is_full_where_the_topology_says {
        for (size, is_full) in [("'64KiB'", true), ("'64MiB'", false)] {
            let desk = many_calls(&[("audit", "", "max_file_size", size)], 200);
            assert_eq!(n_files(&desk) > 1, is_full, "{size}");
        }
    }

    "audit.keep_files" no_more_full_files_of_the_log_are_kept_than_the_topology_says {
        let small = ("audit", "", "max_file_size", "'64KiB'");
        assert!(n_files(&many_calls(&[small], 500)) > 2);
        assert_eq!(n_files(&many_calls(&[small, ("audit", "", "keep_files", "1")], 500)), 2);
    }

    "audit.syslog" a_call_whose_copy_nobody_takes_runs_unless_a_copy_is_required {
        for (word, is_run) in [("'auto'", true), ("'off'", true), ("'required'", false)] {
            let desk = Desk::with(&[("audit", "", "syslog", word), ("audit", "", "syslog_socket", "'nobody'")]);
            assert_eq!(desk.run("Get-Pool").status == Some(0), is_run, "{word}");
        }
    }

    "audit.syslog_socket" a_copy_of_a_call_goes_to_the_socket_that_is_named {
        for (word, is_copied) in [("'auto'", true), ("'off'", false)] {
            let desk = Desk::with(&[("audit", "", "syslog", word), ("audit", "", "syslog_socket", "'log'")]);
            let socket = UnixDatagram::bind(desk.beside("log")).unwrap();
            socket.set_nonblocking(true).unwrap();
            desk.run("Get-Pool");
            let mut copy = [0; 4096];
            let received = socket.recv(&mut copy).map(|n| String::from_utf8_lossy(&copy[..n]).into_owned());
            assert_eq!(received.is_ok_and(|copy| copy.contains("Get-Pool")), is_copied, "{word}");
        }
    }
}

/// A test that succeeds.
const TEST: &str = "Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com";

/// Each of them takes a second or more: a late bounce is waited for.
const RECEIVERS: &str =
    "offline@northwindtraders.com,impostor@northwindtraders.com,delayed@northwindtraders.com";

/// The port at which the practice network's pools speak STARTTLS.
fn port(desk: &Desk) -> String {
    let said = desk.run(&format!("Test-Registration {ATL}"));
    let steps = said.records[0]["Steps"].to_string();
    let port = steps.split("127.0.0.1:").nth(1).unwrap_or_else(|| panic!("{steps}"));
    port.chars().take_while(char::is_ascii_digit).collect()
}

/// A desk with a log of its own after so many calls.
fn many_calls(changes: &[Change<'_>], n: usize) -> Desk {
    let own = [
        ("audit", "", "file", "'log/calls.jsonl'"),
        ("audit", "", "must_reach_disk", "false"),
        ("audit", "", "syslog", "'off'"),
    ];
    let desk = Desk::with(&[&own, changes].concat());
    let said = desk.run(&format!("for n in 0..{n} {{ Get-Date | Out-Null }}"));
    assert_eq!(said.status, Some(0), "{}", said.errors);
    desk
}

fn n_files(desk: &Desk) -> usize {
    let files = std::fs::read_dir(desk.beside("log")).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "jsonl")).count()
}
