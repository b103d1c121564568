//! Everything around a function, on one port of the loopback, answering at once: Lambda's Runtime
//! API, DynamoDB, Secrets Manager, and a payment gateway.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

/// The key in the seed's code.
const SECRET: &str = "webhook-secret-key";

/// What is asked of a function.
pub(super) struct Event(Bytes);

/// A running stand-in. Ends with its handle.
pub(super) struct StandIn {
    address: SocketAddr,
    events: mpsc::Sender<Bytes>,
    heard: Mutex<mpsc::Receiver<Heard>>,
    server: JoinHandle<()>,
}

/// What the function said, and when.
enum Heard {
    AskedForWork(Instant),
    Answered(Instant),
    Failed,
}

struct Shared {
    events: Mutex<mpsc::Receiver<Bytes>>,
    heard: mpsc::Sender<Heard>,
}

impl Event {
    /// A genuine webhook for the one, a stored payment for the other.
    pub(super) fn for_function(function: &str) -> Self {
        // A bare record: the seed cannot read the array that a pipe sends.
        let event = if function == "webhook-validator" {
            webhook()
        } else {
            json!({"eventName": "INSERT", "dynamodb": {"Keys": keys(), "NewImage": record()}})
        };
        Self(Bytes::from(event.to_string()))
    }
}

impl StandIn {
    pub(super) async fn open() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (events, waiting) = mpsc::channel(1);
        let (tell, heard) = mpsc::channel(4);
        let shared = Arc::new(Shared {
            events: Mutex::new(waiting),
            heard: tell,
        });
        let invocation = "/2018-06-01/runtime/invocation";
        let app = Router::new()
            .route(&format!("{invocation}/next"), get(next))
            .route(&format!("{invocation}/{{id}}/{{what}}"), post(ended))
            .route(
                "/2018-06-01/runtime/init/error",
                post(|| async { StatusCode::ACCEPTED }),
            )
            .route(
                "/gateway",
                post(|| async { r#"{"transactionId":"txn_1"}"# }),
            )
            .route("/", post(aws))
            .with_state(shared);
        #[expect(
            clippy::disallowed_methods,
            reason = "a tool has no supervisor: the handle ends it"
        )]
        let server = tokio::task::spawn(async move {
            // It ends with its task; an error would show in the function that waits for it.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self {
            address,
            events,
            heard: Mutex::new(heard),
            server,
        })
    }

    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// When the function first asked for work.
    pub(super) async fn asked_for_work(&self, patience: Duration) -> Result<Instant> {
        loop {
            if let Heard::AskedForWork(at) = self.hear(patience).await? {
                return Ok(at);
            }
        }
    }

    /// Has an event handled; how long it took, or nothing when it failed.
    pub(super) async fn invoke(
        &self,
        event: &Event,
        patience: Duration,
    ) -> Result<Option<Duration>> {
        let begun = Instant::now();
        self.events
            .send(event.0.clone())
            .await
            .context("the stand-in is gone")?;
        loop {
            match self.hear(patience).await? {
                Heard::AskedForWork(_) => {}
                Heard::Answered(at) => return Ok(Some(at.duration_since(begun))),
                Heard::Failed => return Ok(None),
            }
        }
    }

    async fn hear(&self, patience: Duration) -> Result<Heard> {
        let mut heard = self.heard.lock().await;
        let heard = tokio::time::timeout(patience, heard.recv()).await;
        heard
            .context("the function says nothing")?
            .context("the stand-in is gone")
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What a function finds in its environment.
pub(super) fn environment(function: &str, address: &str) -> HashMap<&'static str, String> {
    let text = str::to_owned;
    let mut all = HashMap::from([
        ("AWS_LAMBDA_RUNTIME_API", text(address)),
        ("AWS_LAMBDA_FUNCTION_NAME", text(function)),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", text("512")),
        ("AWS_LAMBDA_FUNCTION_VERSION", text("1")),
        ("AWS_LAMBDA_LOG_GROUP_NAME", text("group")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", text("stream")),
        ("AWS_ENDPOINT_URL", format!("http://{address}")),
        ("AWS_REGION", text("us-east-1")),
        ("AWS_ACCESS_KEY_ID", text("local")),
        ("AWS_SECRET_ACCESS_KEY", text("local")),
        ("TABLE_NAME", text("payments")),
        ("EVENT_KEYS_TABLE_NAME", text("keys")),
        ("QUARANTINE_TABLE_NAME", text("quarantine")),
        (
            "PAYHOOK_SOURCES",
            text(r#"{"generic":{"secretId":"secret"}}"#),
        ),
        ("PAYHOOK_GATEWAY", text("http")),
    ]);
    all.insert("PAYHOOK_GATEWAY_URL", format!("http://{address}/gateway"));
    all
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    let mut events = shared.events.lock().await;
    // Nobody listens any more once a measurement is over.
    let _ = shared.heard.send(Heard::AskedForWork(Instant::now())).await;
    let Some(event) = events.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let headers = [
        (
            "lambda-runtime-aws-request-id",
            "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        ),
        ("lambda-runtime-deadline-ms", "4102444800000"),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:000000000000:function:measured",
        ),
    ];
    (headers, event).into_response()
}

async fn ended(
    State(shared): State<Arc<Shared>>,
    Path((_, what)): Path<(String, String)>,
) -> StatusCode {
    let heard = if what == "response" {
        Heard::Answered(Instant::now())
    } else {
        Heard::Failed
    };
    // Nobody listens any more once a measurement is over.
    let _ = shared.heard.send(heard).await;
    StatusCode::ACCEPTED
}

/// The services, by the operation that a header names.
async fn aws(headers: HeaderMap, body: Bytes) -> Response {
    let target = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok());
    let operation = target
        .and_then(|target| target.split('.').nth(1))
        .unwrap_or_default();
    let answer = match operation {
        "Query" => json!({"Count": 0, "ScannedCount": 0, "Items": []}),
        "GetItem" => json!({"Item": record()}),
        "GetSecretValue" => {
            let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
            if asked["VersionStage"] != "AWSCURRENT" {
                let fault = json!({"__type": "ResourceNotFoundException"});
                return (StatusCode::BAD_REQUEST, fault.to_string()).into_response();
            }
            json!({
                "ARN": "secret", "Name": "secret", "VersionId": "11111111",
                "SecretString": SECRET, "VersionStages": ["AWSCURRENT"], "CreatedDate": 1.0,
            })
        }
        _ => json!({}),
    };
    let kind = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
    (kind, answer.to_string()).into_response()
}

fn webhook() -> Value {
    let body = r#"{"paymentId":"pay_1","amount":99.99,"currency":"USD","status":"pending","provider":"stripe"}"#;
    // HMAC takes keys of every length.
    let signature = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).map(|mut mac| {
        mac.update(body.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    });
    let signature = signature.unwrap_or_default();
    json!({
        "resource": "/webhooks", "path": "/webhooks", "httpMethod": "POST",
        "headers": {"content-type": "application/json", "X-Webhook-Signature": signature},
        "multiValueHeaders": {
            "content-type": ["application/json"], "X-Webhook-Signature": [signature],
        },
        "requestContext": {
            "accountId": "0", "apiId": "a", "httpMethod": "POST", "identity": {},
            "path": "/prod/webhooks", "protocol": "HTTP/1.1", "requestId": "r",
            "resourceId": "r", "resourcePath": "/webhooks", "stage": "prod",
        },
        "body": body, "isBase64Encoded": false,
    })
}

fn keys() -> Value {
    json!({"paymentId": {"S": "pay_1"}, "timestamp": {"N": "1795418923007"}})
}

fn record() -> Value {
    json!({
        "paymentId": {"S": "pay_1"}, "timestamp": {"N": "1795418923007"},
        "amount": {"N": "99.99"}, "currency": {"S": "USD"}, "status": {"S": "pending"},
        "provider": {"S": "stripe"}, "receivedAt": {"S": "2026-11-23T07:28:43.007Z"},
        "rawPayload": {"S": "{\"paymentId\":\"pay_1\"}"}, "eventKey": {"S": "generic/evt_1"},
        "traceId": {"S": "01010101010101010101010101010101"},
    })
}
