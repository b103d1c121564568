//! Shredding: nothing is left of what was received, and all the rest stays.

use bytes::Bytes;
use domain::admit::admit_fetched;
use domain::delivery::{Headers, RawDelivery};
use domain::providers::{Provider, ProviderId, Settings};
use domain::settlement::Settlement;
use domain::source::Source;
use domain::trace::TraceId;
use engine::store::{
    ChangeFeed as _, Committed, Custody, EventDetail, EventLog as _, ExecutionStatus,
    Executions as _, Inspect as _, Outcome, Shred, Shredded, Shredding as _,
};
use serde_json::json;

use super::bench::{Bench, DEFINITION, at, fail_of, progress, seq};
use super::{Ending, StoreOpener};
use crate::deliveries::{source, webhook};

fn wish(events: &[u64]) -> Shred {
    Shred {
        events: events.iter().copied().map(seq).collect(),
        with_others: false,
        with_unread: false,
        at: at(500),
    }
}

async fn shredded<O: StoreOpener>(bench: &Bench<O>, wish: Shred) -> Shredded {
    bench.shred(wish).await.expect("a store that shreds")
}

fn done(events: &[u64]) -> Shredded {
    Shredded::Done {
        events: events.iter().copied().map(seq).collect(),
    }
}

fn event<O: StoreOpener>(bench: &Bench<O>, sequence: u64) -> EventDetail {
    let found = bench.event_at(seq(sequence)).expect("readable");
    found.expect("it was kept")
}

/// Two events. The first's execution has failed, and it came with other bytes too.
async fn with_one_at_rest<O: StoreOpener>() -> Bench<O> {
    let bench = Bench::<O>::with_started(2).await;
    let key = bench.claim(1, 10).change.key;
    bench.release(seq(1));
    let alter = |step: &mut engine::store::Progress| {
        step.status = ExecutionStatus::Failed;
        step.changes = vec![fail_of(&key, "Declined")];
        step.due_at = None;
    };
    bench.moved(1, 20, alter).await;
    let other = webhook("evt_1").payment("pay_1").note("other bytes");
    assert_eq!(bench.append(&other).await.0, Outcome::Conflict);
    let moved = bench.start_all(Vec::new(), DEFINITION, seq(3)).await;
    moved.expect("the cursor moves");
    bench
}

pub(crate) async fn nothing_is_left_of_what_was_received_and_all_the_rest_stays<O: StoreOpener>() {
    let bench = with_one_at_rest::<O>().await;
    let (before, second) = (event(&bench, 1), event(&bench, 2));
    assert_eq!(shredded(&bench, wish(&[1])).await, done(&[1]));
    let after = event(&bench, 1);
    let (record, kept) = (&after.summary.record, &before.summary.record);
    assert_eq!(record.shredded_at, Some(at(500)));
    assert_eq!(
        (&record.raw_payload, &after.headers),
        (&Bytes::new(), &Headers::default())
    );
    assert_eq!(after.conflicts.len(), 1);
    assert_eq!(after.conflicts[0].body, Bytes::new());
    assert!(matches!(
        &record.settlement,
        Settlement::Failed { error, cause, .. } if error == "Declined" && cause.is_empty()
    ));
    let same = (
        &record.key,
        &record.event_key,
        record.amount,
        &record.meaning,
    );
    assert_eq!(
        same,
        (&kept.key, &kept.event_key, kept.amount, &kept.meaning)
    );
    for (change, before) in after.changes.iter().zip(&before.changes) {
        assert_eq!(
            (change.sequence, change.kind),
            (before.sequence, before.kind)
        );
        assert!(change.is_shredded() && change.attribute("rawPayload").is_none());
    }
    assert_eq!(after.changes.len(), before.changes.len());
    let execution = bench.execution(seq(1)).expect("readable").expect("started");
    assert_eq!((execution.steps, execution.snapshot), (Vec::new(), None));
    assert_eq!(execution.summary.status, ExecutionStatus::Failed);
    assert_eq!(event(&bench, 2), second);
    // The listings, the feed and the points tell the same: looking at all compares them.
    bench.observed().await;
    // Again is no change, and names the first time.
    let again = Shred {
        at: at(900),
        ..wish(&[3])
    };
    assert_eq!(
        shredded(&bench, again).await,
        done(&[1]),
        "by a change of it"
    );
    assert_eq!(event(&bench, 1), after);
}

pub(crate) async fn what_comes_again_is_a_duplicate_whatever_it_says<O: StoreOpener>() {
    let bench = with_one_at_rest::<O>().await;
    assert_eq!(shredded(&bench, wish(&[1])).await, done(&[1]));
    let before = bench.observed().await;
    let first = event(&bench, 1).summary.record.key;
    for note in ["other bytes", "never seen"] {
        let again = webhook("evt_1").payment("pay_1").note(note);
        let answer = bench.append(&again).await;
        assert_eq!(answer, (Outcome::Duplicate, first.clone()), "{note}");
    }
    let same = webhook("evt_1").payment("pay_1");
    assert_eq!(bench.append(&same).await.0, Outcome::Duplicate);
    assert_eq!(bench.observed().await, before, "nothing of it is kept");
}

pub(crate) async fn what_has_work_to_do_is_not_shredded<O: StoreOpener>() {
    let bench = with_one_at_rest::<O>().await;
    let before = bench.observed().await;
    let busy = Shredded::Busy { event: seq(2) };
    assert_eq!(shredded(&bench, wish(&[2])).await, busy);
    assert_eq!(
        shredded(&bench, wish(&[1, 2])).await,
        busy,
        "all or nothing"
    );
    assert_eq!(bench.observed().await, before);
    bench
        .moved(2, 30, |step| {
            step.status = ExecutionStatus::Succeeded;
            step.due_at = None;
        })
        .await;
    assert_eq!(shredded(&bench, wish(&[1, 2])).await, done(&[1, 2]));
}

pub(crate) async fn what_nobody_has_read_is_shredded_only_on_demand<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    bench.append(&webhook("evt_1")).await;
    let busy = Shredded::Busy { event: seq(1) };
    assert_eq!(shredded(&bench, wish(&[1])).await, busy);
    let on_demand = Shred {
        with_unread: true,
        ..wish(&[1])
    };
    assert_eq!(shredded(&bench, on_demand).await, done(&[1]));
}

pub(crate) async fn events_of_one_delivery_go_together_or_not_at_all<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    bench.append(&webhook("evt_before")).await;
    let item = |number: u32| {
        json!({ "id": format!("EV{number}"), "resource_type": "payments", "action": "confirmed",
                "links": { "payment": format!("PM{number}") } })
    };
    let body = json!({ "events": [item(1), item(2), item(3)] }).to_string();
    let provider = Provider::try_new(ProviderId::Gocardless, Settings::default());
    let source = Source {
        provider: provider.expect("a provider without settings"),
        ..source("batches")
    };
    let hint = RawDelivery {
        source: source.name.clone(),
        headers: Headers::default(),
        body: Bytes::new(),
        received_at: at(1_000),
    };
    let admitted = admit_fetched(hint, body.into(), &source);
    let custody = Custody {
        admitted: admitted.map_err(|refused| refused.refusal).expect("read"),
        trace: TraceId::from_bytes([1; 16]).into(),
        rules: source.provider.rules(),
    };
    let appended = bench.append_once(custody).await.expect("taken in");
    assert_eq!(appended.events.len(), 3);
    bench.append(&webhook("evt_after")).await;
    let moved = bench.start_all(Vec::new(), DEFINITION, seq(5)).await;
    moved.expect("the cursor moves");
    let others = vec![seq(2), seq(4)];
    assert_eq!(
        shredded(&bench, wish(&[3])).await,
        Shredded::Shared { others }
    );
    assert_eq!(event(&bench, 3).summary.record.shredded_at, None);
    let all = Shred {
        with_others: true,
        ..wish(&[3])
    };
    assert_eq!(shredded(&bench, all).await, done(&[2, 3, 4]));
    for (sequence, shredded_at) in [(1, None), (2, Some(at(500))), (4, Some(at(500))), (5, None)] {
        let record = event(&bench, sequence).summary.record;
        assert_eq!(record.shredded_at, shredded_at, "event {sequence}");
    }
}

pub(crate) async fn an_execution_of_a_shredded_event_is_not_moved<O: StoreOpener>() {
    let bench = with_one_at_rest::<O>().await;
    // Claimed for a redrive before, and committed after.
    let held = progress(&bench.claim(1, 30), 30);
    assert_eq!(shredded(&bench, wish(&[1])).await, done(&[1]));
    let before = bench.observed().await;
    assert_eq!(bench.committed(held).await, Committed::Refused);
    bench.release(seq(1));
    let claimed = bench.claim(1, 40);
    assert!(claimed.change.is_shredded() && claimed.snapshot.is_none());
    assert_eq!(
        bench.committed(progress(&claimed, 40)).await,
        Committed::Refused
    );
    assert_eq!(bench.observed().await, before);
}

pub(crate) async fn what_was_shredded_stays_so_after_every_end<O: StoreOpener>() {
    let mut bench = with_one_at_rest::<O>().await;
    assert_eq!(shredded(&bench, wish(&[1])).await, done(&[1]));
    let before = bench.observed().await;
    for ending in [Ending::Crash, Ending::Clean] {
        bench = bench.reopened(ending).await;
        assert_eq!(bench.observed().await, before, "{ending:?}");
    }
}

pub(crate) async fn what_does_not_exist_is_not_shredded<O: StoreOpener>() {
    let bench = with_one_at_rest::<O>().await;
    let before = bench.observed().await;
    let head = bench.feed_head().expect("readable").get();
    let unknown = Shredded::NoSuch {
        event: seq(head + 1),
    };
    assert_eq!(shredded(&bench, wish(&[1, head + 1])).await, unknown);
    assert_eq!(bench.observed().await, before);
}
