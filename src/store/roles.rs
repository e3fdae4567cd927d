//! Accounts of a shared database: readers see everything, and a site's watchers write what that site has seen.
//!
//! PostgreSQL holds it by privileges and row security. The owner of the tables, who migrates them, is bound by
//! neither: where nobody else is granted anything, one account does everything as before.

use super::engine::Sql;
use super::fault::StoreFault;

/// The purpose of an account of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountUse {
    /// It reads: states, results, trends.
    Reader,
    /// It is the account of a site's watchers.
    Watcher {
        /// The site.
        site: String,
    },
}

/// Lets an account, which the database knows, do what its use takes, and nothing else.
///
/// # Errors
/// The database refuses: the account is unknown, or this session is not the owner's.
pub fn grant(sql: &mut dyn Sql, account: &str, of: &AccountUse) -> Result<(), StoreFault> {
    sql.script(PROTECTION)?;
    let role = identifier(account);
    let schema = sql.first("SELECT CAST(current_schema() AS TEXT)", &[])?;
    let schema = schema.ok_or(StoreFault::Column { column: 0 })?.text(0)?;
    sql.execute("DELETE FROM site_role WHERE role = $1", &[account.into()])?;
    sql.script(&format!(
        "GRANT USAGE ON SCHEMA {} TO {role}; REVOKE ALL ON {EVERY_TABLE} FROM {role}; \
         GRANT SELECT ON {EVERY_TABLE} TO {role}",
        identifier(&schema)
    ))?;
    if let AccountUse::Watcher { site } = of {
        sql.execute("INSERT INTO site_role (role, site) VALUES ($1, $2)", &[account.into(), site.into()])?;
        sql.script(&format!(
            "GRANT INSERT, DELETE ON result, change TO {role}; \
             GRANT INSERT, UPDATE ON pair, site_state TO {role}; \
             GRANT INSERT, UPDATE, DELETE ON run, notice, rollup, schedule, watcher, slot, request TO {role}"
        ))?;
    }
    Ok(())
}

/// A name as SQL writes it.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

const PROTECTION: &str = include_str!("roles.sql");
const EVERY_TABLE: &str = "schema_version, site_role, run, pair, site_state, result, change, notice, rollup, schedule, \
                           watcher, slot, request";
