//! Trends: each minute has what happened in it, through every end of a store.

use std::time::Duration;

use engine::store::{
    Acks, Endings, ExecutionStatus, Executions as _, StartExecution, Trends as _, Waiting,
};

use super::bench::{Bench, DEFINITION, at, claim_of, complete_of, seq};
use super::{Ending, StoreOpener};
use crate::deliveries::webhook;

pub(crate) async fn arrivals_are_counted_by_minute_and_source<O: StoreOpener>() {
    let mut bench = Bench::<O>::new().await;
    let seen = |bench: &Bench<O>, since: i64| -> Vec<(i64, String, u64)> {
        let arrivals = bench.arrivals(at(since)).expect("readable");
        let told = arrivals.into_iter();
        told.map(|each| {
            (
                each.minute.as_millis(),
                each.source.to_string(),
                each.events,
            )
        })
        .collect()
    };
    assert_eq!(seen(&bench, 0), []);
    let told = |minute, source: &str, events| (minute, source.to_owned(), events);
    for (number, source, received_at) in [
        (1, "generic", 0),
        (2, "generic", 59_999),
        (3, "generic", 60_000),
        (4, "second", 119_999),
        (5, "generic", 300_000),
        // Repeats, and other bytes under a known key, are no arrivals.
        (1, "generic", 400_000),
        (2, "generic", 400_000),
    ] {
        let sent = webhook(&format!("evt_{number}")).source(source);
        let _outcome = bench.append(&sent.received_at(received_at)).await;
        bench = bench.reopened(Ending::Crash).await;
    }
    let all = [
        told(0, "generic", 2),
        told(60_000, "generic", 1),
        told(60_000, "second", 1),
        told(300_000, "generic", 1),
    ];
    assert_eq!(seen(&bench, 0), all);
    assert_eq!(seen(&bench, 119_999), all[1..]);
    assert_eq!(seen(&bench, 120_000), all[3..]);
    assert_eq!(seen(&bench, 360_000), []);
}

pub(crate) async fn ends_of_events_are_counted_by_minute_and_status<O: StoreOpener>() {
    let mut bench = Bench::<O>::with_started(4).await;
    assert_eq!(bench.endings(at(0)), Ok(vec![]));
    let key = bench.feed()[0].key.clone();
    bench
        .moved(1, 100, |step| {
            step.changes = vec![claim_of(&key, "x"), complete_of(&key, "txn")];
        })
        .await;
    // What is started for a change of a record is no event's.
    let start = StartExecution {
        sequence: seq(5),
        started_at: at(100),
    };
    let started = bench.start_all(vec![start], DEFINITION, seq(6)).await;
    assert_eq!(started, Ok(()));
    for (execution, now, status) in [
        (1, 59_999, ExecutionStatus::Succeeded),
        (2, 60_000, ExecutionStatus::Running),
        (2, 61_000, ExecutionStatus::Failed),
        (3, 62_000, ExecutionStatus::Failed),
        (4, 119_999, ExecutionStatus::Aborted),
        (5, 119_999, ExecutionStatus::Succeeded),
        // Let go on, and ended again; a move without an end is none.
        (3, 200_000, ExecutionStatus::Running),
        (3, 241_000, ExecutionStatus::Succeeded),
        (3, 300_000, ExecutionStatus::Succeeded),
    ] {
        let end = |step: &mut engine::store::Progress| step.status = status;
        bench.moved(execution, now, end).await;
        bench = bench.reopened(Ending::Crash).await;
    }
    let ended = |minute, status, executions| Endings {
        minute: at(minute),
        status,
        executions,
    };
    let all = [
        ended(0, ExecutionStatus::Succeeded, 1),
        ended(60_000, ExecutionStatus::Failed, 2),
        ended(60_000, ExecutionStatus::Aborted, 1),
        ended(240_000, ExecutionStatus::Succeeded, 1),
    ];
    for (since, expected) in [(0, &all[..]), (119_999, &all[1..]), (120_000, &all[3..])] {
        assert_eq!(bench.endings(at(since)).as_deref(), Ok(expected), "{since}");
    }
    let bench = bench.reopened(Ending::Clean).await;
    assert_eq!(bench.endings(at(0)).as_deref(), Ok(&all[..]));
    assert_eq!(bench.endings(at(300_000)), Ok(vec![]));
}

pub(crate) async fn answers_are_kept_by_minute_and_the_slower_stands<O: StoreOpener>() {
    let mut bench = Bench::<O>::new().await;
    let acks = |minute, webhooks, median, p99| Acks {
        minute: at(minute),
        webhooks,
        median: Duration::from_micros(median),
        p99: Duration::from_micros(p99),
    };
    for kept in [
        acks(60_000, 7, 900, 4_000),
        acks(180_000, 1, 5, 5),
        acks(60_000, 3, 1_100, 2_000),
    ] {
        assert_eq!(bench.keep_acks(kept).await, Ok(()));
        bench = bench.reopened(Ending::Crash).await;
    }
    let all = [acks(60_000, 10, 1_100, 4_000), acks(180_000, 1, 5, 5)];
    for (since, expected) in [
        (0, &all[..]),
        (119_999, &all[..]),
        (120_000, &all[1..]),
        (240_000, &[]),
    ] {
        assert_eq!(bench.acks(at(since)).as_deref(), Ok(expected), "{since}");
    }
}

pub(crate) async fn what_waits_is_counted_by_the_minute_in_which_it_is_due<O: StoreOpener>() {
    let mut bench = Bench::<O>::with_started(6).await;
    for (execution, due_at, status) in [
        (1, Some(60_000), ExecutionStatus::Running),
        (2, Some(119_999), ExecutionStatus::Running),
        (3, Some(300_000), ExecutionStatus::Running),
        (4, None, ExecutionStatus::Running),
        (5, None, ExecutionStatus::Failed),
        (6, Some(59_999), ExecutionStatus::Running),
    ] {
        let wait = |step: &mut engine::store::Progress| {
            step.due_at = due_at.map(at);
            step.status = status;
        };
        bench.moved(execution, 50_000, wait).await;
        bench = bench.reopened(Ending::Crash).await;
    }
    let due = |minute, executions| Waiting {
        minute: at(minute),
        executions,
    };
    for (from, until, expected) in [
        (60_000, 300_000, vec![due(60_000, 2)]),
        (60_000, 300_001, vec![due(60_000, 2), due(300_000, 1)]),
        (0, 60_000, vec![due(0, 1)]),
        (60_001, 119_999, vec![]),
    ] {
        let found = bench.waiting(at(from), at(until));
        assert_eq!(found, Ok(expected), "{from} to {until}");
    }
}
