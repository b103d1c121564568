//! What the functions compute. Pure; `States.UUID` and `States.MathRandom` draw from the
//! moment's seed.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sha2::Digest as _;

use super::{CallError, Function};
use crate::limits::{ARRAY_RANGE_MAX, ENCODE_CHARS_MAX};
use crate::luck::Luck;
use crate::path::values_equal;

pub(super) fn call(function: Function, values: &[Value], luck: &Luck) -> Result<Value, CallError> {
    let value = |at: usize| values.get(at).unwrap_or(&Value::Null);
    match function {
        Function::Format => format(text(value(0))?, values.get(1..).unwrap_or(&[])),
        Function::StringToJson => string_to_json(text(value(0))?),
        Function::JsonToString => Ok(Value::String(value(0).to_string())),
        Function::Array => Ok(Value::Array(values.to_vec())),
        Function::ArrayPartition => partition(list(value(0))?, integer(value(1))?),
        Function::ArrayContains => {
            let found = list(value(0))?
                .iter()
                .any(|item| values_equal(item, value(1)));
            Ok(Value::Bool(found))
        }
        Function::ArrayRange => range(integer(value(0))?, integer(value(1))?, integer(value(2))?),
        Function::ArrayGetItem => item(list(value(0))?, integer(value(1))?),
        Function::ArrayLength => Ok(Value::from(list(value(0))?.len())),
        Function::ArrayUnique => Ok(unique(list(value(0))?)),
        Function::Base64Encode => {
            encodable(text(value(0))?).map(|text| Value::String(STANDARD.encode(text)))
        }
        Function::Base64Decode => decode(encodable(text(value(0))?)?),
        Function::Hash => hash(value(0), text(value(1))?),
        Function::JsonMerge => merge(value(0), value(1), value(2)),
        Function::MathRandom => {
            let seeded = values.get(2).map(integer).transpose()?;
            let seeded = seeded.map(|seed| Luck::new(seed.unsigned_abs()));
            random(
                integer(value(0))?,
                integer(value(1))?,
                seeded.as_ref().unwrap_or(luck),
            )
        }
        Function::MathAdd => add(integer(value(0))?, integer(value(1))?),
        Function::StringSplit => Ok(split(text(value(0))?, text(value(1))?)),
        Function::Uuid => Ok(Value::String(luck.uuid())),
    }
}

/// Fills the `{}` of a template; `\{`, `\}`, `\'` and `\\` are literal characters.
pub(super) fn format(template: &str, values: &[Value]) -> Result<Value, CallError> {
    let mut out = String::with_capacity(template.len());
    let mut values = values.iter();
    let mut chars = template.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().unwrap_or('\\')),
            '{' if chars.peek() == Some(&'}') => {
                chars.next();
                let value = values.next().ok_or_else(wrong_placeholders)?;
                write_java(value, &mut out);
            }
            _ => out.push(c),
        }
    }
    if values.next().is_some() {
        return Err(wrong_placeholders());
    }
    Ok(Value::String(out))
}

/// A value as Java prints it: texts bare, objects as `{key=value, …}`.
pub(crate) fn java_text(value: &Value) -> String {
    let mut out = String::new();
    write_java(value, &mut out);
    out
}

fn write_java(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => out.push_str(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            // Writing to a String cannot fail.
            let _ = write!(out, "{value}");
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write_java(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (at, (key, item)) in fields.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                out.push_str(key);
                out.push('=');
                write_java(item, out);
            }
            out.push('}');
        }
    }
}

fn failed<T>(reason: impl Into<String>) -> Result<T, CallError> {
    Err(CallError::Failed(reason.into()))
}

fn wrong_placeholders() -> CallError {
    CallError::Failed("The number of arguments does not match the number of placeholders".into())
}

fn text(value: &Value) -> Result<&str, CallError> {
    match value.as_str() {
        Some(text) => Ok(text),
        None => failed(format!("A string is expected, but was: {value}")),
    }
}

fn list(value: &Value) -> Result<&Vec<Value>, CallError> {
    match value.as_array() {
        Some(items) => Ok(items),
        None => failed(format!("An array is expected, but was: {value}")),
    }
}

/// A whole number; others are rounded as Java's `Math.round` does, half up.
fn integer(value: &Value) -> Result<i64, CallError> {
    if let Some(whole) = value.as_i64() {
        return Ok(whole);
    }
    let rounded = value.as_f64().map(|number| (number + 0.5).floor());
    match rounded {
        Some(rounded) if rounded.abs() < 9.0e15 =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "in range, checked above")]
            Ok(rounded as i64)
        }
        _ => failed(format!("A number is expected, but was: {value}")),
    }
}

fn string_to_json(text: &str) -> Result<Value, CallError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Value::Null);
    }
    if text == "-0" {
        return Ok(Value::from(0));
    }
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(_) => failed("The provided string is not valid JSON"),
    }
}

fn partition(items: &[Value], size: i64) -> Result<Value, CallError> {
    match usize::try_from(size) {
        Ok(size) if size > 0 => {
            let chunks = items.chunks(size).map(|chunk| Value::Array(chunk.to_vec()));
            Ok(Value::Array(chunks.collect()))
        }
        _ => failed("The chunk size must be a positive integer"),
    }
}

fn range(start: i64, end: i64, step: i64) -> Result<Value, CallError> {
    if step == 0 {
        return failed("The step must not be zero");
    }
    let mut items = Vec::new();
    let mut next = Some(start);
    while let Some(at) = next {
        if (step > 0 && at > end) || (step < 0 && at < end) {
            break;
        }
        if items.len() == ARRAY_RANGE_MAX {
            return failed("The array may have at most 1000 elements");
        }
        items.push(Value::from(at));
        next = at.checked_add(step);
    }
    Ok(Value::Array(items))
}

fn item(items: &[Value], index: i64) -> Result<Value, CallError> {
    match usize::try_from(index)
        .ok()
        .and_then(|index| items.get(index))
    {
        Some(item) => Ok(item.clone()),
        None => failed(format!("The index {index} is outside the array")),
    }
}

fn unique(items: &[Value]) -> Value {
    let mut kept: Vec<Value> = Vec::with_capacity(items.len());
    for item in items {
        if !kept.iter().any(|known| values_equal(known, item)) {
            kept.push(item.clone());
        }
    }
    Value::Array(kept)
}

fn encodable(text: &str) -> Result<&str, CallError> {
    if text.chars().count() > ENCODE_CHARS_MAX {
        return failed("The input may have at most 10000 characters");
    }
    Ok(text)
}

fn decode(text: &str) -> Result<Value, CallError> {
    match STANDARD.decode(text).map(String::from_utf8) {
        Ok(Ok(decoded)) => Ok(Value::String(decoded)),
        _ => failed("The input is not valid Base64"),
    }
}

fn hash(data: &Value, algorithm: &str) -> Result<Value, CallError> {
    let data = data
        .as_str()
        .map_or_else(|| data.to_string(), str::to_owned);
    let data = encodable(&data)?.as_bytes();
    let digest = match algorithm {
        "MD5" => hex(&md5::Md5::digest(data)),
        "SHA-1" => hex(&sha1::Sha1::digest(data)),
        "SHA-256" => hex(&sha2::Sha256::digest(data)),
        "SHA-384" => hex(&sha2::Sha384::digest(data)),
        "SHA-512" => hex(&sha2::Sha512::digest(data)),
        other => return failed(format!("The algorithm '{other}' is not supported")),
    };
    Ok(Value::String(digest))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            // Writing to a String cannot fail.
            let _ = write!(out, "{byte:02x}");
            out
        })
}

fn merge(left: &Value, right: &Value, deep: &Value) -> Result<Value, CallError> {
    match (left, right, deep) {
        (Value::Object(left), Value::Object(right), Value::Bool(false)) => {
            let mut merged: Map<String, Value> = left.clone();
            merged.extend(
                right
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone())),
            );
            Ok(Value::Object(merged))
        }
        (Value::Object(_), Value::Object(_), _) => {
            failed("Only the shallow merge is supported: the third argument must be false")
        }
        _ => failed("Two objects are expected"),
    }
}

/// `start` is in, `end` is out.
fn random(start: i64, end: i64, luck: &Luck) -> Result<Value, CallError> {
    match end.checked_sub(start).map(u64::try_from) {
        Some(Ok(span)) if span > 0 => {
            let offset = i64::try_from(luck.up_to(span - 1)).unwrap_or(0);
            Ok(Value::from(start.saturating_add(offset)))
        }
        _ => failed("The start must be less than the end"),
    }
}

fn add(left: i64, right: i64) -> Result<Value, CallError> {
    match left.checked_add(right) {
        Some(sum) => Ok(Value::from(sum)),
        None => failed("The sum is too large"),
    }
}

/// Splits at every character of `delimiters`; empty pieces are dropped.
fn split(text: &str, delimiters: &str) -> Value {
    let pieces = text
        .split(|c| delimiters.contains(c))
        .filter(|piece| !piece.is_empty());
    Value::Array(pieces.map(Value::from).collect())
}
