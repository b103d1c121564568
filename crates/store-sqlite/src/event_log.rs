//! Custody: the port [`EventLog`].

use domain::event::EventKeyDigest;
use domain::record::{EventRecord, RecordKey};
use domain::settlement::Settlement;
use engine::store::{Appended, Custody, EventLog, NotKept, Unavailable};

use crate::SqliteStore;
use crate::fault::Fault;
use crate::keys;
use crate::rows;
use crate::writer::Lane;
use crate::writer::append::Append;

impl EventLog for SqliteStore {
    async fn append_once(&self, custody: Custody) -> Result<Appended, NotKept> {
        // Sealed here, on the caller's thread: the writer's time is everybody's.
        let append = Append::try_new(&custody).map_err(Fault::unsealed)?;
        Ok(self.write(Lane::Custody, append).await?)
    }

    fn takes_custody(&self) -> Result<(), Unavailable> {
        self.check_writable()
    }

    async fn record(&self, key: &RecordKey) -> Result<Option<EventRecord>, Unavailable> {
        let shared = &self.shared;
        let read = shared
            .readers
            .read(|connection| match shared.keys.record(connection, key)? {
                Some(sequence) => rows::current_record(connection, &shared.safe, sequence),
                None => Ok(None),
            });
        read.map_err(Fault::unreadable)
    }

    async fn settled_before(
        &self,
        record: &EventRecord,
    ) -> Result<Option<EventRecord>, Unavailable> {
        let shared = &self.shared;
        let prefix = keys::payment_prefix(&record.key.payment_id);
        let read = shared.readers.read(|connection| {
            let places = shared
                .keys
                .payments(connection, prefix, i64::MIN..=i64::MAX)?;
            for place in places.into_iter().rev() {
                let other = rows::current_event(connection, &shared.safe, place)?;
                let settled = other.filter(|kept| {
                    let other = kept.outline();
                    other.key != record.key
                        && other.tells_the_same_as(record)
                        && matches!(other.settlement, Settlement::Completed { .. })
                });
                if let Some(settled) = settled {
                    return settled.open(&shared.safe).map(Some);
                }
            }
            Ok(None)
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
