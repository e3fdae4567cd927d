//! The limits that servers are shipped with: what a test runs into there, and what imsh calls it.

use crate::desk::{Desk, Pool};
use crate::faults::By;
use crate::federation::Federation;
use crate::federation::ejabberd::Limits;
use crate::federation::peers::Manner;
use crate::federation::prosody::Settings;
use crate::federation::resident::Answer;
use crate::verdict::{Row, check};

/// One after the other: the last one bans this machine.
#[test]
fn a_strict_ejabberd_is_understood() {
    let Some(federation) = Federation::get() else { return };
    let strict = federation.another_ejabberd("strict-e.test", Limits::Strict);
    let pool = Pool::at("strict-e.test", strict.address)
        .lending("pilar", "not-her-password")
        .lending("garth", crate::federation::PASSWORD);
    let identity = pool.identity.clone();
    let desk = Desk::set_up(federation, "strict-e", &[pool], "");
    let row = |receiver: &str, fault| Row::new(By::Ejabberd, &identity, receiver, fault);
    let try_one = |row: Row| check(federation, &desk, &[row]);

    federation.peer("remembered.partners.test", Manner::Silent);
    let to = "adelany@remembered.partners.test";
    try_one(row(to, "the partner accepts and says nothing"));
    try_one(row(to, "the pool's server remembers an old failure"));

    try_one(row("adelany@contoso.test", LONG_MESSAGE).with(&long_body()));

    // Somebody logs on as the same account while a partner is waited for.
    let partner = federation.peer("waited-for.partners.test", Manner::Silent);
    std::thread::scope(|scope| {
        let sessions = "the account has as many sessions as it may have";
        let waiting = row("adelany@waited-for.partners.test", sessions).spoken_after(30);
        let checking = scope.spawn(|| try_one(waiting));
        federation.wait_for_a_call(&partner);
        federation.log_on_at(strict.address, "kenmyer", "strict-e.test", Answer::Nothing);
        checking.join().unwrap();
    });

    let as_pilar = "user_sip_address: \"sip:pilar@strict-e.test\"";
    let banned = "failed logons have banned this machine";
    try_one(row("adelany@contoso.test", "the password is wrong").with(as_pilar));
    try_one(row("adelany@contoso.test", banned).with(as_pilar));
    // A right password is refused too.
    let as_garth = "user_sip_address: \"sip:garth@strict-e.test\"";
    try_one(row("adelany@contoso.test", banned).with(as_garth));
}

#[test]
fn a_strict_prosody_is_understood() {
    let Some(federation) = Federation::get() else { return };
    let strict = federation.prosody_with(
        "strict-p.test",
        &Settings { global: "c2s_stanza_size_limit = 10000\n".into(), ..Settings::default() },
    );
    let pool = Pool::at("strict-p.test", strict.address);
    let rows =
        [Row::new(By::Prosody, &pool.identity, "adelany@contoso.test", LONG_MESSAGE).with(&long_body())];
    check(federation, &Desk::set_up(federation, "strict-p", &[pool], ""), &rows);
}

const LONG_MESSAGE: &str = "the message is too long for the server";

fn long_body() -> String {
    format!("body: \"{}\"", "long ".repeat(4000))
}
