//! `webhook-validator`: the engine's router behind API Gateway's proxy events.
//!
//! The body's bytes are exact, because the API hands everything on as base64 and `lambda_http`
//! undoes it. The path is the API's own: the stage, and a custom domain's base path, are cut off.
//! Whatever is no such event is an [`INVALID_EVENT`]: `lambda_http` may panic over it, and would
//! have the panic's type for a name.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::http::Uri;
use axum::response::Response;
use futures_util::FutureExt as _;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Adapter, LambdaEvent, Request, RequestExt as _, Service};
use lambda_runtime::Diagnostic;
use processor::failure::INVALID_EVENT;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::observe::Observer;
use crate::xray;

/// The function.
#[derive(Debug, Clone)]
pub struct Validator {
    door: FrontDoor,
    observer: Observer,
}

/// The router, as `lambda_http` calls it.
#[derive(Debug, Clone)]
struct FrontDoor(Router);

impl Validator {
    /// The engine's router, without a base path.
    pub const fn new(router: Router, observer: Observer) -> Self {
        let door = FrontDoor(router);
        Self { door, observer }
    }

    /// Handles one invocation; gives what API Gateway is to answer.
    ///
    /// # Errors
    /// `InvalidEvent` for what is no proxy event of a REST API. The router's own panics are no
    /// errors here: it answers them.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
        let answered = AssertUnwindSafe(self.answer(event)).catch_unwind().await;
        self.observer.flush().await;
        answered.unwrap_or_else(|_| Err(invalid("an event that cannot be a request")))
    }

    async fn answer(&self, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
        let (mut payload, context) = event.into_parts();
        leave_out_what_misleads(&mut payload);
        let request: LambdaRequest =
            serde_json::from_value(payload).map_err(|_| invalid("no proxy event of a REST API"))?;
        let answer = Adapter::from(self.door.clone())
            .call(LambdaEvent::new(request, context))
            .await;
        let Ok(response) = answer;
        serde_json::to_value(response).map_err(|_| invalid("an answer that is no JSON"))
    }
}

fn invalid(what: &str) -> Diagnostic {
    Diagnostic {
        error_type: INVALID_EVENT.to_owned(),
        error_message: what.to_owned(),
    }
}

/// Longest query that is read, in bytes as the event tells it. Mercado Pago's has some dozens.
const QUERY_BYTES_MAX: usize = 8 * 1024;

/// API Gateway tells headers twice, and `lambda_http` puts the map that has only the last of each
/// over the one that has all: a signature that stands twice would be taken for one. The query is
/// told twice in the same way.
fn leave_out_what_misleads(event: &mut Value) {
    let Some(event) = event.as_object_mut() else {
        return;
    };
    if event.get("multiValueHeaders").is_some_and(Value::is_object) {
        event.remove("headers");
    }
    let query = event.get("multiValueQueryStringParameters");
    if query.is_some_and(Value::is_object) {
        event.remove("queryStringParameters");
    }
    // What no provider sends makes no URI either.
    let length = |name: &str| event.get(name).map_or(0, |query| query.to_string().len());
    if length("queryStringParameters") + length("multiValueQueryStringParameters") > QUERY_BYTES_MAX
    {
        event.remove("queryStringParameters");
        event.remove("multiValueQueryStringParameters");
    }
}

impl Service<Request> for FrontDoor {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A router is ready always.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let router = self.0.clone();
        Box::pin(router.oneshot(as_the_router_wants_it(request)))
    }
}

fn as_the_router_wants_it(mut request: Request) -> Request {
    let path = own_path(request.raw_http_path(), resource_of(&request).as_deref());
    let path = match request.uri().query() {
        Some(query) if !query.is_empty() => format!("{path}?{query}"),
        Some(_) | None => path,
    };
    // What cannot be a path is no path of ours: the router says 404.
    *request.uri_mut() = path.parse().unwrap_or(Uri::from_static("/"));
    let traced = request
        .lambda_context_ref()
        .and_then(|context| xray::trace_context(context.xray_trace_id.as_deref()?));
    if let Some(trace) = traced {
        request.extensions_mut().insert(trace);
    }
    request
}

/// The API's resource that was called, such as `/webhooks/{source}`.
fn resource_of(request: &Request) -> Option<String> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV1(context) => context.resource_path.clone(),
        // Only REST APIs are compiled in; the type is open for more.
        _ => None,
    }
}

/// The last segments of `path`, as many as the resource has.
fn own_path(path: &str, resource: Option<&str>) -> String {
    let segments: Vec<_> = path.split('/').skip(1).collect();
    let own = match resource {
        Some(resource) => resource.split('/').skip(1).count(),
        None => segments.len(),
    };
    let from = segments.len().saturating_sub(own);
    format!("/{}", segments[from..].join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_found_behind_whatever_base_path() {
        for (path, resource, own) in [
            ("/webhooks", Some("/webhooks"), "/webhooks"),
            (
                "/webhooks/stripe",
                Some("/webhooks/{source}"),
                "/webhooks/stripe",
            ),
            ("/pay/in/webhooks", Some("/webhooks"), "/webhooks"),
            ("/pay/webhooks/a", Some("/webhooks/{source}"), "/webhooks/a"),
            ("/webhooks/a", None, "/webhooks/a"),
            ("/", None, "/"),
            ("", Some("/webhooks"), "/"),
        ] {
            assert_eq!(own_path(path, resource), own, "{path}");
        }
    }
}
