//! Text to path. Must never panic, whatever the text.

use serde_json::{Number, Value};

use super::filter::{Compare, Filter, Operand};
use super::{JsonPath, PathSyntaxError, Segment};
use crate::limits::FILTER_DEPTH_MAX;

pub(super) fn parse_rooted(text: &str) -> Result<JsonPath, PathSyntaxError> {
    let mut reader = Reader { text, at: 0 };
    if !reader.eat("$") {
        return Err(reader.error("a path starts with '$'"));
    }
    finish(reader)
}

pub(super) fn parse_tail(tail: &str) -> Result<JsonPath, PathSyntaxError> {
    finish(Reader { text: tail, at: 0 })
}

fn finish(mut reader: Reader<'_>) -> Result<JsonPath, PathSyntaxError> {
    let segments = reader.segments(0)?;
    if reader.at < reader.text.len() {
        return Err(reader.error("unexpected character"));
    }
    Ok(JsonPath { segments })
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn error(&self, reason: &'static str) -> PathSyntaxError {
        PathSyntaxError {
            reason,
            at: self.at,
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn eat(&mut self, token: &str) -> bool {
        let hit = self.rest().starts_with(token);
        if hit {
            self.at += token.len();
        }
        hit
    }

    fn spaces(&mut self) {
        while self.peek() == Some(' ') {
            self.at += 1;
        }
    }

    fn segments(&mut self, depth: usize) -> Result<Vec<Segment>, PathSyntaxError> {
        let mut segments = Vec::new();
        loop {
            if self.eat("..") {
                let inner = if self.peek() == Some('[') {
                    self.bracket(depth)?
                } else {
                    self.dotted()?
                };
                segments.push(Segment::Descend(Box::new(inner)));
            } else if self.rest().starts_with("[") {
                segments.push(self.bracket(depth)?);
            } else if self.eat(".") {
                // Jayway reads `$.['name']` as `$['name']`.
                let segment = if self.peek() == Some('[') {
                    self.bracket(depth)?
                } else {
                    self.dotted()?
                };
                segments.push(segment);
            } else {
                return Ok(segments);
            }
        }
    }

    fn dotted(&mut self) -> Result<Segment, PathSyntaxError> {
        if self.eat("*") {
            return Ok(Segment::Wildcard);
        }
        if self.eat("length()") {
            return Ok(Segment::Length);
        }
        let start = self.at;
        while let Some(next) = self.peek() {
            if is_name_end(next) {
                break;
            }
            self.at += next.len_utf8();
        }
        if start == self.at {
            return Err(self.error("a name is missing"));
        }
        Ok(Segment::Name(self.text[start..self.at].to_owned()))
    }

    fn bracket(&mut self, depth: usize) -> Result<Segment, PathSyntaxError> {
        self.at += 1;
        self.spaces();
        let segment = match self.peek() {
            Some('\'' | '"') => self.names()?,
            Some('*') => {
                self.at += 1;
                Segment::Wildcard
            }
            Some('?') => {
                self.at += 1;
                self.spaces();
                if !self.eat("(") {
                    return Err(self.error("a filter is written [?( … )]"));
                }
                let filter = self.any(depth + 1)?;
                self.close(")")?;
                Segment::Filter(Box::new(filter))
            }
            Some('(') => self.length_minus()?,
            _ => self.numbers()?,
        };
        self.close("]")?;
        Ok(segment)
    }

    fn close(&mut self, token: &'static str) -> Result<(), PathSyntaxError> {
        self.spaces();
        if self.eat(token) {
            Ok(())
        } else {
            Err(self.error("a bracket is not closed"))
        }
    }

    fn names(&mut self) -> Result<Segment, PathSyntaxError> {
        let mut names = vec![self.quoted()?];
        self.spaces();
        while self.eat(",") {
            self.spaces();
            names.push(self.quoted()?);
            self.spaces();
        }
        if names.len() > 1 {
            return Ok(Segment::Names(names));
        }
        names
            .pop()
            .map(Segment::Name)
            .ok_or_else(|| self.error("a name is missing"))
    }

    /// A backslash keeps a quote from ending the name, and stays part of it.
    fn quoted(&mut self) -> Result<String, PathSyntaxError> {
        let Some(quote @ ('\'' | '"')) = self.bump() else {
            return Err(self.error("a quoted name is missing"));
        };
        let start = self.at;
        let mut escaped = false;
        while let Some(next) = self.bump() {
            if escaped {
                escaped = false;
            } else if next == '\\' {
                escaped = true;
            } else if next == quote {
                return Ok(self.text[start..self.at - 1].to_owned());
            }
        }
        Err(self.error("a quote is not closed"))
    }

    /// `[(@.length-1)]`, an old way to write `[-1]`.
    fn length_minus(&mut self) -> Result<Segment, PathSyntaxError> {
        self.at += 1;
        self.spaces();
        if !self.eat("@.length") {
            return Err(self.error("only (@.length-n) is understood"));
        }
        self.eat("()");
        self.spaces();
        let index = self.integer()?.filter(|index| *index < 0);
        self.close(")")?;
        index
            .map(Segment::Index)
            .ok_or_else(|| self.error("only (@.length-n) is understood"))
    }

    fn numbers(&mut self) -> Result<Segment, PathSyntaxError> {
        let start = self.integer()?;
        self.spaces();
        if self.eat(":") {
            self.spaces();
            let end = self.integer()?;
            return Ok(Segment::Slice { start, end });
        }
        let mut list = vec![start.ok_or_else(|| self.error("an index is missing"))?];
        while self.eat(",") {
            self.spaces();
            list.push(
                self.integer()?
                    .ok_or_else(|| self.error("an index is missing"))?,
            );
            self.spaces();
        }
        if list.len() > 1 {
            return Ok(Segment::Indices(list));
        }
        list.pop()
            .map(Segment::Index)
            .ok_or_else(|| self.error("an index is missing"))
    }

    fn integer(&mut self) -> Result<Option<i64>, PathSyntaxError> {
        let start = self.at;
        self.eat("-");
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        if start == self.at {
            return Ok(None);
        }
        self.text[start..self.at]
            .parse()
            .map(Some)
            .map_err(|_| self.error("not a whole number"))
    }

    fn any(&mut self, depth: usize) -> Result<Filter, PathSyntaxError> {
        if depth > FILTER_DEPTH_MAX {
            return Err(self.error("a filter is nested too deeply"));
        }
        let mut parts = vec![self.all(depth)?];
        loop {
            self.spaces();
            if !self.eat("||") {
                break;
            }
            parts.push(self.all(depth)?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Filter::Any(parts)
        })
    }

    fn all(&mut self, depth: usize) -> Result<Filter, PathSyntaxError> {
        let mut parts = vec![self.term(depth)?];
        loop {
            self.spaces();
            if !self.eat("&&") {
                break;
            }
            parts.push(self.term(depth)?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Filter::All(parts)
        })
    }

    fn term(&mut self, depth: usize) -> Result<Filter, PathSyntaxError> {
        if depth > FILTER_DEPTH_MAX {
            return Err(self.error("a filter is nested too deeply"));
        }
        self.spaces();
        if self.eat("!") {
            return Ok(Filter::Not(Box::new(self.term(depth + 1)?)));
        }
        if self.eat("(") {
            let inner = self.any(depth + 1)?;
            self.close(")")?;
            return Ok(inner);
        }
        let left = self.operand(depth + 1)?;
        self.spaces();
        let Some(compare) = self.compare() else {
            return match left {
                Operand::Here(path) => Ok(Filter::Exists(path)),
                Operand::Root(_) | Operand::Value(_) | Operand::Regex(_) => {
                    Err(self.error("a comparison is missing"))
                }
            };
        };
        self.spaces();
        let right = self.operand(depth + 1)?;
        let is_regex = matches!(right, Operand::Regex(_));
        if is_regex != matches!(compare, Compare::Matches) {
            return Err(self.error("a pattern goes with =~"));
        }
        Ok(Filter::Compare(left, compare, right))
    }

    fn compare(&mut self) -> Option<Compare> {
        // Longer tokens first.
        for (token, compare) in [
            ("===", Compare::Same),
            ("!==", Compare::NotSame),
            ("==", Compare::Equal),
            ("!=", Compare::NotEqual),
            ("<=", Compare::AtMost),
            (">=", Compare::AtLeast),
            ("=~", Compare::Matches),
            ("<", Compare::Less),
            (">", Compare::Greater),
        ] {
            if self.eat(token) {
                return Some(compare);
            }
        }
        for (word, compare) in [
            ("in", Compare::In),
            ("nin", Compare::NotIn),
            ("IN", Compare::In),
            ("NIN", Compare::NotIn),
            ("contains", Compare::Contains),
            ("CONTAINS", Compare::Contains),
            ("size", Compare::Size),
            ("SIZE", Compare::Size),
            ("empty", Compare::Empty),
            ("EMPTY", Compare::Empty),
        ] {
            if self
                .rest()
                .strip_prefix(word)
                .is_some_and(|r| r.starts_with([' ', '[', '\'', '$', '@']))
            {
                self.at += word.len();
                return Some(compare);
            }
        }
        None
    }

    fn operand(&mut self, depth: usize) -> Result<Operand, PathSyntaxError> {
        match self.peek() {
            Some('@') => {
                self.at += 1;
                Ok(Operand::Here(JsonPath {
                    segments: self.segments(depth)?,
                }))
            }
            Some('$') => {
                self.at += 1;
                Ok(Operand::Root(JsonPath {
                    segments: self.segments(depth)?,
                }))
            }
            Some('/') => self.regex(),
            _ => self.literal(depth).map(Operand::Value),
        }
    }

    fn regex(&mut self) -> Result<Operand, PathSyntaxError> {
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.bump() {
                None => return Err(self.error("a pattern is not closed")),
                Some(_) if escaped => escaped = false,
                Some('\\') => escaped = true,
                Some('/') => break,
                Some(_) => {}
            }
        }
        let pattern = self.text[start..self.at - 1].replace("\\/", "/");
        let mut builder = regex::RegexBuilder::new(&format!(r"\A(?:{pattern})\z"));
        builder.size_limit(1 << 20);
        while let Some(flag @ ('i' | 'm' | 's' | 'u' | 'x' | 'd' | 'U')) = self.peek() {
            self.at += 1;
            match flag {
                'i' => builder.case_insensitive(true),
                'm' => builder.multi_line(true),
                's' => builder.dot_matches_new_line(true),
                'x' => builder.ignore_whitespace(true),
                _ => &mut builder,
            };
        }
        builder
            .build()
            .map(|regex| Operand::Regex(Box::new(regex)))
            .map_err(|_| self.error("not a pattern that can be used"))
    }

    fn literal(&mut self, depth: usize) -> Result<Value, PathSyntaxError> {
        if depth > FILTER_DEPTH_MAX {
            return Err(self.error("a filter is nested too deeply"));
        }
        match self.peek() {
            Some('\'' | '"') => self.quoted().map(|text| Value::String(unescape(&text))),
            Some('[') => {
                self.at += 1;
                let mut items = Vec::new();
                self.spaces();
                while !self.eat("]") {
                    items.push(self.literal(depth + 1)?);
                    self.spaces();
                    if !self.eat(",") && self.peek() != Some(']') {
                        return Err(self.error("a list is not closed"));
                    }
                    self.spaces();
                }
                Ok(Value::Array(items))
            }
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value, PathSyntaxError> {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        {
            self.at += 1;
        }
        match &self.text[start..self.at] {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            "null" => Ok(Value::Null),
            word => word
                .parse::<Number>()
                .map(Value::Number)
                .map_err(|_| self.error("neither a path nor a value")),
        }
    }
}

fn is_name_end(c: char) -> bool {
    matches!(
        c,
        '.' | '[' | ']' | '(' | ')' | ' ' | '\t' | '\n' | '\r' | '\'' | '"' | ','
    ) || matches!(c, '=' | '!' | '<' | '>' | '&' | '|' | '*' | '?' | '@' | '$')
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' {
            chars.next().unwrap_or('\\')
        } else {
            c
        });
    }
    out
}
