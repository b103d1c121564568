//! What is said to an endpoint: one JSON text and the id that tells it from others.
//!
//! It holds what payhook knows and nothing that a sender wrote beside it: no raw body, no card,
//! no cause in words, which may quote either.

use alloc::string::{String, ToString};

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{EndpointName, News};
use crate::currency::Currency;
use crate::record::EventRecord;
use crate::settlement::Settlement;

/// A message for one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The `webhook-id`: the same however often this is sent, and for no other endpoint or news.
    pub id: String,
    /// The body, in JSON: the same however often this is sent.
    pub body: String,
}

/// Hexadecimal digits of an id after its prefix: half of a SHA-256.
const ID_DIGITS: usize = 32;

impl Message {
    /// What there is to tell `endpoint` of a record; `None` while it is under way.
    pub fn new(record: &EventRecord, endpoint: &EndpointName) -> Option<Self> {
        let news = News::of(&record.settlement)?;
        Some(Self {
            id: id(record, news, endpoint),
            body: body(record, news).to_string(),
        })
    }
}

fn id(record: &EventRecord, news: News, endpoint: &EndpointName) -> String {
    let at = news.at.as_millis().to_string();
    let mut hash = Sha256::new();
    for part in [
        "payhook/notification/1",
        &record.event_key.to_string(),
        endpoint.as_str(),
        news.outcome.status(),
        &at,
    ] {
        // Each with its length, so that no two lists run into the same bytes.
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let digits = hex::encode(hash.finalize());
    alloc::format!("msg_{}", digits.get(..ID_DIGITS).unwrap_or(&digits))
}

fn body(record: &EventRecord, news: News) -> Value {
    let mut data = Map::new();
    let mut put = |name: &str, value: Value| data.insert(name.to_string(), value);
    put("eventKey", json!(record.event_key.to_string()));
    put("paymentId", json!(record.key.payment_id));
    put("source", json!(record.event_key.source.as_str()));
    put("provider", json!(record.provider));
    put("status", json!(news.outcome.status()));
    // Without a currency the amount is none either.
    let has_sum = record.currency != Currency::NONE;
    put("amount", json!(has_sum.then(|| record.amount.to_string())));
    put("currency", json!(has_sum.then(|| record.currency.code())));
    put("providerStatus", json!(record.provider_status));
    if let Some(meaning) = &record.meaning {
        put("providerEvent", json!(meaning.event_type));
        if let Some(state) = meaning.fact.state() {
            put("state", json!(state));
        }
        if let Some(live) = meaning.live {
            put("live", json!(live));
        }
    }
    match &record.settlement {
        Settlement::Received | Settlement::Processing { .. } => {}
        Settlement::Completed {
            transaction_id,
            processed_at,
            ..
        } => {
            put("transactionId", json!(transaction_id));
            put("processedAt", json!(processed_at.to_iso()));
        }
        Settlement::Failed { error, .. } => {
            put("error", json!(error));
        }
    }
    put("receivedAt", json!(record.received_at.to_iso()));
    json!({
        "type": news.outcome.message_type(),
        "timestamp": news.at.to_iso(),
        "data": data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meaning::{Fact, Meaning};
    use crate::record::tests::sample;
    use crate::status::PaymentStatus;
    use crate::time::Timestamp;
    use bytes::Bytes;

    fn endpoint(name: &str) -> EndpointName {
        EndpointName::try_new(name).unwrap()
    }

    fn completed(updated_at: i64) -> Settlement {
        Settlement::Completed {
            transaction_id: "txn_1".into(),
            processed_at: Timestamp::from_millis(8),
            updated_at: Timestamp::from_millis(updated_at),
        }
    }

    fn failed(updated_at: i64) -> Settlement {
        Settlement::Failed {
            error: "PaymentDeclined".into(),
            cause: "no funds on 4242424242424242".into(),
            updated_at: Timestamp::from_millis(updated_at),
        }
    }

    fn message(settlement: Settlement, name: &str) -> Message {
        let record = EventRecord {
            settlement,
            ..sample()
        };
        Message::new(&record, &endpoint(name)).unwrap()
    }

    #[test]
    fn what_is_settled_is_told_whole() {
        let body: Value = serde_json::from_str(&message(completed(9), "shop").body).unwrap();
        assert_eq!(
            body,
            json!({
                "type": "payment.settled",
                "timestamp": "1970-01-01T00:00:00.009Z",
                "data": {
                    "eventKey": "generic/evt_1", "paymentId": "pay_1", "source": "generic",
                    "provider": "stripe", "status": "completed", "amount": "99.9",
                    "currency": "USD", "providerStatus": "pending", "transactionId": "txn_1",
                    "processedAt": "1970-01-01T00:00:00.008Z",
                    "receivedAt": "1970-01-01T00:00:00.004Z",
                },
            })
        );
    }

    #[test]
    fn a_failure_is_told_by_its_name_and_without_a_word_that_may_quote_anything() {
        let record = EventRecord {
            settlement: failed(9),
            currency: Currency::NONE,
            raw_payload: Bytes::from_static(b"{\"card\":\"4242424242424242\"}"),
            shredded_at: None,
            meaning: Some(Meaning {
                event_type: "charge.failed".into(),
                fact: Fact::Payment {
                    status: PaymentStatus::Failed,
                },
                operation: None,
                money: None,
                occurred_at: None,
                live: Some(false),
                account: None,
                by_content: false,
            }),
            ..sample()
        };
        let text = Message::new(&record, &endpoint("shop")).unwrap().body;
        assert!(!text.contains("4242"), "{text}");
        let body: Value = serde_json::from_str(&text).unwrap();
        for (pointer, value) in [
            ("/type", json!("payment.failed")),
            ("/data/status", json!("failed")),
            ("/data/error", json!("PaymentDeclined")),
            ("/data/providerEvent", json!("charge.failed")),
            ("/data/state", json!("failed")),
            ("/data/live", json!(false)),
            ("/data/amount", Value::Null),
            ("/data/currency", Value::Null),
        ] {
            assert_eq!(body.pointer(pointer), Some(&value), "{pointer}");
        }
    }

    #[test]
    fn an_id_belongs_to_one_event_one_endpoint_and_one_end() {
        let first = message(completed(9), "shop");
        assert_eq!(first, message(completed(9), "shop"));
        assert!(
            first.id.starts_with("msg_") && first.id.len() == 36,
            "{first:?}"
        );
        let mut ids = alloc::vec![first.id];
        for other in [
            message(completed(9), "crm"),
            message(failed(9), "shop"),
            // It failed, was redriven, and failed again.
            message(failed(10), "shop"),
        ] {
            assert!(!ids.contains(&other.id), "{other:?}");
            ids.push(other.id);
        }
        assert_eq!(Message::new(&sample(), &endpoint("shop")), None);
    }
}
