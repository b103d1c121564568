//! Making an execution's progress durable, with the records' changes that came of it.
//!
//! Everything is decided first; only what is accepted as a whole is written.

use domain::record::RecordKey;
use domain::settlement::{Applied, Settlement};
use domain::task::RecordChange;
use engine::store::{Committed, ExecutionStatus, Lease, Progress};
use rusqlite::{OptionalExtension as _, params};

use super::{Batch, Operation};
use crate::codec::{self, SettlementColumns};
use crate::fault::Fault;
use crate::rows;

/// A commit of the runner.
pub(crate) struct Commit(pub(crate) Progress);

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
        let steps = self.0.steps.iter();
        steps.fold(self.0.snapshot.len(), |sum, step| {
            sum.saturating_add(step.len())
        })
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<Committed, Fault> {
        let progress = &self.0;
        let Some(held) = held(batch, progress.sequence.get())? else {
            return Ok(Committed::Stale);
        };
        if held.generation != progress.generation {
            return Ok(Committed::Stale);
        }
        let Some(changes) = self.decide(batch, held.event)? else {
            return Ok(Committed::Refused);
        };
        for change in &changes {
            self.write_change(batch, change)?;
            batch.state.head = change.sequence;
        }
        self.write_execution(batch, held.generation.saturating_add(1))?;
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

impl Commit {
    /// The changes to write, in order; `None` when one of them contradicts its record.
    fn decide(&self, batch: &Batch<'_>, own_event: u64) -> Result<Option<Vec<NewChange>>, Fault> {
        let mut standings: Vec<Standing> = Vec::new();
        let mut decided = Vec::new();
        let mut sequence = batch.state.head;
        for RecordChange { key, change } in &self.0.changes {
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
            match standing.settlement.apply(change, self.0.at) {
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

    fn write_change(&self, batch: &Batch<'_>, change: &NewChange) -> Result<(), Fault> {
        let SettlementColumns {
            settlement,
            reference,
            detail,
        } = codec::settlement_columns(&change.settlement);
        let mut statement = batch.connection.prepare_cached(
            "INSERT INTO changes (sequence, event, previous, at, settlement, reference, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        statement.execute(params![
            codec::integer(change.sequence),
            codec::integer(change.event),
            change.previous.map(codec::integer),
            self.0.at.as_millis(),
            settlement,
            reference,
            detail,
        ])?;
        Ok(())
    }

    fn write_execution(&self, batch: &Batch<'_>, generation: u64) -> Result<(), Fault> {
        let progress = &self.0;
        let sequence = codec::integer(progress.sequence.get());
        let mut statement = batch.connection.prepare_cached(
            "UPDATE executions SET status = ?2, generation = ?3, updated_at = ?4, due_at = ?5,
                                   snapshot = ?6
             WHERE sequence = ?1",
        )?;
        statement.execute(params![
            sequence,
            codec::status_code(progress.status),
            codec::integer(generation),
            progress.at.as_millis(),
            progress.due_at.map(|due_at| due_at.as_millis()),
            &*progress.snapshot,
        ])?;
        if progress.steps.is_empty() {
            return Ok(());
        }
        let mut statement = batch.connection.prepare_cached(
            "INSERT INTO steps (execution, generation, at, texts) VALUES (?1, ?2, ?3, ?4)",
        )?;
        statement.execute(params![
            sequence,
            codec::integer(generation),
            progress.at.as_millis(),
            codec::pack(progress.steps.iter().map(|step| &**step)),
        ])?;
        Ok(())
    }
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
    let latest = rows::latest_change(batch.connection, event)?;
    Ok(Standing {
        event,
        latest: latest.as_ref().map(|change| change.sequence),
        settlement: latest.map(|change| change.settlement).unwrap_or_default(),
    })
}
