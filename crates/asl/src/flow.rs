//! How data flows through a state: which part of the input it sees, and where its result goes.

mod computed;

use serde_json::Value;

use crate::datum::Datum;
use crate::definition::{PathField, ResultPath};
use crate::expression::{ExpressionError, Scope};
use crate::template::{Template, TemplateError};

pub(crate) use computed::{amount, condition, fail_text, items, percentage, until};

/// Why data cannot flow; the caller adds which state it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `States.Runtime`.
    Runtime(String),
    /// `States.IntrinsicFailure`.
    Intrinsic(String),
    /// `States.ResultPathMatchFailure`.
    ResultPath(String),
    /// `States.QueryEvaluationError`: an expression in this field has no value, or one of the
    /// wrong type.
    Query { field: String, text: String },
    /// `States.QueryEvaluationError` as well: the value has the type and is of no use. The service
    /// finds that out later (recorded: the event follows another one).
    Unusable { field: String, text: String },
}

/// `InputPath` or `OutputPath` over `data`.
pub(crate) fn select(field: &PathField, data: &Datum, scope: Scope<'_>) -> Result<Datum, Fault> {
    match field {
        PathField::Whole => Ok(data.clone()),
        PathField::Nothing => Ok(Datum::empty_object()),
        PathField::Path(path) if path.is_whole_data() => Ok(data.clone()),
        PathField::Path(path) => path
            .evaluate(scope)
            .map(|found| Datum::new(found.into_owned()))
            .map_err(|error| Fault::Runtime(error.for_path_field())),
    }
}

/// `Parameters` or `ResultSelector`, which without one is the data itself.
pub(crate) fn shape(
    template: Option<&Template>,
    data: &Datum,
    scope: Scope<'_>,
) -> Result<Datum, Fault> {
    match template {
        None => Ok(data.clone()),
        Some(template) => template
            .evaluate(scope)
            .map_err(|error| template_fault(&error, scope)),
    }
}

/// `ResultPath`: the state's raw input with the result put into it.
pub(crate) fn place(
    path: &ResultPath,
    input: &Datum,
    result: Datum,
    execution_input: &Value,
) -> Result<Datum, Fault> {
    match path {
        ResultPath::Whole => Ok(result),
        ResultPath::Discard => Ok(input.clone()),
        ResultPath::At { text, place } => {
            let mut output = input.resolve(execution_input).clone();
            let result = match result {
                Datum::ExecutionInput => execution_input.clone(),
                Datum::Inline(shared) => std::sync::Arc::unwrap_or_clone(shared),
            };
            match place.put(&mut output, result) {
                Ok(()) => Ok(Datum::new(output)),
                Err(_) => {
                    let input = input.resolve(execution_input);
                    let text = format!("Unable to apply ReferencePath {text} to input {input}");
                    Err(Fault::ResultPath(text))
                }
            }
        }
    }
}

/// `Assign`: the new values of variables; they all see the old ones.
pub(crate) fn assigned(
    template: Option<&Template>,
    scope: Scope<'_>,
) -> Result<Vec<(String, Value)>, Fault> {
    match template {
        None => Ok(Vec::new()),
        Some(template) => template
            .evaluate_fields(scope)
            .map_err(|error| template_fault(&error, scope)),
    }
}

fn template_fault(error: &TemplateError, scope: Scope<'_>) -> Fault {
    value_fault(&error.error, &error.field, scope)
}

fn value_fault(error: &ExpressionError, field: &str, scope: Scope<'_>) -> Fault {
    let text = error.for_value_field(field, scope.data);
    match error {
        ExpressionError::Query { .. } => Fault::Query {
            field: field.to_owned(),
            text,
        },
        ExpressionError::Call { .. } if error.is_intrinsic() => Fault::Intrinsic(text),
        ExpressionError::Call { .. }
        | ExpressionError::Miss { .. }
        | ExpressionError::UnknownVariable { .. } => Fault::Runtime(text),
    }
}
