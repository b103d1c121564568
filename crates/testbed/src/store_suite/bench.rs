//! What every case of the suite works with: one store, and short words for what is done to it.

use std::future::Future;
use std::ops::Deref;

use bytes::Bytes;
use domain::record::RecordKey;
use domain::settlement::SettlementChange;
use domain::stream::{Change, Sequence};
use domain::task::RecordChange;
use domain::time::{Millis, Timestamp};
use engine::store::{
    Claimed, Committed, DefinitionId, EventLog as _, ExecutionStatus, Executions as _, Lease,
    Outcome, Progress, QuarantineBounds, StartExecution, Store,
};
use engine::wakeup::Wakeup;

use super::{Custodian as _, Ending, Opener, Seen, StoreOpener};
use crate::deliveries::{Webhook, webhook};
use crate::observed::Observed;

/// A store at its place.
pub(crate) struct Bench<O: Opener> {
    opener: O,
    store: O::Store,
}

/// Room for everything, where a case is not about the bounds.
pub(crate) const WIDE: QuarantineBounds = QuarantineBounds {
    deliveries_max: 1_000,
    bytes_max: 1_000_000,
};

/// The definition that executions are started with where nothing else is said.
pub(crate) const DEFINITION: DefinitionId = [0xD1; 32];

/// The lease that is claimed where nothing else is said.
pub(crate) const LEASE: Millis = Millis::new(100);

pub(crate) const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) const fn seq(number: u64) -> Sequence {
    Sequence::new(number)
}

impl<O: Opener> Deref for Bench<O> {
    type Target = O::Store;

    fn deref(&self) -> &O::Store {
        &self.store
    }
}

impl<O: Opener> Bench<O> {
    pub(crate) async fn new() -> Self {
        Self::bounded(WIDE).await
    }

    pub(crate) async fn bounded(bounds: QuarantineBounds) -> Self {
        let mut opener = O::new(bounds);
        let store = opener.open().await;
        Self { opener, store }
    }

    pub(crate) async fn reopened(mut self, ending: Ending) -> Self {
        self.opener.end(self.store, ending).await;
        self.store = self.opener.open().await;
        self
    }

    pub(crate) async fn seen(&self) -> Seen {
        self.store.seen().await
    }

    pub(crate) async fn append(&self, sent: &Webhook) -> (Outcome, RecordKey) {
        let appended = self.append_once(sent.custody()).await;
        let mut events = appended.expect("an append succeeds").events;
        assert_eq!(events.len(), 1, "one event, one outcome");
        events.remove(0)
    }
}

impl<O: StoreOpener> Bench<O> {
    /// A store with `count` events of as many payments, and an execution for each, started
    /// at 10, 20, 30 … in the feed's order.
    pub(crate) async fn with_started(count: u64) -> Self {
        let bench = Self::new().await;
        bench
            .keep_definition(DEFINITION, "{}".to_owned())
            .await
            .expect("a definition is kept");
        for number in 1..=count {
            let sent = webhook(&format!("evt_{number}")).payment(&format!("pay_{number}"));
            bench.append(&sent).await;
            let started_at = i64::try_from(number * 10).expect("few");
            bench.start(number, started_at).await;
        }
        bench
    }

    pub(crate) async fn start(&self, sequence: u64, started_at: i64) {
        let start = StartExecution {
            sequence: seq(sequence),
            started_at: at(started_at),
        };
        self.start_all(vec![start], DEFINITION, seq(sequence))
            .await
            .expect("a start succeeds");
    }

    pub(crate) async fn observed(&self) -> Observed {
        Observed::of(&self.store).await
    }

    pub(crate) fn feed(&self) -> Vec<Change> {
        feed(&self.store)
    }

    /// Claims what is due, as sequences.
    pub(crate) fn claim_numbers(&self, now: i64, limit: usize) -> Vec<u64> {
        let claimed = self.claim_due(at(now), LEASE, limit);
        let claimed = claimed.expect("a claim succeeds");
        claimed.iter().map(|each| each.sequence.get()).collect()
    }

    pub(crate) fn claim(&self, sequence: u64, now: i64) -> Claimed {
        self.try_claim(sequence, now).expect("nobody holds it")
    }

    pub(crate) fn try_claim(&self, sequence: u64, now: i64) -> Option<Claimed> {
        self.claim_one(seq(sequence), at(now), LEASE)
            .expect("a claim succeeds")
    }

    pub(crate) async fn committed(&self, progress: Progress) -> Committed {
        self.commit(progress).await.expect("a commit succeeds")
    }

    /// Moves an execution that nobody holds, and expects that it is done.
    pub(crate) async fn moved(&self, sequence: u64, now: i64, alter: impl FnOnce(&mut Progress)) {
        let mut progress = progress(&self.claim(sequence, now), now);
        alter(&mut progress);
        assert_eq!(self.committed(progress).await, Committed::Done);
    }
}

/// The whole feed of any store.
pub(crate) fn feed<S: Store>(store: &S) -> Vec<Change> {
    let read = store.read_after(Sequence::START, usize::MAX, &|_| true);
    read.expect("the feed is readable").0
}

/// A step that goes on: running, due at `now`, no change, the lease given back.
pub(crate) fn progress(claimed: &Claimed, now: i64) -> Progress {
    Progress {
        sequence: claimed.sequence,
        generation: claimed.generation,
        status: ExecutionStatus::Running,
        snapshot: Bytes::from(format!("snapshot {}", claimed.generation + 1)),
        steps: vec![Bytes::from(format!("step {}", claimed.generation + 1))],
        changes: Vec::new(),
        due_at: Some(at(now)),
        lease: Lease::Release,
        at: at(now),
    }
}

pub(crate) fn claim_of(key: &RecordKey, execution: &str) -> RecordChange {
    let execution = execution.to_owned();
    RecordChange {
        key: key.clone(),
        change: SettlementChange::Claim { execution },
    }
}

pub(crate) fn complete_of(key: &RecordKey, transaction: &str) -> RecordChange {
    RecordChange {
        key: key.clone(),
        change: SettlementChange::Complete {
            transaction_id: transaction.to_owned(),
            processed_at: at(77),
        },
    }
}

pub(crate) fn fail_of(key: &RecordKey, error: &str) -> RecordChange {
    RecordChange {
        key: key.clone(),
        change: SettlementChange::Fail {
            error: error.to_owned(),
            cause: "because".to_owned(),
        },
    }
}

/// Takes the hints that were given so far.
pub(crate) async fn drain(wakeup: &Wakeup) {
    let at_once = std::time::Duration::ZERO;
    while tokio::time::timeout(at_once, wakeup.wait()).await.is_ok() {}
}

/// Waits for a hint that must come.
pub(crate) async fn expect_wakeup(wakeup: &Wakeup, why: &str) {
    let long = std::time::Duration::from_secs(10);
    let woken = tokio::time::timeout(long, wakeup.wait()).await;
    assert!(woken.is_ok(), "a wake-up after {why}");
}

/// Does the same in `count` threads at once, each with its number.
pub(crate) fn at_once<T, F>(count: usize, work: impl Fn(usize) -> F + Sync) -> Vec<T>
where
    T: Send,
    F: Future<Output = T>,
{
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..count)
            .map(|number| scope.spawn(move || super::block_on(work(number))))
            .collect();
        let results = threads.into_iter().map(|thread| thread.join());
        results.map(|result| result.expect("no panic")).collect()
    })
}
