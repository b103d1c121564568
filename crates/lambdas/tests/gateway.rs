//! The HTTP gateway's credentials, rotated under a running function.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use domain::currency::Currency;
use domain::event::{EventId, EventKey};
use domain::money::Amount;
use domain::source::SourceName;
use domain::time::{Millis, Timestamp};
use engine::clock::ManualClock;
use lambdas::gateway::{GatewaySettings, RotatingGateway};
use lambdas::vault::{Stage, Vault, VaultUnavailable, Version};
use processor::gateway::{
    GatewayFailure, GatewayReceipt, GatewayRequest, IdempotencyKey, KeyGeneration, PaymentGateway,
};
use testbed::store_suite::block_on;

/// What the gateway takes, what the vault holds, and what the gateway was sent.
#[derive(Default)]
struct World {
    accepted: Mutex<String>,
    held: Mutex<Option<String>>,
    seen: Mutex<Vec<(String, String)>>,
}

struct OnShelf(Arc<World>);

impl Vault for OnShelf {
    async fn versions(&self, _secret_id: &str) -> Result<Vec<Version>, VaultUnavailable> {
        panic!("one set of credentials is enough")
    }

    async fn current(&self, _secret_id: &str) -> Result<Version, VaultUnavailable> {
        let held = self.0.held.lock().expect("no panic").clone();
        let value = held.ok_or(VaultUnavailable)?.into_bytes();
        Ok(Version {
            stage: Stage::Current,
            id: "11111111".to_owned(),
            since: Timestamp::from_millis(0),
            value,
        })
    }
}

async fn settle(State(world): State<Arc<World>>, headers: HeaderMap) -> (StatusCode, &'static str) {
    let header = |name| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let authorization = header("authorization");
    let good = authorization == *world.accepted.lock().expect("no panic");
    let mut seen = world.seen.lock().expect("no panic");
    seen.push((authorization, header("idempotency-key")));
    if good {
        (StatusCode::OK, r#"{"transactionId":"txn_1"}"#)
    } else {
        (StatusCode::UNAUTHORIZED, "{}")
    }
}

/// A gateway that listens until the runtime ends.
async fn listen(world: &Arc<World>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let app = Router::new()
        .route("/settle", post(settle))
        .with_state(Arc::clone(world));
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn request(now: i64) -> GatewayRequest {
    let event_key = EventKey {
        source: SourceName::generic(),
        id: EventId::Provider("evt_1".to_owned()),
    };
    GatewayRequest {
        idempotency_key: IdempotencyKey::derive(&event_key, "settle", KeyGeneration::default()),
        payment_id: "pay_1".to_owned(),
        amount: Amount::ZERO,
        currency: Currency::USD,
        provider: "testbed".to_owned(),
        event_key,
        traceparent: "00-01010101010101010101010101010101-0202020202020202-01".to_owned(),
        now: Timestamp::from_millis(now),
        deadline: Timestamp::from_millis(now + 20_000),
    }
}

async fn open(world: &Arc<World>) -> (RotatingGateway<OnShelf>, ManualClock) {
    let address = listen(world).await;
    let settings = GatewaySettings {
        url: format!("http://{address}/settle"),
        timeout: Millis::from_secs(10),
        headers_secret: Some("the-secret".to_owned()),
        refresh: Millis::from_secs(300),
    };
    let clock = ManualClock::at(Timestamp::from_millis(0));
    let vault = OnShelf(Arc::clone(world));
    let gateway = RotatingGateway::try_new(settings, vault, Arc::new(clock.clone()));
    (gateway.expect("a URL"), clock)
}

fn put(world: &World, authorization: &str) {
    let headers = serde_json::json!({"Authorization": authorization}).to_string();
    *world.held.lock().expect("no panic") = Some(headers);
}

fn accept(world: &World, authorization: &str) {
    authorization.clone_into(&mut world.accepted.lock().expect("no panic"));
}

fn settled(answer: &Result<GatewayReceipt, GatewayFailure>) -> bool {
    answer.is_ok()
}

#[test]
fn rejected_credentials_are_read_anew_and_the_same_call_is_made_again() {
    block_on(async {
        let world = Arc::new(World::default());
        let (gateway, _clock) = open(&world).await;
        put(&world, "Bearer one");
        accept(&world, "Bearer one");
        assert!(settled(&gateway.settle(&request(0)).await));
        // Rotated: the gateway takes the new one only, and we have not read it yet.
        put(&world, "Bearer two");
        accept(&world, "Bearer two");
        assert!(settled(&gateway.settle(&request(0)).await));
        let seen = world.seen.lock().expect("no panic").clone();
        let sent: Vec<_> = seen.iter().map(|(sent, _)| sent.as_str()).collect();
        assert_eq!(sent, ["Bearer one", "Bearer one", "Bearer two"]);
        assert!(
            seen.iter()
                .all(|(_, key)| *key == seen[0].1 && !key.is_empty())
        );
        // What is still rejected then is rejected.
        accept(&world, "Bearer three");
        let answer = gateway.settle(&request(0)).await;
        assert_eq!(answer, Err(GatewayFailure::Rejected { status: 401 }));
    });
}

#[test]
fn credentials_are_read_again_when_old_and_the_old_ones_go_on_when_they_cannot_be() {
    block_on(async {
        let world = Arc::new(World::default());
        let (gateway, clock) = open(&world).await;
        let nothing = gateway.settle(&request(0)).await;
        assert!(matches!(
            nothing,
            Err(GatewayFailure::Unavailable { status: None, .. })
        ));
        assert!(
            world.seen.lock().expect("no panic").is_empty(),
            "nothing was sent"
        );
        for held in [None, Some("no JSON"), Some("[]"), Some(r#"{"A": 1}"#)] {
            *world.held.lock().expect("no panic") = held.map(str::to_owned);
            assert!(!settled(&gateway.settle(&request(0)).await), "{held:?}");
        }
        put(&world, "Bearer one");
        accept(&world, "Bearer one");
        assert!(settled(&gateway.settle(&request(0)).await));
        *world.held.lock().expect("no panic") = None;
        clock.set(Timestamp::from_millis(400_000));
        assert!(settled(&gateway.settle(&request(400_000)).await));
        // What is left of its time is less when a call comes late, and none when it is over.
        clock.set(Timestamp::from_millis(420_000));
        let late = gateway.settle(&request(400_000)).await;
        assert_eq!(late, Err(GatewayFailure::Timeout));
        put(&world, "Bearer two");
        accept(&world, "Bearer two");
        clock.set(Timestamp::from_millis(800_000));
        assert!(settled(&gateway.settle(&request(800_000)).await));
        assert_eq!(world.seen.lock().expect("no panic").len(), 3);
    });
}
