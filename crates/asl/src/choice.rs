//! What a Choice state decides by.
//!
//! A comparison of the wrong type is false, never an error; a path that names nothing is an
//! error, unless the question is whether it is there.

use std::cmp::Ordering;

use serde_json::Value;

use crate::expression::{PathExpression, Scope};
use crate::path::ordering;
use crate::time::parse_rfc3339;

#[derive(Debug, Clone)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Test {
        variable: PathExpression,
        test: Test,
    },
}

#[derive(Debug, Clone)]
pub(crate) enum Test {
    Compare {
        kind: ComparedAs,
        relation: Relation,
        with: Comparand,
    },
    Matches(Vec<Glob>),
    Is {
        what: Is,
        expected: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ComparedAs {
    Text,
    Number,
    Flag,
    Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

#[derive(Debug, Clone)]
pub(crate) enum Comparand {
    Fixed(Value),
    At(PathExpression),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Is {
    Present,
    Null,
    Text,
    Number,
    Flag,
    Timestamp,
}

/// A piece of a `StringMatches` pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glob {
    Char(char),
    /// `*`: any characters, or none.
    Any,
}

/// A path in a condition that names nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownOperand(pub(crate) String);

impl Condition {
    pub(crate) fn holds(&self, scope: Scope<'_>) -> Result<bool, UnknownOperand> {
        match self {
            Self::All(parts) => {
                for part in parts {
                    if !part.holds(scope)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(parts) => {
                for part in parts {
                    if part.holds(scope)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(part) => part.holds(scope).map(|held| !held),
            Self::Test { variable, test } => test.holds(variable, scope),
        }
    }
}

impl Test {
    fn holds(&self, variable: &PathExpression, scope: Scope<'_>) -> Result<bool, UnknownOperand> {
        let found = variable.evaluate(scope);
        if let Self::Is {
            what: Is::Present,
            expected,
        } = self
        {
            return Ok(found.is_ok() == *expected);
        }
        let found = found.map_err(|_| UnknownOperand(variable.text().to_owned()))?;
        match self {
            Self::Is { what, expected } => Ok(what.fits(&found) == *expected),
            Self::Matches(pattern) => Ok(found
                .as_str()
                .is_some_and(|text| glob_matches(pattern, text))),
            Self::Compare {
                kind,
                relation,
                with,
            } => {
                let order = match with {
                    Comparand::Fixed(value) => kind.order(&found, value),
                    Comparand::At(path) => {
                        let other = path
                            .evaluate(scope)
                            .map_err(|_| UnknownOperand(path.text().to_owned()))?;
                        kind.order(&found, &other)
                    }
                };
                Ok(order.is_some_and(|order| relation.admits(order)))
            }
        }
    }
}

impl ComparedAs {
    /// How two values stand to each other; nothing when either has the wrong type.
    fn order(self, left: &Value, right: &Value) -> Option<Ordering> {
        match self {
            Self::Text => left
                .as_str()
                .zip(right.as_str())
                .and_then(|_| ordering(left, right)),
            Self::Number => (left.is_number() && right.is_number())
                .then(|| ordering(left, right))
                .flatten(),
            Self::Flag => Some(left.as_bool()?.cmp(&right.as_bool()?)),
            Self::Timestamp => {
                Some(parse_rfc3339(left.as_str()?)?.cmp(&parse_rfc3339(right.as_str()?)?))
            }
        }
    }
}

impl Relation {
    fn admits(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

impl Is {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Present => true,
            Self::Null => value.is_null(),
            Self::Text => value.is_string(),
            Self::Number => value.is_number(),
            Self::Flag => value.is_boolean(),
            Self::Timestamp => value
                .as_str()
                .is_some_and(|text| parse_rfc3339(text).is_some()),
        }
    }
}

/// Reads a pattern: `*` is a wildcard, `\*` a star and `\\` a backslash.
pub(crate) fn parse_glob(pattern: &str) -> Vec<Glob> {
    let mut pieces = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        pieces.push(match (c, chars.peek()) {
            ('\\', Some(next @ ('*' | '\\'))) => {
                let literal = Glob::Char(*next);
                chars.next();
                literal
            }
            ('*', _) => Glob::Any,
            (c, _) => Glob::Char(c),
        });
    }
    pieces
}

/// Matches in time proportional to pattern × text: on a mismatch only the last star moves.
fn glob_matches(pattern: &[Glob], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(Glob::Char(c)) if *c == text[from] => {
                at += 1;
                from += 1;
            }
            Some(Glob::Any) => {
                star = Some((at, from));
                at += 1;
            }
            _ => {
                let Some((star_at, star_from)) = star else {
                    return false;
                };
                star = Some((star_at, star_from + 1));
                at = star_at + 1;
                from = star_from + 1;
            }
        }
    }
    pattern[at..].iter().all(|piece| *piece == Glob::Any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_match_anything_and_escaped_stars_only_stars() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("*", "abc", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbbd", false),
            ("*.log", "x.log.log", true),
            ("a\\*c", "a*c", true),
            ("a\\*c", "abc", false),
            ("a\\\\c", "a\\c", true),
            ("log-*.txt", "log-a.txt", true),
            ("a*b*c", "a-b-b-c", true),
            ("abc", "abcd", false),
        ] {
            assert_eq!(
                glob_matches(&parse_glob(pattern), text),
                expected,
                "{pattern} {text}"
            );
        }
    }
}
