//! The pools of the practice network: two that work, and one for each thing that a pool can do wrong.
//!
//! A table. Each broken pool is named after what is broken and serves a domain of its own name; what
//! imsh must say about it stands in the same row. A test goes through all of them. This file has what a row
//! says; the rows are in `table`.

mod table;
mod texts;

pub use table::POOLS;

use super::behaviour::Behaviour;

/// A pool of the practice network.
#[derive(Clone, Copy, Debug)]
pub struct LabPool {
    /// Its FQDN.
    pub identity: &'static str,
    /// The domain that it serves.
    pub domain: &'static str,
    /// Its site.
    pub site: &'static str,
    /// The behaviour of the pool.
    pub behaviour: Behaviour,
    /// The accounts that it lends, and what the vault holds of them.
    pub lends: Lends,
    /// More lines of its table in the topology.
    pub settings: &'static str,
    /// The result that imsh must report when a message is sent from here to a healthy partner.
    pub lesson: Lesson,
}

/// The accounts that a pool lends for verification, and what the vault of the practice network holds of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lends {
    /// These test users, with their password.
    Users(&'static [&'static str]),
    /// `kenmyer`, with a wrong password.
    WrongPassword,
    /// `nobody`, whom the pool does not know.
    UnknownAccount,
    /// `kenmyer`, without a password.
    NoPassword,
    /// `kenmyer`, with a certificate in the place of a password.
    Certificate,
    /// `kenmyer`, with a certificate of somebody else.
    OthersCertificate,
    /// `kenmyer`, with a certificate whose key is of another one.
    WrongKey,
    /// Nobody.
    Nobody,
}

/// The result that imsh must report.
#[derive(Clone, Copy, Debug)]
pub struct Lesson {
    /// The code of the diagnosis; empty for a success without one.
    pub code: &'static str,
    /// The owner of the fault; empty for a success.
    pub owner: &'static str,
    /// A description of what there is to see, in one sentence.
    pub shows: &'static str,
}

impl LabPool {
    /// The test users of the topology, without their domain.
    pub fn test_users(&self) -> &'static [&'static str] {
        match self.lends {
            Lends::Users(users) => users,
            Lends::WrongPassword
            | Lends::NoPassword
            | Lends::Certificate
            | Lends::OthersCertificate
            | Lends::WrongKey => &["kenmyer"],
            Lends::UnknownAccount => &["nobody"],
            Lends::Nobody => &[],
        }
    }

    /// The accounts that exist, without their domain.
    pub(super) fn accounts(&self) -> &'static [&'static str] {
        match self.lends {
            Lends::Users(users) => users,
            Lends::WrongPassword
            | Lends::NoPassword
            | Lends::Certificate
            | Lends::OthersCertificate
            | Lends::WrongKey
            | Lends::UnknownAccount
            | Lends::Nobody => &["kenmyer"],
        }
    }

    /// The password that the vault holds for the test users.
    pub(super) fn password(&self) -> Option<&'static str> {
        match self.lends {
            Lends::Users(_) | Lends::UnknownAccount => Some(super::PASSWORD),
            Lends::WrongPassword => Some("not the password"),
            Lends::NoPassword
            | Lends::Certificate
            | Lends::OthersCertificate
            | Lends::WrongKey
            | Lends::Nobody => None,
        }
    }
}
