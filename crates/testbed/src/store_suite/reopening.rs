//! Ending and opening again: nothing that was answered is lost, and everything goes on.

use domain::stream::Sequence;
use engine::store::{
    ChangeFeed as _, Committed, ExecutionStatus, Executions as _, Inspect as _, Outcome,
    Quarantine as _, QuarantineReason,
};

use super::bench::{Bench, at, claim_of, complete_of, fail_of, progress, seq};
use super::{Ending, StoreOpener};
use crate::deliveries::webhook;

/// A store in which everything that can be kept was kept.
async fn eventful<O: StoreOpener>() -> Bench<O> {
    let bench = Bench::<O>::with_started(5).await;
    let feed = bench.feed();
    for (number, status, change) in [
        (
            1,
            ExecutionStatus::Succeeded,
            complete_of(&feed[0].key, "t"),
        ),
        (2, ExecutionStatus::Failed, fail_of(&feed[1].key, "e")),
        (3, ExecutionStatus::Running, claim_of(&feed[2].key, "x")),
    ] {
        bench
            .moved(number, 60, |step| {
                step.status = status;
                step.changes = vec![change];
                step.due_at = (status == ExecutionStatus::Running).then_some(at(70));
            })
            .await;
    }
    bench
        .append(&webhook("evt_6").header("x-odd", b"\xFF"))
        .await;
    bench.append(&webhook("evt_6").note("conflict")).await;
    bench.append(&webhook("evt_6").note("conflict")).await;
    for note in ["a", "b", "a"] {
        let refused = webhook("evt_1").note(note);
        let refused = refused.quarantined(QuarantineReason::SignatureMissing);
        assert_eq!(bench.quarantine(refused).await, Ok(()));
    }
    bench
}

async fn everything_is_there<O: StoreOpener>(ending: Ending) {
    let bench = eventful::<O>().await;
    let before = bench.observed().await;
    assert_eq!((before.feed.len(), before.executions.len()), (9, 5));
    let bench = bench.reopened(ending).await;
    bench.observed().await.assert_like(&before);
    assert_eq!(bench.next_due(), Ok(Some(at(40))));
    assert_eq!(bench.claim_numbers(100, 9), [4, 5, 3]);
}

async fn everything_goes_on<O: StoreOpener>(ending: Ending) {
    let bench = eventful::<O>().await.reopened(ending).await;
    let key = bench.feed()[3].key.clone();
    assert_eq!(bench.append(&webhook("evt_6")).await.0, Outcome::Duplicate);
    let known = webhook("evt_6").note("conflict");
    assert_eq!(bench.append(&known).await.0, Outcome::Conflict);
    assert_eq!(bench.append(&webhook("evt_7")).await.0, Outcome::Stored);
    assert_eq!(bench.feed_head(), Ok(seq(10)));
    let mut step = progress(&bench.claim(4, 80), 80);
    step.changes = vec![claim_of(&key, "x"), complete_of(&key, "txn")];
    assert_eq!(bench.committed(step).await, Committed::Done);
    assert_eq!(bench.feed_head(), Ok(seq(12)));
    bench.start(10, 90).await;
    assert_eq!(bench.claim_numbers(100, 9), [5, 3, 4, 10]);
    let counts = bench.counts().expect("readable");
    assert_eq!(
        (counts.events, counts.conflicts, counts.feed_lag),
        (7, 1, 2)
    );
    let read = bench.read_after(seq(9), 9, &|_| true).expect("readable");
    assert_eq!((read.0.len(), read.1), (3, seq(12)));
    bench.observed().await;
}

pub(crate) async fn everything_is_there_after_a_clean_end<O: StoreOpener>() {
    everything_is_there::<O>(Ending::Clean).await;
}

pub(crate) async fn everything_is_there_after_a_crash<O: StoreOpener>() {
    everything_is_there::<O>(Ending::Crash).await;
}

pub(crate) async fn everything_goes_on_after_a_clean_end<O: StoreOpener>() {
    everything_goes_on::<O>(Ending::Clean).await;
}

pub(crate) async fn everything_goes_on_after_a_crash<O: StoreOpener>() {
    everything_goes_on::<O>(Ending::Crash).await;
}

pub(crate) async fn nothing_is_lost_by_ending_again_and_again<O: StoreOpener>() {
    let mut bench = Bench::<O>::new().await;
    let endings = [Ending::Crash, Ending::Crash, Ending::Clean];
    for (number, ending) in (1..13_u64).zip(endings.into_iter().cycle()) {
        assert_eq!(bench.feed_head(), Ok(seq(number - 1)));
        let sent = webhook(&format!("evt_{number}"));
        assert_eq!(bench.append(&sent).await.0, Outcome::Stored);
        bench = bench.reopened(ending).await;
        assert_eq!(bench.append(&sent).await.0, Outcome::Duplicate);
    }
    let read = bench.read_after(Sequence::START, 99, &|_| true);
    assert_eq!(read.expect("readable").0.len(), 12);
}
