//! The validator function on the memory store: API Gateway's events, and whatever is none.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::providers::SchemeChanges;
use domain::providers::generic::hmac_scheme;
use domain::time::Timestamp;
use engine::clock::{ManualClock, SystemLuck};
use engine::ingress::{FixedSources, Ingress, IngressOptions, router};
use engine::metrics::Metrics;
use engine::store::memory::MemoryStore;
use engine::store::{Inspect as _, QuarantineBounds, QuarantineWard as _};
use engine::upstream::NoUpstream;
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use lambdas::observe::Observer;
use lambdas::validator::Validator;
use serde_json::{Value, json};
use testbed::deliveries::{SECRET, source};
use testbed::store_suite::block_on;

struct World {
    store: Arc<MemoryStore>,
    validator: Validator,
}

impl World {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new(QuarantineBounds {
            deliveries_max: 100,
            bytes_max: 1_000_000,
        }));
        let ingress = Ingress::new(
            (
                Arc::new(FixedSources::from(vec![source("generic"), source("shop")])),
                Arc::new(NoUpstream),
            ),
            Arc::clone(&store),
            (
                Arc::new(ManualClock::at(Timestamp::from_millis(5_000))),
                Arc::new(SystemLuck),
            ),
            Arc::new(Metrics::default()),
            IngressOptions {
                base_path: String::new(),
                body_bytes_max: 65_536,
                body_timeout: Duration::from_secs(10),
                custody_timeout: Duration::from_secs(10),
                requests_max: 1,
                explainer: None,
                doorman: Arc::default(),
            },
        );
        Self {
            store,
            validator: Validator::new(router(ingress), Observer::none()),
        }
    }

    async fn call(&self, event: Value) -> Result<Value, Diagnostic> {
        let mut context = Context::default();
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        context.xray_trace_id = Some(header.to_owned());
        self.validator
            .handle(LambdaEvent::new(event, context))
            .await
    }

    async fn status(&self, event: Value) -> (u64, String) {
        let answer = self.call(event).await.expect("an answer");
        let body: Value = serde_json::from_str(answer["body"].as_str().expect("a body"))
            .expect("JSON in the body");
        let word = body["code"]
            .as_str()
            .or(answer["multiValueHeaders"]["x-payhook-outcome"][0].as_str());
        let status = answer["statusCode"].as_u64().expect("a status");
        (status, word.unwrap_or_default().to_owned())
    }
}

fn signature(body: &[u8]) -> String {
    let scheme = hmac_scheme(&SchemeChanges::default(), None).expect("the seed's scheme");
    scheme.sign_body(SECRET, body)
}

/// What API Gateway sends for a POST with these signatures, both maps of headers included.
fn event(path: &str, body: &[u8], signatures: &[String]) -> Value {
    let mut event = json!({
        "resource": "/webhooks", "path": path, "httpMethod": "POST",
        "headers": {"Host": "api.example", "Content-Type": "application/json"},
        "multiValueHeaders": {
            "Host": ["api.example"], "Content-Type": ["application/json"],
        },
        "queryStringParameters": null,
        "requestContext": {
            "accountId": "0", "apiId": "a", "httpMethod": "POST", "identity": {},
            "path": "/prod/webhooks", "protocol": "HTTP/1.1", "requestId": "r",
            "resourceId": "r", "resourcePath": "/webhooks", "stage": "prod",
        },
        "body": STANDARD.encode(body), "isBase64Encoded": true,
    });
    if let Some(last) = signatures.last() {
        event["headers"]["X-Webhook-Signature"] = json!(last);
        event["multiValueHeaders"]["X-Webhook-Signature"] = json!(signatures);
    }
    event
}

const BODY: &[u8] = br#"{"paymentId":"pay_1","eventId":"evt_1"}"#;

#[test]
fn a_genuine_webhook_is_kept_with_its_exact_bytes_under_the_platforms_trace() {
    block_on(async {
        let world = World::new();
        let sent = event("/webhooks", BODY, &[signature(BODY)]);
        assert_eq!(world.status(sent.clone()).await, (200, "stored".to_owned()));
        assert_eq!(world.status(sent).await, (200, "duplicate".to_owned()));
        let page = world
            .store
            .list_events(&Default::default(), None, 9)
            .expect("readable");
        let record = &page.items[0].record;
        assert_eq!(record.raw_payload, BODY);
        assert_eq!(
            record.trace.id.to_string(),
            "5759e988bd862e3fe1be46a994272793"
        );
        // As text, where an API has no binary media types.
        let text = br#"{"paymentId":"pay_2","eventId":"evt_2"}"#;
        let mut sent = event("/webhooks", text, &[signature(text)]);
        sent["body"] = json!(std::str::from_utf8(text).expect("a text"));
        sent["isBase64Encoded"] = json!(false);
        assert_eq!(world.status(sent).await, (200, "stored".to_owned()));
    });
}

#[test]
fn refusals_are_those_of_the_server() {
    block_on(async {
        let world = World::new();
        let good = signature(BODY);
        for (sent, status, word) in [
            (event("/webhooks", BODY, &[]), 400, "signature_missing"),
            (
                event("/webhooks", BODY, &[signature(b"x")]),
                401,
                "signature_invalid",
            ),
            // Twice, even if the last of both is right: which was meant is not ours to choose.
            (
                event("/webhooks", BODY, &[signature(b"x"), good.clone()]),
                401,
                "signature_invalid",
            ),
            (
                event("/webhooks", BODY, &[good.clone(), good.clone()]),
                401,
                "signature_invalid",
            ),
            (
                event("/webhooks", b"{", &[signature(b"{")]),
                400,
                "malformed_json",
            ),
            (
                event("/webhooks", b"\xFF\xFE", &[signature(b"\xFF\xFE")]),
                400,
                "malformed_json",
            ),
        ] {
            assert_eq!(world.status(sent).await, (status, word.to_owned()));
        }
        let mut sent = event("/webhooks/nobody", BODY, &[good]);
        sent["requestContext"]["resourcePath"] = json!("/webhooks/{source}");
        assert_eq!(world.status(sent).await, (404, "unknown_source".to_owned()));
        let kept = world
            .store
            .list_quarantined(None, 99)
            .expect("readable")
            .items;
        let repeated = kept
            .iter()
            .filter(|each| each.reason.as_str() == "signature_repeated");
        assert_eq!(repeated.count(), 1, "{kept:?}");
    });
}

#[test]
fn what_is_no_event_of_an_api_has_a_stable_name_and_keeps_nothing() {
    block_on(async {
        let world = World::new();
        let with = |name: &str, value: Value| {
            let mut sent = event("/webhooks", BODY, &[signature(BODY)]);
            sent[name] = value;
            sent
        };
        let header = |name: &str, value: &str| {
            let mut sent = event("/webhooks", BODY, &[signature(BODY)]);
            sent["multiValueHeaders"][name] = json!([value]);
            sent
        };
        for hostile in [
            json!(null),
            json!(7),
            json!("text"),
            json!([]),
            json!({}),
            json!({"Records": []}),
            with("body", json!("no base64 at all!")),
            with("body", json!(7)),
            with("httpMethod", json!("NO METHOD")),
            with("multiValueHeaders", json!({"X-Odd": ["line\nbreak"]})),
            with("requestContext", json!(null)),
        ] {
            let answer = world.call(hostile.clone()).await;
            let failed = answer.expect_err(&hostile.to_string());
            assert_eq!(failed.error_type, "InvalidEvent", "{hostile}");
            assert!(!failed.error_message.contains("pay_1"), "{failed:?}");
        }
        // What nobody reads cannot do harm, whatever it is.
        for odd in [
            header("Host", "a b"),
            header("Host", "a:999999"),
            header("X-Forwarded-Proto", ":/"),
        ] {
            let (status, _) = world.status(odd).await;
            assert_eq!(status, 200);
        }
        let long = "q".repeat(100_000);
        let sent = with("multiValueQueryStringParameters", json!({"q": [long]}));
        assert_eq!(world.status(sent).await, (200, "duplicate".to_owned()));
        assert_eq!(world.store.counts().expect("readable").events, 1);
    });
}
