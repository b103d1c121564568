//! Alerts over HTTP: how they stand, and whether they arrive.

use axum::Json;
use axum::extract::{Extension, State};
use engine::operator::NotDone;
use engine::store::Store;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;

use super::Shared;
use super::caller::Caller;
use super::problem::Problem;
use super::requests::Body;
use crate::view::{AlertsView, TestedView};

/// Whom a test message goes to.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TestRequest {
    /// One target; all of them where none is named.
    pub(crate) target: Option<String>,
}

/// How all alerts and targets stand.
pub(super) async fn list<S: Store>(State(admin): Shared<S>) -> Result<Json<AlertsView>, Problem> {
    Ok(Json(admin.alerts.view()))
}

/// Sends a test message, and says what came of it.
pub(super) async fn test<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<TestRequest>,
) -> Result<Json<Vec<TestedView>>, Problem> {
    let operator = caller.name();
    info!(operator, "a test message goes out to the alerts' targets");
    let tested = admin.alerts.test(request.target.as_deref()).await;
    let tested = tested.ok_or(NotDone::NotFound)?;
    Ok(Json(tested.into_iter().map(TestedView::new).collect()))
}
