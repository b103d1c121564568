//! A body as people read it: JSON with one member a line, and what could be about a person, or
//! could open something, hidden.
//!
//! Works on the text, so that every digit and every escape stays as it was sent. What is hidden is
//! judged by names and by looks; it errs towards hiding, because whoever may operate can look.

use serde::de::IgnoredAny;

/// What stands for what is hidden.
const HIDDEN: &str = "••••";

/// Words of a member's name whose value is hidden.
const PERSONAL: [&str; 31] = [
    "address",
    "bic",
    "birth",
    "birthday",
    "cardholder",
    "city",
    "cvc",
    "cvn",
    "cvv",
    "dob",
    "email",
    "firstname",
    "fullname",
    "holder",
    "iban",
    "ip",
    "lastname",
    "mail",
    "mobile",
    "name",
    "number",
    "pan",
    "password",
    "phone",
    "postal",
    "postcode",
    "secret",
    "street",
    "surname",
    "token",
    "zip",
];

/// The body for people: pretty where it is JSON, what could be personal hidden unless `in_clear`.
pub(super) fn body(text: &str, in_clear: bool) -> String {
    match pretty(text, in_clear) {
        Some(pretty) => pretty,
        None if in_clear => text.to_owned(),
        None => masked(text),
    }
}

/// `None` when it is no JSON, or nests too deep to be read.
fn pretty(text: &str, in_clear: bool) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut printer = Printer {
        out: String::with_capacity(text.len() * 2),
        frames: Vec::new(),
        in_clear,
    };
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let length = token_length(rest);
        let (token, after) = rest.split_at(length);
        match letter {
            '{' | '[' => printer.open(letter),
            '}' | ']' => printer.close(letter),
            ',' => printer.next(),
            ':' => printer.out.push_str(": "),
            ' ' | '\t' | '\n' | '\r' => {}
            _ => printer.text(token),
        }
        rest = after;
    }
    Some(printer.out)
}

/// Bytes of the token at the beginning of what is known to be JSON.
fn token_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(b'"') => {
            let mut is_escaped = false;
            let end = bytes.iter().skip(1).position(|&byte| {
                let is_end = byte == b'"' && !is_escaped;
                is_escaped = byte == b'\\' && !is_escaped;
                is_end
            });
            end.map_or(bytes.len(), |end| end + 2)
        }
        Some(b'{' | b'}' | b'[' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r') => 1,
        Some(_) | None => bytes
            .iter()
            .position(|byte| b",}] \t\n\r".contains(byte))
            .unwrap_or(bytes.len()),
    }
}

struct Frame {
    is_object: bool,
    is_empty: bool,
    /// The name of the member whose value comes next, and whether it is a personal one.
    name: Option<bool>,
}

struct Printer {
    out: String,
    frames: Vec<Frame>,
    in_clear: bool,
}

impl Printer {
    fn open(&mut self, letter: char) {
        self.begin();
        self.out.push(letter);
        self.frames.push(Frame {
            is_object: letter == '{',
            is_empty: true,
            name: None,
        });
    }

    fn close(&mut self, letter: char) {
        if self.frames.pop().is_some_and(|frame| !frame.is_empty) {
            self.line();
        }
        self.out.push(letter);
    }

    fn next(&mut self) {
        self.out.push(',');
        if let Some(frame) = self.frames.last_mut() {
            frame.name = None;
        }
        self.line();
    }

    fn text(&mut self, token: &str) {
        self.begin();
        let is_hidden = self.is_personal(token);
        match self.frames.last_mut() {
            Some(frame) if frame.is_object && frame.name.is_none() => {
                frame.name = Some(is_personal_name(token));
                self.out.push_str(token);
            }
            Some(_) | None if is_hidden => {
                self.out.push('"');
                self.out.push_str(HIDDEN);
                self.out.push('"');
            }
            Some(_) | None => self.out.push_str(token),
        }
    }

    fn is_personal(&self, token: &str) -> bool {
        if self.in_clear || matches!(token, "null" | "true" | "false" | "\"\"") {
            return false;
        }
        let text: String = serde_json::from_str(token).unwrap_or_else(|_| token.to_owned());
        let is_named = |frame: &Frame| frame.name == Some(true);
        self.frames.iter().any(is_named) || is_personal_text(&text)
    }

    /// The first thing in a frame stands on a line of its own.
    fn begin(&mut self) {
        if self.frames.last().is_some_and(|frame| frame.is_empty) {
            self.line();
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.is_empty = false;
        }
    }

    fn line(&mut self) {
        self.out.push('\n');
        for _ in &self.frames {
            self.out.push_str("  ");
        }
    }
}

/// A text that is no JSON, with whatever looks personal hidden.
fn masked(text: &str) -> String {
    let is_end = |letter: char| letter.is_whitespace() || "&=,;\"<>()".contains(letter);
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(is_end) {
        let bare = word.trim_end_matches(is_end);
        if is_personal_text(bare) {
            out += HIDDEN;
            out += word.get(bare.len()..).unwrap_or_default();
        } else {
            out += word;
        }
    }
    out
}

/// Whether one of the words of a name is one of [`PERSONAL`]: `cardHolder`, `first_name`.
fn is_personal_name(name: &str) -> bool {
    let mut words = String::new();
    let mut was_lower = false;
    for letter in name.chars() {
        if letter.is_uppercase() && was_lower {
            words.push(' ');
        }
        was_lower = letter.is_lowercase();
        words.extend(letter.to_lowercase());
    }
    words
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .any(|word| PERSONAL.contains(&word.trim_end_matches(|digit: char| digit.is_ascii_digit())))
}

fn is_personal_text(text: &str) -> bool {
    holds_mail(text) || holds_card(text) || is_iban(text)
}

fn holds_mail(text: &str) -> bool {
    text.split(|letter: char| letter.is_whitespace() || "<>,;:()\"".contains(letter))
        .filter_map(|word| word.split_once(['@', '＠']))
        .any(|(before, after)| !before.is_empty() && after.trim_matches('.').contains('.'))
        || text.to_ascii_lowercase().contains("%40")
}

/// Whether groups of digits with a space or a dash between them could be a card's number: 13 to 19
/// digits of which the last checks the others (ISO/IEC 7812-1), beginning as the networks' do.
fn holds_card(text: &str) -> bool {
    text.split(|letter: char| !(letter.is_ascii_digit() || letter == ' ' || letter == '-'))
        .any(|run| {
            let groups = run.split([' ', '-']).filter(|group| !group.is_empty());
            let groups: Vec<&str> = groups.collect();
            // Other numbers may stand before and after it.
            (0..groups.len()).any(|from| {
                let mut digits = Vec::new();
                groups.iter().skip(from).take(19).any(|group| {
                    digits.extend(group.chars().filter_map(|letter| letter.to_digit(10)));
                    (13..=19).contains(&digits.len()) && is_card(&digits)
                })
            })
        })
}

fn is_card(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    matches!(digits.first(), Some(2..=6)) && sum.is_multiple_of(10)
}

fn is_iban(text: &str) -> bool {
    let letters: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    let (Some(country), Some(check), Some(rest)) =
        (letters.get(..2), letters.get(2..4), letters.get(4..))
    else {
        return false;
    };
    (11..=30).contains(&rest.len())
        && country.iter().all(u8::is_ascii_uppercase)
        && check.iter().all(u8::is_ascii_digit)
        && rest
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_has_one_member_a_line_and_every_digit_that_was_sent() {
        let text = r#"{"id":"p\u00e9", "sum":1.10,"list":[1,{"a":[]},{}],"deep":{"x":null}}"#;
        let expected = "{\n  \"id\": \"p\\u00e9\",\n  \"sum\": 1.10,\n  \"list\": [\n    1,\n    {\n      \"a\": []\n    },\n    {}\n  ],\n  \"deep\": {\n    \"x\": null\n  }\n}";
        assert_eq!(body(text, false), expected);
    }

    #[test]
    fn what_is_about_a_person_is_hidden_until_it_is_asked_for() {
        for secret in [
            r#"{"email":"x"}"#,
            r#"{"billingAddress":{"line1":"Street 1","country":"DE"}}"#,
            r#"{"card":{"cvc":123}}"#,
            r#"{"note":"write to ana@shop.example today"}"#,
            r#"{"note":"ana\u0040shop.example"}"#,
            r#"{"note":"card 4242 4242-4242 4242 declined"}"#,
            r#"{"x":4242424242424242}"#,
            r#"{"x":"ref 17 4000056655665556"}"#,
            r#"{"x":["DE89 3704 0044 0532 0130 00"]}"#,
            r#"{"ip":"127.0.0.1"}"#,
            r#"{"customer":{"name":{"first":"Ana"}}}"#,
            "mail=ana@shop.example&id=1",
            "mail=ana%40shop.example&id=1",
            "id=1 4242424242424242",
        ] {
            assert!(body(secret, false).contains(HIDDEN), "{secret}");
            assert!(!body(secret, true).contains(HIDDEN), "{secret}");
        }
    }

    #[test]
    fn what_payments_are_told_by_is_shown() {
        for plain in [
            r#"{"id":"evt_1","created":1795418923,"amount":1250,"currency":"eur","livemode":false}"#,
            r#"{"type":"payment.captured","at":1795418923000,"pspReference":"8835511210681324"}"#,
            r#"{"description":"shipping","eventCode":"CAPTURE","email":null}"#,
            "id=1&status=paid",
        ] {
            assert!(
                !body(plain, false).contains(HIDDEN),
                "{}",
                body(plain, false)
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_in_clear(text in any::<String>(), number in any::<i64>()) {
            let value = serde_json::json!({"a": [text, number, {"b": text}], "c": {}});
            let shown = body(&value.to_string(), true);
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}", open in "[\\[{\",:]{0,20}") {
            body(&text, false);
            body(&format!("{open}{text}"), false);
        }
    }
}
