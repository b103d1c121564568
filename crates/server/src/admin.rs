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
mod looking;
mod notifications;
mod openapi;
mod problem;
mod requests;
mod tail;

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use engine::metrics::Metrics;
use engine::store::Store;
use serde_json::json;
use tokio::sync::Semaphore;

pub(crate) use self::looking::exported;
pub(crate) use self::notifications::ReplayRequest;
pub(crate) use self::requests::ActRequest;

use self::keyring::Keyring;
use self::problem::Problem;
use crate::alerts::Alerts;
use crate::bulk::Board;
use crate::config::origins::Setting;
use crate::dashboard;
use crate::desk::Desk;
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
    pub(crate) pulse: Arc<Pulse>,
    /// What is wrong, and who was told.
    pub(crate) alerts: Arc<Alerts<S>>,
    /// Who may call.
    pub(crate) keyring: Keyring,
    /// What is in force, and who said so.
    pub(crate) settings: Vec<Setting>,
    /// One for each page that is kept fresh.
    pub(crate) live_seats: Arc<Semaphore>,
}

type Shared<S> = State<Arc<Admin<S>>>;

/// Every route of the admin listener.
pub(crate) fn router<S: Store>(admin: Arc<Admin<S>>) -> Router {
    let (api, document) = openapi::describe(api());
    let api = api
        .route("/openapi.json", get(move || described(document.clone())))
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
    openapi::describe(api::<HomeStore>()).1
}

/// Everything under `/api`.
fn api<S: Store>() -> ApiRouter<Arc<Admin<S>>> {
    let looking = ApiRouter::new()
        .api_route(
            "/counts",
            get_with(looking::counts::<S>, |op| {
                op.id("counts").summary("How much there is of everything")
            }),
        )
        .api_route(
            "/changes",
            get_with(looking::changes::<S>, |op| {
                op.id("changes")
                    .summary("A piece of the change feed, oldest first")
            }),
        )
        .api_route(
            "/changes/stream",
            get_with(tail::tail::<S>, |op| {
                op.id("followChanges")
                    .summary("Every change as it happens, as server-sent events")
            }),
        )
        .api_route(
            "/events",
            get_with(looking::events::<S>, |op| {
                op.id("listEvents").summary("Events, newest first")
            }),
        )
        .api_route(
            "/export/{format}",
            get_with(looking::export::<S>, |op| {
                op.id("exportEvents")
                    .summary("Every event that the filters ask for, as a file")
            }),
        )
        .api_route(
            "/events/{*id}",
            get_with(looking::event::<S>, |op| {
                op.id("event").summary("One event, by its id or its key")
            }),
        )
        .api_route(
            "/payments/{*id}",
            get_with(looking::payments::<S>, |op| {
                op.id("payment")
                    .summary("Payments of this id, one for each source that tells of one")
            }),
        )
        .api_route(
            "/anomalies",
            get_with(looking::anomalies::<S>, |op| {
                op.id("listAnomalies")
                    .summary("What does not fit together about payments")
            }),
        );
    looking
        .merge(work())
        .merge(deeds())
        .merge(notifications::routes())
}

/// What is done with events, and what is not done with deliveries.
fn work<S: Store>() -> ApiRouter<Arc<Admin<S>>> {
    ApiRouter::new()
        .api_route(
            "/alerts",
            get_with(alerts::list::<S>, |op| {
                op.id("alerts").summary("What is wrong, and who was told")
            }),
        )
        .api_route(
            "/bulk",
            get_with(bulk::runs::<S>, |op| {
                op.id("listBulkRuns")
                    .summary("Runs over many at once since the server was started, newest first")
            }),
        )
        .api_route(
            "/bulk/{id}",
            get_with(bulk::run::<S>, |op| {
                op.id("bulkRun").summary("How far a run has come")
            }),
        )
        .api_route(
            "/audit",
            get_with(looking::audit::<S>, |op| {
                op.id("listActs").summary("Who did what, when and why")
            }),
        )
        .api_route(
            "/executions",
            get_with(looking::executions::<S>, |op| {
                op.id("listExecutions").summary("Executions, newest first")
            }),
        )
        .api_route(
            "/executions/{id}",
            get_with(looking::execution::<S>, |op| {
                op.id("execution").summary("One execution with its history")
            }),
        )
        .api_route(
            "/quarantine",
            get_with(looking::quarantine::<S>, |op| {
                op.id("listQuarantine")
                    .summary("Deliveries that were refused, newest first")
            }),
        )
        .api_route(
            "/quarantine/{id}",
            get_with(looking::quarantined::<S>, |op| {
                op.id("quarantined")
                    .summary("One refused delivery, and why it was refused")
            }),
        )
}

/// What changes something.
fn deeds<S: Store>() -> ApiRouter<Arc<Admin<S>>> {
    ApiRouter::new()
        .api_route(
            "/alerts/test",
            post_with(alerts::test::<S>, |op| {
                op.id("testAlerts")
                    .summary("Send a test message to one target or all, and say what came of it")
            }),
        )
        .api_route(
            "/bulk/executions",
            post_with(bulk::executions::<S>, |op| {
                op.id("startExecutionsRun")
                    .summary("Redrive or stop all executions that a filter asks for, or count them")
            }),
        )
        .api_route(
            "/bulk/quarantine",
            post_with(bulk::deliveries::<S>, |op| {
                op.id("startQuarantineRun").summary(
                    "Judge all refused deliveries again that a filter asks for, or count them",
                )
            }),
        )
        .api_route(
            "/bulk/{id}/cancel",
            post_with(bulk::cancel::<S>, |op| {
                op.id("cancelBulkRun")
                    .summary("Begin nothing more of a run")
            }),
        )
        .api_route(
            "/sources/{name}/reconcile",
            post_with(acting::reconcile::<S>, |op| {
                op.id("reconcile")
                    .summary("Compare a page of what a provider has with what is here")
            }),
        )
        .api_route(
            "/executions/{id}/redrive",
            post_with(acting::redrive::<S>, |op| {
                op.id("redrive")
                    .summary("Let an execution that ended badly go on")
            }),
        )
        .api_route(
            "/executions/{id}/stop",
            post_with(acting::stop::<S>, |op| {
                op.id("stop").summary("End an execution")
            }),
        )
        .api_route(
            "/quarantine/{id}/promote",
            post_with(acting::promote::<S>, |op| {
                op.id("promote")
                    .summary("Judge a refused delivery again, with the secrets of now")
            }),
        )
        .route_layer(middleware::from_fn(caller::may_operate))
}

async fn described(document: Bytes) -> impl IntoResponse {
    let kind = [(
        header::CONTENT_TYPE,
        "application/vnd.oai.openapi+json;version=3.1",
    )];
    (kind, document)
}

async fn healthy<S: Store>(State(admin): Shared<S>) -> Response {
    let Some(silence) = admin.pulse.silent_for() else {
        return Json(json!({ "status": "ok" })).into_response();
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
