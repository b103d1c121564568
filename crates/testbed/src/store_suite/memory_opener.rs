//! How the suite gets at the memory store.

use engine::store::QuarantineBounds;
use engine::store::memory::{MemoryDisk, MemoryStore};

use super::{Ending, Opener};

/// A place for memory stores: their disk, between one and the next.
#[derive(Debug)]
pub struct MemoryOpener {
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
