//! The conformance suite of the ports, on real DynamoDB implementations: the emulator of the AWS
//! suites and Amazon's own DynamoDB Local (`cargo xtask test` starts both). `PAYHOOK_DYNAMODB` is
//! the endpoint.

mod support;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::limits;
use domain::record::RecordKey;
use domain::settlement::SettlementChange;
use domain::task::RecordChange;
use domain::time::Timestamp;
use engine::store::{EventLog as _, NotKept, Outcome, QuarantineBounds, Settled, Settlements as _};
use support::{Place, endpoint, on_runtime};
use testbed::deliveries::webhook;
use testbed::store_suite::{Custodian as _, Opener as _, block_on};

testbed::custody_suite!(Place);
testbed::settlement_suite!(Place);

const NOW: Timestamp = Timestamp::from_millis(7_000);

fn place() -> Place {
    Place::new(QuarantineBounds {
        deliveries_max: 0,
        bytes_max: 0,
    })
}

#[test]
fn a_delivery_over_the_item_limit_is_refused_and_writes_nothing() {
    block_on(async {
        let mut place = place();
        let store = place.open().await;
        let longest = webhook("evt_1").note(&"n".repeat(limits::BODY_BYTES_CEILING - 200));
        let appended = store.append_once(longest.custody()).await.expect("it fits");
        assert_eq!(appended.events[0].0, Outcome::Stored);
        let too_long = webhook("evt_2").note(&"n".repeat(400 * 1024));
        let refused = store.append_once(too_long.custody()).await;
        let Err(NotKept::TooLarge { bytes, bytes_max }) = refused else {
            panic!("{refused:?}");
        };
        assert!(bytes > bytes_max && bytes_max == 400 * 1024, "{bytes}");
        assert_eq!(store.seen().await.events.len(), 1);
    });
}

#[test]
fn an_item_of_the_seed_is_settled_in_place() {
    block_on(async {
        let mut place = place();
        let store = place.open().await;
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let number = |value: &str| AttributeValue::N(value.to_owned());
        let item = HashMap::from([
            ("paymentId".to_owned(), text("pay_old")),
            ("timestamp".to_owned(), number("1735787045678")),
            ("amount".to_owned(), number("99.99")),
            ("currency".to_owned(), text("USD")),
            ("status".to_owned(), text("pending")),
            ("provider".to_owned(), text("stripe")),
            ("receivedAt".to_owned(), text("2025-01-02T03:04:05.678Z")),
            ("rawPayload".to_owned(), text(r#"{"paymentId":"pay_old"}"#)),
        ]);
        let put = endpoint().put_item();
        let put = put.table_name(place.payments()).set_item(Some(item)).send();
        on_runtime(put).expect("put");
        let key = RecordKey {
            payment_id: "pay_old".to_owned(),
            timestamp: Timestamp::from_millis(1_735_787_045_678),
        };
        let claim = SettlementChange::Claim {
            execution: "x".to_owned(),
        };
        let complete = SettlementChange::Complete {
            transaction_id: "t".to_owned(),
            processed_at: NOW,
        };
        for change in [&claim, &claim, &complete, &complete] {
            let (key, change) = (key.clone(), change.clone());
            let answer = store.settle(&RecordChange { key, change }, NOW).await;
            assert_eq!(answer, Ok(Settled::Done));
        }
        let record = store.record(&key).await.expect("readable").expect("kept");
        assert_eq!(
            (record.status(), &*record.provider_status),
            ("completed", "pending")
        );
        // A new event of the same payment comes after it.
        let sent = webhook("evt_new").payment("pay_old").received_at(5);
        let appended = store.append_once(sent.custody()).await.expect("appended");
        assert_eq!(
            appended.events[0].1.timestamp.as_millis(),
            1_735_787_045_679
        );
    });
}
