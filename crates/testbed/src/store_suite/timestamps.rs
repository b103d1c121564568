//! Timestamps: unique for a payment, and never earlier than the newest.

use domain::event::EventKeyDigest;
use engine::store::EventLog as _;

use super::bench::{Bench, at, at_once};
use super::{Ending, Opener};
use crate::deliveries::webhook;

/// Appends events `a`, `b`, … of one payment, received at these times; their timestamps.
async fn timestamps<O: Opener>(bench: &Bench<O>, name: &str, received: &[i64]) -> Vec<i64> {
    let mut given = Vec::new();
    for (index, received_at) in received.iter().enumerate() {
        let sent = webhook(&format!("{name} {index}")).received_at(*received_at);
        let (_, key) = bench.append(&sent).await;
        let record = bench.record(&key).await.expect("readable").expect("kept");
        assert_eq!(record.received_at, at(*received_at));
        given.push(key.timestamp.as_millis());
    }
    given
}

pub(crate) async fn a_lone_record_has_the_time_of_its_delivery<O: Opener>() {
    for received_at in [-5, 0, 1_795_418_923_007] {
        let bench = Bench::<O>::new().await;
        let given = timestamps(&bench, "lone", &[received_at]).await;
        assert_eq!(given, [received_at]);
    }
}

pub(crate) async fn records_of_one_millisecond_get_one_each<O: Opener>() {
    let bench = Bench::<O>::new().await;
    let given = timestamps(&bench, "same", &[5, 5, 5, 6, 8, 8, 20]).await;
    assert_eq!(given, [5, 6, 7, 8, 9, 10, 20]);
}

pub(crate) async fn a_clock_that_goes_back_does_not_take_the_records_with_it<O: Opener>() {
    let bench = Bench::<O>::new().await;
    let given = timestamps(&bench, "back", &[100, 50, 99, 101, 102, 104, 0]).await;
    assert_eq!(given, [100, 101, 102, 103, 104, 105, 106]);
}

pub(crate) async fn other_payments_do_not_matter<O: Opener>() {
    let bench = Bench::<O>::new().await;
    for payment in ["p", "pp", "P", "p ", "o", "q"] {
        let sent = webhook(payment).payment(payment).received_at(5);
        assert_eq!(bench.append(&sent).await.1.timestamp, at(5), "{payment}");
    }
    // The payment alone counts, not who tells of it.
    let sent = webhook("p").payment("p").source("second").received_at(5);
    assert_eq!(bench.append(&sent).await.1.timestamp, at(6));
}

pub(crate) async fn duplicates_and_conflicts_take_no_time<O: Opener>() {
    let bench = Bench::<O>::new().await;
    timestamps(&bench, "one", &[5]).await;
    bench.append(&webhook("one 0").received_at(90)).await;
    let conflict = webhook("one 0").note("other").received_at(91);
    bench.append(&conflict).await;
    assert_eq!(timestamps(&bench, "more", &[5, 7]).await, [6, 7]);
}

pub(crate) async fn many_at_once_have_distinct_times_in_the_order_of_the_feed<O: Opener>() {
    let bench = Bench::<O>::new().await;
    let store = &*bench;
    at_once(4, async |thread| {
        for number in 0..4 {
            let sent = webhook(&format!("{thread} {number}")).received_at(5);
            store.append_once(sent.custody()).await.expect("appended");
        }
    });
    let given: Vec<_> = bench
        .seen()
        .await
        .feed
        .iter()
        .map(|change| change.key.timestamp.as_millis())
        .collect();
    assert_eq!(given, (5..21).collect::<Vec<_>>());
}

pub(crate) async fn the_times_go_on_after_reopening<O: Opener>() {
    let mut bench = Bench::<O>::new().await;
    timestamps(&bench, "before", &[50, 50]).await;
    for (ending, expected) in [(Ending::Crash, [52, 53]), (Ending::Clean, [54, 55])] {
        bench = bench.reopened(ending).await;
        let given = timestamps(&bench, &format!("{ending:?}"), &[50, 1]).await;
        assert_eq!(given, expected, "{ending:?}");
    }
    let digest: EventKeyDigest = webhook("before 1").event_key().digest();
    let key = bench.find_event(&digest).await.expect("readable");
    assert_eq!(key.expect("kept").timestamp, at(51));
}
