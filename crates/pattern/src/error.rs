//! What can be wrong with a pattern or with the text of an event.

use serde::Serialize;
use std::fmt;

/// Why a pattern was refused: what is wrong, where, and what to write instead where that is clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}{problem}{}", Place(path), Suggestion(suggestion.as_deref()))]
pub struct PatternError {
    /// Where in the pattern, as `detail.state[0].anything-but`; empty for the whole pattern.
    pub path: String,
    /// What is wrong there.
    pub problem: Problem,
    /// What to write instead, when it is clear.
    pub suggestion: Option<String>,
}

/// What is wrong at one place of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// The text is not JSON.
    #[error("the pattern is not JSON: {0}")]
    NotJson(SyntaxError),
    /// The text is longer than [`PATTERN_BYTES_MAX`](crate::limits::PATTERN_BYTES_MAX).
    #[error("the pattern is {bytes} bytes long; the most is {bytes_max}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// The pattern is JSON, but no object.
    #[error("a pattern is a JSON object")]
    NotAnObject,
    /// An object without fields.
    #[error("an empty object is not allowed")]
    EmptyObject,
    /// A list without values could never match.
    #[error("an empty list is not allowed")]
    EmptyList,
    /// A field's value stands there bare instead of in a list.
    #[error("a field holds a list of values or an object of further fields")]
    NotAList,
    /// A list within a list of values.
    #[error("a value is a string, a number, true, false, null or an operator object")]
    NotAValue,
    /// `{}` in a list of values.
    #[error("an operator object is empty")]
    NoOperator,
    /// An operator object has more than one key.
    #[error("an operator object has one key; `{0}` is a second one")]
    SecondOperator(String),
    /// There is no operator of that name, at least not here.
    #[error("`{0}` is no operator here")]
    UnknownOperator(String),
    /// An operator got the wrong kind of value.
    #[error("`{operator}` takes {takes}")]
    WrongOperand {
        /// The operator.
        operator: &'static str,
        /// What it takes, in words.
        takes: &'static str,
    },
    /// An empty prefix or suffix within `anything-but` would exclude every string.
    #[error("an empty {0} within `anything-but` would exclude every string")]
    EmptyAffix(&'static str),
    /// An `anything-but` list mixes strings and numbers.
    #[error("an `anything-but` list holds strings or numbers, not both")]
    MixedList,
    /// `numeric` names no comparison that exists, or not in a place where it may stand.
    #[error("`{0}` is no numeric comparison here")]
    UnknownComparison(String),
    /// A `numeric` list goes on after its last comparison.
    #[error("`numeric` has too many elements")]
    LongComparison,
    /// A number that no double is exactly cannot be compared with.
    #[error("{0} cannot be compared: no 64-bit floating point number is exactly that")]
    InexactNumber(String),
    /// The lower end of a range is not below its upper end.
    #[error("the range is empty: its lower end must be less than its upper end")]
    EmptyRange,
    /// A text that is no CIDR block.
    #[error("`{0}` is no CIDR block")]
    MalformedCidr(String),
    /// The mask covers every bit of the address; EventBridge refuses that too.
    #[error("the mask of this CIDR block is at most {bits_max} bits")]
    CidrMask {
        /// The longest mask for this family of addresses.
        bits_max: u8,
    },
    /// Two stars side by side.
    #[error("two wildcards follow each other at character {0}")]
    ConsecutiveWildcards(usize),
    /// A backslash before something other than `*` or `\`.
    #[error("the backslash at character {0} escapes neither `*` nor `\\`")]
    WildcardEscape(usize),
    /// The wildcards of a field are too many or too alike, as EventBridge judges it.
    #[error("the wildcards of this field are too complex together")]
    TooComplex,
    /// `$or` holds something other than a list of two or more objects.
    #[error("`$or` takes a list of two or more objects")]
    MalformedOr,
    /// A field within `$or` has the name of an operator.
    #[error("`{0}` is an operator's name and cannot be a field within `$or`")]
    ReservedName(String),
    /// The `$or` of the pattern multiply to more than
    /// [`BRANCHES_MAX`](crate::limits::BRANCHES_MAX) combinations, or to more than
    /// [`TERMS_MAX`](crate::limits::TERMS_MAX) fields over all of them.
    #[error("the `$or` of this pattern multiply to too many combinations")]
    TooManyBranches,
}

/// Why an event could not be matched. The pattern is not at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum EventError {
    /// The text is not JSON.
    #[error("the event is not JSON: {0}")]
    NotJson(SyntaxError),
    /// The text is JSON, but no object.
    #[error("an event is a JSON object")]
    NotAnObject,
    /// The text is longer than [`EVENT_BYTES_MAX`](crate::limits::EVENT_BYTES_MAX).
    #[error("the event is {bytes} bytes long; the most is {bytes_max}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// The event spells its paths so ambiguously that
    /// [`SEARCH_STEPS_MAX`](crate::limits::SEARCH_STEPS_MAX) choices did not settle the verdict.
    #[error("the event's arrays are too entangled to match against")]
    TooEntangled,
}

/// Where and why a text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{problem} at line {line}, column {column}")]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: usize,
    /// The character in that line, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: SyntaxProblem,
}

/// Why a text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum SyntaxProblem {
    /// The text stops in the middle.
    #[error("unexpected end")]
    UnexpectedEnd,
    /// Something else must stand here.
    #[error("unexpected character")]
    UnexpectedCharacter,
    /// A complete value is followed by more.
    #[error("text after the end")]
    TrailingText,
    /// A number such as `01` or `1.`.
    #[error("malformed number")]
    MalformedNumber,
    /// An escape that JSON does not know, or half of a surrogate pair.
    #[error("malformed escape")]
    MalformedEscape,
    /// A raw control character within a string.
    #[error("control character in a string")]
    ControlCharacter,
    /// More nesting than [`DEPTH_MAX`](crate::limits::DEPTH_MAX).
    #[error("more than {depth_max} levels of nesting")]
    TooDeep {
        /// The bound.
        depth_max: usize,
    },
}

impl SyntaxError {
    pub(crate) fn new(text: &str, at: usize, problem: SyntaxProblem) -> SyntaxError {
        let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        // Continuation bytes of UTF-8 begin with the bits 10.
        let characters = before
            .iter()
            .skip(line_start)
            .filter(|&&byte| byte & 0xc0 != 0x80);
        SyntaxError {
            line: before.iter().filter(|&&byte| byte == b'\n').count() + 1,
            column: characters.count() + 1,
            problem,
        }
    }
}

struct Place<'a>(&'a str);

impl fmt::Display for Place<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(out, "{}: ", self.0)
        }
    }
}

struct Suggestion<'a>(Option<&'a str>);

impl fmt::Display for Suggestion<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .map_or(Ok(()), |suggestion| write!(out, " ({suggestion})"))
    }
}
