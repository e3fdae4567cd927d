//! The common parts of the history cmdlets: parameters, the pairs that may be read, times.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::call::filter::Filter;
use crate::call::results::{nothing_kept, unreadable};
use crate::call::stores::TopologyReader;
use crate::call::{Call, Halt};
use crate::cmdlet::{Category, ErrorRecord, Kind, Parameter};
use crate::store::{KnownPair, PairName, Sql, Store, StoreFault, query};
use crate::value::Value;

/// Pools by name or pattern.
pub const POOL: Parameter =
    Parameter::new("Pool", Kind::Text, "Pools by FQDN, or by a pattern with * and ?.")
        .aliases(&["TargetFqdn"])
        .many()
        .default("Every pool that your roles let you see.");

/// Receivers by address or pattern.
pub const RECEIVER: Parameter = Parameter::new(
    "Receiver",
    Kind::Text,
    "Receivers, users or partners that were tested, by name or by a pattern with * and ?.",
)
.many()
.default("All of them.");

/// Kinds of tests.
pub const TEST: Parameter = Parameter::new(
    "Test",
    Kind::Choice(&["XmppIM", "Registration", "FederatedPartner", "XmppPing", "Topology"]),
    "Only tests of this kind, or of several.",
)
.many();

/// Sites by name.
pub const SITE: Parameter =
    Parameter::new("Site", Kind::Site, "Only what is seen from this site, or from each of several.").many();

/// The beginning of the time that is asked about.
pub const SINCE: Parameter = Parameter::new(
    "Since",
    Kind::Text,
    "Tests that began then or later: 2026-11-25, 2026-11-25T13:30, in UTC where no offset stands there; or 2h for two hours ago.",
)
.aliases(&["StartTime"]);

/// The end of the time that is asked about.
pub const UNTIL: Parameter =
    Parameter::new("Until", Kind::Text, "Tests that began before that; written as -Since.")
        .aliases(&["EndTime"]);

/// The store of this session, and the pairs that the caller may read and asks for.
pub struct Past {
    /// The store.
    pub store: Store,
    /// The pairs, by their number.
    pub pairs: HashMap<i64, PairName>,
    /// The numbers of all pairs that the caller may read, asked for or not.
    readable: Vec<i64>,
    /// The reader of the topology, who is told what is wrong with the store.
    reader: TopologyReader,
}

impl Past {
    /// Opens the store and finds the pairs that `-Test`, `-Pool` and `-Receiver` name, of those that the
    /// caller's roles let them read.
    ///
    /// # Errors
    /// Nothing is kept in this session, or the store cannot be read.
    pub async fn of(call: &Call) -> Result<Self, Halt> {
        let store = match call.context.results.store(&call.whole).await {
            Some(Ok(store)) => store.clone(),
            Some(Err(fault)) => return Err(unreadable(call.context.reader(), fault).into()),
            None => return Err(nothing_kept().into()),
        };
        let reader = call.context.reader();
        let known = store.read(query::pairs).await.map_err(|fault| unreadable(reader, &fault))?;
        let filters =
            |parameter| call.bound.texts(parameter).iter().map(|text| Filter::new(text)).collect::<Vec<_>>();
        let (tests, pools, receivers) = (call.bound.texts("Test"), filters("Pool"), filters("Receiver"));
        let fits = |filters: &[Filter], name: &str| {
            filters.is_empty() || filters.iter().any(|filter| filter.matches(name))
        };
        let is_wanted = |pair: &KnownPair| {
            (tests.is_empty() || tests.contains(&pair.name.test))
                && fits(&pools, &pair.name.pool)
                && fits(&receivers, &pair.name.receiver)
        };
        let known: Vec<KnownPair> =
            known.into_iter().filter(|pair| call.readable.allows(&pair.name)).collect();
        let readable = known.iter().map(|pair| pair.id).collect();
        let pairs = known.into_iter().filter(is_wanted).map(|pair| (pair.id, pair.name)).collect();
        Ok(Self { store, pairs, readable, reader })
    }

    /// The numbers of the pairs.
    pub fn ids(&self) -> Vec<i64> {
        let mut ids: Vec<i64> = self.pairs.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// The identifier of the only run that begins so, of those that have results which the caller may read.
    ///
    /// # Errors
    /// `NoRun`, or the store cannot be read.
    pub async fn run(&self, beginning: &str) -> Result<String, ErrorRecord> {
        let (pairs, text) = (self.readable.clone(), beginning.to_owned());
        let found = self.ask(move |sql| query::run_ids(sql, &pairs, &text)).await?;
        only_run(found.into_iter(), beginning)
    }

    /// Asks the store.
    ///
    /// # Errors
    /// `StoreUnreadable`, with what is wrong with it.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl Fn(&mut dyn Sql) -> Result<T, StoreFault> + Send + Sync + 'static,
    ) -> Result<T, ErrorRecord> {
        self.store.read(question).await.map_err(|fault| unreadable(self.reader, &fault))
    }
}

/// An instant of the store as a value.
pub fn at(micros: i64) -> Value {
    Timestamp::from_microsecond(micros).map_or(Value::Null, Value::Timestamp)
}

/// A length of time of the store as a value.
pub fn span(micros: i64) -> Value {
    Value::Duration(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
}

/// A point in time that a parameter gives, in microseconds since 1970.
pub fn instant(call: &Call, parameter: &str) -> Result<Option<i64>, ErrorRecord> {
    Ok(call.instant(parameter)?.map(Timestamp::as_microsecond))
}

/// The only one of the runs that were found by the beginning of their identifier.
///
/// # Errors
/// There is none, or there are several.
pub fn only_run<T>(mut found: impl Iterator<Item = T>, beginning: &str) -> Result<T, ErrorRecord> {
    match (found.next(), found.next()) {
        (Some(run), None) => Ok(run),
        (Some(_), Some(_)) => Err(no_run(format!("Several runs begin with '{beginning}'."))),
        (None, _) => Err(no_run(format!("There is no run '{beginning}'."))),
    }
}

/// The error of a question about a run that is not there.
pub fn no_run(message: String) -> ErrorRecord {
    ErrorRecord::new(Category::ObjectNotFound, "NoRun", message).remedy("Run Get-TestRun to see the runs.")
}
