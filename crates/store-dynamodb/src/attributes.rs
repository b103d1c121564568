//! Attribute values: made, read, and weighed as DynamoDB weighs them.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::delivery::Headers;
use serde_json::{Map, Value, json};

/// An item.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// What is wrong with an item: the name of an attribute, never its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("attribute {0} is missing or is not what it should be")]
pub(crate) struct Misread(pub(crate) &'static str);

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: impl Into<i64>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

pub(crate) fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// The text of an attribute.
pub(crate) fn text_of<'a>(item: &'a Item, name: &'static str) -> Result<&'a str, Misread> {
    optional_text(item, name).ok_or(Misread(name))
}

/// The text of an attribute that may be absent, or of another type.
pub(crate) fn optional_text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// The text of an attribute that may be absent, but is nothing else if it is there.
pub(crate) fn text_if_there<'a>(
    item: &'a Item,
    name: &'static str,
) -> Result<Option<&'a str>, Misread> {
    let value = item.get(name).map(AttributeValue::as_s).transpose();
    Ok(value.map_err(|_| Misread(name))?.map(String::as_str))
}

/// The whole number of an attribute.
pub(crate) fn integer_of(item: &Item, name: &'static str) -> Result<i64, Misread> {
    let digits = item.get(name).and_then(|value| value.as_n().ok());
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or(Misread(name))
}

/// An image in DynamoDB's typed JSON, as attributes. The domain's images hold texts, numbers
/// and truth values.
pub(crate) fn of_image(image: &Value) -> Item {
    let attributes = image.as_object().map(Map::iter).into_iter().flatten();
    attributes
        .filter_map(|(name, typed)| Some((name.clone(), of_typed(typed)?)))
        .collect()
}

fn of_typed(typed: &Value) -> Option<AttributeValue> {
    let (kind, value) = typed.as_object()?.iter().next()?;
    match (kind.as_str(), value) {
        ("S", Value::String(text)) => Some(AttributeValue::S(text.clone())),
        ("N", Value::String(digits)) => Some(AttributeValue::N(digits.clone())),
        ("BOOL", Value::Bool(flag)) => Some(AttributeValue::Bool(*flag)),
        _ => None,
    }
}

/// The attributes of an item that [`of_image`] can make, in DynamoDB's typed JSON.
pub(crate) fn to_image(item: &Item) -> Map<String, Value> {
    let typed = |value: &AttributeValue| {
        let text = value.as_s().map(|text| json!({ "S": text }));
        let number = || value.as_n().map(|digits| json!({ "N": digits }));
        let flag = || value.as_bool().map(|flag| json!({ "BOOL": flag }));
        text.or_else(|_| number()).or_else(|_| flag()).ok()
    };
    item.iter()
        .filter_map(|(name, value)| Some((name.clone(), typed(value)?)))
        .collect()
}

/// Headers in order of arrival: a list of pairs, the values as bytes.
pub(crate) fn of_headers(headers: &Headers) -> AttributeValue {
    let pair = |(name, value)| AttributeValue::L(vec![text(name), bytes(value)]);
    AttributeValue::L(headers.iter().map(pair).collect())
}

/// Bytes of an item as DynamoDB counts them, numbers by their upper bound
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>).
pub(crate) fn weight(item: &Item) -> usize {
    item.iter().fold(0, |sum: usize, (name, value)| {
        sum.saturating_add(name.len())
            .saturating_add(weight_of(value))
    })
}

fn weight_of(value: &AttributeValue) -> usize {
    // A list has three bytes of its own, and one for each element.
    const LIST: usize = 3;
    const NUMBER_MAX: usize = 21;
    if let AttributeValue::S(text) = value {
        text.len()
    } else if let AttributeValue::B(blob) = value {
        blob.as_ref().len()
    } else if let AttributeValue::L(values) = value {
        values.iter().fold(LIST, |sum, value| {
            sum.saturating_add(1).saturating_add(weight_of(value))
        })
    } else {
        // Numbers, and nothing here makes any other kind.
        NUMBER_MAX
    }
}
