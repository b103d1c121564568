//! Refusals of the admin listener: problem details (RFC 9457).

use std::collections::BTreeSet;

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, Response as Described, SchemaObject};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::operator::NotDone;
use engine::store::Unavailable;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The media type of every refusal.
pub(super) const PROBLEM_TYPE: &str = "application/problem+json";

/// Longest refusal of the router's own that is passed on, in bytes: one sentence.
const REFUSAL_BYTES_MAX: usize = 4096;

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct Problem {
    /// What the status code is called.
    title: String,
    /// The status code.
    status: u16,
    /// A stable word for scripts.
    code: String,
    /// What went wrong and what to do, for people.
    detail: String,
}

impl Problem {
    /// A refusal.
    pub(super) fn new(status: StatusCode, code: &str, detail: &str) -> Self {
        Self {
            title: status.canonical_reason().unwrap_or("Refused").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.to_owned(),
        }
    }

    /// How it is described, wherever it may be the answer.
    fn described(context: &mut GenContext, status: u16) -> Described {
        let media = MediaType {
            schema: Some(SchemaObject {
                json_schema: context.schema.subschema_for::<Self>(),
                external_docs: None,
                example: None,
            }),
            ..MediaType::default()
        };
        let meaning = StatusCode::from_u16(status).ok();
        let meaning = meaning.and_then(|status| status.canonical_reason());
        Described {
            description: meaning.unwrap_or("Refused").to_owned(),
            content: [(PROBLEM_TYPE.to_owned(), media)].into_iter().collect(),
            ..Described::default()
        }
    }
}

impl From<NotDone> for Problem {
    fn from(not_done: NotDone) -> Self {
        let (status, code) = match &not_done {
            NotDone::NotFound | NotDone::NoSuch(_) => (StatusCode::NOT_FOUND, "not_found"),
            NotDone::Busy => (StatusCode::CONFLICT, "busy"),
            NotDone::Nonsense(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            NotDone::NotNow(_) => (StatusCode::CONFLICT, "not_now"),
            NotDone::StillRefused(_) => (StatusCode::CONFLICT, "still_refused"),
            NotDone::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
        };
        Self::new(status, code, &not_done.to_string())
    }
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        NotDone::from(unavailable).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, PROBLEM_TYPE)], body).into_response()
    }
}

impl OperationOutput for Problem {
    type Inner = Self;

    fn inferred_responses(
        context: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, Described)> {
        let mut statuses = BTreeSet::from([400, 401, 404, 503]);
        if operation.request_body.is_some() {
            // What changes something takes an operator and the right moment, and has a body that
            // can be wrong in its own ways.
            statuses.extend([403, 409, 413, 415, 422]);
        }
        statuses
            .into_iter()
            .map(|status| (Some(status), Self::described(context, status)))
            .collect()
    }
}

/// Makes a problem of what the router itself refuses: a method, a query, a body.
pub(super) async fn as_problem(response: Response) -> Response {
    let status = response.status();
    let ours = response.headers().get(header::CONTENT_TYPE)
        == Some(&HeaderValue::from_static(PROBLEM_TYPE));
    if ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let allow = response.headers().get(header::ALLOW).cloned();
    let words = axum::body::to_bytes(response.into_body(), REFUSAL_BYTES_MAX)
        .await
        .unwrap_or_default();
    let reason = status.canonical_reason().unwrap_or("refused");
    let code = reason.to_ascii_lowercase().replace(' ', "_");
    let detail = match String::from_utf8_lossy(&words) {
        words if words.is_empty() => reason.to_owned(),
        words => words.into_owned(),
    };
    let mut response = Problem::new(status, &code, &detail).into_response();
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}
