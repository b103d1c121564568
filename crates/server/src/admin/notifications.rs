//! Endpoints, and what they were told, over HTTP.

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::{Extension, Path, State};
use axum::{Json, middleware};
use engine::store::Store;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::caller::{self, Caller};
use super::looking::Answer;
use super::requests::{Acting, Body};
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
pub(super) fn routes<S: Store>() -> ApiRouter<Arc<Admin<S>>> {
    let looking = ApiRouter::new()
        .api_route(
            "/endpoints",
            get_with(endpoints::<S>, |op| {
                op.id("listEndpoints")
                    .summary("The endpoints that are told what becomes of payments, by name")
            }),
        )
        .api_route(
            "/notifications/{*id}",
            get_with(notifications::<S>, |op| {
                op.id("notifications")
                    .summary("What endpoints were told of one event, by its id or its key")
            }),
        );
    let acting = ApiRouter::new()
        .api_route(
            "/endpoints/{name}/enable",
            post_with(enable::<S>, |op| {
                op.id("enableEndpoint")
                    .summary("Have an endpoint called again")
            }),
        )
        .api_route(
            "/endpoints/{name}/disable",
            post_with(disable::<S>, |op| {
                op.id("disableEndpoint")
                    .summary("Have an endpoint left alone")
            }),
        )
        .api_route(
            "/notifications/{*id}",
            post_with(replay::<S>, |op| {
                op.id("replayNotifications").summary(
                    "Tell endpoints again what became of one event, once and now, with the same ids",
                )
            }),
        )
        .route_layer(middleware::from_fn(caller::may_operate));
    looking.merge(acting)
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
