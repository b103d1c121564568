//! Rows put together into what the ports speak of. Point reads by place, for readers and the
//! writer alike.

use bytes::Bytes;
use domain::currency::Currency;
use domain::event::{EventId, EventKey};
use domain::money::Amount;
use domain::record::{EventRecord, RecordKey};
use domain::settlement::Settlement;
use domain::source::SourceName;
use domain::stream::{Change, ChangeKind, Sequence};
use domain::time::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::codec::{self, KeptSettlement};
use crate::fault::Fault;
use crate::safe::{self, Column, Envelope, Safe};

/// An event as it is kept: all of it can be read but the body, which may be sealed.
#[derive(Debug)]
pub(crate) struct KeptEvent {
    pub(crate) sequence: u64,
    /// Its key, with what it belongs to.
    pub(crate) envelope: Envelope,
    /// The record without its body.
    record: EventRecord,
    body: Vec<u8>,
    is_sealed: bool,
}

/// A change of a settlement, as the table `changes` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangeRow {
    pub(crate) sequence: u64,
    /// The place of the event's insertion.
    pub(crate) event: u64,
    /// The change before it; `None` when it is the event's first.
    pub(crate) previous: Option<u64>,
    pub(crate) at: Timestamp,
    settlement: KeptSettlement,
}

impl KeptEvent {
    /// The record, whose body is not there.
    pub(crate) fn outline(&self) -> &EventRecord {
        &self.record
    }

    /// The record with its body, or with none where that was shredded.
    pub(crate) fn open(self, safe: &Safe) -> Result<EventRecord, Fault> {
        let mut record = self.record;
        if !self.is_sealed {
            record.raw_payload = self.body.into();
            return Ok(record);
        }
        let column = Column {
            bytes: &self.body,
            is_sealed: true,
        };
        let body = self.envelope.open(safe, &safe::BODY, column)?;
        record.raw_payload = body.unwrap_or_default().into();
        Ok(record)
    }
}

impl ChangeRow {
    /// The settlement that it made; its cause is empty where that was shredded.
    pub(crate) fn settlement(&self, safe: &Safe, of: &Envelope) -> Result<Settlement, Fault> {
        match &self.settlement {
            KeptSettlement::Open(settlement) => Ok(settlement.clone()),
            KeptSettlement::Sealed { error, cause } => {
                let column = Column {
                    bytes: cause,
                    is_sealed: true,
                };
                let cause = of.open(safe, &safe::cause(self.sequence), column)?;
                Ok(Settlement::Failed {
                    error: error.clone(),
                    cause: String::from_utf8_lossy(&cause.unwrap_or_default()).into_owned(),
                    updated_at: self.at,
                })
            }
        }
    }
}

/// Selects what [`event_of_row`] reads; what follows says which.
macro_rules! select_events {
    ($which:literal) => {
        concat!(
            "SELECT e.sequence, e.payment_id, e.timestamp, e.source, e.event_id, e.amount,
                    e.currency, e.status, e.provider, d.received_at, d.trace, d.body, e.meaning,
                    e.delivery, k.wrapping, k.wrapped, k.shredded_at, d.sealed
             FROM events e JOIN deliveries d ON d.id = e.delivery
             LEFT JOIN data_keys k ON k.delivery = e.delivery ",
            $which
        )
    };
}
pub(crate) use select_events;

/// The event inserted at `sequence`, as it was received.
pub(crate) fn event(connection: &Connection, sequence: u64) -> Result<Option<KeptEvent>, Fault> {
    let mut statement = connection.prepare_cached(select_events!("WHERE e.sequence = ?1"))?;
    let mut rows = statement.query([codec::integer(sequence)])?;
    rows.next()?.map(event_of_row).transpose()
}

/// The key of the event inserted at `sequence`.
pub(crate) fn record_key(
    connection: &Connection,
    sequence: u64,
) -> Result<Option<RecordKey>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT payment_id, timestamp FROM events WHERE sequence = ?1")?;
    let key = statement.query_row([codec::integer(sequence)], |row| {
        Ok(RecordKey {
            payment_id: row.get(0)?,
            timestamp: Timestamp::from_millis(row.get(1)?),
        })
    });
    Ok(key.optional()?)
}

/// The change at `sequence`.
pub(crate) fn change_row(
    connection: &Connection,
    sequence: u64,
) -> Result<Option<ChangeRow>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, event, previous, at, settlement, reference, detail
         FROM changes WHERE sequence = ?1",
    )?;
    let mut rows = statement.query([codec::integer(sequence)])?;
    rows.next()?.map(change_of_row).transpose()
}

/// The newest change of the event inserted at `event`; `None` when it was never changed.
pub(crate) fn latest_change(
    connection: &Connection,
    event: u64,
) -> Result<Option<ChangeRow>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, event, previous, at, settlement, reference, detail
         FROM changes WHERE event = ?1 ORDER BY sequence DESC LIMIT 1",
    )?;
    let mut rows = statement.query([codec::integer(event)])?;
    rows.next()?.map(change_of_row).transpose()
}

/// The event inserted at `sequence`, as it now stands.
pub(crate) fn current_event(
    connection: &Connection,
    safe: &Safe,
    sequence: u64,
) -> Result<Option<KeptEvent>, Fault> {
    let Some(mut kept) = event(connection, sequence)? else {
        return Ok(None);
    };
    if let Some(change) = latest_change(connection, sequence)? {
        kept.record.settlement = change.settlement(safe, &kept.envelope)?;
    }
    Ok(Some(kept))
}

/// The record of the event inserted at `sequence`, as it now stands.
pub(crate) fn current_record(
    connection: &Connection,
    safe: &Safe,
    sequence: u64,
) -> Result<Option<EventRecord>, Fault> {
    let kept = current_event(connection, safe, sequence)?;
    kept.map(|kept| kept.open(safe)).transpose()
}

/// The place of the insertion of the event that the feed entry `sequence` is about.
pub(crate) fn event_of_entry(connection: &Connection, sequence: u64) -> Result<Option<u64>, Fault> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM events WHERE sequence = ?1")?;
    if statement.exists([codec::integer(sequence)])? {
        return Ok(Some(sequence));
    }
    let mut statement =
        connection.prepare_cached("SELECT event FROM changes WHERE sequence = ?1")?;
    let event: Option<i64> = statement
        .query_row([codec::integer(sequence)], |row| row.get(0))
        .optional()?;
    event.map(codec::natural).transpose()
}

/// The feed entry at `sequence`, with its images.
pub(crate) fn change(
    connection: &Connection,
    safe: &Safe,
    sequence: u64,
) -> Result<Option<Change>, Fault> {
    if let Some(kept) = event(connection, sequence)? {
        return Ok(Some(insertion(sequence, kept.open(safe)?)));
    }
    let row = change_row(connection, sequence)?;
    row.map(|row| modification(connection, safe, &row))
        .transpose()
}

/// The feed entry of an insertion.
pub(crate) fn insertion(sequence: u64, record: EventRecord) -> Change {
    let image = record.image();
    Change {
        sequence: Sequence::new(sequence),
        at: record.received_at,
        kind: ChangeKind::Insert,
        key: record.key,
        old_image: None,
        new_image: Some(image),
    }
}

/// The feed entry of a change: both images are the event's with the settlements of then.
pub(crate) fn modification(
    connection: &Connection,
    safe: &Safe,
    row: &ChangeRow,
) -> Result<Change, Fault> {
    let missing = Fault::Corrupt("a change of an event that is not there");
    let kept = event(connection, row.event)?.ok_or(missing)?;
    let new = row.settlement(safe, &kept.envelope)?;
    let old = match row.previous {
        None => Settlement::Received,
        Some(previous) => {
            let missing = Fault::Corrupt("a change after one that is not there");
            let before = change_row(connection, previous)?.ok_or(missing)?;
            before.settlement(safe, &kept.envelope)?
        }
    };
    let mut record = kept.open(safe)?;
    record.settlement = old;
    let old_image = record.image();
    record.settlement = new;
    Ok(Change {
        sequence: Sequence::new(row.sequence),
        at: row.at,
        kind: ChangeKind::Modify,
        new_image: Some(record.image()),
        old_image: Some(old_image),
        key: record.key,
    })
}

/// Reads a row of what [`select_events`] selects: the event as received.
pub(crate) fn event_of_row(row: &Row<'_>) -> Result<KeptEvent, Fault> {
    let text = |index| -> Result<&str, Fault> {
        let value = row.get_ref(index)?.as_str();
        value.map_err(|_| Fault::Corrupt("an event's text that is none"))
    };
    let blob = |index| -> Result<&[u8], Fault> {
        let value = row.get_ref(index)?.as_blob();
        value.map_err(|_| Fault::Corrupt("a delivery's bytes that are none"))
    };
    let envelope = Envelope::of_row(row, [13, 14, 15, 16])?;
    let is_sealed: Option<i64> = row.get(17)?;
    let body = blob(11)?.to_vec();
    let hashed = is_sealed.is_none().then_some(&*body);
    let record = EventRecord {
        key: RecordKey {
            payment_id: text(1)?.to_owned(),
            timestamp: Timestamp::from_millis(row.get(2)?),
        },
        event_key: EventKey {
            source: SourceName::try_new(text(3)?)
                .map_err(|_| Fault::Corrupt("a source's name that is none"))?,
            id: event_id(row.get_ref(4)?, hashed)?,
        },
        amount: Amount::parse(text(5)?).map_err(|_| Fault::Corrupt("an amount that is none"))?,
        currency: Currency::of_record(text(6)?)
            .map_err(|_| Fault::Corrupt("a currency that is none"))?,
        provider_status: text(7)?.to_owned(),
        provider: text(8)?.to_owned(),
        meaning: codec::meaning(row.get_ref(12)?)?,
        received_at: Timestamp::from_millis(row.get(9)?),
        raw_payload: Bytes::new(),
        shredded_at: envelope.shredded_at(),
        trace: codec::trace_context(blob(10)?)?,
        settlement: Settlement::Received,
    };
    Ok(KeptEvent {
        sequence: codec::natural(row.get(0)?)?,
        envelope,
        record,
        body,
        is_sealed: is_sealed.is_some(),
    })
}

/// Reads a row of the columns that [`change_row`] selects.
pub(crate) fn change_of_row(row: &Row<'_>) -> Result<ChangeRow, Fault> {
    let at = Timestamp::from_millis(row.get(3)?);
    let previous: Option<i64> = row.get(2)?;
    Ok(ChangeRow {
        sequence: codec::natural(row.get(0)?)?,
        event: codec::natural(row.get(1)?)?,
        previous: previous.map(codec::natural).transpose()?,
        at,
        settlement: codec::settlement(row.get(4)?, row.get(5)?, row.get_ref(6)?, at)?,
    })
}

/// Text is the provider's own id; bytes are the hash of a body. Nothing means the hash of the
/// delivery's body: in rows of formats before bodies were sealed, and only there.
fn event_id(column: ValueRef<'_>, body: Option<&[u8]>) -> Result<EventId, Fault> {
    match column {
        ValueRef::Text(id) => std::str::from_utf8(id)
            .map(|id| EventId::Provider(id.to_owned()))
            .map_err(|_| Fault::Corrupt("an event's id that is no text")),
        ValueRef::Null => body
            .map(|body| EventId::Body(codec::hash_of(body)))
            .ok_or(Fault::Corrupt("a sealed event without an id")),
        ValueRef::Blob(hash) => Ok(EventId::Body(codec::body_hash(hash)?)),
        ValueRef::Integer(_) | ValueRef::Real(_) => Err(Fault::Corrupt("an event's id")),
    }
}
