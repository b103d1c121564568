//! The time that a signature covers, judged at the moment the delivery was received.

use alloc::string::String;

use super::SignatureRefusal;
use crate::time::{Millis, Timestamp};

/// Where a signed time stands, how it is written, and how far off it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimestampRule {
    /// Where it stands.
    pub source: TimeSource,
    /// How it is written.
    pub unit: TimeUnit,
    /// Furthest into the past; no bound where the provider names none.
    pub past_max: Option<Millis>,
    /// Furthest into the future; clocks differ.
    pub future_max: Option<Millis>,
}

/// Where a signed time stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeSource {
    /// In the signature's own header, under this name.
    Pair(String),
    /// In a header of its own, lower case.
    Header(String),
}

/// How a signed time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Whole seconds since 1970.
    Seconds,
    /// Whole milliseconds since 1970.
    Millis,
    /// Seconds or milliseconds, told apart by their size: a provider that has sent both.
    SecondsOrMillis,
    /// RFC 3339.
    Iso,
}

impl TimeUnit {
    /// The time that `text` says.
    pub fn read(self, text: &str) -> Option<Timestamp> {
        if self == Self::Iso {
            return Timestamp::from_iso(text);
        }
        // More digits than any of these times has are none of them.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || text.is_empty() || text.len() > 15 {
            return None;
        }
        let number: i64 = text.parse().ok()?;
        let is_seconds = match self {
            Self::Seconds => true,
            Self::Millis | Self::Iso => false,
            // 1e11 seconds is the year 5138; 1e11 milliseconds is 1973.
            Self::SecondsOrMillis => number < 100_000_000_000,
        };
        let millis = if is_seconds {
            number.checked_mul(1000)?
        } else {
            number
        };
        Some(Timestamp::from_millis(millis))
    }

    /// How `time` is written.
    pub fn write(self, time: Timestamp) -> String {
        match self {
            Self::Seconds => alloc::format!("{}", time.as_millis().div_euclid(1000)),
            Self::Millis | Self::SecondsOrMillis => alloc::format!("{}", time.as_millis()),
            Self::Iso => time.to_iso(),
        }
    }
}

impl TimestampRule {
    /// Judges `text` at the time of receipt.
    ///
    /// # Errors
    /// A time that is none, too old, or too far ahead. A time exactly at the bound is in it.
    pub fn judge(&self, text: &str, received_at: Timestamp) -> Result<(), SignatureRefusal> {
        let signed = self
            .unit
            .read(text)
            .ok_or(SignatureRefusal::TimestampMalformed)?;
        // A time in whole seconds says nothing finer: ages are compared as it was written.
        let now = match self.unit {
            TimeUnit::Seconds => Timestamp::from_millis(
                received_at
                    .as_millis()
                    .div_euclid(1000)
                    .saturating_mul(1000),
            ),
            TimeUnit::Millis | TimeUnit::SecondsOrMillis | TimeUnit::Iso => received_at,
        };
        let (age, ahead) = (now.since(signed), signed.since(now));
        if self.past_max.is_some_and(|max| age > max) {
            return Err(SignatureRefusal::TimestampTooOld { age });
        }
        if self.future_max.is_some_and(|max| ahead > max) {
            return Err(SignatureRefusal::TimestampInFuture { ahead });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_bounds_up_to_its_last_moment_on_both_sides() {
        let rule = |unit| TimestampRule {
            source: TimeSource::Pair("t".into()),
            unit,
            past_max: Some(Millis::from_secs(300)),
            future_max: Some(Millis::from_secs(300)),
        };
        let now = Timestamp::from_millis(1_700_000_000_999);
        for (unit, text, verdict) in [
            (TimeUnit::Seconds, "1699999700", "ok"),
            (
                TimeUnit::Seconds,
                "1699999699",
                "the signed timestamp is 301 s old",
            ),
            (TimeUnit::Seconds, "1700000300", "ok"),
            (
                TimeUnit::Seconds,
                "1700000301",
                "the signed timestamp is 301 s ahead",
            ),
            (TimeUnit::Millis, "1699999700999", "ok"),
            (
                TimeUnit::Millis,
                "1699999700998",
                "the signed timestamp is 300 s old",
            ),
            (TimeUnit::Millis, "1700000300999", "ok"),
            (
                TimeUnit::Millis,
                "1700000301000",
                "the signed timestamp is 300 s ahead",
            ),
            (TimeUnit::SecondsOrMillis, "1700000000", "ok"),
            (TimeUnit::SecondsOrMillis, "1700000000000", "ok"),
            (TimeUnit::Iso, "2023-11-14T22:13:20Z", "ok"),
            (
                TimeUnit::Iso,
                "2023-11-14",
                "the signed timestamp is missing or malformed",
            ),
            (
                TimeUnit::Seconds,
                "",
                "the signed timestamp is missing or malformed",
            ),
            (
                TimeUnit::Seconds,
                "-1",
                "the signed timestamp is missing or malformed",
            ),
            (
                TimeUnit::Seconds,
                "hello",
                "the signed timestamp is missing or malformed",
            ),
            (
                TimeUnit::Seconds,
                "99999999999999999999",
                "the signed timestamp is missing or malformed",
            ),
        ] {
            let judged = rule(unit).judge(text, now);
            let said = judged.map_or_else(|refusal| alloc::format!("{refusal}"), |()| "ok".into());
            assert_eq!(said, verdict, "{unit:?} {text}");
        }
    }
}
