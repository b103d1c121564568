//! ISO 4217: which texts are currencies, and how many decimal places each has.
//!
//! Active codes of list one of the standard (SIX, the maintenance agency). Codes for metals,
//! funds without a minor unit and testing (XAU, XXX, XTS …) are no money that a payment can
//! be in, and are left out. Where a provider's exponent differs from ISO's, that is a fact of
//! the provider and stands with the provider.

use alloc::string::String;
use core::fmt;

/// An ISO 4217 currency code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: [u8; 3],
    exponent: u8,
}

/// The text is no active ISO 4217 code. Codes are upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an ISO 4217 currency code")]
pub struct UnknownCurrency;

impl Currency {
    /// The currency that the seed assumes when a webhook names none.
    pub const USD: Self = Self {
        code: *b"USD",
        exponent: 2,
    };

    /// No currency: the provider names none, and so the amount is none either. ISO 4217's own code
    /// for transactions without a currency. No webhook can say it.
    pub const NONE: Self = Self {
        code: *b"XXX",
        exponent: 0,
    };

    /// The currency with this code as a record holds it: one that [`Self::parse`] takes, or
    /// [`Self::NONE`].
    ///
    /// # Errors
    /// Any other text.
    pub fn of_record(code: &str) -> Result<Self, UnknownCurrency> {
        if code == Self::NONE.code() {
            return Ok(Self::NONE);
        }
        Self::parse(code)
    }

    /// The currency with this code, which must be upper case as the standard has it.
    pub fn parse(code: &str) -> Result<Self, UnknownCurrency> {
        let code: [u8; 3] = code.as_bytes().try_into().map_err(|_| UnknownCurrency)?;
        let row = TABLE.binary_search_by_key(&&code, |(each, _)| each);
        row.ok()
            .and_then(|index| TABLE.get(index))
            .map(|&(code, exponent)| Self {
                code: *code,
                exponent,
            })
            .ok_or(UnknownCurrency)
    }

    /// The three letters.
    pub fn code(&self) -> &str {
        // The table holds ASCII only; a test below reads every row.
        core::str::from_utf8(&self.code).unwrap_or("")
    }

    /// Decimal places of the minor unit: 2 for USD, 0 for JPY.
    pub const fn exponent(&self) -> u8 {
        self.exponent
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        Self::from(currency.code())
    }
}

/// Sorted by code.
#[rustfmt::skip]
static TABLE: [(&[u8; 3], u8); 165] = [
    (b"AED", 2), (b"AFN", 2), (b"ALL", 2), (b"AMD", 2), (b"AOA", 2), (b"ARS", 2), (b"AUD", 2),
    (b"AWG", 2), (b"AZN", 2), (b"BAM", 2), (b"BBD", 2), (b"BDT", 2), (b"BGN", 2), (b"BHD", 3),
    (b"BIF", 0), (b"BMD", 2), (b"BND", 2), (b"BOB", 2), (b"BOV", 2), (b"BRL", 2), (b"BSD", 2),
    (b"BTN", 2), (b"BWP", 2), (b"BYN", 2), (b"BZD", 2), (b"CAD", 2), (b"CDF", 2), (b"CHE", 2),
    (b"CHF", 2), (b"CHW", 2), (b"CLF", 4), (b"CLP", 0), (b"CNY", 2), (b"COP", 2), (b"COU", 2),
    (b"CRC", 2), (b"CUP", 2), (b"CVE", 2), (b"CZK", 2), (b"DJF", 0), (b"DKK", 2), (b"DOP", 2),
    (b"DZD", 2), (b"EGP", 2), (b"ERN", 2), (b"ETB", 2), (b"EUR", 2), (b"FJD", 2), (b"FKP", 2),
    (b"GBP", 2), (b"GEL", 2), (b"GHS", 2), (b"GIP", 2), (b"GMD", 2), (b"GNF", 0), (b"GTQ", 2),
    (b"GYD", 2), (b"HKD", 2), (b"HNL", 2), (b"HTG", 2), (b"HUF", 2), (b"IDR", 2), (b"ILS", 2),
    (b"INR", 2), (b"IQD", 3), (b"IRR", 2), (b"ISK", 0), (b"JMD", 2), (b"JOD", 3), (b"JPY", 0),
    (b"KES", 2), (b"KGS", 2), (b"KHR", 2), (b"KMF", 0), (b"KPW", 2), (b"KRW", 0), (b"KWD", 3),
    (b"KYD", 2), (b"KZT", 2), (b"LAK", 2), (b"LBP", 2), (b"LKR", 2), (b"LRD", 2), (b"LSL", 2),
    (b"LYD", 3), (b"MAD", 2), (b"MDL", 2), (b"MGA", 2), (b"MKD", 2), (b"MMK", 2), (b"MNT", 2),
    (b"MOP", 2), (b"MRU", 2), (b"MUR", 2), (b"MVR", 2), (b"MWK", 2), (b"MXN", 2), (b"MXV", 2),
    (b"MYR", 2), (b"MZN", 2), (b"NAD", 2), (b"NGN", 2), (b"NIO", 2), (b"NOK", 2), (b"NPR", 2),
    (b"NZD", 2), (b"OMR", 3), (b"PAB", 2), (b"PEN", 2), (b"PGK", 2), (b"PHP", 2), (b"PKR", 2),
    (b"PLN", 2), (b"PYG", 0), (b"QAR", 2), (b"RON", 2), (b"RSD", 2), (b"RUB", 2), (b"RWF", 0),
    (b"SAR", 2), (b"SBD", 2), (b"SCR", 2), (b"SDG", 2), (b"SEK", 2), (b"SGD", 2), (b"SHP", 2),
    (b"SLE", 2), (b"SOS", 2), (b"SRD", 2), (b"SSP", 2), (b"STN", 2), (b"SVC", 2), (b"SYP", 2),
    (b"SZL", 2), (b"THB", 2), (b"TJS", 2), (b"TMT", 2), (b"TND", 3), (b"TOP", 2), (b"TRY", 2),
    (b"TTD", 2), (b"TWD", 2), (b"TZS", 2), (b"UAH", 2), (b"UGX", 0), (b"USD", 2), (b"USN", 2),
    (b"UYI", 0), (b"UYU", 2), (b"UYW", 4), (b"UZS", 2), (b"VED", 2), (b"VES", 2), (b"VND", 0),
    (b"VUV", 0), (b"WST", 2), (b"XAF", 0), (b"XCD", 2), (b"XCG", 2), (b"XOF", 0), (b"XPF", 0),
    (b"YER", 2), (b"ZAR", 2), (b"ZMW", 2), (b"ZWG", 2),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_and_the_table_is_sorted() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (code, exponent) in TABLE {
            let code = core::str::from_utf8(code).unwrap();
            let currency = Currency::parse(code).unwrap();
            assert_eq!((currency.code(), currency.exponent()), (code, exponent));
        }
    }

    #[test]
    fn only_active_upper_case_codes_are_currencies() {
        for (code, exponent) in [("USD", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("ISK", 0)] {
            assert_eq!(
                Currency::parse(code).map(|found| found.exponent()),
                Ok(exponent)
            );
        }
        for bad in ["", "usd", "US", "USDT", "XXX", "XAU", "ABC", "€€"] {
            assert_eq!(Currency::parse(bad), Err(UnknownCurrency), "{bad}");
        }
    }
}
