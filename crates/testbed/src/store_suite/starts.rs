//! Starting executions, together with the pipe's cursor.

use domain::stream::Sequence;
use engine::store::{
    ExecutionDetail, ExecutionStatus, Executions as _, Inspect as _, StartExecution,
};

use super::bench::{Bench, DEFINITION, LEASE, at, drain, expect_wakeup, seq};
use super::{Ending, StoreOpener};
use crate::deliveries::webhook;

fn start(sequence: u64, started_at: i64) -> StartExecution {
    StartExecution {
        sequence: seq(sequence),
        started_at: at(started_at),
    }
}

fn execution<O: StoreOpener>(bench: &Bench<O>, sequence: u64) -> ExecutionDetail {
    let found = bench.execution(seq(sequence)).expect("readable");
    found.expect("it was started")
}

/// A store with this many events and no execution.
async fn with_events<O: StoreOpener>(count: u64) -> Bench<O> {
    let bench = Bench::<O>::new().await;
    for definition in [DEFINITION, [2; 32]] {
        let kept = bench.keep_definition(definition, "{}".to_owned()).await;
        kept.expect("a definition is kept");
    }
    for number in 1..=count {
        bench.append(&webhook(&format!("evt_{number}"))).await;
    }
    bench
}

pub(crate) async fn a_started_execution_is_as_it_was_started<O: StoreOpener>() {
    let bench = with_events::<O>(2).await;
    let started = bench
        .start_all(vec![start(2, 50)], DEFINITION, seq(2))
        .await;
    assert_eq!(started, Ok(()));
    let ExecutionDetail {
        summary,
        change,
        snapshot,
        steps,
    } = execution(&bench, 2);
    assert_eq!(summary.sequence, seq(2));
    assert_eq!(summary.event, webhook("evt_2").event_key().digest());
    assert_eq!(summary.status, ExecutionStatus::Running);
    assert_eq!(summary.definition, DEFINITION);
    assert_eq!((summary.started_at, summary.updated_at), (at(50), at(50)));
    assert_eq!(change, bench.feed()[1]);
    assert_eq!((snapshot, steps), (None, vec![]));
    assert_eq!(bench.execution(seq(1)), Ok(None));
    assert_eq!(bench.pipe_cursor(), Ok(seq(2)));
}

pub(crate) async fn an_entry_starts_at_most_one_execution<O: StoreOpener>() {
    let mut bench = with_events::<O>(3).await;
    bench.start(1, 10).await;
    bench.start(2, 20).await;
    bench
        .moved(2, 30, |progress| {
            progress.status = ExecutionStatus::Succeeded;
            progress.due_at = None;
        })
        .await;
    let before = bench.observed().await;
    for ending in [Ending::Clean, Ending::Crash] {
        let batch = vec![start(1, 90), start(2, 91)];
        let started = bench.start_all(batch, [2; 32], seq(2)).await;
        assert_eq!(started, Ok(()));
        bench.observed().await.assert_like(&before);
        bench = bench.reopened(ending).await;
    }
    let batch = vec![start(1, 90), start(2, 91), start(3, 92)];
    let started = bench.start_all(batch, [2; 32], seq(3)).await;
    assert_eq!(started, Ok(()));
    let after = bench.observed().await;
    assert_eq!(after.executions[1..], before.executions);
    assert_eq!(after.executions[0].summary.started_at, at(92));
    assert_eq!(after.counts.running, 2);
}

pub(crate) async fn a_batch_may_name_an_entry_twice<O: StoreOpener>() {
    let bench = with_events::<O>(1).await;
    let batch = vec![start(1, 10), start(1, 20)];
    assert_eq!(bench.start_all(batch, DEFINITION, seq(1)).await, Ok(()));
    let observed = bench.observed().await;
    assert_eq!(observed.executions.len(), 1);
    assert_eq!(observed.executions[0].summary.started_at, at(10));
    assert_eq!(observed.counts.running, 1);
}

pub(crate) async fn the_cursor_never_moves_back<O: StoreOpener>() {
    let mut bench = with_events::<O>(3).await;
    assert_eq!(bench.pipe_cursor(), Ok(Sequence::START));
    for (cursor, stands) in [(2, 2), (1, 2), (0, 2), (3, 3), (2, 3)] {
        let started = bench.start_all(vec![], DEFINITION, seq(cursor)).await;
        assert_eq!(started, Ok(()));
        assert_eq!(bench.pipe_cursor(), Ok(seq(stands)));
    }
    // An older batch that comes late starts what it names all the same.
    let late = vec![start(1, 10)];
    assert_eq!(bench.start_all(late, DEFINITION, seq(1)).await, Ok(()));
    execution(&bench, 1);
    for ending in [Ending::Crash, Ending::Clean] {
        bench = bench.reopened(ending).await;
        assert_eq!(bench.pipe_cursor(), Ok(seq(3)));
    }
}

pub(crate) async fn a_cursor_moves_without_starts<O: StoreOpener>() {
    let bench = with_events::<O>(2).await;
    let started = bench.start_all(vec![], DEFINITION, seq(2)).await;
    assert_eq!(started, Ok(()));
    let bench = bench.reopened(Ending::Crash).await;
    assert_eq!(bench.pipe_cursor(), Ok(seq(2)));
    assert_eq!(bench.observed().await.executions, []);
}

pub(crate) async fn new_executions_are_due_at_once_and_wake<O: StoreOpener>() {
    let bench = with_events::<O>(3).await;
    drain(bench.due_wakeup()).await;
    let batch = vec![start(3, 50), start(1, 50)];
    assert_eq!(bench.start_all(batch, DEFINITION, seq(3)).await, Ok(()));
    expect_wakeup(bench.due_wakeup(), "a start").await;
    let mut claimed = bench.claim_numbers(50, 9);
    claimed.sort_unstable();
    assert_eq!(claimed, [1, 3]);
}

pub(crate) async fn definitions_are_kept_under_their_hash<O: StoreOpener>() {
    let mut bench = Bench::<O>::new().await;
    for ending in [Ending::Clean, Ending::Crash, Ending::Crash] {
        for (id, text) in [(1_u8, "one"), (2, "{\"two\": \"\u{e9}\"}"), (3, "")] {
            let kept = bench.keep_definition([id; 32], text.to_owned()).await;
            assert_eq!(kept, Ok(()));
            assert_eq!(bench.definition(&[id; 32]), Ok(Some(text.to_owned())));
        }
        bench = bench.reopened(ending).await;
    }
    assert_eq!(bench.definition(&[1; 32]), Ok(Some("one".to_owned())));
    assert_eq!(bench.definition(&[4; 32]), Ok(None));
}

pub(crate) async fn an_execution_keeps_the_definition_it_was_started_with<O: StoreOpener>() {
    let bench = with_events::<O>(2).await;
    bench.start(1, 10).await;
    let started = bench.start_all(vec![start(2, 20)], [2; 32], seq(2)).await;
    assert_eq!(started, Ok(()));
    let bench = bench.reopened(Ending::Crash).await;
    let claimed = bench.claim_due(at(20), LEASE, 9).expect("readable");
    let definitions: Vec<_> = claimed.iter().map(|each| each.definition).collect();
    assert_eq!(definitions, [DEFINITION, [2; 32]]);
}
