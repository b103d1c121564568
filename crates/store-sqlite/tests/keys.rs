//! Keys: what stands in the file, which keys open it, and what becomes of it when they change.

use std::path::Path;
use std::sync::Arc;

use domain::settlement::SettlementChange;
use domain::stream::Sequence;
use domain::task::RecordChange;
use domain::time::{Millis, Timestamp};
use engine::store::{
    EventLog as _, ExecutionStatus, Executions as _, Inspect as _, KeyKeeper as _, Lease, Progress,
    Quarantine as _, QuarantineReason, StartExecution,
};
use rusqlite::Connection;
use store_sqlite::check::check;
use store_sqlite::{KEY_NAME, KeyProblem, MasterSource, OpenError, Options, SqliteStore};
use tempfile::TempDir;
use testbed::deliveries::webhook;
use testbed::observed::Observed;
use vault::key::MasterKey;
use vault::ring::MasterKeys;

const NOW: Timestamp = Timestamp::from_millis(9_000);

fn with(master: MasterSource) -> Options {
    Options {
        master,
        ..Options::default()
    }
}

fn open(directory: &Path) -> SqliteStore {
    SqliteStore::open(directory, &Options::default()).expect("a store that opens")
}

fn refusal(directory: &Path, master: &MasterSource) -> OpenError {
    let before = std::fs::read(directory.join("payhook.db")).expect("a database");
    let refused = SqliteStore::open(directory, &with(master.clone())).expect_err("no key");
    let looking = SqliteStore::open_read_only(directory, master).expect_err("no key");
    assert_eq!(looking.to_string(), refused.to_string());
    let after = std::fs::read(directory.join("payhook.db")).expect("a database");
    assert!(before == after, "a store that was refused has changed");
    refused
}

/// Everything that holds what was received or quotes it, each with a word that is nowhere else.
async fn fill(store: &SqliteStore) {
    for number in 0..20 {
        let sent = webhook(&format!("evt_{number}")).note("word-of-the-body");
        store.append_once(sent.custody()).await.expect("taken in");
    }
    let other = webhook("evt_3").note("word-of-the-conflict");
    store.append_once(other.custody()).await.expect("taken in");
    let start = StartExecution {
        sequence: Sequence::new(1),
        started_at: NOW,
    };
    let started = store.start_all(vec![start], [1; 32], Sequence::new(20));
    started.await.expect("started");
    let claimed = store.claim_due(NOW, Millis::new(100), 1).expect("claimed");
    let progress = Progress {
        sequence: claimed[0].sequence,
        generation: claimed[0].generation,
        status: ExecutionStatus::Failed,
        snapshot: "word-of-the-snapshot".into(),
        steps: vec!["word-of-the-step".into()],
        changes: vec![RecordChange {
            key: claimed[0].change.key.clone(),
            change: SettlementChange::Fail {
                error: "Declined".into(),
                cause: "word-of-the-cause".into(),
            },
        }],
        due_at: None,
        lease: Lease::Release,
        at: NOW,
    };
    store.commit(progress).await.expect("committed");
    let refused = webhook("evt_x").note("word-of-the-refused");
    let refused = refused.quarantined(QuarantineReason::SignatureMismatch);
    store.quarantine(refused.clone()).await.expect("kept");
    store.quarantine(refused).await.expect("counted");
}

#[tokio::test]
async fn nothing_that_was_received_stands_in_the_files() {
    let home = TempDir::new().unwrap();
    let store = open(home.path());
    fill(&store).await;
    for name in ["payhook.db", "payhook.db-wal"] {
        let bytes = std::fs::read(home.path().join(name)).unwrap();
        let stands = |word: &[u8]| bytes.windows(word.len()).any(|each| each == word);
        assert!(!stands(b"word-of-the-"), "{name}");
        assert!(!stands(b"x-webhook-signature"), "a header in {name}");
    }
    drop(store);
    let bytes = std::fs::read(home.path().join("payhook.db")).unwrap();
    let stands = |word: &[u8]| bytes.windows(word.len()).any(|each| each == word);
    assert!(stands(b"evt_1") && !stands(b"word-of-the-"));
}

#[tokio::test]
async fn a_value_that_is_moved_or_altered_does_not_open() {
    let moves = [
        "UPDATE deliveries SET body = (SELECT body FROM deliveries WHERE id = 2) WHERE id = 1",
        "UPDATE deliveries SET body = headers WHERE id = 1",
        "UPDATE deliveries SET body = substr(body, 1, length(body) - 1) WHERE id = 1",
        "UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE delivery = 2)
         WHERE delivery = 1",
        // Both: the key of a delivery is bound to its row.
        "UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE delivery = 2)
         WHERE delivery = 1;
         UPDATE deliveries SET body = (SELECT body FROM deliveries WHERE id = 2),
                               headers = (SELECT headers FROM deliveries WHERE id = 2)
         WHERE id = 1",
    ];
    for sql in moves {
        let home = TempDir::new().unwrap();
        let store = open(home.path());
        fill(&store).await;
        drop(store);
        let connection = Connection::open(home.path().join("payhook.db")).unwrap();
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let store = open(home.path());
        assert!(store.event_at(Sequence::new(1)).is_err(), "{sql}");
        assert!(store.event_at(Sequence::new(2)).is_ok(), "{sql}");
    }
}

#[tokio::test]
async fn a_store_opens_with_its_own_key_and_with_no_other() {
    let home = TempDir::new().unwrap();
    let store = open(home.path());
    fill(&store).await;
    let seen = Observed::of(&store).await;
    drop(store);
    let key = home.path().join(KEY_NAME);
    let aside = home.path().join("aside");
    std::fs::rename(&key, &aside).unwrap();
    let refused = refusal(home.path(), &MasterSource::Generated);
    let absent = matches!(&refused, OpenError::Keys(KeyProblem::Absent { .. }));
    assert!(
        absent && refused.to_string().contains("master.key"),
        "{refused}"
    );
    let other = MasterKeys::new(MasterKey::generate().unwrap(), Vec::new());
    let refused = refusal(home.path(), &MasterSource::Given(other.clone()));
    assert!(
        matches!(&refused, OpenError::Keys(KeyProblem::Wrong { given, .. })
            if given == &[other.current()]),
        "{refused}"
    );
    assert!(!key.exists(), "no key is made for a store that has one");
    std::fs::rename(&aside, &key).unwrap();
    assert_eq!(Observed::of(&open(home.path())).await, seen);
}

#[tokio::test]
async fn another_master_key_takes_over_and_the_old_one_is_of_no_use_then() {
    let home = TempDir::new().unwrap();
    let store = open(home.path());
    fill(&store).await;
    let seen = Observed::of(&store).await;
    drop(store);
    // The key that the store made for itself is found where it made it.
    let given = MasterKeys::new(MasterKey::generate().unwrap(), Vec::new());
    let master = MasterSource::Given(given.clone());
    let store = SqliteStore::open(home.path(), &with(master.clone())).unwrap();
    assert_eq!(Observed::of(&store).await, seen);
    let keys = store.keys().unwrap();
    assert_eq!(keys.wrapping[0].master, given.current().to_string());
    drop(store);
    let refused = refusal(home.path(), &MasterSource::Generated);
    assert!(
        matches!(refused, OpenError::Keys(KeyProblem::Wrong { .. })),
        "{refused}"
    );
    std::fs::remove_file(home.path().join(KEY_NAME)).unwrap();
    let looking = SqliteStore::open_read_only(home.path(), &master).unwrap();
    assert_eq!(Observed::of(&looking).await, seen);
    assert_eq!(check(home.path(), |_| ()).unwrap(), []);
}

#[tokio::test]
async fn keys_are_rotated_and_wrapped_anew_while_everything_goes_on() {
    let home = TempDir::new().unwrap();
    let store = Arc::new(open(home.path()));
    fill(&store).await;
    assert_eq!(store.rotate_key(NOW).await, Ok(2));
    store
        .append_once(webhook("evt_new").custody())
        .await
        .unwrap();
    let wraps = |store: &SqliteStore| -> Vec<(u64, u64)> {
        let keys = store.keys().unwrap().wrapping.into_iter();
        keys.map(|key| (key.id, key.wraps)).collect()
    };
    assert_eq!(wraps(&store), [(2, 1), (1, 21)]);
    let seen = Observed::of(&*store).await;
    // Broken off in the middle, by an end of the process: begun anew it goes on.
    let round = store.rewrap(0, 8).await.unwrap();
    assert_eq!(round.done, 8);
    assert_eq!(wraps(&store), [(2, 9), (1, 13)]);
    drop(store);
    let store = open(home.path());
    assert_eq!(Observed::of(&store).await, seen);
    let (mut next, mut done) = (Some(0), 0);
    while let Some(after) = next {
        let round = store.rewrap(after, 5).await.unwrap();
        (next, done) = (round.next, done + round.done);
    }
    assert_eq!(done, 13);
    assert_eq!(wraps(&store), [(2, 22)], "the old key is gone");
    assert_eq!(Observed::of(&store).await, seen);
    // Its number is not given again, whatever becomes of the newest.
    assert_eq!(store.rotate_key(NOW).await, Ok(3));
    drop(store);
    let store = open(home.path());
    assert_eq!(Observed::of(&store).await, seen);
    assert_eq!(check(home.path(), |_| ()).unwrap(), []);
}
