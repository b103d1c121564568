//! `webhook-validator`: the engine's router behind API Gateway's proxy events.
//!
//! The body's bytes are exact, because the API hands everything on as base64 and `lambda_http`
//! undoes it. The path is the API's own: the stage, and a custom domain's base path, are cut off.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::http::{HeaderValue, Uri};
use axum::response::Response;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt as _, Service};
use tower::ServiceExt as _;

use crate::observe::Observer;
use crate::xray;

/// The router, as the runtime calls it.
#[derive(Debug, Clone)]
pub struct FrontDoor {
    router: Router,
    observer: Observer,
}

impl FrontDoor {
    /// The engine's router, without a base path.
    pub const fn new(router: Router, observer: Observer) -> Self {
        Self { router, observer }
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
        let Self { router, observer } = self.clone();
        Box::pin(async move {
            let answer = router.oneshot(as_the_router_wants_it(request)).await;
            observer.flush().await;
            answer
        })
    }
}

fn as_the_router_wants_it(mut request: Request) -> Request {
    let path = own_path(request.raw_http_path(), resource_of(&request).as_deref());
    // What cannot be a path is no path of ours: the router says 404.
    *request.uri_mut() = path.parse().unwrap_or(Uri::from_static("/"));
    let traced = request.lambda_context_ref().and_then(|context| {
        let traceparent = xray::trace_context(context.xray_trace_id.as_deref()?)?;
        HeaderValue::try_from(traceparent.traceparent()).ok()
    });
    if let Some(traceparent) = traced {
        request.headers_mut().insert("traceparent", traceparent);
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
