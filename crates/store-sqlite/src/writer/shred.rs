//! Destroying the keys of deliveries. The rows stay; what is sealed in them is noise from then on.

use std::collections::BTreeSet;

use domain::stream::Sequence;
use engine::store::{Shred, Shredded};
use rusqlite::{Connection, params};

use super::{Batch, Operation, rewrap, sealing};
use crate::codec;
use crate::fault::Fault;
use crate::rows;
use crate::safe;

/// A wish to shred.
pub(crate) struct ShredAll(pub(crate) Shred);

impl Operation for ShredAll {
    type Answer = Shredded;

    fn bytes(&self) -> usize {
        0
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<Shredded, Fault> {
        let shred = &self.0;
        let (mut named, mut deliveries) = (BTreeSet::new(), BTreeSet::new());
        for &event in &shred.events {
            let Some(inserted) = rows::event_of_entry(batch.connection, event.get())? else {
                return Ok(Shredded::NoSuch { event });
            };
            let missing = Fault::Corrupt("an event that is not there");
            let envelope = safe::envelope(batch.connection, inserted)?.ok_or(missing)?;
            named.insert(inserted);
            deliveries.insert(envelope.delivery);
        }
        let mut all = BTreeSet::new();
        for &delivery in &deliveries {
            all.extend(events_of(batch.connection, delivery)?);
        }
        if !shred.with_others && all != named {
            return Ok(Shredded::Shared {
                others: all.difference(&named).copied().map(Sequence::new).collect(),
            });
        }
        let unread_from = (!shred.with_unread).then_some(batch.state.cursor);
        for &event in &all {
            if needs_its_bytes(batch.connection, event, unread_from)? {
                let event = Sequence::new(event);
                return Ok(Shredded::Busy { event });
            }
        }
        for &delivery in &deliveries {
            self.destroy(batch, delivery)?;
        }
        Ok(Shredded::Done {
            events: all.into_iter().map(Sequence::new).collect(),
        })
    }
}

impl ShredAll {
    fn destroy(&self, batch: &mut Batch<'_>, delivery: u64) -> Result<(), Fault> {
        // What came before there were keys is sealed first, so that there is a key to destroy.
        let Some(key) = sealing::key_of_event(batch, delivery)? else {
            return Ok(());
        };
        rewrap::seal_if_open(batch, delivery, &key)?;
        batch.safe.note_shredding();
        batch.effects.shredded = true;
        let mut statement = batch.connection.prepare_cached(
            "UPDATE data_keys SET wrapped = NULL, shredded_at = ?2 WHERE delivery = ?1",
        )?;
        statement.execute(params![codec::integer(delivery), self.0.at.as_millis()])?;
        Ok(())
    }
}

/// The events that a delivery has brought: they stand one behind the other, from its own number on.
fn events_of(connection: &Connection, delivery: u64) -> Result<Vec<u64>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM events WHERE sequence = ?1 AND delivery = ?2")?;
    let mut events = Vec::new();
    let mut event = delivery;
    while statement.exists([codec::integer(event), codec::integer(delivery)])? {
        events.push(event);
        event = event.saturating_add(1);
    }
    Ok(events)
}

/// Whether an execution of the event runs, or may be started yet.
fn needs_its_bytes(
    connection: &Connection,
    event: u64,
    unread_from: Option<u64>,
) -> Result<bool, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT e.sequence, x.status FROM
            (SELECT ?1 AS sequence UNION ALL SELECT sequence FROM changes WHERE event = ?1) e
         LEFT JOIN executions x ON x.sequence = e.sequence",
    )?;
    let mut rows = statement.query([codec::integer(event)])?;
    let running = codec::status_code(engine::store::ExecutionStatus::Running);
    while let Some(row) = rows.next()? {
        let (entry, status): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        let is_unread = unread_from.is_some_and(|cursor| entry > codec::integer(cursor));
        if is_unread || status == Some(running) {
            return Ok(true);
        }
    }
    Ok(false)
}
