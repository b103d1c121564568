//! What a pattern sees of an event: objects, arrays and leaves, whoever parsed it.

use crate::document::{Document, Member, write_text};
use crate::number::Numeral;
use serde_json::{Map, Value};

/// A node of an event. Implemented for a tree of `serde_json` and for raw text.
pub(crate) trait Node: Sized {
    /// The members of an object.
    type Members: ?Sized;

    fn view(&self) -> View<'_, Self>;

    /// The member of that name; the last one when there were several.
    fn member<'a>(object: &'a Self::Members, key: &str) -> Option<&'a Self>;
}

pub(crate) enum View<'a, N: Node> {
    Object(&'a N::Members),
    Array(&'a [N]),
    Leaf(Leaf<'a>),
}

/// A value which patterns are held against.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Leaf<'a> {
    Null,
    Bool(bool),
    Number(Numeral<'a>),
    Text(&'a str),
}

impl Leaf<'_> {
    /// The leaf as JSON.
    pub(crate) fn json(self) -> String {
        match self {
            Leaf::Null => "null".to_owned(),
            Leaf::Bool(value) => value.to_string(),
            Leaf::Number(number) => number.text().into_owned(),
            Leaf::Text(text) => {
                let mut json = String::new();
                write_text(text, &mut json);
                json
            }
        }
    }
}

impl Node for Value {
    type Members = Map<String, Value>;

    fn view(&self) -> View<'_, Self> {
        match self {
            Value::Null => View::Leaf(Leaf::Null),
            Value::Bool(value) => View::Leaf(Leaf::Bool(*value)),
            Value::Number(number) => View::Leaf(Leaf::Number(Numeral::Json(number))),
            Value::String(text) => View::Leaf(Leaf::Text(text)),
            Value::Array(items) => View::Array(items),
            Value::Object(object) => View::Object(object),
        }
    }

    fn member<'a>(object: &'a Self::Members, key: &str) -> Option<&'a Self> {
        object.get(key)
    }
}

impl<'t> Node for Document<'t> {
    type Members = [Member<'t>];

    fn view(&self) -> View<'_, Self> {
        match self {
            Document::Null => View::Leaf(Leaf::Null),
            Document::Bool(value) => View::Leaf(Leaf::Bool(*value)),
            Document::Number(text) => View::Leaf(Leaf::Number(Numeral::Text(text))),
            Document::Text(text) => View::Leaf(Leaf::Text(text)),
            Document::Array(items) => View::Array(items),
            Document::Object(members) => View::Object(members.as_slice()),
        }
    }

    /// Events are read with `Repeats::LastWins`, which leaves the members sorted by key.
    fn member<'a>(object: &'a Self::Members, key: &str) -> Option<&'a Self> {
        let at = object
            .binary_search_by(|(name, _)| (**name).cmp(key))
            .ok()?;
        object.get(at).map(|(_, value)| value)
    }
}
