//! Who calls, and what they may.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use engine::store::Store;

use super::Shared;
use super::keyring::{Operator, Role};
use super::problem::Problem;
use super::requests::Detail;

/// Who calls.
#[derive(Debug, Clone)]
pub(super) struct Caller(Arc<Operator>);

impl Caller {
    /// Their name in the audit log.
    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether they may change something.
    pub(super) fn may_operate(&self) -> bool {
        self.0.role >= Role::Operate
    }

    /// Lets those on who may do `what`.
    ///
    /// # Errors
    /// They may only look.
    fn may(&self, what: &str) -> Result<(), Problem> {
        if self.may_operate() {
            return Ok(());
        }
        let detail = format!(
            "{what} takes the role {}, and {} has the role {}",
            Role::Operate,
            self.0.name,
            self.0.role
        );
        Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", &detail))
    }

    /// Whether bodies are shown.
    ///
    /// # Errors
    /// They are asked for by somebody who may not see them.
    pub(super) fn sees_bodies(&self, detail: &Detail) -> Result<bool, Problem> {
        if detail.body {
            self.may("a body in clear")?;
        }
        Ok(detail.body)
    }
}

/// Lets those in who have a token, and says who it is.
pub(super) async fn authorize<S: Store>(
    State(admin): Shared<S>,
    mut request: Request,
    next: Next,
) -> Response {
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
        .unwrap_or_default();
    if let Some(operator) = admin.keyring.by_token(given) {
        let caller = Caller(Arc::new(operator.clone()));
        request.extensions_mut().insert(caller);
        return next.run(request).await;
    }
    let mut response = Problem::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "send a token as `Authorization: Bearer …`; the admin's is in the data directory",
    )
    .into_response();
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// Lets those on who may change something.
pub(super) async fn may_operate(
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    match caller.may("this") {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}
