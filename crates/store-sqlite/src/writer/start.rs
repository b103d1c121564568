//! Starting executions: the executions and the pipe's cursor in one transaction.

use domain::stream::Sequence;
use engine::store::{DefinitionId, ExecutionStatus, Lease, StartExecution};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Batch, Operation};
use crate::codec;
use crate::fault::Fault;
use crate::rows;

/// A batch of the pipe.
pub(crate) struct StartAll {
    pub(crate) starts: Vec<StartExecution>,
    pub(crate) definition: DefinitionId,
    pub(crate) cursor: Sequence,
}

impl Operation for StartAll {
    type Answer = ();

    fn bytes(&self) -> usize {
        self.starts.len().saturating_mul(ROW_BYTES)
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        if !self.starts.is_empty() {
            let definition = definition_row(batch.connection, &self.definition)?;
            for start in &self.starts {
                start_one(batch, start, definition)?;
            }
        }
        batch.state.cursor = batch.state.cursor.max(self.cursor.get());
        Ok(())
    }
}

fn start_one(batch: &mut Batch<'_>, start: &StartExecution, definition: i64) -> Result<(), Fault> {
    let sequence = start.sequence.get();
    // An execution without an entry could never be shown or run.
    let Some(event) = rows::event_of_entry(batch.connection, sequence)? else {
        return Ok(());
    };
    let mut statement = batch.connection.prepare_cached(
        "INSERT OR IGNORE INTO executions (sequence, event, status, generation, definition,
                                           started_at, updated_at, due_at, snapshot)
         VALUES (?1, ?2, ?3, 0, ?4, ?5, ?5, ?5, NULL)",
    )?;
    let inserted = statement.execute(params![
        codec::integer(sequence),
        codec::integer(event),
        codec::status_code(ExecutionStatus::Running),
        definition,
        start.started_at.as_millis(),
    ])?;
    if inserted > 0 {
        batch.state.running = batch.state.running.saturating_add(1);
        let due_at = Some(start.started_at);
        batch
            .effects
            .schedule
            .push((sequence, due_at, Lease::Release));
        batch.effects.due = true;
    }
    Ok(())
}

/// The row that stands for a definition's hash, made without a text when there is none yet.
pub(super) fn definition_row(connection: &Connection, id: &DefinitionId) -> Result<i64, Fault> {
    let mut statement = connection.prepare_cached("SELECT id FROM definitions WHERE hash = ?1")?;
    if let Some(row) = statement.query_row([id], |row| row.get(0)).optional()? {
        return Ok(row);
    }
    let mut statement = connection.prepare_cached("INSERT INTO definitions (hash) VALUES (?1)")?;
    statement.execute([id])?;
    Ok(connection.last_insert_rowid())
}

/// About what an execution's first row takes, in bytes.
const ROW_BYTES: usize = 64;
