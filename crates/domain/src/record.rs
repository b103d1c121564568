//! One event as it is kept, and its image: the attributes of the seed's DynamoDB item.

use alloc::string::{String, ToString};

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::currency::Currency;
use crate::delivery::RawDelivery;
use crate::event::{EventKey, PaymentEvent};
use crate::meaning::{Fact, Meaning};
use crate::money::Amount;
use crate::payment::Told;
use crate::settlement::Settlement;
use crate::status::PaymentStatus;
use crate::time::Timestamp;
use crate::trace::TraceContext;

/// What names a record: the seed's partition and sort key. No two records share one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// The payment, in the provider's words.
    pub payment_id: String,
    /// When custody began, made unique among the payment's records by the store.
    pub timestamp: Timestamp,
}

/// One event as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRecord {
    /// What names it.
    pub key: RecordKey,
    /// What makes a repeat a repeat.
    pub event_key: EventKey,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// The payment's status in the provider's words, as it arrived.
    pub provider_status: String,
    /// Who moved the money, in the sender's words.
    pub provider: String,
    /// What the event means; `None` for the generic source.
    pub meaning: Option<Meaning>,
    /// When the delivery was here.
    pub received_at: Timestamp,
    /// The exact body of the delivery; empty once it was shredded.
    pub raw_payload: Bytes,
    /// When everything that was received for it was destroyed, for good; `None` while it is there.
    pub shredded_at: Option<Timestamp>,
    /// The trace of everything done for it, and the span in which it was taken into custody.
    pub trace: TraceContext,
    /// How far it has come.
    pub settlement: Settlement,
}

impl EventRecord {
    /// A new record of `event`, which arrived in `delivery`.
    pub fn new(
        key: RecordKey,
        event: &PaymentEvent,
        delivery: &RawDelivery,
        trace: TraceContext,
    ) -> Self {
        Self {
            key,
            event_key: event.key.clone(),
            amount: event.amount,
            currency: event.currency,
            provider_status: event.status.clone(),
            provider: event.provider.clone(),
            meaning: event.meaning.clone(),
            received_at: delivery.received_at,
            raw_payload: delivery.body.clone(),
            shredded_at: None,
            trace,
            settlement: Settlement::Received,
        }
    }

    /// Whether `event`, which has this record's event key and came in `body`, says the same. Of what
    /// was shredded everything is a repeat: nothing is left to compare with, and what was destroyed
    /// must not come back as a conflict.
    pub fn is_repeated_by(&self, event: &PaymentEvent, body: &[u8]) -> bool {
        let says = |meaning: &Option<Meaning>| {
            meaning.clone().map(|meaning| Meaning {
                by_content: true,
                ..meaning
            })
        };
        let by_content =
            |meaning: &Option<Meaning>| meaning.as_ref().is_some_and(|meaning| meaning.by_content);
        self.shredded_at.is_some()
            || self.raw_payload == body
            || ((by_content(&self.meaning) || by_content(&event.meaning))
                && says(&self.meaning) == says(&event.meaning)
                && self.key.payment_id == event.payment_id
                && (self.amount, self.currency) == (event.amount, event.currency)
                && self.provider_status == event.status)
    }

    /// The record as a projection of its payment sees it; `None` for the generic source.
    pub fn told(&self) -> Option<Told<'_>> {
        Some(Told {
            key: &self.event_key,
            meaning: self.meaning.as_ref()?,
            currency: self.currency.code(),
        })
    }

    /// The change of its payment that it tells: the state, and which capture where a payment is taken
    /// in parts. `None` for what tells no state.
    pub fn change(&self) -> Option<(PaymentStatus, Option<&str>)> {
        let meaning = self.meaning.as_ref()?;
        if let Fact::Payment { status } = meaning.fact {
            return Some((status, meaning.operation.as_deref()));
        }
        None
    }

    /// Whether both tell of the same change of the same payment and the same sum, as a PaymentIntent
    /// and its charge do, or a payment that is told again after days: money moves once for both.
    /// Another sum is another thing: whether it is the rest or a mistake is for the gateway to say.
    pub fn tells_the_same_as(&self, other: &Self) -> bool {
        self.change().is_some()
            && self.change() == other.change()
            && self.key.payment_id == other.key.payment_id
            && self.event_key.source == other.event_key.source
            && (self.amount, self.currency) == (other.amount, other.currency)
    }

    /// The `status` attribute: the provider's until we begin, then ours.
    pub fn status(&self) -> &str {
        match &self.settlement {
            Settlement::Received => &self.provider_status,
            Settlement::Processing { .. } => "processing",
            Settlement::Completed { .. } => "completed",
            Settlement::Failed { .. } => "failed",
        }
    }

    /// The record's attributes in DynamoDB's typed JSON, named as the seed names them.
    pub fn image(&self) -> Value {
        let mut image = self.key.attributes();
        let mut put = |name: &str, value: Value| image.insert(name.to_string(), value);
        put("amount", number(self.amount.to_string()));
        put("currency", text(self.currency.code()));
        put("status", text(self.status()));
        put("provider", text(&*self.provider));
        put("receivedAt", text(self.received_at.to_iso()));
        match self.shredded_at {
            None => put(
                "rawPayload",
                text(String::from_utf8_lossy(&self.raw_payload)),
            ),
            Some(at) => put("shreddedAt", text(at.to_iso())),
        };
        put("eventKey", text(self.event_key.to_string()));
        put("traceId", text(self.trace.id.to_string()));
        if self.trace.span.is_some() {
            put("traceparent", text(self.trace.traceparent()));
        }
        for (name, value) in self.meaning.iter().flat_map(Meaning::attributes) {
            put(&name, value);
        }
        match &self.settlement {
            Settlement::Received => {}
            Settlement::Processing {
                execution,
                updated_at,
            } => {
                put("execution", text(&**execution));
                put("updatedAt", text(updated_at.to_iso()));
            }
            Settlement::Completed {
                transaction_id,
                processed_at,
                updated_at,
            } => {
                put("transactionId", text(&**transaction_id));
                put("processedAt", text(processed_at.to_iso()));
                put("updatedAt", text(updated_at.to_iso()));
            }
            Settlement::Failed {
                error,
                cause,
                updated_at,
            } => {
                put("error", text(&**error));
                put("cause", text(&**cause));
                put("updatedAt", text(updated_at.to_iso()));
            }
        }
        Value::Object(image)
    }
}

impl RecordKey {
    /// The key's two attributes in DynamoDB's typed JSON.
    pub fn attributes(&self) -> Map<String, Value> {
        let mut keys = Map::new();
        keys.insert("paymentId".to_string(), text(&*self.payment_id));
        keys.insert(
            "timestamp".to_string(),
            number(self.timestamp.as_millis().to_string()),
        );
        keys
    }
}

fn text(value: impl Into<String>) -> Value {
    attribute("S", value.into())
}

fn number(digits: String) -> Value {
    attribute("N", digits)
}

fn attribute(kind: &str, value: String) -> Value {
    let mut typed = Map::new();
    typed.insert(kind.to_string(), Value::String(value));
    Value::Object(typed)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::event::EventId;
    use crate::source::SourceName;
    use crate::trace::{SpanId, TraceId};
    use serde_json::json;

    pub(crate) fn sample() -> EventRecord {
        EventRecord {
            key: RecordKey {
                payment_id: "pay_1".into(),
                timestamp: Timestamp::from_millis(5),
            },
            event_key: EventKey {
                source: SourceName::generic(),
                id: EventId::Provider("evt_1".into()),
            },
            amount: Amount::parse("99.90").unwrap(),
            currency: Currency::USD,
            provider_status: "pending".into(),
            provider: "stripe".into(),
            meaning: None,
            received_at: Timestamp::from_millis(4),
            raw_payload: Bytes::from_static(b"{}"),
            shredded_at: None,
            trace: TraceId::from_bytes([1; 16]).into(),
            settlement: Settlement::Received,
        }
    }

    #[test]
    fn the_image_has_the_attributes_of_the_seed() {
        let mut record = sample();
        assert_eq!(
            record.image(),
            json!({
                "paymentId": {"S": "pay_1"}, "timestamp": {"N": "5"}, "amount": {"N": "99.9"},
                "currency": {"S": "USD"}, "status": {"S": "pending"}, "provider": {"S": "stripe"},
                "receivedAt": {"S": "1970-01-01T00:00:00.004Z"}, "rawPayload": {"S": "{}"},
                "eventKey": {"S": "generic/evt_1"},
                "traceId": {"S": "01010101010101010101010101010101"},
            })
        );
        record.trace.span = SpanId::from_bytes([2; 8]);
        let traceparent = "00-01010101010101010101010101010101-0202020202020202-01";
        assert_eq!(record.image()["traceparent"]["S"], traceparent);
        record.settlement = Settlement::Completed {
            transaction_id: "txn_1".into(),
            processed_at: Timestamp::from_millis(8),
            updated_at: Timestamp::from_millis(9),
        };
        let image = record.image();
        assert_eq!(image["status"]["S"], "completed");
        assert_eq!(image["transactionId"]["S"], "txn_1");
        assert_eq!(image["processedAt"]["S"], "1970-01-01T00:00:00.008Z");
        assert_eq!(image["updatedAt"]["S"], "1970-01-01T00:00:00.009Z");
    }
}
