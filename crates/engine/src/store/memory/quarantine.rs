//! The quarantine: a map by id, searched by source and body.

use domain::delivery::RawDelivery;
use domain::time::Timestamp;

use super::{MemoryDisk, MemoryStore};
use crate::store::{
    Page, Quarantine, QuarantineBounds, QuarantineWard, QuarantinedDelivery, QuarantinedSummary,
    Unavailable,
};

/// A refused delivery as it last came, and its first time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quarantined {
    latest: QuarantinedDelivery,
    first_received_at: Timestamp,
    count: u64,
}

impl Quarantine for MemoryStore {
    async fn quarantine(&self, refused: QuarantinedDelivery) -> Result<(), Unavailable> {
        self.write(|running| {
            running.disk.keep_apart(refused);
            running.disk.make_room(self.quarantine_bounds);
        })
    }
}

impl QuarantineWard for MemoryStore {
    async fn discharge(&self, id: u64) -> Result<bool, Unavailable> {
        self.write(|running| running.disk.quarantined.remove(&id).is_some())
    }

    fn list_quarantined(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<QuarantinedSummary>, Unavailable> {
        let running = self.look()?;
        let newest_first = running.disk.quarantined.iter().rev();
        let items = newest_first.map(|(id, each)| (*id, each));
        let summary = |id, each: &Quarantined| Some(each.summary(id));
        Ok(super::inspect::page(items, before, limit, summary))
    }

    fn quarantined(
        &self,
        id: u64,
    ) -> Result<Option<(QuarantinedSummary, RawDelivery)>, Unavailable> {
        let running = self.look()?;
        let found = running.disk.quarantined.get(&id);
        Ok(found.map(|each| (each.summary(id), each.latest.delivery.clone())))
    }
}

impl MemoryDisk {
    fn keep_apart(&mut self, refused: QuarantinedDelivery) {
        let same = |each: &&mut Quarantined| {
            let held = &each.latest.delivery;
            held.source == refused.delivery.source && held.body == refused.delivery.body
        };
        if let Some(each) = self.quarantined.values_mut().find(same) {
            each.latest = refused;
            each.count += 1;
            return;
        }
        self.quarantine_id += 1;
        let quarantined = Quarantined {
            first_received_at: refused.delivery.received_at,
            latest: refused,
            count: 1,
        };
        self.quarantined.insert(self.quarantine_id, quarantined);
    }

    /// The oldest is the one that came first, however often it came again. The bounds hold
    /// always: a delivery that is larger than all the room does not stay either.
    fn make_room(&mut self, bounds: QuarantineBounds) {
        let bytes = |disk: &Self| {
            disk.quarantined
                .values()
                .map(Quarantined::bytes)
                .sum::<u64>()
        };
        while self.quarantined.len() as u64 > bounds.deliveries_max
            || bytes(self) > bounds.bytes_max
        {
            self.quarantined.pop_first();
        }
    }
}

impl Quarantined {
    /// Bytes of the body, and of the headers' names and values.
    fn bytes(&self) -> u64 {
        let delivery = &self.latest.delivery;
        let headers = delivery.headers.iter();
        let header_bytes = headers.map(|(name, value)| name.len() + value.len());
        (delivery.body.len() + header_bytes.sum::<usize>()) as u64
    }

    fn summary(&self, id: u64) -> QuarantinedSummary {
        let delivery = &self.latest.delivery;
        QuarantinedSummary {
            id,
            source: delivery.source.clone(),
            body_hash: delivery.body_hash(),
            body_bytes: delivery.body.len() as u64,
            reason: self.latest.reason,
            first_received_at: self.first_received_at,
            last_received_at: delivery.received_at,
            count: self.count,
            trace: self.latest.trace,
        }
    }
}
