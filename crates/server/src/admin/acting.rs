//! Deeds: each is in the audit log before it is done.

use axum::Json;
use axum::extract::{Extension, Path, State};
use engine::operator::Wish;
use engine::store::Store;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Shared;
use super::caller::Caller;
use super::looking::Numbered;
use super::problem::Problem;
use super::requests::{Acting, Body};
use crate::desk::{By, ReconcileRequest, ShredRequest};
use crate::view::{ExecutionDetailView, PromotedView, ReconciledView, ShreddedView};

/// What an execution is called in its address.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Execution {
    /// Its id, or its event's key such as `generic/evt_1` with the slash escaped.
    id: String,
}

/// What a source is called in its address.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Source {
    /// Its name in the configuration.
    name: String,
}

pub(super) async fn reconcile<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Path(Source { name }): Path<Source>,
    Body(request): Body<ReconcileRequest>,
) -> Result<Json<ReconciledView>, Problem> {
    let by = By::new(caller.name(), request.reason.as_deref());
    Ok(Json(admin.desk.reconcile(&name, &request, &by).await?))
}

pub(super) async fn redrive<S: Store>(
    State(admin): Shared<S>,
    Path(Execution { id }): Path<Execution>,
    Acting(by): Acting,
) -> Result<Json<ExecutionDetailView>, Problem> {
    Ok(Json(admin.desk.fulfil(&id, Wish::Redrive, &by).await?))
}

pub(super) async fn stop<S: Store>(
    State(admin): Shared<S>,
    Path(Execution { id }): Path<Execution>,
    Acting(by): Acting,
) -> Result<Json<ExecutionDetailView>, Problem> {
    let reason = Some(by.reason().to_owned()).filter(|reason| !reason.is_empty());
    let wish = Wish::Stop { reason };
    Ok(Json(admin.desk.fulfil(&id, wish, &by).await?))
}

pub(super) async fn shred<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<ShredRequest>,
) -> Result<Json<ShreddedView>, Problem> {
    let by = By::new(caller.name(), request.reason.as_deref());
    Ok(Json(admin.desk.shred(&request, &by).await?))
}

pub(super) async fn promote<S: Store>(
    State(admin): Shared<S>,
    Path(Numbered { id }): Path<Numbered>,
    Acting(by): Acting,
) -> Result<Json<PromotedView>, Problem> {
    Ok(Json(admin.desk.promote(id, &by).await?))
}
