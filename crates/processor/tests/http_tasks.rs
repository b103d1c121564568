//! A user's own endpoint does a task: what it is sent, and what its answers become.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/server.rs"]
mod server;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use domain::limits;
use domain::record::{EventRecord, RecordKey};
use domain::secret::Secret;
use domain::task::{TaskCall, TaskFailure, TaskOutcome};
use domain::time::{Millis, Timestamp};
use domain::trace::{TraceContext, TraceId};
use processor::gateway::simulated::{SimulatedGateway, SimulatedSettings};
use processor::http_client::{HttpClient, Target};
use processor::http_tasks::{Endpoint, HttpTasks, RESPONSE_BYTES_MAX};
use processor::records::{PaymentRecords, RecordsUnavailable};
use processor::resource::LAMBDA_INVOKE;
use processor::tasks::Tasks;
use serde_json::{Value, json};
use server::{Seen, refusing_address, with_router, with_server};

const NOW: Timestamp = Timestamp::from_millis(1_000);
const RESOURCE: &str = "arn:aws:lambda:us-east-1:000000000000:function:check-fraud";

/// An endpoint's task has no record: this store is never asked.
struct NoRecords;

impl PaymentRecords for NoRecords {
    async fn record(&self, _key: &RecordKey) -> Result<Option<EventRecord>, RecordsUnavailable> {
        Err(RecordsUnavailable)
    }

    async fn settled_before(
        &self,
        _record: &EventRecord,
    ) -> Result<Option<EventRecord>, RecordsUnavailable> {
        Err(RecordsUnavailable)
    }
}

fn call(input: Value) -> TaskCall {
    TaskCall {
        resource: RESOURCE.into(),
        input,
        execution: "evt-1".into(),
        state: "Prüfen".into(),
        branch: String::new(),
        retry_count: 2,
        deadline: NOW.after(Millis::from_secs(60)),
        trace: TraceId::from_bytes([7; 16]),
    }
}

async fn run_at(url: &str, timeout: Millis, call: TaskCall) -> TaskOutcome {
    let headers = [
        ("X-Api-Key".to_owned(), Secret::new("fraud", "hunter2")),
        // The call's own headers win.
        ("X-Payhook-State".to_owned(), Secret::new("fraud", "other")),
    ];
    let endpoint = Endpoint {
        client: HttpClient::try_new().unwrap(),
        target: Target::try_new(url, timeout, &headers).unwrap(),
    };
    let gateway = SimulatedGateway::new(SimulatedSettings::default(), |_| std::future::ready(()));
    let endpoints = BTreeMap::from([(RESOURCE.to_owned(), endpoint)]);
    let tasks = Tasks::new(gateway, NoRecords).with_http(HttpTasks::new(endpoints));
    tasks.run(call, NOW).await
}

async fn outcome_of(
    answer: impl Fn() -> Response + Clone + Send + Sync + 'static,
) -> Result<Value, TaskFailure> {
    let outcome = with_server(answer, async |url, _| {
        run_at(&url, Millis::from_secs(20), call(json!({}))).await
    })
    .await;
    match outcome {
        TaskOutcome::Succeeded { output, change } => {
            assert_eq!(change, None);
            Ok(output)
        }
        TaskOutcome::Failed(failure) => Err(failure),
    }
}

fn status(code: u16, body: &'static str) -> Response {
    let mut response = body.into_response();
    *response.status_mut() = code.try_into().unwrap();
    response
}

async fn sent(calls: Vec<TaskCall>) -> Arc<Seen> {
    with_server(
        || status(200, "1"),
        async |url, seen| {
            for call in calls {
                let outcome = run_at(&url, Millis::from_secs(20), call).await;
                assert!(
                    matches!(outcome, TaskOutcome::Succeeded { .. }),
                    "{outcome:?}"
                );
            }
            seen
        },
    )
    .await
}

#[tokio::test]
async fn an_endpoint_is_sent_the_input_and_who_asks() {
    let seen = sent(vec![call(json!({"amount": 1.50}))]).await;
    let requests = seen.requests.lock().unwrap();
    let (_, headers, body) = &requests[0];
    assert_eq!(body, r#"{"amount":1.5}"#);
    for (name, value) in [
        ("x-payhook-execution", "evt-1"),
        ("x-payhook-retry-count", "2"),
        ("x-api-key", "hunter2"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    assert_eq!(headers["x-payhook-state"].as_bytes(), "Prüfen".as_bytes());
    let traceparent = headers["traceparent"].as_bytes();
    let trace = TraceContext::from_traceparent(traceparent).unwrap().id;
    assert_eq!(trace, TraceId::from_bytes([7; 16]));
}

#[tokio::test]
async fn attempts_share_a_key_and_other_work_has_another() {
    let first = call(json!({"n": 1}));
    let retry = TaskCall {
        retry_count: 3,
        ..first.clone()
    };
    let other_input = call(json!({"n": 2}));
    let other_state = TaskCall {
        state: "Other".into(),
        ..first.clone()
    };
    let other_execution = TaskCall {
        execution: "evt-2".into(),
        ..first.clone()
    };
    let item = |branch: &str| TaskCall {
        branch: branch.into(),
        ..first.clone()
    };
    let (one_item, other_item) = (item("Each[0]"), item("Each[1]"));
    let calls = vec![
        first,
        retry,
        other_input,
        other_state,
        other_execution,
        one_item,
        other_item,
    ];
    let seen = sent(calls).await;
    let requests = seen.requests.lock().unwrap();
    let values = |name: &str| -> Vec<_> {
        let values = requests.iter().map(|(_, headers, _)| headers[name].clone());
        values.collect()
    };
    let mut keys = values("idempotency-key");
    assert_eq!(keys[0], keys[1]);
    keys.sort_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
    keys.dedup();
    assert_eq!(keys.len(), 6);
    // Each attempt is a span of its own.
    let spans = values("traceparent");
    assert_ne!(spans[0], spans[1]);
}

#[tokio::test]
async fn an_answer_of_2xx_is_the_result() {
    for (code, body, output) in [
        (200, r#"{"risk": 0.10}"#, json!({"risk": 0.1})),
        (201, "[1, 2]", json!([1, 2])),
        (202, "null", json!(null)),
        (204, "", json!(null)),
        (200, "", json!(null)),
    ] {
        assert_eq!(outcome_of(move || status(code, body)).await, Ok(output));
    }
}

#[tokio::test]
async fn every_other_answer_is_a_named_failure() {
    for (code, body, error, cause) in [
        (
            200,
            "<p>",
            "Http.InvalidResponse",
            "the endpoint answered with HTTP 200 and no JSON",
        ),
        (302, "", "Http.302", "the endpoint answered with HTTP 302"),
        (
            404,
            "hunter2",
            "Http.404",
            "the endpoint answered with HTTP 404",
        ),
        (503, "{}", "Http.503", "the endpoint answered with HTTP 503"),
        (
            500,
            r#"{"error":""}"#,
            "Http.500",
            "the endpoint answered with HTTP 500",
        ),
        (
            500,
            r#"{"error":5}"#,
            "Http.500",
            "the endpoint answered with HTTP 500",
        ),
        // An endpoint cannot speak for the platform.
        (
            500,
            r#"{"error":"States.Runtime"}"#,
            "Http.500",
            "the endpoint answered with HTTP 500",
        ),
        (
            422,
            r#"{"error":"FraudSuspected","cause":"why"}"#,
            "FraudSuspected",
            "why",
        ),
        (500, r#"{"error":"Busy"}"#, "Busy", ""),
    ] {
        let failure = outcome_of(move || status(code, body)).await.unwrap_err();
        assert_eq!(
            (&*failure.error, &*failure.cause),
            (error, cause),
            "{code} {body}"
        );
        assert_eq!(failure.retry_after, None);
    }
}

#[tokio::test]
async fn an_endpoint_may_ask_to_be_left_alone() {
    let answer = || {
        let mut response = status(429, r#"{"error":"Busy"}"#);
        let headers = response.headers_mut();
        headers.insert("retry-after", "9".parse().unwrap());
        response
    };
    let failure = outcome_of(answer).await.unwrap_err();
    assert_eq!(failure.error, "Busy");
    assert_eq!(failure.retry_after, Some(Millis::from_secs(9)));
}

#[tokio::test]
async fn answers_and_their_names_are_bounded() {
    let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    let fits = text(RESPONSE_BYTES_MAX);
    assert!(
        outcome_of(move || fits.clone().into_response())
            .await
            .is_ok()
    );
    let too_large = text(RESPONSE_BYTES_MAX + 1);
    let answer = outcome_of(move || too_large.clone().into_response()).await;
    assert_eq!(answer.unwrap_err().error, "Http.ResponseTooLarge");

    let wordy = json!({"error": "e".repeat(1_000), "cause": "c".repeat(100_000)}).to_string();
    let failure = outcome_of(move || {
        let mut response = wordy.clone().into_response();
        *response.status_mut() = axum::http::StatusCode::BAD_REQUEST;
        response
    })
    .await
    .unwrap_err();
    assert_eq!(failure.error.len(), limits::ERROR_BYTES_MAX);
    assert_eq!(failure.cause.len(), limits::CAUSE_BYTES_MAX);
}

#[tokio::test]
async fn a_silent_endpoint_times_out_and_a_missing_one_is_unreachable() {
    let failed = |outcome| match outcome {
        TaskOutcome::Failed(failure) => failure.error,
        TaskOutcome::Succeeded { output, .. } => panic!("{output}"),
    };
    let silent = Router::new().fallback(any(async || std::future::pending::<()>().await));
    with_router(silent, Arc::new(Seen::default()), async |url, _| {
        let outcome = run_at(&url, Millis::new(30), call(json!({}))).await;
        assert_eq!(failed(outcome), "Http.Timeout");
    })
    .await;
    let (_held, url) = refusing_address();
    let outcome = run_at(&url, Millis::from_secs(20), call(json!({}))).await;
    assert_eq!(failed(outcome), "Http.Unreachable");
}

#[tokio::test]
async fn the_optimised_integration_finds_an_endpoint_by_its_function() {
    let mut invoke = call(json!({"FunctionName": RESOURCE, "Payload": {"n": 1}}));
    invoke.resource = LAMBDA_INVOKE.into();
    with_server(
        || status(200, "\"clean\""),
        async |url, seen| {
            let outcome = run_at(&url, Millis::from_secs(20), invoke).await;
            let TaskOutcome::Succeeded { output, .. } = outcome else {
                panic!("{outcome:?}");
            };
            assert_eq!(output["Payload"], "clean");
            assert_eq!(output["StatusCode"], 200);
            assert_eq!(seen.requests.lock().unwrap()[0].2, r#"{"n":1}"#);
        },
    )
    .await;
}
