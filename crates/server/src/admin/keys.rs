//! Keys, over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};

use super::caller::Caller;
use super::problem::Problem;
use super::requests::{Acting, Body};
use super::routes::Routes;
use super::{Admin, Home, Shared};
use crate::desk::{By, RewrapRequest};
use crate::view::{KeysView, RewrappedView, RotatedView};

/// Everything about keys.
pub(super) fn routes<S: Home>(routes: Routes<Arc<Admin<S>>>) -> Routes<Arc<Admin<S>>> {
    routes
        .get(
            "/keys",
            (
                "keys",
                "The keys that what was received is sealed under, by their numbers",
            ),
            keys::<S>,
        )
        .post(
            "/keys/rotate",
            (
                "rotateKey",
                "Make a new wrapping key, for everything that comes from now on",
            ),
            rotate::<S>,
        )
        .post(
            "/keys/rewrap",
            (
                "rewrapKeys",
                "Wrap some keys anew that an older wrapping key wraps, and seal what is not sealed",
            ),
            rewrap::<S>,
        )
}

async fn keys<S: Home>(State(admin): Shared<S>) -> Result<Json<KeysView>, Problem> {
    Ok(Json(admin.desk.keys()?))
}

async fn rotate<S: Home>(
    State(admin): Shared<S>,
    Acting(by): Acting,
) -> Result<Json<RotatedView>, Problem> {
    Ok(Json(admin.desk.rotate_key(&by).await?))
}

async fn rewrap<S: Home>(
    State(admin): Shared<S>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<RewrapRequest>,
) -> Result<Json<RewrappedView>, Problem> {
    let by = By::new(caller.name(), request.reason.as_deref());
    Ok(Json(admin.desk.rewrap(&request, &by).await?))
}
