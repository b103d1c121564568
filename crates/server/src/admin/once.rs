//! Deeds are seen through, whether or not who asked for them still listens, and those that come with
//! an `Idempotency-Key` are done once (draft-ietf-httpapi-idempotency-key-header).
//!
//! A key stands for what was *done* under it: a refusal changes nothing, so it frees the key, and
//! the same request may be sent again once the reason is gone.

use std::sync::Arc;

use axum::body::{self, Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use domain::time::Timestamp;
use engine::store::{KeptAnswer, KeyedRequest, RequestClaim, RequestKey, Store};
use sha2::{Digest as _, Sha256};
use tracing::warn;

use super::caller::Caller;
use super::problem::Problem;
use super::{Admin, Shared};

/// The header that names a request.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The header that says that an answer is an earlier one.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Longest key, in bytes.
pub(super) const KEY_BYTES_MAX: usize = 255;

/// Longest body of a request, in bytes: filters and a reason.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;

/// Longest answer that is kept, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Has a deed done to its end: a caller that goes away stops nothing halfway.
pub(crate) async fn see_through<S: Store>(
    State(admin): Shared<S>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let deeds = admin.deeds.clone();
    match deeds.spawn(next.run(request)).await {
        Ok(response) => response,
        Err(_panicked) => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "this is a fault of payhook; its log says where",
        )
        .into_response(),
    }
}

/// Has a deed done once for each key of its caller's.
pub(super) async fn once<S: Store>(
    State(admin): Shared<S>,
    request: Request,
    next: Next,
) -> Response {
    let is_deed = request.method() == Method::POST;
    let (parts, body) = request.into_parts();
    let caller = parts.extensions.get::<Caller>().cloned();
    let caller = caller.filter(|caller| is_deed && caller.may_operate());
    let (Some(caller), Some(key)) = (caller, parts.headers.get(IDEMPOTENCY_KEY)) else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    let key = match read_key(key) {
        Ok(key) => RequestKey {
            operator: caller.name().to_owned(),
            key,
        },
        Err(problem) => return problem.into_response(),
    };
    let Ok(bytes) = body::to_bytes(body, REQUEST_BYTES_MAX).await else {
        return Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "the body is longer than 1 MiB, or did not come to its end",
        )
        .into_response();
    };
    let request = KeyedRequest {
        key: key.clone(),
        fingerprint: fingerprint(&parts, &bytes),
        at: admin.desk.clock.now(),
    };
    let asked = request.fingerprint;
    match admin.desk.store.claim_request(request).await {
        Err(unavailable) => Problem::from(unavailable).into_response(),
        Ok(RequestClaim::Known {
            fingerprint,
            at,
            answer,
        }) => again(fingerprint == asked, at, answer),
        Ok(RequestClaim::New) => {
            let request = Request::from_parts(parts, Body::from(bytes));
            let response = next.run(request).await;
            remember(&admin, key, response).await
        }
    }
}

fn read_key(header: &HeaderValue) -> Result<String, Problem> {
    let text = header.to_str().unwrap_or_default();
    let reads_well = text.bytes().all(|byte| byte.is_ascii_graphic());
    if reads_well && (1..=KEY_BYTES_MAX).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    let detail = format!(
        "an Idempotency-Key is 1 to {KEY_BYTES_MAX} visible ASCII characters, such as a random UUID"
    );
    Err(Problem::new(
        StatusCode::BAD_REQUEST,
        "bad_idempotency_key",
        &detail,
    ))
}

/// What a request asks for.
fn fingerprint(parts: &Parts, body: &Bytes) -> [u8; 32] {
    let mut hash = Sha256::new();
    // The path ends at the first line's end: it holds none.
    hash.update(parts.uri.to_string());
    hash.update(b"\n");
    hash.update(body);
    hash.finalize().into()
}

/// The answer to a request whose key is known.
fn again(is_same: bool, at: Timestamp, answer: Option<KeptAnswer>) -> Response {
    let refuse = |status, code, detail: String| Problem::new(status, code, &detail).into_response();
    let at = at.to_iso();
    match answer {
        // The draft would have 422 here, which this API says of bodies that cannot be read: what is
        // wrong is not the request but that another came before it.
        _ if !is_same => refuse(
            StatusCode::CONFLICT,
            "idempotency_key_reused",
            format!("this Idempotency-Key was used at {at} for another request: take a new one"),
        ),
        None => refuse(
            StatusCode::CONFLICT,
            "under_way",
            format!(
                "this was begun at {at} and has no answer: it is under way, or payhook was stopped \
                 meanwhile; the audit log says whether it was done"
            ),
        ),
        Some(KeptAnswer { status, body: None }) => refuse(
            StatusCode::CONFLICT,
            "already_done",
            format!(
                "this was done at {at} and answered {status}; the answer was too long to be kept"
            ),
        ),
        Some(KeptAnswer {
            status,
            body: Some(body),
        }) => {
            let kind = HeaderValue::from_static("application/json");
            let replayed = HeaderValue::from_static("true");
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            let headers = [(header::CONTENT_TYPE, kind), (REPLAYED, replayed)];
            (status, headers, body).into_response()
        }
    }
}

/// Keeps what was done under a key; frees it when nothing was.
async fn remember<S: Store>(
    admin: &Arc<Admin<S>>,
    key: RequestKey,
    response: Response,
) -> Response {
    let store = &*admin.desk.store;
    let status = response.status();
    if !status.is_success() {
        if let Err(unavailable) = store.free_request(key).await {
            warn!(%unavailable, "a request's key could not be freed; it is forgotten after a day");
        }
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(bytes) = body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let answer = KeptAnswer {
        status: status.as_u16(),
        body: (bytes.len() <= ANSWER_BYTES_MAX).then(|| bytes.clone()),
    };
    if let Err(unavailable) = store.keep_answer(key, answer).await {
        // It was done, and that is what is told; sent again, it would be told to be under way.
        warn!(%unavailable, "an answer could not be kept for its key");
    }
    Response::from_parts(parts, Body::from(bytes))
}
