//! The alert book: the port [`AlertBook`].

use engine::store::{AlertBook, Unavailable};
use rusqlite::OptionalExtension as _;

use crate::SqliteStore;
use crate::fault::Fault;
use crate::writer::{Batch, Lane, Operation};

impl AlertBook for SqliteStore {
    async fn keep_alert_book(&self, book: String) -> Result<(), Unavailable> {
        self.write(Lane::Progress, Keep(book)).await
    }

    fn alert_book(&self) -> Result<Option<String>, Unavailable> {
        let read = self.shared.readers.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT book FROM alerts")?;
            Ok(statement.query_row([], |row| row.get(0)).optional()?)
        });
        read.map_err(Fault::unreadable)
    }
}

struct Keep(String);

impl Operation for Keep {
    type Answer = ();

    fn bytes(&self) -> usize {
        self.0.len()
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        let mut statement = batch.connection.prepare_cached(
            "INSERT INTO alerts (id, book) VALUES (1, ?1)
             ON CONFLICT DO UPDATE SET book = excluded.book",
        )?;
        statement.execute([&self.0])?;
        Ok(())
    }
}
