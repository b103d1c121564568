//! Alerts over HTTP: how they stand, and whether they arrive.

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use engine::operator::NotDone;
use engine::store::Store;
use serde::{Deserialize, Serialize};
use tracing::info;

use super::{Answer as _, Caller, Shared};
use crate::view::TestedView;

/// Whom a test message goes to.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TestRequest {
    /// One target; all of them where none is named.
    pub(crate) target: Option<String>,
}

/// How all alerts and targets stand.
pub(super) async fn list<S: Store>(State(admin): Shared<S>) -> Response {
    Json(admin.alerts.view()).into_response()
}

/// Sends a test message, and says what came of it.
pub(super) async fn test<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<TestRequest>,
) -> Response {
    let operator = &caller.0.name;
    info!(operator, "a test message goes out to the alerts' targets");
    match admin.alerts.test(request.target.as_deref()).await {
        Some(tested) => {
            let tested: Vec<TestedView> = tested.into_iter().map(TestedView::new).collect();
            Json(tested).into_response()
        }
        None => NotDone::NotFound.answer(),
    }
}
