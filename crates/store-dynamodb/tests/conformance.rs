//! The conformance suite of the ports, on real DynamoDB implementations: the emulator of the AWS
//! suites and Amazon's own DynamoDB Local (`cargo xtask test` starts both). `PAYHOOK_DYNAMODB` is
//! the endpoint.

mod support;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::limits;
use domain::record::RecordKey;
use domain::settlement::{Applied, Settlement, SettlementChange};
use domain::task::RecordChange;
use domain::time::Timestamp;
use engine::store::{EventLog as _, NotKept, Outcome, QuarantineBounds, Settled, Settlements as _};
use support::{Place, endpoint, on_runtime};
use testbed::deliveries::webhook;
use testbed::store_suite::{Custodian as _, Opener as _, block_on};

testbed::custody_suite!(Place);

const NOW: Timestamp = Timestamp::from_millis(7_000);

fn place() -> Place {
    Place::new(QuarantineBounds {
        deliveries_max: 0,
        bytes_max: 0,
    })
}

fn change(text: &str) -> SettlementChange {
    match text.split_once(' ').expect("two words") {
        ("claim", execution) => SettlementChange::Claim {
            execution: execution.to_owned(),
        },
        ("complete", id) => SettlementChange::Complete {
            transaction_id: id.to_owned(),
            processed_at: Timestamp::from_millis(6_000),
        },
        (_, error) => SettlementChange::Fail {
            error: error.to_owned(),
            cause: "because".to_owned(),
        },
    }
}

fn asked(key: &RecordKey, text: &str) -> RecordChange {
    RecordChange {
        key: key.clone(),
        change: change(text),
    }
}

/// Every walk of three changes: what the store says and holds is what the rules say.
#[test]
fn every_change_of_the_table_is_applied_as_the_rules_say() {
    block_on(async {
        let mut place = place();
        let store = place.open().await;
        let words = [
            "claim x",
            "claim y",
            "complete t",
            "complete u",
            "fail e",
            "fail f",
        ];
        let pairs = words
            .iter()
            .flat_map(|one| words.iter().map(move |two| [*one, *two]));
        for (number, walk) in pairs.enumerate() {
            let sent = webhook(&format!("evt_{number}")).payment(&format!("pay_{number}"));
            let appended = store.append_once(sent.custody()).await.expect("appended");
            let key = &appended.events[0].1;
            let mut expected = Settlement::Received;
            for word in walk.into_iter().chain(["complete t"]) {
                let settled = match expected.apply(&change(word), NOW) {
                    Applied::Changed(next) => {
                        expected = next;
                        Settled::Done
                    }
                    Applied::AlreadySo => Settled::Done,
                    Applied::Refused => Settled::Refused,
                };
                let answer = store.settle(&asked(key, word), NOW).await;
                assert_eq!(answer, Ok(settled), "{walk:?} {word}");
                let record = store.record(key).await.expect("readable").expect("kept");
                assert_eq!(record.settlement, expected, "{walk:?} {word}");
                assert_eq!(record.provider_status, "paid", "{walk:?}");
            }
        }
    });
}

#[test]
fn of_many_that_settle_at_once_one_does() {
    block_on(async {
        let mut place = place();
        let store = place.open().await;
        let appended = store.append_once(webhook("evt_1").custody()).await;
        let key = appended.expect("appended").events[0].1.clone();
        let settled = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|number| {
                    let (store, asked) = (&store, asked(&key, &format!("complete t{number}")));
                    scope.spawn(move || block_on(store.settle(&asked, NOW)))
                })
                .collect();
            let settled = threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"));
            settled.collect::<Result<Vec<_>, _>>().expect("answered")
        });
        let done = settled
            .iter()
            .filter(|each| **each == Settled::Done)
            .count();
        assert_eq!((done, settled.len()), (1, 8), "{settled:?}");
        // One insertion and one change: nobody wrote over the winner.
        assert_eq!(store.seen().await.feed.len(), 2);
    });
}

#[test]
fn what_does_not_exist_is_not_settled() {
    block_on(async {
        let mut place = place();
        let store = place.open().await;
        let key = RecordKey {
            payment_id: "nobody".to_owned(),
            timestamp: NOW,
        };
        let answer = store.settle(&asked(&key, "claim x"), NOW).await;
        assert_eq!(answer, Ok(Settled::NoRecord));
        assert_eq!(store.record(&key).await, Ok(None));
    });
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
        for word in ["claim x", "claim x", "complete t", "complete t"] {
            let answer = store.settle(&asked(&key, word), NOW).await;
            assert_eq!(answer, Ok(Settled::Done), "{word}");
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
