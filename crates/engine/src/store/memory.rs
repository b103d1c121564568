//! The store you can read: every role in plain maps. What it does is what the ports mean.
//!
//! One mutex holds everything, so that a write is visible as a whole or not at all; writes
//! complete at once. [`MemoryDisk`] is what would be on a disk: it survives
//! [`MemoryStore::crash`], leases and waiters do not. It is a reference for the other stores
//! and the simulator's world, never a production store.

mod alert_book;
mod audit;
mod change_feed;
mod endpoints;
mod event_log;
mod executions;
mod faults;
mod inspect;
mod quarantine;
mod requests;
mod settlements;
mod trends;
mod shredding;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use domain::admit::Vouched;
use domain::delivery::Headers;
use domain::event::EventKeyDigest;
use domain::notification::{EndpointName, Health};
use domain::payment::Anomaly;
use domain::record::{EventRecord, RecordKey};
use domain::stream::{Change, ChangeKind, Sequence};
use domain::time::Timestamp;

use super::{
    Acks, Act, ActEnd, ConflictSummary, DefinitionId, ExecutionStatus, QuarantineBounds,
    RequestKey, Unavailable,
};
use crate::wakeup::Wakeup;

pub use faults::{FaultMoment, WriteFault};

/// A store in the memory of this process.
#[derive(Debug)]
pub struct MemoryStore {
    running: Mutex<Running>,
    quarantine_bounds: QuarantineBounds,
    feed_wakeup: Wakeup,
    due_wakeup: Wakeup,
}

/// What is committed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MemoryDisk {
    records: BTreeMap<RecordKey, Kept>,
    claims: BTreeMap<EventKeyDigest, RecordKey>,
    feed: Vec<Change>,
    cursor: Sequence,
    executions: BTreeMap<Sequence, executions::Execution>,
    definitions: BTreeMap<DefinitionId, String>,
    quarantined: BTreeMap<u64, quarantine::Quarantined>,
    /// The newest id that was ever given in the quarantine.
    quarantine_id: u64,
    /// In order; the place is the id, counted from 1.
    anomalies: Vec<(Sequence, RecordKey, Anomaly)>,
    /// In order; the place is the id, counted from 1.
    acts: Vec<(Act, Option<ActEnd>)>,
    /// Those that do not fare as if nothing had ever happened.
    endpoints: BTreeMap<EndpointName, Health>,
    alert_book: Option<String>,
    requests: BTreeMap<RequestKey, requests::Taken>,
    /// By minute since 1970.
    endings: BTreeMap<(i64, ExecutionStatus), u64>,
    /// By minute since 1970.
    acks: BTreeMap<i64, Acks>,
}

/// One event with what came beside it.
#[derive(Debug, Clone, PartialEq)]
struct Kept {
    record: EventRecord,
    headers: Headers,
    secret_label: String,
    vouched: Vouched,
    inserted: Sequence,
    /// The insertion of the first event that its delivery brought.
    delivery: Sequence,
    conflicts: Vec<ConflictSummary>,
    anomalies: Vec<Anomaly>,
}

/// A process and its disk.
#[derive(Debug, Default)]
struct Running {
    disk: MemoryDisk,
    /// Until when each held execution is held.
    leases: BTreeMap<Sequence, Timestamp>,
    faults: faults::Faults,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(quarantine_bounds: QuarantineBounds) -> Self {
        Self::reopen(MemoryDisk::default(), quarantine_bounds)
    }

    /// A store that goes on with what an earlier one had committed. Nobody holds a lease.
    pub fn reopen(disk: MemoryDisk, quarantine_bounds: QuarantineBounds) -> Self {
        let running = Running {
            disk,
            ..Running::default()
        };
        Self {
            running: Mutex::new(running),
            quarantine_bounds,
            feed_wakeup: Wakeup::default(),
            due_wakeup: Wakeup::default(),
        }
    }

    /// Ends this store where it stands and takes its disk out: whoever still holds the store
    /// gets [`Unavailable::Closing`], as if the process were gone. A second crash finds an
    /// empty disk.
    pub fn crash(&self) -> MemoryDisk {
        let Ok(mut running) = self.running.lock() else {
            return MemoryDisk::default();
        };
        running.faults.close();
        std::mem::take(&mut running.disk)
    }

    /// Lets the write number `nth` from now (1 is the next) fail as `fault` says. Writes are
    /// the `async` calls of the ports that change something, and each counts once.
    pub fn fail_write(&self, nth: u64, fault: WriteFault) {
        if let Ok(mut running) = self.running.lock() {
            running.faults.plan(nth, fault);
        }
    }

    /// How many writes were asked for since the store was opened, failed ones included.
    pub fn writes(&self) -> u64 {
        self.running
            .lock()
            .map_or(0, |running| running.faults.writes())
    }

    /// Everything for a reader, or for a claim, which is no write.
    fn look(&self) -> Result<MutexGuard<'_, Running>, Unavailable> {
        // A writer that panicked has left half a write behind.
        let running = self.running.lock().map_err(|_| Unavailable::Failed)?;
        running.faults.before_read()?;
        Ok(running)
    }

    /// Writes under the lock, unless a fault is planned.
    fn write<T>(&self, write: impl FnOnce(&mut Running) -> T) -> Result<T, Unavailable> {
        let mut running = self.look()?;
        let fault = running.faults.next_write()?;
        if let Some(fault) = fault.filter(|fault| fault.moment == FaultMoment::BeforeEffect) {
            return Err(fault.error);
        }
        let answer = write(&mut running);
        fault.map_or(Ok(answer), |fault| Err(fault.error))
    }
}

impl MemoryDisk {
    fn feed_head(&self) -> Sequence {
        Sequence::new(self.feed.len() as u64)
    }

    /// Writes the next entry of the change feed: the one place where records reach it.
    fn tell(&mut self, at: Timestamp, old: Option<&EventRecord>, new: &EventRecord) -> Sequence {
        let sequence = self.feed_head().next();
        self.feed.push(Change {
            sequence,
            at,
            kind: if old.is_some() {
                ChangeKind::Modify
            } else {
                ChangeKind::Insert
            },
            key: new.key.clone(),
            old_image: old.map(EventRecord::image),
            new_image: Some(new.image()),
        });
        sequence
    }

    fn change(&self, sequence: Sequence) -> Option<&Change> {
        let before = sequence.get().checked_sub(1)?;
        self.feed.get(usize::try_from(before).ok()?)
    }
}
