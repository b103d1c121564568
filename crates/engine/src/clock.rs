//! Time and luck, asked for in one place each, so that a test can move the one and seed the
//! other.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::time::Timestamp;
use rand::RngExt as _;

use crate::wakeup::Wakeup;

/// What time it is, and waiting for a later one.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Returns at `when` or a little after; at once when that has passed. Never early.
    fn sleep_until(&self, when: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Luck: ids and jitter.
pub trait Luck: Send + Sync + 'static {
    /// 64 bits that nobody can foresee, or that a test's seed decides.
    fn next_u64(&self) -> u64;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// A clock that stands still until a test moves it.
#[derive(Debug, Clone)]
pub struct ManualClock {
    now: Arc<Mutex<Timestamp>>,
    moved: Wakeup,
}

/// The operating system's luck, through a generator of this thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLuck;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the wall clock is asked"
    )]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep_until(&self, when: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // The wall clock may be set back while we sleep; look again, and never sleep so
            // long that a step forward is noticed late.
            loop {
                let left = when.since(self.now()).to_duration();
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(Duration::from_secs(5))).await;
            }
        })
    }
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now: Arc::new(Mutex::new(now)),
            moved: Wakeup::default(),
        }
    }

    /// Moves the clock, forward or back.
    pub fn set(&self, now: Timestamp) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
        self.moved.wake_all();
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep_until(&self, when: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            loop {
                let moved = self.moved.wait_all();
                if self.now() >= when {
                    return;
                }
                moved.await;
            }
        })
    }
}

impl Luck for SystemLuck {
    fn next_u64(&self) -> u64 {
        rand::rng().random()
    }
}
