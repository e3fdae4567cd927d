//! The brake on logons: how often a delegated caller's passwords may be refused.
//!
//! Counts by account, over all sessions of the caller. What may be a guess counts from its beginning, and no
//! more once it turns out to be none. Never says whether an account exists.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use super::verifying::limit_reached;
use crate::access::limits::Limited;
use crate::access::usage::{Exceeded, Usage};
use crate::address::Address;
use crate::call::Call;
use crate::call::context::Budget;
use crate::cmdlet::{Category, ErrorRecord};
use crate::result::{Report, TestKind, TestOutcome};
use crate::xmpp::Phase;

/// The logons with a password of the caller's that count as refused, one for each account, while they run and
/// until each of them is known not to have been a wrong guess. A process that is killed gives none of them back.
#[derive(Debug, Default)]
pub struct Guesses {
    usage: Option<Usage>,
    /// The tests of each account that are not known to have ended well, or to be counted by their refusal.
    n_due: BTreeMap<String, usize>,
    /// Whether any of the tests may have begun.
    pub(super) is_under_way: bool,
}

impl Guesses {
    /// Refuses to log accounts on of which one was refused too often, in whatever sessions of a delegated
    /// caller, and to take passwords from a caller whose passwords were refused at many accounts.
    ///
    /// A password that the caller gives, or has stored a moment ago, may be a guess: such a logon counts as
    /// refused from its beginning until it turns out otherwise, so that guesses side by side are as few as
    /// guesses in turn. Takes the account of each test.
    ///
    /// # Errors
    /// One was.
    pub fn may_log_on<'a>(
        &mut self,
        call: &Call,
        accounts: impl IntoIterator<Item = &'a Address>,
    ) -> Result<(), ErrorRecord> {
        let Some(Budget { usage, limits }) = call.context.budget.get() else { return Ok(()) };
        let most = u64::from(limits.get(Limited::FailedLogons));
        let is_callers = call.bound.is_given("UserCredential");
        let mut tests_of = BTreeMap::<String, usize>::new();
        let mut n_tests = 0;
        for account in accounts {
            n_tests += 1;
            for account in logged_on(call, account) {
                *tests_of.entry(account).or_default() += 1;
            }
        }
        let counts = tests_of.keys().map(|account| (failed(account), account.as_str(), most));
        let of_all =
            is_callers.then(|| (failed(ALL_ACCOUNTS), ALL_ACCOUNTS, most.saturating_mul(MOST_ACCOUNTS)));
        for (what, account, most) in counts.chain(of_all) {
            let uncountable = |fault| limit_reached(&Exceeded::Uncountable(fault));
            let is_guess = is_callers || is_first_logon(usage, account).map_err(uncountable)?;
            let counted = if is_guess {
                usage.count(&what, 1, most, BRAKE)
            } else {
                usage.count(&what, 0, most.saturating_sub(1), BRAKE)
            };
            if counted.map_err(uncountable)?.is_err() {
                return Err(logons_exceeded(account, most));
            }
            if is_guess {
                self.count(usage, account, tests_of.get(account).copied().unwrap_or(n_tests));
            }
        }
        Ok(())
    }

    /// Why an account that logs on with what is stored for it is left alone: it was refused too often, in
    /// whatever sessions of a delegated caller.
    pub fn left_alone(&mut self, call: &Call, account: &Address) -> Option<ErrorRecord> {
        let Budget { usage, limits } = call.context.budget.get()?;
        let (account, most) = (account.to_string(), u64::from(limits.get(Limited::FailedLogons)));
        let counted = is_first_logon(usage, &account).and_then(|is_guess| {
            let (n, most) = if is_guess { (1, most) } else { (0, most.saturating_sub(1)) };
            let counted = usage.count(&failed(&account), n, most, BRAKE)?;
            if is_guess && counted.is_ok() {
                self.count(usage, &account, 1);
            }
            Ok(counted)
        });
        match counted {
            Ok(Ok(_)) => None,
            Ok(Err(_)) => Some(logons_exceeded(&account, most)),
            Err(fault) => Some(limit_reached(&Exceeded::Uncountable(fault))),
        }
    }

    /// The logons of an account in so many tests count as refused from now on, as one.
    fn count(&mut self, usage: &Usage, account: &str, n_tests: usize) {
        self.usage = Some(usage.clone());
        self.n_due.insert(account.to_owned(), n_tests);
    }

    /// A test has ended. One whose password may have been refused unseen stays due.
    pub(super) fn ended(&mut self, call: &Call, report: &Report) {
        if self.n_due.is_empty() || may_have_been_refused(report) {
            return;
        }
        let account = report.sender.as_ref().or(report.subject.as_ref());
        let Some(account) = account.and_then(|written| written.parse::<Address>().ok()) else { return };
        for account in logged_on(call, &account).into_iter().chain([ALL_ACCOUNTS.to_owned()]) {
            if let Some(n_due) = self.n_due.get_mut(&account) {
                *n_due = n_due.saturating_sub(1);
            }
        }
    }
}

impl Drop for Guesses {
    fn drop(&mut self) {
        let Some(usage) = &self.usage else { return };
        for (account, n_due) in &self.n_due {
            if !self.is_under_way || *n_due == 0 {
                // One that cannot be given back is forgotten with the others.
                let _ = usage.give_back(&failed(account), 1);
            }
        }
    }
}

/// Notes that the caller stores a password for an account. It may be a guess as one that is given to a test: the
/// first logon with it counts like one.
///
/// # Errors
/// It cannot be noted.
pub fn note_stored(call: &Call, account: &Address) -> Result<(), ErrorRecord> {
    let Some(Budget { usage, .. }) = call.context.budget.get() else { return Ok(()) };
    let noted = usage.count(&stored(&account.to_string()), 1, u64::MAX, BRAKE);
    noted.map(drop).map_err(|fault| limit_reached(&Exceeded::Uncountable(fault)))
}

/// Whether the next logon of an account is the first with a password that the caller has stored; says so once.
fn is_first_logon(usage: &Usage, account: &str) -> io::Result<bool> {
    let n_stored = usage.count(&stored(account), 0, u64::MAX, BRAKE)?.unwrap_or(0);
    if n_stored > 0 {
        usage.give_back(&stored(account), n_stored)?;
    }
    Ok(n_stored > 0)
}

fn logons_exceeded(account: &str, most: u64) -> ErrorRecord {
    let message =
        format!("{most} logons of {account} failed in a quarter of an hour, so no further one is tried.");
    ErrorRecord::new(Category::LimitsExceeded, "LogonsExceeded", message)
        .target(account)
        .remedy("See Get-TestUserCredential, correct the password, and wait.")
}

/// The accounts that a logon may be counted against by the server: the address, and whom a credential that the
/// caller gives names there.
fn logged_on(call: &Call, account: &Address) -> Vec<String> {
    let mut accounts = vec![account.to_string()];
    if let Some(credential) = call.bound.credential("UserCredential") {
        let named = format!("{}@{}", credential.logon_name(), account.domain());
        let named = named.parse::<Address>().map_or(named, |named| named.to_string());
        if !credential.user_name.is_empty() && named != accounts[0] {
            accounts.push(named);
        }
    }
    accounts
}

/// Whether the server may have refused the password without the report saying so: its answer came too late or
/// not at all, or was another one. A refusal that the report tells is counted by [`note_refusal`].
fn may_have_been_refused(report: &Report) -> bool {
    let is_unbegun = report.outcome == TestOutcome::NotRun && report.attempts == 0;
    if report.outcome == TestOutcome::Success || report.is_inferred || is_unbegun || is_rejected(report) {
        return false;
    }
    let phase = |name: &str| Phase::ALL.into_iter().find(|phase| phase.name() == name);
    let last = report.phase.as_deref().and_then(phase);
    if last.is_some_and(|last| last > Phase::Authenticate) {
        return false;
    }
    // The attempts before the last one leave no word of how they ended.
    let is_only_attempt = report.attempts <= 1;
    let reached = report.steps.iter().any(|step| step.phase == Phase::Authenticate.name());
    last.is_none() || reached || !is_only_attempt
}

fn is_rejected(report: &Report) -> bool {
    report.code.as_deref().is_some_and(|code| REJECTED.contains(&code))
}

/// Counts a logon whose password was refused, as its record tells.
pub(super) fn note_refusal(call: &Call, report: &Report) {
    let Some(Budget { usage, .. }) = call.context.budget.get() else { return };
    if !is_rejected(report) {
        return;
    }
    // The receiver was refused where the sender came further than that.
    let is_receivers = report.kind == TestKind::Message
        && !report.is_inferred
        && report.phase.as_deref() != Some(Phase::Authenticate.name());
    let sender = report.sender.as_ref().filter(|_| !is_receivers);
    let account = sender.or(report.subject.as_ref()).and_then(|written| written.parse::<Address>().ok());
    let Some(account) = account else { return };
    let accounts = if is_receivers {
        vec![account.to_string()]
    } else {
        let of_all = call.bound.is_given("UserCredential").then(|| ALL_ACCOUNTS.to_owned());
        logged_on(call, &account).into_iter().chain(of_all).collect()
    };
    for account in accounts {
        // A refusal that cannot be counted stops the next logon, which asks first.
        let _ = usage.count(&failed(&account), 1, u64::MAX, BRAKE);
    }
}

fn failed(account: &str) -> String {
    format!("failed_logons {account}")
}

fn stored(account: &str) -> String {
    format!("stored_password {account}")
}

/// The codes of a password or a name that is wrong: servers that tell the two apart would tell which accounts
/// there are.
const REJECTED: [&str; 2] = ["SASL-REJECTED", "SASL-NO-SUCH-ACCOUNT"];
/// Stands for all accounts together that a caller tries passwords of their own at.
const ALL_ACCOUNTS: &str = "accounts in all";
/// At so many accounts a caller's passwords may be refused as often as at one.
const MOST_ACCOUNTS: u64 = 5;
const BRAKE: Duration = Duration::from_secs(15 * 60);
