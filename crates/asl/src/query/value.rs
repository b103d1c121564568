//! JSON to JSONata's values and back.
//!
//! JSONata has one kind of number, a double; a whole one is written without a fraction.

use jsonata_core::value::JValue;
use serde_json::{Map, Number, Value};

use crate::limits::QUERY_RESULT_DEPTH_MAX;

/// A result that is nested too deeply to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooDeep;

pub(super) fn to_jvalue(value: &Value) -> JValue {
    match value {
        Value::Null => JValue::Null,
        Value::Bool(flag) => JValue::Bool(*flag),
        Value::Number(number) => JValue::from_f64(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => JValue::string(text.as_str()),
        Value::Array(items) => JValue::array(items.iter().map(to_jvalue).collect()),
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| (name.clone(), to_jvalue(value)));
            JValue::object(fields.collect())
        }
    }
}

/// The JSON of a value; none when it is undefined, or a function, which JSON has not.
pub(super) fn from_jvalue(value: &JValue) -> Result<Option<Value>, TooDeep> {
    convert(value, 0)
}

fn convert(value: &JValue, depth: usize) -> Result<Option<Value>, TooDeep> {
    if depth > QUERY_RESULT_DEPTH_MAX {
        return Err(TooDeep);
    }
    Ok(Some(match value {
        JValue::Undefined | JValue::Lambda(_) | JValue::Builtin { .. } | JValue::Regex { .. } => {
            return Ok(None);
        }
        JValue::Null => Value::Null,
        JValue::Bool(flag) => Value::Bool(*flag),
        JValue::Number(number) => number_of(*number),
        JValue::String(text) => Value::String(text.to_string()),
        JValue::Array(items) => {
            let items = items.iter();
            let items: Result<Vec<Value>, TooDeep> = items
                .map(|item| Ok(convert(item, depth + 1)?.unwrap_or_default()))
                .collect();
            Value::Array(items?)
        }
        JValue::Object(fields) => {
            let mut object = Map::new();
            for (name, value) in fields.iter() {
                if let Some(value) = convert(value, depth + 1)? {
                    object.insert(name.clone(), value);
                }
            }
            Value::Object(object)
        }
    }))
}

fn number_of(number: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole, and within what a double holds exactly"
    )]
    let whole = (number.fract() == 0.0 && number.abs() <= EXACT_MAX).then_some(number as i64);
    match whole {
        Some(whole) => Value::from(whole),
        None => Number::from_f64(number).map_or(Value::Null, Value::Number),
    }
}

/// 2^53, up to which a double holds every whole number.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_comes_back_as_it_was() {
        for value in [
            json!(null),
            json!([true, "a", {"b": []}]),
            json!({"n": -12, "x": 0.5, "big": 9_007_199_254_740_992_i64}),
        ] {
            assert_eq!(from_jvalue(&to_jvalue(&value)), Ok(Some(value)));
        }
        // There is one kind of number.
        assert_eq!(from_jvalue(&to_jvalue(&json!(1.0))), Ok(Some(json!(1))));
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused() {
        let mut value = JValue::Null;
        for _ in 0..QUERY_RESULT_DEPTH_MAX {
            value = JValue::array(vec![value]);
        }
        assert!(from_jvalue(&value).is_ok());
        assert_eq!(from_jvalue(&JValue::array(vec![value])), Err(TooDeep));
    }
}
