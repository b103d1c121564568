//! Making an execution's progress durable, with the records' changes that came of it.
//!
//! Everything is decided first; only what is accepted as a whole is written.

use domain::record::RecordKey;
use domain::settlement::{Applied, Settlement};
use domain::task::RecordChange;
use engine::store::{Committed, ExecutionStatus, Lease, Progress};
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension as _, params};
use vault::key::DataKey;

use super::{Batch, Operation, sealing};
use crate::chain::{Entry, Hasher};
use crate::codec::{self, SettlementColumns};
use crate::fault::Fault;
use crate::rows;
use crate::safe::{self, Envelope, Safe};

/// A commit of the runner, sealed.
pub(crate) struct Commit {
    progress: Progress,
    /// `None` when its event has no key yet: then the writer makes one and seals.
    sealed: Option<Sealed>,
    /// Whether the event's key was destroyed, when this many shreddings had been.
    is_shredded: (bool, u64),
}

/// The columns of an execution and of its step, sealed.
struct Sealed {
    snapshot: Vec<u8>,
    texts: Vec<u8>,
}

/// What the execution's row says that matters here.
struct Held {
    event: u64,
    status: ExecutionStatus,
    generation: u64,
}

/// A record on the way to its next settlement.
struct Standing {
    event: u64,
    /// The place of its newest change, written or about to be.
    latest: Option<u64>,
    settlement: Settlement,
}

/// A change that will be written.
struct NewChange {
    sequence: u64,
    event: u64,
    previous: Option<u64>,
    settlement: Settlement,
}

impl Operation for Commit {
    type Answer = Committed;

    fn bytes(&self) -> usize {
        let steps = self.progress.steps.iter();
        steps.fold(self.progress.snapshot.len(), |sum, step| {
            sum.saturating_add(step.len())
        })
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<Committed, Fault> {
        let progress = &self.progress;
        let Some(held) = held(batch, progress.sequence.get())? else {
            return Ok(Committed::Stale);
        };
        if held.generation != progress.generation {
            return Ok(Committed::Stale);
        }
        if self.is_shredded(batch, held.event)? {
            return Ok(Committed::Refused);
        }
        let Some(changes) = self.decide(batch, held.event)? else {
            return Ok(Committed::Refused);
        };
        for change in &changes {
            self.write_change(batch, change)?;
            batch.state.head = change.sequence;
        }
        self.write_execution(batch, &held)?;
        let before = batch.state.count_of(held.status);
        *before = before.saturating_sub(1);
        let after = batch.state.count_of(progress.status);
        *after = after.saturating_add(1);
        let (sequence, due_at) = (progress.sequence.get(), progress.due_at);
        let ends = held.status == ExecutionStatus::Running && progress.status != held.status;
        if ends && held.event == sequence {
            batch
                .effects
                .tallies
                .add_ending(progress.at, progress.status);
        }
        batch
            .effects
            .schedule
            .push((sequence, due_at, progress.lease));
        batch.effects.due |= due_at.is_some() && progress.lease == Lease::Release;
        Ok(Committed::Done)
    }
}

impl Sealed {
    fn try_new(progress: &Progress, key: &DataKey) -> Result<Self, Fault> {
        let (sequence, generation) = (progress.sequence.get(), next(progress.generation));
        let texts = codec::pack(progress.steps.iter().map(|step| &**step));
        Ok(Self {
            snapshot: key.seal(&safe::snapshot(sequence, generation), &progress.snapshot)?,
            texts: key.seal(&safe::texts(sequence, generation), &texts)?,
        })
    }
}

impl Commit {
    /// Seals progress under the key of its event, on the caller's thread.
    pub(crate) fn try_new(
        progress: Progress,
        (envelope, shreddings): (Option<&Envelope>, u64),
        safe: &Safe,
    ) -> Result<Self, Fault> {
        let key = envelope.map(|envelope| safe.key(envelope)).transpose()?;
        let sealed = key.flatten().map(|key| Sealed::try_new(&progress, &key));
        let is_shredded = envelope.is_some_and(|envelope| envelope.shredded_at().is_some());
        Ok(Self {
            sealed: sealed.transpose()?,
            is_shredded: (is_shredded, shreddings),
            progress,
        })
    }

    /// Whether the event was shredded by now: looked at again if something was since.
    fn is_shredded(&self, batch: &Batch<'_>, event: u64) -> Result<bool, Fault> {
        let (is_shredded, shreddings) = self.is_shredded;
        if is_shredded || shreddings == batch.safe.shreddings() {
            return Ok(is_shredded);
        }
        let envelope = safe::envelope(batch.connection, event)?;
        Ok(envelope.is_some_and(|envelope| envelope.shredded_at().is_some()))
    }

    /// The changes to write, in order; `None` when one of them contradicts its record.
    fn decide(&self, batch: &Batch<'_>, own_event: u64) -> Result<Option<Vec<NewChange>>, Fault> {
        let mut standings: Vec<Standing> = Vec::new();
        let mut decided = Vec::new();
        let mut sequence = batch.state.head;
        for RecordChange { key, change } in &self.progress.changes {
            let Some(event) = find(batch, key, own_event)? else {
                return Ok(None);
            };
            let standing = match standings.iter_mut().position(|each| each.event == event) {
                Some(index) => standings.get_mut(index),
                None => {
                    standings.push(standing(batch, event)?);
                    standings.last_mut()
                }
            };
            let Some(standing) = standing else {
                continue;
            };
            match standing.settlement.apply(change, self.progress.at) {
                Applied::AlreadySo => {}
                Applied::Refused => return Ok(None),
                Applied::Changed(settlement) => {
                    sequence = sequence.saturating_add(1);
                    decided.push(NewChange {
                        sequence,
                        event,
                        previous: standing.latest.replace(sequence),
                        settlement: settlement.clone(),
                    });
                    standing.settlement = settlement;
                }
            }
        }
        Ok(Some(decided))
    }

    fn write_change(&self, batch: &mut Batch<'_>, change: &NewChange) -> Result<(), Fault> {
        let sequence = change.sequence;
        let SettlementColumns {
            settlement,
            reference,
            detail,
        } = codec::settlement_columns(&change.settlement, |cause| {
            // The cause of an event that was shredded is nobody's to keep.
            let Some(key) = sealing::key_of_event(batch, change.event)? else {
                return Ok(Vec::new());
            };
            Ok(key.seal(&safe::cause(sequence), cause)?)
        })?;
        let previous = change.previous.map(codec::integer);
        // Of the row as `chain::CHANGES` reads it.
        let link = Hasher::of_entry(Entry::Change, &batch.state.link)
            .integer(codec::integer(sequence))
            .integer(codec::integer(change.event))
            .value(previous.map_or(ValueRef::Null, ValueRef::Integer))
            .integer(self.progress.at.as_millis())
            .integer(settlement)
            .value(reference.map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes())))
            .value((&detail).into())
            .finish();
        let mut statement = batch.connection.prepare_cached(
            "INSERT INTO changes (sequence, event, previous, at, settlement, reference, detail,
                                  link)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        statement.execute(params![
            codec::integer(sequence),
            codec::integer(change.event),
            previous,
            self.progress.at.as_millis(),
            settlement,
            reference,
            detail,
            link,
        ])?;
        batch.state.link = link;
        Ok(())
    }

    fn write_execution(&self, batch: &mut Batch<'_>, held: &Held) -> Result<(), Fault> {
        let progress = &self.progress;
        let made_now;
        let sealed = match &self.sealed {
            Some(sealed) => sealed,
            None => {
                let destroyed = Fault::Corrupt("an execution whose event was shredded meanwhile");
                let key = sealing::key_of_event(batch, held.event)?.ok_or(destroyed)?;
                made_now = Sealed::try_new(progress, &key)?;
                &made_now
            }
        };
        let sequence = codec::integer(progress.sequence.get());
        let generation = codec::integer(next(held.generation));
        let mut statement = batch.connection.prepare_cached(
            "UPDATE executions SET status = ?2, generation = ?3, updated_at = ?4, due_at = ?5,
                                   snapshot = ?6, sealed = 1
             WHERE sequence = ?1",
        )?;
        statement.execute(params![
            sequence,
            codec::status_code(progress.status),
            generation,
            progress.at.as_millis(),
            progress.due_at.map(|due_at| due_at.as_millis()),
            sealed.snapshot,
        ])?;
        if progress.steps.is_empty() {
            return Ok(());
        }
        let mut statement = batch.connection.prepare_cached(
            "INSERT INTO steps (execution, generation, at, texts, sealed)
             VALUES (?1, ?2, ?3, ?4, 1)",
        )?;
        statement.execute(params![
            sequence,
            generation,
            progress.at.as_millis(),
            sealed.texts,
        ])?;
        Ok(())
    }
}

/// The generation that a commit makes of the one before.
const fn next(generation: u64) -> u64 {
    generation.saturating_add(1)
}

fn held(batch: &Batch<'_>, sequence: u64) -> Result<Option<Held>, Fault> {
    let mut statement = batch
        .connection
        .prepare_cached("SELECT event, status, generation FROM executions WHERE sequence = ?1")?;
    let row = statement
        .query_row([codec::integer(sequence)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    row.map(|(event, status, generation): (i64, i64, i64)| {
        Ok(Held {
            event: codec::natural(event)?,
            status: codec::status(status)?,
            generation: codec::natural(generation)?,
        })
    })
    .transpose()
}

/// The event with this key: nearly always the execution's own, which needs no search.
fn find(batch: &Batch<'_>, key: &RecordKey, own_event: u64) -> Result<Option<u64>, Fault> {
    if rows::record_key(batch.connection, own_event)?.as_ref() == Some(key) {
        return Ok(Some(own_event));
    }
    batch.keys.record(batch.connection, key)
}

fn standing(batch: &Batch<'_>, event: u64) -> Result<Standing, Fault> {
    let Some(latest) = rows::latest_change(batch.connection, event)? else {
        return Ok(Standing {
            event,
            latest: None,
            settlement: Settlement::default(),
        });
    };
    let missing = Fault::Corrupt("a change of an event that is not there");
    let envelope = safe::envelope(batch.connection, event)?.ok_or(missing)?;
    Ok(Standing {
        event,
        latest: Some(latest.sequence),
        settlement: latest.settlement(batch.safe, &envelope)?,
    })
}
