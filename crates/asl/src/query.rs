//! JSONata: the expressions between `{%` and `%}`.
//!
//! An expression is parsed once. It sees `$states` and the variables of the workflow and nothing
//! else; what time it is and what luck brings come from the moment, so that it can be evaluated
//! again. Its time and its depth are bounded.

mod functions;
mod value;

use std::sync::Arc;

use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorOptions};
use jsonata_core::parser;
use jsonata_core::value::JValue;
use serde_json::Value;

use crate::expression::Scope;
use crate::limits::{QUERY_DEPTH_MAX, QUERY_ITEMS_MAX, QUERY_MS_MAX};
use value::{from_jvalue, to_jvalue};

/// A parsed expression.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    text: Arc<str>,
    tree: Arc<AstNode>,
    uses: Uses,
}

/// What an expression mentions: only that is handed to it.
#[derive(Debug, Clone, Default)]
struct Uses {
    /// The names after `$`.
    names: Vec<String>,
    /// The names after `$states.`; none when it is used as a whole.
    parts: Option<Vec<String>>,
    /// What of the context object: none when more than one path, or all of it.
    context: Option<(String, Option<String>)>,
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuerySyntaxError(pub(crate) String);

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum QueryFault {
    /// It is undefined.
    Nothing,
    /// JSONata's own error, code and text.
    Threw(String),
    /// It has a value of the wrong type.
    Unfit {
        expected: &'static str,
        found: Value,
    },
}

/// Whether a text is meant as an expression: begins as one or ends as one.
pub(crate) fn looks_like_query(text: &str) -> bool {
    text.starts_with(OPEN) || text.ends_with(CLOSE)
}

impl Query {
    /// Parses a text with its delimiters. Source: developer guide, "Transforming data with
    /// JSONata": no spaces before the one or after the other.
    pub(crate) fn parse(text: &str) -> Result<Self, QuerySyntaxError> {
        let inner = text.strip_prefix(OPEN);
        let Some(inner) = inner.and_then(|inner| inner.strip_suffix(CLOSE)) else {
            let reason = "an expression begins with {% and ends with %}, without spaces around";
            return Err(QuerySyntaxError(reason.to_owned()));
        };
        let inner = inner.trim();
        let tree =
            parser::parse(inner).map_err(|error| QuerySyntaxError(error.display_message()))?;
        Ok(Self {
            text: Arc::from(inner),
            tree: Arc::new(tree),
            uses: Uses::of(inner),
        })
    }

    /// The expression without its delimiters.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The value.
    pub(crate) fn evaluate(&self, scope: Scope<'_>) -> Result<Value, QueryFault> {
        let mut context = Context::new();
        for name in &self.uses.names {
            if name == STATES {
                context.bind(name.clone(), self.states(scope));
            } else if let Some(value) = scope.variables.get(name) {
                context.bind(name.clone(), to_jvalue(value));
            }
        }
        let options = EvaluatorOptions {
            timeout_ms: Some(QUERY_MS_MAX),
            max_stack_depth: Some(QUERY_DEPTH_MAX),
            max_sequence_length: Some(QUERY_ITEMS_MAX),
            cancel: None,
        };
        let mut evaluator = Evaluator::with_options(context, options);
        if self.uses.names.iter().any(|name| functions::is_own(name)) {
            functions::register(&mut evaluator, scope).map_err(threw)?;
        }
        let found = evaluator.evaluate(&self.tree, &JValue::Undefined);
        let found = found.map_err(threw)?;
        match from_jvalue(&found) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(QueryFault::Nothing),
            Err(value::TooDeep) => Err(QueryFault::Threw(
                "the result is nested too deeply".to_owned(),
            )),
        }
    }

    /// `$states`, as far as it is used.
    fn states(&self, scope: Scope<'_>) -> JValue {
        let is_used = |part: &str| match &self.uses.parts {
            Some(parts) => parts.iter().any(|used| used == part),
            None => true,
        };
        let mut states = Vec::with_capacity(4);
        if is_used("input") {
            states.push(("input".to_owned(), to_jvalue(scope.input)));
        }
        if is_used("context") {
            let names = self.uses.context.as_ref();
            let names = names.map(|(first, second)| (Some(first.as_str()), second.as_deref()));
            let context = scope.context.to_value(names.unwrap_or((None, None)));
            states.push(("context".to_owned(), JValue::from(context)));
        }
        for (part, value) in [("result", scope.result), ("errorOutput", scope.error)] {
            if let (true, Some(value)) = (is_used(part), value) {
                states.push((part.to_owned(), to_jvalue(value)));
            }
        }
        JValue::object(states.into_iter().collect())
    }
}

impl Uses {
    /// Reads names off the text; one that only looks like a name, in a string, does no harm.
    fn of(text: &str) -> Self {
        let mut uses = Self {
            parts: Some(Vec::new()),
            ..Self::default()
        };
        let mut contexts = Vec::new();
        for (at, _) in text.match_indices('$') {
            let (name, rest) = word(&text[at + 1..]);
            if name.is_empty() {
                continue;
            }
            if name == STATES {
                let (part, rest) = field(rest);
                match (&mut uses.parts, part) {
                    (Some(parts), Some(part)) => parts.push(part.to_owned()),
                    (parts, _) => *parts = None,
                }
                if part == Some("context") {
                    let (first, rest) = field(rest);
                    let second = field(rest).0.map(str::to_owned);
                    contexts.push(first.map(|first| (first.to_owned(), second)));
                }
            }
            if !uses.names.iter().any(|known| known == name) {
                uses.names.push(name.to_owned());
            }
        }
        if let [Some(_)] = contexts[..] {
            uses.context = contexts.pop().flatten();
        }
        uses
    }
}

/// The word that a text begins with, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    text.split_at(end.unwrap_or(text.len()))
}

/// The field that a text goes on to: `.name`.
fn field(text: &str) -> (Option<&str>, &str) {
    match text.strip_prefix('.').map(word) {
        Some((name, rest)) if !name.is_empty() => (Some(name), rest),
        _ => (None, text),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "its place is at the end of map_err"
)]
fn threw(error: jsonata_core::evaluator::EvaluatorError) -> QueryFault {
    // The name of what is no function is not shown (recorded).
    let text = match error.code() {
        Some("T1006") => "T1006: Attempted to invoke a non-function",
        _ => error.message(),
    };
    QueryFault::Threw(text.to_owned())
}

impl QueryFault {
    /// What is said of it, after naming expression and field.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Nothing => "returned nothing (undefined).".to_owned(),
            Self::Threw(text) => format!("threw an error during evaluation. {text}"),
            Self::Unfit { expected, found } => format!(
                "returned an unexpected result type. Expected '{expected}', but was '{}' for \
                 value: {found}",
                type_name(found)
            ),
        }
    }
}

/// JSONata's names of types.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

const OPEN: &str = "{%";
const CLOSE: &str = "%}";
const STATES: &str = "states";
