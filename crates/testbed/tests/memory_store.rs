//! The memory store keeps every word of the ports.

use engine::store::QuarantineBounds;
use engine::store::memory::{MemoryDisk, MemoryStore};
use testbed::store_suite::{Ending, Opener};

struct MemoryOpener {
    bounds: QuarantineBounds,
    disk: MemoryDisk,
}

impl Opener for MemoryOpener {
    type Store = MemoryStore;

    fn new(bounds: QuarantineBounds) -> Self {
        Self {
            bounds,
            disk: MemoryDisk::default(),
        }
    }

    async fn open(&mut self) -> MemoryStore {
        MemoryStore::reopen(std::mem::take(&mut self.disk), self.bounds)
    }

    // Nothing waits to be written, so both ends are one.
    async fn end(&mut self, store: MemoryStore, _ending: Ending) {
        self.disk = store.crash();
    }
}

testbed::store_suite!(MemoryOpener);
