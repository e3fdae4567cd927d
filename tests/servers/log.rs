//! The log of a test against real servers: what crossed the wire is in it, and no password, however it was sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::desk::{Desk, Pool};
use crate::federation::{CONTOSO, Federation, LITWARE, PASSWORD};

#[test]
fn a_log_holds_what_crossed_and_not_the_password_even_where_it_was_sent() {
    let Some(federation) = Federation::get() else { return };
    let pools = [(LITWARE, federation.prosody.address), (CONTOSO, federation.ejabberd.address)]
        .map(|(domain, address)| Pool::at(domain, address).with("allow_plain = true"));
    let desk = Desk::set_up(federation, "log", &pools, "");
    for (pool, partner) in pools.iter().zip([CONTOSO, LITWARE]) {
        let ran = desk.run(&format!(
            "$r = Test-XmppIM {} kim@{partner} -Authentication PLAIN -OutLoggerVariable log; \
             $log.ToXML() + $log.ToHTML() + $log.ToText()",
            pool.identity
        ));
        // The document is printed as a JSON string.
        let printed: String =
            serde_json::from_str::<Vec<String>>(&ran.stdout).unwrap().concat().replace("&#39;", "'");
        for part in ["mechanism='PLAIN'&gt;********&lt;/auth", "<received", "Fingerprint", "urn:imsh:probe:1"]
        {
            assert!(printed.contains(part), "{}: {part}\n{printed}\n{}", pool.identity, ran.stderr);
        }
        let sent = BASE64.encode(format!("\0kenmyer\0{PASSWORD}"));
        assert!(!printed.contains(&sent), "{printed}");
    }
}
