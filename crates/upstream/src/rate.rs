//! So many a second, and a second's worth at once.

use std::sync::{Mutex, PoisonError};

use domain::time::{Millis, Timestamp};

/// A bucket that fills at a rate and holds what it gives in one second.
#[derive(Debug)]
pub(crate) struct Rate {
    per_second: u32,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// What is left, in thousandths.
    left: u64,
    at: Timestamp,
}

impl Rate {
    pub(crate) fn per_second(per_second: u32) -> Self {
        let bucket = Bucket {
            left: u64::from(per_second).saturating_mul(1000),
            at: Timestamp::default(),
        };
        Self {
            per_second,
            bucket: Mutex::new(bucket),
        }
    }

    /// Takes one, if there is one at `now`.
    pub(crate) fn take(&self, now: Timestamp) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let per_second = u64::from(self.per_second);
        // A clock that goes back gives nothing.
        let passed = now.since(bucket.at).max(Millis::default()).get();
        bucket.left = bucket
            .left
            .saturating_add(passed.saturating_mul(per_second))
            .min(per_second.saturating_mul(1000));
        bucket.at = now;
        let rest = bucket.left.checked_sub(1000);
        bucket.left = rest.unwrap_or(bucket.left);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seconds_worth_at_once_and_then_as_they_come() {
        let rate = Rate::per_second(10);
        let start = 1_000_000_000;
        let at = |millis: i64| Timestamp::from_millis(start + millis);
        let taken = |millis| (0..50).filter(|_| rate.take(at(millis))).count();
        assert_eq!(taken(0), 10);
        assert_eq!(taken(99), 0);
        assert_eq!(taken(200), 2);
        assert_eq!(taken(100), 0);
        assert_eq!(taken(60_000), 10);
    }
}
