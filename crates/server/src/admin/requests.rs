//! What callers send along.

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, ReferenceOr, RequestBody, SchemaObject};
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, RequestExt as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::caller::Caller;
use crate::desk::By;

/// Whether bodies are shown.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Detail {
    /// Whether bodies are shown as they were sent: they may hold personal data, so that takes the
    /// role `operate`.
    pub(super) body: bool,
}

/// Why something is done.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ActRequest {
    /// The reason, for whoever reads the audit log, and a stopped execution's history.
    pub(crate) reason: Option<String>,
}

/// Who acts, and why: a reason may be left out, and so may the whole body.
pub(super) struct Acting(pub(super) By);

impl<S: Send + Sync> FromRequest<S> for Acting {
    type Rejection = Response;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let caller = request.extensions_mut().remove::<Caller>();
        let body: Option<Json<Option<ActRequest>>> = request
            .extract_with_state(state)
            .await
            .map_err(|refusal: axum::extract::rejection::JsonRejection| refusal.into_response())?;
        let reason = body.and_then(|Json(request)| request?.reason);
        let name = caller.as_ref().map(Caller::name).unwrap_or_default();
        Ok(Self(By::new(name, reason.as_deref())))
    }
}

impl OperationInput for Acting {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        let media = MediaType {
            schema: Some(SchemaObject {
                json_schema: context.schema.subschema_for::<Option<ActRequest>>(),
                external_docs: None,
                example: None,
            }),
            ..MediaType::default()
        };
        operation.request_body = Some(ReferenceOr::Item(RequestBody {
            description: Some("Why; it may be left out.".to_owned()),
            content: [("application/json".to_owned(), media)]
                .into_iter()
                .collect(),
            required: false,
            ..RequestBody::default()
        }));
    }
}
