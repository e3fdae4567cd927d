//! The verbs over both engines: the same model, the same random histories, the same laws.

mod clock;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::query::BaselineNaming;
use super::record::DEFAULT_PERIOD;
use super::*;
use crate::skip::skip;

const MINUTE: i64 = 60_000_000;

fn pair(n: usize) -> PairName {
    PairName {
        test: "XmppIM".to_owned(),
        pool: "atl-cs-001.litwareinc.com".to_owned(),
        receiver: format!("user{n}@contoso.com"),
    }
}

fn result(pair: PairName, site: &str, started_at: i64, outcome: StoredOutcome) -> NewResult {
    let is_failure = matches!(outcome, StoredOutcome::Failure { .. });
    NewResult {
        id: Uuid::now_v7(),
        run: None,
        pair,
        site: site.to_owned(),
        lease: None,
        started_at,
        outcome,
        turns_state: true,
        is_flaky: false,
        is_inferred: false,
        is_revision: false,
        evidence: None,
        code: is_failure.then(|| "FEDERATION-REFUSED".to_owned()),
        owner: is_failure.then(|| "Partner".to_owned()),
        diagnosis: None,
        latency: (!is_failure).then_some(84_312),
        elapsed: 90_000,
        certificate_end: None,
        report: "{}".to_owned(),
    }
}

fn run_of(principal: &str) -> Run {
    Run {
        id: String::new(),
        principal: principal.to_owned(),
        way: "session".to_owned(),
        command: "Test-XmppIM".to_owned(),
        site: "Dublin".to_owned(),
        started_at: 0,
        ended_at: None,
        baseline: None,
        counts: [0; 3],
    }
}

fn channels() -> Vec<Channel> {
    vec![
        Channel { identity: "on call".to_owned(), owners: vec![] },
        Channel { identity: "network desk".to_owned(), owners: vec!["Network".to_owned()] },
    ]
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A server of Debian's package in a directory of its own, for this process.
struct Server {
    directory: PathBuf,
}

impl Server {
    /// The server, started when the first test asks for it; none, with the reason, where it cannot be.
    fn shared() -> Result<&'static Self, String> {
        static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
        SERVER.get_or_init(Self::start).as_ref().map_err(Clone::clone)
    }

    fn start() -> Result<Self, String> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").map_err(|_| "postgresql is not installed")?;
        let newest = versions.flatten().map(|entry| entry.path().join("bin")).max();
        let bin = newest.ok_or("postgresql is not installed")?;
        if !nix::unistd::getuid().is_root() {
            return Err("initdb runs as the user postgres, and only root can start it as that".to_owned());
        }
        let directory = tempfile::Builder::new().prefix("imsh-pg-").tempdir_in("/tmp").unwrap().keep();
        run(Command::new("chown").arg("postgres").arg(&directory));
        let data = directory.join("data");
        let as_postgres = |program: &str| {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(bin.join(program)).current_dir("/");
            // A locale that the machine does not have would end initdb.
            command.env("LC_ALL", "C");
            command
        };
        run(as_postgres("initdb").args(["-A", "trust", "-N", "-D"]).arg(&data));
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories={} -c fsync=off -c max_connections=200",
            directory.display()
        );
        run(as_postgres("pg_ctl")
            .args(["-w", "-D"])
            .arg(&data)
            .args(["-o", &options, "-l"])
            .arg(directory.join("log"))
            .arg("start"));
        // The server ends with this process.
        let script = format!(
            "while kill -0 {} 2>/dev/null; do sleep 0.2; done; runuser -u postgres -- {}/pg_ctl -D {} -m immediate stop; rm -rf {}",
            std::process::id(),
            bin.display(),
            data.display(),
            directory.display()
        );
        Command::new("setsid")
            .args(["sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        Ok(Self { directory })
    }

    async fn store(&self) -> Store {
        let name = format!("t{}", Uuid::now_v7().simple());
        run(Command::new("runuser")
            .args(["-u", "postgres", "--", "createdb", "-h"])
            .arg(&self.directory)
            .arg(&name)
            .current_dir("/"));
        let url = format!(
            "postgres://postgres@{}/{name}",
            self.directory.display().to_string().replace('/', "%2F")
        );
        let store = Store::connect_unchecked(&url, PostgresOptions::default()).unwrap();
        store.migrate().await.unwrap();
        store
    }
}

fn run(command: &mut Command) {
    let done = command.stdin(Stdio::null()).output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Runs a test on a store of each engine.
fn on_both_engines<Done: Future<Output = ()>>(test: impl Fn(Store) -> Done) {
    let runtime = runtime();
    runtime.block_on(async {
        let directory = tempfile::tempdir().unwrap();
        test(Store::open(&directory.path().join("results.sqlite")).await.unwrap()).await;
        match Server::shared() {
            Ok(server) => test(server.store().await).await,
            Err(reason) => {
                skip(&reason);
            }
        }
    });
}

async fn record(store: &Store, results: Vec<NewResult>) -> Vec<record::Change> {
    store.write(move |sql| super::record::record(sql, &results, &channels())).await.unwrap()
}

async fn now(store: &Store) -> i64 {
    store.read(|sql| sql.now()).await.unwrap()
}

async fn state(store: &Store, name: &PairName) -> StoredState {
    let id = name.id();
    store.read(move |sql| query::states(sql, &[id])).await.unwrap().remove(0)
}

#[test]
fn what_is_recorded_can_be_read_again() {
    on_both_engines(|store| async move {
        let began = now(&store).await;
        let run = Run {
            id: Uuid::now_v7().to_string(),
            principal: "os-user:ada".to_owned(),
            way: "run".to_owned(),
            command: "daily.rhai \u{0} 'x' $1".to_owned(),
            site: "Redmond".to_owned(),
            started_at: began,
            ended_at: None,
            baseline: None,
            counts: [0; 3],
        };
        let wanted = run.clone();
        store.write(move |sql| query::begin_run(sql, &run)).await.unwrap();
        let good = NewResult {
            run: Some(wanted.id.parse().unwrap()),
            ..result(pair(1), "Redmond", began, StoredOutcome::Success)
        };
        let bad = result(pair(2), "Redmond", began + 1, StoredOutcome::Failure { is_definite: false });
        record(&store, vec![good.clone(), bad.clone()]).await;
        // A second copy of the same result changes nothing.
        record(&store, vec![good.clone()]).await;
        let pairs = vec![pair(1).id(), pair(2).id()];
        let filter = ResultFilter { pairs: pairs.clone(), ..ResultFilter::default() };
        let found = store.read(move |sql| query::results(sql, &filter)).await.unwrap();
        let ids: Vec<String> = found.iter().map(|result| result.id.clone()).collect();
        assert_eq!(ids, [bad.id.to_string(), good.id.to_string()]);
        assert_eq!(found[0].code.as_deref(), Some("FEDERATION-REFUSED"));
        let failures = ResultFilter {
            pairs: pairs.clone(),
            outcome: Some("Failure".to_owned()),
            code: Some("FEDERATION-REFUSED".to_owned()),
            since: Some(began),
            newest: Some(10),
            ..ResultFilter::default()
        };
        assert_eq!(store.read(move |sql| query::results(sql, &failures)).await.unwrap().len(), 1);
        let nothing = ResultFilter::default();
        assert_eq!(store.read(move |sql| query::results(sql, &nothing)).await.unwrap(), []);
        let list = pairs.clone();
        let runs = store.read(move |sql| query::runs(sql, &list, 0, 10)).await.unwrap();
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].counts, [1, 0, 0]);
        let points = store
            .read(move |sql| query::trend(sql, &pairs, RollupSpan::Hour, 0, i64::MAX, &[]))
            .await
            .unwrap();
        let counts: i64 = points.iter().map(|point| point.n_tests).sum();
        assert_eq!((points.len(), counts), (2, 2));
        assert_eq!(
            (state(&store, &pair(1)).await.state, state(&store, &pair(2)).await.state),
            (PairState::Up, PairState::Down)
        );
    });
}

fn planned(n: usize, vantage: &str, due: i64) -> Planned {
    Planned {
        pair: pair(n),
        vantage: vantage.to_owned(),
        watch: "every partner".to_owned(),
        account: "kenmyer@litwareinc.com".to_owned(),
        period: 15 * MINUTE,
        raise_after: 2,
        clear_after: 1,
        first_due: due,
    }
}

async fn claim(store: &Store, site: &'static str, watcher: &str) -> Vec<Claim> {
    let watcher = watcher.to_owned();
    let accounts = vec!["kenmyer@litwareinc.com".to_owned()];
    store.write(move |sql| plan::claim(sql, site, &watcher, &accounts, 100, 90_000_000)).await.unwrap()
}

fn under(claim: &Claim, watcher: &str, result: NewResult) -> NewResult {
    let lease = Lease {
        has_ended: false,
        watcher: watcher.to_owned(),
        vantage: claim.vantage.clone(),
        number: claim.lease,
        next_due: claim.due_at + claim.period,
    };
    NewResult { lease: Some(lease), ..result }
}

#[test]
fn a_pair_is_claimed_once_and_a_lost_lease_moves_nothing() {
    on_both_engines(|store| async move {
        let began = now(&store).await;
        let entries = vec![planned(1, ANY_SITE, began), planned(2, "Oslo", began)];
        store.write(move |sql| plan::plan(sql, "Dublin", &entries)).await.unwrap();
        let first = claim(&store, "Dublin", "d1").await;
        assert_eq!(first.len(), 1, "the pair of any site, not Oslo's");
        assert!(claim(&store, "Dublin", "d2").await.is_empty());
        // The first watcher is stopped for longer than its lease; another one takes over.
        store.advance_clock(100_000_000);
        let second = claim(&store, "Redmond", "r1").await;
        assert_eq!((second.len(), second[0].lease), (1, first[0].lease + 1));
        let at = now(&store).await;
        record(&store, vec![under(&second[0], "r1", result(pair(1), "Redmond", at, StoredOutcome::Success))])
            .await;
        let late = result(pair(1), "Dublin", at + 1, StoredOutcome::Failure { is_definite: true });
        let changes = record(&store, vec![under(&first[0], "d1", late)]).await;
        assert_eq!(changes, []);
        assert_eq!(state(&store, &pair(1)).await.state, PairState::Up);
        let filter = ResultFilter { pairs: vec![pair(1).id()], ..ResultFilter::default() };
        let kept = store.read(move |sql| query::results(sql, &filter)).await.unwrap();
        assert_eq!(kept.iter().filter(|result| result.is_late).count(), 1);
    });
}

#[test]
fn a_notice_comes_once_for_a_change_and_again_when_it_is_mended() {
    on_both_engines(|store| async move {
        let began = now(&store).await;
        let entries: Vec<Planned> = (0..50).map(|n| planned(n, "Dublin", began)).collect();
        store.write(move |sql| plan::plan(sql, "Dublin", &entries)).await.unwrap();
        let take = || async { store.write(|sql| notice::take(sql, "on call", 0, 60_000_000)).await.unwrap() };
        for (round, outcome) in [
            StoredOutcome::Success,
            StoredOutcome::Failure { is_definite: false },
            StoredOutcome::Failure { is_definite: false },
            StoredOutcome::Failure { is_definite: false },
            StoredOutcome::Success,
        ]
        .into_iter()
        .enumerate()
        {
            let at = now(&store).await;
            let results = claim(&store, "Dublin", "d1")
                .await
                .iter()
                .map(|claim| under(claim, "d1", result(claim.pair.clone(), "Dublin", at, outcome)))
                .collect();
            record(&store, results).await;
            let notices = take().await;
            let kinds: Vec<NoticeKind> = notices.iter().map(|notice| notice.kind).collect();
            match round {
                2 => assert_eq!(kinds, vec![NoticeKind::Raise; 50], "fifty receivers are one batch"),
                4 => assert_eq!(kinds, vec![NoticeKind::Clear; 50]),
                _ => assert_eq!(kinds, []),
            }
            for notice in notices {
                store
                    .write(move |sql| notice::failed(sql, "on call", &notice, 1, "connection refused"))
                    .await
                    .unwrap();
            }
            // What was not taken comes again; what was taken does not.
            store.advance_clock(2);
            for notice in take().await {
                assert_eq!(notice.attempts, 1);
                store.write(move |sql| notice::done(sql, "on call", &notice)).await.unwrap();
            }
            assert_eq!(take().await, []);
            store.advance_clock(15 * MINUTE);
        }
        let waiting = store.read(notice::waiting).await.unwrap();
        assert_eq!(waiting, [], "the network desk is told of nothing that is the partner's");
    });
}

/// The kinds of what a channel is told now; it takes them or does not.
async fn told(store: &Store, is_taken: bool) -> Vec<&'static str> {
    let notices = store.write(|sql| notice::take(sql, "on call", 0, MINUTE)).await.unwrap();
    let kinds = notices.iter().map(|notice| notice.kind.name()).collect();
    for notice in notices {
        let settle = move |sql: &mut dyn Sql| match is_taken {
            true => notice::done(sql, "on call", &notice),
            false => notice::failed(sql, "on call", &notice, 60 * MINUTE, "away"),
        };
        store.write(settle).await.unwrap();
    }
    kinds
}

/// Makes the schedule of a site this one.
async fn watch(store: &Store, entries: Vec<Planned>) {
    store.write(move |sql| plan::plan(sql, "Dublin", &entries)).await.unwrap();
}

/// The pairs of these numbers are tested from one site.
async fn tested(store: &Store, pairs: std::ops::Range<usize>, outcome: StoredOutcome) {
    let at = now(store).await;
    record(store, pairs.map(|n| result(pair(n), "Dublin", at, outcome)).collect()).await;
}

#[test]
fn an_end_is_told_after_what_it_ends_however_late_that_is_taken() {
    on_both_engines(|store| async move {
        let down = StoredOutcome::Failure { is_definite: true };
        tested(&store, 0..2, down).await;
        assert_eq!(told(&store, false).await, ["raise"; 2]);
        tested(&store, 0..2, StoredOutcome::Success).await;
        // Another pair is told of meanwhile: only what is about the same one waits.
        tested(&store, 2..3, down).await;
        assert_eq!(told(&store, true).await, ["raise"]);
        assert_eq!(told(&store, true).await, [""; 0]);
        store.advance_clock(61 * MINUTE);
        // Somebody has the raise in hand, and ends without a word.
        assert_eq!(store.write(|sql| notice::take(sql, "on call", 0, MINUTE)).await.unwrap().len(), 2);
        assert_eq!(told(&store, true).await, [""; 0]);
        store.advance_clock(2 * MINUTE);
        assert_eq!(told(&store, true).await, ["raise"; 2]);
        assert_eq!(told(&store, true).await, ["clear"; 2]);
        assert_eq!(told(&store, true).await, [""; 0]);
    });
}

#[test]
fn what_is_left_to_one_receiver_keeps_nothing_back_from_the_others() {
    on_both_engines(|store| async move {
        let take = || store.write(|sql| notice::take(sql, "on call", 0, MINUTE));
        let leave = async |notices: Vec<Notice>| {
            for notice in notices {
                let left = ["bad@contoso.com".to_owned()];
                store
                    .write(move |sql| {
                        notice::leave_to(sql, "on call", &notice, &left)?;
                        notice::failed(sql, "on call", &notice, 60 * MINUTE, "no such user")
                    })
                    .await
                    .unwrap();
            }
        };
        let (down, well) = (StoredOutcome::Failure { is_definite: true }, StoredOutcome::Success);
        watch(&store, (0..4).map(|n| planned(n, "Dublin", 0)).collect()).await;
        tested(&store, 0..2, down).await;
        leave(take().await.unwrap()).await;
        store.advance_clock(61 * MINUTE);
        // A notice to all is told apart from it.
        tested(&store, 2..3, down).await;
        let left: Vec<(usize, Vec<String>)> = [take().await.unwrap(), take().await.unwrap()]
            .map(|told| (told.len(), told[0].left.clone()))
            .into();
        assert_eq!(left, [(2, vec!["bad@contoso.com".to_owned()]), (1, vec![])]);
        store.advance_clock(2 * MINUTE);
        tested(&store, 0..3, well).await;
        tested(&store, 3..4, down).await;
        let mut kinds = Vec::new();
        while let told = take().await.unwrap()
            && let [first, ..] = &told[..]
        {
            kinds.push((first.kind.name(), told.len(), first.left.len()));
            for notice in told {
                store.write(move |sql| notice::done(sql, "on call", &notice)).await.unwrap();
            }
        }
        kinds.sort_unstable();
        // The beginning is not told alone once there is an end.
        assert_eq!(kinds, [("clear", 3, 0), ("raise", 2, 0)]);
    });
}

#[test]
fn somebody_who_was_told_alone_is_reminded_with_the_others() {
    on_both_engines(|store| async move {
        watch(&store, vec![planned(0, "Dublin", 0)]).await;
        tested(&store, 0..1, StoredOutcome::Failure { is_definite: true }).await;
        for _ in 0..2 {
            for notice in store.write(|sql| notice::take(sql, "on call", 0, MINUTE)).await.unwrap() {
                store
                    .write(move |sql| {
                        notice::leave_to(sql, "on call", &notice, &["bad@contoso.com".to_owned()])?;
                        notice::failed(sql, "on call", &notice, 60 * MINUTE, "no such user")
                    })
                    .await
                    .unwrap();
            }
            store.advance_clock(61 * MINUTE);
        }
        assert_eq!(told(&store, true).await, ["raise"]);
        store.advance_clock(61 * MINUTE);
        assert_eq!(store.write(|sql| notice::remind(sql, "on call", 60 * MINUTE)).await.unwrap(), 1);
        let reminder = store.write(|sql| notice::take(sql, "on call", 0, MINUTE)).await.unwrap();
        assert_eq!((reminder[0].kind, &reminder[0].left[..]), (NoticeKind::Reminder, &[][..]));
    });
}

#[test]
fn nobody_is_reminded_of_what_is_over() {
    on_both_engines(|store| async move {
        watch(&store, vec![planned(0, "Dublin", 0)]).await;
        tested(&store, 0..1, StoredOutcome::Failure { is_definite: true }).await;
        assert_eq!(told(&store, true).await, ["raise"]);
        store.advance_clock(61 * MINUTE);
        assert_eq!(store.write(|sql| notice::remind(sql, "on call", 60 * MINUTE)).await.unwrap(), 1);
        assert_eq!(told(&store, false).await, ["reminder"]);
        tested(&store, 0..1, StoredOutcome::Success).await;
        assert_eq!(told(&store, true).await, ["clear"]);
        store.advance_clock(61 * MINUTE);
        assert_eq!(told(&store, true).await, [""; 0]);
        assert_eq!(store.read(notice::waiting).await.unwrap(), []);
    });
}

#[test]
fn nobody_is_reminded_of_a_pair_that_is_watched_no_more() {
    on_both_engines(|store| async move {
        let script = Planned {
            pair: PairName {
                test: plan::SCRIPT_TEST.to_owned(),
                pool: String::new(),
                receiver: "daily.rhai".to_owned(),
            },
            ..planned(0, "Dublin", 0)
        };
        let raised = async || store.read(|sql| notice::raised(sql, "on call")).await.unwrap().len();
        let remind = async || store.write(|sql| notice::remind(sql, "on call", MINUTE)).await.unwrap();
        // The second pair is one that the script tests.
        watch(&store, vec![planned(0, "Dublin", 0), script.clone()]).await;
        tested(&store, 0..2, StoredOutcome::Failure { is_definite: true }).await;
        assert_eq!(told(&store, true).await, ["raise"; 2]);
        store.advance_clock(2 * MINUTE);
        assert_eq!((raised().await, remind().await), (2, 2));
        assert_eq!(told(&store, false).await, ["reminder"; 2]);
        let at = now(&store).await;
        let claims = claim(&store, "Dublin", "d1").await;
        let claim = claims.iter().find(|claim| claim.pair == pair(0)).unwrap();
        let failure = StoredOutcome::Failure { is_definite: true };
        record(&store, vec![under(claim, "d1", result(pair(0), "Dublin", at, failure))]).await;
        // Its watch is paused, and what was to be told again is told no more.
        watch(&store, vec![script]).await;
        store.advance_clock(61 * MINUTE);
        assert_eq!(raised().await, 1);
        assert_eq!(told(&store, true).await, ["reminder"]);
        assert_eq!(store.read(notice::waiting).await.unwrap(), []);
        store.advance_clock(2 * MINUTE);
        assert_eq!(remind().await, 1);
        watch(&store, vec![]).await;
        assert_eq!(raised().await, 0);
        assert_eq!(told(&store, true).await, [""; 0]);
        // It is watched again, and is still broken.
        watch(&store, vec![planned(0, "Dublin", 0)]).await;
        assert_eq!((raised().await, remind().await), (1, 1));
    });
}

#[test]
fn somebody_is_reminded_after_a_pair_was_unknown_or_flaky_for_a_while() {
    on_both_engines(|store| async move {
        watch(&store, vec![Planned { clear_after: 2, ..planned(0, "Dublin", 0) }]).await;
        let [down, failed] = [true, false].map(|is_definite| StoredOutcome::Failure { is_definite });
        let remind = || store.write(|sql| notice::remind(sql, "on call", 60 * MINUTE));
        let is = async |expected| assert_eq!(state(&store, &pair(0)).await.state, expected);
        tested(&store, 0..1, down).await;
        assert_eq!(told(&store, true).await, ["raise"]);
        // Nobody tests for a while.
        store.advance_clock(61 * MINUTE);
        assert_eq!(store.write(plan::expire).await.unwrap(), 1);
        is(PairState::Unknown).await;
        assert_eq!(remind().await.unwrap(), 0, "nobody knows whether it is still so");
        tested(&store, 0..1, down).await;
        is(PairState::Down).await;
        assert_eq!(told(&store, true).await, [""; 0], "it is no news");
        assert_eq!(remind().await.unwrap(), 1);
        assert_eq!(told(&store, true).await, ["reminder"]);
        for outcome in [StoredOutcome::Success, failed, StoredOutcome::Success, failed] {
            store.advance_clock(15 * MINUTE);
            tested(&store, 0..1, outcome).await;
            assert_eq!(told(&store, true).await, [""; 0]);
        }
        is(PairState::Flaky).await;
        assert_eq!(remind().await.unwrap(), 1);
        assert_eq!(told(&store, true).await, ["reminder"]);
        assert_eq!(remind().await.unwrap(), 0);
    });
}

#[test]
fn a_channel_is_told_when_a_fault_becomes_its_own_and_when_it_is_so_no_more() {
    on_both_engines(|store| async move {
        let down = StoredOutcome::Failure { is_definite: true };
        // Dublin alone cannot reach the receiver, then nobody can, then Dublin alone again; then it is mended.
        for (site, outcome) in [
            ("Oslo", StoredOutcome::Success),
            ("Dublin", down),
            ("Oslo", down),
            ("Oslo", StoredOutcome::Success),
            ("Dublin", StoredOutcome::Success),
        ] {
            record(&store, vec![result(pair(1), site, now(&store).await, outcome)]).await;
            store.advance_clock(MINUTE);
        }
        for (channel, expected) in [
            ("on call", vec!["raise Network", "raise Partner", "raise Network", "clear Network"]),
            ("network desk", vec!["raise Network", "clear Network", "raise Network", "clear Network"]),
        ] {
            let mut told = Vec::new();
            while let [first, ..] =
                &store.write(move |sql| notice::take(sql, channel, 0, MINUTE)).await.unwrap()[..]
            {
                let first = first.clone();
                told.push(format!("{} {}", first.kind.name(), first.owner.clone().unwrap_or_default()));
                store.write(move |sql| notice::done(sql, channel, &first)).await.unwrap();
                store.advance_clock(MINUTE + 1);
            }
            assert_eq!(told, expected, "{channel}");
        }
    });
}

#[test]
fn a_test_of_a_delegate_s_own_kind_is_kept_and_turns_no_state() {
    on_both_engines(|store| async move {
        let at = now(&store).await;
        record(&store, vec![result(pair(1), "Dublin", at, StoredOutcome::Success)]).await;
        let own = NewResult {
            turns_state: false,
            ..result(pair(1), "Dublin", at + 1, StoredOutcome::Failure { is_definite: true })
        };
        assert_eq!(record(&store, vec![own]).await, []);
        assert_eq!(state(&store, &pair(1)).await.state, PairState::Up);
        let filter = ResultFilter { pairs: vec![pair(1).id()], ..ResultFilter::default() };
        assert_eq!(store.read(move |sql| query::results(sql, &filter)).await.unwrap().len(), 2);
    });
}

#[test]
fn tables_of_another_program_are_left_alone() {
    on_both_engines(|store| async move {
        store.write(|sql| sql.script("DROP TABLE schema_version")).await.unwrap();
        let refused = store.migrate().await.unwrap_err();
        assert_eq!(refused, StoreFault::Foreign { place: store.place() });
        assert!(!store.write(|sql| sql.has_table("schema_version")).await.unwrap());
    });
}

#[test]
fn a_baseline_of_one_principal_is_not_another_s_to_take() {
    on_both_engines(|store| async move {
        let at = now(&store).await;
        let run = |id: &str, principal: &str| Run { id: id.to_owned(), started_at: at, ..run_of(principal) };
        for run in [run("1", "ada"), run("2", "kim"), run("3", "kim")] {
            store.write(move |sql| query::begin_run(sql, &run)).await.unwrap();
        }
        let store = &store;
        let name = |id: &'static str, name: &'static str, principal: Option<&'static str>| async move {
            store.write(move |sql| query::set_baseline(sql, id, name, principal)).await.unwrap()
        };
        assert_eq!(name("1", "golden", Some("ada")).await, BaselineNaming::Named);
        assert_eq!(name("2", "golden", Some("kim")).await, BaselineNaming::OfAnother, "the name is ada's");
        assert_eq!(name("1", "other", Some("kim")).await, BaselineNaming::OfAnother, "so is the run");
        assert_eq!(name("2", "own", Some("kim")).await, BaselineNaming::Named);
        let own = BaselineNaming::OtherName("own".to_owned());
        assert_eq!(name("2", "golden", None).await, own, "no name is lost");
        assert_eq!(name("3", "golden", None).await, BaselineNaming::Named, "an administrator moves it");
        assert_eq!(name("3", "golden", None).await, BaselineNaming::Named, "it has the name already");
        assert_eq!(name("1", "other", None).await, BaselineNaming::Named, "its name went elsewhere");
        assert_eq!(name("4", "none", None).await, BaselineNaming::NoRun);
    });
}

#[test]
fn a_pair_that_nobody_tests_is_unknown() {
    on_both_engines(|store| async move {
        let began = now(&store).await;
        let entries = vec![planned(1, "Dublin", began)];
        store.write(move |sql| plan::plan(sql, "Dublin", &entries)).await.unwrap();
        let claims = claim(&store, "Dublin", "d1").await;
        record(
            &store,
            vec![under(&claims[0], "d1", result(pair(1), "Dublin", began, StoredOutcome::Success))],
        )
        .await;
        assert_eq!(state(&store, &pair(1)).await.state, PairState::Up);
        store.advance_clock(31 * MINUTE);
        assert_eq!(state(&store, &pair(1)).await.state, PairState::Unknown);
        assert_eq!(store.write(plan::expire).await.unwrap(), 1);
        assert_eq!(store.write(plan::expire).await.unwrap(), 0);
    });
}

#[test]
fn a_silent_site_is_one_change() {
    on_both_engines(|store| async move {
        let row = |site: &str| WatcherRow {
            id: format!("{site}-1"),
            site: site.to_owned(),
            version: "1".to_owned(),
            started_at: 0,
            seen_at: 0,
            blind: None,
            skew: 0,
        };
        for site in ["Dublin", "Oslo"] {
            let row = row(site);
            store.write(move |sql| plan::heartbeat(sql, &row, "hash")).await.unwrap();
        }
        let judge = || store.write(|sql| plan::judge_watchers(sql, 60_000_000, &channels()));
        judge().await.unwrap();
        store.advance_clock(61_000_000);
        let own = row("Oslo");
        store.write(move |sql| plan::heartbeat(sql, &own, "hash")).await.unwrap();
        judge().await.unwrap();
        judge().await.unwrap();
        let notices = store.write(|sql| notice::take(sql, "on call", 0, 1)).await.unwrap();
        let told: Vec<_> =
            notices.iter().map(|notice| (notice.pair.pool.as_str(), notice.code.as_deref())).collect();
        assert_eq!(told, [("Dublin", Some(plan::WATCHER_SILENT))]);
    });
}

#[test]
fn a_shared_limit_holds() {
    on_both_engines(|store| async move {
        let take = |holder: &'static str| {
            store.write(move |sql| {
                plan::take_slot(sql, "account kenmyer@litwareinc.com", 2, holder, 60_000_000)
            })
        };
        let (one, two) = (take("d1").await.unwrap(), take("r1").await.unwrap());
        assert!(one.is_some() && two.is_some() && one != two);
        assert_eq!(take("o1").await.unwrap(), None);
        let n = one.unwrap();
        store
            .write(move |sql| plan::free_slot(sql, "account kenmyer@litwareinc.com", n, "d1"))
            .await
            .unwrap();
        assert_eq!(take("o1").await.unwrap(), one);
        store.advance_clock(61_000_000);
        assert!(take("o2").await.unwrap().is_some(), "a lease that has run out is free");
    });
}

#[test]
fn a_question_about_a_list_leaves_no_statement_behind() {
    on_both_engines(|store| async move {
        // SQLite tells nobody what is prepared.
        if !store.is_shared() {
            return;
        }
        for n in 0..60 {
            store.read(move |engine| query::states(engine, &[n, n + 1])).await.unwrap();
        }
        let count = "SELECT CAST(count(*) AS BIGINT) FROM pg_prepared_statements";
        let kept = store.read(move |engine| engine.query(count, &[])).await.unwrap();
        assert!(kept[0].int(0).unwrap() < 30, "{kept:?}");
    });
}

#[test]
fn what_reports_ask_is_answered_by_both_engines() {
    on_both_engines(|store| async move {
        let began = now(&store).await;
        let entries =
            vec![planned(1, "Dublin", began), planned(1, "Oslo", began), planned(2, "Dublin", began)];
        store.write(move |sql| plan::plan(sql, "Dublin", &entries)).await.unwrap();
        let mut watched = vec![pair(1).id(), pair(2).id()];
        watched.sort_unstable();
        assert_eq!(store.read(overview::watched_pairs).await.unwrap(), watched);
        let ends = |at, site, end| NewResult {
            certificate_end: Some(end),
            ..result(pair(1), site, at, StoredOutcome::Success)
        };
        record(&store, vec![ends(began, "Dublin", 7), ends(began + 1, "Dublin", 9), ends(began, "Oslo", 8)])
            .await;
        let definite = StoredOutcome::Failure { is_definite: true };
        record(&store, vec![result(pair(1), "Dublin", began + 2, definite), ends(began + 2, "Oslo", 8)])
            .await;
        let id = pair(1).id();
        let seen = store.read(move |sql| overview::certificate_ends(sql, &[id])).await.unwrap();
        assert_eq!(
            seen.iter().map(|end| (end.site.as_str(), end.ends_at)).collect::<Vec<_>>(),
            [("Oslo", 8)]
        );
        let turns = store.read(move |sql| overview::turns(sql, &[id], began, 10)).await.unwrap();
        let told: Vec<_> = turns.iter().map(|turn| (turn.from, turn.to)).collect();
        assert_eq!(told, [(PairState::Up, PairState::Down), (PairState::Unknown, PairState::Up)]);
        assert!(store.read(move |sql| overview::turns(sql, &[], 0, 10)).await.unwrap().is_empty());
    });
}

#[test]
fn a_failure_of_whoever_tests_counts_against_no_pair_and_turns_its_state() {
    on_both_engines(|store| async move {
        let began = now(&store).await;
        let failed = |n: i64, owner: &str| NewResult {
            owner: Some(owner.to_owned()),
            ..result(pair(1), "Dublin", began + n, StoredOutcome::Failure { is_definite: true })
        };
        let success = result(pair(1), "Dublin", began, StoredOutcome::Success);
        let own = [failed(1, "Partner"), failed(2, "Caller"), failed(3, "imsh")];
        let changes = record(&store, [vec![success], own.to_vec()].concat()).await;
        assert_eq!(changes.last().map(|change| change.to), Some(PairState::Down));
        let id = pair(1).id();
        let hours = store
            .read(move |sql| query::trend(sql, &[id], RollupSpan::Hour, 0, i64::MAX, &[]))
            .await
            .unwrap();
        let counted =
            hours.iter().fold((0, 0), |(n, good), hour| (n + hour.n_tests, good + hour.n_successes));
        assert_eq!(counted, (2, 1), "the success, and the failure of the partner");
        let filter = ResultFilter { pairs: vec![id], ..ResultFilter::default() };
        assert_eq!(
            store.read(move |sql| query::results(sql, &filter)).await.unwrap().len(),
            4,
            "all are kept"
        );
    });
}

#[test]
fn what_a_process_met_that_stood_still_is_kept_and_counts_nowhere() {
    on_both_engines(|store| async move {
        let began = now(&store).await;
        let entries = vec![planned(0, "Dublin", began)];
        store.write(move |sql| plan::plan(sql, "Dublin", &entries)).await.unwrap();
        let claims = claim(&store, "Dublin", "first").await;
        let failure = StoredOutcome::Failure { is_definite: true };
        let late = under(&claims[0], "first", result(claims[0].pair.clone(), "Dublin", began, failure));
        let lease = late.lease.clone().map(|lease| Lease { has_ended: true, ..lease });
        assert_eq!(record(&store, vec![NewResult { lease, ..late }]).await, []);
        let rows = store.read(|sql| sql.query("SELECT late FROM result", &[])).await.unwrap();
        assert_eq!(rows[0].int(0).unwrap(), 1);
        for counted in ["rollup", "change", "notice", "site_state"] {
            let sql = format!("SELECT count(*) FROM {counted}");
            let rows = store.read(move |engine| engine.query_composed(&sql, &[])).await.unwrap();
            assert_eq!(rows[0].int(0).unwrap(), 0, "{counted}");
        }
        // The pair is due for whoever comes next, as it was.
        store.advance_clock(5 * MINUTE);
        assert_eq!(claim(&store, "Dublin", "second").await.len(), 1);
    });
}

#[test]
fn what_is_too_old_is_forgotten_and_its_days_are_kept() {
    on_both_engines(|store| async move {
        let began = now(&store).await;
        record(&store, vec![result(pair(1), "Dublin", began, StoredOutcome::Success)]).await;
        store.advance_clock(31 * DEFAULT_PERIOD);
        while store.write(|sql| query::forget(sql, 30 * DEFAULT_PERIOD)).await.unwrap() {}
        let filter = ResultFilter { pairs: vec![pair(1).id()], ..ResultFilter::default() };
        assert_eq!(store.read(move |sql| query::results(sql, &filter)).await.unwrap(), []);
        let id = pair(1).id();
        let days =
            store.read(move |sql| query::trend(sql, &[id], RollupSpan::Day, 0, i64::MAX, &[])).await.unwrap();
        assert_eq!(days.iter().map(|day| day.n_tests).sum::<i64>(), 1);
    });
}

#[test]
fn the_results_of_a_baseline_are_kept_as_long_as_it_is_one() {
    on_both_engines(|store| async move {
        let began = now(&store).await;
        let ids = [Uuid::now_v7(), Uuid::now_v7()];
        for id in ids {
            let run = Run { id: id.to_string(), started_at: began, ..run_of("ada") };
            store.write(move |sql| query::begin_run(sql, &run)).await.unwrap();
            let own = result(pair(1), "Dublin", began, StoredOutcome::Success);
            record(&store, vec![NewResult { run: Some(id), ..own }]).await;
        }
        let store = &store;
        let first = ids[0].to_string();
        let named = move |sql: &mut dyn Sql| query::set_baseline(sql, &first, "golden", None);
        assert_eq!(store.write(named).await.unwrap(), BaselineNaming::Named);
        let forget = || async move {
            while store.write(|sql| query::forget(sql, 30 * DEFAULT_PERIOD)).await.unwrap() {}
            let pairs = [pair(1).id()];
            let runs = store.read(move |sql| query::runs(sql, &pairs, 0, 10)).await.unwrap();
            runs.into_iter().map(|run| (run.id, run.counts)).collect::<Vec<_>>()
        };
        store.advance_clock(31 * DEFAULT_PERIOD);
        assert_eq!(forget().await, [(ids[0].to_string(), [1, 0, 0])]);
        let other = Run { id: "other".to_owned(), started_at: now(store).await, ..run_of("ada") };
        store.write(move |sql| query::begin_run(sql, &other)).await.unwrap();
        let moved = |sql: &mut dyn Sql| query::set_baseline(sql, "other", "golden", None);
        assert_eq!(store.write(moved).await.unwrap(), BaselineNaming::Named);
        assert_eq!(forget().await, []);
    });
}

/// One thing that happens to a watched pair.
#[derive(Clone, Debug)]
enum Step {
    Claim {
        site: usize,
    },
    /// The last claim of a site ends so, however old it is; some results are sent twice.
    Finish {
        site: usize,
        outcome: u8,
        is_sent_twice: bool,
    },
    /// A person tests by hand.
    ByHand {
        site: usize,
        pair: usize,
        outcome: u8,
    },
    Pass {
        minutes: i64,
    },
    Expire,
    /// A channel is told of what is due: it takes it or does not, or whoever told it ends before that is known.
    Deliver {
        end: Delivered,
    },
    Remind,
}

#[derive(Clone, Copy, Debug)]
enum Delivered {
    Taken,
    NotTaken {
        minutes: i64,
    },
    /// One receiver does not take it.
    Partly {
        minutes: i64,
    },
    Unknown,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2_usize).prop_map(|site| Step::Claim { site }),
        6 => (0..2_usize, 0..3_u8, any::<bool>())
            .prop_map(|(site, outcome, is_sent_twice)| Step::Finish { site, outcome, is_sent_twice }),
        1 => (0..2_usize, 0..2_usize, 0..3_u8).prop_map(|(site, pair, outcome)| Step::ByHand { site, pair, outcome }),
        4 => (1..40_i64).prop_map(|minutes| Step::Pass { minutes }),
        1 => Just(Step::Expire),
        3 => delivered().prop_map(|end| Step::Deliver { end }),
        1 => Just(Step::Remind),
    ]
}

fn delivered() -> impl Strategy<Value = Delivered> {
    prop_oneof![
        2 => Just(Delivered::Taken),
        2 => (0..60_i64).prop_map(|minutes| Delivered::NotTaken { minutes }),
        1 => (0..60_i64).prop_map(|minutes| Delivered::Partly { minutes }),
        1 => Just(Delivered::Unknown),
    ]
}

const SITES: [&str; 2] = ["Dublin", "Oslo"];

fn outcome(n: u8) -> StoredOutcome {
    match n {
        0 => StoredOutcome::Success,
        n => StoredOutcome::Failure { is_definite: n == 2 },
    }
}

/// Plays a history; returns how many different results were sent, and what a channel was told, in order.
async fn play(store: &Store, steps: &[Step]) -> (usize, Vec<Notice>) {
    let began = now(store).await;
    let vantages = [ANY_SITE, "Dublin"];
    let entries: Vec<Planned> =
        vantages.iter().enumerate().map(|(n, vantage)| planned(n, vantage, began)).collect();
    store.write(move |sql| plan::plan(sql, "Dublin", &entries)).await.unwrap();
    let mut held: [Vec<Claim>; 2] = Default::default();
    let (mut n_sent, mut told) = (0, Vec::new());
    for step in steps {
        match *step {
            Step::Claim { site } => held[site].extend(claim(store, SITES[site], SITES[site]).await),
            Step::Finish { site, outcome: came_to, is_sent_twice } => {
                let Some(claim) = held[site].pop() else { continue };
                let new = result(claim.pair.clone(), SITES[site], now(store).await, outcome(came_to));
                let new = under(&claim, SITES[site], new);
                n_sent += 1;
                record(store, vec![new.clone()]).await;
                if is_sent_twice {
                    record(store, vec![new]).await;
                }
            }
            Step::ByHand { site, pair: n, outcome: came_to } => {
                n_sent += 1;
                record(store, vec![result(pair(n), SITES[site], now(store).await, outcome(came_to))]).await;
            }
            Step::Pass { minutes } => store.advance_clock(minutes * MINUTE),
            Step::Expire => drop(store.write(plan::expire).await.unwrap()),
            Step::Deliver { end } => {
                let notices = store.write(|sql| notice::take(sql, "on call", 0, 10 * MINUTE)).await.unwrap();
                told.extend(notices.iter().cloned());
                for notice in notices {
                    let deliver = move |sql: &mut dyn Sql| match end {
                        Delivered::Taken => notice::done(sql, "on call", &notice),
                        Delivered::NotTaken { minutes } => {
                            notice::failed(sql, "on call", &notice, minutes * MINUTE, "away")
                        }
                        Delivered::Partly { minutes } => {
                            notice::leave_to(sql, "on call", &notice, &["bad@contoso.com".to_owned()])?;
                            notice::failed(sql, "on call", &notice, minutes * MINUTE, "no such user")
                        }
                        Delivered::Unknown => Ok(()),
                    };
                    store.write(deliver).await.unwrap();
                }
            }
            Step::Remind => {
                store.write(|sql| notice::remind(sql, "on call", 10 * MINUTE)).await.unwrap();
                check_reminders(store).await;
            }
        }
    }
    (n_sent, told)
}

/// The laws of the store, as SQL: each query finds nothing.
const LAWS: [(&str, &str); 6] = [
    (
        "a result was stored for a pair that is not there",
        "SELECT id FROM result WHERE pair NOT IN (SELECT id FROM pair)",
    ),
    (
        "a state was turned by a late result",
        "SELECT change.id FROM change JOIN result ON result.id = change.result WHERE result.late = 1",
    ),
    (
        "a change to the same state and owner",
        "SELECT id FROM change WHERE from_state = to_state AND from_state <> 'Down'",
    ),
    (
        "a change does not begin where the one before it ended",
        "SELECT one.id FROM change one JOIN change two ON two.pair = one.pair AND two.id > one.id \
         WHERE two.from_state <> one.to_state AND NOT EXISTS (SELECT 1 FROM change mid WHERE mid.pair = one.pair \
         AND mid.id > one.id AND mid.id < two.id)",
    ),
    (
        "a pair is in another state than its last change says",
        "SELECT CAST(pair.id AS TEXT) FROM pair JOIN change ON change.pair = pair.id WHERE change.to_state <> pair.state \
         AND NOT EXISTS (SELECT 1 FROM change later WHERE later.pair = pair.id AND later.id > change.id)",
    ),
    (
        "a clearing notice without one that raised it",
        "SELECT notice.change FROM notice WHERE notice.kind = 'clear' AND NOT EXISTS (SELECT 1 FROM notice raised \
         JOIN change own ON own.id = raised.change JOIN change cleared ON cleared.id = notice.change \
         WHERE raised.kind = 'raise' AND raised.channel = notice.channel AND own.pair = cleared.pair AND own.id < cleared.id)",
    ),
];

/// A channel has a reminder where it was told of a fault that is there still, and of nothing since for as long as a reminder
/// takes.
async fn check_reminders(store: &Store) {
    let raised = store.read(|sql| notice::raised(sql, "on call")).await.unwrap();
    for notice in raised {
        let change = notice.change.clone();
        let rows = store
            .read(move |sql| {
                sql.query(
                    "SELECT max(due_at) - {now}, max(CASE WHEN done_at IS NULL THEN 1 ELSE 0 END) FROM notice \
                     WHERE channel = 'on call' AND change = $1",
                    &[(&change).into()],
                )
            })
            .await
            .unwrap();
        let (due, is_waiting) = (rows[0].int(0).unwrap(), rows[0].int(1).unwrap() == 1);
        assert!(is_waiting || due > -11 * MINUTE, "nobody is reminded: {notice:?}");
    }
}

async fn check_laws(store: &Store, n_sent: usize, told: &[Notice]) {
    for (law, sql) in LAWS {
        let broken = store.read(move |engine| engine.query(sql, &[])).await.unwrap();
        assert!(broken.is_empty(), "{law}: {broken:?}");
    }
    let rows = store.read(|sql| sql.query("SELECT count(*) FROM result", &[])).await.unwrap();
    assert_eq!(rows[0].int(0).unwrap(), i64::try_from(n_sent).unwrap());
    let counted = store
        .read(|sql| sql.query("SELECT span, CAST(sum(tests) AS BIGINT) FROM rollup GROUP BY span", &[]))
        .await
        .unwrap();
    for row in counted {
        assert_eq!(
            row.int(1).unwrap(),
            i64::try_from(n_sent).unwrap(),
            "every result is in one hour and one day"
        );
    }
    // Of each pair a channel is told in order, though of one thing again where it did not take it.
    let mut newest: BTreeMap<&PairName, (i64, i64)> = BTreeMap::new();
    for notice in told {
        let this = (notice.at, notice.n);
        let before = newest.insert(&notice.pair, this);
        assert!(before.is_none_or(|before| before <= this), "{told:#?}");
    }
    // Raising and clearing alternate at each channel for each pair.
    let notices = store
        .read(|sql| {
            sql.query(
                "SELECT change.pair, notice.channel, notice.kind, COALESCE(change.owner, '') FROM notice \
                 JOIN change ON change.id = notice.change WHERE notice.kind <> 'reminder' ORDER BY change.id",
                &[],
            )
        })
        .await
        .unwrap();
    let mut last: BTreeMap<(i64, String), (String, String)> = BTreeMap::new();
    for row in notices {
        let key = (row.int(0).unwrap(), row.text(1).unwrap());
        let this = (row.text(2).unwrap(), row.text(3).unwrap());
        if let Some(before) = last.insert(key, this.clone()) {
            assert!(before.0 != this.0 || before.1 != this.1 && this.0 == "raise", "{before:?} {this:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_breaks_a_law(steps in prop::collection::vec(step(), 1..60)) {
        on_both_engines(|store| {
            let steps = steps.clone();
            async move {
                let (n_sent, told) = play(&store, &steps).await;
                check_laws(&store, n_sent, &told).await;
            }
        });
    }
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    runtime().block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("results.sqlite");
        let store = Store::open(&path).await.unwrap();
        store.write(|sql| sql.script("INSERT INTO schema_version VALUES (99, 0)")).await.unwrap();
        drop(store);
        let refused = Store::open(&path).await.err();
        assert!(matches!(refused, Some(StoreFault::Newer { found: 99, .. })), "{refused:?}");
    });
}

#[test]
fn a_file_that_is_no_store_is_told_and_left_alone() {
    runtime().block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("results.sqlite");
        std::fs::write(&path, "a letter to a friend, much longer than the header of a database file is")
            .unwrap();
        let refused = Store::open(&path).await.err();
        assert!(matches!(refused, Some(StoreFault::Damaged { .. })), "{refused:?}");
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("a letter"));
    });
}

#[test]
fn what_was_given_to_the_writer_is_stored_when_it_is_flushed() {
    on_both_engines(|store| async move {
        let writer = Recorder::start(store.clone(), |not_kept| panic!("{not_kept:?}"));
        let succeeded = |n| result(pair(n), "hq", n as i64, StoredOutcome::Success);
        // Given and not awaited, as where a store was locked for a while.
        let _ = futures_util::FutureExt::now_or_never(writer.record((0..600).map(succeeded).collect()));
        writer.flush(Duration::from_secs(60)).await;
        let kept = store.read(|sql| sql.query("SELECT COUNT(*) FROM result", &[])).await.unwrap();
        assert_eq!(kept[0].int(0).unwrap(), 600);
    });
}

#[test]
fn a_spool_is_opened_again_with_what_waits_in_it_and_is_no_store() {
    runtime().block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("spool.sqlite");
        let waiting = result(pair(1), "hq", 0, StoredOutcome::Success);
        Spool::open(&path).await.unwrap().keep(vec![waiting.clone()]).await.unwrap();
        let again = Spool::open(&path).await.unwrap();
        assert_eq!(again.oldest(10).await.unwrap(), [waiting]);
        assert!(matches!(Store::open(&path).await.err(), Some(StoreFault::Foreign { .. })));
        let store = directory.path().join("results.sqlite");
        drop(Store::open(&store).await.unwrap());
        assert!(matches!(Spool::open(&store).await.err(), Some(StoreFault::Foreign { .. })));
    });
}
