//! Tests that somebody asks the watcher of another site for: a row that it claims, and its answer.
//!
//! The gate has been asked where the request was made. The row holds names and times, and nothing secret: whoever
//! answers logs on with what their own vault holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::engine::Sql;
use super::fault::StoreFault;
use crate::result::Report;

/// The description of a test: a cmdlet and its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteTest {
    /// The cmdlet.
    pub cmdlet: String,
    /// Its arguments, by the names of its parameters.
    pub arguments: BTreeMap<String, Vec<String>>,
}

impl SiteTest {
    /// The parameters of a cmdlet that may be asked for elsewhere; none where the cmdlet may not. Passwords, ports
    /// and texts of messages stay where they are given.
    pub fn takes(cmdlet: &str) -> Option<&'static [&'static str]> {
        match cmdlet {
            "Test-XmppIM" => {
                Some(&["TargetFqdn", "Receiver", "UserSipAddress", "MinimumEvidence", "Timeout"])
            }
            "Test-Registration" => Some(&["TargetFqdn", "UserSipAddress", "Timeout"]),
            "Test-XmppPing" => Some(&["TargetFqdn", "Domain", "UserSipAddress", "Timeout"]),
            "Test-FederatedPartner" => Some(&["Domain", "TargetFqdn", "Timeout"]),
            "Test-Topology" => Some(&["Pool", "Partner", "Timeout"]),
            _ => None,
        }
    }

    /// The values of one argument.
    pub fn values(&self, parameter: &str) -> &[String] {
        self.arguments.get(parameter).map_or(&[], Vec::as_slice)
    }
}

/// The results of the tests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SiteAnswer {
    /// One report for each test.
    pub reports: Vec<Report>,
    /// The tests that could not be run, with the reasons.
    pub errors: Vec<String>,
}

/// A test that somebody at another site asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteRequest {
    /// Its identifier.
    pub id: String,
    /// The test that is asked for.
    pub test: SiteTest,
    /// The name of the requester.
    pub asked_by: String,
}

/// The progress of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum RequestProgress {
    /// No watcher has taken it.
    Waiting,
    /// A watcher is testing.
    Taken,
    /// It is answered.
    Answered(SiteAnswer),
}

/// For how long a request may be taken, in microseconds: nobody waits for it after that.
const TAKEN_WITHIN: i64 = 600_000_000;

/// Asks the watchers of a site for a test.
///
/// # Errors
/// The store cannot be written.
pub fn ask(sql: &mut dyn Sql, site: &str, request: &SiteRequest) -> Result<(), StoreFault> {
    let arguments = written(&request.id, &request.test)?;
    sql.execute(
        "INSERT INTO request (id, site, arguments, asked_by, asked_at, leased_until) VALUES ($1, $2, $3, $4, {now}, 0)",
        &[(&request.id).into(), site.into(), arguments.into(), (&request.asked_by).into()],
    )?;
    Ok(())
}

/// Takes one request to a site, for so many microseconds.
///
/// # Errors
/// The store cannot be written.
pub fn claim_request(
    sql: &mut dyn Sql,
    site: &str,
    watcher: &str,
    lease: i64,
) -> Result<Option<SiteRequest>, StoreFault> {
    let found = sql.first(
        "SELECT id, arguments, asked_by FROM request WHERE site = $1 AND answered_at IS NULL \
         AND leased_until < {now} AND asked_at > {now} - $2 ORDER BY asked_at LIMIT 1 {claim}",
        &[site.into(), TAKEN_WITHIN.into()],
    )?;
    let Some(row) = found else { return Ok(None) };
    let id = row.text(0)?;
    sql.execute(
        "UPDATE request SET leased_until = {now} + $1, holder = $2 WHERE id = $3",
        &[lease.into(), watcher.into(), (&id).into()],
    )?;
    // What this version cannot read is no test that it knows.
    let test = serde_json::from_str(&row.text(1)?).unwrap_or_default();
    Ok(Some(SiteRequest { id, test, asked_by: row.text(2)? }))
}

/// Answers a request; an answer that is there stays.
///
/// # Errors
/// The store cannot be written.
pub fn answer(sql: &mut dyn Sql, id: &str, answer: &SiteAnswer) -> Result<(), StoreFault> {
    let text = written(id, answer)?;
    sql.execute(
        "UPDATE request SET answer = $1, answered_at = {now} WHERE id = $2 AND answered_at IS NULL",
        &[text.into(), id.into()],
    )?;
    Ok(())
}

/// Returns the progress of a request.
///
/// # Errors
/// The store cannot be read.
pub fn progress(sql: &mut dyn Sql, id: &str) -> Result<RequestProgress, StoreFault> {
    let row = sql.first("SELECT answer, holder FROM request WHERE id = $1", &[id.into()])?;
    let Some(row) = row else { return Ok(RequestProgress::Waiting) };
    let unreadable =
        |error: serde_json::Error| StoreFault::Unreadable { id: id.to_owned(), reason: error.to_string() };
    match (row.optional_text(0)?, row.optional_text(1)?) {
        (Some(answer), _) => serde_json::from_str(&answer).map(RequestProgress::Answered).map_err(unreadable),
        (None, Some(_)) => Ok(RequestProgress::Taken),
        (None, None) => Ok(RequestProgress::Waiting),
    }
}

/// Takes back a request that nobody waits for any more.
///
/// # Errors
/// The store cannot be written.
pub fn withdraw(sql: &mut dyn Sql, id: &str) -> Result<(), StoreFault> {
    sql.execute("DELETE FROM request WHERE id = $1", &[id.into()])?;
    Ok(())
}

fn written<T: Serialize>(id: &str, value: &T) -> Result<String, StoreFault> {
    serde_json::to_string(value)
        .map_err(|error| StoreFault::Unreadable { id: id.to_owned(), reason: error.to_string() })
}
