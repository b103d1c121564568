//! Whether an event matches: each field is looked up where the pattern names it, so an event is
//! never walked as a whole, and nothing is allocated for an event without objects in arrays.
//!
//! Arrays are transparent: an element stands where its array stands. Two fields that lie within
//! elements of one array must be found in the *same* element; `search` sees to that.

use crate::document::{Document, Repeats};
use crate::error::EventError;
use crate::event::{Leaf, Node, View};
use crate::limits::{DEPTH_MAX, EVENT_BYTES_MAX};
use crate::parse::{Branch, Field, Pattern};
use crate::search::{self, Entangled};
use serde_json::Value;
use std::ops::ControlFlow;

impl Pattern {
    /// Whether the event matches. An event that is no object matches nothing.
    ///
    /// An event that spells one path in several dotted ways, with arrays along each, may need
    /// more than [`SEARCH_STEPS_MAX`](crate::limits::SEARCH_STEPS_MAX) choices; it counts as not
    /// matching then. [`Pattern::matches_text`] reports such an event instead.
    #[must_use]
    pub fn matches(&self, event: &Value) -> bool {
        self.try_matches(event).unwrap_or(false)
    }

    /// Whether the event of that text matches. Unlike [`Pattern::matches`], this sees how a
    /// number is spelled, which matters for those that no double is exactly. Of a key that is
    /// given twice, the last one counts.
    ///
    /// # Errors
    /// [`EventError`] when the text is no JSON object or exceeds a bound of
    /// [`limits`](crate::limits).
    pub fn matches_text(&self, event: &str) -> Result<bool, EventError> {
        if event.len() > EVENT_BYTES_MAX {
            let bytes_max = EVENT_BYTES_MAX;
            return Err(EventError::TooLong {
                bytes: event.len(),
                bytes_max,
            });
        }
        let document = Document::read(event, Repeats::LastWins).map_err(EventError::NotJson)?;
        if !matches!(document, Document::Object(_)) {
            return Err(EventError::NotAnObject);
        }
        self.try_matches(&document)
            .map_err(|Entangled| EventError::TooEntangled)
    }

    fn try_matches<N: Node>(&self, event: &N) -> Result<bool, Entangled> {
        let View::Object(root) = event.view() else {
            return Ok(false);
        };
        for branch in &*self.branches {
            if branch.matches::<N>(root)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Branch {
    pub(crate) fn matches<N: Node>(&self, root: &N::Members) -> Result<bool, Entangled> {
        let mut depends = false;
        for field in &self.fields {
            match self.look::<N>(field, root) {
                Look::Met => {}
                Look::Unmet => return Ok(false),
                Look::Depends => depends = true,
            }
        }
        if depends {
            search::matches::<N>(self, root)
        } else {
            Ok(true)
        }
    }

    /// What can be said of one field without regard to the others.
    pub(crate) fn look<N: Node>(&self, field: &Field, root: &N::Members) -> Look {
        let (mut present, mut in_element, mut met) = (false, false, false);
        field.visit::<N>(root, &mut |leaf, places| {
            present = true;
            if !places.is_empty() {
                in_element = true;
            } else if field.accepts(leaf) {
                met = true;
            }
            // A value outside of every element restricts no other field, so it is the best
            // choice there is; unless a restriction helps another field to be absent.
            if met && !self.any_absent {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if met && !(self.any_absent && in_element) {
            Look::Met
        } else if in_element {
            Look::Depends
        } else if !present && field.or_absent {
            Look::Met
        } else {
            Look::Unmet
        }
    }
}

/// What is known of a field from its own leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Met,
    Unmet,
    /// The field has leaves within elements of arrays, so that other fields matter.
    Depends,
}

/// An element of an array: which array, and which of its elements.
pub(crate) type Place = (usize, usize);

impl Field {
    pub(crate) fn accepts(&self, leaf: Leaf<'_>) -> bool {
        self.any_of.iter().any(|value| value.matches(leaf))
    }

    /// Shows every leaf of this field to `see`, with the elements it lies within, outermost
    /// first. An element that is no object or array counts as lying beside its array.
    pub(crate) fn visit<N: Node>(
        &self,
        root: &N::Members,
        see: &mut impl FnMut(Leaf<'_>, &[Place]) -> ControlFlow<()>,
    ) {
        let mut walk = Walk {
            field: self,
            places: Vec::new(),
            depth: 0,
            see,
        };
        // A break only means that `see` has seen enough.
        let _ = walk.object::<N>(root, 0);
    }
}

struct Walk<'a, S> {
    field: &'a Field,
    places: Vec<Place>,
    depth: usize,
    see: &'a mut S,
}

impl<S: FnMut(Leaf<'_>, &[Place]) -> ControlFlow<()>> Walk<'_, S> {
    fn object<N: Node>(&mut self, object: &N::Members, start: usize) -> ControlFlow<()> {
        let field = self.field;
        for (key, rest) in field.path.keys(start) {
            if let Some(node) = N::member(object, key) {
                self.node(node, rest)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn node<N: Node>(&mut self, node: &N, rest: Option<usize>) -> ControlFlow<()> {
        if self.depth == DEPTH_MAX {
            return ControlFlow::Continue(());
        }
        self.depth += 1;
        match (node.view(), rest) {
            (View::Leaf(leaf), None) => (self.see)(leaf, &self.places)?,
            (View::Object(object), Some(start)) => self.object::<N>(object, start)?,
            (View::Array(items), rest) => self.array(items, rest)?,
            (View::Leaf(_), Some(_)) | (View::Object(_), None) => {}
        }
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn array<N: Node>(&mut self, items: &[N], rest: Option<usize>) -> ControlFlow<()> {
        let array = items.as_ptr().addr();
        for (index, item) in items.iter().enumerate() {
            if matches!(item.view(), View::Leaf(_)) {
                self.node(item, rest)?;
            } else {
                self.places.push((array, index));
                self.node(item, rest)?;
                self.places.pop();
            }
        }
        ControlFlow::Continue(())
    }
}
