//! The routes of the API, each declared once: to be served, or to be described.
//!
//! A description takes some megabytes while it is made, which a server that nobody asks for one
//! would keep for nothing. So serving makes none.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::openapi::{
    HeaderStyle, OpenApi, Parameter, ParameterData, ParameterSchemaOrContent, ReferenceOr,
    SchemaObject,
};
use aide::operation::OperationHandler;
use aide::transform::TransformOperation;
use aide::{OperationInput, OperationOutput};
use axum::handler::Handler;
use axum::routing::{get, post};
use axum::{Router, middleware};
use schemars::json_schema;

use super::caller::may_operate;
use super::once::KEY_BYTES_MAX;

/// Routes that are served, or described.
pub(super) enum Routes<S> {
    /// They answer.
    Served(Router<S>),
    /// They say what they would answer.
    Described(ApiRouter<S>),
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet, to be served.
    pub(super) fn served() -> Self {
        Self::Served(Router::new())
    }

    /// No routes yet, to be described.
    pub(super) fn described() -> Self {
        Self::Described(ApiRouter::new())
    }

    /// A question: `id` is what clients made from the description call it.
    pub(super) fn get<H, I, O, T>(self, path: &str, (id, summary): (&str, &str), handler: H) -> Self
    where
        H: Handler<T, S> + OperationHandler<I, O>,
        I: OperationInput,
        O: OperationOutput,
        T: 'static,
    {
        match self {
            Self::Served(router) => Self::Served(router.route(path, get(handler))),
            Self::Described(api) => {
                let described = get_with(handler, |op| named(op, id, summary));
                Self::Described(api.api_route(path, described))
            }
        }
    }

    /// A deed, for those who may operate.
    pub(super) fn post<H, I, O, T>(
        self,
        path: &str,
        (id, summary): (&str, &str),
        handler: H,
    ) -> Self
    where
        H: Handler<T, S> + OperationHandler<I, O>,
        I: OperationInput,
        O: OperationOutput,
        T: 'static,
    {
        match self {
            Self::Served(router) => {
                let guarded = post(handler).route_layer(middleware::from_fn(may_operate));
                Self::Served(router.route(path, guarded))
            }
            Self::Described(api) => {
                let described = post_with(handler, |op| keyed(named(op, id, summary)));
                Self::Described(api.api_route(path, described))
            }
        }
    }

    /// Those that are served.
    pub(super) fn into_router(self) -> Router<S> {
        match self {
            Self::Served(router) => router,
            Self::Described(api) => api.into(),
        }
    }

    /// The description of those that are described.
    pub(super) fn into_description(self, document: &mut OpenApi) {
        match self {
            Self::Served(_) => {}
            Self::Described(api) => {
                let _ = api.finish_api(document);
            }
        }
    }
}

fn named<'a>(op: TransformOperation<'a>, id: &str, summary: &str) -> TransformOperation<'a> {
    op.id(id).summary(summary)
}

/// Says that a deed may have a key.
fn keyed(mut op: TransformOperation<'_>) -> TransformOperation<'_> {
    let schema = json_schema!({
        "type": "string",
        "pattern": format!("^[!-~]{{1,{KEY_BYTES_MAX}}}$"),
    });
    let parameter = Parameter::Header {
        parameter_data: ParameterData {
            name: "Idempotency-Key".to_owned(),
            description: Some(
                "Sent again with the same key within a day, what was done is not done again, and \
                 its answer comes again."
                    .to_owned(),
            ),
            required: false,
            deprecated: None,
            format: ParameterSchemaOrContent::Schema(SchemaObject {
                json_schema: schema,
                external_docs: None,
                example: None,
            }),
            example: None,
            examples: Default::default(),
            explode: None,
            extensions: Default::default(),
        },
        style: HeaderStyle::default(),
    };
    op.inner_mut().parameters.push(ReferenceOr::Item(parameter));
    op
}
