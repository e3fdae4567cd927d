//! `-Site`: what one site sees, and a test that the watcher of another site is asked for.

use crate::post::{ATL, GOOD, until};
use crate::sites::{OTHER_POOL, REFUSED, Sites};

/// What a command at a site prints as JSON, one record a line; its errors, and its exit status.
fn says(sites: &Sites, site: &str, code: &str) -> (Vec<serde_json::Value>, String, Option<i32>) {
    let output = sites.command(site).args(["--output", "jsonl", "-c", code]).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let records = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (records, String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
}

/// A watch of what is well and what is not, seldom enough to be out of the way.
fn sites() -> Option<Sites> {
    Sites::new(&format!(
        "[[watch]]\nidentity = 'each'\npools = ['{ATL}']\nreceivers = ['{GOOD}', '{REFUSED}']\nevery = '1h'\n"
    ))
}

#[test]
fn the_watcher_of_another_site_tests_and_keeps_what_it_is_asked_for() {
    let Some(sites) = sites() else { return };
    let _dublin = sites.start("Dublin");
    let code = format!("Test-XmppIM {ATL} {GOOD}, {REFUSED} -Site dublin | Sort-Object Receiver");
    let (records, errors, status) = says(&sites, "Redmond", &code);
    assert_eq!(status, Some(1), "{errors}");
    let told: Vec<_> =
        records.iter().map(|record| (&record["Receiver"], &record["Result"], &record["Site"])).collect();
    assert_eq!(told.len(), 2, "{told:?} {errors}");
    assert_eq!((told[0].1.as_str(), told[0].2.as_str()), (Some("Success"), Some("Dublin")));
    assert_eq!((told[1].1.as_str(), told[1].2.as_str()), (Some("Failure"), Some("Dublin")));
    until("it is kept there", || sites.n_results("Dublin") == 2);
    assert_eq!(sites.n_results("Redmond"), 0, "this machine has tested nothing");
    let asked = sites.postgres.rows("SELECT site, asked_by <> '', answered_at IS NOT NULL FROM request");
    assert_eq!(asked, [["Dublin", "t", "t"]]);
    let ping = format!("{ATL} contoso.com");
    for (code, what) in [
        ("Test-Registration", ATL),
        ("Test-FederatedPartner", "contoso.com"),
        ("Test-XmppPing", ping.as_str()),
        ("Test-Topology", ATL),
    ] {
        let (records, errors, _) = says(&sites, "Redmond", &format!("{code} {what} -Site Dublin"));
        assert!(!records.is_empty(), "{code}: {errors}");
        assert!(records.iter().all(|record| record["Site"] == "Dublin"), "{code}: {records:?}");
    }

    // What one site sees, beside what nobody has seen.
    let state = format!("Get-TestState {ATL} -Site Dublin, Oslo -Test XmppIM | Sort-Object Receiver");
    let (records, errors, _) = says(&sites, "Redmond", &state);
    let told: Vec<_> =
        records.iter().map(|record| (record["State"].as_str(), record["SeenFrom"].as_str())).collect();
    assert_eq!(told, [(Some("Up"), Some("Dublin")), (Some("Unknown"), Some("Dublin"))], "{errors}");
    for (code, n) in [
        ("(Get-TestResult -Site DUBLIN -Test XmppIM | Measure-Object).Count", 2),
        ("(Get-TestResult -Site Oslo | Measure-Object).Count", 0),
        ("(Get-TestTrend -Site Dublin -Test XmppIM | Measure-Object Tests -Sum).Sum", 2),
        ("(Get-TestTrend -Site Oslo | Measure-Object).Count", 0),
    ] {
        let (records, errors, _) = says(&sites, "Redmond", code);
        assert_eq!(records, [serde_json::json!(n)], "{code}: {errors}");
    }
}

#[test]
fn a_watcher_tests_for_others_only_what_its_own_topology_lists() {
    let Some(sites) = sites() else { return };
    let all = sites.post.topology();
    let header = format!("identity = \"{OTHER_POOL}\"\n");
    let (pool_there, partner_there) =
        ("identity = \"elsewhere.fabrikam.com\"\n", "domain = \"elsewhere.example\"");
    let partner = "domain = \"refused.contoso.com\"";
    assert!(all.contains(&header) && all.contains(partner), "{all}");
    let there = all
        .replace(&header, pool_there)
        .replace(partner, partner_there)
        .replace("@refused.contoso.com", "@elsewhere.example");
    let _dublin = sites.start_of("Dublin", &there);
    let (records, errors, status) =
        says(&sites, "Redmond", &format!("Test-Registration {OTHER_POOL} -Site Dublin"));
    assert_eq!((records.len(), status), (0, Some(4)), "{errors}");
    assert!(errors.contains("does not list dub-cs-001.fabrikam.com"), "{errors}");
    for test in [
        format!("Test-XmppPing {ATL} refused.contoso.com"),
        "Test-FederatedPartner refused.contoso.com".to_owned(),
        format!("Test-XmppIM {ATL} adelany@refused.contoso.com"),
    ] {
        let (records, errors, status) = says(&sites, "Redmond", &format!("{test} -Site Dublin"));
        assert_eq!((records.len(), status), (0, Some(4)), "{test}: {errors}");
        assert!(errors.contains("does not list the partner"), "{test}: {errors}");
    }
    let (_, errors, status) =
        says(&sites, "Redmond", &format!("Test-XmppIM {ATL} {GOOD} -Site Dublin -Body hello"));
    assert_eq!(status, Some(2), "{errors}");
    assert!(errors.contains("-Body is for a test from here"), "{errors}");
    let (_, errors, status) = says(&sites, "Redmond", &format!("Test-XmppIM {ATL} {GOOD} -Site Oslo"));
    assert_eq!(status, Some(4), "{errors}");
    assert!(errors.contains("No watcher at Oslo") && errors.contains("alive: Dublin"), "{errors}");
}

/// Everything is everything that the caller may see, whatever else is asked for.
#[test]
fn who_reaches_one_site_has_nothing_else_tested_by_its_watcher() {
    let Some(sites) = sites() else { return };
    let _dublin = sites.start("Dublin");
    let access = "[access]\n[[access.role]]\nidentity = 'Desk'\ntemplate = 'HelpDesk'\nconfig_scopes = ['site:Dublin']\n\
                  user_scopes = ['domain:contoso.com']\n[[access.assignment]]\nrole = 'Desk'\nmembers = ['os-user:root']\n";
    if !nix::unistd::getuid().is_root() {
        crate::support::skip("the principal of this test is root");
        return;
    }
    let narrow = format!("{}\n{access}", sites.post.topology());
    for given in ["", "-Timeout 20s"] {
        let code = format!("Test-Topology -Site Dublin {given}");
        let mut command = sites.command_of("Redmond", &narrow);
        let output = command.args(["--output", "jsonl", "-c", &code]).output().unwrap();
        let (told, errors) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert!(told.contains(OTHER_POOL), "{code}: {told} {errors}");
        assert!(!told.contains(ATL) && !told.contains("contoso"), "{code}: {told}");
    }
}
