//! Keeping a workflow definition's text under its hash.

use engine::store::DefinitionId;
use rusqlite::params;

use super::{Batch, Operation, start};
use crate::fault::Fault;

/// A definition.
pub(crate) struct KeepDefinition {
    pub(crate) id: DefinitionId,
    pub(crate) text: String,
}

impl Operation for KeepDefinition {
    type Answer = ();

    fn bytes(&self) -> usize {
        self.text.len()
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        let row = start::definition_row(batch.connection, &self.id)?;
        let mut statement = batch
            .connection
            .prepare_cached("UPDATE definitions SET text = ?2 WHERE id = ?1 AND text IS NULL")?;
        statement.execute(params![row, self.text])?;
        Ok(())
    }
}
