//! The processor function on the memory store: every form of event, every name of a failure.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::record::RecordKey;
use domain::time::Timestamp;
use engine::clock::ManualClock;
use engine::store::memory::MemoryStore;
use engine::store::{EventLog as _, QuarantineBounds};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use lambdas::processor::Processor;
use processor::gateway::{GatewayFailure, GatewayReceipt, GatewayRequest, PaymentGateway};
use serde_json::{Value, json};
use testbed::deliveries::webhook;
use testbed::store_suite::block_on;

/// A gateway that does as it is told, and counts.
#[derive(Default)]
struct Gateway {
    calls: AtomicU32,
    panics: bool,
}

impl PaymentGateway for Gateway {
    async fn settle(&self, request: &GatewayRequest) -> Result<GatewayReceipt, GatewayFailure> {
        assert!(!self.panics, "as it is told");
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        match request.payment_id.as_str() {
            "declined" => Err(GatewayFailure::Declined { status: Some(402) }),
            "slow" => Err(GatewayFailure::Timeout),
            _ => Ok(GatewayReceipt {
                transaction_id: format!("txn_{call}"),
                processed_at: request.now,
            }),
        }
    }
}

struct World {
    store: Arc<MemoryStore>,
    gateway: Arc<Gateway>,
    processor: Processor<Arc<Gateway>, MemoryStore>,
}

impl World {
    fn new(gateway: Gateway) -> Self {
        let store = Arc::new(MemoryStore::new(QuarantineBounds {
            deliveries_max: 1,
            bytes_max: 1,
        }));
        let gateway = Arc::new(gateway);
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(5_000)));
        Self {
            processor: Processor::new(Arc::clone(&gateway), Arc::clone(&store), clock),
            store,
            gateway,
        }
    }

    async fn keep(&self, payment: &str) -> RecordKey {
        let sent = webhook(payment).payment(payment);
        let appended = self.store.append_once(sent.custody()).await;
        appended.expect("appended").events[0].1.clone()
    }

    async fn call(&self, event: Value) -> Result<Value, Diagnostic> {
        let mut context = Context::default();
        context.deadline = 65_000;
        self.processor
            .handle(LambdaEvent::new(event, context))
            .await
    }

    async fn fails(&self, event: Value) -> String {
        let failed = self.call(event.clone()).await;
        failed.expect_err(&event.to_string()).error_type
    }
}

fn keys(key: &RecordKey) -> Value {
    Value::Object(key.attributes())
}

#[test]
fn every_form_of_event_settles_its_payment_once() {
    block_on(async {
        let world = World::new(Gateway::default());
        for (number, form) in ["array", "record", "direct", "workflow"]
            .into_iter()
            .enumerate()
        {
            let key = world.keep(form).await;
            let record = json!({"eventName": "INSERT", "dynamodb": {"Keys": keys(&key)}});
            let event = match form {
                "array" => json!([record]),
                "record" => record,
                "direct" => json!({"paymentId": form, "timestamp": key.timestamp.as_millis()}),
                _ => json!({"task": "process_payment", "execution": "x", "records": [keys(&key)]}),
            };
            let first = world.call(event.clone()).await.expect("settled");
            let expected = json!({
                "success": true,
                "paymentId": form,
                "transactionId": format!("txn_{number}"),
                "status": "completed",
            });
            assert_eq!(first, expected);
            assert_eq!(world.call(event).await, Ok(expected), "{form} again");
            let record = world
                .store
                .record(&key)
                .await
                .expect("readable")
                .expect("kept");
            assert_eq!(record.status(), "completed");
        }
        assert_eq!(world.gateway.calls.load(Ordering::Relaxed), 4);
    });
}

#[test]
fn a_malformed_event_fails_under_a_stable_name() {
    block_on(async {
        let world = World::new(Gateway::default());
        let key = world.keep("pay").await;
        for event in [
            json!(null),
            json!(1),
            json!("text"),
            json!([]),
            json!({}),
            json!([keys(&key), keys(&key)]),
            json!({"paymentId": 1, "timestamp": 1}),
            json!({"paymentId": "pay", "timestamp": "soon"}),
            json!({"task": "no such task", "records": [keys(&key)]}),
            json!({"task": 7, "records": [keys(&key)]}),
            json!({"task": "claim_payment", "records": [keys(&key)]}),
        ] {
            assert_eq!(world.fails(event.clone()).await, "InvalidEvent", "{event}");
        }
        let nobody = json!({"paymentId": "nobody", "timestamp": 1});
        assert_eq!(world.fails(nobody).await, "PaymentNotFound");
    });
}

#[test]
fn a_failure_goes_by_its_own_name_and_a_panic_by_one_of_ours() {
    block_on(async {
        let world = World::new(Gateway::default());
        for (payment, name) in [("declined", "PaymentDeclined"), ("slow", "GatewayTimeout")] {
            let key = world.keep(payment).await;
            assert_eq!(world.fails(json!([keys(&key)])).await, name);
        }
        let world = World::new(Gateway {
            panics: true,
            ..Gateway::default()
        });
        let key = world.keep("pay").await;
        assert_eq!(world.fails(json!([keys(&key)])).await, "InternalError");
    });
}

#[test]
fn a_payment_is_claimed_by_one_execution() {
    block_on(async {
        let world = World::new(Gateway::default());
        let key = world.keep("pay").await;
        let claim = |execution: &str| json!({"task": "claim_payment", "execution": execution, "records": [keys(&key)]});
        for (execution, claimed) in [("x", true), ("y", false), ("x", true)] {
            let answer = world.call(claim(execution)).await.expect("answered");
            assert_eq!(answer["claimed"], claimed, "{execution}");
        }
    });
}
