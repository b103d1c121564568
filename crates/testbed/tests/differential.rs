//! The comparison of stores sees differences, and none where there is none.

use engine::store::QuarantineBounds;
use engine::store::memory::MemoryStore;
use testbed::differential::compare_with_memory;
use testbed::store_suite::{Ending, MemoryOpener, Opener};

/// A memory store that keeps nothing over a crash.
struct Forgetful(MemoryOpener, QuarantineBounds);

/// A memory store with room for one delivery less in the quarantine.
struct Narrow(MemoryOpener);

/// One with room for some bytes less.
struct Lean(MemoryOpener);

impl Opener for Forgetful {
    type Store = MemoryStore;

    fn new(bounds: QuarantineBounds) -> Self {
        Self(MemoryOpener::new(bounds), bounds)
    }

    async fn open(&mut self) -> MemoryStore {
        self.0.open().await
    }

    async fn end(&mut self, store: MemoryStore, ending: Ending) {
        self.0.end(store, ending).await;
        if ending == Ending::Crash {
            self.0 = MemoryOpener::new(self.1);
        }
    }
}

impl Opener for Narrow {
    type Store = MemoryStore;

    fn new(mut bounds: QuarantineBounds) -> Self {
        bounds.deliveries_max -= 1;
        Self(MemoryOpener::new(bounds))
    }

    async fn open(&mut self) -> MemoryStore {
        self.0.open().await
    }

    async fn end(&mut self, store: MemoryStore, ending: Ending) {
        self.0.end(store, ending).await;
    }
}

impl Opener for Lean {
    type Store = MemoryStore;

    fn new(mut bounds: QuarantineBounds) -> Self {
        bounds.bytes_max -= 200;
        Self(MemoryOpener::new(bounds))
    }

    async fn open(&mut self) -> MemoryStore {
        self.0.open().await
    }

    async fn end(&mut self, store: MemoryStore, ending: Ending) {
        self.0.end(store, ending).await;
    }
}

#[test]
fn the_memory_store_is_like_itself() {
    for seed in 0..3 {
        compare_with_memory::<MemoryOpener>(seed, 250);
    }
}

#[test]
fn a_store_that_forgets_is_found_out() {
    let found = std::panic::catch_unwind(|| compare_with_memory::<Forgetful>(1, 400));
    assert!(found.is_err());
}

#[test]
fn a_store_whose_bound_is_off_by_one_is_found_out() {
    let found = std::panic::catch_unwind(|| compare_with_memory::<Narrow>(1, 400));
    assert!(found.is_err());
}

#[test]
fn a_store_with_less_room_for_bytes_is_found_out() {
    let found = std::panic::catch_unwind(|| compare_with_memory::<Lean>(1, 400));
    assert!(found.is_err());
}
