//! Amounts of money, exact. There is no float on any path to or from one.

use alloc::string::{String, ToString};
use core::fmt;

use crate::currency::Currency;
use crate::limits;

/// A non-negative decimal number, exactly as it was written: `99.99` is 9999 with scale 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Amount {
    digits: i64,
    scale: u8,
}

/// Why a text is no amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAmount {
    /// Not a decimal number in JSON's grammar.
    #[error("not a decimal number")]
    NotANumber,
    /// Below zero. A webhook tells of money moved, never of less than none.
    #[error("negative")]
    Negative,
    /// More digits than an exact amount is kept with ([`limits::AMOUNT_DIGITS_MAX`]).
    #[error("too many digits")]
    OutOfRange,
}

impl Amount {
    /// Zero, the seed's default.
    pub const ZERO: Self = Self {
        digits: 0,
        scale: 0,
    };

    /// Reads a number in JSON's grammar (RFC 8259, section 6) without passing through a float.
    /// Trailing zeros after the point are kept in no form: `1.50` equals `1.5`.
    pub fn parse(text: &str) -> Result<Self, InvalidAmount> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = split_exponent(unsigned)?;
        let (whole, fraction) = split_point(mantissa)?;
        let significant = |part: &str| part.bytes().all(|digit| digit == b'0');
        if negative && !(significant(whole) && significant(fraction)) {
            return Err(InvalidAmount::Negative);
        }
        Self::assemble(whole, fraction, exponent)
    }

    fn assemble(whole: &str, fraction: &str, exponent: i32) -> Result<Self, InvalidAmount> {
        let mut all = String::with_capacity(whole.len().saturating_add(fraction.len()));
        all.push_str(whole);
        all.push_str(fraction);
        let fraction_places =
            i32::try_from(fraction.len()).map_err(|_| InvalidAmount::OutOfRange)?;
        let mut scale = fraction_places.saturating_sub(exponent);
        let mut digits = all.trim_start_matches('0');
        if digits.is_empty() {
            return Ok(Self::ZERO);
        }
        while scale > 0 && digits.ends_with('0') {
            digits = digits.strip_suffix('0').unwrap_or(digits);
            scale = scale.saturating_sub(1);
        }
        let padding = usize::try_from(scale.saturating_neg().max(0)).unwrap_or(usize::MAX);
        let scale = u8::try_from(scale.max(0)).map_err(|_| InvalidAmount::OutOfRange)?;
        let places = usize::from(scale).max(digits.len().saturating_add(padding));
        if places > limits::AMOUNT_DIGITS_MAX {
            return Err(InvalidAmount::OutOfRange);
        }
        let mut text = digits.to_string();
        text.extend(core::iter::repeat_n('0', padding));
        let digits = text.parse().map_err(|_| InvalidAmount::OutOfRange)?;
        Ok(Self { digits, scale })
    }

    /// The amount of so many minor units with so many decimal places: 9999 with 2 is 99.99.
    ///
    /// # Errors
    /// Below zero, or more digits than an amount is kept with.
    pub fn of_minor(units: i64, exponent: u8) -> Result<Self, InvalidAmount> {
        if units < 0 {
            return Err(InvalidAmount::Negative);
        }
        Self::assemble(&units.to_string(), "", i32::from(exponent).saturating_neg())
    }

    /// The amount in units of so many decimal places; `None` when it has more, or does not fit.
    pub fn units(&self, exponent: u8) -> Option<i64> {
        let missing = exponent.checked_sub(self.scale)?;
        self.digits
            .checked_mul(10_i64.checked_pow(u32::from(missing))?)
    }

    /// The amount in the currency's minor unit: 9999 for 99.99 USD. `None` when it has more
    /// decimal places than the currency, or does not fit.
    pub fn minor_units(&self, currency: Currency) -> Option<i64> {
        self.units(currency.exponent())
    }
}

/// The shortest decimal text, without an exponent: `99.99`, `0.5`, `100`.
impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = usize::from(self.scale);
        let width = scale.saturating_add(1);
        let digits = alloc::format!("{:0width$}", self.digits);
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(scale));
        formatter.write_str(whole)?;
        if fraction.is_empty() {
            Ok(())
        } else {
            write!(formatter, ".{fraction}")
        }
    }
}

fn split_exponent(text: &str) -> Result<(&str, i32), InvalidAmount> {
    let Some(at) = text.find(['e', 'E']) else {
        return Ok((text, 0));
    };
    let (mantissa, rest) = text.split_at(at);
    let written = rest.get(1..).unwrap_or_default();
    let digits = written.strip_prefix(['+', '-']).unwrap_or(written);
    if !is_digits(digits) {
        return Err(InvalidAmount::NotANumber);
    }
    let exponent = written.parse().map_err(|_| InvalidAmount::OutOfRange)?;
    Ok((mantissa, exponent))
}

fn split_point(mantissa: &str) -> Result<(&str, &str), InvalidAmount> {
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
        Some(_) => return Err(InvalidAmount::NotANumber),
        None => (mantissa, ""),
    };
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    if is_digits(whole) && !leading_zero {
        Ok((whole, fraction))
    } else {
        Err(InvalidAmount::NotANumber)
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_keep_their_exact_value() {
        for (written, kept) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("99.99", "99.99"),
            ("1.10000", "1.1"),
            ("100", "100"),
            ("1e2", "100"),
            ("1.5E+1", "15"),
            ("25e-2", "0.25"),
            ("0.000000000000000001", "0.000000000000000001"),
            ("999999999999999999", "999999999999999999"),
        ] {
            assert_eq!(
                Amount::parse(written).map(|amount| amount.to_string()),
                Ok(kept.into())
            );
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_for_its_own_reason() {
        for (written, reason) in [
            ("", InvalidAmount::NotANumber),
            ("abc", InvalidAmount::NotANumber),
            ("1.", InvalidAmount::NotANumber),
            (".5", InvalidAmount::NotANumber),
            ("01", InvalidAmount::NotANumber),
            ("1e", InvalidAmount::NotANumber),
            ("+1", InvalidAmount::NotANumber),
            ("NaN", InvalidAmount::NotANumber),
            ("-0.01", InvalidAmount::Negative),
            ("1000000000000000000", InvalidAmount::OutOfRange),
            ("1e18", InvalidAmount::OutOfRange),
            ("1e-19", InvalidAmount::OutOfRange),
            ("1e99999999999", InvalidAmount::OutOfRange),
        ] {
            assert_eq!(Amount::parse(written), Err(reason), "{written}");
        }
    }

    #[test]
    fn minor_units_follow_the_currency() {
        let units = |amount, code| {
            Amount::parse(amount)
                .unwrap()
                .minor_units(Currency::parse(code).unwrap())
        };
        assert_eq!(units("99.99", "USD"), Some(9_999));
        assert_eq!(units("100", "JPY"), Some(100));
        assert_eq!(units("1.5", "KWD"), Some(1_500));
        assert_eq!(units("0.5", "JPY"), None);
        assert_eq!(units("999999999999999999", "CLF"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = Amount::parse(&text);
        }

        #[test]
        fn what_is_printed_reads_back(digits in 0..=999_999_999_999_999_999_i64, scale in 0..=18_u8) {
            let amount = Amount::assemble(&digits.to_string(), "", i32::from(scale).wrapping_neg()).unwrap();
            prop_assert_eq!(Amount::parse(&amount.to_string()), Ok(amount));
        }
    }
}
