//! Custody in plain maps.

use bytes::Bytes;
use domain::delivery::{BodyHash, RawDelivery};
use domain::event::{EventKeyDigest, PaymentEvent};
use domain::record::{EventRecord, RecordKey};
use domain::settlement::Settlement;
use domain::signature::Verified;
use domain::time::{Millis, Timestamp};
use domain::trace::TraceContext;

use super::{Kept, MemoryDisk, MemoryStore};
use crate::store::{Appended, ConflictSummary, Custody, EventLog, NotKept, Outcome, Unavailable};

impl EventLog for MemoryStore {
    async fn append_once(&self, custody: Custody) -> Result<Appended, NotKept> {
        let delivery = custody.admitted.delivery();
        let appended = self.write(|running| {
            let append = |event| running.disk.append(delivery, event, custody.trace);
            Appended {
                events: custody.admitted.events().iter().map(append).collect(),
            }
        });
        self.feed_wakeup.wake();
        Ok(appended?)
    }

    fn takes_custody(&self) -> Result<(), Unavailable> {
        self.look()?.faults.refuses_writes().map_or(Ok(()), Err)
    }

    async fn record(&self, key: &RecordKey) -> Result<Option<EventRecord>, Unavailable> {
        let running = self.look()?;
        Ok(running
            .disk
            .records
            .get(key)
            .map(|kept| kept.record.clone()))
    }

    async fn find_event(&self, event: &EventKeyDigest) -> Result<Option<RecordKey>, Unavailable> {
        Ok(self.look()?.disk.claims.get(event).cloned())
    }
}

impl MemoryDisk {
    /// Events of one delivery are appended one after the other, so that a key which stands
    /// twice in it is a duplicate of itself.
    fn append(
        &mut self,
        delivery: &Verified<RawDelivery>,
        event: &PaymentEvent,
        trace: TraceContext,
    ) -> (Outcome, RecordKey) {
        let raw = delivery.get();
        let claimed = self.claims.get(&event.key.digest()).cloned();
        if let Some((key, first)) =
            claimed.and_then(|key| self.records.get_mut(&key).map(|first| (key, first)))
        {
            if first.record.raw_payload == raw.body {
                return (Outcome::Duplicate, key);
            }
            first.count_conflict(raw.body_hash(), &raw.body, raw.received_at);
            return (Outcome::Conflict, key);
        }
        let key = RecordKey {
            payment_id: event.payment_id.clone(),
            timestamp: self.free_timestamp(&event.payment_id, raw.received_at),
        };
        let record = EventRecord {
            key: key.clone(),
            event_key: event.key.clone(),
            amount: event.amount,
            currency: event.currency,
            provider_status: event.status.clone(),
            provider: event.provider.clone(),
            received_at: raw.received_at,
            raw_payload: raw.body.clone(),
            trace,
            settlement: Settlement::Received,
        };
        // The only clock that is known here is the one that received the delivery.
        let inserted = self.tell(raw.received_at, None, &record);
        self.claims.insert(event.key.digest(), key.clone());
        let kept = Kept {
            record,
            headers: raw.headers.clone(),
            secret_label: delivery.secret_label().to_owned(),
            inserted,
            conflicts: Vec::new(),
        };
        self.records.insert(key.clone(), kept);
        (Outcome::Stored, key)
    }

    /// The first timestamp from `received_at` on that is later than all of the payment's.
    fn free_timestamp(&self, payment_id: &str, received_at: Timestamp) -> Timestamp {
        let bound = |millis| RecordKey {
            payment_id: payment_id.to_owned(),
            timestamp: Timestamp::from_millis(millis),
        };
        let newest = self
            .records
            .range(bound(i64::MIN)..=bound(i64::MAX))
            .next_back();
        newest.map_or(received_at, |(newest, _)| {
            received_at.max(newest.timestamp.after(Millis::new(1)))
        })
    }
}

impl Kept {
    fn count_conflict(&mut self, body_hash: BodyHash, body: &Bytes, received_at: Timestamp) {
        let seen = |conflict: &&mut ConflictSummary| conflict.body_hash == body_hash;
        if let Some(conflict) = self.conflicts.iter_mut().find(seen) {
            conflict.count += 1;
        } else {
            self.conflicts.push(ConflictSummary {
                body_hash,
                body: body.clone(),
                received_at,
                count: 1,
            });
        }
    }
}
