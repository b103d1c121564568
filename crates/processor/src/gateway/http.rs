//! A payment gateway behind an HTTP endpoint.
//!
//! Request: `POST` with `Idempotency-Key`, `traceparent` and the JSON
//! `{"paymentId", "amount": "99.99", "amountMinor": 9999, "currency", "provider", "eventKey"}`;
//! `amountMinor` is null when the amount has more places than the currency. All of `amount`,
//! `amountMinor` and `currency` are null when the provider's event names no sum (GoCardless): zero
//! would be one.
//!
//! | answer | meaning |
//! |---|---|
//! | 2xx with a transaction id | settled |
//! | 402, 422 | declined: the payment itself, final |
//! | 429 | rate limited |
//! | 408 | timed out; unknown |
//! | 409, 425 | another call with this key is under way, or too early: unavailable |
//! | other 4xx | the request is rejected, final |
//! | 5xx, no connection, broken connection | unavailable; unknown |
//! | nothing in time | timed out; unknown |
//! | anything else: a redirection, no JSON, too long | protocol error; unknown |
//!
//! `Retry-After` counts on every answer that may be retried. The answer's body is read for two
//! values and goes nowhere else: not into logs, not into causes.

use domain::currency::Currency;
use domain::limits;
use domain::time::Timestamp;
use serde_json::{Value, json};

use super::{GatewayFailure, GatewayReceipt, GatewayRequest, PaymentGateway, ProtocolFault};
use crate::http_client::{Answer, HttpClient, NoAnswer, Post, Target};

/// Longest answer that is read, in bytes: a receipt is a few hundred.
pub const RESPONSE_BYTES_MAX: usize = 64 * 1024;

/// Where in the answer the receipt's values stand, as JSON pointers (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptPointers {
    /// The transaction id: a text or a whole number.
    pub transaction_id: String,
    /// When it was done: ISO 8601 with an offset, or milliseconds since 1970. May be absent.
    pub processed_at: String,
}

/// A gateway that is asked over HTTP.
#[derive(Debug, Clone)]
pub struct HttpGateway {
    client: HttpClient,
    target: Target,
    pointers: ReceiptPointers,
}

impl Default for ReceiptPointers {
    fn default() -> Self {
        Self {
            transaction_id: "/transactionId".to_owned(),
            processed_at: "/processedAt".to_owned(),
        }
    }
}

impl HttpGateway {
    /// A gateway at `target`, asked over the connections of `client`.
    pub const fn new(client: HttpClient, target: Target, pointers: ReceiptPointers) -> Self {
        Self {
            client,
            target,
            pointers,
        }
    }

    fn receipt(&self, body: &[u8], asked_at: Timestamp) -> Result<GatewayReceipt, GatewayFailure> {
        let answer: Value = serde_json::from_slice(body)
            .map_err(|_| GatewayFailure::Protocol(ProtocolFault::NotJson))?;
        let transaction_id = match answer.pointer(&self.pointers.transaction_id) {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => {
                String::new()
            }
        };
        if transaction_id.is_empty() || transaction_id.len() > limits::FIELD_BYTES_MAX {
            return Err(GatewayFailure::Protocol(ProtocolFault::NoTransactionId));
        }
        let processed_at = answer.pointer(&self.pointers.processed_at).and_then(time);
        Ok(GatewayReceipt {
            transaction_id,
            processed_at: processed_at.unwrap_or(asked_at),
        })
    }
}

impl PaymentGateway for HttpGateway {
    async fn settle(&self, request: &GatewayRequest) -> Result<GatewayReceipt, GatewayFailure> {
        let post = Post {
            target: &self.target,
            headers: &[
                ("idempotency-key", request.idempotency_key.as_str()),
                ("traceparent", &request.traceparent),
            ],
            body: body(request).to_string().into_bytes(),
            response_bytes_max: RESPONSE_BYTES_MAX,
            now: request.now,
            deadline: request.deadline,
        };
        let answer = self.client.post(post).await.map_err(failure_of_no_answer)?;
        if let Some(failure) = failure_of_status(&answer) {
            return Err(failure);
        }
        match answer.body {
            Some(body) => self.receipt(&body, request.now),
            None => Err(GatewayFailure::Protocol(ProtocolFault::TooLarge)),
        }
    }
}

fn body(request: &GatewayRequest) -> Value {
    let is_told = request.currency != Currency::NONE;
    let minor_units = request.amount.minor_units(request.currency);
    json!({
        "paymentId": request.payment_id,
        "amount": is_told.then(|| request.amount.to_string()),
        "amountMinor": minor_units.filter(|_| is_told),
        "currency": is_told.then(|| request.currency.code()),
        "provider": request.provider,
        "eventKey": request.event_key.to_string(),
    })
}

fn failure_of_no_answer(no_answer: NoAnswer) -> GatewayFailure {
    match no_answer {
        NoAnswer::Timeout => GatewayFailure::Timeout,
        NoAnswer::Unreachable => GatewayFailure::Unavailable {
            status: None,
            retry_after: None,
        },
    }
}

fn failure_of_status(answer: &Answer) -> Option<GatewayFailure> {
    let status = answer.status.as_u16();
    let retry_after = answer.retry_after;
    let unavailable = GatewayFailure::Unavailable {
        status: Some(status),
        retry_after,
    };
    match status {
        200..=299 => None,
        402 | 422 => Some(GatewayFailure::Declined {
            status: Some(status),
        }),
        408 => Some(GatewayFailure::Timeout),
        409 | 425 | 500..=599 => Some(unavailable),
        429 => Some(GatewayFailure::RateLimited { retry_after }),
        400..=499 => Some(GatewayFailure::Rejected { status }),
        _ => Some(GatewayFailure::Protocol(ProtocolFault::Status(status))),
    }
}

fn time(value: &Value) -> Option<Timestamp> {
    let millis = match value {
        Value::String(text) => text.parse::<jiff::Timestamp>().ok()?.as_millisecond(),
        Value::Number(number) => number.as_i64()?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(Timestamp::from_millis(millis))
}
