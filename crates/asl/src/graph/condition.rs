//! What a rule of a Choice asks, in a few letters.

use crate::choice::{Comparand, Condition, Glob, Is, Relation, Test};
use crate::definition::When;

pub(super) fn of(when: &When) -> String {
    match when {
        When::Query(query) => {
            let text = query.expression.text().trim();
            let inner = text.strip_prefix("{%").and_then(|it| it.strip_suffix("%}"));
            inner.unwrap_or(text).trim().to_owned()
        }
        When::Tests(condition) => words(condition),
    }
}

fn words(condition: &Condition) -> String {
    match condition {
        Condition::All(parts) if parts.is_empty() => "always".to_owned(),
        Condition::Any(parts) if parts.is_empty() => "never".to_owned(),
        Condition::All(parts) => joined(parts, " and "),
        Condition::Any(parts) => joined(parts, " or "),
        Condition::Not(inner) => format!("not {}", nested(inner)),
        Condition::Test { variable, test } => match test {
            Test::Compare { relation, with, .. } => {
                let sign = match relation {
                    Relation::Equal => "=",
                    Relation::Less => "<",
                    Relation::AtMost => "≤",
                    Relation::Greater => ">",
                    Relation::AtLeast => "≥",
                };
                let with = match with {
                    Comparand::Fixed(value) => value.to_string(),
                    Comparand::At(path) => path.text().to_owned(),
                };
                format!("{} {sign} {with}", variable.text())
            }
            Test::Matches(pattern) => {
                let letters = pattern.iter().map(|piece| match piece {
                    Glob::Char(letter) => *letter,
                    Glob::Any => '*',
                });
                let pattern: String = letters.collect();
                format!("{} like \"{pattern}\"", variable.text())
            }
            Test::Is { what, expected } => {
                let not = if *expected { "" } else { "not " };
                let what = match what {
                    Is::Present => "there",
                    Is::Null => "null",
                    Is::Text => "a text",
                    Is::Number => "a number",
                    Is::Flag => "true or false",
                    Is::Timestamp => "a time",
                };
                format!("{} is {not}{what}", variable.text())
            }
        },
    }
}

fn joined(parts: &[Condition], word: &str) -> String {
    let parts: Vec<String> = parts.iter().map(nested).collect();
    parts.join(word)
}

/// In brackets, if there are several parts in it.
fn nested(condition: &Condition) -> String {
    match condition {
        Condition::All(parts) | Condition::Any(parts) if parts.len() > 1 => {
            format!("({})", words(condition))
        }
        Condition::All(_) | Condition::Any(_) | Condition::Not(_) | Condition::Test { .. } => {
            words(condition)
        }
    }
}
