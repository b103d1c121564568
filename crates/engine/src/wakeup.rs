//! A hint that there may be something to do. It carries no data: whoever wakes re-reads the
//! store, so a lost or spurious wake-up costs time and never work.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::futures::{Notified, OwnedNotified};

/// A hint shared by those who give it and those who wait for it.
#[derive(Debug, Clone, Default)]
pub struct Wakeup(Arc<Notify>);

impl Wakeup {
    /// Wakes the one waiter, or the next one to wait if nobody does.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Wakes everybody who waits now.
    pub fn wake_all(&self) {
        self.0.notify_waiters();
    }

    /// Waits for a hint. One that was given since the last wait counts, so look at the store
    /// *before* awaiting this future, and none is missed.
    pub fn wait(&self) -> Notified<'_> {
        self.0.notified()
    }

    /// Waits for the next [`Self::wake_all`], counting from this call and not from the await.
    pub fn wait_all(&self) -> Pin<Box<OwnedNotified>> {
        let mut notified = Box::pin(Arc::clone(&self.0).notified_owned());
        notified.as_mut().enable();
        notified
    }
}
