use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, Semaphore};

use super::*;
use crate::diagnosis::plan;

/// The result of a test.
#[derive(Debug, PartialEq)]
struct Came {
    name: String,
    failure: Option<Finding>,
    history: History,
    how: How,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum How {
    #[default]
    Tried,
    Interrupted,
    Inferred,
    NotRun,
}

impl Judged for Came {
    fn failure(&self) -> Option<&Finding> {
        self.failure.as_ref()
    }

    fn is_interrupted(&self) -> bool {
        self.how == How::Interrupted
    }

    fn interrupted_by(&mut self, reason: Finding) {
        self.failure = Some(reason);
    }

    fn set_history(&mut self, history: History) {
        self.history = history;
    }
}

/// The action of a test in a try.
type Act = Arc<dyn Fn(u32) -> Pin<Box<dyn Future<Output = Did> + Send>> + Send + Sync>;

/// The outcome of a try.
enum Did {
    Well,
    Failed(Finding),
    FailedIn(Finding, u64),
}

struct Play {
    pool: &'static str,
    partner: Domain,
    account: Address,
    receiver: Address,
    act: Act,
}

impl ScheduledTest for Play {
    type Outcome = Came;

    fn places(&self) -> Places<'_> {
        Places {
            pool: Some(self.pool),
            partner: Some(self.partner.clone()),
            accounts: vec![&self.account],
            receiver: Some(&self.receiver),
        }
    }

    async fn attempt(&self, turn: Turn) -> Attempted<Came> {
        let did = tokio::select! {
            did = (self.act)(turn.number) => did,
            () = turn.cancel.cancelled() => {
                return Came { how: How::Interrupted, ..self.came(None) }.into();
            }
        };
        match did {
            Did::Well => self.came(None).into(),
            Did::Failed(finding) => self.came(Some(finding)).into(),
            Did::FailedIn(finding, logon) => {
                Attempted { logon: Some(logon), ..self.came(Some(finding)).into() }
            }
        }
    }

    fn inferred(&self, finding: &Finding) -> Option<Came> {
        Some(Came { how: How::Inferred, ..self.came(Some(finding.clone())) })
    }

    fn not_run(&self, reason: Finding) -> Option<Came> {
        Some(Came { how: How::NotRun, ..self.came(Some(reason)) })
    }
}

impl Play {
    fn came(&self, failure: Option<Finding>) -> Came {
        let name = self.receiver.to_string();
        Came { name, failure, history: History::default(), how: How::Tried }
    }
}

/// Tests of so many receivers of a partner.
fn plays<Acting>(partner: &str, n: usize, act: impl Fn(u32) -> Acting + Send + Sync + 'static) -> Vec<Play>
where
    Acting: Future<Output = Did> + Send + 'static,
{
    let act: Act = Arc::new(move |number| Box::pin(act(number)));
    let play = |n| Play {
        pool: "atl-cs-001.litwareinc.com",
        partner: partner.parse().unwrap(),
        account: "kenmyer@litwareinc.com".parse().unwrap(),
        receiver: format!("r{n}@{partner}").parse().unwrap(),
        act: act.clone(),
    };
    (0..n).map(play).collect()
}

fn finding(code: &str) -> Finding {
    let entry = crate::diagnosis::catalogue::entry(code).unwrap();
    Finding { code: entry.code, title: "it is broken".to_owned(), ..plan::no_test_users("a pool") }
}

async fn outcomes(schedule: Schedule, tests: Vec<Play>) -> (Vec<Came>, Ended) {
    let (sender, mut receiver) = mpsc::channel(4);
    let all = async {
        let mut all = Vec::new();
        while let Some(came) = receiver.recv().await {
            all.push(came);
        }
        all
    };
    let (ended, all) = tokio::join!(run(schedule, tests, sender), all);
    (all, ended)
}

fn schedule(throttle: usize) -> Schedule {
    Schedule::new(throttle, CancellationToken::new())
}

#[tokio::test]
async fn tests_of_a_dead_partner_delay_no_healthy_one() {
    for n_dead in [60, 600] {
        // The dead ones end when all of the healthy ones have.
        let (n_left, all_done) = (Arc::new(AtomicUsize::new(40)), Arc::new(Semaphore::new(0)));
        let done = all_done.clone();
        let mut tests = plays("dead.example", n_dead, move |_| {
            let done = done.clone();
            async move {
                drop(done.acquire().await);
                Did::Well
            }
        });
        tests.extend(plays("contoso.com", 40, move |_| {
            if n_left.fetch_sub(1, Ordering::SeqCst) == 1 {
                all_done.close();
            }
            async { Did::Well }
        }));
        let running = outcomes(schedule(8), tests);
        let (came, _) = tokio::time::timeout(Duration::from_secs(20), running).await.unwrap();
        assert_eq!(came.len(), n_dead + 40);
    }
}

#[tokio::test]
async fn a_limit_of_a_partner_is_held() {
    let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = most.clone();
    let tests = plays("contoso.com", 200, move |_| {
        counted.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let at_once = at_once.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(2)).await;
            at_once.fetch_sub(1, Ordering::SeqCst);
            Did::Well
        }
    });
    let mut schedule = schedule(32);
    schedule.ceilings.partners.insert("contoso.com".parse().unwrap(), 3);
    let (came, _) = outcomes(schedule, tests).await;
    assert_eq!((came.len(), most.load(Ordering::SeqCst)), (200, 3));
}

#[tokio::test]
async fn no_more_tests_run_at_once_than_the_throttle_says() {
    let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut tests = Vec::new();
    for n in 0..20 {
        let (at_once, most) = (at_once.clone(), most.clone());
        tests.extend(plays(&format!("p{n}.example"), 5, move |_| {
            most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let at_once = at_once.clone();
            async move {
                tokio::task::yield_now().await;
                at_once.fetch_sub(1, Ordering::SeqCst);
                Did::Well
            }
        }));
    }
    let (came, _) = outcomes(schedule(3), tests).await;
    assert_eq!(came.len(), 100);
    assert!(most.load(Ordering::SeqCst) <= 3);
}

#[tokio::test]
async fn a_test_that_panics_is_told_of_and_the_others_go_on() {
    let tests: Vec<Play> = (0..4)
        .flat_map(|n| {
            plays(&format!("p{n}.example"), 1, move |_| async move {
                match n {
                    1 => panic!("broken"),
                    2 => panic!("test {n} is broken"),
                    _ => Did::Well,
                }
            })
        })
        .collect();
    let (came, ended) = outcomes(schedule(1), tests).await;
    let names: Vec<&str> = came.iter().map(|came| came.name.as_str()).collect();
    assert_eq!(names, ["r0@p0.example", "r0@p3.example"]);
    assert_eq!(ended.lost, ["broken", "test 2 is broken"].map(|words| Lost { words: words.to_owned() }));
}

#[tokio::test]
async fn what_waits_when_the_batch_is_cancelled_is_counted() {
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    let tests = plays("contoso.com", 4, move |_| {
        token.cancel();
        std::future::pending::<Did>()
    });
    let (came, ended) = outcomes(Schedule::new(1, cancel), tests).await;
    assert_eq!((came.len(), ended.n_left_out), (1, 3));
    assert_eq!(came[0].how, How::Interrupted);
}

#[tokio::test]
async fn what_is_not_done_at_the_deadline_is_told_as_not_run() {
    let tests = plays("contoso.com", 4, |_| std::future::pending::<Did>());
    let deadline = Some(Instant::now() + Duration::from_millis(20));
    let (came, ended) = outcomes(Schedule { deadline, ..schedule(1) }, tests).await;
    assert_eq!((came.len(), ended.n_left_out), (4, 3));
    let late = plan::deadline_passed().code;
    assert!(came.iter().all(|came| came.failure.as_ref().is_some_and(|reason| reason.code == late)));
}

#[tokio::test]
async fn nothing_is_begun_when_nobody_reads_the_outcomes() {
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = begun.clone();
    let tests = plays("contoso.com", 500, move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Did::Well }
    });
    let (sender, mut receiver) = mpsc::channel(1);
    let reading = async {
        for _ in 0..3 {
            receiver.recv().await.unwrap();
        }
        drop(receiver);
    };
    tokio::join!(run(schedule(4), tests, sender), reading);
    assert!(begun.load(Ordering::SeqCst) < 20, "{begun:?}");
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_lasts_is_not() {
    for (code, n_tries) in [("FEDERATION-REFUSED", 3), ("FEDERATION-CERTIFICATE-EXPIRED", 1)] {
        let tests = plays("contoso.com", 1, move |_| async move { Did::Failed(finding(code)) });
        let (came, _) = outcomes(Schedule { retries: 2, ..schedule(1) }, tests).await;
        assert_eq!(came[0].history.attempts, n_tries, "{code}");
    }
    let tests = plays("contoso.com", 1, |number| async move {
        if number == 1 { Did::Failed(finding("FEDERATION-REFUSED")) } else { Did::Well }
    });
    let (came, _) = outcomes(Schedule { retries: 5, ..schedule(1) }, tests).await;
    assert_eq!((came[0].history.attempts, &came[0].failure), (2, &None));
}

#[tokio::test]
async fn a_partner_that_failed_three_receivers_is_asked_once_more_at_the_end() {
    let tried = Arc::new(Mutex::new(0));
    let counted = tried.clone();
    let mut tests = plays("dead.example", 600, move |_| {
        *counted.lock().unwrap() += 1;
        async { Did::Failed(finding("FEDERATION-REFUSED")) }
    });
    tests.extend(plays("contoso.com", 100, |_| async { Did::Well }));
    let (came, ended) = outcomes(schedule(8), tests).await;
    assert_eq!(came.len(), 700);
    let tried = *tried.lock().unwrap();
    let inferred = came.iter().filter(|came| came.how == How::Inferred).count();
    assert!(tried <= 5, "{tried}");
    assert_eq!(tried + inferred, 600);
    assert_eq!(came.iter().filter(|came| came.failure.is_none()).count(), 100);
    assert_eq!(came.last().unwrap().how, How::Tried);
    assert!(ended.remarks.is_empty(), "{:?}", ended.remarks);
}

#[tokio::test]
async fn what_was_concluded_is_withdrawn_where_the_test_at_the_end_succeeds() {
    let tries = Arc::new(AtomicUsize::new(0));
    let tests = plays("contoso.com", 50, move |_| {
        let n = tries.fetch_add(1, Ordering::SeqCst);
        async move { if n < 3 { Did::Failed(finding("FEDERATION-REFUSED")) } else { Did::Well } }
    });
    let (came, ended) = outcomes(schedule(8), tests).await;
    let inferred = came.iter().filter(|came| came.how == How::Inferred).count();
    let [BatchRemark::Withdrawn { n_inferred, finding, .. }] = &ended.remarks[..] else {
        panic!("{:?}", ended.remarks)
    };
    assert_eq!((came.len(), *n_inferred, finding.code), (50, inferred, "FEDERATION-REFUSED"));
}

#[tokio::test]
async fn a_pool_that_restarts_costs_the_tests_under_way_and_no_other() {
    // Ten tests are well; then the pool is away for a second and a half.
    let (n_tried, gone_at) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(None::<Instant>)));
    let (counted, gone) = (n_tried.clone(), gone_at.clone());
    let tests = plays("contoso.com", 200, move |_| {
        let n = counted.fetch_add(1, Ordering::SeqCst) as u64;
        if n == 10 {
            *gone.lock().unwrap() = Some(Instant::now());
        }
        let away = gone.lock().unwrap().is_some_and(|at| at.elapsed() < Duration::from_millis(1500));
        async move {
            tokio::task::yield_now().await;
            if away { Did::FailedIn(finding("CONNECT-REFUSED"), n) } else { Did::Well }
        }
    });
    let (came, _) = outcomes(schedule(4), tests).await;
    let failed: Vec<&Came> = came.iter().filter(|came| came.failure.is_some()).collect();
    assert_eq!(came.len(), 200);
    assert!((1..=4).contains(&failed.len()), "{failed:?}");
    assert!(n_tried.load(Ordering::SeqCst) < 220, "it is not hammered: {n_tried:?}");
}

#[tokio::test]
async fn a_machine_that_is_off_line_has_one_finding_for_all() {
    let tried = Arc::new(AtomicUsize::new(0));
    let mut tests = Vec::new();
    for n in 0..50 {
        let tried = tried.clone();
        tests.extend(plays(&format!("p{n}.example"), 10, move |_| {
            tried.fetch_add(1, Ordering::SeqCst);
            async { Did::Failed(finding("OFFLINE")) }
        }));
    }
    let (came, _) = outcomes(schedule(4), tests).await;
    assert_eq!(came.len(), 500);
    assert!(tried.load(Ordering::SeqCst) < 10, "{tried:?}");
    assert!(came.iter().all(|came| came.failure.as_ref().is_some_and(|finding| finding.code == "OFFLINE")));
}

#[tokio::test]
async fn sessions_of_an_account_are_fewer_once_its_server_has_ended_one() {
    const AT_ONCE: usize = 32;
    let (sessions, met) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let conflicts = met.clone();
    let tests = plays("contoso.com", 300, move |_| {
        let n = sessions.fetch_add(1, Ordering::SeqCst) + 1;
        let (sessions, conflicts) = (sessions.clone(), conflicts.clone());
        async move {
            // Long beside what a busy machine takes to let the next one begin.
            tokio::time::sleep(Duration::from_millis(10)).await;
            sessions.fetch_sub(1, Ordering::SeqCst);
            if n <= 5 {
                return Did::Well;
            }
            conflicts.fetch_add(1, Ordering::SeqCst);
            Did::Failed(finding("STREAM-CONFLICT"))
        }
    });
    let schedule = Schedule { takes: AccountUse::Session, ..schedule(AT_ONCE) };
    let (came, ended) = outcomes(schedule, tests).await;
    assert_eq!(came.iter().filter(|came| came.failure.is_some()).count(), 0, "no healthy pair fails");
    let met = met.load(Ordering::SeqCst);
    // Those that had begun when the first came back: on a busy machine more, and never as many as may be at once.
    assert!((1..AT_ONCE).contains(&met), "what a server refuses is not tried again and again: {met}");
    let Some(BatchRemark::FewerSessions { limit, .. }) = ended.remarks.last() else { panic!() };
    assert!((1..=5).contains(limit), "{limit}");
}

#[tokio::test]
async fn outcomes_come_in_the_order_asked_where_that_is_wanted() {
    let first = Arc::new(Notify::new());
    let (wakes, waits) = (first.clone(), first);
    let mut tests = plays("slow.example", 1, move |_| {
        let waits = waits.clone();
        async move {
            waits.notified().await;
            Did::Well
        }
    });
    tests.extend(plays("contoso.com", 20, move |_| {
        wakes.notify_one();
        async { Did::Well }
    }));
    let wanted: Vec<String> = tests.iter().map(|test| test.receiver.to_string()).collect();
    let (came, _) = outcomes(Schedule { order: ResultOrder::AsAsked, ..schedule(4) }, tests).await;
    let names: Vec<String> = came.into_iter().map(|came| came.name).collect();
    assert_eq!(names, wanted);
}

#[tokio::test]
async fn what_a_test_waited_because_of_others_is_its_queue_time() {
    let tests = plays("contoso.com", 3, |_| async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        Did::Well
    });
    let (came, _) = outcomes(schedule(1), tests).await;
    let waited: Vec<Duration> = came.iter().map(|came| came.history.queue_time).collect();
    assert!(waited[0] < waited[1] && waited[2] >= Duration::from_millis(60), "{waited:?}");
}
