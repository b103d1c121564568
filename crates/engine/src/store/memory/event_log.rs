//! Custody in plain maps.

use bytes::Bytes;
use domain::delivery::BodyHash;
use domain::event::{EventKeyDigest, PaymentEvent};
use domain::limits;
use domain::payment::{self, Anomaly, PaymentRules};
use domain::record::{EventRecord, RecordKey};
use domain::settlement::Settlement;
use domain::stream::Sequence;
use domain::time::{Millis, Timestamp};

use super::{Kept, MemoryDisk, MemoryStore};
use crate::store::{Appended, ConflictSummary, Custody, EventLog, NotKept, Outcome, Unavailable};

impl EventLog for MemoryStore {
    async fn append_once(&self, custody: Custody) -> Result<Appended, NotKept> {
        let appended = self.write(|running| {
            let mut appended = Appended {
                events: Vec::new(),
                anomalies: Vec::new(),
            };
            let mut delivery = None;
            for event in custody.admitted.events() {
                let (outcome, key) = running.disk.append(&custody, event, &mut delivery);
                let found = match outcome {
                    Outcome::Stored => running.disk.find_anomalies(&key, custody.rules),
                    Outcome::Conflict => running.disk.first_conflict(&key),
                    Outcome::Duplicate => Vec::new(),
                };
                running.disk.keep_anomalies(&key, &found);
                let named = found.into_iter().map(|anomaly| (key.clone(), anomaly));
                appended.anomalies.extend(named);
                appended.events.push((outcome, key));
            }
            appended
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

    async fn settled_before(
        &self,
        record: &EventRecord,
    ) -> Result<Option<EventRecord>, Unavailable> {
        let running = self.look()?;
        let others = running.disk.records.values().rev().map(|kept| &kept.record);
        let mut settled = others.filter(|other| {
            other.key != record.key
                && other.tells_the_same_as(record)
                && matches!(other.settlement, Settlement::Completed { .. })
        });
        Ok(settled.next().cloned())
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
        custody: &Custody,
        event: &PaymentEvent,
        delivery: &mut Option<Sequence>,
    ) -> (Outcome, RecordKey) {
        let raw = custody.admitted.delivery();
        let claimed = self.claims.get(&event.key.digest()).cloned();
        if let Some((key, first)) =
            claimed.and_then(|key| self.records.get_mut(&key).map(|first| (key, first)))
        {
            if first.record.is_repeated_by(event, &raw.body) {
                return (Outcome::Duplicate, key);
            }
            first.count_conflict(raw.body_hash(), &raw.body, raw.received_at);
            return (Outcome::Conflict, key);
        }
        let key = RecordKey {
            payment_id: event.payment_id.clone(),
            timestamp: self.free_timestamp(&event.payment_id, raw.received_at),
        };
        let record = EventRecord::new(key.clone(), event, raw, custody.trace);
        // The only clock that is known here is the one that received the delivery.
        let inserted = self.tell(raw.received_at, None, &record);
        self.claims.insert(event.key.digest(), key.clone());
        let kept = Kept {
            record,
            headers: raw.headers.clone(),
            secret_label: custody.admitted.secret_label().to_owned(),
            vouched: custody.admitted.vouched(),
            inserted,
            delivery: *delivery.get_or_insert(inserted),
            conflicts: Vec::new(),
            anomalies: Vec::new(),
        };
        self.records.insert(key.clone(), kept);
        (Outcome::Stored, key)
    }

    /// Works out what the event of this record brings to its payment.
    fn find_anomalies(&self, key: &RecordKey, rules: PaymentRules) -> Vec<Anomaly> {
        let new = self.records.get(key);
        let Some((new, told)) = new.and_then(|new| Some((new, new.record.told()?))) else {
            return Vec::new();
        };
        let source = &new.record.event_key.source;
        let bound = |millis| RecordKey {
            payment_id: key.payment_id.clone(),
            timestamp: Timestamp::from_millis(millis),
        };
        let others = self.records.range(bound(i64::MIN)..=bound(i64::MAX)).rev();
        let known: Vec<_> = others
            .filter(|(other, _)| *other != key)
            .take(limits::PAYMENT_EVENTS_COMPARED_MAX)
            .filter(|(_, kept)| kept.record.event_key.source == *source)
            .filter_map(|(_, kept)| kept.record.told())
            .collect();
        payment::anomalies_of(rules, &known, told)
    }

    /// The anomaly of a conflict; only the first that an event has is one.
    fn first_conflict(&self, key: &RecordKey) -> Vec<Anomaly> {
        let known = self.records.get(key);
        let is_known = known.is_some_and(|kept| kept.anomalies.contains(&Anomaly::Conflict));
        Vec::from_iter((!is_known).then_some(Anomaly::Conflict))
    }

    fn keep_anomalies(&mut self, key: &RecordKey, found: &[Anomaly]) {
        if let Some(kept) = self.records.get_mut(key) {
            kept.anomalies.extend(found);
            let inserted = kept.inserted;
            let listed = found
                .iter()
                .map(|anomaly| (inserted, key.clone(), *anomaly));
            self.anomalies.extend(listed);
        }
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
