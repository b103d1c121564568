//! Text to call. Must never panic, whatever the text.

use serde_json::{Number, Value};

use super::{Argument, Call, CallSyntaxError, Function};
use crate::expression::PathExpression;
use crate::limits::INTRINSIC_DEPTH_MAX;

pub(super) fn parse_call(text: &str) -> Result<Call, CallSyntaxError> {
    let mut reader = Reader { text, at: 0 };
    let call = reader.call(1)?;
    if reader.at < text.len() {
        return Err(reader.error("unexpected text after the call"));
    }
    Ok(call)
}

/// The text a literal stands for.
pub(super) fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' {
            chars.next().unwrap_or('\\')
        } else {
            c
        });
    }
    out
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn error(&self, reason: &'static str) -> CallSyntaxError {
        CallSyntaxError {
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

    fn spaces(&mut self) {
        while self
            .peek()
            .is_some_and(|c| matches!(c, ' ' | '\t' | '\n' | '\r'))
        {
            self.at += 1;
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        let hit = self.rest().starts_with(token);
        if hit {
            self.at += token.len();
        }
        hit
    }

    fn call(&mut self, depth: usize) -> Result<Call, CallSyntaxError> {
        if depth > INTRINSIC_DEPTH_MAX {
            return Err(self.error("calls are nested too deeply"));
        }
        let start = self.at;
        if !self.eat("States.") {
            return Err(self.error("a function starts with 'States.'"));
        }
        let name_at = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_alphanumeric()) {
            self.at += 1;
        }
        let Some(function) = Function::from_name(&self.text[name_at..self.at]) else {
            return Err(self.error("no such function"));
        };
        if !self.eat("(") {
            return Err(self.error("the arguments are missing"));
        }
        let arguments = self.arguments(depth)?;
        if !function.accepts(&arguments) {
            return Err(self.error("wrong number or kind of arguments"));
        }
        Ok(Call {
            text: self.text[start..self.at].to_owned(),
            function,
            arguments,
        })
    }

    fn arguments(&mut self, depth: usize) -> Result<Vec<Argument>, CallSyntaxError> {
        let mut arguments = Vec::new();
        self.spaces();
        if self.eat(")") {
            return Ok(arguments);
        }
        loop {
            self.spaces();
            arguments.push(self.argument(depth)?);
            self.spaces();
            if self.eat(")") {
                return Ok(arguments);
            }
            if !self.eat(",") {
                return Err(self.error("a comma or a closing bracket is missing"));
            }
        }
    }

    fn argument(&mut self, depth: usize) -> Result<Argument, CallSyntaxError> {
        match self.peek() {
            Some('\'') => self.literal_text(),
            Some('$') => self.path(),
            Some('S') => self.call(depth + 1).map(Argument::Call),
            _ => self.word(),
        }
    }

    /// Only `\'`, `\{`, `\}` and `\\` are escapes.
    fn literal_text(&mut self) -> Result<Argument, CallSyntaxError> {
        self.at += 1;
        let start = self.at;
        let mut chars = self.text[start..].char_indices();
        while let Some((offset, c)) = chars.next() {
            match c {
                '\'' => {
                    self.at = start + offset + 1;
                    return Ok(Argument::Text(self.text[start..start + offset].to_owned()));
                }
                '\\' => match chars.next() {
                    Some((_, '\'' | '{' | '}' | '\\')) => {}
                    _ => return Err(self.error("no such escape")),
                },
                _ => {}
            }
        }
        Err(self.error("a quote is not closed"))
    }

    /// A path goes on until a comma or a bracket that is not its own.
    fn path(&mut self) -> Result<Argument, CallSyntaxError> {
        let start = self.at;
        let (mut depth, mut quote, mut escaped) = (0usize, None, false);
        for (offset, c) in self.text[start..].char_indices() {
            self.at = start + offset;
            if let Some(open) = quote {
                if escaped {
                    escaped = false;
                } else if c == '\\' {
                    escaped = true;
                } else if c == open {
                    quote = None;
                }
                continue;
            }
            match c {
                '\'' | '"' => quote = Some(c),
                '(' | '[' => depth += 1,
                ')' | ',' if depth == 0 => break,
                ')' | ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        let text = self.text[start..self.at].trim_end();
        PathExpression::parse(text)
            .map(Argument::Path)
            .ok_or_else(|| self.error("not a path"))
    }

    fn word(&mut self) -> Result<Argument, CallSyntaxError> {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        {
            self.at += 1;
        }
        let value = match &self.text[start..self.at] {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            word => match word.parse::<Number>() {
                Ok(number) => Value::Number(number),
                Err(_) => return Err(self.error("not an argument")),
            },
        };
        Ok(Argument::Literal(value))
    }
}

impl Function {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "Format" => Self::Format,
            "StringToJson" => Self::StringToJson,
            "JsonToString" => Self::JsonToString,
            "Array" => Self::Array,
            "ArrayPartition" => Self::ArrayPartition,
            "ArrayContains" => Self::ArrayContains,
            "ArrayRange" => Self::ArrayRange,
            "ArrayGetItem" => Self::ArrayGetItem,
            "ArrayLength" => Self::ArrayLength,
            "ArrayUnique" => Self::ArrayUnique,
            "Base64Encode" => Self::Base64Encode,
            "Base64Decode" => Self::Base64Decode,
            "Hash" => Self::Hash,
            "JsonMerge" => Self::JsonMerge,
            "MathRandom" => Self::MathRandom,
            "MathAdd" => Self::MathAdd,
            "StringSplit" => Self::StringSplit,
            "UUID" => Self::Uuid,
            _ => return None,
        })
    }

    /// Whether so many arguments of such kinds can be right; a path can be anything.
    fn accepts(self, arguments: &[Argument]) -> bool {
        let count = arguments.len();
        let numbers = || {
            arguments.iter().all(|argument| match argument {
                Argument::Text(_) => false,
                Argument::Literal(value) => value.is_number(),
                Argument::Path(_) | Argument::Call(_) => true,
            })
        };
        match self {
            Self::Format => count >= 1,
            Self::Array => true,
            Self::Uuid => count == 0,
            Self::StringToJson
            | Self::JsonToString
            | Self::ArrayLength
            | Self::ArrayUnique
            | Self::Base64Encode
            | Self::Base64Decode => count == 1,
            Self::ArrayPartition
            | Self::ArrayContains
            | Self::ArrayGetItem
            | Self::Hash
            | Self::StringSplit => count == 2,
            Self::MathAdd => count == 2 && numbers(),
            Self::ArrayRange => count == 3 && numbers(),
            Self::JsonMerge => count == 3,
            Self::MathRandom => (2..=3).contains(&count) && numbers(),
        }
    }
}
