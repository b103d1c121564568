//! A sign of life of the runtime that takes webhooks in, for those who ask on another one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// How often it beats.
const PAUSE: Duration = Duration::from_secs(1);

/// Without a beat for so long, something holds every thread of the runtime.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// When the runtime last had a moment.
#[derive(Debug)]
pub(crate) struct Pulse {
    began: Instant,
    /// Milliseconds since then.
    last: AtomicU64,
}

impl Pulse {
    /// One that beats now.
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            last: AtomicU64::new(0),
        }
    }

    /// Beats until told to stop.
    pub(crate) async fn beat(&self, stop: CancellationToken) {
        loop {
            self.last.store(self.now(), Ordering::Relaxed);
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// How long it has been silent, where that is longer than it may be.
    pub(crate) fn silent_for(&self) -> Option<Duration> {
        let last = self.last.load(Ordering::Relaxed);
        let silence = Duration::from_millis(self.now().saturating_sub(last));
        (silence > SILENCE_MAX).then_some(silence)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pulse_that_beats_is_not_silent_and_one_that_stopped_long_ago_is() {
        let mut pulse = Pulse::new();
        let stop = CancellationToken::new();
        stop.cancel();
        pulse.beat(stop).await;
        assert_eq!(pulse.silent_for(), None);
        pulse.began -= SILENCE_MAX + PAUSE;
        assert!(pulse.silent_for() > Some(SILENCE_MAX));
        let stop = CancellationToken::new();
        stop.cancel();
        pulse.beat(stop).await;
        assert_eq!(pulse.silent_for(), None);
    }
}
