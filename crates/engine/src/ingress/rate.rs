//! How often something may happen: so many at once, and so many a second after that.
//!
//! Pure: whoever asks tells the time.

use domain::time::{Millis, Timestamp};

/// A rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// What is earned back each second; at least 1.
    pub per_second: u32,
    /// Most at once; at least 1.
    pub burst: u32,
}

/// What has been spent of a [`Rate`]. One number, so that thousands of them cost nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    /// When everything will have been earned back, in microseconds since 1970.
    whole_again_us: i64,
}

impl Rate {
    fn pause_us(self) -> i64 {
        1_000_000 / i64::from(self.per_second.max(1))
    }
}

impl Spent {
    /// Takes one, or says how long it takes until there is one again.
    pub(crate) fn take(&mut self, rate: Rate, now: Timestamp) -> Result<(), Millis> {
        let now_us = now.as_millis().saturating_mul(1000);
        let pause_us = rate.pause_us();
        let all_us = pause_us.saturating_mul(i64::from(rate.burst.max(1)));
        // No more than everything can be spent. A clock that was set back has it forgotten.
        let latest = now_us.saturating_add(all_us);
        let whole_again = self.whole_again_us.clamp(now_us, latest);
        let next = whole_again.saturating_add(pause_us);
        if next > latest {
            self.whole_again_us = whole_again;
            let wait_us = u64::try_from(next - latest).unwrap_or(0);
            return Err(Millis::new(wait_us.div_ceil(1000)));
        }
        self.whole_again_us = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        per_second: 4,
        burst: 3,
    };

    #[test]
    fn so_many_at_once_and_then_as_time_goes_by() {
        let mut spent = Spent::default();
        let start = 1_000_000_000;
        for (millis, expected) in [
            (0, Ok(())),
            (0, Ok(())),
            (0, Ok(())),
            (0, Err(250)),
            (0, Err(250)),
            (249, Err(1)),
            (250, Ok(())),
            (250, Err(250)),
            // What is earned while nothing happens is no more than the burst.
            (100_000, Ok(())),
            (100_000, Ok(())),
            (100_000, Ok(())),
            (100_000, Err(250)),
            // A clock that is set back costs nobody more than the burst takes.
            (-9_000_000, Err(250)),
            (-8_999_750, Ok(())),
        ] {
            let taken = spent.take(RATE, Timestamp::from_millis(start + millis));
            assert_eq!(taken, expected.map_err(Millis::new), "at {millis}");
        }
    }

    #[test]
    fn no_rate_and_no_time_overflow() {
        for (per_second, burst) in [(0, 0), (1, u32::MAX), (u32::MAX, u32::MAX), (u32::MAX, 1)] {
            let rate = Rate { per_second, burst };
            for millis in [i64::MIN, -1, 0, i64::MAX] {
                let mut spent = Spent::default();
                let now = Timestamp::from_millis(millis);
                let _ = (spent.take(rate, now), spent.take(rate, now));
            }
        }
    }
}
