//! JSONPath in the Jayway dialect, which is what Step Functions speaks.
//!
//! A path is parsed once. Selecting from a value never copies what a definite path names. A
//! definite path (names, indices) that hits nothing is an error; an indefinite one (`[*]`,
//! slices, filters, `..`) gives a list, perhaps an empty one.

mod filter;
mod parse;
mod reference;
mod select;

use std::fmt;

use filter::Filter;
pub(crate) use filter::{ordering, values_equal};
pub(crate) use reference::ReferencePath;

/// A parsed path, relative to some root.
#[derive(Debug, Clone)]
pub struct JsonPath {
    segments: Vec<Segment>,
}

#[derive(Debug, Clone)]
enum Segment {
    Name(String),
    Names(Vec<String>),
    Index(i64),
    Indices(Vec<i64>),
    Slice {
        start: Option<i64>,
        end: Option<i64>,
    },
    Wildcard,
    Filter(Box<Filter>),
    /// `..` applies the segment to a node and to everything below it.
    Descend(Box<Segment>),
    /// `.length()`: how many items an array has; of anything else, nothing.
    Length,
}

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at character {at}")]
pub struct PathSyntaxError {
    /// What was wrong.
    pub reason: &'static str,
    /// Where, counted in bytes from the start of the text.
    pub at: usize,
}

/// Why a definite path selects nothing, in the words of the Jayway library.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathMiss {
    #[error("No results for path: {path}")]
    NoResults { path: String },
    #[error("Missing property in path {path}")]
    MissingProperty { path: String },
    #[error(
        "Expected to find an object with property {fragment} in path {path} but found '{found}'. \
         This is not a json object according to the JsonProvider: \
         'com.jayway.jsonpath.spi.json.JacksonJsonProvider'."
    )]
    NotAnObject {
        fragment: String,
        path: String,
        found: &'static str,
    },
    #[error("Filter: {fragment} can only be applied to arrays. Current context is: {found}")]
    NotAnArray { fragment: String, found: String },
    #[error("The path {path} is null")]
    NullArray { path: String },
}

impl JsonPath {
    /// Parses a path that starts with `$`.
    ///
    /// # Errors
    /// When the text is not a path of the dialect.
    pub fn parse(text: &str) -> Result<Self, PathSyntaxError> {
        parse::parse_rooted(text)
    }

    /// Parses what follows the root (`$`, `$$` or `$variable`): nothing, `.name…` or `[…]…`.
    pub(crate) fn parse_tail(tail: &str) -> Result<Self, PathSyntaxError> {
        parse::parse_tail(tail)
    }

    /// Whether the path is the root alone.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.segments.is_empty()
    }

    /// Whether the path can name one value only.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        let last = self.segments.len().saturating_sub(1);
        self.segments
            .iter()
            .enumerate()
            .all(|(at, segment)| segment.is_definite(at == last))
    }

    /// The plain names the path starts with, and what remains after `count` of them.
    pub(crate) fn split_names(&self, names: &[&str]) -> Option<Self> {
        let head = self.segments.get(..names.len())?;
        let same = head
            .iter()
            .zip(names)
            .all(|(segment, name)| matches!(segment, Segment::Name(found) if found == name));
        same.then(|| Self {
            segments: self.segments[names.len()..].to_vec(),
        })
    }

    /// The first segment, when it is a plain name.
    pub(crate) fn name_at(&self, at: usize) -> Option<&str> {
        match self.segments.get(at) {
            Some(Segment::Name(name)) => Some(name),
            _ => None,
        }
    }
}

impl Segment {
    fn is_definite(&self, is_leaf: bool) -> bool {
        match self {
            Self::Name(_) | Self::Index(_) | Self::Length => true,
            // Several names at the end are merged into one object.
            Self::Names(_) => is_leaf,
            Self::Indices(_)
            | Self::Slice { .. }
            | Self::Wildcard
            | Self::Filter(_)
            | Self::Descend(_) => false,
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "['{name}']"),
            Self::Names(names) => write!(f, "['{}']", names.join("','")),
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Indices(list) => {
                let list: Vec<String> = list.iter().map(i64::to_string).collect();
                write!(f, "[{}]", list.join(","))
            }
            Self::Slice { start, end } => {
                let text = |bound: &Option<i64>| bound.map_or(String::new(), |n| n.to_string());
                write!(f, "[{}:{}]", text(start), text(end))
            }
            Self::Wildcard => write!(f, "[*]"),
            Self::Filter(_) => write!(f, "[?]"),
            Self::Descend(inner) => write!(f, "..{inner}"),
            Self::Length => write!(f, ".length()"),
        }
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "$")?;
        self.segments
            .iter()
            .try_for_each(|segment| write!(f, "{segment}"))
    }
}
