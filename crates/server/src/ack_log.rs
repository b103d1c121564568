//! How fast webhooks are answered, written down minute by minute: what a person asks for the day
//! after, when no metrics were collected.

use std::time::Duration;

use domain::time::{Millis, Timestamp};
use engine::clock::Clock;
use engine::metrics::{Buckets, Metrics};
use engine::store::{Acks, Trends};
use tokio_util::sync::CancellationToken;
use tracing::warn;

const MINUTE: Millis = Millis::from_secs(60);

/// Writes each minute down when it is over, and the last one when asked to stop. A minute that cannot
/// be written is missing.
pub(crate) async fn keep<S: Trends>(
    store: &S,
    metrics: &Metrics,
    clock: &dyn Clock,
    stop: CancellationToken,
) {
    let mut before = Buckets::of(&metrics.ack_seconds);
    while !stop.is_cancelled() {
        let minute = minute_of(clock.now());
        tokio::select! {
            () = clock.sleep_until(minute.after(MINUTE)) => {}
            () = stop.cancelled() => {}
        }
        let now = Buckets::of(&metrics.ack_seconds);
        let Some(acks) = acks(minute, &now.since(&before)) else {
            continue;
        };
        before = now;
        if let Err(unavailable) = store.keep_acks(acks).await {
            warn!(%unavailable, "how fast webhooks were answered could not be written down");
        }
    }
}

fn minute_of(now: Timestamp) -> Timestamp {
    let millis = i64::try_from(MINUTE.get()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().div_euclid(millis).saturating_mul(millis))
}

/// What came in a minute; `None` when nothing did.
fn acks(minute: Timestamp, lately: &Buckets) -> Option<Acks> {
    let within = |percent| lately.percentile(percent).map(Duration::from_secs_f64);
    Some(Acks {
        minute,
        webhooks: lately.count(),
        median: within(50.0)?,
        p99: within(99.0)?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use engine::clock::ManualClock;
    use engine::store::QuarantineBounds;
    use engine::store::memory::MemoryStore;

    use super::*;

    /// Lets the loop run until it waits.
    async fn settle() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn each_minute_in_which_something_came_is_written_down_and_so_is_the_last() {
        let bounds = QuarantineBounds {
            deliveries_max: 1,
            bytes_max: 1,
        };
        let store = Arc::new(MemoryStore::new(bounds));
        let metrics = Arc::new(Metrics::default());
        let at = Timestamp::from_millis;
        let clock = ManualClock::at(at(90_000));
        let stop = CancellationToken::new();
        let kept = keep(&*store, &metrics, &clock, stop.clone());
        let moved = async {
            settle().await;
            for _ in 0..3 {
                metrics.ack_seconds.observe(0.000_9);
            }
            for now in [120_000, 180_000] {
                clock.set(at(now));
                settle().await;
            }
            metrics.ack_seconds.observe(2.0);
            stop.cancel();
        };
        tokio::join!(kept, moved);
        let acks = store.acks(at(0)).unwrap();
        let told: Vec<_> = acks
            .iter()
            .map(|acks| (acks.minute.as_millis(), acks.webhooks))
            .collect();
        assert_eq!(told, [(60_000, 3), (180_000, 1)]);
        let second = acks.last().unwrap();
        assert!(second.p99 > Duration::from_secs(1) && second.median <= second.p99);
        let first = acks.first().unwrap();
        assert!(first.p99 < Duration::from_millis(2) && first.p99 > Duration::ZERO);
    }
}
