//! Says in the log why a delivery was refused, now and then.
//!
//! A diagnosis costs some milliseconds, which a forger could have us spend with every call. So only
//! so many are made each minute; the quarantine tells of every one when somebody looks.

use std::sync::{Mutex, PoisonError};

use domain::admit::Refusal;
use domain::delivery::RawDelivery;
use domain::diagnosis::{Finding, diagnose};
use domain::source::Source;
use domain::time::{Millis, Timestamp};
use tracing::warn;

/// Most explanations in a row, and the pause that earns one more.
const BURST: u32 = 5;
const PAUSE: Millis = Millis::from_secs(10);

/// Longest body that is explained here, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// How many explanations may still be made.
#[derive(Debug, Default)]
pub(super) struct Allowance(Mutex<Spent>);

#[derive(Debug, Default)]
struct Spent {
    made: u32,
    since: Timestamp,
}

impl Allowance {
    /// Takes one, if there is one at `now`.
    pub(super) fn take(&self, now: Timestamp) -> bool {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let earned = now.since(spent.since).get() / PAUSE.get();
        if earned > 0 {
            spent.made = spent
                .made
                .saturating_sub(u32::try_from(earned).unwrap_or(u32::MAX));
            spent.since = now;
        }
        let is_left = spent.made < BURST;
        if is_left {
            spent.made += 1;
        }
        is_left
    }
}

/// Explains a refused signature in the log. Holds no byte of a secret, a signature or a body.
pub(super) fn explain(
    refusal: Refusal,
    delivery: &RawDelivery,
    source: &Source,
    others: &[Source],
) {
    let Refusal::Signature(refusal) = refusal else {
        return;
    };
    if delivery.body.len() > BODY_BYTES_MAX {
        return;
    }
    let diagnosis = diagnose(refusal, delivery, source, others);
    let codes: Vec<&str> = diagnosis.findings.iter().map(Finding::code).collect();
    let said: Vec<String> = diagnosis.findings.iter().map(Finding::to_string).collect();
    warn!(
        source = %source.name,
        findings = codes.join(","),
        "{}",
        said.join(" ")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_one_more_after_each_pause() {
        let allowance = Allowance::default();
        let start = 1_000_000_000;
        let at = |millis: i64| Timestamp::from_millis(start + millis);
        let taken = |millis| (0..20).filter(|_| allowance.take(at(millis))).count();
        assert_eq!(taken(0), 5);
        assert_eq!(taken(9_999), 0);
        assert_eq!(taken(10_000), 1);
        assert_eq!(taken(40_000), 3);
        assert_eq!(taken(10_000_000), 5);
    }
}
