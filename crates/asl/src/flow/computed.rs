//! Fields whose value is written down, found by a path, or computed by JSONata: numbers, texts and
//! points in time. The two languages say what is wrong with one in words of their own.

use serde_json::Value;

use super::{Fault, template_fault, value_fault};
use crate::datum::Datum;
use crate::definition::{Amount, Computed, FailText, Percentage, WaitFor};
use crate::expression::{Expression, ExpressionError, Scope};
use crate::intrinsics::java_text;
use crate::query::QueryFault;
use crate::template::Template;
use crate::time::{Millis, parse_rfc3339};

/// A whole number that is at least `least`, which is 0 or 1.
pub(crate) fn amount(field: &Amount, least: u64, scope: Scope<'_>) -> Result<u64, Fault> {
    let field = match field {
        Amount::Fixed(number) => return Ok(*number),
        Amount::Computed(field) => field,
    };
    let number = match &field.expression {
        Expression::Query(_) => typed(field, "number", scope, whole_number)?,
        Expression::Path(_) | Expression::Call(_) => {
            let found = field.find(scope)?;
            whole(&found).ok_or_else(|| unfit(field, &found, "integer"))?
        }
    };
    match u64::try_from(number) {
        Ok(number) if number >= least => Ok(number),
        // Recorded for ToleratedFailureCount.
        _ if least == 0 => Err(field.unusable("cannot be negative.")),
        _ => Err(unfit(field, &Value::from(number), "integer")),
    }
}

/// A number from 0 to 100.
pub(crate) fn percentage(field: &Percentage, scope: Scope<'_>) -> Result<f64, Fault> {
    let field = match field {
        Percentage::Fixed(number) => return Ok(*number),
        Percentage::Computed(field) => field,
    };
    let number = match &field.expression {
        Expression::Query(_) => typed(field, "number", scope, Value::as_f64)?,
        Expression::Path(_) | Expression::Call(_) => {
            let found = field.find(scope)?;
            let number = found.as_f64().or_else(|| found.as_str()?.parse().ok());
            number.ok_or_else(|| unfit(field, &found, "float"))?
        }
    };
    if (0.0..=100.0).contains(&number) {
        Ok(number)
    } else {
        Err(field.unusable("must be between 0 and 100."))
    }
}

/// `Error` and `Cause` of a Fail state.
pub(crate) fn fail_text(text: &FailText, scope: Scope<'_>) -> Result<String, Fault> {
    let field = match text {
        FailText::Fixed(text) => return Ok(text.clone()),
        FailText::Computed(field) => field,
    };
    let read = |found: &Value| found.as_str().map(str::to_owned);
    if let Expression::Query(_) = &field.expression {
        return typed(field, "string", scope, read);
    }
    let name = &field.name;
    let found = field
        .expression
        .evaluate(scope)
        .map_err(|error| value_fault(&error, name, scope))?;
    read(&found).ok_or_else(|| {
        Fault::Runtime(format!(
            "The {name} parameter does not reference a string value: {found}"
        ))
    })
}

/// `Condition` of a Choice state's rule.
pub(crate) fn condition(field: &Computed, scope: Scope<'_>) -> Result<bool, Fault> {
    typed(field, "boolean", scope, Value::as_bool)
}

/// The list of a Map state, whose `Items` is an expression or has expressions in it.
pub(crate) fn items(items: &Template, scope: Scope<'_>) -> Result<Datum, Fault> {
    let found = items
        .evaluate(scope)
        .map_err(|error| template_fault(&error, scope))?;
    let value = found.resolve(scope.input);
    match items {
        Template::Dynamic { field, expression } if !value.is_array() => {
            let error = ExpressionError::Query {
                text: expression.text().to_owned(),
                fault: QueryFault::Unfit {
                    expected: "array",
                    found: value.clone(),
                },
            };
            Err(value_fault(&error, field, scope))
        }
        Template::Dynamic { .. }
        | Template::Literal(_)
        | Template::Object(_)
        | Template::Array(_) => Ok(found),
    }
}

/// Until when a Wait state waits that is entered now.
pub(crate) fn until(wait: &WaitFor, scope: Scope<'_>) -> Result<Millis, Fault> {
    let after = |seconds: u64| scope.now.after(Millis::from_secs(seconds));
    match wait {
        WaitFor::Seconds(seconds) => Ok(after(*seconds)),
        WaitFor::Until(at) => Ok(*at),
        WaitFor::SecondsAt(field) => seconds(field, scope).map(after),
        WaitFor::UntilAt(field) => timestamp(field, scope),
    }
}

fn seconds(field: &Computed, scope: Scope<'_>) -> Result<u64, Fault> {
    if let Expression::Query(_) = &field.expression {
        let seconds = typed(field, "number", scope, whole_number)?;
        let seconds = u64::try_from(seconds);
        return seconds.map_err(|_| field.unusable("cannot be negative."));
    }
    let text = field.expression.text();
    let found = field.expression.evaluate(scope).map_err(|_| {
        Fault::Runtime(format!(
            "The SecondsPath parameter does not reference an input value: {text}"
        ))
    })?;
    match whole(&found).map(u64::try_from) {
        Some(Ok(seconds)) => Ok(seconds),
        Some(Err(_)) => Err(Fault::Runtime(format!(
            "The SecondsPath parameter references a negative value: {text} == {found}"
        ))),
        None => Err(Fault::Runtime(format!(
            "The SecondsPath parameter cannot be parsed as a long value: {text} == {}",
            java_text(&found)
        ))),
    }
}

fn timestamp(field: &Computed, scope: Scope<'_>) -> Result<Millis, Fault> {
    let read = |text: &str| parse_rfc3339(text).map(|at| at.to_millis());
    if let Expression::Query(_) = &field.expression {
        let text = typed(field, "string", scope, |found| {
            found.as_str().map(str::to_owned)
        })?;
        let why = "cannot be parsed as an ISO-8601 extended offset date-time format string";
        let name = &field.name;
        return read(&text).ok_or_else(|| Fault::Unusable {
            field: name.clone(),
            text: format!("The {name} field {why}: {text}"),
        });
    }
    let text = field.expression.text();
    let found = field.expression.evaluate(scope).map_err(|_| {
        Fault::Runtime(format!(
            "The TimestampPath parameter does not reference an input value: {text}"
        ))
    })?;
    found.as_str().and_then(read).ok_or_else(|| {
        Fault::Runtime(format!(
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset \
             date-time format string: {text} == {}",
            java_text(&found)
        ))
    })
}

impl Computed {
    /// What its path names.
    fn find<'a>(&self, scope: Scope<'a>) -> Result<std::borrow::Cow<'a, Value>, Fault> {
        self.expression
            .evaluate(scope)
            .map_err(|error| Fault::Runtime(error.for_path_field()))
    }

    fn unusable(&self, why: &str) -> Fault {
        // A path's field is named after what it stands for.
        let name = self.name.strip_suffix("Path").unwrap_or(&self.name);
        let text = format!("{name} {why}");
        match &self.expression {
            Expression::Query(_) => Fault::Unusable {
                field: self.name.clone(),
                text,
            },
            Expression::Path(_) | Expression::Call(_) => Fault::Runtime(text),
        }
    }
}

/// The value of an expression of JSONata that must have a certain type.
fn typed<T>(
    field: &Computed,
    expected: &'static str,
    scope: Scope<'_>,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Result<T, Fault> {
    let found = field
        .expression
        .evaluate(scope)
        .map_err(|error| value_fault(&error, &field.name, scope))?;
    let Some(value) = read(&found) else {
        let found = found.into_owned();
        let error = ExpressionError::Query {
            text: field.expression.text().to_owned(),
            fault: QueryFault::Unfit { expected, found },
        };
        return Err(value_fault(&error, &field.name, scope));
    };
    Ok(value)
}

/// What a path found that is no number.
fn unfit(field: &Computed, found: &Value, kind: &str) -> Fault {
    Fault::Runtime(format!(
        "The {} field refers to value \"{}\" which is not a valid {kind}: {}",
        field.name,
        java_text(found),
        field.expression.text()
    ))
}

fn whole_number(value: &Value) -> Option<i64> {
    value.as_i64()
}

/// A whole number, or a text that is one: the service reads both where a path finds them (recorded
/// for `MaxConcurrencyPath` and its like).
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}
