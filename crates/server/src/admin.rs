//! The admin listener: health, metrics, and the operator's desk over HTTP.
//!
//! `/healthz`, `/readyz` and `/metrics` answer anyone who can reach the listener, which is
//! loopback unless the configuration says otherwise; everything under `/api` asks for a bearer
//! token, and whatever changes something for one that may. Errors are problem details (RFC 9457).

mod acting;
pub(crate) mod alerts;
mod bulk;
mod caller;
pub(crate) mod keyring;
mod keys;
mod looking;
mod notifications;
pub(crate) mod once;
mod openapi;
mod problem;
mod requests;
mod routes;
mod tail;
mod task_tokens;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use engine::metrics::Metrics;
use engine::store::{KeyKeeper, Store};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

pub(crate) use self::looking::exported;
pub(crate) use self::notifications::ReplayRequest;
pub(crate) use self::requests::ActRequest;

use self::keyring::Keyring;
use self::problem::Problem;
use self::routes::Routes;
use crate::alerts::Alerts;
use crate::bulk::Board;
use crate::config::origins::Setting;
use crate::dashboard;
use crate::desk::Desk;
use crate::http::tls::Certificate;
use crate::pulse::Pulse;
use crate::wire::HomeStore;

/// What the listener answers from.
pub(crate) struct Admin<S> {
    /// The desk.
    pub(crate) desk: Desk<S>,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// Runs over many at once.
    pub(crate) bulk: Board,
    /// Whether webhooks are being taken in.
    pub(crate) health: Health,
    /// What is wrong, and who was told.
    pub(crate) alerts: Arc<Alerts<S>>,
    /// Who may call.
    pub(crate) keyring: Keyring,
    /// What is in force, and who said so.
    pub(crate) settings: Vec<Setting>,
    /// What is being done, and is seen through.
    pub(crate) deeds: TaskTracker,
    /// One for each page that is kept fresh.
    pub(crate) live_seats: Arc<Semaphore>,
}

/// What `/healthz` is told from.
pub(crate) struct Health {
    /// Whether what takes webhooks in moves.
    pub(crate) pulse: Arc<Pulse>,
    /// The certificate that providers see, if the listener has one of its own.
    pub(crate) certificate: Option<Arc<Certificate>>,
}

type Shared<S> = State<Arc<Admin<S>>>;

/// A store of the one-binary home: every role, and what only a store with files of its own plays.
pub(crate) trait Home: Store + KeyKeeper {}

impl<T: Store + KeyKeeper> Home for T {}

/// Every route of the admin listener.
pub(crate) fn router<S: Home>(admin: Arc<Admin<S>>) -> Router {
    let api = api(Routes::served())
        .into_router()
        .route("/openapi.json", get(described))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&admin),
            once::once::<S>,
        ))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&admin),
            once::see_through::<S>,
        ))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&admin),
            caller::authorize::<S>,
        ));
    let dashboard = dashboard::router(&admin);
    let machines = Router::new()
        .route("/healthz", get(healthy::<S>))
        .route("/readyz", get(ready::<S>))
        .route("/metrics", get(metrics::<S>))
        .nest("/api", api)
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "not_found", "no such path") })
        .layer(middleware::map_response(problem::as_problem));
    machines.merge(dashboard).with_state(admin)
}

/// The description of the API, as JSON.
pub(crate) fn description() -> Bytes {
    openapi::describe(api::<HomeStore>(Routes::described()))
}

/// Everything under `/api`.
fn api<S: Home>(routes: Routes<Arc<Admin<S>>>) -> Routes<Arc<Admin<S>>> {
    let routes = notifications::routes(deeds(work(events(routes))));
    keys::routes(task_tokens::routes(routes))
}

/// What came, and what it says of payments.
fn events<S: Store>(routes: Routes<Arc<Admin<S>>>) -> Routes<Arc<Admin<S>>> {
    routes
        .get(
            "/counts",
            ("counts", "How much there is of everything"),
            looking::counts::<S>,
        )
        .get(
            "/trends",
            (
                "trends",
                "How things went minute by minute, and what is due in the next hour",
            ),
            looking::trends::<S>,
        )
        .get(
            "/changes",
            ("changes", "A piece of the change feed, oldest first"),
            looking::changes::<S>,
        )
        .get(
            "/changes/stream",
            (
                "followChanges",
                "Every change as it happens, as server-sent events",
            ),
            tail::tail::<S>,
        )
        .get(
            "/events",
            ("listEvents", "Events, newest first"),
            looking::events::<S>,
        )
        .get(
            "/export/{format}",
            (
                "exportEvents",
                "Every event that the filters ask for, as a file",
            ),
            looking::export::<S>,
        )
        .get(
            "/events/{*id}",
            ("event", "One event, by its id or its key"),
            looking::event::<S>,
        )
        .get(
            "/payments",
            (
                "listPayments",
                "Payments, by their newest events, newest first",
            ),
            looking::list_payments::<S>,
        )
        .get(
            "/payments/{*id}",
            (
                "payment",
                "Payments of this id, one for each source that tells of one",
            ),
            looking::payments::<S>,
        )
        .get(
            "/anomalies",
            ("listAnomalies", "What does not fit together about payments"),
            looking::anomalies::<S>,
        )
}

/// What is done with events, and what is not done with deliveries.
fn work<S: Store>(routes: Routes<Arc<Admin<S>>>) -> Routes<Arc<Admin<S>>> {
    routes
        .get(
            "/alerts",
            ("alerts", "What is wrong, and who was told"),
            alerts::list::<S>,
        )
        .get(
            "/bulk",
            (
                "listBulkRuns",
                "Runs over many at once since the server was started, newest first",
            ),
            bulk::runs::<S>,
        )
        .get(
            "/bulk/{id}",
            ("bulkRun", "How far a run has come"),
            bulk::run::<S>,
        )
        .get(
            "/audit",
            ("listActs", "Who did what, when and why"),
            looking::audit::<S>,
        )
        .get(
            "/executions",
            ("listExecutions", "Executions, newest first"),
            looking::executions::<S>,
        )
        .get(
            "/executions/{id}",
            ("execution", "One execution with its history"),
            looking::execution::<S>,
        )
        .get(
            "/quarantine",
            (
                "listQuarantine",
                "Deliveries that were refused, newest first",
            ),
            looking::quarantine::<S>,
        )
        .get(
            "/quarantine/{id}",
            (
                "quarantined",
                "One refused delivery, and why it was refused",
            ),
            looking::quarantined::<S>,
        )
}

/// What changes something.
fn deeds<S: Store>(routes: Routes<Arc<Admin<S>>>) -> Routes<Arc<Admin<S>>> {
    routes
        .post(
            "/alerts/test",
            (
                "testAlerts",
                "Send a test message to one target or all, and say what came of it",
            ),
            alerts::test::<S>,
        )
        .post(
            "/bulk/executions",
            (
                "startExecutionsRun",
                "Redrive or stop all executions that a filter asks for, or count them",
            ),
            bulk::executions::<S>,
        )
        .post(
            "/bulk/quarantine",
            (
                "startQuarantineRun",
                "Judge all refused deliveries again that a filter asks for, or count them",
            ),
            bulk::deliveries::<S>,
        )
        .post(
            "/bulk/{id}/cancel",
            ("cancelBulkRun", "Begin nothing more of a run"),
            bulk::cancel::<S>,
        )
        .post(
            "/sources/{name}/reconcile",
            (
                "reconcile",
                "Compare a page of what a provider has with what is here",
            ),
            acting::reconcile::<S>,
        )
        .post(
            "/executions/{id}/redrive",
            ("redrive", "Let an execution that ended badly go on"),
            acting::redrive::<S>,
        )
        .post(
            "/executions/{id}/stop",
            ("stop", "End an execution"),
            acting::stop::<S>,
        )
        .post(
            "/shred",
            (
                "shred",
                "Destroy what was received for an event or a payment, or say what would go",
            ),
            acting::shred::<S>,
        )
        .post(
            "/quarantine/{id}/promote",
            (
                "promote",
                "Judge a refused delivery again, with the secrets of now",
            ),
            acting::promote::<S>,
        )
}

async fn described() -> impl IntoResponse {
    let kind = [(
        header::CONTENT_TYPE,
        "application/vnd.oai.openapi+json;version=3.1",
    )];
    (kind, description())
}

async fn healthy<S: Store>(State(admin): Shared<S>) -> Response {
    let Some(silence) = admin.health.pulse.silent_for() else {
        let certificate = admin.health.certificate.as_ref();
        // Webhooks are taken in with the old certificate: nothing must be started again.
        return match certificate.and_then(|certificate| certificate.trouble()) {
            Some(trouble) => Json(json!({ "status": "ok", "certificate": trouble })),
            None => Json(json!({ "status": "ok" })),
        }
        .into_response();
    };
    let detail = format!(
        "what takes webhooks in has not moved for {} s; the process must be started again",
        silence.as_secs()
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stuck", &detail).into_response()
}

async fn ready<S: Store>(State(admin): Shared<S>) -> Response {
    match admin.desk.store.takes_custody() {
        Ok(()) => Json(json!({ "status": "ready" })).into_response(),
        Err(unavailable) => Problem::from(unavailable).into_response(),
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
        Err(unavailable) => Problem::from(unavailable).into_response(),
    }
}
