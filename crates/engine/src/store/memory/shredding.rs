//! Shredding in plain maps: what goes is taken out wherever it stands.

use std::collections::BTreeSet;

use bytes::Bytes;
use domain::delivery::Headers;
use domain::record::RecordKey;
use domain::settlement::Settlement;
use domain::stream::Sequence;
use domain::time::Timestamp;
use serde_json::{Value, json};

use super::{MemoryDisk, MemoryStore};
use crate::store::{ExecutionStatus, Shred, Shredded, Shredding, Unavailable};

impl Shredding for MemoryStore {
    async fn shred(&self, shred: Shred) -> Result<Shredded, Unavailable> {
        self.write(|running| running.disk.shred(&shred))
    }
}

impl MemoryDisk {
    fn shred(&mut self, shred: &Shred) -> Shredded {
        let mut named = BTreeSet::new();
        let mut deliveries = BTreeSet::new();
        for &event in &shred.events {
            let change = self.change(event);
            let Some(kept) = change.and_then(|change| self.records.get(&change.key)) else {
                return Shredded::NoSuch { event };
            };
            named.insert(kept.inserted);
            deliveries.insert(kept.delivery);
        }
        let all: BTreeSet<Sequence> = self
            .records
            .values()
            .filter(|kept| deliveries.contains(&kept.delivery))
            .map(|kept| kept.inserted)
            .collect();
        if !shred.with_others && all != named {
            let others = all.difference(&named).copied().collect();
            return Shredded::Shared { others };
        }
        for &event in &all {
            if self.needs_its_bytes(event, shred.with_unread) {
                return Shredded::Busy { event };
            }
        }
        for &event in &all {
            self.destroy(event, shred.at);
        }
        Shredded::Done {
            events: all.into_iter().collect(),
        }
    }

    fn needs_its_bytes(&self, event: Sequence, with_unread: bool) -> bool {
        self.entries_of(event).into_iter().any(|entry| {
            let execution = self.executions.get(&entry);
            (entry > self.cursor && !with_unread)
                || execution.is_some_and(|each| each.status == ExecutionStatus::Running)
        })
    }

    fn destroy(&mut self, event: Sequence, at: Timestamp) {
        let entries = self.entries_of(event);
        let Some(key) = self.change(event).map(|change| change.key.clone()) else {
            return;
        };
        let Some(kept) = self.records.get_mut(&key) else {
            return;
        };
        if kept.record.shredded_at.is_some() {
            return;
        }
        kept.record.shredded_at = Some(at);
        kept.record.raw_payload = Bytes::new();
        kept.headers = Headers::default();
        if let Settlement::Failed { cause, .. } = &mut kept.record.settlement {
            cause.clear();
        }
        for conflict in &mut kept.conflicts {
            conflict.body = Bytes::new();
        }
        self.forget_images(&key, at);
        for entry in entries {
            if let Some(execution) = self.executions.get_mut(&entry) {
                execution.snapshot = None;
                execution.steps.clear();
            }
        }
    }

    fn forget_images(&mut self, key: &RecordKey, at: Timestamp) {
        let of_record = self.feed.iter_mut().filter(|change| change.key == *key);
        for change in of_record {
            let images = [&mut change.old_image, &mut change.new_image];
            for image in images.into_iter().flatten() {
                let Value::Object(attributes) = image else {
                    continue;
                };
                attributes.remove("rawPayload");
                attributes.insert("shreddedAt".to_owned(), json!({ "S": at.to_iso() }));
                if let Some(cause) = attributes.get_mut("cause") {
                    *cause = json!({ "S": "" });
                }
            }
        }
    }

    /// Every entry about the event that was inserted here.
    fn entries_of(&self, event: Sequence) -> Vec<Sequence> {
        let Some(key) = self.change(event).map(|change| &change.key) else {
            return Vec::new();
        };
        let of_record = self.feed.iter().filter(|change| change.key == *key);
        of_record.map(|change| change.sequence).collect()
    }
}
