//! Who tries again after an error, when, and who catches it.

use crate::definition::ResultPath;
use crate::luck::Luck;
use crate::template::Template;
use crate::time::Millis;

/// One entry of `Retry`.
#[derive(Debug, Clone)]
pub(crate) struct Retrier {
    pub(crate) errors: Vec<String>,
    pub(crate) interval: Millis,
    pub(crate) max_attempts: u64,
    pub(crate) backoff_rate: f64,
    pub(crate) max_delay: Option<Millis>,
    pub(crate) full_jitter: bool,
}

/// One entry of `Catch`.
#[derive(Debug, Clone)]
pub(crate) struct Catcher {
    pub(crate) errors: Vec<String>,
    pub(crate) result_path: ResultPath,
    /// `Output` in JSONata.
    pub(crate) output: Option<Template>,
    pub(crate) assign: Option<Template>,
    pub(crate) next: usize,
}

/// Something that went wrong in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// A task may fail without saying what happened.
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
    pub(crate) origin: Origin,
    /// How long a retry waits at least.
    pub(crate) patience: Millis,
    /// The expression that could not be evaluated, if it was one: that is an event of its own.
    pub(crate) evaluation: Option<Evaluation>,
}

/// Where an evaluation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evaluation {
    pub(crate) field: String,
    /// Whether it failed with what the state was entered by, and so beside its first event.
    pub(crate) is_early: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `States.Runtime` and its like: neither retried nor caught.
    Fatal,
    /// The interpreter itself, with an error that can be caught.
    Interpreter,
    /// The task.
    Task,
    Timeout,
    Heartbeat,
}

impl Failure {
    /// Whether an `ErrorEquals` list names this failure.
    pub(crate) fn is_named_by(&self, names: &[String]) -> bool {
        names.iter().any(|name| match (name.as_str(), self.origin) {
            (_, Origin::Fatal) => false,
            ("States.ALL", _) => true,
            ("States.TaskFailed", Origin::Task) => self.error.as_deref() != Some("States.Timeout"),
            ("States.HeartbeatTimeout", Origin::Heartbeat) => true,
            (name, _) => self.error.as_deref() == Some(name),
        })
    }
}

impl Retrier {
    /// How long to wait before the retry after `used` earlier ones by this retrier; none when
    /// its attempts are spent.
    ///
    /// Interval × rate^used, capped by the longest delay, then, with full jitter, any time
    /// from zero to that.
    pub(crate) fn delay(&self, used: u32, luck: &Luck) -> Option<Millis> {
        if u64::from(used) >= self.max_attempts {
            return None;
        }
        let exponent = i32::try_from(used).unwrap_or(i32::MAX);
        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds up to 10^8 are exact in f64"
        )]
        let ideal = self.interval.0 as f64 * self.backoff_rate.powi(exponent);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "never negative, and `as` stays at the largest number when it is too large"
        )]
        let delay = Millis(ideal.round() as u64);
        let delay = self.max_delay.map_or(delay, |longest| delay.min(longest));
        Some(if self.full_jitter {
            Millis(luck.up_to(delay.0))
        } else {
            delay
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retrier(interval: u64, rate: f64, max_delay: Option<u64>) -> Retrier {
        Retrier {
            errors: vec![],
            interval: Millis::from_secs(interval),
            max_attempts: 5,
            backoff_rate: rate,
            max_delay: max_delay.map(Millis::from_secs),
            full_jitter: false,
        }
    }

    #[test]
    fn delays_follow_the_formula() {
        let luck = Luck::new(1);
        for (interval, rate, max_delay, expected) in [
            (1, 2.0, None, [1000, 2000, 4000, 8000, 16000]),
            (2, 2.0, None, [2000, 4000, 8000, 16000, 32000]),
            (3, 1.5, None, [3000, 4500, 6750, 10125, 15188]),
            (2, 2.0, Some(5), [2000, 4000, 5000, 5000, 5000]),
            (1, 1.0, Some(3), [1000, 1000, 1000, 1000, 1000]),
        ] {
            let retrier = retrier(interval, rate, max_delay);
            let delays: Vec<u64> = (0..5).map(|k| retrier.delay(k, &luck).unwrap().0).collect();
            assert_eq!(delays, expected, "{interval} {rate} {max_delay:?}");
            assert_eq!(retrier.delay(5, &luck), None);
        }
    }

    #[test]
    fn a_rate_beyond_all_bounds_stays_finite() {
        let luck = Luck::new(1);
        let mut retrier = retrier(99_999_999, 1e300, Some(31_000_000));
        retrier.max_attempts = 1_000_000;
        assert_eq!(
            retrier.delay(999_999, &luck),
            Some(Millis::from_secs(31_000_000))
        );
        retrier.max_delay = None;
        assert_eq!(retrier.delay(999_999, &luck), Some(Millis(u64::MAX)));
    }

    #[test]
    fn full_jitter_stays_between_nothing_and_the_delay() {
        let mut retrier = retrier(2, 2.0, None);
        retrier.full_jitter = true;
        let delays: Vec<u64> = (0..200)
            .map(|seed| retrier.delay(1, &Luck::new(seed)).unwrap().0)
            .collect();
        assert!(delays.iter().all(|delay| *delay <= 4000));
        assert!(delays.iter().any(|delay| *delay < 1000));
        assert!(delays.iter().any(|delay| *delay > 3000));
    }
}
