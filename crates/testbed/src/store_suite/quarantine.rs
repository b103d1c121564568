//! The quarantine: one entry for each source and body, within its bounds.

use engine::store::{
    Page, Quarantine as _, QuarantineBounds, QuarantineReason, QuarantineWard as _,
    QuarantinedSummary,
};

use super::bench::{Bench, WIDE};
use super::{Ending, StoreOpener};
use crate::deliveries::{Webhook, webhook};

const MISMATCH: QuarantineReason = QuarantineReason::SignatureMismatch;

async fn quarantine<O: StoreOpener>(bench: &Bench<O>, sent: &Webhook) {
    let kept = bench.quarantine(sent.quarantined(MISMATCH)).await;
    assert_eq!(kept, Ok(()));
}

fn list<O: StoreOpener>(bench: &Bench<O>) -> Vec<QuarantinedSummary> {
    let page = bench.list_quarantined(None, 1_000).expect("readable");
    assert_eq!(page.next, None);
    page.items
}

/// The webhooks that are in quarantine, newest first, by their `note`.
fn notes<O: StoreOpener>(bench: &Bench<O>, of: &[&str]) -> String {
    let hash = |note: &&str| noted(note).raw().body_hash();
    let name = |item: QuarantinedSummary| {
        let mut all = of.iter();
        *all.find(|note| hash(note) == item.body_hash)
            .expect("one of these")
    };
    list(bench)
        .into_iter()
        .map(name)
        .collect::<Vec<_>>()
        .join(" ")
}

fn noted(note: &str) -> Webhook {
    webhook("evt_1").note(note)
}

/// Bytes that a delivery takes: its body and its headers' names and values.
fn bytes(sent: &Webhook) -> u64 {
    let raw = sent.raw();
    let headers = raw.headers.iter();
    let header_bytes = headers.map(|(name, value)| name.len() + value.len());
    (raw.body.len() + header_bytes.sum::<usize>()) as u64
}

pub(crate) async fn the_oldest_goes_when_there_are_too_many<O: StoreOpener>() {
    let bounds = QuarantineBounds {
        deliveries_max: 3,
        ..WIDE
    };
    let mut bench = Bench::<O>::bounded(bounds).await;
    let all = ["a", "b", "c", "d", "e", "f"];
    for (note, left) in [
        ("a", "a"),
        ("b", "b a"),
        ("c", "c b a"),
        ("a", "c b a"),
        ("d", "d c b"),
        ("e", "e d c"),
        ("a", "a e d"),
        ("f", "f a e"),
    ] {
        quarantine(&bench, &noted(note)).await;
        assert_eq!(notes(&bench, &all), left, "after {note}");
        bench = bench.reopened(Ending::Crash).await;
        assert_eq!(notes(&bench, &all), left, "after {note} and a crash");
    }
    // One that went and came again counts anew.
    assert!(list(&bench).iter().all(|item| item.count == 1));
}

pub(crate) async fn the_oldest_go_when_there_are_too_many_bytes<O: StoreOpener>() {
    let all = ["a", "b", "c", "much longer than the others"];
    let one = bytes(&noted("a"));
    let long = bytes(&noted(all[3]));
    for (bytes_max, left) in [
        (2 * one + long, "much longer than the others c b"),
        (2 * one + long - 1, "much longer than the others c"),
        (one + long, "much longer than the others c"),
        (one + long - 1, "much longer than the others"),
        (long, "much longer than the others"),
    ] {
        let bounds = QuarantineBounds { bytes_max, ..WIDE };
        let bench = Bench::<O>::bounded(bounds).await;
        for note in all {
            quarantine(&bench, &noted(note)).await;
        }
        assert_eq!(notes(&bench, &all), left, "{bytes_max}");
    }
}

pub(crate) async fn bytes_are_those_of_bodies_and_headers<O: StoreOpener>() {
    let sent = |note| {
        noted(note)
            .header("x-long-name", b"and a value")
            .header("x", b"")
    };
    let total = bytes(&sent("a")) + bytes(&sent("b"));
    for (bytes_max, left) in [(total, 2), (total - 1, 1)] {
        let bounds = QuarantineBounds { bytes_max, ..WIDE };
        let bench = Bench::<O>::bounded(bounds).await;
        // What was discharged takes no room any more.
        quarantine(&bench, &sent("c")).await;
        let id = list(&bench)[0].id;
        assert_eq!(bench.discharge(id).await, Ok(true));
        let mut bench = bench.reopened(Ending::Crash).await;
        for note in ["a", "b", "b", "b"] {
            quarantine(&bench, &sent(note)).await;
            bench = bench.reopened(Ending::Clean).await;
        }
        assert_eq!(list(&bench).len(), left, "{bytes_max}");
    }
}

pub(crate) async fn a_repeat_with_longer_headers_may_cost_the_oldest<O: StoreOpener>() {
    let bytes_max = 2 * bytes(&noted("a")) + 10;
    let bounds = QuarantineBounds { bytes_max, ..WIDE };
    let bench = Bench::<O>::bounded(bounds).await;
    quarantine(&bench, &noted("a")).await;
    quarantine(&bench, &noted("b")).await;
    quarantine(&bench, &noted("b").header("x-pad", b"12345")).await;
    assert_eq!(notes(&bench, &["a", "b"]), "b a");
    quarantine(&bench, &noted("b").header("x-pad", b"123456")).await;
    assert_eq!(notes(&bench, &["a", "b"]), "b");
    assert_eq!(list(&bench)[0].count, 3);
    // The room that shorter headers leave is room again.
    quarantine(&bench, &noted("b")).await;
    quarantine(&bench, &noted("a")).await;
    assert_eq!(notes(&bench, &["a", "b"]), "a b");
}

pub(crate) async fn what_does_not_fit_alone_does_not_stay<O: StoreOpener>() {
    let bytes_max = bytes(&noted("a"));
    let bounds = QuarantineBounds { bytes_max, ..WIDE };
    let bench = Bench::<O>::bounded(bounds).await;
    quarantine(&bench, &noted("a")).await;
    assert_eq!(list(&bench).len(), 1);
    quarantine(&bench, &noted("too long")).await;
    assert_eq!(list(&bench), []);
    quarantine(&bench, &noted("b")).await;
    assert_eq!(list(&bench).len(), 1);
}

pub(crate) async fn a_discharged_delivery_is_gone<O: StoreOpener>() {
    let mut bench = Bench::<O>::new().await;
    for note in ["a", "b", "c"] {
        quarantine(&bench, &noted(note)).await;
    }
    let id = list(&bench)[1].id;
    assert_eq!(bench.discharge(id).await, Ok(true));
    for ending in [Ending::Clean, Ending::Crash] {
        assert_eq!(bench.discharge(id).await, Ok(false));
        assert_eq!(bench.quarantined(id), Ok(None));
        assert_eq!(notes(&bench, &["a", "b", "c"]), "c a");
        bench = bench.reopened(ending).await;
    }
    assert_eq!(bench.discharge(u64::MAX / 4).await, Ok(false));
    // The same body comes as a new one.
    quarantine(&bench, &noted("b")).await;
    assert_eq!(notes(&bench, &["a", "b", "c"]), "b c a");
    assert_eq!(list(&bench)[0].count, 1);
}

pub(crate) async fn ids_are_never_used_again<O: StoreOpener>() {
    let bounds = QuarantineBounds {
        deliveries_max: 2,
        ..WIDE
    };
    let mut bench = Bench::<O>::bounded(bounds).await;
    let mut newest = 0;
    let endings = [Ending::Clean, Ending::Crash];
    for (number, ending) in (0..8).zip(endings.into_iter().cycle()) {
        quarantine(&bench, &noted(&format!("{number}"))).await;
        let id = list(&bench)[0].id;
        assert!(id > newest, "{id} after {newest}");
        newest = id;
        // The newest goes: its id must stay taken all the same, in an empty quarantine too.
        assert_eq!(bench.discharge(id).await, Ok(true));
        bench = bench.reopened(ending).await;
    }
}

pub(crate) async fn pages_go_from_the_newest_to_the_oldest<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    for number in 0..7 {
        quarantine(&bench, &noted(&format!("{number}"))).await;
    }
    let mut all = list(&bench);
    let gone = all.remove(3);
    assert_eq!(bench.discharge(gone.id).await, Ok(true));
    assert!(all.is_sorted_by(|newer, older| newer.id > older.id));
    for limit in 1..8 {
        let mut before = None;
        for expected in all.chunks(limit) {
            let page = bench.list_quarantined(before, limit).expect("readable");
            assert_eq!(page.items, expected, "{limit}");
            before = page.next;
        }
        assert_eq!(before, None, "{limit}");
    }
    let Page { items, next } = bench.list_quarantined(Some(gone.id), 9).expect("readable");
    assert_eq!((&*items, next), (&all[3..], None));
    let page = bench
        .list_quarantined(Some(all[5].id), 9)
        .expect("readable");
    assert_eq!((page.items, page.next), (vec![], None));
}
