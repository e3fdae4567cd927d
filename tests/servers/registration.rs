//! `Test-Registration` and `Test-Topology`: everything but a message, at both servers.

use crate::desk::{Desk, Pool};
use crate::federation::{CONTOSO, Federation, LITWARE, PASSWORD};

#[test]
fn a_logon_succeeds_or_is_named_on_both_servers() {
    let Some(federation) = Federation::get() else { return };
    let servers = [(LITWARE, federation.prosody.address), (CONTOSO, federation.ejabberd.address)];
    let mut pools = Vec::new();
    let mut faults = Vec::new();
    for (domain, server) in servers {
        pools.push(Pool::at(domain, server).lending("ghost", PASSWORD));
        let wrong = Pool::named(&format!("wrong.{domain}"), domain);
        pools
            .push(wrong.with(&format!("servers = [\"{server}:5222\"]")).lending("pilar", "not-her-password"));
        let refused = Pool::at_port(domain, server, 5999).called(format!("refused.{domain}"));
        pools.push(refused);
        faults.push((format!("wrong.{domain}"), "SASL-REJECTED", "Caller"));
        faults.push((format!("refused.{domain}"), "CONNECT-REFUSED", "Pool"));
    }
    let desk = Desk::set_up(federation, "registration", &pools, "");

    let both = "pool.litware.test,pool.contoso.test";
    let (registered, ran) = desk.records(&format!("Test-CsRegistration -TargetFqdn {both}"));
    assert_eq!((registered.len(), ran.status), (2, Some(0)), "{ran:?}");
    for one in &registered {
        assert_eq!(one["Result"], "Success", "{ran:?}");
        let jid = one["RegisteredAs"].as_str().unwrap_or_default();
        assert!(jid.starts_with("kenmyer@") && jid.contains('/'), "{ran:?}");
        assert!(one["Mechanism"].as_str().is_some_and(|name| name.starts_with("SCRAM-SHA-")), "{ran:?}");
    }
    for (pool, code, owner) in faults {
        let (failed, ran) = desk.records(&format!("Test-Registration {pool}"));
        let [failed] = failed.as_slice() else { panic!("{ran:?}") };
        assert_eq!((&failed["Result"], ran.status), (&"Failure".into(), Some(1)), "{ran:?}");
        assert_eq!((&failed["Code"], &failed["Owner"]), (&code.into(), &owner.into()), "{ran:?}");
    }
}

#[test]
fn a_topology_is_checked_piece_by_piece() {
    let Some(federation) = Federation::get() else { return };
    let pools = [
        Pool::at(LITWARE, federation.prosody.address).lending("pilar", "not-her-password"),
        Pool::at_port(LITWARE, federation.prosody.address, 5999).called("shut.litware.test".to_owned()),
    ];
    let partners =
        format!("[[partner]]\ndomain = \"{CONTOSO}\"\n[[partner]]\ndomain = \"nosuch.checks.test\"\n");
    let desk = Desk::set_up(federation, "checks", &pools, &partners);
    let (checks, ran) = desk.records("Test-Topology | Sort-Object Target,Check");
    let told: Vec<String> = checks
        .iter()
        .map(|check| {
            let text = |property: &str| check[property].as_str().unwrap_or("-").to_owned();
            format!("{} {} {}", text("Check"), text("Target"), text("Code"))
        })
        .collect();
    let expected = [
        "Partner contoso.test -",
        "Logon kenmyer@litware.test -",
        "Partner nosuch.checks.test FEDERATION-NOT-FOUND",
        "Logon pilar@litware.test SASL-REJECTED",
        "Connect pool.litware.test -",
        "Resolve pool.litware.test -",
        "Secure pool.litware.test -",
        "Connect shut.litware.test CONNECT-REFUSED",
        "Resolve shut.litware.test -",
    ];
    assert_eq!((told, ran.status), (expected.map(str::to_owned).to_vec(), Some(1)), "{}", ran.stderr);
    let secured = checks.iter().filter(|check| check["Check"] == "Secure");
    assert!(secured.clone().all(|check| check["CertificateDaysLeft"].as_i64().is_some_and(|days| days > 0)));
}

/// Debian's Prosody has no EXTERNAL for clients.
#[test]
fn a_certificate_logs_on_at_ejabberd() {
    let Some(federation) = Federation::get() else { return };
    let pool = Pool::at_port(CONTOSO, federation.ejabberd.address, 5225);
    let desk = Desk::set_up(federation, "external", &[pool], "");
    let log_on_with = |account: &str| {
        let own = federation.authority.issue_for_account(account);
        let (certificate, key) = (own.certificate.display(), own.key.display());
        let stored = desk.run(&format!(
            "Set-TestUserCredential kenmyer@{CONTOSO} -CertificateFile {certificate} -KeyFile {key}"
        ));
        assert_eq!(stored.status, Some(0), "{stored:?}");
        let (registered, ran) =
            desk.records(&format!("Test-Registration pool.{CONTOSO} -Authentication ClientCertificate"));
        let text = |property: &str| registered[0][property].as_str().unwrap_or("-").to_owned();
        (format!("{} {} {}", text("Result"), text("Mechanism"), text("Code")), ran)
    };
    let (told, ran) = log_on_with(&format!("kenmyer@{CONTOSO}"));
    assert_eq!(told, "Success EXTERNAL -", "{ran:?}");
    let (told, ran) = log_on_with(&format!("pilar@{CONTOSO}"));
    assert_eq!(told, "Failure EXTERNAL SASL-CERTIFICATE", "{ran:?}");
}
