//! The memory store fails where it was told to, and its disk survives it.

use domain::stream::Sequence;
use engine::store::memory::{FaultMoment, MemoryStore, WriteFault};
use engine::store::{
    Appended, ChangeFeed as _, Counts, EventLog as _, Executions as _, Inspect as _, NotKept,
    Outcome, QuarantineBounds, Unavailable,
};
use testbed::deliveries::{Webhook, webhook};
use testbed::store_suite::block_on;

const BOUNDS: QuarantineBounds = QuarantineBounds {
    deliveries_max: 10,
    bytes_max: 10_000,
};

fn append(store: &MemoryStore, sent: &Webhook) -> Result<Outcome, NotKept> {
    let first = |appended: Appended| appended.events[0].0;
    block_on(store.append_once(sent.custody())).map(first)
}

fn fault(moment: FaultMoment, error: Unavailable) -> WriteFault {
    WriteFault { moment, error }
}

#[test]
fn the_nth_write_fails_before_or_after_its_effect() {
    for (moment, error, again) in [
        (
            FaultMoment::BeforeEffect,
            Unavailable::Overloaded,
            Outcome::Stored,
        ),
        (
            FaultMoment::AfterEffect,
            Unavailable::Overloaded,
            Outcome::Duplicate,
        ),
    ] {
        let store = MemoryStore::new(BOUNDS);
        assert_eq!(append(&store, &webhook("evt_1")), Ok(Outcome::Stored));
        store.fail_write(2, fault(moment, error));
        assert_eq!(append(&store, &webhook("evt_2")), Ok(Outcome::Stored));
        assert_eq!(
            append(&store, &webhook("evt_3")),
            Err(error.into()),
            "{moment:?}"
        );
        // Repeating the same call is safe, and a passing fault passes.
        assert_eq!(append(&store, &webhook("evt_3")), Ok(again), "{moment:?}");
        assert_eq!(store.feed_head(), Ok(Sequence::new(3)));
        assert_eq!(store.writes(), 4);
    }
}

#[test]
fn a_failed_disk_takes_nothing_more_until_the_store_is_opened_again() {
    for (moment, events) in [
        (FaultMoment::BeforeEffect, 1),
        (FaultMoment::AfterEffect, 2),
    ] {
        let store = MemoryStore::new(BOUNDS);
        assert_eq!(append(&store, &webhook("evt_1")), Ok(Outcome::Stored));
        store.fail_write(1, fault(moment, Unavailable::Failed));
        for event in ["evt_2", "evt_2", "evt_1"] {
            assert_eq!(
                append(&store, &webhook(event)),
                Err(Unavailable::Failed.into())
            );
        }
        let kept = block_on(store.keep_definition([1; 32], String::new()));
        assert_eq!(kept, Err(Unavailable::Failed));
        assert_eq!(
            store.counts().unwrap().events,
            events,
            "what is there can be read"
        );
        let store = MemoryStore::reopen(store.crash(), BOUNDS);
        assert_eq!(store.counts().unwrap().events, events);
        assert_eq!(append(&store, &webhook("evt_3")), Ok(Outcome::Stored));
    }
}

#[test]
fn who_still_holds_a_crashed_store_reads_and_writes_nothing() {
    let store = MemoryStore::new(BOUNDS);
    assert_eq!(append(&store, &webhook("evt_1")), Ok(Outcome::Stored));
    let disk = store.crash();
    let reopened = MemoryStore::reopen(disk.clone(), BOUNDS);
    assert_eq!(
        append(&store, &webhook("evt_2")),
        Err(Unavailable::Closing.into())
    );
    assert_eq!(store.feed_head(), Err(Unavailable::Closing));
    assert_eq!(store.counts(), Err(Unavailable::Closing));
    let expected = Counts {
        events: 1,
        feed_lag: 1,
        ..Counts::default()
    };
    assert_eq!(reopened.counts(), Ok(expected));
    assert_eq!(reopened.crash(), disk);
}
