//! Custody: stored once, whoever asks and however often.

use domain::record::EventRecord;
use domain::settlement::Settlement;
use domain::trace::{SpanId, TraceContext, TraceId};
use engine::store::{EventLog as _, Outcome};

use super::Opener;
use super::bench::{Bench, at, at_once};
use crate::deliveries::webhook;

pub(crate) async fn a_new_event_is_stored_and_found_by_both_keys<O: Opener>() {
    let bench = Bench::<O>::new().await;
    let sent = webhook("evt_1").payment("p").amount("12.50").trace([3; 16]);
    let sent = sent.span([4; 8]);
    let (outcome, key) = bench.append(&sent).await;
    assert_eq!(outcome, Outcome::Stored);
    let event = &sent.admitted().events()[0].clone();
    let expected = EventRecord {
        key: key.clone(),
        event_key: sent.event_key(),
        amount: event.amount,
        currency: event.currency,
        provider_status: "paid".to_owned(),
        meaning: None,
        provider: "testbed".to_owned(),
        received_at: at(1_000),
        raw_payload: sent.body(),
        shredded_at: None,
        trace: TraceContext {
            id: TraceId::from_bytes([3; 16]),
            span: SpanId::from_bytes([4; 8]),
        },
        settlement: Settlement::Received,
    };
    assert_eq!(bench.record(&key).await, Ok(Some(expected)));
    let found = bench.find_event(&sent.event_key().digest()).await;
    assert_eq!(found, Ok(Some(key)));
}

pub(crate) async fn the_first_bytes_again_are_a_duplicate_and_write_nothing<O: Opener>() {
    let bench = Bench::<O>::new().await;
    let sent = webhook("evt_1");
    let (_, first) = bench.append(&sent).await;
    let before = bench.seen().await;
    // Only the body makes it the same: time, trace and headers may differ.
    let again = sent.received_at(9_000).trace([9; 16]).header("x-try", b"2");
    for _ in 0..3 {
        assert_eq!(
            bench.append(&again).await,
            (Outcome::Duplicate, first.clone())
        );
    }
    assert_eq!(bench.seen().await, before);
}

pub(crate) async fn other_bytes_are_a_conflict_kept_once_for_each_body<O: Opener>() {
    let bench = Bench::<O>::new().await;
    let (_, first) = bench.append(&webhook("evt_1")).await;
    for (note, received_at) in [("a", 2_000), ("b", 3_000), ("a", 4_000), ("a", 1_500)] {
        let sent = webhook("evt_1").note(note).received_at(received_at);
        assert_eq!(
            bench.append(&sent).await,
            (Outcome::Conflict, first.clone())
        );
    }
    let sent = webhook("evt_1").received_at(5_000);
    assert_eq!(bench.append(&sent).await, (Outcome::Duplicate, first));
    let seen = bench.seen().await;
    let detail = seen.event(&sent.event_key().digest()).expect("kept");
    let conflicts: Vec<_> = detail
        .conflicts
        .iter()
        .map(|each| (each.body.clone(), each.received_at, each.count))
        .collect();
    let body = |note| webhook("evt_1").note(note).body();
    assert_eq!(
        conflicts,
        [(body("a"), at(2_000), 3), (body("b"), at(3_000), 1)]
    );
    for each in &detail.conflicts {
        let sent = webhook("evt_1").note(if each.count == 3 { "a" } else { "b" });
        assert_eq!(each.body_hash, sent.raw().body_hash());
    }
}

pub(crate) async fn a_conflict_starts_nothing_and_leaves_the_first_as_it_was<O: Opener>() {
    let bench = Bench::<O>::new().await;
    let (_, key) = bench.append(&webhook("evt_1").amount("1")).await;
    let before = bench.seen().await;
    bench.append(&webhook("evt_1").amount("1000000")).await;
    let after = bench.seen().await;
    assert_eq!(after.feed, before.feed);
    assert_eq!(after.events[0].summary, before.events[0].summary);
    assert_eq!(after.events[0].headers, before.events[0].headers);
    let record = bench.record(&key).await.expect("readable").expect("kept");
    assert_eq!(record.amount.to_string(), "1");
}

pub(crate) async fn a_conflict_about_another_payment_names_the_first_record<O: Opener>() {
    let bench = Bench::<O>::new().await;
    let (_, first) = bench.append(&webhook("evt_1").payment("p")).await;
    let answer = bench.append(&webhook("evt_1").payment("q")).await;
    assert_eq!(answer, (Outcome::Conflict, first));
    let seen = bench.seen().await;
    assert_eq!((seen.events.len(), seen.feed.len()), (1, 1));
}

pub(crate) async fn two_sources_may_use_the_same_id<O: Opener>() {
    let bench = Bench::<O>::new().await;
    let (one, other) = (
        webhook("evt_1").source("one"),
        webhook("evt_1").source("other"),
    );
    let (outcome, first) = bench.append(&one).await;
    assert_eq!(outcome, Outcome::Stored);
    let (outcome, second) = bench.append(&other).await;
    assert_eq!(outcome, Outcome::Stored);
    assert_ne!(first, second);
    for (sent, key) in [(one, first), (other, second)] {
        let found = bench.find_event(&sent.event_key().digest()).await;
        assert_eq!(found, Ok(Some(key.clone())));
        let record = bench.record(&key).await.expect("readable").expect("kept");
        assert_eq!(record.event_key, sent.event_key());
    }
}

pub(crate) async fn without_an_id_the_body_is_the_id<O: Opener>() {
    let bench = Bench::<O>::new().await;
    let (outcome, first) = bench.append(&webhook("").note("a")).await;
    assert_eq!(outcome, Outcome::Stored);
    let again = bench
        .append(&webhook("").note("a").received_at(2_000))
        .await;
    assert_eq!(again, (Outcome::Duplicate, first));
    assert_eq!(
        bench.append(&webhook("").note("b")).await.0,
        Outcome::Stored
    );
    assert_eq!(bench.seen().await.conflicts(), 0);
    let elsewhere = webhook("").note("a").source("second");
    assert_eq!(bench.append(&elsewhere).await.0, Outcome::Stored);
}

pub(crate) async fn of_many_equal_deliveries_at_once_one_is_stored<O: Opener>() {
    let bench = Bench::<O>::new().await;
    let store = &*bench;
    let sent = webhook("evt_1").custody();
    let answers = at_once(8, async |_| {
        store
            .append_once(sent.clone())
            .await
            .expect("appended")
            .events
    });
    let stored = answers.iter().filter(|each| each[0].0 == Outcome::Stored);
    assert_eq!(stored.count(), 1);
    let duplicates = answers
        .iter()
        .filter(|each| each[0].0 == Outcome::Duplicate);
    assert_eq!(duplicates.count(), 7);
    assert!(answers.iter().all(|each| each[0].1 == answers[0][0].1));
    assert_eq!(bench.seen().await.feed.len(), 1);
}

pub(crate) async fn of_many_unequal_deliveries_at_once_one_is_stored<O: Opener>() {
    let bench = Bench::<O>::new().await;
    let store = &*bench;
    let send = |number| webhook("evt_1").note(&format!("{number}"));
    let answers = at_once(8, async |number| {
        store
            .append_once(send(number).custody())
            .await
            .expect("appended")
            .events
    });
    let stored: Vec<_> = (0..8)
        .filter(|number| answers[*number][0].0 == Outcome::Stored)
        .collect();
    let conflicts = answers.iter().filter(|each| each[0].0 == Outcome::Conflict);
    assert_eq!((stored.len(), conflicts.count()), (1, 7));
    let record = bench
        .record(&answers[0][0].1)
        .await
        .expect("readable")
        .expect("kept");
    assert_eq!(record.raw_payload, send(stored[0]).body());
    let seen = bench.seen().await;
    assert_eq!((seen.feed.len(), seen.conflicts()), (1, 7));
}

pub(crate) async fn what_was_never_kept_is_not_found<O: Opener>() {
    let bench = Bench::<O>::new().await;
    let (_, mut key) = bench.append(&webhook("evt_1")).await;
    let unknown = webhook("evt_2").event_key().digest();
    assert_eq!(bench.find_event(&unknown).await, Ok(None));
    key.timestamp = at(999);
    assert_eq!(bench.record(&key).await, Ok(None));
    key.timestamp = at(1_000);
    key.payment_id = "pay".to_owned();
    assert_eq!(bench.record(&key).await, Ok(None));
}

pub(crate) async fn bytes_and_numbers_are_kept_exactly<O: Opener>() {
    let bench = Bench::<O>::new().await;
    let long = "ü".repeat(domain::limits::PAYMENT_ID_BYTES_MAX / 2);
    let rows = [
        ("pay'; --", "0.000000000000000001", "odd 'status'", -1_i64),
        ("Pay", "999999999999999999", "PAID", 0),
        ("pay", "0", "%_", i64::from(i32::MAX) * 4_000),
        (long.as_str(), "0.10", "\u{1F4B6}", 1_795_418_923_007),
    ];
    for (index, (payment, amount, status, received_at)) in rows.into_iter().enumerate() {
        let sent = webhook(&format!("evt {index}"))
            .payment(payment)
            .amount(amount)
            .status(status)
            .received_at(received_at)
            .header("x-odd", b"\xFF\x00 caf\xE9")
            .header("x-odd", b"twice");
        let (_, key) = bench.append(&sent).await;
        assert_eq!(
            (key.payment_id.as_str(), key.timestamp),
            (payment, at(received_at))
        );
        let seen = bench.seen().await;
        let detail = seen.event(&sent.event_key().digest()).expect("kept");
        let (record, event) = (&detail.summary.record, &sent.admitted().events()[0].clone());
        assert_eq!(
            (record.amount, record.currency),
            (event.amount, event.currency)
        );
        assert_eq!(record.status(), status);
        assert_eq!(record.raw_payload, sent.body());
        assert_eq!(detail.headers, sent.raw().headers);
    }
}
