//! Stores of the last format without keys: all that they hold is there, before they are sealed,
//! while they are, and after.

use std::path::Path;

use domain::delivery::BodyHash;
use domain::event::EventId;
use domain::settlement::{Settlement, SettlementChange};
use domain::stream::Sequence;
use domain::task::RecordChange;
use domain::time::{Millis, Timestamp};
use domain::trace::TraceId;
use engine::store::{
    ExecutionStatus, Executions as _, Inspect as _, KeyKeeper as _, Lease, Progress,
    Quarantine as _, QuarantineReason, QuarantineWard as _, QuarantinedDelivery,
};
use rusqlite::Connection;
use testbed::deliveries::webhook;
use testbed::observed::Observed;

use crate::codec;
use crate::migrate::MIGRATIONS;
use crate::schema::APPLICATION_ID;
use crate::{Options, SqliteStore};

/// The last format that had no keys.
const WITHOUT_KEYS: usize = 6;

/// Words that stand in what was received, and nowhere else.
const WORDS: &[&str] = &["body-word", "header-word", "quoted-word", "lived-word"];

/// Makes a store of the last format without keys. Event 1 has an id; event 2 is its body's hash; 3
/// came with other bytes too. Executions: one has failed, one has just been started.
fn make(directory: &Path) {
    let connection = Connection::open(directory.join("payhook.db")).unwrap();
    for script in &MIGRATIONS[..WITHOUT_KEYS] {
        connection.execute_batch(script).unwrap();
    }
    let pragma = |name, value| connection.pragma_update(None, name, value).unwrap();
    pragma("application_id", APPLICATION_ID);
    pragma("user_version", i32::try_from(WITHOUT_KEYS).unwrap());
    let headers = codec::pack([&b"x-note"[..], b"header-word"]);
    let insert = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        assert_eq!(connection.execute(sql, values).unwrap(), 1, "{sql}");
    };
    for (place, id) in [(1_i64, Some("evt_1")), (2, None), (3, Some("evt_3"))] {
        let body = format!("{{\"body-word\":{place}}}").into_bytes();
        let at = place * 1_000;
        insert(
            "INSERT INTO deliveries VALUES (?1, ?2, 'main', zeroblob(16), ?3, ?4, NULL)",
            &[&place, &at, &headers, &body],
        );
        insert(
            "INSERT INTO events VALUES (?1, ?1, 'pay', ?2, 'generic', ?3, '10', 'EUR', 'paid',
                                        'testbed', NULL)",
            &[&place, &at, &id],
        );
    }
    let other = b"other body-word".to_vec();
    insert(
        "INSERT INTO conflicts VALUES (1, 3, ?1, 4000, 2, ?2, ?3)",
        &[codec::hash_of(&other).as_bytes(), &headers, &other],
    );
    insert(
        "INSERT INTO definitions VALUES (1, ?1, 'text')",
        &[&[1_u8; 32]],
    );
    let lived = b"lived-word".to_vec();
    insert(
        "INSERT INTO executions VALUES (1, 1, 2, 1, 1, 4000, 4001, NULL, ?1)",
        &[&lived],
    );
    insert(
        "INSERT INTO executions VALUES (2, 2, 0, 0, 1, 4000, 4000, 4000, NULL)",
        &[],
    );
    insert(
        "INSERT INTO steps VALUES (1, 1, 4001, ?1)",
        &[&codec::pack([&lived[..], b"lived-word again"])],
    );
    insert(
        "INSERT INTO changes VALUES (4, 1, NULL, 4001, 3, 'Declined', 'quoted-word')",
        &[],
    );
    let refused = b"refused body-word".to_vec();
    insert(
        "INSERT INTO quarantine VALUES (1, 'generic', ?1, 3, 5000, 5000, 1, zeroblob(16), 17, ?2, ?3)",
        &[codec::hash_of(&refused).as_bytes(), &headers, &refused],
    );
    let counted = connection.execute_batch(
        "UPDATE state SET head = 4, cursor = 4, events = 3, running = 1, dead_letters = 1,
                          quarantined = 1, quarantined_bytes = 17, conflicts = 1;",
    );
    counted.unwrap();
}

fn open(directory: &Path) -> SqliteStore {
    SqliteStore::open(directory, &Options::default()).unwrap()
}

/// How many of [`WORDS`] stand in the files of a store that is closed.
fn words_in(directory: &Path) -> usize {
    WORDS.iter().filter(|word| stands(directory, word)).count()
}

fn stands(directory: &Path, word: &str) -> bool {
    let bytes = std::fs::read(directory.join("payhook.db")).unwrap();
    bytes
        .windows(word.len())
        .any(|each| each == word.as_bytes())
}

#[tokio::test]
async fn an_old_store_is_read_as_it_is_and_sealed_round_by_round() {
    let home = tempfile::TempDir::new().unwrap();
    make(home.path());
    let store = open(home.path());
    let before = Observed::of(&store).await;
    let second = store
        .event_at(Sequence::new(2))
        .unwrap()
        .unwrap()
        .summary
        .record;
    assert_eq!(&*second.raw_payload, b"{\"body-word\":2}");
    let hash: BodyHash = codec::hash_of(b"{\"body-word\":2}");
    assert_eq!(second.event_key.id, EventId::Body(hash));
    let failed = store.event_at(Sequence::new(1)).unwrap().unwrap();
    assert!(matches!(
        &failed.summary.record.settlement,
        Settlement::Failed { cause, .. } if cause == "quoted-word"
    ));
    let keys = store.keys().unwrap();
    assert_eq!((keys.unsealed, keys.wrapping.len()), (4, 1));
    drop(store);
    assert_eq!(words_in(home.path()), WORDS.len());

    // One at a time, and each time as if the process had died after it.
    let mut rounds = 0;
    loop {
        let store = open(home.path());
        let rewrapped = store.rewrap(0, 1).await.unwrap();
        assert_eq!(Observed::of(&store).await, before, "round {rounds}");
        drop(store);
        rounds += 1;
        if rewrapped.next.is_none() {
            break;
        }
    }
    assert_eq!(
        rounds, 5,
        "a refused delivery, three deliveries, and nothing"
    );
    let store = open(home.path());
    assert_eq!(store.keys().unwrap().unsealed, 0);
    drop(store);
    assert_eq!(words_in(home.path()), 0);
    assert_eq!(crate::check::check(home.path(), |_| ()).unwrap(), []);
}

#[tokio::test]
async fn what_is_written_about_an_old_event_is_sealed_from_the_first_word() {
    let home = tempfile::TempDir::new().unwrap();
    make(home.path());
    let store = open(home.path());
    let now = Timestamp::from_millis(9_000);
    let claimed = store.claim_due(now, Millis::new(100), 9).unwrap();
    let [claimed] = &claimed[..] else {
        panic!("one is due: {claimed:?}");
    };
    let progress = Progress {
        sequence: claimed.sequence,
        generation: claimed.generation,
        status: ExecutionStatus::Failed,
        snapshot: "new snapshot".into(),
        steps: vec!["new step".into()],
        changes: vec![RecordChange {
            key: claimed.change.key.clone(),
            change: SettlementChange::Fail {
                error: "Declined".into(),
                cause: "new cause".into(),
            },
        }],
        due_at: None,
        lease: Lease::Release,
        at: now,
    };
    store.commit(progress).await.unwrap();
    let refused = webhook("evt_x").quarantined(QuarantineReason::SignatureMismatch);
    store.quarantine(refused).await.unwrap();
    let seen = Observed::of(&store).await;
    assert_eq!(
        seen.executions[0].snapshot.as_deref(),
        Some(&b"new snapshot"[..])
    );
    drop(store);
    for word in ["new snapshot", "new step", "new cause", "evt_x"] {
        assert!(!stands(home.path(), word), "{word}");
    }
    let store = open(home.path());
    while store.rewrap(0, 500).await.unwrap().next.is_some() {}
    assert_eq!(Observed::of(&store).await, seen);
}

#[tokio::test]
async fn a_refused_delivery_of_old_that_comes_again_is_sealed() {
    let home = tempfile::TempDir::new().unwrap();
    make(home.path());
    let store = open(home.path());
    let (_, delivery) = store.quarantined(1).unwrap().unwrap();
    let again = QuarantinedDelivery {
        delivery,
        reason: QuarantineReason::SignatureMismatch,
        trace: TraceId::from_bytes([1; 16]),
    };
    store.quarantine(again.clone()).await.unwrap();
    let (summary, delivery) = store.quarantined(1).unwrap().unwrap();
    assert_eq!((summary.count, delivery), (2, again.delivery));
    drop(store);
    assert!(!stands(home.path(), "refused body-word"));
}
