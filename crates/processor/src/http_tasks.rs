//! Tasks that the user's own endpoints do: any `Resource` mapped to a URL, no Rust needed.
//!
//! Request: `POST` with the state's effective input as JSON, and the headers `Idempotency-Key`
//! (the same for every attempt of this state with this input), `traceparent`,
//! `X-Payhook-Execution`, `X-Payhook-State` and `X-Payhook-Retry-Count`.
//!
//! | answer | outcome |
//! |---|---|
//! | 2xx with JSON | that JSON is the result; an empty body is `null` |
//! | 2xx with anything else | `Http.InvalidResponse` |
//! | another status with `{"error": "Name", "cause": "…"}` | a failure of that name |
//! | another status | `Http.<status>`, such as `Http.404` or `Http.503` |
//! | longer than a workflow can carry | `Http.ResponseTooLarge` |
//! | nothing in time | `Http.Timeout` |
//! | no connection, broken connection | `Http.Unreachable` |
//!
//! Names that begin with `States.` are the platform's and are not taken from an endpoint. No
//! redirection is followed: 3xx is `Http.3xx`. `Retry-After` counts on every failure.

use std::collections::BTreeMap;

use domain::limits;
use domain::task::{TaskCall, TaskFailure, TaskOutcome};
use domain::time::Timestamp;
use serde_json::Value;
use tracing::Instrument as _;

use crate::digest;
use crate::failure;
use crate::http_client::{Answer, HttpClient, NoAnswer, Post, Target};
use crate::trace;

/// Longest answer that is read, in bytes: a workflow's state can hold no more.
pub const RESPONSE_BYTES_MAX: usize = limits::WORKFLOW_PAYLOAD_BYTES_MAX;

/// Which resources are done by which endpoints. The default is none.
#[derive(Debug, Default)]
pub struct HttpTasks {
    endpoints: BTreeMap<String, Endpoint>,
}

/// One endpoint of the user's own.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Over whose connections it is asked.
    pub client: HttpClient,
    /// Where it is.
    pub target: Target,
}

impl HttpTasks {
    /// These resources, done by these endpoints. A resource is matched as a whole text; for
    /// `lambda:invoke` its `FunctionName` is matched too, and the payload is what is sent.
    pub const fn new(endpoints: BTreeMap<String, Endpoint>) -> Self {
        Self { endpoints }
    }

    /// The endpoint that does `resource`.
    pub fn endpoint(&self, resource: &str) -> Option<&Endpoint> {
        self.endpoints.get(resource)
    }

    pub(crate) async fn call(
        &self,
        endpoint: &Endpoint,
        call: &TaskCall,
        input: &Value,
        now: Timestamp,
    ) -> TaskOutcome {
        let body = input.to_string();
        let key = idempotency_key(call, &body);
        let retry_count = call.retry_count.to_string();
        let post = Post {
            target: &endpoint.target,
            headers: &[
                ("idempotency-key", &key),
                ("traceparent", &trace::parent(call.trace, call)),
                ("x-payhook-execution", &call.execution),
                ("x-payhook-state", &call.state),
                ("x-payhook-retry-count", &retry_count),
            ],
            body: body.into_bytes(),
            response_bytes_max: RESPONSE_BYTES_MAX,
            now,
            deadline: call.deadline,
        };
        let span = tracing::info_span!("http_task", trace_id = %call.trace, state = %call.state);
        let answer = endpoint.client.post(post).instrument(span).await;
        match answer.map_err(failure_of_no_answer).and_then(result) {
            Ok(output) => TaskOutcome::Succeeded {
                output,
                change: None,
            },
            Err(failed) => TaskOutcome::Failed(failed),
        }
    }
}

/// The same for every attempt of a state with this input, and for a redrive; another when the
/// workflow comes back to the state with other input, and in every branch and iteration.
fn idempotency_key(call: &TaskCall, body: &str) -> String {
    let mut parts = vec![
        b"payhook/http-task/1".as_slice(),
        call.execution.as_bytes(),
        call.state.as_bytes(),
        body.as_bytes(),
    ];
    // Two items that are equal are two pieces of work. Outside of branches the key stays what it was.
    if !call.branch.is_empty() {
        parts.push(call.branch.as_bytes());
    }
    let digest = digest::of(&parts);
    format!("payhook-{}", digest::short_hex(digest, 16))
}

fn failure_of_no_answer(no_answer: NoAnswer) -> TaskFailure {
    match no_answer {
        NoAnswer::Timeout => failure::failed(
            failure::HTTP_TIMEOUT,
            "the endpoint gave no answer in time; whether it acted is unknown",
        ),
        NoAnswer::Unreachable => failure::failed(
            failure::HTTP_UNREACHABLE,
            "the endpoint was not reached, or the connection broke",
        ),
    }
}

fn result(answer: Answer) -> Result<Value, TaskFailure> {
    let status = answer.status.as_u16();
    if !answer.status.is_success() {
        let (error, cause) = told(answer.body.as_deref()).unwrap_or_else(|| {
            let cause = format!("the endpoint answered with HTTP {status}");
            (format!("Http.{status}"), cause)
        });
        return Err(failure::failed_until(&error, cause, answer.retry_after));
    }
    match answer.body {
        None => Err(failure::failed(
            failure::HTTP_RESPONSE_TOO_LARGE,
            format!("the endpoint answered with more than {RESPONSE_BYTES_MAX} bytes"),
        )),
        Some(body) if body.is_empty() => Ok(Value::Null),
        Some(body) => serde_json::from_slice(&body).map_err(|_| {
            let cause = format!("the endpoint answered with HTTP {status} and no JSON");
            failure::failed(failure::HTTP_INVALID_RESPONSE, cause)
        }),
    }
}

/// The failure that the endpoint names itself.
fn told(body: Option<&[u8]>) -> Option<(String, String)> {
    let body: Value = serde_json::from_slice(body?).ok()?;
    let error = body.get("error")?.as_str()?;
    if error.is_empty() || error.starts_with("States.") {
        return None;
    }
    let cause = body.get("cause").and_then(Value::as_str);
    Some((error.to_owned(), cause.unwrap_or_default().to_owned()))
}
