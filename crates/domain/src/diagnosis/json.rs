//! The same JSON written in another way, as a parser and a printer in a row would write it.
//!
//! Works on the text, token by token: order, repeated keys and the digits of numbers stay what
//! they are, because a printer that changed those would be one of many and not worth guessing.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use serde::de::IgnoredAny;

/// Where the whitespace of a JSON text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Nowhere: `{"a":1,"b":2}`.
    Compact,
    /// After commas and colons: `{"a": 1, "b": 2}`.
    Spaced,
    /// Lines, indented by two spaces.
    Indented2,
    /// Lines, indented by four spaces.
    Indented4,
}

/// How texts and numbers are written in a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// As in the body that arrived.
    AsArrived,
    /// As `JSON.stringify` does: as few escapes as possible, `1.0` as `1`.
    JavaScript,
    /// As Python's `json.dumps` does: everything beyond ASCII escaped.
    Python,
    /// As PHP's `json_encode` does: beyond ASCII escaped, and every slash.
    Php,
}

/// `body` written with `layout` and `spelling`; `None` when it is no JSON or grows too long.
pub(super) fn rewrite(body: &[u8], layout: Layout, spelling: Spelling) -> Option<Vec<u8>> {
    let text = core::str::from_utf8(body).ok()?;
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut writer = Writer {
        out: String::with_capacity(text.len()),
        layout,
        depth: 0,
    };
    // Deep nesting with indentation would turn a long body into a very long one.
    let bytes_max = text.len().saturating_mul(4).saturating_add(4096);
    let mut previous = None;
    let mut rest = text.trim_start_matches(WHITESPACE);
    while let Some(token) = next_token(rest) {
        writer.token(token, previous, spelling);
        if writer.out.len() > bytes_max {
            return None;
        }
        previous = token.bytes().next();
        rest = rest
            .get(token.len()..)
            .unwrap_or_default()
            .trim_start_matches(WHITESPACE);
    }
    Some(writer.out.into_bytes())
}

struct Writer {
    out: String,
    layout: Layout,
    depth: usize,
}

impl Writer {
    fn token(&mut self, token: &str, previous: Option<u8>, spelling: Spelling) {
        match token.as_bytes().first() {
            Some(b'{' | b'[') => {
                self.open(previous);
                self.out.push_str(token);
                self.depth = self.depth.saturating_add(1);
            }
            Some(b'}' | b']') => {
                self.depth = self.depth.saturating_sub(1);
                // Every printer known writes an empty object and array without a line break.
                if !matches!(previous, Some(b'{' | b'[')) {
                    self.new_line();
                }
                self.out.push_str(token);
            }
            Some(b',') => {
                self.out.push(',');
                if self.layout == Layout::Spaced {
                    self.out.push(' ');
                }
                self.new_line();
            }
            Some(b':') => {
                self.out.push_str(match self.layout {
                    Layout::Compact => ":",
                    Layout::Spaced | Layout::Indented2 | Layout::Indented4 => ": ",
                });
            }
            Some(_) | None => {
                self.open(previous);
                self.out.push_str(&spelled(token, spelling));
            }
        }
    }

    /// The line break after an opening bracket, which an empty pair does not have.
    fn open(&mut self, previous: Option<u8>) {
        if matches!(previous, Some(b'{' | b'[')) {
            self.new_line();
        }
    }

    fn new_line(&mut self) {
        let width: usize = match self.layout {
            Layout::Compact | Layout::Spaced => return,
            Layout::Indented2 => 2,
            Layout::Indented4 => 4,
        };
        self.out.push('\n');
        let spaces = width.saturating_mul(self.depth);
        self.out.extend(core::iter::repeat_n(' ', spaces));
    }
}

/// The token at the start of `text`, which is JSON without whitespace before it.
fn next_token(text: &str) -> Option<&str> {
    let length = match text.as_bytes().first()? {
        b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
        b'"' => string_length(text),
        _ => text
            .find(|character| "{}[],: \t\r\n\"".contains(character))
            .unwrap_or(text.len()),
    };
    text.get(..length).filter(|token| !token.is_empty())
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at.saturating_add(1),
            _ => {}
        }
    }
    text.len()
}

fn spelled(token: &str, spelling: Spelling) -> Cow<'_, str> {
    let is_string = token.starts_with('"');
    let slash = match spelling {
        Spelling::AsArrived => return token.into(),
        Spelling::JavaScript if !is_string => return short_number(token).into(),
        Spelling::JavaScript => return reprinted(token).map_or(token.into(), Cow::Owned),
        Spelling::Python => "/",
        Spelling::Php => "\\/",
    };
    match reprinted(token) {
        Some(text) if is_string => ascii(&text, slash).into(),
        Some(_) | None => token.into(),
    }
}

/// A string token with as few escapes as possible.
fn reprinted(token: &str) -> Option<String> {
    let text: String = serde_json::from_str(token).ok()?;
    serde_json::to_string(&text).ok()
}

fn ascii(token: &str, slash: &str) -> String {
    let mut out = String::with_capacity(token.len());
    for character in token.chars() {
        if character == '/' {
            out.push_str(slash);
        } else if character.is_ascii() {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

/// `1.50` → `1.5`, `2.0` → `2`. Numbers with an exponent stay.
fn short_number(token: &str) -> &str {
    if !token.contains('.') || token.contains(['e', 'E']) {
        return token;
    }
    token.trim_end_matches('0').trim_end_matches('.')
}

/// JSON's whitespace (RFC 8259, section 2).
const WHITESPACE: [char; 4] = [' ', '\t', '\r', '\n'];

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn check(body: &str, layout: Layout, spelling: Spelling, expected: &str) {
        let written = rewrite(body.as_bytes(), layout, spelling).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), expected, "{body}");
    }

    #[test]
    fn layouts_and_spellings_are_those_of_the_printers_they_stand_for() {
        let body = r#" { "a" : [1.50, {}, "x/é\u00e9\n"] ,"b":[] } "#;
        check(
            body,
            Layout::Compact,
            Spelling::AsArrived,
            r#"{"a":[1.50,{},"x/é\u00e9\n"],"b":[]}"#,
        );
        check(
            body,
            Layout::Compact,
            Spelling::JavaScript,
            r#"{"a":[1.5,{},"x/éé\n"],"b":[]}"#,
        );
        check(
            body,
            Layout::Spaced,
            Spelling::Python,
            r#"{"a": [1.50, {}, "x/\u00e9\u00e9\n"], "b": []}"#,
        );
        check(
            body,
            Layout::Compact,
            Spelling::Php,
            r#"{"a":[1.50,{},"x\/\u00e9\u00e9\n"],"b":[]}"#,
        );
        check(
            r#"{"a":[1,{"b":"😀"}]}"#,
            Layout::Indented2,
            Spelling::Python,
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"\\ud83d\\ude00\"\n    }\n  ]\n}",
        );
        check("7.0", Layout::Indented4, Spelling::JavaScript, "7");
        check("100", Layout::Compact, Spelling::JavaScript, "100");
    }

    #[test]
    fn what_is_no_json_or_would_explode_is_left_alone() {
        for body in ["", "nonsense", "{\"a\":1", "{} x", "{\"a\":1,}"] {
            assert_eq!(
                rewrite(body.as_bytes(), Layout::Compact, Spelling::AsArrived),
                None,
                "{body}"
            );
        }
        let deep = alloc::format!(
            "{}{}1{}",
            "[".repeat(100),
            "1,".repeat(5_000),
            "]".repeat(100)
        );
        assert_eq!(
            rewrite(deep.as_bytes(), Layout::Indented4, Spelling::AsArrived),
            None
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = rewrite(&body, Layout::Indented2, Spelling::Python);
        }

        #[test]
        fn the_meaning_never_changes(key in "\\PC{0,12}", value in "\\PC{0,20}", number: i64) {
            let meant = serde_json::json!({ key: [value, number, {"deep": null}, []] });
            for layout in [Layout::Compact, Layout::Spaced, Layout::Indented2, Layout::Indented4] {
                for spelling in [
                    Spelling::AsArrived, Spelling::JavaScript, Spelling::Python, Spelling::Php,
                ] {
                    let written = rewrite(meant.to_string().as_bytes(), layout, spelling).unwrap();
                    let read: serde_json::Value = serde_json::from_slice(&written).unwrap();
                    prop_assert_eq!(&read, &meant);
                }
            }
        }
    }
}
