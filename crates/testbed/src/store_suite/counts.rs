//! Counts: right after every operation that changes one.

use engine::store::{
    Counts, ExecutionStatus, Executions as _, Inspect as _, Quarantine as _, QuarantineBounds,
    QuarantineReason, QuarantineWard as _,
};

use super::bench::{Bench, DEFINITION, claim_of, complete_of, seq};
use super::{Ending, StoreOpener};
use crate::deliveries::webhook;

fn counts<O: StoreOpener>(bench: &Bench<O>) -> Counts {
    bench.counts().expect("counts are readable")
}

pub(crate) async fn an_empty_store_counts_nothing<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    assert_eq!(counts(&bench), Counts::default());
    let bench = bench.reopened(Ending::Clean).await;
    assert_eq!(counts(&bench), Counts::default());
}

pub(crate) async fn events_and_conflicts_are_counted<O: StoreOpener>() {
    let mut bench = Bench::<O>::new().await;
    for (sent, events, conflicts, anomalies) in [
        (webhook("evt_1"), 1, 0, 0),
        (webhook("evt_1"), 1, 0, 0),
        (webhook("evt_1").note("a"), 1, 1, 1),
        (webhook("evt_1").note("a"), 1, 1, 1),
        (webhook("evt_1").note("b"), 1, 2, 1),
        (webhook("evt_2"), 2, 2, 1),
        (webhook("evt_2").note("a"), 2, 3, 2),
        (webhook("evt_1").source("second"), 3, 3, 2),
    ] {
        bench.append(&sent).await;
        let expected = Counts {
            events,
            conflicts,
            anomalies,
            feed_lag: events,
            ..Counts::default()
        };
        assert_eq!(counts(&bench), expected, "{sent:?}");
        bench = bench.reopened(Ending::Crash).await;
        assert_eq!(counts(&bench), expected, "{sent:?}");
    }
}

pub(crate) async fn executions_are_counted_by_how_they_stand<O: StoreOpener>() {
    let mut bench = Bench::<O>::with_started(3).await;
    let tally = |counts: Counts| (counts.running, counts.succeeded, counts.dead_letters);
    assert_eq!(tally(counts(&bench)), (3, 0, 0));
    for (sequence, status, expected) in [
        (1, ExecutionStatus::Succeeded, (2, 1, 0)),
        (2, ExecutionStatus::Failed, (1, 1, 1)),
        (2, ExecutionStatus::Running, (2, 1, 0)),
        (2, ExecutionStatus::TimedOut, (1, 1, 1)),
        (2, ExecutionStatus::Aborted, (1, 1, 1)),
        (3, ExecutionStatus::Aborted, (0, 1, 2)),
        (3, ExecutionStatus::Aborted, (0, 1, 2)),
        (2, ExecutionStatus::Succeeded, (0, 2, 1)),
        (1, ExecutionStatus::Running, (1, 1, 1)),
        (1, ExecutionStatus::Running, (1, 1, 1)),
    ] {
        bench.moved(sequence, 40, |step| step.status = status).await;
        assert_eq!(tally(counts(&bench)), expected, "{sequence} {status:?}");
        // Neither starting again nor claiming is a move.
        bench.start(sequence, 50).await;
        bench.claim(sequence, 50);
        assert_eq!(tally(counts(&bench)), expected, "{sequence} {status:?}");
        bench = bench.reopened(Ending::Crash).await;
        assert_eq!(tally(counts(&bench)), expected, "{sequence} {status:?}");
    }
}

pub(crate) async fn quarantined_deliveries_are_counted<O: StoreOpener>() {
    let mut bench = Bench::<O>::bounded(QuarantineBounds {
        deliveries_max: 2,
        bytes_max: 100_000,
    })
    .await;
    for (note, expected) in [("a", 1), ("b", 2), ("b", 2), ("c", 2), ("d", 2)] {
        let sent = webhook("evt_1").note(note);
        let refused = sent.quarantined(QuarantineReason::SignatureMismatch);
        assert_eq!(bench.quarantine(refused).await, Ok(()));
        assert_eq!(counts(&bench).quarantined, expected, "{note}");
        bench = bench.reopened(Ending::Crash).await;
        assert_eq!(counts(&bench).quarantined, expected, "{note}");
    }
    let page = bench.list_quarantined(None, 9).expect("readable");
    for (expected, id) in [
        (1, page.items[0].id),
        (1, page.items[0].id),
        (0, page.items[1].id),
    ] {
        let _gone = bench.discharge(id).await.expect("discharged");
        assert_eq!(counts(&bench).quarantined, expected);
    }
    let expected = Counts::default();
    assert_eq!(counts(&bench), expected);
}

pub(crate) async fn the_lag_is_what_the_pipe_has_not_read<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(3).await;
    assert_eq!(counts(&bench).feed_lag, 0);
    let key = bench.feed()[0].key.clone();
    bench
        .moved(1, 30, |step| {
            step.changes = vec![claim_of(&key, "x"), complete_of(&key, "txn")];
        })
        .await;
    assert_eq!(counts(&bench).feed_lag, 2);
    for (cursor, lag) in [(4, 1), (2, 1), (5, 0)] {
        let moved = bench.start_all(vec![], DEFINITION, seq(cursor)).await;
        assert_eq!(moved, Ok(()));
        assert_eq!(counts(&bench).feed_lag, lag);
    }
    bench.append(&webhook("evt_9")).await;
    let bench = bench.reopened(Ending::Crash).await;
    assert_eq!(counts(&bench).feed_lag, 1);
}
