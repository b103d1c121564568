//! One value of a field's list, and whether a leaf of an event is it.
//!
//! Strings match only strings, numbers only numbers: `"5"` is not `5`, and `numeric` never
//! matches the `{"N": "101"}` of a DynamoDB image, which holds a string.

use crate::event::Leaf;
use crate::fold::Folded;
use crate::network::{Network, address};
use crate::number::comparable;
use crate::wildcard::Wildcard;
use std::net::IpAddr;

/// What a leaf must be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Text(Box<str>),
    /// A string that is an address matches every spelling of that address.
    Address(IpAddr),
    Number(Number),
    Prefix(Affix),
    Suffix(Affix),
    EqualsIgnoreCase(Folded),
    Wildcard(Wildcard),
    Numeric(Range),
    Cidr(Network),
    Exists,
    /// Matches no leaf, but the absence of any.
    Absent,
    AnythingBut(Excluded),
}

/// A number, by value where a double is exactly it, and by spelling otherwise.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Number {
    value: Option<f64>,
    text: Box<str>,
}

impl Number {
    pub(crate) fn new(text: &str) -> Number {
        Number {
            value: comparable(text),
            text: text.into(),
        }
    }
}

/// The beginning or the end of a string.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Affix {
    Exact(Box<str>),
    IgnoreCase(Folded),
}

/// Numbers between two ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    pub(crate) lower: Option<End>,
    pub(crate) upper: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct End {
    pub(crate) value: f64,
    pub(crate) inclusive: bool,
}

impl Range {
    fn holds(self, number: f64) -> bool {
        let above = |end: End| number > end.value || (end.inclusive && number == end.value);
        let below = |end: End| number < end.value || (end.inclusive && number == end.value);
        self.lower.is_none_or(above) && self.upper.is_none_or(below)
    }
}

/// What `anything-but` leaves out. Whatever is of another type is left in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Excluded {
    Texts(Box<[Box<str>]>),
    Numbers(Box<[f64]>),
    Prefixes(Box<[Box<str>]>),
    Suffixes(Box<[Box<str>]>),
    EqualsIgnoreCase(Box<[Folded]>),
    Wildcards(Box<[Wildcard]>),
}

impl Excluded {
    fn holds(&self, leaf: Leaf<'_>) -> bool {
        match leaf {
            Leaf::Text(text) => match self {
                Excluded::Texts(texts) => texts.iter().any(|excluded| **excluded == *text),
                Excluded::Prefixes(all) => all.iter().any(|prefix| text.starts_with(&**prefix)),
                Excluded::Suffixes(all) => all.iter().any(|suffix| text.ends_with(&**suffix)),
                Excluded::EqualsIgnoreCase(all) => all.iter().any(|folded| folded.equals(text)),
                Excluded::Wildcards(all) => all.iter().any(|wildcard| wildcard.matches(text)),
                Excluded::Numbers(_) => false,
            },
            Leaf::Number(number) => match self {
                Excluded::Numbers(numbers) => number
                    .comparable()
                    .is_some_and(|value| numbers.contains(&value)),
                Excluded::Texts(_)
                | Excluded::Prefixes(_)
                | Excluded::Suffixes(_)
                | Excluded::EqualsIgnoreCase(_)
                | Excluded::Wildcards(_) => false,
            },
            Leaf::Null | Leaf::Bool(_) => false,
        }
    }
}

impl Value {
    pub(crate) fn matches(&self, leaf: Leaf<'_>) -> bool {
        match (self, leaf) {
            (Value::Exists, _) => true,
            (Value::Absent, _) => false,
            (Value::AnythingBut(excluded), leaf) => !excluded.holds(leaf),
            (Value::Null, Leaf::Null) => true,
            (Value::Bool(wanted), Leaf::Bool(found)) => *wanted == found,
            (Value::Number(wanted), Leaf::Number(found)) => match found.comparable() {
                Some(value) => wanted.value == Some(value),
                None => wanted.value.is_none() && *wanted.text == *found.text(),
            },
            (Value::Numeric(range), Leaf::Number(found)) => {
                found.comparable().is_some_and(|value| range.holds(value))
            }
            (wanted, Leaf::Text(found)) => wanted.matches_text(found),
            (_, Leaf::Null | Leaf::Bool(_) | Leaf::Number(_)) => false,
        }
    }

    fn matches_text(&self, found: &str) -> bool {
        match self {
            Value::Text(wanted) => **wanted == *found,
            Value::Address(wanted) => address(found) == Some(*wanted),
            Value::Prefix(Affix::Exact(prefix)) => found.starts_with(&**prefix),
            Value::Prefix(Affix::IgnoreCase(folded)) => folded.starts(found),
            Value::Suffix(Affix::Exact(suffix)) => found.ends_with(&**suffix),
            Value::Suffix(Affix::IgnoreCase(folded)) => folded.ends(found),
            Value::EqualsIgnoreCase(folded) => folded.equals(found),
            Value::Wildcard(wildcard) => wildcard.matches(found),
            Value::Cidr(network) => network.contains(found),
            Value::Exists => true,
            Value::AnythingBut(excluded) => !excluded.holds(Leaf::Text(found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Numeric(_) | Value::Absent => {
                false
            }
        }
    }
}
