//! What a task is about: finding the record's key in whatever the workflow hands over.
//!
//! | form | who sends it |
//! |---|---|
//! | `[<stream record>]` | a pipe with batch size 1 |
//! | `{"dynamodb": {"Keys": …}}` | a stream record on its own (`NewImage` when it has no `Keys`) |
//! | `{"paymentId": {"S": …}, "timestamp": {"N": …}}` | the keys of a stream record |
//! | `{"paymentId": "…", "timestamp": 5}` | the seed's direct call |
//! | `{"records": <any of these>}` | a workflow that adds words of its own |

use domain::limits;
use domain::record::RecordKey;
use domain::time::Timestamp;
use serde_json::Value;

/// The input names no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSubject {
    /// A batch with none or several records; a workflow handles exactly one.
    #[error("the input holds {count} records, not one")]
    NotOne {
        /// How many it holds.
        count: usize,
    },
    /// None of the forms.
    #[error("the input names no record: neither a stream record nor paymentId and timestamp")]
    NoRecord,
    /// A `paymentId` that is no text, empty, or longer than any record's.
    #[error("the input's paymentId is no payment's")]
    PaymentId,
    /// A `timestamp` that is no whole number of milliseconds.
    #[error("the input's timestamp is no whole number of milliseconds")]
    Timestamp,
}

/// The key of the record that `input` is about.
pub fn find(input: &Value) -> Result<RecordKey, InvalidSubject> {
    match input.get("records") {
        Some(records) => find_one(records),
        None => find_one(input),
    }
}

fn find_one(value: &Value) -> Result<RecordKey, InvalidSubject> {
    let one = match value.as_array().map(Vec::as_slice) {
        None => value,
        Some([one]) => one,
        Some(several) => {
            return Err(InvalidSubject::NotOne {
                count: several.len(),
            });
        }
    };
    let keys = match one.get("dynamodb") {
        None => one,
        Some(change) => change
            .get("Keys")
            .or_else(|| change.get("NewImage"))
            .ok_or(InvalidSubject::NoRecord)?,
    };
    let payment_id = keys.get("paymentId").ok_or(InvalidSubject::NoRecord)?;
    let timestamp = keys.get("timestamp").ok_or(InvalidSubject::NoRecord)?;
    let payment_id = untyped(payment_id, "S")
        .as_str()
        .ok_or(InvalidSubject::PaymentId)?;
    if payment_id.is_empty() || payment_id.len() > limits::PAYMENT_ID_BYTES_MAX {
        return Err(InvalidSubject::PaymentId);
    }
    Ok(RecordKey {
        payment_id: payment_id.to_owned(),
        timestamp: milliseconds(timestamp).ok_or(InvalidSubject::Timestamp)?,
    })
}

fn milliseconds(value: &Value) -> Option<Timestamp> {
    let millis = match untyped(value, "N") {
        // DynamoDB writes its numbers as text, so that none loses a digit.
        Value::String(digits) if value.is_object() => digits.parse().ok(),
        Value::Number(number) => number.as_i64(),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    };
    millis.map(Timestamp::from_millis)
}

/// The value inside DynamoDB's type descriptor, or the value itself where there is none.
fn untyped<'a>(value: &'a Value, descriptor: &str) -> &'a Value {
    value.get(descriptor).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn typed() -> Value {
        json!({"paymentId": {"S": "pay_1"}, "timestamp": {"N": "5"}})
    }

    #[test]
    fn every_documented_form_names_its_record() {
        let record = json!({"eventName": "INSERT", "dynamodb": {"Keys": typed()}});
        for input in [
            json!([record]),
            record.clone(),
            json!({"dynamodb": {"NewImage": typed()}}),
            typed(),
            json!([typed()]),
            json!({"paymentId": "pay_1", "timestamp": 5}),
            json!({"task": "claim_payment", "records": [record]}),
            json!({"records": record}),
            json!({"records": {"paymentId": "pay_1", "timestamp": 5}}),
        ] {
            let key = find(&input).unwrap();
            assert_eq!((&*key.payment_id, key.timestamp.as_millis()), ("pay_1", 5));
        }
    }

    #[test]
    fn anything_else_is_refused_for_its_own_reason() {
        let long = "p".repeat(limits::PAYMENT_ID_BYTES_MAX + 1);
        for (input, reason) in [
            (json!([]), InvalidSubject::NotOne { count: 0 }),
            (
                json!({"records": [typed(), typed()]}),
                InvalidSubject::NotOne { count: 2 },
            ),
            (json!(null), InvalidSubject::NoRecord),
            (json!("pay_1"), InvalidSubject::NoRecord),
            (json!({"dynamodb": {}}), InvalidSubject::NoRecord),
            (json!({"paymentId": "pay_1"}), InvalidSubject::NoRecord),
            (json!([[typed()]]), InvalidSubject::NoRecord),
            (
                json!({"paymentId": 7, "timestamp": 5}),
                InvalidSubject::PaymentId,
            ),
            (
                json!({"paymentId": "", "timestamp": 5}),
                InvalidSubject::PaymentId,
            ),
            (
                json!({"paymentId": long, "timestamp": 5}),
                InvalidSubject::PaymentId,
            ),
            (
                json!({"paymentId": "p", "timestamp": 5.5}),
                InvalidSubject::Timestamp,
            ),
            (
                json!({"paymentId": "p", "timestamp": "5"}),
                InvalidSubject::Timestamp,
            ),
            (
                json!({"paymentId": "p", "timestamp": {"N": "x"}}),
                InvalidSubject::Timestamp,
            ),
        ] {
            assert_eq!(find(&input), Err(reason), "{input}");
        }
    }

    proptest! {
        #[test]
        fn any_json_is_read_or_refused(text in "[\\[\\]{}\",:0-9a-zNS ]{0,60}") {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                let _ = find(&value);
            }
        }

        #[test]
        fn every_key_is_found_in_its_own_attributes(payment_id in "\\PC{1,40}", millis: i64) {
            let timestamp = Timestamp::from_millis(millis);
            let key = RecordKey { payment_id, timestamp };
            prop_assert_eq!(find(&Value::Object(key.attributes())), Ok(key));
        }
    }
}
