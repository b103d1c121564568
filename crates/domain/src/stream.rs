//! A change of a record, told in the shape of a DynamoDB stream record.
//!
//! Both homes feed their workflow with these: on AWS the table's stream makes them, on one
//! machine this file does, so that filters and workflows cannot tell which home they are in
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html>).

use alloc::string::{String, ToString};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::event::EventKeyDigest;
use crate::record::RecordKey;
use crate::time::Timestamp;
use crate::trace::{TraceContext, TraceId};

/// A place in the change feed: 1, 2, 3 … without a gap, in the order of the commits.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Sequence(u64);

/// What happened to the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChangeKind {
    /// It is new.
    Insert,
    /// It was changed.
    Modify,
    /// It is gone.
    Remove,
}

/// One entry of the change feed, with both images (`NEW_AND_OLD_IMAGES`).
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its place.
    pub sequence: Sequence,
    /// When it was committed.
    pub at: Timestamp,
    /// What happened.
    pub kind: ChangeKind,
    /// To which record.
    pub key: RecordKey,
    /// The record's image before; none for an insert.
    pub old_image: Option<Value>,
    /// The record's image after; none for a removal.
    pub new_image: Option<Value>,
}

/// The stream that local records name as theirs: the account of nobody, as emulators use it.
const STREAM_ARN: &str =
    "arn:aws:dynamodb:us-east-1:000000000000:table/payments/stream/2026-01-01T00:00:00.000";

impl Sequence {
    /// The place before the first entry: where a reader who has read nothing stands.
    pub const START: Self = Self(0);

    /// The place with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The next place.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl ChangeKind {
    /// `INSERT`, `MODIFY` or `REMOVE`.
    pub const fn event_name(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Modify => "MODIFY",
            Self::Remove => "REMOVE",
        }
    }
}

impl Change {
    /// The text of an attribute of the record, as the newest image has it.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let image = self.new_image.as_ref().or(self.old_image.as_ref())?;
        image.get(name)?.get("S")?.as_str()
    }

    /// Whether what was received for the record was destroyed.
    pub fn is_shredded(&self) -> bool {
        self.attribute("shreddedAt").is_some()
    }

    /// The digest of the key of the event that this is a change of. The same for every change
    /// of one record.
    pub fn event(&self) -> EventKeyDigest {
        EventKeyDigest::of_text(self.attribute("eventKey").unwrap_or_default())
    }

    /// The name of the one execution that handles this change. An insertion's follows from its
    /// event, so that starting it twice is harmless wherever that is decided.
    pub fn execution_name(&self) -> String {
        let name = self.event().execution_name();
        match self.kind {
            ChangeKind::Insert => name,
            ChangeKind::Modify | ChangeKind::Remove => {
                alloc::format!("{name}-{}", self.sequence.get())
            }
        }
    }

    /// The trace of everything done for the record, and the span that began it.
    pub fn trace(&self) -> Option<TraceContext> {
        if let Some(traceparent) = self.attribute("traceparent") {
            return TraceContext::from_traceparent(traceparent.as_bytes());
        }
        let mut bytes = [0; 16];
        hex::decode_to_slice(self.attribute("traceId")?, &mut bytes).ok()?;
        Some(TraceId::from_bytes(bytes).into())
    }

    /// The stream record, as a consumer of a DynamoDB stream gets it.
    pub fn into_stream_record(self) -> Value {
        let keys = self.key.attributes();
        let size = size_of_item(&keys)
            .saturating_add(self.old_image.as_ref().map_or(0, size_of_image))
            .saturating_add(self.new_image.as_ref().map_or(0, size_of_image));
        let mut change = Map::new();
        let mut put = |name: &str, value: Value| change.insert(name.to_string(), value);
        put(
            "ApproximateCreationDateTime",
            json!(self.at.as_millis().div_euclid(1000)),
        );
        put("Keys", Value::Object(keys));
        if let Some(image) = self.new_image {
            put("NewImage", image);
        }
        if let Some(image) = self.old_image {
            put("OldImage", image);
        }
        put("SequenceNumber", json!(self.sequence.get().to_string()));
        put("SizeBytes", json!(size));
        put("StreamViewType", json!("NEW_AND_OLD_IMAGES"));
        let mut record = Map::new();
        let mut put = |name: &str, value: Value| record.insert(name.to_string(), value);
        put(
            "eventID",
            Value::String(alloc::format!("{:032x}", self.sequence.get())),
        );
        put("eventName", json!(self.kind.event_name()));
        put("eventVersion", json!("1.1"));
        put("eventSource", json!("aws:dynamodb"));
        put("awsRegion", json!("us-east-1"));
        put("dynamodb", Value::Object(change));
        put("eventSourceARN", json!(STREAM_ARN));
        Value::Object(record)
    }
}

fn size_of_image(image: &Value) -> usize {
    image.as_object().map_or(0, size_of_item)
}

/// Bytes of an item: its attributes' names and the text of their values, which is DynamoDB's
/// own count for strings and an upper bound for numbers.
fn size_of_item(item: &Map<alloc::string::String, Value>) -> usize {
    item.iter().fold(0, |sum: usize, (name, typed)| {
        let value = typed.as_object().and_then(|typed| typed.values().next());
        let bytes = value.and_then(Value::as_str).map_or(0, str::len);
        sum.saturating_add(name.len()).saturating_add(bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::sample;

    #[test]
    fn an_insert_has_the_shape_of_a_stream_record() {
        let record = sample();
        let change = Change {
            sequence: Sequence::new(17),
            at: Timestamp::from_millis(1_795_418_923_999),
            kind: ChangeKind::Insert,
            key: record.key.clone(),
            old_image: None,
            new_image: Some(record.image()),
        };
        assert_eq!(change.event(), record.event_key.digest());
        assert_eq!(
            change.execution_name(),
            record.event_key.digest().execution_name()
        );
        assert_eq!(change.trace(), Some(record.trace));
        assert_eq!(
            change.into_stream_record(),
            json!({
                "eventID": "00000000000000000000000000000011",
                "eventName": "INSERT",
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "awsRegion": "us-east-1",
                "dynamodb": {
                    "ApproximateCreationDateTime": 1_795_418_923,
                    "Keys": {"paymentId": {"S": "pay_1"}, "timestamp": {"N": "5"}},
                    "NewImage": record.image(),
                    "SequenceNumber": "17",
                    "SizeBytes": 202,
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
                "eventSourceARN": STREAM_ARN,
            })
        );
    }
}
