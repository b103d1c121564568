//! Taking a delivery in: its bytes, its events, their keys, in one place of the feed each.

use std::sync::Arc;

use bytes::Bytes;
use domain::admit::Vouched;
use domain::delivery::RawDelivery;
use domain::event::{EventId, PaymentEvent};
use domain::payment::{Anomaly, PaymentRules};
use domain::record::RecordKey;
use domain::time::{Millis, Timestamp};
use engine::store::{Appended, Custody, Outcome};
use rusqlite::params;
use rusqlite::types::ValueRef;
use vault::key::DataKey;

use super::{Batch, Operation, anomalies, sealing};
use crate::chain::{Entry, Hasher, Link};
use crate::codec;
use crate::fault::Fault;
use crate::keys::{self, NewKeys};
use crate::rows::{self, KeptEvent};
use crate::safe::{self, Envelope};

/// A delivery, with everything about it that can be worked out before its turn.
pub(crate) struct Append {
    received_at: Timestamp,
    secret_label: String,
    vouched: Vouched,
    rules: PaymentRules,
    trace: Vec<u8>,
    /// As they came, for what they are compared with.
    headers: Vec<u8>,
    /// See `headers`.
    body: Bytes,
    key: Arc<DataKey>,
    sealed_headers: Vec<u8>,
    sealed_body: Vec<u8>,
    /// The hash of the delivery's row, which its events are bound to in the chain.
    row_hash: Link,
    events: Vec<NewEvent>,
}

struct NewEvent {
    event: PaymentEvent,
    event_prefix: i64,
    payment_prefix: i64,
}

impl Append {
    /// Works it out and seals it: on the caller's thread.
    pub(crate) fn try_new(custody: &Custody) -> Result<Self, Fault> {
        let delivery: &RawDelivery = custody.admitted.delivery();
        let events = custody.admitted.events().iter();
        let headers = codec::pack_headers(&delivery.headers);
        let key = DataKey::generate()?;
        let sealed_headers = key.seal(&safe::HEADERS, &headers)?;
        let sealed_body = key.seal(&safe::BODY, &delivery.body)?;
        let trace = codec::pack_trace(custody.trace);
        let vouched = codec::vouched_code(custody.admitted.vouched());
        let row_hash = Hasher::of_delivery()
            .integer(delivery.received_at.as_millis())
            .text(custody.admitted.secret_label())
            .blob(&trace)
            .value(vouched.map_or(ValueRef::Null, ValueRef::Integer))
            .blob(&sealed_headers)
            .blob(&sealed_body)
            .finish();
        Ok(Self {
            sealed_headers,
            sealed_body,
            row_hash,
            key: Arc::new(key),
            received_at: delivery.received_at,
            secret_label: custody.admitted.secret_label().to_owned(),
            vouched: custody.admitted.vouched(),
            rules: custody.rules,
            trace,
            headers,
            body: delivery.body.clone(),
            events: events
                .map(|event| NewEvent {
                    event_prefix: keys::event_prefix(&event.key.digest()),
                    payment_prefix: keys::payment_prefix(&event.payment_id),
                    event: event.clone(),
                })
                .collect(),
        })
    }

    fn append_event(
        &self,
        batch: &mut Batch<'_>,
        new: &NewEvent,
        delivery: &mut Option<u64>,
        found: &mut Vec<(RecordKey, Anomaly)>,
    ) -> Result<(Outcome, RecordKey), Fault> {
        if let Some(kept) = find(batch, new)? {
            let (sequence, envelope) = (kept.sequence, kept.envelope.clone());
            let record = kept.open(batch.safe)?;
            if record.is_repeated_by(&new.event, &self.body) {
                return Ok((Outcome::Duplicate, record.key));
            }
            if self.keep_conflict(batch, sequence, &envelope)? {
                anomalies::record(batch, sequence, Anomaly::Conflict)?;
                found.push((record.key.clone(), Anomaly::Conflict));
            }
            return Ok((Outcome::Conflict, record.key));
        }
        let payment_id = &new.event.payment_id;
        let newest =
            batch
                .keys
                .newest_of_payment(batch.connection, new.payment_prefix, payment_id)?;
        let timestamp = newest.map_or(self.received_at, |newest| {
            self.received_at.max(newest.after(Millis::new(1)))
        });
        let sequence = batch.state.head.saturating_add(1);
        let delivery = match *delivery {
            Some(id) => id,
            None => {
                self.insert_delivery(batch, sequence)?;
                *delivery.insert(sequence)
            }
        };
        let link = self.link(batch, new, [sequence, delivery], timestamp);
        insert_event(batch, new, ([sequence, delivery], timestamp), &link)?;
        batch.state.link = link;
        let brought = if newest.is_some() {
            anomalies::keep(batch, &new.event, new.payment_prefix, sequence, self.rules)?
        } else {
            // The first event of a payment has nothing to contradict but itself.
            Vec::new()
        };
        batch.keys.add(NewKeys {
            event: new.event_prefix,
            payment: new.payment_prefix,
            timestamp,
            sequence,
        });
        let source = &new.event.key.source;
        batch.effects.tallies.add_arrival(self.received_at, source);
        batch.state.head = sequence;
        batch.state.events = batch.state.events.saturating_add(1);
        let key = RecordKey {
            payment_id: payment_id.clone(),
            timestamp,
        };
        found.extend(brought.into_iter().map(|anomaly| (key.clone(), anomaly)));
        Ok((Outcome::Stored, key))
    }

    /// The link of an event that is about to be inserted: of its row as [`crate::chain::EVENTS`] reads it.
    fn link(
        &self,
        batch: &Batch<'_>,
        new: &NewEvent,
        [sequence, delivery]: [u64; 2],
        timestamp: Timestamp,
    ) -> Link {
        let event = &new.event;
        let meaning = codec::meaning_column(event.meaning.as_ref());
        let id = match &event.key.id {
            EventId::Provider(id) => ValueRef::Text(id.as_bytes()),
            EventId::Body(hash) => ValueRef::Blob(hash.as_bytes()),
        };
        let meaning = meaning.as_deref().map(str::as_bytes);
        Hasher::of_entry(Entry::Event, &batch.state.link)
            .integer(codec::integer(sequence))
            .integer(codec::integer(delivery))
            .text(&event.payment_id)
            .integer(timestamp.as_millis())
            .text(event.key.source.as_str())
            .value(id)
            .text(&event.amount.to_string())
            .text(event.currency.code())
            .text(&event.status)
            .text(&event.provider)
            .value(meaning.map_or(ValueRef::Null, ValueRef::Text))
            .blob(&self.row_hash)
            .finish()
    }

    fn insert_delivery(&self, batch: &mut Batch<'_>, id: u64) -> Result<(), Fault> {
        let mut statement = batch.connection.prepare_cached(
            "INSERT INTO deliveries (id, received_at, secret_label, trace, headers, body, vouched,
                                     sealed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)",
        )?;
        statement.execute(params![
            codec::integer(id),
            self.received_at.as_millis(),
            self.secret_label,
            self.trace,
            self.sealed_headers,
            self.sealed_body,
            codec::vouched_code(self.vouched),
        ])?;
        sealing::keep_key(batch, id, &self.key)
    }

    /// Keeps the delivery beside the event that it contradicts; whether it is the first that does.
    fn keep_conflict(
        &self,
        batch: &mut Batch<'_>,
        event_place: u64,
        envelope: &Envelope,
    ) -> Result<bool, Fault> {
        let hash = codec::hash_of(&self.body);
        let event = codec::integer(event_place);
        let mut statement = batch.connection.prepare_cached(
            "UPDATE conflicts SET count = count + 1 WHERE event = ?1 AND body_hash = ?2",
        )?;
        if statement.execute(params![event, hash.as_bytes()])? > 0 {
            return Ok(false);
        }
        let mut statement = batch
            .connection
            .prepare_cached("SELECT count(*) FROM conflicts WHERE event = ?1")?;
        let kept: i64 = statement.query_row([event], |row| row.get(0))?;
        if kept >= CONFLICTS_PER_EVENT_MAX {
            batch.state.conflicts_unkept = batch.state.conflicts_unkept.saturating_add(1);
            return Ok(false);
        }
        // Of the event that it contradicts, so that it goes when that is shredded. Of one that was,
        // everything is a repeat.
        let Some(key) = sealing::key_of_envelope(batch, envelope)? else {
            return Ok(false);
        };
        let place = |column| safe::conflict(column, event_place, &hash);
        let mut statement = batch.connection.prepare_cached(
            "INSERT INTO conflicts (event, body_hash, received_at, count, headers, body, sealed)
             VALUES (?1, ?2, ?3, 1, ?4, ?5, 1)",
        )?;
        statement.execute(params![
            event,
            hash.as_bytes(),
            self.received_at.as_millis(),
            key.seal(&place("headers"), &self.headers)?,
            key.seal(&place("body"), &self.body)?,
        ])?;
        batch.state.conflicts = batch.state.conflicts.saturating_add(1);
        Ok(kept == 0)
    }
}

impl Operation for Append {
    type Answer = Appended;

    fn bytes(&self) -> usize {
        self.body.len().saturating_add(self.headers.len())
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<Appended, Fault> {
        let (mut delivery, mut anomalies) = (None, Vec::new());
        let events = self.events.iter();
        let events: Result<_, Fault> = events
            .map(|new| self.append_event(batch, new, &mut delivery, &mut anomalies))
            .collect();
        Ok(Appended {
            events: events?,
            anomalies,
        })
    }
}

/// The event that has claimed this key, and its place.
fn find(batch: &Batch<'_>, new: &NewEvent) -> Result<Option<KeptEvent>, Fault> {
    for sequence in batch.keys.events(batch.connection, new.event_prefix)? {
        let kept = rows::event(batch.connection, sequence)?;
        let kept = kept.filter(|kept| kept.outline().event_key == new.event.key);
        if kept.is_some() {
            return Ok(kept);
        }
    }
    Ok(None)
}

fn insert_event(
    batch: &Batch<'_>,
    new: &NewEvent,
    ([sequence, delivery], timestamp): ([u64; 2], Timestamp),
    link: &Link,
) -> Result<(), Fault> {
    let event = &new.event;
    let mut statement = batch.connection.prepare_cached(
        "INSERT INTO events (sequence, delivery, payment_id, timestamp, source, event_id, amount,
                             currency, status, provider, meaning, link)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    let event_id: &dyn rusqlite::ToSql = match &event.key.id {
        EventId::Provider(id) => id,
        EventId::Body(hash) => hash.as_bytes(),
    };
    statement.execute(params![
        codec::integer(sequence),
        codec::integer(delivery),
        event.payment_id,
        timestamp.as_millis(),
        event.key.source.as_str(),
        event_id,
        event.amount.to_string(),
        event.currency.code(),
        event.status,
        event.provider,
        codec::meaning_column(event.meaning.as_ref()),
        link,
    ])?;
    Ok(())
}

/// Distinct conflicting bodies that are kept for one event. One is the common case (a
/// provider that corrected itself); a sender that makes a new body for the same id with every
/// try must not fill the disk. Each one more is answered as a conflict and counted, not kept.
const CONFLICTS_PER_EVENT_MAX: i64 = 16;
