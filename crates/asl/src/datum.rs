//! JSON data that is held once, however many records speak of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A JSON value of one execution. Data equal to the execution's input is named, not
/// repeated: the input is kept by whoever keeps the execution, and is handed in when needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Datum {
    /// The execution's own input.
    #[serde(rename = "x")]
    ExecutionInput,
    /// Any other value.
    #[serde(rename = "v")]
    Inline(Arc<Value>),
}

impl Datum {
    /// The value itself; `execution_input` is what the execution was started with.
    #[must_use]
    pub fn resolve<'a>(&'a self, execution_input: &'a Value) -> &'a Value {
        match self {
            Self::ExecutionInput => execution_input,
            Self::Inline(value) => value,
        }
    }

    pub(crate) fn new(value: Value) -> Self {
        Self::Inline(Arc::new(value))
    }

    /// An empty object, what `InputPath: null` and `OutputPath: null` mean.
    pub(crate) fn empty_object() -> Self {
        Self::new(Value::Object(serde_json::Map::new()))
    }

    /// Bytes of the value as compact JSON. The execution's input was measured when it came.
    pub(crate) fn json_len(&self) -> usize {
        match self {
            Self::ExecutionInput => 0,
            Self::Inline(value) => json_len(value),
        }
    }
}

/// Length in bytes of a value as compact JSON text, without writing it.
#[must_use]
pub fn json_len(value: &Value) -> usize {
    match value {
        Value::Null => 4,
        Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Number(number) => number.to_string().len(),
        Value::String(text) => string_len(text),
        Value::Array(items) => {
            2 + items.iter().map(json_len).sum::<usize>() + items.len().saturating_sub(1)
        }
        Value::Object(fields) => {
            let inside: usize = fields
                .iter()
                .map(|(key, value)| string_len(key) + 1 + json_len(value))
                .sum();
            2 + inside + fields.len().saturating_sub(1)
        }
    }
}

fn string_len(text: &str) -> usize {
    let escapes: usize = text
        .bytes()
        .map(|byte| match byte {
            b'"' | b'\\' | 0x08 | 0x09 | 0x0a | 0x0c | 0x0d => 1,
            0x00..=0x1f => 5,
            _ => 0,
        })
        .sum();
    text.len() + 2 + escapes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_length_is_that_of_the_text() {
        for value in [
            json!(null),
            json!(true),
            json!(false),
            json!(-12),
            json!(0.5),
            json!([]),
            json!({}),
            json!([1, [2, 3], {"a": "b"}]),
            json!({"k\"ey": "line\nbreak\u{1}\\", "é": "€", "n": 1e30}),
        ] {
            let text = serde_json::to_string(&value).unwrap();
            assert_eq!(json_len(&value), text.len(), "{text}");
        }
    }
}
