//! Endpoints, and what they were told, over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};
use engine::store::Store;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::caller::Caller;
use super::looking::Answer;
use super::requests::{Acting, Body};
use super::routes::Routes;
use super::{Admin, Shared};
use crate::desk::By;
use crate::view::{EndpointView, NotificationView, RepliesView};

/// What an endpoint is called in its address.
#[derive(Debug, Deserialize, JsonSchema)]
struct Endpoint {
    /// Its name in the configuration.
    name: String,
}

/// What an event is called in its address.
#[derive(Debug, Deserialize, JsonSchema)]
struct Event {
    /// Its id, or its key such as `generic/evt_1`.
    id: String,
}

/// Who is told again, and why.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReplayRequest {
    /// Only this endpoint; all that want to be told otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<String>,
    /// The reason, for whoever reads the audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// Everything about endpoints and what they were told.
pub(super) fn routes<S: Store>(routes: Routes<Arc<Admin<S>>>) -> Routes<Arc<Admin<S>>> {
    routes
        .get(
            "/endpoints",
            (
                "listEndpoints",
                "The endpoints that are told what becomes of payments, by name",
            ),
            endpoints::<S>,
        )
        .get(
            "/notifications/{*id}",
            (
                "notifications",
                "What endpoints were told of one event, by its id or its key",
            ),
            notifications::<S>,
        )
        .post(
            "/endpoints/{name}/enable",
            ("enableEndpoint", "Have an endpoint called again"),
            enable::<S>,
        )
        .post(
            "/endpoints/{name}/disable",
            ("disableEndpoint", "Have an endpoint left alone"),
            disable::<S>,
        )
        .post(
            "/notifications/{*id}",
            (
                "replayNotifications",
                "Tell endpoints again what became of one event, once and now, with the same ids",
            ),
            replay::<S>,
        )
}

async fn endpoints<S: Store>(State(admin): Shared<S>) -> Answer<Vec<EndpointView>> {
    Ok(Json(admin.desk.endpoints()?))
}

async fn notifications<S: Store>(
    State(admin): Shared<S>,
    Path(Event { id }): Path<Event>,
) -> Answer<Vec<NotificationView>> {
    Ok(Json(admin.desk.notifications(&id)?))
}

async fn enable<S: Store>(
    State(admin): Shared<S>,
    Path(Endpoint { name }): Path<Endpoint>,
    Acting(by): Acting,
) -> Answer<EndpointView> {
    Ok(Json(admin.desk.enable_endpoint(&name, &by).await?))
}

async fn disable<S: Store>(
    State(admin): Shared<S>,
    Path(Endpoint { name }): Path<Endpoint>,
    Acting(by): Acting,
) -> Answer<EndpointView> {
    Ok(Json(admin.desk.disable_endpoint(&name, &by).await?))
}

async fn replay<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Path(Event { id }): Path<Event>,
    Body(request): Body<ReplayRequest>,
) -> Answer<RepliesView> {
    let by = By::new(caller.name(), request.reason.as_deref());
    let endpoint = request.endpoint.as_deref();
    Ok(Json(admin.desk.replay(&id, endpoint, &by).await?))
}
