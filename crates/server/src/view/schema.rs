//! How words of other crates are described to API clients: those crates know of no schemas.

use std::borrow::Cow;

use domain::status::PaymentStatus;
use engine::store::{Action, ExecutionStatus};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// How an execution stands.
pub(crate) struct Status;

impl JsonSchema for Status {
    fn schema_name() -> Cow<'static, str> {
        "ExecutionStatus".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "How an execution stands, in Step Functions' words",
            "type": "string",
            "enum": ExecutionStatus::ALL,
        })
    }
}

/// What somebody can do.
pub(crate) struct Deed;

impl JsonSchema for Deed {
    fn schema_name() -> Cow<'static, str> {
        "Action".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What somebody did",
            "type": "string",
            "enum": Action::ALL,
        })
    }
}

/// A time in a query: with its zone, or in milliseconds since 1970.
pub(crate) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "type": "string", "format": "date-time" },
            { "type": "string", "pattern": "^-?[0-9]{1,14}$" },
        ]
    })
}

/// A sum in a query.
pub(crate) fn amount(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(0|[1-9][0-9]{0,11})(\\.[0-9]{1,3})?$" })
}

/// A source's name in a query.
pub(crate) fn source(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[a-z][a-z0-9_-]{0,63}$" })
}

/// How payments stand that are listed.
pub(crate) fn payment_status(_: &mut SchemaGenerator) -> Schema {
    let words = PaymentStatus::ALL.map(PaymentStatus::as_str);
    json_schema!({ "type": "string", "enum": words })
}

/// The same where a field may be null.
pub(crate) fn time_or_null(generator: &mut SchemaGenerator) -> Schema {
    or_null(&time(generator))
}

/// The same where a field may be null.
pub(crate) fn amount_or_null(generator: &mut SchemaGenerator) -> Schema {
    or_null(&amount(generator))
}

fn or_null(schema: &Schema) -> Schema {
    json_schema!({ "anyOf": [schema, { "type": "null" }] })
}

/// How executions stand that are listed.
pub(crate) fn wanted(_: &mut SchemaGenerator) -> Schema {
    let mut words: Vec<String> = ExecutionStatus::ALL
        .iter()
        .filter_map(|status| {
            serde_json::to_value(status)
                .ok()?
                .as_str()
                .map(str::to_owned)
        })
        .collect();
    words.push(crate::desk::DEAD_LETTER.to_ascii_uppercase());
    json_schema!({ "type": "string", "enum": words })
}
