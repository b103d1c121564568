//! `Retry-After`: how long the other side asks to be left alone (RFC 9110, section 10.2.3).
//!
//! Both forms are read: a number of seconds, and a date. A date is the other side's, so it is
//! measured against the other side's clock (its `Date` header) where that is known.

use domain::time::{Millis, Timestamp};
use jiff::fmt::rfc2822::DateTimeParser;

/// Longest wait that is believed. Beyond a day the other side is not asking for patience but
/// down for good, and a person should know.
pub const RETRY_AFTER_MAX: Millis = Millis::from_secs(24 * 60 * 60);

/// The wait that `value` asks for at `now`; `None` when it is in neither form. A date that has
/// passed is no wait at all.
pub fn parse(value: &str, now: Timestamp) -> Option<Millis> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a wait beyond the longest.
        Millis::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        parse_date(value)?.since(now)
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

/// An HTTP date, `Sun, 06 Nov 1994 08:49:37 GMT`. The two obsolete forms of RFC 9110 are not
/// read: no server that knows `Retry-After` writes them.
pub fn parse_date(value: &str) -> Option<Timestamp> {
    let date = DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Timestamp::from_millis(date.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    #[test]
    fn both_forms_are_read() {
        let now = parse_date(NOW).unwrap();
        assert_eq!(now.to_iso(), "1994-11-06T08:49:37.000Z");
        let day = RETRY_AFTER_MAX.get();
        for (value, millis) in [
            ("0", Some(0)),
            ("120", Some(120_000)),
            (" 7 ", Some(7_000)),
            ("86400", Some(day)),
            ("86401", Some(day)),
            ("99999999999999999999999", Some(day)),
            ("Sun, 06 Nov 1994 08:49:40 GMT", Some(3_000)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", Some(0)),
            ("Mon, 06 Nov 2034 08:49:37 GMT", Some(day)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(parse(value, now).map(Millis::get), millis, "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_value_is_read_or_ignored(value in "\\PC{0,40}", now: i64) {
            let wait = parse(&value, Timestamp::from_millis(now));
            prop_assert!(wait.is_none_or(|wait| wait <= RETRY_AFTER_MAX));
        }
    }
}
