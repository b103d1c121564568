//! The change feed: every change, in order, without a gap, for ever as it was.

use domain::settlement::Settlement;
use domain::stream::{ChangeKind, Sequence};
use engine::store::{ChangeFeed as _, EventLog as _};

use super::bench::{Bench, at, at_once, claim_of, complete_of, drain, expect_wakeup, fail_of, seq};
use super::{Ending, StoreOpener};
use crate::deliveries::webhook;

/// Three insertions at 1, 2 and 4, and a change between them at 3.
async fn some_changes<O: StoreOpener>() -> Bench<O> {
    let bench = Bench::<O>::with_started(2).await;
    let key = bench.feed()[0].key.clone();
    bench
        .moved(1, 50, |progress| {
            progress.changes = vec![claim_of(&key, "x")];
        })
        .await;
    bench.append(&webhook("evt_3").payment("pay_3")).await;
    bench
}

pub(crate) async fn an_empty_feed_stands_at_the_start<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    assert_eq!(bench.feed_head(), Ok(Sequence::START));
    let read = bench.read_after(Sequence::START, 10, &|_| true);
    assert_eq!(read, Ok((vec![], Sequence::START)));
}

pub(crate) async fn an_insertion_has_a_new_image_only<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    let (_, key) = bench.append(&webhook("evt_1").received_at(1_234)).await;
    let record = bench.record(&key).await.expect("readable").expect("kept");
    let change = &bench.feed()[0];
    assert_eq!((change.sequence, change.at), (seq(1), at(1_234)));
    assert_eq!((change.kind, &change.key), (ChangeKind::Insert, &key));
    assert_eq!(change.old_image, None);
    assert_eq!(change.new_image, Some(record.image()));
}

pub(crate) async fn a_change_has_both_images<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(1).await;
    let key = bench.feed()[0].key.clone();
    let mut changes = vec![
        complete_of(&key, "txn"),
        claim_of(&key, "y"),
        fail_of(&key, "e"),
        claim_of(&key, "x"),
    ];
    let mut before = bench.record(&key).await.expect("readable").expect("kept");
    for (sequence, now) in [(2, 20), (3, 30), (4, 40), (5, 50)] {
        let change = changes.pop().expect("four");
        bench
            .moved(1, now, |progress| progress.changes = vec![change])
            .await;
        let after = bench.record(&key).await.expect("readable").expect("kept");
        let entry = bench.feed().pop().expect("an entry");
        assert_eq!((entry.sequence, entry.at), (seq(sequence), at(now)));
        assert_eq!((entry.kind, &entry.key), (ChangeKind::Modify, &key));
        assert_eq!(entry.old_image, Some(before.image()));
        assert_eq!(entry.new_image, Some(after.image()));
        assert_ne!(before.settlement, after.settlement);
        before = after;
    }
    assert!(matches!(before.settlement, Settlement::Completed { .. }));
}

pub(crate) async fn sequences_have_no_gap<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    for number in 1..=5_u64 {
        let sent = webhook(&format!("evt_{number}"));
        bench.append(&sent).await;
        assert_eq!(bench.feed_head(), Ok(seq(number)));
        // Neither of these takes a place.
        bench.append(&sent).await;
        bench.append(&sent.note("other")).await;
        assert_eq!(bench.feed_head(), Ok(seq(number)));
    }
    let bench = bench.reopened(Ending::Crash).await;
    bench.append(&webhook("evt_6")).await;
    let sequences: Vec<_> = bench
        .feed()
        .iter()
        .map(|each| each.sequence.get())
        .collect();
    assert_eq!(sequences, [1, 2, 3, 4, 5, 6]);
}

pub(crate) async fn many_at_once_leave_no_gap<O: StoreOpener>() {
    let bench = Bench::<O>::new().await;
    let store = &*bench;
    at_once(6, async |thread| {
        for number in 0..5 {
            // Every event comes from two threads, so that some appends write nothing.
            let name = format!("{} {number}", thread / 2);
            let sent = webhook(&name).payment(&name);
            store.append_once(sent.custody()).await.expect("appended");
        }
    });
    let sequences: Vec<_> = bench
        .feed()
        .iter()
        .map(|each| each.sequence.get())
        .collect();
    assert_eq!(sequences, (1..=15).collect::<Vec<_>>());
    bench.observed().await;
}

pub(crate) async fn a_read_looks_at_no_more_than_its_limit<O: StoreOpener>() {
    let bench = some_changes::<O>().await;
    for (after, limit, found, end) in [
        (0, 0, vec![], 0),
        (0, 1, vec![1], 1),
        (0, 3, vec![1, 2], 3),
        (0, 4, vec![1, 2, 4], 4),
        (0, 9, vec![1, 2, 4], 4),
        (2, 1, vec![], 3),
        (2, 2, vec![4], 4),
        (3, 9, vec![4], 4),
    ] {
        let inserts = |kind| kind == ChangeKind::Insert;
        let read = bench.read_after(seq(after), limit, &inserts);
        let (changes, looked) = read.expect("readable");
        let sequences: Vec<_> = changes.iter().map(|each| each.sequence.get()).collect();
        assert_eq!((sequences, looked), (found, seq(end)), "{after} {limit}");
    }
}

pub(crate) async fn a_read_tells_how_far_it_looked_whatever_it_found<O: StoreOpener>() {
    let bench = some_changes::<O>().await;
    let none = |_| false;
    for (after, limit, end) in [(0, 2, 2), (0, 100, 4), (2, 1, 3), (3, 100, 4)] {
        let read = bench.read_after(seq(after), limit, &none);
        assert_eq!(read, Ok((vec![], seq(end))), "{after} {limit}");
    }
    let changed = |kind| kind == ChangeKind::Modify;
    let read = bench.read_after(Sequence::START, 100, &changed);
    let (changes, end) = read.expect("readable");
    assert_eq!(
        (changes.len(), changes[0].sequence, end),
        (1, seq(3), seq(4))
    );
}

pub(crate) async fn a_reader_that_is_up_to_date_stays_where_it_is<O: StoreOpener>() {
    let bench = some_changes::<O>().await;
    for after in [4, 5, 1_000_000] {
        let read = bench.read_after(seq(after), 10, &|_| true);
        assert_eq!(read, Ok((vec![], seq(after))));
    }
}

pub(crate) async fn pages_make_the_whole<O: StoreOpener>() {
    let bench = some_changes::<O>().await;
    for limit in 1..6 {
        let mut paged = Vec::new();
        let mut place = Sequence::START;
        loop {
            let read = bench.read_after(place, limit, &|_| true);
            let (changes, end) = read.expect("readable");
            paged.extend(changes);
            if end == place {
                break;
            }
            assert!(end > place, "a reader goes on, from {place:?} to {end:?}");
            place = end;
        }
        assert_eq!(paged, bench.feed(), "{limit}");
        assert_eq!(Ok(place), bench.feed_head());
    }
}

pub(crate) async fn entries_are_never_altered<O: StoreOpener>() {
    let bench = some_changes::<O>().await;
    let before = bench.feed();
    let key = before[1].key.clone();
    bench
        .moved(2, 60, |progress| {
            progress.changes = vec![claim_of(&key, "y"), complete_of(&key, "txn")];
        })
        .await;
    bench
        .append(&webhook("evt_1").payment("pay_1").note("conflict"))
        .await;
    assert_eq!(bench.feed()[..4], before);
    let bench = bench.reopened(Ending::Crash).await;
    assert_eq!(bench.feed()[..4], before);
    assert_eq!(bench.feed().len(), 6);
}

pub(crate) async fn readers_are_woken_by_an_append_and_by_a_change<O: StoreOpener>() {
    let bench = Bench::<O>::with_started(1).await;
    drain(bench.feed_wakeup()).await;
    bench.append(&webhook("evt_2")).await;
    expect_wakeup(bench.feed_wakeup(), "an append").await;
    let key = bench.feed()[0].key.clone();
    bench
        .moved(1, 20, |progress| {
            progress.changes = vec![claim_of(&key, "x")];
        })
        .await;
    expect_wakeup(bench.feed_wakeup(), "a change").await;
}
