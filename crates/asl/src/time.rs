//! Time as the language knows it: milliseconds since the epoch, and RFC 3339 text.
//!
//! Pure. Must never ask what time it is.

use serde::{Deserialize, Serialize};

/// Milliseconds: a moment since the Unix epoch (UTC), or a span of time.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// A span of whole seconds.
    #[must_use]
    pub fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// This moment and `span` later; stays at the far end instead of wrapping.
    #[must_use]
    pub fn after(self, span: Self) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The moment as Step Functions prints it: `2016-03-14T01:59:00.123Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let (days, ms) = (self.0 / MS_PER_DAY, self.0 % MS_PER_DAY);
        let (year, month, day) = civil_from_days(i64::try_from(days).unwrap_or(i64::MAX / 4));
        let (secs, ms) = (ms / 1000, ms % 1000);
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{ms:03}Z",
            secs / 3600,
            secs / 60 % 60,
            secs % 60
        )
    }
}

/// A point in time with nanoseconds, for comparing timestamps of any precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant {
    seconds: i64,
    nanos: u32,
}

impl Instant {
    /// The moment in milliseconds, rounded up so that a wait never ends early; a moment
    /// before 1970 is the epoch, which is long past all the same.
    pub(crate) fn to_millis(self) -> Millis {
        let ms = self
            .seconds
            .saturating_mul(1000)
            .saturating_add(i64::from(self.nanos.div_ceil(1_000_000)));
        Millis(u64::try_from(ms).unwrap_or(0))
    }
}

/// Reads an RFC 3339 timestamp with capital `T` and capital `Z` or a numeric offset, as the
/// language requires. Nothing else is a timestamp.
pub(crate) fn parse_rfc3339(text: &str) -> Option<Instant> {
    let (date, rest) = text.split_once('T')?;
    let (time, offset_secs) = split_offset(rest)?;
    let [year, month, day] = fields::<3>(date, '-', &[4, 2, 2])?;
    let (clock, fraction) = match time.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (time, None),
    };
    let [hour, minute, second] = fields::<3>(clock, ':', &[2, 2, 2])?;
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let nanos = match fraction {
        Some(digits) => parse_fraction(digits)?,
        None => 0,
    };
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Instant {
        seconds: seconds - offset_secs,
        nanos,
    })
}

fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(time) = text.strip_suffix('Z') {
        return Some((time, 0));
    }
    let at = text.rfind(['+', '-'])?;
    let sign = if text[at..].starts_with('-') { -1 } else { 1 };
    let [hours, minutes] = fields::<2>(&text[at + 1..], ':', &[2, 2])?;
    if hours > 18 || minutes > 59 {
        return None;
    }
    Some((&text[..at], sign * (hours * 3600 + minutes * 60)))
}

fn fields<const N: usize>(text: &str, separator: char, widths: &[usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut out = [0; N];
    for (slot, width) in out.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != *width || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(out)
}

fn parse_fraction(digits: &str) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: u32 = digits.parse().ok()?;
    let missing = u32::try_from(9 - digits.len()).ok()?;
    Some(value * 10u32.pow(missing))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant's algorithm).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

const MS_PER_DAY: u64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rfc3339_with_capitals_is_a_timestamp() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2016-03-14T01:59:00Z", Some(1_457_920_740_000)),
            ("2016-03-14T02:59:00+01:00", Some(1_457_920_740_000)),
            ("2016-03-05T21:29:29.243167252Z", Some(1_457_213_369_244)),
            ("2024-02-29T00:00:00Z", Some(1_709_164_800_000)),
            ("2023-02-29T00:00:00Z", None),
            ("2016-12-05 21:29:29Z", None),
            ("2016-12-05T21:29:29", None),
            ("2016-12-05t21:29:29z", None),
            ("2016-13-05T21:29:29Z", None),
            ("2016-12-05T25:29:29Z", None),
            ("05-12-2016T21:29:29Z", None),
            ("", None),
        ] {
            let found = parse_rfc3339(text).map(|i| i.to_millis().0);
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_moment_prints_as_it_parses() {
        for ms in [
            0,
            951_782_399_999,
            951_782_400_000,
            1_457_920_740_123,
            4_102_444_800_000,
        ] {
            let text = Millis(ms).to_rfc3339();
            assert_eq!(
                parse_rfc3339(&text).unwrap().to_millis(),
                Millis(ms),
                "{text}"
            );
        }
    }
}
