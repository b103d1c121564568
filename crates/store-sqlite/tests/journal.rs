//! The chain over the feed: whatever is altered, removed, added, swapped or cut off with plain SQL is
//! found, and nothing is found where nobody was.

use std::path::Path;

use domain::settlement::SettlementChange;
use domain::stream::Sequence;
use domain::task::RecordChange;
use domain::time::{Millis, Timestamp};
use engine::store::{
    EventLog as _, ExecutionStatus, Executions as _, KeyKeeper as _, Lease, Progress, Shred,
    Shredded, Shredding as _, StartExecution,
};
use rusqlite::Connection;
use store_sqlite::check::check;
use store_sqlite::journal::TamperingKind::{Added, Altered, CutOff, Removed};
use store_sqlite::journal::{self, JournalHead, KnownLink, Tampering, TamperingKind};
use store_sqlite::{Options, SqliteStore};
use tempfile::TempDir;
use testbed::deliveries::webhook;

const NOW: Timestamp = Timestamp::from_millis(9_000);

fn open(directory: &Path) -> SqliteStore {
    SqliteStore::open(directory, &Options::default()).expect("a store that opens")
}

/// Ten events, two changes of the first, and one more event: places 1 to 13.
async fn fill(store: &SqliteStore) {
    for number in 1..=10 {
        let sent = webhook(&format!("evt_{number}")).payment(&format!("pay_{number}"));
        store.append_once(sent.custody()).await.expect("taken in");
    }
    let start = StartExecution {
        sequence: Sequence::new(1),
        started_at: NOW,
    };
    let started = store.start_all(vec![start], [1; 32], Sequence::new(10));
    started.await.expect("started");
    let claimed = store.claim_due(NOW, Millis::new(100), 1).expect("claimed");
    let key = &claimed[0].change.key;
    let change = |change| RecordChange {
        key: key.clone(),
        change,
    };
    let progress = Progress {
        sequence: claimed[0].sequence,
        generation: claimed[0].generation,
        status: ExecutionStatus::Failed,
        snapshot: "snapshot".into(),
        steps: vec!["step".into()],
        changes: vec![
            change(SettlementChange::Claim {
                execution: "x".into(),
            }),
            change(SettlementChange::Fail {
                error: "Declined".into(),
                cause: "because".into(),
            }),
        ],
        due_at: None,
        lease: Lease::Release,
        at: NOW,
    };
    store.commit(progress).await.expect("committed");
    let last = webhook("evt_last").payment("pay_last");
    store.append_once(last.custody()).await.expect("taken in");
}

fn verify(directory: &Path, known: &[KnownLink]) -> Vec<(u64, TamperingKind)> {
    let report = journal::verify(directory, known, |_, _| ()).expect("a readable store");
    let told = |found: &Tampering| (found.sequence.get(), found.kind);
    report.found.iter().map(told).collect()
}

fn known(head: JournalHead) -> KnownLink {
    KnownLink {
        sequence: head.sequence,
        link: head.link,
    }
}

async fn filled() -> TempDir {
    let home = TempDir::new().expect("a temporary directory");
    let store = open(home.path());
    fill(&store).await;
    drop(store);
    home
}

fn tamper(directory: &Path, sql: &str) {
    let connection = Connection::open(directory.join("payhook.db")).expect("a database");
    connection.execute_batch(sql).expect("plain SQL");
}

/// What somebody does with plain SQL, and what is found.
type Case = (&'static str, &'static [(u64, TamperingKind)]);

const CASES: &[Case] = &[
    (
        "UPDATE events SET amount = '1000' WHERE sequence = 4",
        &[(4, Altered)],
    ),
    (
        "UPDATE events SET payment_id = 'pay_x' WHERE sequence = 4",
        &[(4, Altered)],
    ),
    (
        "UPDATE events SET timestamp = timestamp + 1 WHERE sequence = 4",
        &[(4, Altered)],
    ),
    (
        "UPDATE events SET meaning = '{}' WHERE sequence = 4",
        &[(4, Altered)],
    ),
    (
        "UPDATE events SET link = zeroblob(32) WHERE sequence = 4",
        &[(4, Altered), (5, Altered)],
    ),
    (
        "UPDATE events SET link = NULL WHERE sequence = 4",
        &[(4, Altered)],
    ),
    (
        "UPDATE deliveries SET received_at = 1 WHERE id = 4",
        &[(4, Altered)],
    ),
    (
        "UPDATE deliveries SET body = zeroblob(length(body)) WHERE id = 4",
        &[(4, Altered)],
    ),
    (
        "UPDATE deliveries SET secret_label = 'x' WHERE id = 4",
        &[(4, Altered)],
    ),
    ("DELETE FROM deliveries WHERE id = 4", &[(4, Altered)]),
    (
        "UPDATE changes SET reference = 'Approved' WHERE sequence = 12",
        &[(12, Altered)],
    ),
    (
        "UPDATE changes SET detail = 'because' WHERE sequence = 12",
        &[(12, Altered)],
    ),
    (
        "UPDATE changes SET settlement = 2 WHERE sequence = 12",
        &[(12, Altered)],
    ),
    ("DELETE FROM events WHERE sequence = 4", &[(4, Removed)]),
    (
        "DELETE FROM events WHERE sequence IN (4, 5)",
        &[(4, Removed), (5, Removed)],
    ),
    ("DELETE FROM changes WHERE sequence = 11", &[(11, Removed)]),
    (SWAP, &[(2, Altered), (3, Altered), (4, Altered)]),
    ("DELETE FROM events WHERE sequence = 13", &[(13, CutOff)]),
    (
        "INSERT INTO changes (sequence, event, at, settlement) VALUES (4, 4, 1, 2)",
        &[(4, Added)],
    ),
    (
        "INSERT INTO changes (sequence, event, at, settlement) VALUES (14, 4, 1, 2)",
        &[(14, Altered), (14, Added)],
    ),
    ("UPDATE state SET head = 12", &[(13, Added)]),
    ("UPDATE state SET link = zeroblob(32)", &[(13, Altered)]),
];

/// Two events change places.
const SWAP: &str = "UPDATE events SET sequence = -2 WHERE sequence = 2;
                UPDATE events SET sequence = 2 WHERE sequence = 3;
                UPDATE events SET sequence = 3 WHERE sequence = -2;";

#[tokio::test]
async fn whatever_is_done_to_the_feed_with_plain_sql_is_found_where_it_was_done() {
    for (sql, expected) in CASES {
        let home = filled().await;
        assert_eq!(verify(home.path(), &[]), [], "before");
        tamper(home.path(), sql);
        assert_eq!(&verify(home.path(), &[])[..], *expected, "{sql}");
        assert!(!check(home.path(), |_| ()).unwrap().is_empty(), "{sql}");
    }
}

#[tokio::test]
async fn a_chain_that_was_written_anew_is_found_by_a_checkpoint() {
    let home = filled().await;
    let checkpoint = known(journal::head(home.path()).unwrap());
    assert_eq!(checkpoint.sequence, Sequence::new(13));
    assert_eq!(verify(home.path(), &[checkpoint]), []);
    // It still holds when more has come.
    let store = open(home.path());
    store
        .append_once(webhook("evt_more").custody())
        .await
        .unwrap();
    drop(store);
    assert_eq!(verify(home.path(), &[checkpoint]), []);
    // Who cuts the end off and puts the store right knows its links, too.
    tamper(
        home.path(),
        "DELETE FROM events WHERE sequence >= 13; DELETE FROM deliveries WHERE id >= 13;
         DELETE FROM data_keys WHERE delivery >= 13;
         UPDATE state SET head = 12, events = 10, indexed = min(indexed, 12),
                          link = (SELECT link FROM changes WHERE sequence = 12);",
    );
    assert_eq!(verify(home.path(), &[]), [], "nothing contradicts it here");
    assert_eq!(
        verify(home.path(), &[checkpoint]),
        [(13, TamperingKind::CutOff)]
    );
    // And who lets it grow again makes another chain.
    let store = open(home.path());
    store
        .append_once(webhook("evt_other").custody())
        .await
        .unwrap();
    drop(store);
    assert_eq!(verify(home.path(), &[]), []);
    assert_eq!(
        verify(home.path(), &[checkpoint]),
        [(13, TamperingKind::WrittenAnew)]
    );
}

#[tokio::test]
async fn shredding_and_other_keys_leave_the_chain_as_it_is() {
    let home = filled().await;
    let before = journal::head(home.path()).unwrap();
    let store = open(home.path());
    let shred = Shred {
        events: vec![Sequence::new(1)],
        with_others: false,
        with_unread: false,
        at: NOW,
    };
    // The last entries were not read yet, and are not asked for.
    let moved = store
        .start_all(Vec::new(), [1; 32], Sequence::new(13))
        .await;
    moved.unwrap();
    let shredded = store.shred(shred).await.unwrap();
    assert!(matches!(shredded, Shredded::Done { .. }), "{shredded:?}");
    store.rotate_key(NOW).await.unwrap();
    while store.rewrap(0, 100).await.unwrap().next.is_some() {}
    drop(store);
    assert_eq!(journal::head(home.path()).unwrap(), before);
    assert_eq!(verify(home.path(), &[known(before)]), []);
    assert_eq!(check(home.path(), |_| ()).unwrap(), []);
}

#[tokio::test]
async fn an_empty_store_has_a_chain_with_nothing_in_it() {
    let home = TempDir::new().unwrap();
    drop(open(home.path()));
    let head = journal::head(home.path()).unwrap();
    assert_eq!(
        (head.sequence, head.chained_after),
        (Sequence::START, Sequence::START)
    );
    assert_eq!(verify(home.path(), &[]), []);
}

#[tokio::test]
async fn nothing_of_a_destroyed_key_stays_in_the_files() {
    let home = filled().await;
    let wrapped = |directory: &Path| -> Vec<u8> {
        let connection = Connection::open(directory.join("payhook.db")).unwrap();
        let sql = "SELECT wrapped FROM data_keys WHERE delivery = 1";
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let key = wrapped(home.path());
    let store = open(home.path());
    let moved = store
        .start_all(Vec::new(), [1; 32], Sequence::new(13))
        .await;
    moved.unwrap();
    let shred = Shred {
        events: vec![Sequence::new(1)],
        with_others: false,
        with_unread: false,
        at: NOW,
    };
    store.shred(shred).await.unwrap();
    // While the store is open: the log is emptied behind the answer, at latest with the next write.
    store
        .append_once(webhook("evt_after").custody())
        .await
        .unwrap();
    store
        .append_once(webhook("evt_after_that").custody())
        .await
        .unwrap();
    for name in ["payhook.db", "payhook.db-wal"] {
        let bytes = std::fs::read(home.path().join(name)).unwrap();
        let stands = bytes.windows(key.len()).any(|each| each == key);
        assert!(!stands, "{name}");
    }
}
