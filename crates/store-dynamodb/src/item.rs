//! Records as items of the payments table, and back.
//!
//! An item is the record's image ([`EventRecord::image`]) with as little beside it as can be,
//! because all of it goes through the stream into the workflow's input, which is bounded:
//! `providerStatus` once `status` is ours, and `rawBytes` where a body is no text.

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use domain::currency::Currency;
use domain::event::EventKey;
use domain::meaning::Meaning;
use domain::money::Amount;
use domain::record::{EventRecord, RecordKey};
use domain::settlement::Settlement;
use domain::time::Timestamp;
use domain::trace::{TraceContext, TraceId};

use crate::attributes::{self, Item, Misread, integer_of, optional_text, text_if_there, text_of};
use crate::legacy;

/// The partition and sort key of a record.
pub(crate) fn key(key: &RecordKey) -> Item {
    Item::from([
        (
            "paymentId".to_owned(),
            attributes::text(key.payment_id.as_str()),
        ),
        (
            "timestamp".to_owned(),
            attributes::number(key.timestamp.as_millis()),
        ),
    ])
}

/// The item of a record.
pub(crate) fn of_record(record: &EventRecord) -> Item {
    let mut item = attributes::of_image(&record.image());
    if std::str::from_utf8(&record.raw_payload).is_err() {
        let exact = attributes::bytes(&record.raw_payload);
        item.insert("rawBytes".to_owned(), exact);
    }
    if record.settlement != Settlement::Received {
        let told = attributes::text(record.provider_status.as_str());
        item.insert("providerStatus".to_owned(), told);
    }
    item
}

/// The record of an item, one of the seed's included.
pub(crate) fn to_record(item: &Item) -> Result<EventRecord, Misread> {
    let raw_payload = raw_payload(item)?;
    let settlement = settlement(item)?;
    let told = match &settlement {
        Settlement::Received => optional_text(item, "status"),
        Settlement::Processing { .. }
        | Settlement::Completed { .. }
        | Settlement::Failed { .. } => {
            // The seed kept no word of the provider's once it was done.
            optional_text(item, "providerStatus").or(optional_text(item, "status"))
        }
    };
    Ok(EventRecord {
        key: to_key(item)?,
        event_key: event_key(item, &raw_payload)?,
        amount: amount(item)?,
        currency: currency(item)?,
        provider_status: told.unwrap_or(legacy::STATUS).to_owned(),
        provider: optional_text(item, "provider")
            .unwrap_or(legacy::PROVIDER)
            .to_owned(),
        meaning: Meaning::of_attributes(&attributes::to_image(item)),
        received_at: time_of(item, "receivedAt")?,
        trace: trace(item),
        settlement,
        raw_payload,
        shredded_at: None,
    })
}

/// The key in an item.
pub(crate) fn to_key(item: &Item) -> Result<RecordKey, Misread> {
    Ok(RecordKey {
        payment_id: text_of(item, "paymentId")?.to_owned(),
        timestamp: Timestamp::from_millis(integer_of(item, "timestamp")?),
    })
}

/// Which attributes there are says how far a record has come; `status` alone does not, because
/// a provider may use our words. One of another type is somebody's slip, and counts neither way:
/// taken for absent it would have a settled payment settled again.
fn settlement(item: &Item) -> Result<Settlement, Misread> {
    let updated_at = || time_of(item, "updatedAt");
    if let Some(transaction_id) = text_if_there(item, "transactionId")? {
        return Ok(Settlement::Completed {
            transaction_id: transaction_id.to_owned(),
            processed_at: time_of(item, "processedAt")?,
            updated_at: updated_at()?,
        });
    }
    if let Some(error) = text_if_there(item, "error")? {
        return Ok(Settlement::Failed {
            error: error.to_owned(),
            cause: text_of(item, "cause")?.to_owned(),
            updated_at: updated_at()?,
        });
    }
    match text_if_there(item, "execution")? {
        Some(execution) => Ok(Settlement::Processing {
            execution: execution.to_owned(),
            updated_at: updated_at()?,
        }),
        None => Ok(Settlement::Received),
    }
}

fn raw_payload(item: &Item) -> Result<Bytes, Misread> {
    if let Some(AttributeValue::B(exact)) = item.get("rawBytes") {
        return Ok(Bytes::copy_from_slice(exact.as_ref()));
    }
    let text = text_of(item, "rawPayload")?;
    Ok(Bytes::copy_from_slice(text.as_bytes()))
}

fn event_key(item: &Item, raw_payload: &Bytes) -> Result<EventKey, Misread> {
    const NAME: &str = "eventKey";
    let Some(text) = optional_text(item, NAME) else {
        return Ok(legacy::event_key(raw_payload));
    };
    EventKey::parse(text).ok_or(Misread(NAME))
}

fn amount(item: &Item) -> Result<Amount, Misread> {
    const NAME: &str = "amount";
    let Some(AttributeValue::N(digits) | AttributeValue::S(digits)) = item.get(NAME) else {
        return Err(Misread(NAME));
    };
    Amount::parse(&digits.to_ascii_lowercase()).map_err(|_| Misread(NAME))
}

fn currency(item: &Item) -> Result<Currency, Misread> {
    const NAME: &str = "currency";
    let code = text_of(item, NAME)?;
    Currency::of_record(code)
        .or_else(|_| legacy::currency(code))
        .map_err(|_| Misread(NAME))
}

fn trace(item: &Item) -> TraceContext {
    if let Some(context) = optional_text(item, "traceparent")
        .and_then(|text| TraceContext::from_traceparent(text.as_bytes()))
    {
        return context;
    }
    let mut id = [0; 16];
    match optional_text(item, "traceId").map(|digits| hex::decode_to_slice(digits, &mut id)) {
        Some(Ok(())) => TraceId::from_bytes(id).into(),
        // A trace ties things together for people; nothing depends on it.
        Some(Err(_)) | None => legacy::trace(item).into(),
    }
}

fn time_of(item: &Item, name: &'static str) -> Result<Timestamp, Misread> {
    let text = text_of(item, name)?;
    Timestamp::from_iso(text).ok_or(Misread(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::{number, text};
    use domain::delivery::BodyHash;
    use domain::event::EventId;
    use domain::meaning::{Fact, MinorUnits};
    use domain::source::SourceName;
    use domain::status::PaymentStatus;
    use domain::trace::SpanId;
    use proptest::prelude::*;

    fn settlements() -> impl Strategy<Value = Settlement> {
        let at = || (0..i64::from(i32::MAX)).prop_map(Timestamp::from_millis);
        prop_oneof![
            Just(Settlement::Received),
            ("\\PC{1,20}", at()).prop_map(|(execution, updated_at)| Settlement::Processing {
                execution,
                updated_at
            }),
            ("\\PC{1,20}", at(), at()).prop_map(|(transaction_id, processed_at, updated_at)| {
                Settlement::Completed {
                    transaction_id,
                    processed_at,
                    updated_at,
                }
            }),
            ("\\PC{1,20}", "\\PC{0,20}", at()).prop_map(|(error, cause, updated_at)| {
                Settlement::Failed {
                    error,
                    cause,
                    updated_at,
                }
            }),
        ]
    }

    /// A meaning with and without everything that it may hold; the domain's own tests hold its
    /// attributes to reading back whatever stands in them.
    fn meaning(number: i64) -> Meaning {
        let is_full = number % 4 == 0;
        Meaning {
            event_type: "payment_intent.succeeded".into(),
            fact: Fact::Payment {
                status: PaymentStatus::Captured,
            },
            operation: is_full.then(|| "capture".into()),
            money: is_full.then_some(MinorUnits {
                units: number,
                exponent: 2,
                is_providers_own: true,
            }),
            occurred_at: is_full.then_some(Timestamp::from_millis(number)),
            live: is_full.then_some(false),
            account: is_full.then(|| "acct".into()),
            by_content: is_full,
        }
    }

    fn records() -> impl Strategy<Value = EventRecord> {
        let ids = prop_oneof![
            "\\PC{1,20}".prop_map(EventId::Provider),
            any::<[u8; 32]>().prop_map(|hash| EventId::Body(BodyHash::from_bytes(hash))),
        ];
        let names = ("\\PC{1,20}", "\\PC{1,10}", "\\PC{1,10}");
        let amounts = (0_i64..999_999_999, 0_u32..6);
        let bytes = proptest::collection::vec(any::<u8>(), 0..40);
        let trace = (any::<[u8; 16]>(), any::<[u8; 8]>());
        (ids, names, amounts, bytes, trace, settlements()).prop_map(
            |(
                id,
                (payment_id, provider, status),
                (digits, scale),
                body,
                (id16, span),
                settlement,
            )| {
                EventRecord {
                    key: RecordKey {
                        payment_id,
                        timestamp: Timestamp::from_millis(digits),
                    },
                    event_key: EventKey {
                        source: SourceName::generic(),
                        id,
                    },
                    amount: Amount::parse(&format!("{digits}e-{scale}")).unwrap(),
                    currency: Currency::USD,
                    provider_status: status,
                    provider,
                    meaning: (digits % 2 == 0).then(|| meaning(digits)),
                    received_at: Timestamp::from_millis(digits),
                    raw_payload: body.into(),
                    shredded_at: None,
                    trace: TraceContext {
                        id: TraceId::from_bytes(id16),
                        span: SpanId::from_bytes(span),
                    },
                    settlement,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn a_record_is_read_back_from_its_item(record in records()) {
            prop_assert_eq!(to_record(&of_record(&record)), Ok(record));
        }

        #[test]
        fn no_item_panics(
            names in proptest::collection::vec(0..12_usize, 0..12),
            value in "\\PC{0,12}",
        ) {
            const NAMES: [&str; 12] = [
                "paymentId", "timestamp", "amount", "currency", "status", "receivedAt",
                "rawPayload", "eventKey", "traceId", "transactionId", "error", "execution",
            ];
            let item = names.iter().map(|index| (NAMES[*index].to_owned(), text(&*value)));
            let _ = to_record(&item.collect());
        }
    }

    /// What the seed's functions wrote.
    fn seeds_item() -> Item {
        let texts = [
            ("paymentId", "pay_1"),
            ("currency", "usd"),
            ("status", "pending"),
            ("provider", "stripe"),
            ("receivedAt", "2025-01-02T03:04:05.678Z"),
            ("rawPayload", r#"{"paymentId":"pay_1","amount":99.99}"#),
        ];
        let mut item: Item = texts
            .into_iter()
            .map(|(name, value)| (name.to_owned(), text(value)))
            .collect();
        item.insert("timestamp".to_owned(), number(1_735_787_045_678_i64));
        item.insert("amount".to_owned(), AttributeValue::N("99.99".to_owned()));
        item
    }

    #[test]
    fn an_item_of_the_seed_is_read_the_same_each_time() {
        let record = to_record(&seeds_item()).unwrap();
        assert_eq!(record, to_record(&seeds_item()).unwrap());
        assert_eq!(record.settlement, Settlement::Received);
        assert_eq!(record.status(), "pending");
        assert_eq!(record.currency, Currency::USD);
        assert_eq!(record.amount.to_string(), "99.99");
        let text = record.event_key.to_string();
        assert!(text.starts_with("generic#sha256:"), "{text}");
        let mut other = seeds_item();
        other.insert("timestamp".to_owned(), number(1));
        assert_eq!(to_record(&other).unwrap().event_key, record.event_key);
    }

    #[test]
    fn an_item_that_the_seed_had_completed_stays_so() {
        let mut item = seeds_item();
        for (name, value) in [
            ("status", "completed"),
            ("transactionId", "txn_1_pay_1"),
            ("processedAt", "2025-01-02T03:04:06.000Z"),
            ("updatedAt", "2025-01-02T03:04:06.100Z"),
        ] {
            item.insert(name.to_owned(), text(value));
        }
        let record = to_record(&item).unwrap();
        assert_eq!(record.status(), "completed");
        let Settlement::Completed { transaction_id, .. } = record.settlement else {
            panic!("completed");
        };
        assert_eq!(transaction_id, "txn_1_pay_1");
    }

    #[test]
    fn a_settlement_of_another_type_is_not_taken_for_none() {
        for name in ["transactionId", "error", "execution"] {
            let mut item = seeds_item();
            item.insert(name.to_owned(), number(123));
            assert_eq!(to_record(&item), Err(Misread(name)));
        }
    }

    #[test]
    fn what_is_missing_is_named_and_no_value_is() {
        for name in [
            "paymentId",
            "timestamp",
            "amount",
            "currency",
            "receivedAt",
            "rawPayload",
        ] {
            let mut item = seeds_item();
            item.remove(name);
            assert_eq!(to_record(&item), Err(Misread(name)));
        }
    }
}
