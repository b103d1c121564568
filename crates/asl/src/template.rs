//! Payload templates: `Parameters`, `ResultSelector`, `Assign`, `Credentials`.
//!
//! A template without dynamic fields is kept as one shared value and never copied.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::datum::Datum;
use crate::expression::{Expression, ExpressionError, Scope};
use crate::problem::Problem;
use crate::query::{QuerySyntaxError, looks_like_query};

#[derive(Debug, Clone)]
pub(crate) enum Template {
    Literal(Arc<Value>),
    Object(Vec<(String, Template)>),
    Array(Vec<Template>),
    Dynamic {
        field: String,
        expression: Expression,
    },
}

/// A dynamic field that has no value.
#[derive(Debug, Clone)]
pub(crate) struct TemplateError {
    pub(crate) field: String,
    pub(crate) error: ExpressionError,
}

impl Template {
    /// Parses a template found at `location` in the definition.
    pub(crate) fn parse(value: &Value, location: &str, problems: &mut Vec<Problem>) -> Self {
        match value {
            Value::Object(fields) => {
                let entries: Vec<(String, Self)> = fields
                    .iter()
                    .map(|(key, value)| Self::parse_field((key, value), fields, location, problems))
                    .collect();
                Self::object(value, entries)
            }
            Value::Array(items) => {
                let items: Vec<Self> = items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| Self::parse(item, &format!("{location}[{at}]"), problems))
                    .collect();
                Self::array(value, items)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Self::literal(value)
            }
        }
    }

    /// Parses a template of JSONata: the texts in it that are expressions are evaluated, wherever
    /// they stand. `field` is its place in the state, as error texts name it.
    pub(crate) fn parse_queries(
        value: &Value,
        field: &str,
        location: &str,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut inner = |value: &Value, step: &str| {
            let (field, location) = (format!("{field}{step}"), format!("{location}{step}"));
            Self::parse_queries(value, &field, &location, problems)
        };
        match value {
            Value::String(text) if looks_like_query(text) => match Expression::parse_query(text) {
                Ok(expression) => Self::Dynamic {
                    field: field.to_owned(),
                    expression,
                },
                Err(QuerySyntaxError(reason)) => {
                    let message = format!("The JSONata expression is not valid: {reason}");
                    problems.push(Problem::schema(message, location));
                    Self::literal(value)
                }
            },
            Value::Object(fields) => {
                let entries = fields.iter();
                let entries = entries
                    .map(|(key, value)| (key.clone(), inner(value, &format!("/{key}"))))
                    .collect();
                Self::object(value, entries)
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                let items = items.map(|(at, item)| inner(item, &format!("[{at}]")));
                Self::array(value, items.collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Self::literal(value)
            }
        }
    }

    /// An object of these fields, which `value` is if nothing in them is dynamic.
    fn object(value: &Value, entries: Vec<(String, Self)>) -> Self {
        let mut parts = entries.iter().map(|(_, entry)| entry);
        match parts.all(|entry| matches!(entry, Self::Literal(_))) {
            true => Self::literal(value),
            false => Self::Object(entries),
        }
    }

    /// A list of these items, which `value` is if nothing in them is dynamic.
    fn array(value: &Value, items: Vec<Self>) -> Self {
        match items.iter().all(|item| matches!(item, Self::Literal(_))) {
            true => Self::literal(value),
            false => Self::Array(items),
        }
    }

    fn parse_field(
        (key, value): (&String, &Value),
        siblings: &Map<String, Value>,
        location: &str,
        problems: &mut Vec<Problem>,
    ) -> (String, Self) {
        let Some(name) = key.strip_suffix(".$") else {
            return (
                key.clone(),
                Self::parse(value, &format!("{location}/{key}"), problems),
            );
        };
        if siblings.contains_key(name) {
            let message = format!("The field '{name}' is given twice, as '{name}' and as '{key}'");
            problems.push(Problem::schema(message, location));
        }
        match value.as_str().and_then(Expression::parse) {
            Some(expression) => (
                name.to_owned(),
                Self::Dynamic {
                    field: key.clone(),
                    expression,
                },
            ),
            None => {
                let message = format!(
                    "The value for the field '{key}' must be a valid JSONPath or a valid \
                     intrinsic function call"
                );
                problems.push(Problem::schema(message, location));
                (name.to_owned(), Self::literal(&Value::Null))
            }
        }
    }

    fn literal(value: &Value) -> Self {
        Self::Literal(Arc::new(value.clone()))
    }

    pub(crate) fn evaluate(&self, scope: Scope<'_>) -> Result<Datum, TemplateError> {
        match self {
            Self::Literal(value) => Ok(Datum::Inline(Arc::clone(value))),
            Self::Object(_) | Self::Array(_) | Self::Dynamic { .. } => {
                self.build(scope).map(Datum::new)
            }
        }
    }

    /// The fields of an object template, each with its value.
    pub(crate) fn evaluate_fields(
        &self,
        scope: Scope<'_>,
    ) -> Result<Vec<(String, Value)>, TemplateError> {
        match self.build(scope)? {
            Value::Object(fields) => Ok(fields.into_iter().collect()),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Ok(Vec::new()),
        }
    }

    fn build(&self, scope: Scope<'_>) -> Result<Value, TemplateError> {
        match self {
            Self::Literal(value) => Ok(Value::clone(value)),
            Self::Array(items) => {
                let items: Result<Vec<Value>, TemplateError> =
                    items.iter().map(|item| item.build(scope)).collect();
                items.map(Value::Array)
            }
            Self::Object(entries) => {
                let mut fields = Map::with_capacity(entries.len());
                for (key, entry) in entries {
                    fields.insert(key.clone(), entry.build(scope)?);
                }
                Ok(Value::Object(fields))
            }
            Self::Dynamic { field, expression } => expression
                .evaluate(scope)
                .map(std::borrow::Cow::into_owned)
                .map_err(|error| TemplateError {
                    field: field.clone(),
                    error,
                }),
        }
    }
}
