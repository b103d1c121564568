//! What may stand to the right of a `.$` field: a path into the data, the context object or
//! a variable, or a call of an intrinsic function. Parsed once, evaluated often.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::context::ContextView;
use crate::execution::{Execution, Thread};
use crate::intrinsics::{Call, CallError};
use crate::luck::Luck;
use crate::path::{JsonPath, PathMiss};
use crate::query::{Query, QueryFault, QuerySyntaxError};
use crate::time::Millis;

/// The variables of a workflow by name (without the dollar sign).
pub(crate) type Variables = BTreeMap<String, Arc<Value>>;

/// The variables that a thread sees: its own, and those of the scopes around it as they were when
/// it began, for nothing changes them while it runs.
#[derive(Clone, Copy)]
pub(crate) struct Visible<'a> {
    pub(crate) execution: &'a Execution,
    pub(crate) thread: &'a Thread,
}

impl<'a> Visible<'a> {
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        let mut thread = self.thread;
        loop {
            if let Some(value) = thread.variables.get(name) {
                return Some(value);
            }
            match thread.place {
                // An execution of its own sees nothing around it.
                _ if thread.child.is_some() => return None,
                Some(place) => thread = self.execution.get(place.parent)?,
                None => return self.execution.variables.get(name).map(|value| &**value),
            }
        }
    }
}

/// Everything an expression can see.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// What `$` names.
    pub(crate) data: &'a Value,
    /// What `$$` names.
    pub(crate) context: &'a ContextView<'a>,
    pub(crate) variables: Visible<'a>,
    pub(crate) luck: &'a Luck,
    /// What `$states.input` names.
    pub(crate) input: &'a Value,
    /// What `$states.result` names, where there is one.
    pub(crate) result: Option<&'a Value>,
    /// What `$states.errorOutput` names, where there is one.
    pub(crate) error: Option<&'a Value>,
    pub(crate) now: Millis,
}

/// A path with the root it starts from.
#[derive(Debug, Clone)]
pub(crate) struct PathExpression {
    text: String,
    root: Root,
    path: JsonPath,
    /// For `$$.Execution.Input…`: what follows, so that no context object has to be built.
    input_tail: Option<JsonPath>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Root {
    Data,
    Context,
    Variable(String),
}

#[derive(Debug, Clone)]
pub(crate) enum Expression {
    Path(PathExpression),
    Call(Box<Call>),
    Query(Box<Query>),
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExpressionError {
    Miss { path: String, miss: PathMiss },
    UnknownVariable { path: String },
    Call { text: String, reason: CallError },
    Query { text: String, fault: QueryFault },
}

impl PathExpression {
    /// Parses `$…`, `$$…` or `$name…`; none when the text is no path.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let after = text.strip_prefix('$')?;
        let (root, tail) = if let Some(tail) = after.strip_prefix('$') {
            (Root::Context, tail)
        } else {
            let end = after
                .find(|c: char| !is_variable_char(c))
                .unwrap_or(after.len());
            let (name, tail) = after.split_at(end);
            match name.chars().next() {
                None => (Root::Data, tail),
                Some(first) if first.is_ascii_digit() => return None,
                Some(_) => (Root::Variable(name.to_owned()), tail),
            }
        };
        let path = JsonPath::parse_tail(tail).ok()?;
        let input_tail = match root {
            Root::Context => path.split_names(&["Execution", "Input"]),
            Root::Data | Root::Variable(_) => None,
        };
        Some(Self {
            text: text.to_owned(),
            root,
            path,
            input_tail,
        })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// `$` alone, which names the whole data.
    pub(crate) fn is_whole_data(&self) -> bool {
        self.root == Root::Data && self.path.is_root()
    }

    pub(crate) fn evaluate<'a>(&self, scope: Scope<'a>) -> Result<Cow<'a, Value>, ExpressionError> {
        let found = match &self.root {
            Root::Data => self.path.select(scope.data),
            Root::Variable(name) => match scope.variables.get(name) {
                Some(value) => self.path.select(value),
                None => {
                    return Err(ExpressionError::UnknownVariable {
                        path: self.text.clone(),
                    });
                }
            },
            Root::Context => match &self.input_tail {
                Some(tail) => tail.select(scope.context.execution_input()),
                None => {
                    let branch = (self.path.name_at(0), self.path.name_at(1));
                    let object = scope.context.to_value(branch);
                    self.path
                        .select(&object)
                        .map(|found| Cow::Owned(found.into_owned()))
                }
            },
        };
        found.map_err(|miss| ExpressionError::Miss {
            path: self.text.clone(),
            miss,
        })
    }
}

impl Expression {
    /// Parses a path or a call; none when the text is neither.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.starts_with('$') {
            return PathExpression::parse(text).map(Self::Path);
        }
        Call::parse(text)
            .ok()
            .map(|call| Self::Call(Box::new(call)))
    }

    pub(crate) fn evaluate<'a>(&self, scope: Scope<'a>) -> Result<Cow<'a, Value>, ExpressionError> {
        match self {
            Self::Path(path) => path.evaluate(scope),
            Self::Call(call) => match call.evaluate(scope) {
                Ok(value) => Ok(Cow::Owned(value)),
                Err(reason) => Err(ExpressionError::Call {
                    text: call.text().to_owned(),
                    reason,
                }),
            },
            Self::Query(query) => match query.evaluate(scope) {
                Ok(value) => Ok(Cow::Owned(value)),
                Err(fault) => Err(ExpressionError::Query {
                    text: query.text().to_owned(),
                    fault,
                }),
            },
        }
    }

    /// Parses a JSONata expression with its delimiters.
    pub(crate) fn parse_query(text: &str) -> Result<Self, QuerySyntaxError> {
        Query::parse(text).map(|query| Self::Query(Box::new(query)))
    }

    /// As it stands in the definition, without delimiters.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Path(path) => path.text(),
            Self::Call(call) => call.text(),
            Self::Query(query) => query.text(),
        }
    }
}

impl ExpressionError {
    /// The text for the fields `InputPath`, `OutputPath`, `TimeoutSecondsPath`, ….
    pub(crate) fn for_path_field(&self) -> String {
        match self {
            Self::Miss { path, miss } => format!("Invalid path '{path}' : {miss}"),
            Self::UnknownVariable { path } => unknown_variable(path),
            Self::Call { text, reason } => call_failed(text, reason),
            Self::Query { fault, .. } => fault.text(),
        }
    }

    /// The text for a field of a template, and for `ErrorPath` and `CausePath`.
    pub(crate) fn for_value_field(&self, field: &str, data: &Value) -> String {
        match self {
            Self::Miss { path, .. } => format!(
                "The JSONPath '{path}' specified for the field '{field}' could not be found in \
                 the input '{data}'"
            ),
            Self::UnknownVariable { path } => unknown_variable(path),
            Self::Call { text, reason } => call_failed(text, reason),
            Self::Query { text, fault } => format!(
                "The JSONata expression '{text}' specified for the field '{field}' {}",
                fault.text()
            ),
        }
    }

    /// Whether an intrinsic function failed on what it was given, which is an error of its own
    /// name; an argument that is missing is a path failure like any other.
    pub(crate) fn is_intrinsic(&self) -> bool {
        matches!(
            self,
            Self::Call {
                reason: CallError::Failed(_),
                ..
            }
        )
    }
}

fn unknown_variable(path: &str) -> String {
    format!("The variable referenced by '{path}' has not been assigned.")
}

fn call_failed(text: &str, reason: &CallError) -> String {
    format!("The function '{text}' had the following error: {reason}")
}

fn is_variable_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
