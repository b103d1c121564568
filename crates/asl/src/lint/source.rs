//! Where everything stands in the text of a definition.
//!
//! Step Functions names a place as `/States/Pay/Retry[0]`; a JSON Pointer names the same place as
//! `/States/Pay/Retry/0`. Both lead to the bytes of the text from here.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use jsonc_parser::ast::{Object, Value};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its bytes.
    pub bytes: Range<usize>,
    /// The line it begins in, from 1.
    pub line: usize,
    /// The column it begins in, in characters from 1.
    pub column: usize,
    /// Its length, in characters.
    pub length: usize,
}

/// A value of the document.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) pointer: String,
    /// Where its name stands, if it has one.
    key: Option<Range<usize>>,
    value: Range<usize>,
    /// Objects and lists are pointed at by their names: they may be long.
    is_nested: bool,
}

/// The text, and what stands where.
#[derive(Debug)]
pub(super) struct Source<'t> {
    text: &'t str,
    /// Where each line begins.
    lines: Vec<usize>,
    places: HashMap<String, Place>,
    /// Keys that stood in their object before.
    pub(super) twice: Vec<(String, Range<usize>)>,
}

impl<'t> Source<'t> {
    /// Reads a text that is JSON; of another one only its lines are known.
    pub(super) fn read(text: &'t str) -> Self {
        let newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        let mut source = Self {
            text,
            lines: std::iter::once(0).chain(newlines).collect(),
            places: HashMap::new(),
            twice: Vec::new(),
        };
        let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default());
        if let Some(root) = parsed.ok().and_then(|parsed| parsed.value) {
            source.note("/".to_owned(), String::new(), None, &root);
            source.walk("", "", &root);
        }
        source
    }

    fn walk(&mut self, location: &str, pointer: &str, value: &Value<'_>) {
        match value {
            Value::Object(object) => self.walk_object(location, pointer, object),
            Value::Array(list) => {
                for (at, item) in list.elements.iter().enumerate() {
                    let (location, pointer) =
                        (format!("{location}[{at}]"), format!("{pointer}/{at}"));
                    self.note(location.clone(), pointer.clone(), None, item);
                    self.walk(&location, &pointer, item);
                }
            }
            Value::StringLit(_)
            | Value::NumberLit(_)
            | Value::BooleanLit(_)
            | Value::NullKeyword(_) => {}
        }
    }

    fn walk_object(&mut self, location: &str, pointer: &str, object: &Object<'_>) {
        let mut seen = HashSet::new();
        for property in &object.properties {
            let name = property.name.as_str();
            let key = property.name.range();
            let key = key.start..key.end;
            let location = format!("{location}/{name}");
            let step = name.replace('~', "~0").replace('/', "~1");
            let pointer = format!("{pointer}/{step}");
            if !seen.insert(name.to_owned()) {
                self.twice.push((location.clone(), key.clone()));
            }
            self.note(
                location.clone(),
                pointer.clone(),
                Some(key),
                &property.value,
            );
            self.walk(&location, &pointer, &property.value);
        }
    }

    /// The last of several with one name counts, as it does for the interpreter.
    fn note(
        &mut self,
        location: String,
        pointer: String,
        key: Option<Range<usize>>,
        value: &Value<'_>,
    ) {
        let range = value.range();
        let place = Place {
            pointer,
            key,
            value: range.start..range.end,
            is_nested: matches!(value, Value::Object(_) | Value::Array(_)),
        };
        self.places.insert(location, place);
    }

    /// What stands at a location, or else the nearest thing around it.
    pub(super) fn place(&self, location: &str) -> Option<&Place> {
        let mut location = location;
        loop {
            if let Some(place) = self.places.get(location) {
                return Some(place);
            }
            match location.rfind(['/', '[']) {
                Some(at) => location = location.get(..at)?,
                None => return self.places.get("/"),
            }
        }
    }

    /// Where the key of a field of the object at `location` stands.
    pub(super) fn field(&self, location: &str, name: &str) -> Option<&Place> {
        let location = location.strip_suffix('/').unwrap_or(location);
        self.places.get(&format!("{location}/{name}"))
    }

    /// The piece of text to point at for a place.
    pub(super) fn span_of(&self, place: &Place) -> Span {
        match &place.key {
            Some(key) if place.is_nested => self.span(key.clone()),
            _ if place.is_nested => self.span(place.value.start..place.value.start + 1),
            _ => self.span(place.value.clone()),
        }
    }

    /// The piece of text to point at for a place by its name.
    pub(super) fn key_span(&self, place: &Place) -> Span {
        match &place.key {
            Some(key) => self.span(key.clone()),
            None => self.span_of(place),
        }
    }

    pub(super) fn span(&self, bytes: Range<usize>) -> Span {
        let line = self.lines.partition_point(|start| *start <= bytes.start);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let count = |range: Range<usize>| self.text.get(range).map_or(0, |it| it.chars().count());
        Span {
            line,
            column: count(start..bytes.start) + 1,
            length: count(bytes.clone()),
            bytes,
        }
    }

    /// The place that a parser names by its line and its column in bytes.
    pub(super) fn at(&self, line: usize, column: usize) -> Span {
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let mut at = (start + column.saturating_sub(1)).min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let next = self.text.get(at..).and_then(|rest| rest.chars().next());
        self.span(at..at + next.map_or(0, char::len_utf8))
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }
}
