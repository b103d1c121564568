//! Starts the loops, watches them, and stops them in order.
//!
//! A panic in a loop is a bug, and no reason to stop taking webhooks in: it is said, counted,
//! and the loop begins again from what the store holds, after a pause that grows.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, warn};

use crate::metrics::{LoopLabel, Metrics};

/// The pause before a loop that panicked begins again, and the longest such pause.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// A group of loops that are stopped together. Stop groups one after the other: the front door
/// first, so that what was taken in can still be seen through.
#[derive(Debug)]
pub struct Supervisor {
    stop: CancellationToken,
    tracker: TaskTracker,
    runtime: Handle,
    metrics: Arc<Metrics>,
}

impl Supervisor {
    /// A group without loops, which run on the caller's runtime.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self::on(Handle::current(), metrics)
    }

    /// A group without loops, which run on `runtime`.
    pub fn on(runtime: Handle, metrics: Arc<Metrics>) -> Self {
        Self {
            stop: CancellationToken::new(),
            tracker: TaskTracker::new(),
            runtime,
            metrics,
        }
    }

    /// Starts a loop. `body` is given the token that asks it to stop, and is called again when
    /// it panicked; one that returns is over.
    pub fn start<F>(
        &self,
        name: &'static str,
        body: impl Fn(CancellationToken) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        let metrics = Arc::clone(&self.metrics);
        let watched = async move {
            let mut pause = PAUSES.0;
            while AssertUnwindSafe(body(stop.clone()))
                .catch_unwind()
                .await
                .is_err()
            {
                metrics
                    .panics
                    .get_or_create(&LoopLabel {
                        name: name.to_owned(),
                    })
                    .inc();
                error!(
                    name,
                    "a loop panicked; it begins again from what the store holds"
                );
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = stop.cancelled() => break,
                }
                pause = pause.saturating_mul(2).min(PAUSES.1);
            }
            debug!(name, "a loop has ended");
        };
        self.tracker.spawn_on(watched, &self.runtime);
    }

    /// Asks every loop to stop and waits for them, at most for `patience`. Says whether all of
    /// them ended; one that did not loses nothing that is durable.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        let ended = tokio::time::timeout(patience, self.tracker.wait())
            .await
            .is_ok();
        if !ended {
            warn!(left = self.tracker.len(), "some loops did not end in time");
        }
        ended
    }
}
