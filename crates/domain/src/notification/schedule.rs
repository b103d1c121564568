//! When an endpoint that could not be told is tried again.

use alloc::vec::Vec;

use crate::limits;
use crate::time::{Millis, Timestamp};

/// The waits before the attempts, the first one's included. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Vec<Millis>);

/// Why a list of waits is no schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    /// It has no attempt, or too many.
    #[error("it has {attempts} attempts; 1 to {max} are possible", max = limits::NOTIFY_ATTEMPTS_MAX)]
    Attempts {
        /// How many it has.
        attempts: usize,
    },
    /// A wait is longer than is reasonable.
    #[error("one wait is over {} days", limits::NOTIFY_WAIT_MAX.get() / 86_400_000)]
    Wait,
}

impl Schedule {
    /// The schedule that Standard Webhooks recommends: ten attempts in a little over three days.
    pub const STANDARD_SECONDS: [u64; 10] = [
        0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400,
    ];

    /// A schedule with these waits: the first before the first attempt, each other one after the
    /// attempt before it has failed.
    ///
    /// # Errors
    /// See [`InvalidSchedule`].
    pub fn try_new(waits: Vec<Millis>) -> Result<Self, InvalidSchedule> {
        let attempts = waits.len();
        if !(1..=limits::NOTIFY_ATTEMPTS_MAX).contains(&attempts) {
            return Err(InvalidSchedule::Attempts { attempts });
        }
        if waits.iter().any(|wait| *wait > limits::NOTIFY_WAIT_MAX) {
            return Err(InvalidSchedule::Wait);
        }
        Ok(Self(waits))
    }

    /// When the attempt after `attempts` others may be made, asked at `now`; `None` when that was
    /// the last. `asked` is how long the endpoint asked to be left alone, which is heeded where
    /// it is longer. `luck` spreads what failed together, by up to a tenth of the wait.
    pub fn next(
        &self,
        attempts: u32,
        asked: Option<Millis>,
        luck: u64,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let wait = *self.0.get(usize::try_from(attempts).ok()?)?;
        let tenth = wait.get() / 10;
        // A tenth is at least nothing, so the divisor is at least 1.
        let spread = luck.checked_rem(tenth.saturating_add(1)).unwrap_or(0);
        let wait = Millis::new(wait.get().saturating_add(spread));
        Some(now.after(asked.map_or(wait, |asked| asked.max(wait))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn schedule(seconds: &[u64]) -> Result<Schedule, InvalidSchedule> {
        Schedule::try_new(seconds.iter().copied().map(Millis::from_secs).collect())
    }

    #[test]
    fn attempts_come_after_their_waits_and_end() {
        let schedule = schedule(&[0, 5, 300]).unwrap();
        for (attempts, asked, luck, wait) in [
            (0, None, 0, Some(0)),
            (0, None, u64::MAX, Some(0)),
            (1, None, 0, Some(5_000)),
            (1, None, 500, Some(5_500)),
            (1, None, 501, Some(5_000)),
            (1, Some(4_000), 0, Some(5_000)),
            (1, Some(60_000), 0, Some(60_000)),
            (2, None, 30_000, Some(330_000)),
            (3, None, 0, None),
            (3, Some(1), 0, None),
            (u32::MAX, None, 0, None),
        ] {
            let now = Timestamp::from_millis(1_000);
            let due = schedule.next(attempts, asked.map(Millis::new), luck, now);
            let found = due.map(|due| due.since(now).get());
            assert_eq!(found, wait, "{attempts} {asked:?} {luck}");
        }
    }

    #[test]
    fn both_sides_of_each_bound() {
        let days = limits::NOTIFY_WAIT_MAX.get() / 1000;
        let most = limits::NOTIFY_ATTEMPTS_MAX;
        let attempts = |attempts| Err(InvalidSchedule::Attempts { attempts });
        assert!(schedule(&Schedule::STANDARD_SECONDS).is_ok());
        assert!(schedule(&vec![days; most]).is_ok());
        assert_eq!(schedule(&[]), attempts(0));
        assert_eq!(
            schedule(&vec![0; most.saturating_add(1)]),
            attempts(most.saturating_add(1))
        );
        assert_eq!(
            schedule(&[0, days.saturating_add(1)]),
            Err(InvalidSchedule::Wait)
        );
    }
}
