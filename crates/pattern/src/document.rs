//! JSON text as a tree that keeps what `serde_json::Value` does not: how a number is spelled, and
//! that a key was given twice. Both decide verdicts of event patterns.
//!
//! Accepts exactly what `serde_json` accepts (a property test says so), except that a number may
//! be larger than any double. Strings without escapes are borrowed from the text.

use crate::error::{SyntaxError, SyntaxProblem};
use crate::limits::DEPTH_MAX;
use std::borrow::Cow;

/// One JSON value of a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Document<'t> {
    Null,
    Bool(bool),
    Number(&'t str),
    Text(Cow<'t, str>),
    Array(Vec<Document<'t>>),
    Object(Vec<Member<'t>>),
}

pub(crate) type Member<'t> = (Cow<'t, str>, Document<'t>);

/// What becomes of a key that is given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// All members stay, in the order of the text.
    Kept,
    /// The last one stays, and members are sorted by key.
    LastWins,
}

impl<'t> Document<'t> {
    /// Reads `text` whole.
    pub(crate) fn read(text: &'t str, repeats: Repeats) -> Result<Document<'t>, SyntaxError> {
        let mut reader = Reader {
            text,
            at: 0,
            depth: 0,
            repeats,
        };
        let document = reader.value().and_then(|document| {
            reader.skip_space();
            match reader.peek() {
                None => Ok(document),
                Some(_) => Err(SyntaxProblem::TrailingText),
            }
        });
        document.map_err(|problem| SyntaxError::new(text, reader.at, problem))
    }

    /// The value as compact JSON, for reports.
    pub(crate) fn write(&self, into: &mut String) {
        match self {
            Document::Null => into.push_str("null"),
            Document::Bool(true) => into.push_str("true"),
            Document::Bool(false) => into.push_str("false"),
            Document::Number(text) => into.push_str(text),
            Document::Text(text) => write_text(text, into),
            Document::Array(items) => {
                into.push('[');
                for (index, item) in items.iter().enumerate() {
                    into.push_str(if index == 0 { "" } else { "," });
                    item.write(into);
                }
                into.push(']');
            }
            Document::Object(members) => {
                into.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    into.push_str(if index == 0 { "" } else { "," });
                    write_text(key, into);
                    into.push(':');
                    value.write(into);
                }
                into.push('}');
            }
        }
    }
}

/// Writes `text` as a JSON string.
pub(crate) fn write_text(text: &str, into: &mut String) {
    into.push_str(&serde_json::Value::from(text).to_string());
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    repeats: Repeats,
}

type Step<T> = Result<T, SyntaxProblem>;

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Step<Document<'t>> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Document::Text),
            Some(b'-' | b'0'..=b'9') => self.number().map(Document::Number),
            Some(b'n') => self.word("null", Document::Null),
            Some(b't') => self.word("true", Document::Bool(true)),
            Some(b'f') => self.word("false", Document::Bool(false)),
            Some(_) => Err(SyntaxProblem::UnexpectedCharacter),
            None => Err(SyntaxProblem::UnexpectedEnd),
        }
    }

    fn word(&mut self, word: &str, value: Document<'t>) -> Step<Document<'t>> {
        let rest = self.text.get(self.at..).unwrap_or("");
        if !rest.starts_with(word) {
            return Err(SyntaxProblem::UnexpectedCharacter);
        }
        self.at += word.len();
        Ok(value)
    }

    fn nested(&mut self, read: fn(&mut Self) -> Step<Document<'t>>) -> Step<Document<'t>> {
        if self.depth == DEPTH_MAX - 1 {
            return Err(SyntaxProblem::TooDeep {
                depth_max: DEPTH_MAX,
            });
        }
        self.at += 1;
        self.depth += 1;
        let document = read(self)?;
        self.depth -= 1;
        Ok(document)
    }

    fn array(&mut self) -> Step<Document<'t>> {
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Document::Array(items));
        }
        loop {
            items.push(self.value()?);
            if self.ends(b']')? {
                return Ok(Document::Array(items));
            }
        }
    }

    fn object(&mut self) -> Step<Document<'t>> {
        let mut members: Vec<Member<'t>> = Vec::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Document::Object(members));
        }
        loop {
            self.skip_space();
            let key = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            let value = self.value()?;
            members.push((key, value));
            if self.ends(b'}')? {
                break;
            }
        }
        if self.repeats == Repeats::LastWins {
            // The later member of a key comes first, and `dedup` keeps the first.
            members.reverse();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            members.dedup_by(|(one, _), (other, _)| one == other);
        }
        Ok(Document::Object(members))
    }

    fn expect(&mut self, byte: u8) -> Step<()> {
        match self.peek() {
            Some(found) if found == byte => self.at += 1,
            Some(_) => return Err(SyntaxProblem::UnexpectedCharacter),
            None => return Err(SyntaxProblem::UnexpectedEnd),
        }
        Ok(())
    }

    /// After an item: `true` at `close`, `false` at a comma.
    fn ends(&mut self, close: u8) -> Step<bool> {
        self.skip_space();
        let closed = self.peek() != Some(b',');
        self.expect(if closed { close } else { b',' })?;
        Ok(closed)
    }

    fn number(&mut self) -> Step<&'t str> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(SyntaxProblem::MalformedNumber);
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        self.text
            .get(start..self.at)
            .ok_or(SyntaxProblem::MalformedNumber)
    }

    fn digits(&mut self) -> Step<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            Err(SyntaxProblem::MalformedNumber)
        } else {
            Ok(())
        }
    }

    fn string(&mut self) -> Step<Cow<'t, str>> {
        self.expect(b'"')?;
        let mut unescaped: Option<String> = None;
        loop {
            let start = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            // Both ends lie beside ASCII bytes, so the slice is whole characters.
            let plain = self.text.get(start..self.at).unwrap_or("");
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(match unescaped {
                        None => Cow::Borrowed(plain),
                        Some(before) => Cow::Owned(before + plain),
                    });
                }
                Some(b'\\') => {
                    let text = unescaped.get_or_insert_default();
                    text.push_str(plain);
                    text.push(self.escape()?);
                }
                Some(_) => return Err(SyntaxProblem::ControlCharacter),
                None => return Err(SyntaxProblem::UnexpectedEnd),
            }
        }
    }

    fn escape(&mut self) -> Step<char> {
        self.at += 1;
        let escaped = self.peek().ok_or(SyntaxProblem::UnexpectedEnd)?;
        self.at += 1;
        Ok(match escaped {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(SyntaxProblem::MalformedEscape),
        })
    }

    fn unicode(&mut self) -> Step<char> {
        let unit = self.hex()?;
        if let Some(character) = char::from_u32(unit) {
            return Ok(character);
        }
        let rest = self.text.get(self.at..).unwrap_or("");
        if !(0xd800..0xdc00).contains(&unit) || !rest.starts_with("\\u") {
            return Err(SyntaxProblem::MalformedEscape);
        }
        self.at += 2;
        let low = self.hex()?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err(SyntaxProblem::MalformedEscape);
        }
        let code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        char::from_u32(code).ok_or(SyntaxProblem::MalformedEscape)
    }

    fn hex(&mut self) -> Step<u32> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .ok_or(SyntaxProblem::MalformedEscape)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(SyntaxProblem::MalformedEscape);
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| SyntaxProblem::MalformedEscape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, repeats: Repeats) -> String {
        let mut written = String::new();
        Document::read(text, repeats).unwrap().write(&mut written);
        written
    }

    #[test]
    fn numbers_keep_their_spelling_and_repeats_are_kept_or_won_by_the_last() {
        let text = r#" {"b": 1e5, "a": [ -0.0, "é\u00e9\ud83d\ude00\"" ], "b": null, "": "" } "#;
        assert_eq!(
            written(text, Repeats::Kept),
            r#"{"b":1e5,"a":[-0.0,"éé😀\""],"b":null,"":""}"#
        );
        assert_eq!(
            written(text, Repeats::LastWins),
            r#"{"":"","a":[-0.0,"éé😀\""],"b":null}"#
        );
    }

    #[test]
    fn a_fault_is_named_with_its_place() {
        for (text, line, column, problem) in [
            ("", 1, 1, SyntaxProblem::UnexpectedEnd),
            (
                "{\"a\": [1,\n  2 3]}",
                2,
                5,
                SyntaxProblem::UnexpectedCharacter,
            ),
            ("{\"é\" 1}", 1, 6, SyntaxProblem::UnexpectedCharacter),
            ("{'a'}", 1, 2, SyntaxProblem::UnexpectedCharacter),
            ("[1] x", 1, 5, SyntaxProblem::TrailingText),
            ("01", 1, 2, SyntaxProblem::MalformedNumber),
            ("1.", 1, 3, SyntaxProblem::MalformedNumber),
            ("\"\\x\"", 1, 4, SyntaxProblem::MalformedEscape),
            ("\"\\ud800\"", 1, 8, SyntaxProblem::MalformedEscape),
            ("\"a\nb\"", 1, 3, SyntaxProblem::ControlCharacter),
            ("nul", 1, 1, SyntaxProblem::UnexpectedCharacter),
        ] {
            let error = Document::read(text, Repeats::Kept).unwrap_err();
            assert_eq!(
                (error.line, error.column, error.problem),
                (line, column, problem),
                "{text}"
            );
        }
    }

    #[test]
    fn nesting_is_bounded_where_serde_json_bounds_it() {
        for (depth, allowed) in [(DEPTH_MAX - 1, true), (DEPTH_MAX, false)] {
            let text = "[".repeat(depth) + &"]".repeat(depth);
            let value = serde_json::from_str::<serde_json::Value>(&text);
            assert_eq!(
                Document::read(&text, Repeats::Kept).is_ok(),
                allowed,
                "{depth}"
            );
            assert_eq!(value.is_ok(), allowed, "{depth}");
        }
    }
}
