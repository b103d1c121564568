//! What the suite cannot see: the files, their lock, their format, and a disk that fails.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use domain::settlement::SettlementChange;
use domain::stream::Sequence;
use domain::task::RecordChange;
use domain::time::{Millis, Timestamp};
use engine::store::{
    ChangeFeed as _, EventFilter, EventLog as _, ExecutionStatus, Executions as _, Inspect as _,
    Lease, Outcome, Progress, Quarantine as _, QuarantineReason, StartExecution, Unavailable,
};
use rusqlite::Connection;
use store_sqlite::check::{Finding, check};
use store_sqlite::{MasterSource, OpenError, Options, SqliteStore};
use tempfile::TempDir;
use testbed::deliveries::webhook;
use testbed::observed::Observed;

const NOW: Timestamp = Timestamp::from_millis(9_000);

fn open(directory: &Path) -> SqliteStore {
    SqliteStore::open(directory, &Options::default()).expect("a store that opens")
}

/// Events, a conflict, an execution that has ended and one that goes on, a refused delivery.
async fn fill(store: &SqliteStore) {
    for number in 0..20 {
        let sent = webhook(&format!("evt_{number}")).payment(&format!("pay_{}", number % 3));
        store.append_once(sent.custody()).await.expect("taken in");
    }
    let other = webhook("evt_3").payment("pay_0").note("other bytes");
    store.append_once(other.custody()).await.expect("taken in");
    let starts = [1, 2].map(|sequence| StartExecution {
        sequence: Sequence::new(sequence),
        started_at: NOW,
    });
    let started = store.start_all(starts.to_vec(), [1; 32], Sequence::new(5));
    started.await.expect("started");
    let claimed = store.claim_due(NOW, Millis::new(100), 1).expect("claimed");
    let execution = claimed.first().expect("one that is due");
    let progress = Progress {
        sequence: execution.sequence,
        generation: execution.generation,
        status: ExecutionStatus::Succeeded,
        snapshot: Bytes::from_static(b"snapshot"),
        steps: vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")],
        changes: vec![RecordChange {
            key: execution.change.key.clone(),
            change: SettlementChange::Complete {
                transaction_id: "txn_1".into(),
                processed_at: NOW,
            },
        }],
        due_at: None,
        lease: Lease::Release,
        at: NOW,
    };
    store.commit(progress).await.expect("committed");
    let refused = webhook("evt_x").quarantined(QuarantineReason::SignatureMismatch);
    store.quarantine(refused).await.expect("kept");
}

fn sound(directory: &Path) {
    assert_eq!(check(directory, |_| ()).expect("a readable store"), []);
}

#[test]
fn only_the_owner_may_read_the_files() {
    let home = TempDir::new().unwrap();
    let directory = home.path().join("data");
    let _store = open(&directory);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let names = std::fs::read_dir(&directory).unwrap();
    let files: Vec<_> = names.map(|entry| entry.unwrap().path()).collect();
    assert!(
        files.len() >= 4,
        "lock, database, WAL and its index: {files:?}"
    );
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_second_opening_is_refused_by_the_name_of_the_lock() {
    let home = TempDir::new().unwrap();
    let store = open(home.path());
    let refused = SqliteStore::open(home.path(), &Options::default()).unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }));
    assert!(refused.to_string().contains("payhook.lock"), "{refused}");
    drop(store);
    open(home.path());
}

#[test]
fn a_newer_format_is_refused_untouched() {
    let home = TempDir::new().unwrap();
    drop(open(home.path()));
    let path = home.path().join("payhook.db");
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let before = std::fs::read(&path).unwrap();
    let refused = SqliteStore::open(home.path(), &Options::default()).unwrap_err();
    assert!(
        matches!(refused, OpenError::Newer { found: 99, .. }),
        "{refused}"
    );
    let refused = SqliteStore::open_read_only(home.path(), &MasterSource::Generated).unwrap_err();
    assert!(
        matches!(refused, OpenError::Newer { found: 99, .. }),
        "{refused}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn what_is_no_store_of_ours_is_refused_untouched() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("payhook.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(connection);
    let before = std::fs::read(&path).unwrap();
    let refused = SqliteStore::open(home.path(), &Options::default()).unwrap_err();
    assert!(matches!(refused, OpenError::NotOurs { .. }), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    std::fs::write(&path, vec![b'x'; 8192]).unwrap();
    let refused = SqliteStore::open(home.path(), &Options::default()).unwrap_err();
    assert!(matches!(refused, OpenError::Unreadable { .. }), "{refused}");
}

#[tokio::test]
async fn a_full_disk_ends_the_store_and_loses_nothing_that_was_confirmed() {
    let home = TempDir::new().unwrap();
    let options = Options {
        pages_max: Some(64),
        ..Options::default()
    };
    let store = SqliteStore::open(home.path(), &options).unwrap();
    let long = "n".repeat(4_000);
    let mut kept = 0;
    let failure = loop {
        let sent = webhook(&format!("evt_{kept}")).note(&long);
        match store.append_once(sent.custody()).await {
            Ok(_) => kept += 1,
            Err(failure) => break failure,
        }
    };
    assert_eq!(failure, Unavailable::Failed.into());
    assert!(kept > 5, "{kept}");
    // Small enough to fit still, but nothing is taken any more.
    let again = store.append_once(webhook("small").custody()).await;
    assert_eq!(again, Err(Unavailable::Failed.into()));
    assert_eq!(
        store.claim_due(NOW, Millis::new(1), 1),
        Err(Unavailable::Failed)
    );
    assert_eq!(
        store.counts().unwrap().events,
        kept,
        "what is there can be seen"
    );
    assert_eq!(store.close(), Err(Unavailable::Failed));
    drop(store);
    let store = open(home.path());
    assert_eq!(store.counts().unwrap().events, kept);
    let sent = webhook("evt_0").note(&long);
    let appended = store.append_once(sent.custody()).await.unwrap();
    assert_eq!(appended.events[0].0, Outcome::Duplicate);
    drop(store);
    sound(home.path());
}

#[tokio::test]
async fn a_closed_store_takes_nothing() {
    let home = TempDir::new().unwrap();
    let store = open(home.path());
    fill(&store).await;
    store.close().unwrap();
    let late = store.append_once(webhook("late").custody()).await;
    assert_eq!(late, Err(Unavailable::Closing.into()));
    let wal = home.path().join("payhook.db-wal").metadata();
    assert_eq!(wal.map_or(0, |wal| wal.len()), 0, "the WAL is carried over");
}

#[tokio::test]
async fn a_full_queue_is_told_at_once() {
    let home = TempDir::new().unwrap();
    let (block, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = Mutex::new(blocked);
    let options = Options {
        queue_jobs_max: 2,
        // Holds the writer up after its first commit.
        observer: Some(Arc::new(move |_| {
            // An error means that nobody holds the writer up any more.
            let _ = blocked.lock().unwrap().recv();
        })),
        ..Options::default()
    };
    let store = Arc::new(SqliteStore::open(home.path(), &options).unwrap());
    store.append_once(webhook("first").custody()).await.unwrap();
    let waiting: Vec<_> = ["a", "b"]
        .map(|event| {
            let store = Arc::clone(&store);
            let append = async move { store.append_once(webhook(event).custody()).await };
            Box::pin(append)
        })
        .into_iter()
        .collect();
    let mut set = tokio::task::JoinSet::new();
    for append in waiting {
        set.spawn(append);
    }
    while store.stats().waiting < 2 {
        tokio::task::yield_now().await;
    }
    let refused = store.append_once(webhook("c").custody()).await;
    assert_eq!(refused, Err(Unavailable::Overloaded.into()));
    drop(block);
    while let Some(appended) = set.join_next().await {
        appended.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_reader_beside_a_running_store_sees_all_that_is_committed() {
    let home = TempDir::new().unwrap();
    let store = open(home.path());
    fill(&store).await;
    let reader = SqliteStore::open_read_only(home.path(), &MasterSource::Generated).unwrap();
    assert_eq!(Observed::of(&reader).await, Observed::of(&store).await);
    store.append_once(webhook("later").custody()).await.unwrap();
    assert_eq!(Observed::of(&reader).await, Observed::of(&store).await);
    let refused = reader.append_once(webhook("mine").custody()).await;
    assert_eq!(refused, Err(Unavailable::Closing.into()));
    assert_eq!(
        reader.claim_due(NOW, Millis::new(1), 1),
        Err(Unavailable::Closing)
    );
    let of_payment = EventFilter {
        payment_id: Some("pay_1".into()),
        ..EventFilter::default()
    };
    let listed = reader.list_events(&of_payment, None, 100).unwrap();
    assert_eq!(listed.items.len(), 8);
    drop(store);
    assert_eq!(reader.feed_head().unwrap(), Sequence::new(22));
}

#[tokio::test]
async fn of_many_tasks_with_the_same_keys_each_key_is_stored_once() {
    let home = TempDir::new().unwrap();
    let store = Arc::new(open(home.path()));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..16 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let mut stored = 0;
            for number in 0..50 {
                let event = format!("evt_{}", (number + task * 7) % 50);
                let appended = store.append_once(webhook(&event).custody()).await.unwrap();
                stored += usize::from(appended.events[0].0 == Outcome::Stored);
            }
            stored
        });
    }
    let stored: usize = tasks.join_all().await.into_iter().sum();
    assert_eq!(stored, 50);
    assert_eq!(store.counts().unwrap().events, 50);
    assert_eq!(store.feed_head().unwrap(), Sequence::new(50));
    drop(store);
    sound(home.path());
}

#[tokio::test]
async fn a_sound_store_is_found_sound_open_and_closed() {
    let home = TempDir::new().unwrap();
    let store = open(home.path());
    sound(home.path());
    fill(&store).await;
    sound(home.path());
    drop(store);
    let mut rules = Vec::new();
    let findings = check(home.path(), |progress| rules.push(progress.rule)).unwrap();
    assert_eq!(findings, []);
    assert!(rules.len() > 10);
}

#[tokio::test]
async fn what_is_broken_by_hand_is_found() {
    let home = TempDir::new().unwrap();
    fill(&open(home.path())).await;
    let path = home.path().join("payhook.db");
    for (breaking, place) in [
        ("DELETE FROM events WHERE sequence = 20", "delivery 20"),
        ("UPDATE changes SET sequence = 99", "entries 21"),
        ("UPDATE changes SET previous = 7", "change 21"),
        ("UPDATE changes SET event = 50", "change 21"),
        ("UPDATE state SET cursor = 99", "cursor 99"),
        ("UPDATE state SET events = 1", "events: counted 1"),
        ("UPDATE state SET dead_letters = 1", "dead letters"),
        ("DELETE FROM deliveries WHERE id = 4", "event 4"),
        (
            "DELETE FROM event_keys WHERE sequence = 6",
            "event 6: it is not found",
        ),
        (
            "DELETE FROM payment_keys WHERE sequence = 6",
            "event 6: it is not found",
        ),
        (
            "UPDATE payment_keys SET timestamp = 1 WHERE sequence = 6",
            "event 6",
        ),
        (
            "UPDATE events SET event_id = 'evt_1' WHERE sequence = 9",
            "event 9: its event key",
        ),
        (
            "UPDATE events SET timestamp = 1 WHERE sequence = 9",
            "event 9",
        ),
        (
            "UPDATE events SET amount = 'x' WHERE sequence = 9",
            "event 9: the store holds",
        ),
        (
            "UPDATE executions SET event = 3 WHERE sequence = 1",
            "execution 1",
        ),
        (
            "UPDATE executions SET definition = 3 WHERE sequence = 1",
            "execution 1",
        ),
        (
            "DELETE FROM executions WHERE sequence = 1",
            "execution 1, step 1",
        ),
        ("UPDATE conflicts SET event = 77", "conflict 1"),
    ] {
        let sound = std::fs::read(&path).unwrap();
        let connection = Connection::open(&path).unwrap();
        assert!(connection.execute(breaking, []).unwrap() > 0, "{breaking}");
        drop(connection);
        let findings = check(home.path(), |_| ()).unwrap();
        let found = |finding: &Finding| finding.place.contains(place);
        assert!(findings.iter().any(found), "{breaking}: {findings:?}");
        std::fs::write(&path, sound).unwrap();
    }
    sound(home.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_stops_looking_after_so_many_events_and_says_where_to_go_on() {
    let directory = TempDir::new().expect("a directory");
    let store = Arc::new(open(directory.path()));
    // All at once, so that they share commits.
    let mut kept = tokio::task::JoinSet::new();
    for number in 0..2_050 {
        let store = Arc::clone(&store);
        let sent = webhook(&format!("evt_{number}"));
        kept.spawn(async move { store.append_once(sent.custody()).await });
    }
    for outcome in kept.join_all().await {
        outcome.expect("taken in");
    }
    let newest = store
        .list_events(&EventFilter::default(), None, 1)
        .expect("readable");
    let arrived = newest.items[0].record.status();
    for (status, found) in [(arrived, 2_050), ("completed", 0)] {
        let filter = EventFilter {
            status: Some(status.to_owned()),
            ..EventFilter::default()
        };
        let (mut places, mut before, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = store
                .list_events(&filter, before, 10_000)
                .expect("readable");
            places.extend(page.items.iter().map(|event| event.sequence.get()));
            pages += 1;
            match page.next {
                Some(next) => before = Some(next),
                None => break,
            }
        }
        assert_eq!((places.len(), pages), (found, 2), "{status}");
        assert!(places.windows(2).all(|two| two[0] > two[1]), "{status}");
    }
}
