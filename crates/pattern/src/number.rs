//! When two JSON numbers are the same number, whatever their spelling (`1e5` and `100000`).
//!
//! EventBridge compares numbers as IEEE 754 doubles, but only those whose decimal text *is* the
//! shortest decimal of its double; any other number equals nothing but its own spelling. This
//! module decides which is which and must never round a number silently.

use serde_json::Number;
use std::borrow::Cow;

/// A number of an event, either with its spelling or as `serde_json` kept it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Numeral<'a> {
    Text(&'a str),
    Json(&'a Number),
}

impl Numeral<'_> {
    /// The double this number is, or `None` when no double is exactly it.
    pub(crate) fn comparable(self) -> Option<f64> {
        match self {
            Numeral::Text(text) => comparable(text),
            Numeral::Json(number) => {
                if let Some(whole) = number.as_u64() {
                    whole_comparable(whole, number)
                } else if let Some(whole) = number.as_i64() {
                    whole_comparable(whole.unsigned_abs(), number).map(|_| whole as f64)
                } else {
                    // Zero has one sign here, as it has in a decimal.
                    number
                        .as_f64()
                        .filter(|value| value.is_finite())
                        .map(|value| value + 0.0)
                }
            }
        }
    }

    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Numeral::Text(text) => Cow::Borrowed(text),
            Numeral::Json(number) => Cow::Owned(number.to_string()),
        }
    }
}

/// Up to 2^53 every whole number is its own double.
const EXACT_WHOLE_MAX: u64 = 1 << 53;

fn whole_comparable(magnitude: u64, number: &Number) -> Option<f64> {
    if magnitude <= EXACT_WHOLE_MAX {
        return Some(magnitude as f64);
    }
    comparable(&number.to_string())
}

/// The double that the decimal `text` is, or `None` when the text is finer, larger or smaller
/// than doubles are. `text` must be a JSON number.
pub(crate) fn comparable(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    let Some(written) = Decimal::read(text) else {
        return Some(0.0);
    };
    if !value.is_finite() || value == 0.0 {
        return None;
    }
    // Fifteen digits always survive the way into a normal double and back.
    if written.digits.len() <= 15 && value.is_normal() {
        return Some(value);
    }
    (shortest(value)? == written).then_some(value)
}

/// The shortest decimal that reads back as `value`, but of two digits when two are nearer than
/// one (`4.9e-324`), and with an even last digit when two are equally near: the rules of Java's
/// `Double.toString`, which EventBridge compares with. The standard library's own formatting
/// takes the odd one of two that are equally near; that of JSON numbers does not.
fn shortest(value: f64) -> Option<Decimal> {
    let shortest = Decimal::read(&Number::from_f64(value)?.to_string())?;
    if shortest.digits.len() == 1 {
        let nearer = format!("{value:.1e}");
        if nearer.parse() == Ok(value) {
            return Decimal::read(&nearer);
        }
    }
    Some(shortest)
}

/// A decimal other than zero as sign, significant digits and the power of ten of the last digit.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// `None` for zero.
    fn read(text: &str) -> Option<Decimal> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        // A power beyond i64 lies far beyond any double; the saturated one does too.
        let power: i64 = power.parse().unwrap_or(i64::MAX / 4);
        let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let mut exponent = power.saturating_sub_unsigned(fraction.len() as u64);
        while digits.last() == Some(&b'0') {
            digits.pop();
            exponent = exponent.saturating_add(1);
        }
        let leading = digits.iter().take_while(|&&digit| digit == b'0').count();
        digits.drain(..leading);
        (!digits.is_empty()).then_some(Decimal {
            negative,
            digits,
            exponent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spelling_of_a_number_does_not_matter() {
        for (one, other) in [
            ("1e5", "100000"),
            ("1E+2", "100.0"),
            ("-0", "0"),
            ("0e400", "0.0"),
            ("3.018e2", "301.8"),
            ("0.000001", "1.0e-6"),
            ("9007199254740992", "9.007199254740992e15"),
            ("1e22", "10000000000000000000000"),
        ] {
            assert!(comparable(one).is_some(), "{one}");
            assert_eq!(comparable(one), comparable(other), "{one} and {other}");
        }
    }

    #[test]
    fn a_number_finer_than_a_double_is_not_comparable() {
        for (text, expected) in [
            ("27.807807921694092", true),
            ("27.8078079216940920", true),
            ("27.8078079216940921", false),
            ("9007199254740992", true),
            ("9007199254740993", false),
            ("0.1", true),
            ("0.1000000000000000055511151231257827", false),
            ("1.7976931348623157e308", true),
            ("1.7976931348623157e309", false),
            ("1e309", false),
            ("4.9e-324", true),
            // The double lies in the middle between the two.
            ("-1470652233566471.2", true),
            ("-1470652233566471.3", false),
            ("5e-324", false),
            ("1e-325", false),
            ("1e-99999999999999999999", false),
            ("1e99999999999999999999", false),
        ] {
            assert_eq!(comparable(text).is_some(), expected, "{text}");
        }
    }

    #[test]
    fn a_parsed_number_compares_like_its_text() {
        for text in [
            "0",
            "-0.0",
            "-1",
            "1.5",
            "9007199254740992",
            "9007199254740993",
            "-9007199254740993",
            "18446744073709551615",
            "301.8",
            "1e300",
        ] {
            let number: Number = serde_json::from_str(text).unwrap();
            assert_eq!(
                Numeral::Json(&number).comparable(),
                comparable(text),
                "{text}"
            );
        }
    }
}
