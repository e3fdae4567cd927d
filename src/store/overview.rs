//! Queries of reports and pages beyond single pairs: which pairs are watched, what turned and why, and when
//! certificates end.
//!
//! The cost of each question grows with the pairs and the time that is asked about, never with the results
//! that are kept: single results are read by their identifier alone.

use super::engine::{Row, Sql};
use super::fault::StoreFault;
use super::query::{among, name};
use super::record::PairName;
use super::state::PairState;

/// The pairs that a watcher is to test, by their numbers.
///
/// # Errors
/// The store cannot be read.
pub fn watched_pairs(sql: &mut dyn Sql) -> Result<Vec<i64>, StoreFault> {
    let rows = sql.query("SELECT DISTINCT pair FROM schedule ORDER BY pair", &[])?;
    rows.iter().map(|row| row.int(0)).collect()
}

/// A state that turned, with what was found then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The pair's number.
    pub pair: i64,
    /// The state before.
    pub from: PairState,
    /// The state after.
    pub to: PairState,
    /// The time at which the state turned (microseconds since 1970).
    pub at: i64,
    /// The duration of the state before, in microseconds.
    pub lasted: i64,
    /// The finding's code.
    pub code: Option<String>,
    /// Its owner.
    pub owner: Option<String>,
    /// From which sites it is seen, where not from all.
    pub seen_from: Option<String>,
    /// The finding in words.
    pub diagnosis: Option<String>,
}

/// The turns of these pairs since an instant, the newest first, at most `newest`.
///
/// # Errors
/// The store cannot be read.
pub fn turns(sql: &mut dyn Sql, pairs: &[i64], since: i64, newest: i64) -> Result<Vec<Turn>, StoreFault> {
    let query = format!(
        "SELECT pair, from_state, to_state, at, lasted, code, owner, seen_from, diagnosis FROM change \
         WHERE at >= $1 AND {} ORDER BY at DESC, id DESC LIMIT {}",
        among("pair", pairs),
        newest.max(0)
    );
    let state = |row: &Row, column| row.text(column)?.parse().map_err(|()| StoreFault::Column { column });
    let read = |row: &Row| {
        Ok(Turn {
            pair: row.int(0)?,
            from: state(row, 1)?,
            to: state(row, 2)?,
            at: row.int(3)?,
            lasted: row.int(4)?,
            code: row.optional_text(5)?,
            owner: row.optional_text(6)?,
            seen_from: row.optional_text(7)?,
            diagnosis: row.optional_text(8)?,
        })
    };
    sql.query_list(&query, &[since.into()])?.iter().map(read).collect()
}

/// The end of the certificate that a pair's last test met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateEnd {
    /// The pair.
    pub pair: PairName,
    /// The site that saw it.
    pub site: String,
    /// The time at which the certificate was seen (microseconds since 1970).
    pub seen_at: i64,
    /// The time at which the certificate ends.
    pub ends_at: i64,
}

/// The ends of the certificates that the last tests of these pairs met, the first to end first.
///
/// # Errors
/// The store cannot be read.
pub fn certificate_ends(sql: &mut dyn Sql, pairs: &[i64]) -> Result<Vec<CertificateEnd>, StoreFault> {
    let query = format!(
        "SELECT pair.test, pair.pool, pair.receiver, site_state.site, site_state.last_at, result.certificate_end \
         FROM site_state JOIN pair ON pair.id = site_state.pair JOIN result ON result.id = site_state.last_result \
         WHERE result.certificate_end IS NOT NULL AND {} \
         ORDER BY result.certificate_end, pair.pool, pair.receiver, site_state.site",
        among("site_state.pair", pairs)
    );
    let read = |row: &Row| {
        Ok(CertificateEnd {
            pair: name(row, 0)?,
            site: row.text(3)?,
            seen_at: row.int(4)?,
            ends_at: row.int(5)?,
        })
    };
    sql.query_list(&query, &[])?.iter().map(read).collect()
}
