//! How data flows through a state: which part of the input it sees, and where its result goes.

use serde_json::Value;

use crate::datum::Datum;
use crate::definition::{Amount, FailText, PathField, Percentage, ResultPath};
use crate::expression::{ExpressionError, PathExpression, Scope};
use crate::template::{Template, TemplateError};

/// Why data cannot flow; the caller adds which state it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `States.Runtime`.
    Runtime(String),
    /// `States.IntrinsicFailure`.
    Intrinsic(String),
    /// `States.ResultPathMatchFailure`.
    ResultPath(String),
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

/// A whole number that is written down or found in the data, and is at least `least`.
pub(crate) fn amount(field: &Amount, least: i64, scope: Scope<'_>) -> Result<u64, Fault> {
    match field {
        Amount::Fixed(number) => Ok(*number),
        Amount::At { field, path } => {
            let found = path
                .evaluate(scope)
                .map_err(|error| Fault::Runtime(error.for_path_field()))?;
            let number = whole(&found).ok_or_else(|| unfit(field, path, &found, "integer"))?;
            match u64::try_from(number) {
                Ok(fits) if number >= least => Ok(fits),
                // Recorded for ToleratedFailureCount.
                _ if least == 0 => {
                    let name = field.strip_suffix("Path").unwrap_or(field);
                    Err(Fault::Runtime(format!("{name} cannot be negative.")))
                }
                _ => Err(unfit(field, path, &found, "integer")),
            }
        }
    }
}

/// A number from 0 to 100 that is written down or found in the data.
pub(crate) fn percentage(field: &Percentage, scope: Scope<'_>) -> Result<f64, Fault> {
    match field {
        Percentage::Fixed(number) => Ok(*number),
        Percentage::At { field, path } => {
            let found = path
                .evaluate(scope)
                .map_err(|error| Fault::Runtime(error.for_path_field()))?;
            let number = found.as_f64().or_else(|| found.as_str()?.parse().ok());
            let number = number.ok_or_else(|| unfit(field, path, &found, "float"))?;
            if (0.0..=100.0).contains(&number) {
                return Ok(number);
            }
            let name = field.strip_suffix("Path").unwrap_or(field);
            let text = format!("{name} must be between 0 and 100.");
            Err(Fault::Runtime(text))
        }
    }
}

fn unfit(field: &str, path: &PathExpression, found: &Value, kind: &str) -> Fault {
    Fault::Runtime(format!(
        "The {field} field refers to value \"{}\" which is not a valid {kind}: {}",
        crate::intrinsics::java_text(found),
        path.text()
    ))
}

/// A whole number, or a text that is one: the service reads both (recorded for
/// `MaxConcurrencyPath` and its like).
pub(crate) fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// `Error` and `Cause` of a Fail state, which may be computed.
pub(crate) fn fail_text(text: &FailText, field: &str, scope: Scope<'_>) -> Result<String, Fault> {
    match text {
        FailText::Fixed(text) => Ok(text.clone()),
        FailText::At(expression) => {
            let found = expression
                .evaluate(scope)
                .map_err(|error| value_fault(&error, field, scope))?;
            match found.as_str() {
                Some(text) => Ok(text.to_owned()),
                None => Err(Fault::Runtime(format!(
                    "The {field} parameter does not reference a string value: {found}"
                ))),
            }
        }
    }
}

fn template_fault(error: &TemplateError, scope: Scope<'_>) -> Fault {
    value_fault(&error.error, &error.field, scope)
}

fn value_fault(error: &ExpressionError, field: &str, scope: Scope<'_>) -> Fault {
    let text = error.for_value_field(field, scope.data);
    if error.is_intrinsic() {
        Fault::Intrinsic(text)
    } else {
        Fault::Runtime(text)
    }
}
