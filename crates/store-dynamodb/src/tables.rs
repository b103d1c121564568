//! The tables by name, and how long what is in them is kept.

use domain::time::Timestamp;

/// The names of the three tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// Records: partition key `paymentId`, sort key `timestamp`, as the seed made it.
    pub payments: String,
    /// Event keys: partition key `eventKey` (the digest), sort key `entry`.
    pub event_keys: String,
    /// Refused deliveries: partition key `delivery` (source and body hash).
    pub quarantine: String,
}

/// How long what is not a record is kept. DynamoDB deletes some days after the time has come
/// (time to live), and what is not deleted yet still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days for which an event key stays claimed; [`domain::limits::EVENT_KEY_DAYS_MIN`] at least.
    pub event_key_days: u32,
    /// Days for which a refused delivery is kept after it last came.
    pub quarantine_days: u32,
}

impl Default for Retention {
    /// A year for event keys, because a dispute may be told of long after its payment, and a key
    /// costs a few hundred bytes; a month for refused deliveries.
    fn default() -> Self {
        Self {
            event_key_days: 365,
            quarantine_days: 30,
        }
    }
}

/// The `expiresAt` attribute of something that is kept for `days` from `from` on: seconds since
/// 1970, as time to live has it.
pub(crate) fn expires_at(from: Timestamp, days: u32) -> i64 {
    const SECONDS_A_DAY: i64 = 24 * 60 * 60;
    let seconds = from.as_millis().div_euclid(1_000);
    seconds.saturating_add(i64::from(days) * SECONDS_A_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_live_is_in_seconds() {
        let from = Timestamp::from_millis(1_795_418_923_999);
        assert_eq!(expires_at(from, 0), 1_795_418_923);
        assert_eq!(expires_at(from, 30), 1_795_418_923 + 2_592_000);
    }
}
