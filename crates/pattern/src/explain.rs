//! Says why an event matched or did not: as text for people, and as data.
//!
//! An explanation quotes the event, so it may hold what the event holds; show it to whoever may
//! see the event, and nowhere else.

use crate::document::{Document, Repeats};
use crate::error::EventError;
use crate::event::{Leaf, Node, View};
use crate::limits::{EXPLAINED_ALTERNATIVES_MAX, EXPLAINED_CHARACTERS_MAX, EXPLAINED_VALUES_MAX};
use crate::parse::{Branch, Field, Pattern};
use crate::search::Entangled;
use crate::value::Value;
use serde::Serialize;
use std::fmt;
use std::ops::ControlFlow;

/// Why an event matched a pattern or did not. `Display` gives lines for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The verdict, the same as that of [`Pattern::matches`].
    pub matched: bool,
    /// The alternative that matched; otherwise all of them, the nearest one first, at most
    /// [`EXPLAINED_ALTERNATIVES_MAX`]. A pattern without `$or` has one.
    pub alternatives: Vec<AlternativeReport>,
    /// How many alternatives the pattern has.
    pub alternatives_count: usize,
}

/// One way to match: a set of fields, all of which must match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlternativeReport {
    /// All fields match, together.
    pub matched: bool,
    /// Each field has a value that matches, but they do not lie in the same array element.
    pub apart: bool,
    /// The fields, sorted by path.
    pub fields: Vec<FieldReport>,
}

/// One field of the pattern and what the event has there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldReport {
    /// The keys to the field, joined by dots.
    pub path: String,
    /// The field has a value that matches, or is absent as it may be.
    pub matched: bool,
    /// What the pattern wants, as JSON.
    pub wanted: String,
    /// What the event has.
    pub found: Found,
    /// What may have been meant, when the field does not match and it is clear.
    pub hint: Option<String>,
}

/// What an event has in the place of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// No value. An empty array or an object has no value either.
    Nothing,
    /// Values, as JSON; several when arrays lie on the way. At most [`EXPLAINED_VALUES_MAX`].
    Values(Vec<String>),
}

impl Pattern {
    /// Says why the event matches or does not.
    #[must_use]
    pub fn explain(&self, event: &serde_json::Value) -> Explanation {
        self.explain_node(event)
            .unwrap_or_else(|Entangled| Explanation {
                matched: false,
                alternatives: Vec::new(),
                alternatives_count: self.branches.len(),
            })
    }

    /// Says why the event of that text matches or does not.
    ///
    /// # Errors
    /// Those of [`Pattern::matches_text`].
    pub fn explain_text(&self, event: &str) -> Result<Explanation, EventError> {
        // The verdict is repeated below; what is wanted here is every check of the text.
        self.matches_text(event)?;
        let document = Document::read(event, Repeats::LastWins).map_err(EventError::NotJson)?;
        self.explain_node(&document)
            .map_err(|Entangled| EventError::TooEntangled)
    }

    fn explain_node<N: Node>(&self, event: &N) -> Result<Explanation, Entangled> {
        let mut alternatives = Vec::new();
        if let View::Object(root) = event.view() {
            for branch in &*self.branches {
                let report = branch.report::<N>(root)?;
                if report.matched {
                    alternatives = vec![report];
                    break;
                }
                alternatives.push(report);
            }
        }
        alternatives.sort_by_key(AlternativeReport::distance);
        alternatives.truncate(EXPLAINED_ALTERNATIVES_MAX);
        Ok(Explanation {
            matched: alternatives.first().is_some_and(|report| report.matched),
            alternatives,
            alternatives_count: self.branches.len(),
        })
    }
}

impl AlternativeReport {
    fn distance(&self) -> usize {
        self.fields.iter().filter(|field| !field.matched).count()
    }
}

impl Branch {
    fn report<N: Node>(&self, root: &N::Members) -> Result<AlternativeReport, Entangled> {
        let matched = self.matches::<N>(root)?;
        let mut fields: Vec<FieldReport> = self
            .fields
            .iter()
            .map(|field| field.report::<N>(root))
            .collect();
        if matched {
            // A field may be absent only within the elements that were chosen.
            for field in &mut fields {
                (field.matched, field.hint) = (true, None);
            }
        }
        let apart = !matched && fields.iter().all(|field| field.matched);
        Ok(AlternativeReport {
            matched,
            apart,
            fields,
        })
    }
}

impl Field {
    fn report<N: Node>(&self, root: &N::Members) -> FieldReport {
        let (mut values, mut hint, mut accepted) = (Vec::new(), None, false);
        self.visit::<N>(root, &mut |leaf, _| {
            if values.len() < EXPLAINED_VALUES_MAX {
                values.push(shortened(leaf.json()));
            }
            accepted |= self.accepts(leaf);
            hint = hint.take().or_else(|| self.hint(leaf));
            ControlFlow::Continue(())
        });
        let matched = accepted || (values.is_empty() && self.or_absent);
        if values.is_empty() && self.is_object::<N>(root, 0) {
            hint = Some("an object is here; name one of its fields".to_owned());
        }
        FieldReport {
            path: self.path.text().to_owned(),
            matched,
            wanted: shortened(self.written.to_string()),
            found: if values.is_empty() {
                Found::Nothing
            } else {
                Found::Values(values)
            },
            hint: hint.filter(|_| !matched),
        }
    }

    fn is_object<N: Node>(&self, object: &N::Members, start: usize) -> bool {
        let mut keys = self.path.keys(start);
        keys.any(
            |(key, rest)| match (N::member(object, key).map(N::view), rest) {
                (Some(View::Object(_)), None) => true,
                (Some(View::Object(inner)), Some(start)) => self.is_object::<N>(inner, start),
                (Some(View::Array(_) | View::Leaf(_)) | None, _) => false,
            },
        )
    }

    /// What may have been meant, judging by a value that does not match.
    fn hint(&self, leaf: Leaf<'_>) -> Option<String> {
        let texts = || {
            self.any_of.iter().filter_map(|value| {
                if let Value::Text(text) = value {
                    Some(&**text)
                } else {
                    None
                }
            })
        };
        let is_number = |value: &Value| matches!(value, Value::Number(_) | Value::Numeric(_));
        let hint = match leaf {
            Leaf::Text(text) => {
                if self.any_of.iter().any(is_number) && text.parse::<f64>().is_ok() {
                    "the event has a string here; numbers match numbers only"
                } else if texts().any(|wanted| wanted.to_lowercase() == text.to_lowercase()) {
                    "only the case differs; see `equals-ignore-case`"
                } else {
                    return None;
                }
            }
            Leaf::Number(number) if texts().any(|wanted| *wanted == *number.text()) => {
                "the event has a number here; strings match strings only"
            }
            Leaf::Null | Leaf::Bool(_) | Leaf::Number(_) => return None,
        };
        Some(hint.to_owned())
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(EXPLAINED_CHARACTERS_MAX) {
        None => text,
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.matched { "match" } else { "no match" })?;
        match (self.alternatives_count, self.matched) {
            (1, _) => {}
            (count, true) => write!(out, " by one of {count} alternatives")?,
            (count, false) => write!(out, " by any of {count} alternatives")?,
        }
        for (at, alternative) in self.alternatives.iter().enumerate() {
            if self.alternatives_count > 1 && !self.matched {
                write!(out, "\nalternative {}", at + 1)?;
            }
            write!(out, "{alternative}")?;
        }
        if !self.matched && self.alternatives.len() < self.alternatives_count {
            match self.alternatives.len() {
                0 => write!(
                    out,
                    "\nthe event is no object, or too entangled to match against"
                )?,
                shown => write!(out, "\nand {} more", self.alternatives_count - shown)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for AlternativeReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for field in &self.fields {
            write!(out, "\n  {field}")?;
        }
        if self.apart {
            write!(
                out,
                "\n  each field has a match, but not in the same array element"
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for FieldReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} {}: ",
            if self.matched { "✓" } else { "✗" },
            self.path
        )?;
        match &self.found {
            Found::Nothing => write!(out, "absent,")?,
            Found::Values(values) => write!(out, "{}", values.join(", "))?,
        }
        write!(
            out,
            " {} {}",
            if self.matched {
                "matches"
            } else {
                "does not match"
            },
            self.wanted
        )?;
        self.hint
            .as_ref()
            .map_or(Ok(()), |hint| write!(out, " ({hint})"))
    }
}
