//! Points in time and spans of it, in milliseconds, with the unit in the type.

use alloc::string::{String, ToString};
use core::fmt;

use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// A span of time in milliseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(u64);

impl Timestamp {
    /// The point `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This point moved later by `span`; stays at the end of time instead of wrapping.
    pub const fn after(self, span: Millis) -> Self {
        Self(self.0.saturating_add_unsigned(span.0))
    }

    /// The span from `earlier` to this point; zero when `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> Millis {
        if self.0 <= earlier.0 {
            Millis(0)
        } else {
            Millis(self.0.abs_diff(earlier.0))
        }
    }

    /// The text that JavaScript's `Date.toISOString` gives, the form of every time on the wire:
    /// `2026-11-23T10:00:00.123Z`. Years outside -9999..=9999 are clamped to that range.
    pub fn to_iso(self) -> String {
        let clamped = self.0.clamp(-377_705_023_201_000, 253_402_207_200_999);
        match jiff::Timestamp::from_millisecond(clamped) {
            Ok(instant) => alloc::format!("{instant:.3}"),
            Err(_) => clamped.to_string(),
        }
    }

    /// Reads the text that [`Self::to_iso`] gives, or any other RFC 3339 time with its offset.
    /// What is finer than a millisecond is cut off.
    pub fn from_iso(text: &str) -> Option<Self> {
        let instant: jiff::Timestamp = text.parse().ok()?;
        Some(Self(instant.as_millisecond()))
    }
}

impl Millis {
    /// A span of `millis` milliseconds.
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// A span of `seconds` seconds; the longest span there is when that does not fit.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// The number of milliseconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The same span for `std` and the runtimes built on it.
    pub const fn to_duration(self) -> core::time::Duration {
        core::time::Duration::from_millis(self.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_iso())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_text_is_the_one_javascript_prints() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_418_923_007, "2026-11-23T07:28:43.007Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_millis(millis).to_iso(), text);
        }
    }

    #[test]
    fn time_does_not_wrap() {
        let last = Timestamp::from_millis(i64::MAX);
        assert_eq!(last.after(Millis::new(1)), last);
        assert_eq!(Timestamp::from_millis(5).since(last), Millis::new(0));
        assert!(!last.to_iso().is_empty());
    }
}
