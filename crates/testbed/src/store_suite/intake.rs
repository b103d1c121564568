//! The quarantine as the front door fills it: one entry for each source and body.

use domain::trace::TraceId;
use engine::store::{
    EventLog as _, Outcome, Quarantine as _, QuarantineReason, QuarantinedSummary,
};

use super::bench::{Bench, at};
use super::{Ending, Opener};
use crate::deliveries::{Webhook, webhook};

const MISMATCH: QuarantineReason = QuarantineReason::SignatureMismatch;

async fn quarantine<O: Opener>(bench: &Bench<O>, sent: &Webhook) {
    let kept = bench.quarantine(sent.quarantined(MISMATCH)).await;
    assert_eq!(kept, Ok(()));
}

fn noted(note: &str) -> Webhook {
    webhook("evt_1").note(note)
}

pub(crate) async fn a_refused_delivery_is_kept_with_its_bytes<O: Opener>() {
    let mut bench = Bench::<O>::new().await;
    let mut expected = Vec::new();
    for (number, reason) in (1..).zip(QuarantineReason::ALL) {
        let sent = noted(reason.as_str())
            .received_at(number)
            .trace([9; 16])
            .header("x-odd", b"\xFF\x00")
            .header("X-Odd", b"twice");
        let kept = bench.quarantine(sent.quarantined(reason)).await;
        assert_eq!(kept, Ok(()));
        let raw = sent.raw();
        let summary = QuarantinedSummary {
            id: bench.seen().await.quarantined[0].0.id,
            source: raw.source.clone(),
            body_hash: raw.body_hash(),
            body_bytes: raw.body.len() as u64,
            reason,
            first_received_at: at(number),
            last_received_at: at(number),
            count: 1,
            trace: TraceId::from_bytes([9; 16]),
        };
        expected.insert(0, (summary, raw));
    }
    for ending in [Ending::Clean, Ending::Crash] {
        assert_eq!(bench.seen().await.quarantined, expected);
        bench = bench.reopened(ending).await;
    }
    assert_eq!(bench.seen().await.quarantined, expected);
}

pub(crate) async fn the_same_body_counts_up_and_the_newer_arrival_stands<O: Opener>() {
    let mut bench = Bench::<O>::new().await;
    let sent = noted("a")
        .received_at(10)
        .trace([1; 16])
        .header("x-try", b"1");
    quarantine(&bench, &sent).await;
    quarantine(&bench, &noted("b").received_at(11)).await;
    let (first, _) = bench.seen().await.quarantined.pop().expect("two");
    for (count, ending) in [(2, Ending::Clean), (3, Ending::Crash)] {
        let received_at = 10 * i64::try_from(count).expect("small");
        let again = noted("a")
            .received_at(received_at)
            .trace([4; 16])
            .header("x-try", &[b'0' + u8::try_from(count).expect("small")])
            .header("x-more", b"yes");
        let kept = bench
            .quarantine(again.quarantined(QuarantineReason::MalformedJson))
            .await;
        assert_eq!(kept, Ok(()));
        let expected = QuarantinedSummary {
            reason: QuarantineReason::MalformedJson,
            last_received_at: at(received_at),
            count,
            trace: TraceId::from_bytes([4; 16]),
            ..first.clone()
        };
        bench = bench.reopened(ending).await;
        // Its place is the one where it first came.
        let seen = bench.seen().await.quarantined;
        assert_eq!(seen[1], (expected, again.raw()));
        assert_eq!(seen.len(), 2);
    }
}

pub(crate) async fn another_source_or_body_is_another_delivery<O: Opener>() {
    let bench = Bench::<O>::new().await;
    for (received_at, sent) in (1..).zip([noted("a"), noted("b"), noted("a").source("second")]) {
        let sent = sent.received_at(received_at);
        quarantine(&bench, &sent).await;
        quarantine(&bench, &sent).await;
    }
    let items = bench.seen().await.quarantined;
    assert_eq!(items.len(), 3);
    assert!(items.iter().all(|(item, _)| item.count == 2), "{items:?}");
    assert_eq!(items[0].0.body_hash, items[2].0.body_hash);
    assert_ne!(items[0].0.source, items[2].0.source);
}

pub(crate) async fn a_quarantined_delivery_has_claimed_no_event_key<O: Opener>() {
    let bench = Bench::<O>::new().await;
    quarantine(&bench, &noted("forged")).await;
    let digest = webhook("evt_1").event_key().digest();
    assert_eq!(bench.find_event(&digest).await, Ok(None));
    let seen = bench.seen().await;
    assert_eq!((seen.events, seen.feed), (vec![], vec![]));
    let (outcome, _) = bench.append(&webhook("evt_1")).await;
    assert_eq!(outcome, Outcome::Stored);
}
