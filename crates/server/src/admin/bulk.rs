//! Many at once.

use axum::Json;
use axum::extract::{Extension, Path, State};
use engine::store::Store;

use super::Shared;
use super::caller::Caller;
use super::looking::Numbered;
use super::problem::Problem;
use super::requests::Acting;
use crate::bulk::{BulkRequest, BulkView};

pub(super) async fn start<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<BulkRequest>,
) -> Result<Json<BulkView>, Problem> {
    let now = admin.desk.clock.now();
    Ok(Json(admin.bulk.start(request, caller.name(), now)?))
}

pub(super) async fn runs<S: Store>(
    State(admin): Shared<S>,
) -> Result<Json<Vec<BulkView>>, Problem> {
    Ok(Json(admin.bulk.all()))
}

pub(super) async fn run<S: Store>(
    State(admin): Shared<S>,
    Path(Numbered { id }): Path<Numbered>,
) -> Result<Json<BulkView>, Problem> {
    Ok(Json(admin.bulk.run(id)?))
}

pub(super) async fn cancel<S: Store>(
    State(admin): Shared<S>,
    Path(Numbered { id }): Path<Numbered>,
    Acting(_by): Acting,
) -> Result<Json<BulkView>, Problem> {
    Ok(Json(admin.bulk.cancel(id)?))
}
