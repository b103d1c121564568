//! Filters: which items of a list a path keeps.
//!
//! A comparison of things that cannot be compared is false, never an error.

use std::cmp::Ordering;

use regex::Regex;
use serde_json::Value;

use super::JsonPath;

#[derive(Debug, Clone)]
pub(super) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    Exists(JsonPath),
    Compare(Operand, Compare, Operand),
}

#[derive(Debug, Clone)]
pub(super) enum Operand {
    /// A path from the item under test, `@`.
    Here(JsonPath),
    /// A path from the document, `$`.
    Root(JsonPath),
    Value(Value),
    Regex(Box<Regex>),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Compare {
    Equal,
    NotEqual,
    Same,
    NotSame,
    Less,
    AtMost,
    Greater,
    AtLeast,
    In,
    NotIn,
    Contains,
    Size,
    Empty,
    Matches,
}

impl Filter {
    pub(super) fn keeps(&self, item: &Value, root: &Value) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.keeps(item, root)),
            Self::All(parts) => parts.iter().all(|part| part.keeps(item, root)),
            Self::Not(part) => !part.keeps(item, root),
            Self::Exists(path) => match path.select_in(item, root) {
                Ok(found) if !path.is_definite() => found.as_array().is_some_and(|l| !l.is_empty()),
                found => found.is_ok(),
            },
            Self::Compare(left, compare, right) => {
                let left = left.value(item, root);
                if let Operand::Regex(regex) = right {
                    return left.is_some_and(|left| matches(regex, &left));
                }
                compare.holds(left.as_ref(), right.value(item, root).as_ref())
            }
        }
    }
}

impl Operand {
    fn value(&self, item: &Value, root: &Value) -> Option<Value> {
        match self {
            Self::Here(path) => path
                .select_in(item, root)
                .ok()
                .map(|found| found.into_owned()),
            Self::Root(path) => path
                .select_in(root, root)
                .ok()
                .map(|found| found.into_owned()),
            Self::Value(value) => Some(value.clone()),
            Self::Regex(_) => None,
        }
    }
}

impl Compare {
    fn holds(self, left: Option<&Value>, right: Option<&Value>) -> bool {
        let order = || ordering(left?, right?);
        match self {
            Self::Equal | Self::Same => equal(left, right),
            Self::NotEqual | Self::NotSame => !equal(left, right),
            Self::Less => order() == Some(Ordering::Less),
            Self::Greater => order() == Some(Ordering::Greater),
            Self::AtMost => order().is_some_and(Ordering::is_le),
            Self::AtLeast => order().is_some_and(Ordering::is_ge),
            Self::In => contains(right, left),
            Self::NotIn => !contains(right, left),
            Self::Contains => match (left, right) {
                (Some(Value::String(text)), Some(Value::String(part))) => text.contains(part),
                (list, item) => contains(list, item),
            },
            Self::Size => match (left.and_then(size), right.and_then(Value::as_u64)) {
                (Some(size), Some(wanted)) => size == wanted,
                _ => false,
            },
            Self::Empty => match (left.and_then(size), right) {
                (Some(size), Some(Value::Bool(wanted))) => (size == 0) == *wanted,
                _ => false,
            },
            Self::Matches => false,
        }
    }
}

fn equal(left: Option<&Value>, right: Option<&Value>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => values_equal(left, right),
        _ => false,
    }
}

/// Equality where 0 and 0.0 are the same number.
pub(crate) fn values_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => ordering(left, right) == Some(Ordering::Equal),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| values_equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| {
                    right
                        .get(key)
                        .is_some_and(|other| values_equal(value, other))
                })
        }
        (left, right) => left == right,
    }
}

/// How two numbers or two texts stand to each other; of other things, nothing is known.
pub(crate) fn ordering(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
                return Some(left.cmp(&right));
            }
            if let (Some(left), Some(right)) = (left.as_u64(), right.as_u64()) {
                return Some(left.cmp(&right));
            }
            left.as_f64()?.partial_cmp(&right.as_f64()?)
        }
        (Value::String(left), Value::String(right)) => {
            Some(left.encode_utf16().cmp(right.encode_utf16()))
        }
        _ => None,
    }
}

fn contains(list: Option<&Value>, item: Option<&Value>) -> bool {
    match (list, item) {
        (Some(Value::Array(list)), Some(item)) => list.iter().any(|one| values_equal(one, item)),
        _ => false,
    }
}

fn size(value: &Value) -> Option<u64> {
    let size = match value {
        Value::Array(items) => items.len(),
        Value::String(text) => text.chars().count(),
        Value::Object(fields) => fields.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
    };
    u64::try_from(size).ok()
}

fn matches(regex: &Regex, value: &Value) -> bool {
    match value {
        Value::String(text) => regex.is_match(text),
        Value::Number(number) => regex.is_match(&number.to_string()),
        Value::Bool(flag) => regex.is_match(if *flag { "true" } else { "false" }),
        Value::Array(items) => items.iter().any(|item| matches(regex, item)),
        Value::Null | Value::Object(_) => false,
    }
}
