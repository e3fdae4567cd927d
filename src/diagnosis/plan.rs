//! The findings of failures before a packet leaves: the plan itself says no.

use jiff::Timestamp;

use super::Finding;
use super::catalogue::{
    PLAN_ACCOUNT_STOPPED, PLAN_CREDENTIAL_REFUSED, PLAN_DEADLINE, PLAN_NO_TEST_USERS, PLAN_NOT_ALLOWED,
};
use crate::address::{Address, Domain};

/// The domain, a receiver's or one that is asked itself, is neither one of our own nor an allowed partner's in the topology at `place`.
pub fn not_allowed(domain: &Domain, place: &str) -> Finding {
    Finding::of(&PLAN_NOT_ALLOWED, format!("{domain} is not an allowed XMPP partner, and no pool serves it"))
        .remedy(format!(
            "Check the spelling of the domain; if it is right, allow it in {place}: \
             New-XmppAllowedPartner {domain}."
        ))
}

/// A pool lends nobody to test it with.
pub fn no_test_users(pool: &str) -> Finding {
    Finding::of(&PLAN_NO_TEST_USERS, format!("{pool} has no test users")).remedy(format!(
        "Give it some: New-HealthMonitoringConfiguration {pool} -FirstTestUserSipUri sip:USER@DOMAIN, then \
         Set-TestUserCredential."
    ))
}

/// The account was refused too often in this batch, and is left alone.
pub fn account_stopped(account: &Address) -> Finding {
    Finding::of(
        &PLAN_ACCOUNT_STOPPED,
        format!("{account} was refused three times, and is not tried again in this batch"),
    )
}

/// The pool has refused this very credential at an earlier time, and it is not offered again.
pub fn credential_refused(account: &Address, pool: &str, at: Timestamp) -> Finding {
    let at = at.strftime("%Y-%m-%d %H:%M UTC");
    Finding::of(
        &PLAN_CREDENTIAL_REFUSED,
        format!(
            "{pool} refused the stored credential of {account} at {at}, and it is the same since, so it is not tried again"
        ),
    )
    .remedy(format!(
        "Store the right one: Set-TestUserCredential {account} (Get-Credential {account}). Where the mistake was \
         the pool's, reload the watcher: it then tries once more, as it does by itself a day after the refusal."
    ))
}

/// The time that was given for the whole is over.
pub fn deadline_passed() -> Finding {
    Finding::of(&PLAN_DEADLINE, "the time for all tests together was over before this one had its outcome")
}

/// The code of an account that watchers do not log on as, since its credential was refused.
pub fn credential_refused_code() -> &'static str {
    PLAN_CREDENTIAL_REFUSED.code
}

/// Whether the finding says no more than that the account is left alone.
pub fn is_account_stopped(finding: &Finding) -> bool {
    finding.code == PLAN_ACCOUNT_STOPPED.code || finding.code == PLAN_CREDENTIAL_REFUSED.code
}
