//! A clock of the store that is set, and leases that ended while a watcher stood still.

use super::*;

const HOUR: i64 = 60 * MINUTE;

fn watcher(id: &str, site: &str) -> WatcherRow {
    WatcherRow {
        id: id.to_owned(),
        site: site.to_owned(),
        version: "1".to_owned(),
        started_at: 0,
        seen_at: 0,
        blind: None,
        skew: 0,
    }
}

async fn sign_of_life(store: &Store) {
    store.write(|sql| plan::heartbeat(sql, &watcher("d1", "Dublin"), "t")).await.unwrap();
}

/// One test of what is due; the kinds of notices that follow.
async fn round(store: &Store, outcome: StoredOutcome) -> Vec<NoticeKind> {
    sign_of_life(store).await;
    let at = now(store).await;
    let claims = claim(store, "Dublin", "d1").await;
    assert_eq!(claims.len(), 1, "the pair is due");
    let own = result(claims[0].pair.clone(), "Dublin", at, outcome);
    record(store, vec![under(&claims[0], "d1", own)]).await;
    let notices = store.write(|sql| notice::take(sql, "on call", 0, 60_000_000)).await.unwrap();
    let kinds = notices.iter().map(|notice| notice.kind).collect();
    for notice in notices {
        store.write(move |sql| notice::done(sql, "on call", &notice)).await.unwrap();
    }
    kinds
}

#[test]
fn a_clock_that_is_set_back_stops_no_schedule_and_mixes_up_no_notice() {
    on_both_engines(|store| async move {
        let began = now(&store).await;
        let entries = vec![planned(1, "Dublin", began)];
        store.write(move |sql| plan::plan(sql, "Dublin", &entries)).await.unwrap();
        let definite = StoredOutcome::Failure { is_definite: true };
        assert_eq!(round(&store, StoredOutcome::Success).await, []);
        store.advance_clock(15 * MINUTE);
        assert_eq!(round(&store, definite).await, [NoticeKind::Raise]);
        // An hour back; then the period passes.
        for (outcome, kinds) in
            [(StoredOutcome::Success, vec![NoticeKind::Clear]), (definite, vec![NoticeKind::Raise])]
        {
            store.advance_clock(-HOUR);
            sign_of_life(&store).await;
            store.advance_clock(15 * MINUTE);
            assert_eq!(round(&store, outcome).await, kinds);
        }
        let turns = store
            .read(|sql| {
                sql.query(
                    "SELECT to_state FROM change WHERE pair = $1 ORDER BY at, id",
                    &[pair(1).id().into()],
                )
            })
            .await
            .unwrap();
        let states: Vec<PairState> =
            turns.iter().map(|turn| turn.text(0).unwrap().parse().unwrap()).collect();
        assert_eq!(states, [PairState::Up, PairState::Down, PairState::Up, PairState::Down]);
    });
}

#[test]
fn a_test_that_ended_after_its_lease_says_nothing_of_its_pair() {
    on_both_engines(|store| async move {
        let began = now(&store).await;
        let entries = vec![planned(1, "Dublin", began)];
        store.write(move |sql| plan::plan(sql, "Dublin", &entries)).await.unwrap();
        let claims = claim(&store, "Dublin", "d1").await;
        store.advance_clock(100_000_000);
        let at = now(&store).await;
        let mut own = under(
            &claims[0],
            "d1",
            result(pair(1), "Dublin", at, StoredOutcome::Failure { is_definite: true }),
        );
        own.lease.iter_mut().for_each(|lease| lease.has_ended = true);
        assert_eq!(record(&store, vec![own]).await, []);
        assert_eq!(state(&store, &pair(1)).await.state, PairState::Unknown);
        assert_eq!(claim(&store, "Dublin", "d1").await.len(), 1, "it is tested again");
    });
}
