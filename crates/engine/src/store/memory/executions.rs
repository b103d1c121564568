//! Executions in a map, and their leases in another that a crash forgets.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::record::{EventRecord, RecordKey};
use domain::settlement::Applied;
use domain::stream::{ChangeKind, Sequence};
use domain::task::RecordChange;
use domain::time::{Millis, Timestamp};

use super::{MemoryDisk, MemoryStore, Running};
use crate::store::{
    Claimed, Committed, DefinitionId, ExecutionStatus, Executions, Lease, PaymentOfSource,
    Progress, StartExecution, StepRecord, Unavailable,
};
use crate::wakeup::Wakeup;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Execution {
    pub(super) generation: u64,
    pub(super) status: ExecutionStatus,
    pub(super) definition: DefinitionId,
    pub(super) started_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) due_at: Option<Timestamp>,
    pub(super) snapshot: Option<Bytes>,
    pub(super) steps: Vec<StepRecord>,
}

impl Executions for MemoryStore {
    fn pipe_cursor(&self) -> Result<Sequence, Unavailable> {
        Ok(self.look()?.disk.cursor)
    }

    async fn start_all(
        &self,
        starts: Vec<StartExecution>,
        definition: DefinitionId,
        cursor: Sequence,
    ) -> Result<(), Unavailable> {
        let started = self.write(|running| {
            for start in starts {
                running.disk.start(&start, definition);
            }
            running.disk.cursor = running.disk.cursor.max(cursor);
        });
        self.due_wakeup.wake();
        started
    }

    fn claim_due(
        &self,
        now: Timestamp,
        lease: Millis,
        limit: usize,
    ) -> Result<Vec<Claimed>, Unavailable> {
        let mut running = self.look()?;
        running.end_leases(now);
        let mut due: Vec<_> = running
            .unheld_due()
            .filter(|(due_at, _)| *due_at <= now)
            .collect();
        due.sort_unstable();
        let claimed = due.into_iter().take(limit);
        Ok(claimed
            .filter_map(|(_, sequence)| running.claim(sequence, now.after(lease)))
            .collect())
    }

    fn claim_one(
        &self,
        sequence: Sequence,
        now: Timestamp,
        lease: Millis,
    ) -> Result<Option<Claimed>, Unavailable> {
        let mut running = self.look()?;
        running.end_leases(now);
        if running.leases.contains_key(&sequence) {
            return Ok(None);
        }
        Ok(running.claim(sequence, now.after(lease)))
    }

    fn earlier_running(
        &self,
        sequence: Sequence,
        payment: &PaymentOfSource,
    ) -> Result<Option<Sequence>, Unavailable> {
        let disk = &self.look()?.disk;
        let is_of_payment = |earlier: &Sequence| {
            let record = disk
                .change(*earlier)
                .and_then(|change| disk.records.get(&change.key))
                .filter(|kept| kept.inserted == *earlier);
            record.is_some_and(|kept| {
                kept.record.key.payment_id == payment.payment_id
                    && kept.record.event_key.source == payment.source
            })
        };
        let mut earlier = disk.executions.range(..sequence);
        let found = earlier.find(|(earlier, execution)| {
            execution.status == ExecutionStatus::Running && is_of_payment(earlier)
        });
        Ok(found.map(|(earlier, _)| *earlier))
    }

    fn release(&self, sequence: Sequence) {
        // Whoever cannot give a lease back loses nothing: it ends with the process.
        if let Ok(mut running) = self.look() {
            running.leases.remove(&sequence);
        }
        self.due_wakeup.wake();
    }

    fn next_due(&self) -> Result<Option<Timestamp>, Unavailable> {
        let running = self.look()?;
        Ok(running.unheld_due().map(|(due_at, _)| due_at).min())
    }

    async fn commit(&self, progress: Progress) -> Result<Committed, Unavailable> {
        let committed = self.write(|running| running.commit(progress));
        self.feed_wakeup.wake();
        self.due_wakeup.wake();
        committed
    }

    async fn keep_definition(&self, id: DefinitionId, text: String) -> Result<(), Unavailable> {
        self.write(|running| {
            running.disk.definitions.entry(id).or_insert(text);
        })
    }

    fn definition(&self, id: &DefinitionId) -> Result<Option<String>, Unavailable> {
        Ok(self.look()?.disk.definitions.get(id).cloned())
    }

    fn due_wakeup(&self) -> &Wakeup {
        &self.due_wakeup
    }
}

impl Running {
    /// What is due at some time and held by nobody, with that time.
    fn unheld_due(&self) -> impl Iterator<Item = (Timestamp, Sequence)> {
        let unheld = |sequence: &Sequence| !self.leases.contains_key(sequence);
        self.disk
            .executions
            .iter()
            .filter(move |(sequence, _)| unheld(sequence))
            .filter_map(|(sequence, execution)| Some((execution.due_at?, *sequence)))
    }

    /// A lease until 10 is over at 10.
    fn end_leases(&mut self, now: Timestamp) {
        self.leases.retain(|_, until| *until > now);
    }

    fn claim(&mut self, sequence: Sequence, until: Timestamp) -> Option<Claimed> {
        let execution = self.disk.executions.get(&sequence)?;
        let claimed = Claimed {
            sequence,
            generation: execution.generation,
            status: execution.status,
            definition: execution.definition,
            started_at: execution.started_at,
            snapshot: execution.snapshot.clone(),
            change: self.disk.change(sequence)?.clone(),
        };
        self.leases.insert(sequence, until);
        Some(claimed)
    }

    /// The generation alone tells whether a commit is stale: whose lease has ended may still
    /// commit when nobody has moved the execution meanwhile.
    fn commit(&mut self, progress: Progress) -> Committed {
        let execution = self.disk.executions.get(&progress.sequence);
        if execution.is_none_or(|execution| execution.generation != progress.generation) {
            return Committed::Stale;
        }
        if self.disk.is_shredded(progress.sequence)
            || !self.disk.change_all(&progress.changes, progress.at)
        {
            return Committed::Refused;
        }
        match progress.lease {
            Lease::KeepUntil(until) => self.leases.insert(progress.sequence, until),
            Lease::Release => self.leases.remove(&progress.sequence),
        };
        self.disk.advance(progress);
        Committed::Done
    }
}

impl MemoryDisk {
    fn is_shredded(&self, entry: Sequence) -> bool {
        let kept = self
            .change(entry)
            .and_then(|change| self.records.get(&change.key));
        kept.is_some_and(|kept| kept.record.shredded_at.is_some())
    }

    /// What is in no feed starts nothing.
    fn start(&mut self, start: &StartExecution, definition: DefinitionId) {
        if self.change(start.sequence).is_none() {
            return;
        }
        self.executions
            .entry(start.sequence)
            .or_insert_with(|| Execution {
                generation: 0,
                status: ExecutionStatus::Running,
                definition,
                started_at: start.started_at,
                updated_at: start.started_at,
                due_at: Some(start.started_at),
                snapshot: None,
                steps: Vec::new(),
            });
    }

    /// Changes records and tells of it, all of them or none; says which.
    pub(super) fn change_all(&mut self, changes: &[RecordChange], at: Timestamp) -> bool {
        let Some(changes) = self.apply_all(changes, at) else {
            return false;
        };
        for (old, new) in changes {
            self.tell(at, Some(&old), &new);
            if let Some(kept) = self.records.get_mut(&new.key) {
                kept.record = new;
            }
        }
        true
    }

    /// Each record before and after each change that alters it; `None` when one is refused,
    /// which is also what becomes of a change of a record that does not exist.
    fn apply_all(
        &self,
        changes: &[RecordChange],
        at: Timestamp,
    ) -> Option<Vec<(EventRecord, EventRecord)>> {
        let mut current: BTreeMap<RecordKey, EventRecord> = BTreeMap::new();
        let mut applied = Vec::new();
        for change in changes {
            let kept = self.records.get(&change.key)?;
            let old = current.get(&change.key).unwrap_or(&kept.record).clone();
            match old.settlement.apply(&change.change, at) {
                Applied::Changed(settlement) => {
                    let new = EventRecord {
                        settlement,
                        ..old.clone()
                    };
                    current.insert(change.key.clone(), new.clone());
                    applied.push((old, new));
                }
                Applied::AlreadySo => {}
                Applied::Refused => return None,
            }
        }
        Some(applied)
    }

    fn advance(&mut self, progress: Progress) {
        let is_of_event = self
            .change(progress.sequence)
            .is_some_and(|change| change.kind == ChangeKind::Insert);
        let Some(execution) = self.executions.get_mut(&progress.sequence) else {
            return;
        };
        let at = progress.at;
        let was_running = execution.status == ExecutionStatus::Running;
        let ends = was_running && progress.status != ExecutionStatus::Running;
        let steps = progress.steps.into_iter();
        execution
            .steps
            .extend(steps.map(|text| StepRecord { at, text }));
        execution.generation += 1;
        execution.status = progress.status;
        execution.snapshot = Some(progress.snapshot);
        execution.due_at = progress.due_at;
        execution.updated_at = at;
        if ends && is_of_event {
            self.count_ending(at, progress.status);
        }
    }
}
