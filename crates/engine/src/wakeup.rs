//! A hint that there may be something to do. It carries no data: whoever wakes re-reads the
//! store, so a lost or spurious wake-up costs time and never work.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// A hint shared by those who give it and the one who waits for it.
#[derive(Debug, Clone, Default)]
pub struct Wakeup(Arc<Notify>);

impl Wakeup {
    /// Wakes the waiter, or the next one to wait if nobody does.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Waits for a hint. One that was given since the last wait counts, so look at the store
    /// *after* taking this future and before awaiting it, and none is missed.
    pub fn wait(&self) -> Notified<'_> {
        self.0.notified()
    }
}
