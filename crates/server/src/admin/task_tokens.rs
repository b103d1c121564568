//! Callbacks: whoever was given a task's token says here what became of the task.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use engine::store::Store;

use super::caller::Caller;
use super::problem::Problem;
use super::requests::Body;
use super::routes::Routes;
use super::{Admin, Shared};
use crate::desk::{Answered, By, FailureRequest, HeartbeatRequest, SuccessRequest};

/// The routes.
pub(super) fn routes<S: Store>(routes: Routes<Arc<Admin<S>>>) -> Routes<Arc<Admin<S>>> {
    routes
        .post(
            "/task-tokens/success",
            (
                "taskSucceeded",
                "Let a task that waits for its token end well",
            ),
            success::<S>,
        )
        .post(
            "/task-tokens/failure",
            (
                "taskFailed",
                "Let a task that waits for its token end badly",
            ),
            failure::<S>,
        )
        .post(
            "/task-tokens/heartbeat",
            ("taskGoesOn", "Let a task that waits for its token wait on"),
            heartbeat::<S>,
        )
}

async fn success<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<SuccessRequest>,
) -> Result<Json<Answered>, Problem> {
    let by = By::new(caller.name(), request.reason.as_deref());
    Ok(Json(admin.desk.task_succeeded(request, &by).await?))
}

async fn failure<S: Store>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<FailureRequest>,
) -> Result<Json<Answered>, Problem> {
    let by = By::new(caller.name(), request.reason.as_deref());
    Ok(Json(admin.desk.task_failed(request, &by).await?))
}

async fn heartbeat<S: Store>(
    State(admin): Shared<S>,
    Body(request): Body<HeartbeatRequest>,
) -> Result<Json<Answered>, Problem> {
    Ok(Json(admin.desk.task_goes_on(request).await?))
}
