//! Stores with a past: many pairs and months of rollups, written at once.

use std::path::{Path, PathBuf};

use imsh::internals::store::{PairName, Store};
use rusqlite::{Connection, params};

/// An hour and a day in microseconds.
pub const HOUR: i64 = 3_600_000_000;
pub const DAY: i64 = 24 * HOUR;

/// A store in a directory of its own.
pub struct Past {
    directory: tempfile::TempDir,
    pub file: PathBuf,
    pub connection: Connection,
    pub now: i64,
}

/// A pair, and what became of it.
pub struct Known<'a> {
    pub test: &'a str,
    pub pool: &'a str,
    pub receiver: &'a str,
    pub state: &'a str,
    pub code: Option<&'a str>,
    pub owner: Option<&'a str>,
    pub sites: &'a [(&'a str, &'a str)],
    /// The last test's report.
    pub report: String,
}

impl Past {
    /// An empty store.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("results.sqlite");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        drop(runtime.block_on(Store::open(&file)).unwrap());
        let connection = Connection::open(&file).unwrap();
        connection.execute_batch("PRAGMA synchronous = OFF").unwrap();
        let now = jiff::Timestamp::now().as_microsecond();
        Self { directory, file, connection, now }
    }

    pub fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Adds a pair with a last result; returns its number.
    pub fn add(&self, known: &Known<'_>) -> i64 {
        let name = PairName {
            test: known.test.to_owned(),
            pool: known.pool.to_owned(),
            receiver: known.receiver.to_owned(),
        };
        let (id, now) = (name.id(), self.now);
        self.connection
            .execute(
                "INSERT INTO pair (id, test, pool, receiver, state, since, code, owner) VALUES (?,?,?,?,?,?,?,?)",
                params![id, known.test, known.pool, known.receiver, known.state, now - 2 * HOUR, known.code, known.owner],
            )
            .unwrap();
        for (site, state) in known.sites {
            let result = format!("{id}-{site}");
            let is_up = *state == "Up";
            self.connection
                .execute(
                    "INSERT INTO site_state VALUES (?,?,?,?,3,?,?,?,?,?,?,?,?)",
                    params![
                        id,
                        site,
                        state,
                        now - 2 * HOUR,
                        if is_up { "SSS" } else { "SFF" },
                        known.code,
                        known.owner,
                        result,
                        now - HOUR / 4,
                        now - HOUR / 4,
                        is_up.then_some(now - HOUR / 4),
                        HOUR / 4
                    ],
                )
                .unwrap();
            self.connection
                .execute(
                    "INSERT INTO result VALUES (?,NULL,?,?,NULL,NULL,?,?,?,NULL,?,?,?,0,?,0,?)",
                    params![
                        result,
                        id,
                        site,
                        now - HOUR / 4,
                        now - HOUR / 4,
                        if is_up { "Success" } else { "Failure" },
                        known.code,
                        known.owner,
                        is_up.then_some(20_000),
                        now + 40 * DAY + HOUR,
                        known.report
                    ],
                )
                .unwrap();
        }
        id
    }

    /// Adds a change of a pair, so many microseconds ago.
    pub fn turn(&self, pair: i64, from: &str, to: &str, ago: i64, diagnosis: &str) {
        self.connection
            .execute(
                "INSERT INTO change SELECT ?, ?, ?, ?, ?, ?, NULL, code, owner, NULL, ? FROM pair WHERE id = ?",
                params![format!("{pair}-{ago}"), pair, from, to, self.now - ago, HOUR, diagnosis, pair],
            )
            .unwrap();
    }

    /// Adds so many hours of rollups, four tests each, of which `good` succeeded within about `bucket`.
    pub fn hours(&self, pair: i64, site: &str, hours: i64, good: impl Fn(i64) -> (i64, u32)) {
        let this = self.now - self.now.rem_euclid(HOUR);
        let mut add =
            self.connection.prepare_cached("INSERT INTO rollup VALUES ('hour',?,?,?,4,?,0,?)").unwrap();
        for hour in 0..hours {
            let (successes, bucket) = good(hour);
            let buckets = format!("{bucket}:{successes}");
            add.execute(params![this - hour * HOUR, pair, site, successes, buckets]).unwrap();
        }
    }

    /// As many pairs as pools times receivers, most of them well, with so many hours each.
    pub fn crowd(&self, pools: usize, receivers: usize, hours: i64) {
        self.connection.execute_batch("BEGIN").unwrap();
        for pool in 0..pools {
            for receiver in 0..receivers {
                let n = pool * receivers + receiver;
                let is_down = n.is_multiple_of(97);
                let id = self.add(&Known {
                    test: "XmppIM",
                    pool: &format!("pool-{pool:02}.litwareinc.com"),
                    receiver: &format!("user{receiver:04}@partner-{:03}.example", receiver % 250),
                    state: if is_down { "Down" } else { "Up" },
                    code: is_down.then_some("FEDERATION-REFUSED"),
                    owner: is_down.then_some("Partner"),
                    sites: &[("Dublin", if is_down { "Down" } else { "Up" })],
                    report: String::from("{}"),
                });
                self.hours(id, "Dublin", hours, |hour| {
                    (
                        if is_down && hour < 2 { 0 } else { 4 },
                        16 + u32::try_from((n + hour as usize) % 7).unwrap(),
                    )
                });
            }
        }
        self.connection.execute_batch("COMMIT").unwrap();
    }

    /// Adds single results of the pairs that are there, until there are so many.
    pub fn results(&self, n: i64) {
        let add = "WITH RECURSIVE number(n) AS (SELECT count(*) FROM result UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?1), \
            known(place, id) AS (SELECT row_number() OVER (ORDER BY id) - 1, id FROM pair) \
            INSERT INTO result SELECT 'r' || n, NULL, id, 'Dublin', NULL, NULL, ?2 - n * 1000000, ?2 - n * 1000000, \
            'Success', NULL, NULL, NULL, 20000, 0, NULL, 0, '{}' \
            FROM number JOIN known ON known.place = n % (SELECT count(*) FROM pair)";
        self.connection.execute(add, params![n, self.now]).unwrap();
    }
}
