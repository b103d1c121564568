//! The one total match from what happened to what is answered.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use domain::admit::Refusal;
use domain::providers::{Ack, ReadRefusal};
use domain::signature::SignatureRefusal;
use domain::time::Millis;
use domain::trace::TraceId;
use serde_json::{Value, json};

use crate::store::{Appended, Outcome};

/// Says of a 200 whether the event was `stored`, a `duplicate`, or a `conflict`.
pub const OUTCOME_HEADER: HeaderName = HeaderName::from_static("x-payhook-outcome");

/// The trace id of everything done for the webhook; quote it to whoever runs payhook.
pub const TRACE_HEADER: HeaderName = HeaderName::from_static("x-payhook-trace-id");

/// Seconds that a sender is asked to wait before trying again.
const RETRY_AFTER_SECONDS: &str = "1";

/// What came of a request.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Its bytes are durable here.
    Kept(Appended, Ack),
    /// It was a question, and this is the answer.
    Answered(String),
    /// They are not.
    Refused(Refusing),
}

/// Why we have no custody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusing {
    UnknownSource,
    SecretsUnavailable,
    AddressNotAllowed,
    MethodNotAllowed,
    IntakeFull,
    TooManyFailures { wait: Millis },
    RateExceeded { wait: Millis },
    BodyTooLarge { limit: usize },
    BodyTimeout,
    BodyBroken,
    BodyEncoded,
    ProviderUnavailable,
    Delivery(Refusal),
    StoreUnavailable,
    Internal,
}

impl Refusing {
    /// The stable word for machines.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::UnknownSource => "unknown_source",
            Self::SecretsUnavailable => "secrets_unavailable",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::TooManyFailures { .. } => "too_many_failures",
            Self::RateExceeded { .. } => "rate_exceeded",
            Self::IntakeFull => "intake_full",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::BodyBroken => "body_broken",
            Self::BodyEncoded => "body_encoded",
            Self::ProviderUnavailable => "provider_unavailable",
            Self::Delivery(Refusal::NotVerified) => "not_verified",
            Self::Delivery(Refusal::UnknownToProvider) => "unknown_to_provider",
            Self::Delivery(Refusal::CardData) => "card_data",
            Self::Delivery(Refusal::Signature(SignatureRefusal::HeaderMissing)) => {
                "signature_missing"
            }
            Self::Delivery(Refusal::Signature(_) | Refusal::MustFetch) => "signature_invalid",
            Self::Delivery(Refusal::Unreadable(ReadRefusal::MalformedJson)) => "malformed_json",
            Self::Delivery(Refusal::Unreadable(ReadRefusal::MissingField { .. })) => {
                "missing_field"
            }
            Self::Delivery(Refusal::Unreadable(ReadRefusal::InvalidValue { .. })) => {
                "invalid_value"
            }
            Self::StoreUnavailable => "store_unavailable",
            Self::Internal => "internal",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::UnknownSource => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::SecretsUnavailable
            | Self::IntakeFull
            | Self::ProviderUnavailable
            | Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::AddressNotAllowed | Self::Delivery(Refusal::NotVerified) => StatusCode::FORBIDDEN,
            Self::TooManyFailures { .. } | Self::RateExceeded { .. } => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::Delivery(Refusal::UnknownToProvider) => StatusCode::NOT_FOUND,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyEncoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyBroken
            | Self::Delivery(
                Refusal::Signature(SignatureRefusal::HeaderMissing)
                | Refusal::Unreadable(ReadRefusal::MalformedJson | ReadRefusal::MissingField { .. }),
            ) => StatusCode::BAD_REQUEST,
            Self::Delivery(Refusal::Signature(_) | Refusal::MustFetch) => StatusCode::UNAUTHORIZED,
            Self::Delivery(
                Refusal::CardData | Refusal::Unreadable(ReadRefusal::InvalidValue { .. }),
            ) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn words(self) -> String {
        match self {
            Self::UnknownSource => "Unknown source".to_owned(),
            Self::SecretsUnavailable => "Cannot verify webhooks now, try again".to_owned(),
            Self::MethodNotAllowed => "Only POST is allowed here".to_owned(),
            Self::AddressNotAllowed => "This source is not called from there".to_owned(),
            Self::TooManyFailures { .. } => "Too many invalid webhooks".to_owned(),
            Self::RateExceeded { .. } => "Too many webhooks, try again later".to_owned(),
            Self::IntakeFull => "Too many requests at once, try again".to_owned(),
            Self::BodyTooLarge { limit } => format!("Body exceeds {limit} bytes"),
            Self::BodyTimeout => "The body did not arrive in time".to_owned(),
            Self::BodyBroken => "The body did not arrive whole".to_owned(),
            Self::BodyEncoded => "Send the body without Content-Encoding".to_owned(),
            Self::Delivery(Refusal::Signature(SignatureRefusal::HeaderMissing)) => {
                "Missing webhook signature".to_owned()
            }
            // One sentence for every way to be wrong: a forger learns nothing from it. Which
            // way it was stands in our own quarantine.
            Self::Delivery(Refusal::Signature(_) | Refusal::MustFetch) => {
                "Invalid webhook signature".to_owned()
            }
            Self::Delivery(Refusal::NotVerified) => "This source wants signed webhooks".to_owned(),
            Self::Delivery(Refusal::UnknownToProvider) => "No such payment".to_owned(),
            Self::Delivery(Refusal::CardData) => "Card data are not taken here".to_owned(),
            Self::ProviderUnavailable => "Cannot ask the provider now, try again".to_owned(),
            Self::Delivery(Refusal::Unreadable(refusal)) => refusal.to_string(),
            Self::StoreUnavailable => "Cannot store the webhook now, try again".to_owned(),
            Self::Internal => "Internal server error".to_owned(),
        }
    }
}

/// The answer to `verdict`, with the trace it belongs to once a source is known.
pub(super) fn respond(verdict: &Verdict, trace: Option<TraceId>) -> Response {
    let mut response = match verdict {
        Verdict::Kept(appended, ack) => custody(appended, *ack),
        Verdict::Answered(text) => plain(text.clone()),
        Verdict::Refused(refusing) => refusal(*refusing),
    };
    if let Some(value) = trace.and_then(|id| HeaderValue::try_from(id.to_string()).ok()) {
        response.headers_mut().insert(TRACE_HEADER, value);
    }
    response
}

/// The answer to a path that is none of ours.
pub(super) fn not_found() -> Response {
    let body = json!({"error": "Not found", "code": "not_found"});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

fn plain(text: impl axum::response::IntoResponse) -> Response {
    (StatusCode::OK, text).into_response()
}

fn custody(appended: &Appended, ack: Ack) -> Response {
    // A batch is as new as its newest event; a conflict in it must be seen whatever else is.
    let outcomes = || appended.events.iter().map(|(outcome, _)| *outcome);
    let outcome = if outcomes().any(|outcome| outcome == Outcome::Conflict) {
        "conflict"
    } else if outcomes().any(|outcome| outcome == Outcome::Stored) {
        "stored"
    } else {
        "duplicate"
    };
    let answer = match ack {
        Ack::Any2xx => None,
        Ack::Text(text) => Some(plain(text)),
    };
    if let Some(mut answer) = answer {
        answer
            .headers_mut()
            .insert(OUTCOME_HEADER, HeaderValue::from_static(outcome));
        return answer;
    }
    let first = appended.events.first().map(|(_, key)| key);
    let body = json!({
        "message": "Webhook processed successfully",
        "paymentId": first.map(|key| key.payment_id.as_str()),
        "timestamp": first.map(|key| key.timestamp.as_millis()),
    });
    json_response(StatusCode::OK, &body, &[(OUTCOME_HEADER, outcome)])
}

fn refusal(refusing: Refusing) -> Response {
    let body = json!({"error": refusing.words(), "code": refusing.code()});
    let status = refusing.status();
    match refusing {
        Refusing::SecretsUnavailable
        | Refusing::IntakeFull
        | Refusing::ProviderUnavailable
        | Refusing::StoreUnavailable => {
            json_response(status, &body, &[(header::RETRY_AFTER, RETRY_AFTER_SECONDS)])
        }
        Refusing::TooManyFailures { wait } | Refusing::RateExceeded { wait } => {
            let mut response = json_response(status, &body, &[]);
            let seconds = HeaderValue::from(wait.get().div_ceil(1000).max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            response
        }
        Refusing::MethodNotAllowed => json_response(status, &body, &[(header::ALLOW, "POST")]),
        Refusing::UnknownSource
        | Refusing::AddressNotAllowed
        | Refusing::BodyTooLarge { .. }
        | Refusing::BodyTimeout
        | Refusing::BodyBroken
        | Refusing::BodyEncoded
        | Refusing::Delivery(_)
        | Refusing::Internal => json_response(status, &body, &[]),
    }
}

fn json_response(
    status: StatusCode,
    body: &Value,
    headers: &[(HeaderName, &'static str)],
) -> Response {
    let mut response = (status, Json(body)).into_response();
    for (name, value) in headers {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}
