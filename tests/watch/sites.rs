//! Sites with a watcher each, over one practice network and one PostgreSQL; what must hold of them is SQL.

use crate::listener::Listener;
use crate::post::{ATL, GOOD, Post, RunningWatcher};
use crate::postgres::Postgres;
use crate::support::skip;

pub const REFUSED: &str = "adelany@refused.contoso.com";
pub const OTHER_POOL: &str = "dub-cs-001.fabrikam.com";

/// Sites with a watcher each, over one practice network and one database.
pub struct Sites {
    pub postgres: Postgres,
    pub post: Post,
    pub listener: Listener,
}

impl Sites {
    pub fn new(watch: &str) -> Option<Self> {
        let postgres = match Postgres::start() {
            Ok(postgres) => postgres,
            Err(reason) => {
                skip(&reason);
                return None;
            }
        };
        let listener = Listener::start();
        let post = Post::with(&format!(
            "{watch}\n[store]\nurl = \"{}\"\n[[notify]]\nidentity = 'on call'\nkind = 'webhook'\nurl = '{}'\n",
            postgres.url(),
            listener.url()
        ));
        let sites = Self { postgres, post, listener };
        let migrated = sites.command("Redmond").args(["store", "migrate"]).output().unwrap();
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        Some(sites)
    }

    /// The program at a site, with a topology and a state directory of its own.
    pub fn command(&self, site: &str) -> std::process::Command {
        self.command_of(site, &self.post.topology())
    }

    /// The program at a site with this topology.
    pub fn command_of(&self, site: &str, topology: &str) -> std::process::Command {
        let text = format!("site = '{site}'\n{topology}");
        let topology = self.post.lab.topology().with_file_name(format!("{site}.toml"));
        std::fs::write(&topology, text).unwrap();
        let mut command = crate::support::imsh_at(self.post.home.path());
        command.env("STATE_DIRECTORY", self.post.home.path().join(site));
        command.arg("--topology").arg(topology).arg("--vault").arg(self.post.lab.vault());
        command
    }

    pub fn start(&self, site: &str) -> RunningWatcher {
        self.start_of(site, &self.post.topology())
    }

    pub fn start_of(&self, site: &str, topology: &str) -> RunningWatcher {
        let mut watcher = RunningWatcher::of(self.command_of(site, topology));
        watcher.says("the plan is in the store");
        watcher
    }

    pub fn n_results(&self, site: &str) -> i64 {
        self.postgres.number(&format!("SELECT count(*) FROM result WHERE site = '{site}'"))
    }

    /// What must hold whatever has happened: each query gives what breaks it.
    pub fn hold_invariants(&self) {
        for (law, sql) in [
            (
                "a state turns from what it was",
                "SELECT later.id FROM change later JOIN LATERAL (SELECT to_state FROM change \
                 WHERE pair = later.pair AND (at, id) < (later.at, later.id) ORDER BY at DESC, id DESC LIMIT 1) \
                 before ON true WHERE before.to_state <> later.from_state",
            ),
            (
                "no change happens twice",
                "SELECT id FROM change JOIN LATERAL (SELECT owner, to_state FROM change other WHERE other.pair = \
                 change.pair AND (other.at, other.id) < (change.at, change.id) ORDER BY at DESC, id DESC LIMIT 1) \
                 before ON true WHERE before.to_state = change.to_state AND before.owner IS NOT DISTINCT FROM change.owner",
            ),
            (
                "the state is that of the last change",
                "SELECT pair.id FROM pair JOIN LATERAL (SELECT to_state FROM change WHERE change.pair = pair.id \
                 ORDER BY at DESC, id DESC LIMIT 1) last ON true WHERE last.to_state <> pair.state",
            ),
            (
                "every break is told once",
                "SELECT change.id FROM change LEFT JOIN notice ON notice.change = change.id AND kind = 'raise' \
                 WHERE to_state = 'Down' AND from_state <> 'Down' GROUP BY change.id HAVING count(notice.change) <> 1 \
                 AND NOT EXISTS (SELECT 1 FROM notice n JOIN change c ON c.id = n.change WHERE c.pair = \
                 (SELECT pair FROM change x WHERE x.id = change.id) AND n.kind = 'raise')",
            ),
            (
                "a result under a lease that has ended turns nothing",
                "SELECT change.id FROM change JOIN result ON result.id = change.result WHERE result.late = 1",
            ),
        ] {
            assert_eq!(self.postgres.rows(sql), [[""; 0]; 0], "{law}");
        }
    }
}

pub fn two_pairs() -> String {
    format!(
        "[[watch]]\nidentity = 'each'\npools = ['{ATL}']\nreceivers = ['{GOOD}', '{REFUSED}']\nevery = '2s'\n\
         [[watch]]\nidentity = 'any'\npools = ['{OTHER_POOL}']\nreceivers = ['{GOOD}', '{REFUSED}']\nevery = '2s'\n\
         sites = 'any'\n"
    )
}
