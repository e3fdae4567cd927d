//! Numbered migrations: a store of any older version becomes one of today's, in one transaction each.
//!
//! A version that has been released is never edited; a change of the schema is a new file.

use super::engine::{Cell, Sql};
use super::fault::StoreFault;

/// Every version of the schema, the first one first.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001.sql")];

/// The newest version that is known here.
pub fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The version of the store; 0 where it is empty.
pub fn version(sql: &mut dyn Sql) -> Result<i64, StoreFault> {
    if !sql.has_table("schema_version")? {
        return Ok(0);
    }
    let row = sql.first("SELECT max(version) FROM schema_version", &[])?;
    Ok(row.map(|row| row.optional_int(0)).transpose()?.flatten().unwrap_or(0))
}

/// The tables of the first version, which every store has.
fn own_tables() -> impl Iterator<Item = &'static str> {
    let made = MIGRATIONS.iter().take(1).flat_map(|migration| migration.lines());
    made.filter_map(|line| line.strip_prefix("CREATE TABLE ")?.split_whitespace().next())
}

/// Brings the store up to `to`; returns the version that it had.
///
/// # Errors
/// [`StoreFault::Newer`] where a newer imsh has written it, and [`StoreFault::Foreign`] where another program has tables
/// of the same names there: nothing is changed then.
pub fn migrate(sql: &mut dyn Sql, to: i64, place: &str) -> Result<i64, StoreFault> {
    if !sql.has_table("schema_version")? {
        for table in own_tables() {
            if sql.has_table(table)? {
                return Err(StoreFault::Foreign { place: place.to_owned() });
            }
        }
    }
    sql.script("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY, at BIGINT NOT NULL)")?;
    let found = version(sql)?;
    let known = newest();
    if found > known {
        return Err(StoreFault::Newer { place: place.to_owned(), found, known });
    }
    for (number, migration) in (1..).zip(MIGRATIONS) {
        if found < number && number <= to {
            sql.script(migration)?;
            sql.execute("INSERT INTO schema_version (version, at) VALUES ($1, {now})", &[Cell::Int(number)])?;
        }
    }
    Ok(found)
}
