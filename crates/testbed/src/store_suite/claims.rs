//! Claims: one holder at a time, for a time; a crash forgets them all.

use bytes::Bytes;
use domain::source::SourceName;
use engine::store::{Claimed, ExecutionStatus, Executions as _, Lease, PaymentOfSource};

use super::bench::{
    Bench, DEFINITION, LEASE, at, at_once, claim_of, drain, expect_wakeup, progress, seq,
};
use super::{Ending, StoreOpener};
use crate::deliveries::webhook;

/// Puts an execution to rest with this status.
async fn rest<O: StoreOpener>(bench: &Bench<O>, sequence: u64, status: ExecutionStatus) {
    bench
        .moved(sequence, 100, |progress| {
            progress.status = status;
            progress.due_at = None;
        })
        .await;
}

pub(crate) async fn those_due_longest_are_claimed_first<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(4).await;
    for (sequence, due_at) in [(1, 70), (2, 30), (3, 50)] {
        bench
            .moved(sequence, 25, |progress| progress.due_at = Some(at(due_at)))
            .await;
    }
    assert_eq!(bench.claim_numbers(100, 2), [2, 4]);
    assert_eq!(bench.claim_numbers(100, 9), [3, 1]);
}

pub(crate) async fn nothing_is_claimed_before_it_is_due<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(2).await;
    assert_eq!(bench.claim_numbers(9, 9), [0; 0]);
    assert_eq!(bench.claim_numbers(10, 9), [1]);
    assert_eq!(bench.claim_numbers(19, 9), [0; 0]);
    assert_eq!(bench.claim_numbers(20, 9), [2]);
}

pub(crate) async fn a_claim_takes_no_more_than_its_limit<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(5).await;
    assert_eq!(bench.claim_numbers(100, 0), [0; 0]);
    assert_eq!(bench.claim_numbers(100, 2), [1, 2]);
    assert_eq!(bench.claim_numbers(100, 1), [3]);
    assert_eq!(bench.claim_numbers(100, 9), [4, 5]);
    assert_eq!(bench.claim_numbers(100, 9), [0; 0]);
}

pub(crate) async fn what_is_held_is_not_claimed_until_the_lease_ends<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(1).await;
    assert_eq!(bench.claim_numbers(1_000, 9), [1]);
    assert_eq!(bench.claim_numbers(1_000, 9), [0; 0]);
    assert_eq!(bench.claim_numbers(1_099, 9), [0; 0]);
    assert_eq!(bench.try_claim(1, 1_099), None);
    assert_eq!(bench.claim_numbers(1_100, 9), [1]);
    // The second lease lasts from its own claim.
    assert_eq!(bench.claim_numbers(1_199, 9), [0; 0]);
    assert!(bench.try_claim(1, 1_200).is_some());
    assert_eq!(bench.claim_numbers(1_299, 9), [0; 0]);
    assert_eq!(bench.claim_numbers(1_300, 9), [1]);
}

pub(crate) async fn a_claim_tells_how_the_execution_stands<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(1).await;
    let change = bench.feed()[0].clone();
    let mut expected = Claimed {
        sequence: seq(1),
        generation: 0,
        status: ExecutionStatus::Running,
        definition: DEFINITION,
        started_at: at(10),
        snapshot: None,
        change: change.clone(),
    };
    let claimed = bench.claim_due(at(10), LEASE, 1).expect("readable");
    assert_eq!(claimed, [expected.clone()]);
    bench.release(seq(1));
    // The change keeps the images of its moment, whatever becomes of the record.
    bench
        .moved(1, 20, |progress| {
            progress.status = ExecutionStatus::Failed;
            progress.snapshot = Bytes::from_static(b"\x00\xFF later");
            progress.changes = vec![claim_of(&change.key, "x")];
        })
        .await;
    expected.generation = 1;
    expected.status = ExecutionStatus::Failed;
    expected.snapshot = Some(Bytes::from_static(b"\x00\xFF later"));
    let claimed = bench.claim_due(at(20), LEASE, 1).expect("readable");
    assert_eq!(claimed, [expected.clone()]);
    bench.release(seq(1));
    assert_eq!(bench.claim(1, 20), expected);
}

pub(crate) async fn one_execution_is_claimed_whatever_its_status_and_time<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(5).await;
    let ends = [
        ExecutionStatus::Succeeded,
        ExecutionStatus::Failed,
        ExecutionStatus::TimedOut,
        ExecutionStatus::Aborted,
    ];
    for (sequence, status) in (1..).zip(ends) {
        rest(&bench, sequence, status).await;
        assert_eq!(bench.claim(sequence, 200).status, status);
    }
    // The fifth runs and is due at 50.
    assert_eq!(bench.claim(5, 1).status, ExecutionStatus::Running);
}

pub(crate) async fn one_execution_is_not_claimed_while_it_is_held<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(2).await;
    assert_eq!(bench.claim_numbers(10, 9), [1]);
    assert_eq!(bench.try_claim(1, 10), None);
    bench.claim(2, 10);
    assert_eq!(bench.try_claim(2, 10), None);
    assert_eq!(bench.claim_numbers(20, 9), [0; 0]);
    bench.release(seq(1));
    bench.claim(1, 10);
}

pub(crate) async fn what_does_not_exist_is_not_claimed<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(1).await;
    bench.append(&crate::deliveries::webhook("evt_2")).await;
    for sequence in [0, 2, 3, 1_000_000] {
        assert_eq!(bench.try_claim(sequence, 100), None);
    }
}

pub(crate) async fn many_claimers_never_share<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(12).await;
    let store = &*bench;
    let claimed = at_once(6, async |_| {
        let mut mine = Vec::new();
        loop {
            let claimed = store.claim_due(at(1_000), LEASE, 1).expect("readable");
            if claimed.is_empty() {
                return mine;
            }
            mine.extend(claimed.iter().map(|each| each.sequence.get()));
        }
    });
    let mut all = claimed.concat();
    all.sort_unstable();
    assert_eq!(all, (1..=12).collect::<Vec<_>>());
}

pub(crate) async fn a_released_execution_is_due_as_before_and_wakes<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(2).await;
    let before = bench.observed().await;
    assert_eq!(bench.claim_numbers(30, 9), [1, 2]);
    drain(bench.due_wakeup()).await;
    bench.release(seq(1));
    expect_wakeup(bench.due_wakeup(), "a release").await;
    assert_eq!(bench.next_due(), Ok(Some(at(10))));
    assert_eq!(bench.claim_numbers(9, 9), [0; 0]);
    assert_eq!(bench.claim_numbers(10, 9), [1]);
    // Giving back what one does not hold, or what does not exist, is no harm.
    for sequence in [1, 2, 1, 7] {
        bench.release(seq(sequence));
    }
    assert_eq!(bench.claim_numbers(30, 9), [1, 2]);
    bench.observed().await.assert_like(&before);
}

pub(crate) async fn an_execution_at_rest_stays_at_rest_when_released<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(1).await;
    rest(&bench, 1, ExecutionStatus::Failed).await;
    bench.claim(1, 200);
    bench.release(seq(1));
    assert_eq!(bench.next_due(), Ok(None));
    assert_eq!(bench.claim_numbers(i64::MAX, 9), [0; 0]);
    bench.claim(1, 200);
}

pub(crate) async fn the_next_due_time_is_of_those_that_nobody_holds<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    assert_eq!(bench.next_due(), Ok(None));
    let bench = Bench::<O>::with_started(3).await;
    assert_eq!(bench.next_due(), Ok(Some(at(10))));
    assert_eq!(bench.claim_numbers(10, 9), [1]);
    assert_eq!(bench.next_due(), Ok(Some(at(20))));
    bench.claim(2, 10);
    assert_eq!(bench.next_due(), Ok(Some(at(30))));
    assert_eq!(bench.claim_numbers(30, 9), [3]);
    assert_eq!(bench.next_due(), Ok(None));
    bench.release(seq(2));
    assert_eq!(bench.next_due(), Ok(Some(at(20))));
    bench
        .moved(2, 25, |progress| progress.due_at = Some(at(5_000)))
        .await;
    assert_eq!(bench.next_due(), Ok(Some(at(5_000))));
    rest(&bench, 2, ExecutionStatus::Succeeded).await;
    assert_eq!(bench.next_due(), Ok(None));
}

pub(crate) async fn every_lease_is_void_after_reopening<O: StoreOpener>() {
    let mut bench = Bench::<O>::with_started(3).await;
    for ending in [Ending::Crash, Ending::Clean, Ending::Crash] {
        assert_eq!(bench.claim_numbers(20, 9), [1, 2]);
        bench.claim(3, 20);
        assert_eq!(bench.next_due(), Ok(None));
        bench = bench.reopened(ending).await;
        assert_eq!(bench.next_due(), Ok(Some(at(10))));
    }
    // One that was being moved when the process died is due at once as well.
    let mut kept = progress(&bench.claim(1, 40), 40);
    kept.lease = Lease::KeepUntil(at(110));
    bench.committed(kept).await;
    let bench = bench.reopened(Ending::Crash).await;
    assert_eq!(bench.claim_numbers(40, 9), [2, 3, 1]);
}

pub(crate) async fn the_earliest_running_execution_of_a_payment_is_found<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    let kept = bench.keep_definition(DEFINITION, "{}".to_owned()).await;
    kept.expect("a definition is kept");
    let sent = [
        webhook("evt_1").payment("a"),
        webhook("evt_2").payment("b"),
        webhook("evt_3").payment("a"),
        webhook("evt_4").payment("a").source("second"),
        webhook("evt_5").payment("a"),
    ];
    for (place, sent) in (1..).zip(&sent) {
        bench.append(sent).await;
        bench.start(place, 10).await;
    }
    let payment = |source: &str, id: &str| PaymentOfSource {
        source: SourceName::try_new(source).expect("a source's name"),
        payment_id: id.to_owned(),
    };
    let earlier = |before: u64, source: &str, id: &str| {
        let found = bench.earlier_running(seq(before), &payment(source, id));
        found.expect("readable").map(|found| found.get())
    };
    assert_eq!(earlier(1, "generic", "a"), None);
    assert_eq!(earlier(3, "generic", "a"), Some(1));
    assert_eq!(earlier(5, "generic", "a"), Some(1));
    assert_eq!(earlier(5, "second", "a"), Some(4), "of its own source");
    assert_eq!(earlier(5, "generic", "b"), Some(2));
    assert_eq!(earlier(5, "generic", "c"), None);
    rest(&bench, 1, ExecutionStatus::Failed).await;
    assert_eq!(
        earlier(5, "generic", "a"),
        Some(3),
        "one at rest is no more in the way"
    );
    rest(&bench, 3, ExecutionStatus::Succeeded).await;
    assert_eq!(earlier(5, "generic", "a"), None);
}
