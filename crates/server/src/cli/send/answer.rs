//! Sends one webhook, and reads the answer.

use std::time::{Duration, Instant};

use engine::ingress::{OUTCOME_HEADER, TRACE_HEADER};
use reqwest::{Client, Response};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::webhook::Webhook;

/// Longest answer that is read, in bytes. Ours have a few hundred.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Sends webhooks to one address.
pub(in crate::cli) struct Sender {
    client: Client,
    url: String,
}

/// What came back.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct Answer {
    /// The HTTP status.
    pub(in crate::cli) status: u16,
    /// What became of it: `stored`, `duplicate`, `conflict`, or the code of a refusal.
    #[serde(rename = "outcome")]
    pub(in crate::cli) word: String,
    /// The trace of everything done for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) trace_id: Option<String>,
    /// From sending it to the last byte of the answer.
    #[serde(rename = "latencyMs", serialize_with = "as_millis")]
    pub(in crate::cli) latency: Duration,
    /// The answer itself: JSON where it is, text otherwise.
    #[serde(rename = "answer")]
    pub(in crate::cli) body: Value,
}

impl Sender {
    /// Sends to `url` with `client`.
    pub(in crate::cli) fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Where to.
    pub(in crate::cli) fn url(&self) -> &str {
        &self.url
    }

    /// Sends one webhook. An error is no answer: nobody knows whether it was kept.
    pub(in crate::cli) async fn send(&self, webhook: &Webhook) -> Result<Answer, reqwest::Error> {
        let began = Instant::now();
        let mut request = self
            .client
            .post(webhook.url(&self.url))
            .body(webhook.body.clone());
        for (name, value) in &webhook.headers {
            request = request.header(name, value);
        }
        let mut response = request.send().await?;
        let (status, outcome) = (
            response.status(),
            header(&response, OUTCOME_HEADER.as_str()),
        );
        let trace_id = header(&response, TRACE_HEADER.as_str());
        let body = read(&mut response).await?;
        let code = body.get("code").and_then(Value::as_str).map(str::to_owned);
        let reason = || status.canonical_reason().unwrap_or_default().to_owned();
        Ok(Answer {
            status: status.as_u16(),
            word: outcome.or(code).unwrap_or_else(reason),
            trace_id,
            latency: began.elapsed(),
            body,
        })
    }
}

impl Answer {
    /// Whether the other side has taken custody.
    pub(in crate::cli) fn is_accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// How long it took, for people.
    pub(in crate::cli) fn latency_text(&self) -> String {
        millis_text(self.latency)
    }
}

/// A span in milliseconds, for people: `1.25 ms`.
pub(in crate::cli) fn millis_text(span: Duration) -> String {
    format!("{:.2} ms", span.as_secs_f64() * 1000.0)
}

fn header(response: &Response, name: &str) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

async fn read(response: &mut Response) -> Result<Value, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = ANSWER_BYTES_MAX.saturating_sub(bytes.len());
        bytes.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() >= room {
            break;
        }
    }
    let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
    Ok(serde_json::from_slice(&bytes).unwrap_or_else(|_| text()))
}

fn as_millis<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64() * 1000.0)
}
