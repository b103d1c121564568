//! The admin listener: health, metrics, and the operator's desk over HTTP.
//!
//! `/healthz`, `/readyz` and `/metrics` answer anyone who can reach the listener, which is
//! loopback unless the configuration says otherwise; everything under `/api` asks for a bearer
//! token, and whatever changes something for one that may. Errors are problem details (RFC 9457).

pub(crate) mod keyring;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Extension, Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use engine::metrics::Metrics;
use engine::operator::{NotDone, Wish};
use engine::store::Store;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Semaphore;

use self::keyring::{Keyring, Operator, Role};
use crate::config::origins::Setting;
use crate::dashboard;
use crate::desk::{By, ChangeQuery, Desk, EventQuery, ListQuery, ReconcileRequest};
use crate::export::{self, Format};
use crate::pulse::Pulse;

/// The media type of every error.
const PROBLEM_TYPE: &str = "application/problem+json";

/// Longest refusal of the router's own that is passed on, in bytes: one sentence.
const REFUSAL_BYTES_MAX: usize = 4096;

/// What the listener answers from.
pub(crate) struct Admin<S> {
    /// The desk.
    pub(crate) desk: Desk<S>,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// Whether webhooks are being taken in.
    pub(crate) pulse: Arc<Pulse>,
    /// Who may call.
    pub(crate) keyring: Keyring,
    /// What is in force, and who said so.
    pub(crate) settings: Vec<Setting>,
    /// One for each page that is kept fresh.
    pub(crate) live_seats: Arc<Semaphore>,
}

/// Whether bodies are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Detail {
    body: bool,
}

/// Why something is done.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ActRequest {
    /// The reason, for whoever reads the audit log, and a stopped execution's history.
    pub(crate) reason: Option<String>,
}

type Shared<S> = State<Arc<Admin<S>>>;

/// A reason may be left out, and so may the whole body.
type Reason = Option<Json<Option<ActRequest>>>;

/// Every route of the admin listener.
pub(crate) fn router<S: Store>(admin: Arc<Admin<S>>) -> Router {
    let looking = Router::new()
        .route("/counts", get(counts::<S>))
        .route("/changes", get(changes::<S>))
        .route("/events", get(events::<S>))
        .route("/export/{format}", get(export::<S>))
        .route("/events/{*id}", get(event::<S>))
        .route("/payments/{*id}", get(payments::<S>))
        .route("/anomalies", get(anomalies::<S>))
        .route("/audit", get(audit::<S>))
        .route("/executions", get(executions::<S>))
        .route("/executions/{id}", get(execution::<S>))
        .route("/quarantine", get(quarantine::<S>))
        .route("/quarantine/{id}", get(quarantined::<S>));
    let acting = Router::new()
        .route("/sources/{name}/reconcile", post(reconcile::<S>))
        .route("/executions/{id}/redrive", post(redrive::<S>))
        .route("/executions/{id}/stop", post(stop::<S>))
        .route("/quarantine/{id}/promote", post(promote::<S>))
        .route_layer(middleware::from_fn(may_operate));
    let api = looking.merge(acting).layer(middleware::from_fn_with_state(
        Arc::clone(&admin),
        authorize::<S>,
    ));
    let dashboard = dashboard::router(&admin);
    let machines = Router::new()
        .route("/healthz", get(healthy::<S>))
        .route("/readyz", get(ready::<S>))
        .route("/metrics", get(metrics::<S>))
        .nest("/api", api)
        .fallback(|| async { problem(StatusCode::NOT_FOUND, "not_found", "no such path") })
        .layer(middleware::map_response(as_problem));
    machines.merge(dashboard).with_state(admin)
}

/// Lets those in who have a token, and says who it is.
async fn authorize<S: Store>(
    State(admin): Shared<S>,
    mut request: Request,
    next: Next,
) -> Response {
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
        .unwrap_or_default();
    if let Some(operator) = admin.keyring.by_token(given) {
        let caller = Caller(Arc::new(operator.clone()));
        request.extensions_mut().insert(caller);
        return next.run(request).await;
    }
    let mut response = problem(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "send a token as `Authorization: Bearer …`; the admin's is in the data directory",
    );
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// Lets those on who may change something.
async fn may_operate(
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    match caller.forbidden("this") {
        None => next.run(request).await,
        Some(refusal) => refusal,
    }
}

/// Who calls.
#[derive(Debug, Clone)]
struct Caller(Arc<Operator>);

impl Caller {
    fn by(&self, request: Reason) -> By {
        let reason = request.and_then(|Json(request)| request?.reason);
        By::new(&self.0.name, reason.as_deref())
    }

    /// The refusal of what takes an operator, for who is none.
    fn forbidden(&self, what: &str) -> Option<Response> {
        if self.0.role >= Role::Operate {
            return None;
        }
        let detail = format!(
            "{what} takes the role {}, and {} has the role {}",
            Role::Operate,
            self.0.name,
            self.0.role
        );
        Some(problem(StatusCode::FORBIDDEN, "forbidden", &detail))
    }

    /// The refusal of bodies in clear, for who may not see them.
    fn may_see(&self, detail: &Detail) -> Option<Response> {
        detail.body.then(|| self.forbidden("a body in clear"))?
    }
}

async fn healthy<S: Store>(State(admin): Shared<S>) -> Response {
    let Some(silence) = admin.pulse.silent_for() else {
        return Json(json!({ "status": "ok" })).into_response();
    };
    let detail = format!(
        "what takes webhooks in has not moved for {} s; the process must be started again",
        silence.as_secs()
    );
    problem(StatusCode::SERVICE_UNAVAILABLE, "stuck", &detail)
}

async fn ready<S: Store>(State(admin): Shared<S>) -> Response {
    match admin.desk.store.takes_custody() {
        Ok(()) => Json(json!({ "status": "ready" })).into_response(),
        Err(unavailable) => problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "store_unavailable",
            &unavailable.to_string(),
        ),
    }
}

async fn metrics<S: Store>(State(admin): Shared<S>) -> Response {
    match admin.desk.store.counts() {
        Ok(counts) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            (
                [(header::CONTENT_TYPE, kind)],
                admin.metrics.exposition(counts),
            )
                .into_response()
        }
        Err(unavailable) => NotDone::from(unavailable).answer(),
    }
}

async fn counts<S: Store>(State(admin): Shared<S>) -> Response {
    answer(admin.desk.counts().map_err(NotDone::from))
}

async fn changes<S: Store>(State(admin): Shared<S>, Query(query): Query<ChangeQuery>) -> Response {
    answer(admin.desk.changes(&query))
}

async fn events<S: Store>(State(admin): Shared<S>, Query(query): Query<EventQuery>) -> Response {
    answer(admin.desk.events(&query))
}

async fn event<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(detail): Query<Detail>,
) -> Response {
    if let Some(refusal) = caller.may_see(&detail) {
        return refusal;
    }
    answer(admin.desk.event(&id, detail.body))
}

async fn export<S: Store>(
    State(admin): Shared<S>,
    Path(format): Path<Format>,
    Query(query): Query<EventQuery>,
) -> Response {
    exported(admin, format, query).unwrap_or_else(|not_done| not_done.answer())
}

/// The file with the events that are asked for.
///
/// # Errors
/// What is asked for is no such thing, or the store cannot be read. Once something was sent, a store
/// that fails breaks the connection.
pub(crate) fn exported<S: Store>(
    admin: Arc<Admin<S>>,
    format: Format,
    query: EventQuery,
) -> Result<Response, NotDone> {
    admin.desk.events(&EventQuery {
        limit: Some(1),
        ..query.clone()
    })?;
    let name = format!(
        "attachment; filename=\"payhook-events.{}\"",
        format.extension()
    );
    let headers = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    let lines = export::stream(DeskOf(admin), query, format);
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// The desk, for as long as somebody reads from it.
struct DeskOf<S>(Arc<Admin<S>>);

impl<S> AsRef<Desk<S>> for DeskOf<S> {
    fn as_ref(&self) -> &Desk<S> {
        &self.0.desk
    }
}

async fn payments<S: Store>(State(admin): Shared<S>, Path(id): Path<String>) -> Response {
    answer(admin.desk.payments(&id))
}

async fn reconcile<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Json(request): Json<ReconcileRequest>,
) -> Response {
    let by = By::new(&caller.0.name, request.reason.as_deref());
    answer(admin.desk.reconcile(&name, &request, &by).await)
}

async fn anomalies<S: Store>(State(admin): Shared<S>, Query(query): Query<ListQuery>) -> Response {
    answer(admin.desk.anomalies(&query))
}

async fn executions<S: Store>(State(admin): Shared<S>, Query(query): Query<ListQuery>) -> Response {
    answer(admin.desk.executions(&query))
}

async fn execution<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(detail): Query<Detail>,
) -> Response {
    if let Some(refusal) = caller.may_see(&detail) {
        return refusal;
    }
    answer(admin.desk.execution(&id, detail.body))
}

async fn redrive<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    request: Reason,
) -> Response {
    let by = caller.by(request);
    answer(admin.desk.fulfil(&id, Wish::Redrive, &by).await)
}

async fn stop<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    request: Reason,
) -> Response {
    let by = caller.by(request);
    let reason = Some(by.reason().to_owned()).filter(|reason| !reason.is_empty());
    answer(admin.desk.fulfil(&id, Wish::Stop { reason }, &by).await)
}

async fn quarantine<S: Store>(State(admin): Shared<S>, Query(query): Query<ListQuery>) -> Response {
    answer(admin.desk.quarantine(&query))
}

async fn quarantined<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<u64>,
    Query(detail): Query<Detail>,
) -> Response {
    if let Some(refusal) = caller.may_see(&detail) {
        return refusal;
    }
    answer(admin.desk.quarantined(id, detail.body))
}

async fn promote<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<u64>,
    request: Reason,
) -> Response {
    let by = caller.by(request);
    answer(admin.desk.promote(id, &by).await)
}

async fn audit<S: Store>(State(admin): Shared<S>, Query(query): Query<ListQuery>) -> Response {
    answer(admin.desk.audit(&query))
}

fn answer(result: Result<impl Serialize, NotDone>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(not_done) => not_done.answer(),
    }
}

/// How an operator's unfulfilled wish is answered.
trait Answer {
    fn answer(&self) -> Response;
}

impl Answer for NotDone {
    fn answer(&self) -> Response {
        let (status, code) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::Busy => (StatusCode::CONFLICT, "busy"),
            Self::Nonsense(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::NotNow(_) => (StatusCode::CONFLICT, "not_now"),
            Self::StillRefused(_) => (StatusCode::CONFLICT, "still_refused"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
        };
        problem(status, code, &self.to_string())
    }
}

/// Makes a problem of what the router itself refuses: a method, a query, a body.
async fn as_problem(response: Response) -> Response {
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
    let mut response = problem(status, &code, &detail);
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let body = json!({
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
    });
    (
        status,
        [(header::CONTENT_TYPE, PROBLEM_TYPE)],
        body.to_string(),
    )
        .into_response()
}
