//! Settlements by themselves, in plain maps.

use domain::task::RecordChange;
use domain::time::Timestamp;

use super::MemoryStore;
use crate::store::{Settled, Settlements, Unavailable};

impl Settlements for MemoryStore {
    async fn settle(&self, change: &RecordChange, now: Timestamp) -> Result<Settled, Unavailable> {
        let settled = self.write(|running| {
            if !running.disk.records.contains_key(&change.key) {
                return Settled::NoRecord;
            }
            match running.disk.change_all(std::slice::from_ref(change), now) {
                true => Settled::Done,
                false => Settled::Refused,
            }
        });
        self.feed_wakeup.wake();
        settled
    }
}
