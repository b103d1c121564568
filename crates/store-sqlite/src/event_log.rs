//! Custody: the port [`EventLog`].

use domain::event::EventKeyDigest;
use domain::record::{EventRecord, RecordKey};
use engine::store::{Appended, Custody, EventLog, NotKept, Unavailable};

use crate::SqliteStore;
use crate::fault::Fault;
use crate::rows;
use crate::writer::Lane;
use crate::writer::append::Append;

impl EventLog for SqliteStore {
    async fn append_once(&self, custody: Custody) -> Result<Appended, NotKept> {
        Ok(self.write(Lane::Custody, Append::new(&custody)).await?)
    }

    fn takes_custody(&self) -> Result<(), Unavailable> {
        self.check_writable()
    }

    async fn record(&self, key: &RecordKey) -> Result<Option<EventRecord>, Unavailable> {
        let shared = &self.shared;
        let read = shared
            .readers
            .read(|connection| match shared.keys.record(connection, key)? {
                Some(sequence) => rows::current_record(connection, sequence),
                None => Ok(None),
            });
        read.map_err(Fault::unreadable)
    }

    async fn find_event(&self, event: &EventKeyDigest) -> Result<Option<RecordKey>, Unavailable> {
        let shared = &self.shared;
        let read =
            shared
                .readers
                .read(|connection| match shared.keys.event(connection, event)? {
                    Some(sequence) => rows::record_key(connection, sequence),
                    None => Ok(None),
                });
        read.map_err(Fault::unreadable)
    }
}
