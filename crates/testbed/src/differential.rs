//! The same random operations against the readable memory store and any other, with every
//! answer and everything that can be seen compared after each.
//!
//! What happens follows from the seed alone. A run goes on until every kind of operation has
//! come to every kind of end at least once, so that no run passes by having done nothing.

mod operation;
mod workload;

use std::collections::BTreeSet;

use engine::store::{ChangeFeed as _, Executions as _, QuarantineBounds};

use crate::observed::Observed;
use crate::store_suite::{Ending, MemoryOpener, StoreOpener, block_on};
use operation::Operation;
use workload::Workload;

/// Room for few deliveries and few bytes, so that both bounds are met: as many as fit of the short ones,
/// and fewer where those of Stripe are among them.
const BOUNDS: QuarantineBounds = QuarantineBounds {
    deliveries_max: 8,
    bytes_max: 2_800,
};

/// A run that has not seen every kind of end by so many times the operations that were asked
/// for never will.
const PATIENCE: usize = 20;

/// Compares the store behind `O` with the memory store, over at least this many operations.
///
/// # Panics
/// When an answer or anything that can be seen differs. The seed and every operation up to
/// that point are printed.
pub fn compare_with_memory<O: StoreOpener>(seed: u64, operations: usize) {
    block_on(run::<O>(seed, operations));
}

/// A store, and how it is ended and opened again.
struct Side<O: StoreOpener> {
    opener: O,
    store: O::Store,
}

/// What was done so far; told when a comparison fails.
struct Log {
    seed: u64,
    operations: Vec<Operation>,
}

async fn run<O: StoreOpener>(seed: u64, operations: usize) {
    let mut log = Log {
        seed,
        operations: Vec::new(),
    };
    let mut workload = Workload::new(seed);
    let mut model = Side::<MemoryOpener>::new().await;
    let mut other = Side::<O>::new().await;
    let mut seen = BTreeSet::new();
    let wanted: BTreeSet<_> = operation::ENDS.into();
    while log.operations.len() < operations || seen != wanted {
        assert!(
            log.operations.len() < operations.saturating_mul(PATIENCE),
            "these never happened: {:?}",
            wanted.difference(&seen).collect::<Vec<_>>()
        );
        let head = model.store.feed_head().expect("readable");
        let cursor = model.store.pipe_cursor().expect("readable");
        let operation = workload.next(head, cursor);
        log.operations.push(operation.clone());
        if let Operation::Reopen(ending) = operation {
            model = model.reopened(ending).await;
            other = other.reopened(ending).await;
        }
        let answer = operation.apply(&model.store).await;
        assert_eq!(operation.apply(&other.store).await, answer, "the answers");
        other.observed().await.assert_like(&model.observed().await);
        assert_eq!(
            other.store.next_due(),
            model.store.next_due(),
            "the next due time"
        );
        workload.learn(&operation, &answer);
        seen.insert(operation.end(&answer));
    }
}

impl<O: StoreOpener> Side<O> {
    async fn new() -> Self {
        let mut opener = O::new(BOUNDS);
        let store = opener.open().await;
        Self { opener, store }
    }

    async fn reopened(mut self, ending: Ending) -> Self {
        self.opener.end(self.store, ending).await;
        self.store = self.opener.open().await;
        self
    }

    async fn observed(&self) -> Observed {
        Observed::of(&self.store).await.without_quarantine_ids()
    }
}

impl Drop for Log {
    #[expect(clippy::print_stderr, reason = "a failing run tells what replays it")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (number, operation) in self.operations.iter().enumerate() {
                eprintln!("{number:4} {operation:?}");
            }
            let last = self.operations.len().saturating_sub(1);
            eprintln!(
                "seed {}: the stores differ after operation {last}",
                self.seed
            );
        }
    }
}
