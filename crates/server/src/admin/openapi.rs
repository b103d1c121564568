//! The description of the API, made from the routes and the types that serve it (OpenAPI 3.1).

use aide::generate;
use aide::openapi::{OpenApi, SecurityScheme};
use aide::transform::TransformOpenApi;
use axum::body::Bytes;

use super::routes::Routes;

/// What every client should know first.
const ABOUT: &str = "What the command line and the dashboard can do, for scripts. Times are UTC, \
    sums are exact decimal texts, ids are stable. Lists are newest first: pass `next` as `before` \
    for the next page. A page may be short, or even empty, and still name a `next` one: a search \
    looks at no more than a bounded number of events at once. Refusals are problem details \
    (RFC 9457) whose `code` is for scripts and whose `detail` is for people.";

/// The name of the one way to say who calls.
const BEARER: &str = "token";

/// The description of routes, as JSON.
pub(super) fn describe<S: Clone + Send + Sync + 'static>(routes: Routes<S>) -> Bytes {
    let mut document = OpenApi::default();
    routes.into_description(&mut document);
    let _ = TransformOpenApi::new(&mut document)
        .title("payhook")
        .summary("The operator's desk of payhook over HTTP")
        .description(ABOUT)
        .version(env!("CARGO_PKG_VERSION"))
        .security_scheme(
            BEARER,
            SecurityScheme::Http {
                scheme: "bearer".to_owned(),
                bearer_format: None,
                description: Some(
                    "The admin's token, or an operator's of `[admin.operators]`".to_owned(),
                ),
                extensions: Default::default(),
            },
        )
        .security_requirement(BEARER);
    if let Some(paths) = &mut document.paths {
        let described = std::mem::take(&mut paths.paths);
        // A router's word for a rest with slashes in it, which a template of a URL has none for: a
        // client escapes them.
        let plain = |path: String| format!("/api{}", path.replace("{*", "{"));
        paths.paths = described
            .into_iter()
            .map(|(path, item)| (plain(path), item))
            .collect();
    }
    let json = serde_json::to_vec(&document).unwrap_or_default();
    // It has kept every type's schema for this thread, which is asked again seldom.
    generate::reset_context();
    json.into()
}
