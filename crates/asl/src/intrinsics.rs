//! Intrinsic functions: `States.Format(…)` and its seventeen fellows.
//!
//! A call is parsed once; arity and the kinds of literal arguments are checked then. Source
//! of the rules: developer guide, "Intrinsic functions", and recorded executions.

mod functions;
mod parse;

use serde_json::Value;

use crate::expression::{ExpressionError, PathExpression, Scope};
use crate::luck::Luck;

pub(crate) use functions::java_text;

/// A parsed call of an intrinsic function.
#[derive(Debug, Clone)]
pub struct Call {
    text: String,
    function: Function,
    arguments: Vec<Argument>,
}

#[derive(Debug, Clone)]
enum Argument {
    /// The text between the quotes, escapes and all.
    Text(String),
    Literal(Value),
    Path(PathExpression),
    Call(Call),
}

/// What the calls are of; JSONata has some of them by other names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Format,
    StringToJson,
    JsonToString,
    Array,
    ArrayPartition,
    ArrayContains,
    ArrayRange,
    ArrayGetItem,
    ArrayLength,
    ArrayUnique,
    Base64Encode,
    Base64Decode,
    Hash,
    JsonMerge,
    MathRandom,
    MathAdd,
    StringSplit,
    Uuid,
}

/// Why a text is no call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at character {at}")]
pub struct CallSyntaxError {
    /// What was wrong.
    pub reason: &'static str,
    /// Where, counted in bytes from the start of the text.
    pub at: usize,
}

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    #[error(
        "The JsonPath argument for the field '{path}' could not be found in the input '{data}'"
    )]
    Missing { path: String, data: String },
    #[error("{0}")]
    Failed(String),
}

/// What a function without luck makes of its arguments.
pub(crate) fn compute(function: Function, values: &[Value]) -> Result<Value, CallError> {
    functions::call(function, values, &Luck::new(0))
}

impl Call {
    /// Parses a call such as `States.MathAdd($.a, 1)`.
    ///
    /// # Errors
    /// When the text is not a call of a known function with fitting arguments.
    pub fn parse(text: &str) -> Result<Self, CallSyntaxError> {
        parse::parse_call(text)
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn evaluate(&self, scope: Scope<'_>) -> Result<Value, CallError> {
        let mut values = Vec::with_capacity(self.arguments.len());
        for argument in &self.arguments {
            values.push(argument.evaluate(scope)?);
        }
        if let (Function::Format, Some(Argument::Text(template))) =
            (self.function, self.arguments.first())
        {
            // The template's own escapes are not those of a value.
            return functions::format(template, values.get(1..).unwrap_or(&[]));
        }
        functions::call(self.function, &values, scope.luck)
    }
}

impl Argument {
    fn evaluate(&self, scope: Scope<'_>) -> Result<Value, CallError> {
        match self {
            Self::Text(text) => Ok(Value::String(parse::unescape(text))),
            Self::Literal(value) => Ok(value.clone()),
            Self::Call(call) => call.evaluate(scope),
            Self::Path(path) => match path.evaluate(scope) {
                Ok(value) => Ok(value.into_owned()),
                Err(ExpressionError::Miss { path, .. }) => Err(CallError::Missing {
                    path,
                    data: scope.data.to_string(),
                }),
                Err(error) => Err(CallError::Failed(error.for_path_field())),
            },
        }
    }
}
