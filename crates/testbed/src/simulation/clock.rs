//! The world's one clock. It stands still until the world moves it, and the world can see what
//! time somebody waits for. It outlives every process.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use domain::time::{Millis, Timestamp};
use engine::clock::{Clock, ManualClock};
use processor::gateway::simulated::Sleep;

/// Where every simulation begins: 2026-01-01T00:00:00Z.
pub const BEGINNING: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// A [`ManualClock`] that knows who waits.
#[derive(Debug, Clone)]
pub struct WorldClock {
    manual: ManualClock,
    sleepers: Arc<Mutex<Sleepers>>,
}

#[derive(Debug, Default)]
struct Sleepers {
    waiting: BTreeSet<(Timestamp, u64)>,
    last_id: u64,
}

/// One who waits; gone when the wait is over or given up.
struct Sleeper<'a> {
    clock: &'a WorldClock,
    entry: (Timestamp, u64),
}

impl WorldClock {
    /// A clock that stands at [`BEGINNING`].
    pub fn new() -> Self {
        Self {
            manual: ManualClock::at(BEGINNING),
            sleepers: Arc::default(),
        }
    }

    /// Moves the clock, forward or back.
    pub fn set(&self, now: Timestamp) {
        self.manual.set(now);
    }

    /// The next time that somebody waits for.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.with(|sleepers| sleepers.waiting.first().map(|(when, _)| *when))
    }

    fn with<T>(&self, look: impl FnOnce(&mut Sleepers) -> T) -> T {
        look(&mut self.sleepers.lock().expect("nobody panics in here"))
    }
}

impl Default for WorldClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        self.manual.now()
    }

    fn sleep_until(&self, when: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            if self.now() >= when {
                return;
            }
            let entry = self.with(|sleepers| {
                sleepers.last_id += 1;
                let entry = (when, sleepers.last_id);
                sleepers.waiting.insert(entry);
                entry
            });
            let _sleeper = Sleeper { clock: self, entry };
            self.manual.sleep_until(when).await;
        })
    }
}

impl Sleep for WorldClock {
    async fn sleep(&self, span: Millis) {
        self.sleep_until(self.now().after(span)).await;
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.clock.with(|sleepers| {
            sleepers.waiting.remove(&self.entry);
        });
    }
}
