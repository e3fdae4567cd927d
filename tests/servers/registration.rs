//! `Test-Registration`: a logon alone, at both servers.

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
