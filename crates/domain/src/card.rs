//! Card numbers and security codes in a body, and the body without them.
//!
//! No provider has a reason to send either in a webhook, and nobody may keep a security code once a
//! payment is authorized, sealed or not (PCI DSS 3.3.1). Found by looks: JSON, forms, XML and plain
//! text alike, without a parser, because what is malformed is kept too.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

/// What is done with a body that holds card data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CardPolicy {
    /// Digits are written over before the body is kept.
    #[default]
    Mask,
    /// It is set apart for a person, its digits written over, and nothing is processed.
    Quarantine,
    /// It is kept as it came.
    Keep,
}

/// The body with its card data written over; `None` when there are none in it.
///
/// Of a card number the first six and the last four digits stay, which PCI DSS 3.4.1 allows to be
/// shown; of a security code nothing does. Every other byte and the length stay as they are, and a
/// JSON body stays one: inside of a string stand asterisks, in a number nines.
pub fn masked(body: &[u8]) -> Option<Bytes> {
    let found = find(body);
    if found.is_empty() {
        return None;
    }
    let mut masked = body.to_vec();
    let mut strings = Strings::of(body);
    for range in found {
        // A number that begins with a zero would be none.
        let cover = if strings.is_bare(range.start) {
            b'9'
        } else {
            b'*'
        };
        for byte in masked.get_mut(range).into_iter().flatten() {
            if byte.is_ascii_digit() {
                *byte = cover;
            }
        }
    }
    Some(masked.into())
}

/// Where the digits stand that must not be kept, in order.
fn find(body: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut name = Name::Other;
    let mut at = 0;
    while let Some(&byte) = body.get(at) {
        if !is_word(byte) {
            at = at.saturating_add(1);
            continue;
        }
        let end = end_of_word(body, at);
        let word = body.get(at..end).unwrap_or_default();
        if word.iter().all(u8::is_ascii_digit) {
            match name {
                Name::SecurityCode if (3..=4).contains(&word.len()) => found.push(at..end),
                // What is called an id is one, whatever it looks like.
                Name::Id => {}
                Name::SecurityCode | Name::Other => {
                    if let Some((hidden, past)) = card_number(body, at) {
                        found.push(hidden);
                        at = past;
                        continue;
                    }
                }
            }
        } else {
            name = Name::Other;
        }
        if is_name(body, end) {
            name = Name::of(word);
        }
        at = end;
    }
    found
}

/// What the value after a name is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    SecurityCode,
    Id,
    Other,
}

impl Name {
    fn of(word: &[u8]) -> Self {
        let letters: Vec<u8> = word
            .iter()
            .filter(|byte| byte.is_ascii_alphanumeric())
            .map(u8::to_ascii_lowercase)
            .collect();
        if SECURITY_CODES.contains(&&*letters) {
            Self::SecurityCode
        } else if letters.ends_with(b"id") || letters.ends_with(b"reference") {
            Self::Id
        } else {
            Self::Other
        }
    }
}

/// Whether the word that ends here names what follows: `"name": `, `name=` or `<name>`.
fn is_name(body: &[u8], end: usize) -> bool {
    let rest = body.get(end..).unwrap_or_default();
    let sign = rest
        .iter()
        .take(NAME_GAP_MAX)
        .find(|byte| !matches!(byte, b'"' | b'\'' | b'\\' | b' ' | b'\t' | b'\r' | b'\n'));
    matches!(sign, Some(b':' | b'=' | b'>'))
}

/// The digits of the card number that begins here, as far as they are hidden, and where it ends.
fn card_number(body: &[u8], start: usize) -> Option<(Range<usize>, usize)> {
    let mut digits: Vec<(usize, u8)> = Vec::with_capacity(DIGITS_MAX);
    let mut at = start;
    loop {
        let byte = body.get(at).copied().unwrap_or_default();
        if byte.is_ascii_digit() {
            if digits.len() == DIGITS_MAX {
                return None;
            }
            digits.push((at, byte.wrapping_sub(b'0')));
        } else {
            // One separator between digits, and no more.
            let next = body.get(at.saturating_add(1)).copied().unwrap_or_default();
            let goes_on = matches!(byte, b' ' | b'-' | b'+') && next.is_ascii_digit();
            if !goes_on {
                // A word that goes on with letters is no number.
                if is_word(byte) {
                    return None;
                }
                break;
            }
        }
        at = at.saturating_add(1);
    }
    let values: Vec<u8> = digits.iter().map(|(_, digit)| *digit).collect();
    if !is_of_a_scheme(&values) || !passes_luhn(&values) {
        return None;
    }
    let (first, _) = digits.get(SHOWN_FIRST)?;
    let (last, _) = digits.get(digits.len().checked_sub(SHOWN_LAST.saturating_add(1))?)?;
    Some((*first..last.saturating_add(1), at))
}

/// Whether a scheme gives out numbers that begin so and are so long.
fn is_of_a_scheme(digits: &[u8]) -> bool {
    let number = digits.iter().take(4).fold(0_u32, |sum, digit| {
        sum.wrapping_mul(10).wrapping_add(u32::from(*digit))
    });
    let (two, three, length) = (number / 100, number / 10, digits.len());
    match (two, length) {
        // Visa
        (40..=49, 16 | 19) => true,
        // Mastercard
        (51..=55, 16) => true,
        (22..=27, 16) => (2221..=2720).contains(&number),
        // American Express
        (34 | 37, 15) => true,
        // Diners Club
        (36 | 38 | 39, 14) => true,
        (30, 14) => (300..=305).contains(&three),
        // JCB
        (35, 16..=19) => (3528..=3589).contains(&number),
        // Discover
        (65, 16..=19) => true,
        (64, 16..=19) => (644..=649).contains(&three),
        (60, 16..=19) => number == 6011,
        // UnionPay
        (62, 16..=19) => true,
        // Maestro
        (50 | 58 | 63 | 67, 16..=19) => MAESTRO.contains(&number),
        (_, _) => false,
    }
}

fn passes_luhn(digits: &[u8]) -> bool {
    let sum = digits.iter().rev().enumerate().map(|(place, digit)| {
        let doubled = digit.wrapping_mul(2);
        match (place % 2, doubled > 9) {
            (0, _) => u32::from(*digit),
            (_, true) => u32::from(doubled.wrapping_sub(9)),
            (_, false) => u32::from(doubled),
        }
    });
    sum.sum::<u32>() % 10 == 0
}

/// Where in a body one is inside of a JSON string. Asked from the beginning to the end.
struct Strings<'a> {
    body: &'a [u8],
    is_json: bool,
    at: usize,
    in_string: bool,
    escaped: bool,
}

impl<'a> Strings<'a> {
    fn of(body: &'a [u8]) -> Self {
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        Self {
            body,
            is_json: matches!(first, Some(b'{' | b'[')),
            at: 0,
            in_string: false,
            escaped: false,
        }
    }

    /// Whether the digits here are a number of JSON and not part of a string: then they must stay
    /// one.
    fn is_bare(&mut self, until: usize) -> bool {
        for &byte in self.body.get(self.at..until).unwrap_or_default() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ => {}
            }
        }
        self.at = until;
        self.is_json && !self.in_string
    }
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn end_of_word(body: &[u8], start: usize) -> usize {
    let rest = body.get(start..).unwrap_or_default();
    let length = rest.iter().position(|byte| !is_word(*byte));
    start.saturating_add(length.unwrap_or(rest.len()))
}

/// Digits of the longest number (ISO/IEC 7812).
const DIGITS_MAX: usize = 19;

/// Digits that may be shown (PCI DSS 3.4.1).
const SHOWN_FIRST: usize = 6;

/// See [`SHOWN_FIRST`].
const SHOWN_LAST: usize = 4;

/// Bytes between a name and its `:`, `=` or `>`: a quote, and some space.
const NAME_GAP_MAX: usize = 8;

/// What security codes are called, letters and digits alone.
const SECURITY_CODES: &[&[u8]] = &[
    b"cvc",
    b"cvc2",
    b"cvv",
    b"cvv2",
    b"cid",
    b"csc",
    b"cvn",
    b"cvd",
    b"cvccode",
    b"cvvcode",
    b"cardcode",
    b"cardcvc",
    b"cardcvv",
    b"securitycode",
    b"cardsecuritycode",
    b"verificationcode",
    b"cardverificationcode",
    b"cardverificationvalue",
];

/// Prefixes of Maestro that no other scheme has.
const MAESTRO: &[u32] = &[5018, 5020, 5038, 5893, 6304, 6759, 6761, 6762, 6763];

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;
    use proptest::prelude::*;

    #[track_caller]
    fn check(body: &str, expected: &str) {
        let masked = masked(body.as_bytes());
        let text = masked.map(|masked| String::from_utf8(masked.to_vec()).unwrap());
        let wanted = (expected != body).then_some(expected);
        assert_eq!(text.as_deref(), wanted, "{body}");
    }

    #[test]
    fn card_numbers_and_codes_are_written_over_and_nothing_else_is() {
        let cases = [
            // JSON: in a string, in a number, with separators, in JSON inside of a string.
            (
                r#"{"number":"4242424242424242"}"#,
                r#"{"number":"424242******4242"}"#,
            ),
            (
                r#"{"number":4242424242424242}"#,
                r#"{"number":4242429999994242}"#,
            ),
            (
                r#"{"n":"4242 4242-4242 4242"}"#,
                r#"{"n":"4242 42**-**** 4242"}"#,
            ),
            (
                r#"{"x":"{\"n\":\"378282246310005\"}"}"#,
                r#"{"x":"{\"n\":\"378282*****0005\"}"}"#,
            ),
            (r#"{"cvc":"123","b":"123"}"#, r#"{"cvc":"***","b":"123"}"#),
            (
                r#"{ "securityCode" : 1234 }"#,
                r#"{ "securityCode" : 9999 }"#,
            ),
            (
                r#"{"card_cvv":null,"n":"123"}"#,
                r#"{"card_cvv":null,"n":"123"}"#,
            ),
            (
                r#"{"cvc_check":"pass","cvc":"match"}"#,
                r#"{"cvc_check":"pass","cvc":"match"}"#,
            ),
            // Forms and XML.
            (
                "card=5555555555554444&cvv=737",
                "card=555555******4444&cvv=***",
            ),
            ("card=5555+5555+5555+4444", "card=5555+55**+****+4444"),
            (
                "<pan>6011111111111117</pan><cvv2>123</cvv2>",
                "<pan>601111******1117</pan><cvv2>***</cvv2>",
            ),
            // Each scheme, both sides of its bounds.
            ("2221000000000009", "222100******0009"),
            ("2720990000000007", "272099******0007"),
            ("2220990000000008", "2220990000000008"),
            ("30569309025904", "305693****5904"),
            ("3530111333300000", "353011******0000"),
            ("6200000000000005", "620000******0005"),
            ("4000000000000000006", "400000*********0006"),
            // One digit wrong, too long, part of a word, an id by its name, a time, a decimal.
            ("4242424242424241", "4242424242424241"),
            ("42424242424242424242", "42424242424242424242"),
            ("pi_4242424242424242", "pi_4242424242424242"),
            ("4242424242424242abc", "4242424242424242abc"),
            (r#"{"id":4242424242424242}"#, r#"{"id":4242424242424242}"#),
            (
                r#"{"paymentId":"4242424242424242"}"#,
                r#"{"paymentId":"4242424242424242"}"#,
            ),
            (
                r#"{"created":1795418923999}"#,
                r#"{"created":1795418923999}"#,
            ),
            (
                r#"{"last4":"4242","bin":"424242"}"#,
                r#"{"last4":"4242","bin":"424242"}"#,
            ),
            ("424242******4242", "424242******4242"),
            ("", ""),
        ];
        for (body, expected) in cases {
            check(body, expected);
        }
    }

    #[test]
    fn what_was_masked_is_masked_no_more() {
        for body in [
            r#"{"number":4242424242424242,"cvc":123}"#,
            "card=5555555555554444&cvv=737",
        ] {
            let once = masked(body.as_bytes()).unwrap();
            // Nines in a number may make another card number; then it is masked to the same.
            let twice = masked(&once).unwrap_or_else(|| once.clone());
            assert_eq!(once, twice, "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics_and_only_digits_are_written_over(body: Vec<u8>) {
            if let Some(masked) = masked(&body) {
                prop_assert_eq!(masked.len(), body.len());
                for (after, before) in masked.iter().zip(&body) {
                    prop_assert!(after == before || before.is_ascii_digit());
                }
            }
        }

        #[test]
        fn json_stays_json(number in 4_000_000_000_000_000_u64..4_999_999_999_999_999, quoted: bool) {
            let body = if quoted {
                format!(r#"{{"a":"{number}","cvv":"123"}}"#)
            } else {
                format!(r#"{{"a":{number},"cvv":123}}"#)
            };
            // One number in ten is a card's; the code is always one.
            let masked = masked(body.as_bytes()).unwrap();
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&masked).is_ok());
        }
    }
}
