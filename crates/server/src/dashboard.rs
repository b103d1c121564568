//! The dashboard: pages for people, on the admin listener.
//!
//! Made on the server, whole without a script; a small one of ours keeps what is looked at
//! fresh. Nothing is loaded from anywhere else, and nothing that was received is anything but
//! text: the policy forbids inline scripts and styles, and maud escapes.

mod act;
mod chart;
pub(crate) mod graph;
mod json_text;
mod layout;
mod live;
mod pages;
pub(crate) mod session;
mod sign_in;
mod waterfall;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Path, Query, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use engine::operator::NotDone;
use engine::store::Store;
use maud::{Markup, html};
use tokio_util::sync::CancellationToken;

pub(crate) use self::live::SEATS_MAX as LIVE_SEATS_MAX;
use self::session::Visitor;
use crate::admin::{self, Admin};
use crate::export::Format;

/// What every answer to a browser says of what it may do with it.
const GUARDS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src \
         'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

type Shared<S> = State<Arc<Admin<S>>>;

/// A page, or why there is none.
type Page = Result<Markup, Refused>;

/// Why there is no page.
#[derive(Debug)]
struct Refused {
    visitor: Visitor,
    why: NotDone,
}

/// When the listener is to stop: what would go on for ever ends then.
#[derive(Debug, Clone)]
pub(crate) struct Stopping(pub(crate) CancellationToken);

/// Every page of the dashboard.
pub(crate) fn router<S: Store>(admin: &Arc<Admin<S>>) -> Router<Arc<Admin<S>>> {
    let pages = Router::new()
        .route("/", get(pages::overview::page::<S>))
        .route("/find", get(pages::find::page::<S>))
        .route("/events", get(pages::events::page::<S>))
        .route("/export/{format}", get(export::<S>))
        .route("/events/{*id}", get(pages::event::page::<S>))
        .route("/payments", get(pages::payments::list::<S>))
        .route("/anomalies", get(pages::payments::odd::<S>))
        .route("/payments/{*id}", get(pages::payments::page::<S>))
        .route("/executions", get(pages::executions::list::<S>))
        .route("/executions/{id}", get(pages::executions::page::<S>))
        .route(
            "/bulk",
            get(pages::bulk::list::<S>).post(pages::bulk::start::<S>),
        )
        .route("/bulk/new", get(pages::bulk::ask))
        .route("/bulk/{id}", get(pages::bulk::page::<S>))
        .route(
            "/bulk/{id}/cancel",
            axum::routing::post(pages::bulk::cancel::<S>),
        )
        .route("/quarantine", get(pages::quarantine::list::<S>))
        .route("/quarantine/{id}", get(pages::quarantine::page::<S>))
        .route("/sources", get(pages::sources::page::<S>))
        .route("/endpoints", get(pages::endpoints::page::<S>))
        .route("/settings", get(pages::settings::page::<S>))
        .route("/audit", get(pages::audit::page::<S>))
        .route("/alerts", get(pages::alerts::page::<S>))
        .route("/live", get(live::stream::<S>))
        .merge(act::router::<S>())
        .layer(middleware::from_fn_with_state(
            Arc::clone(admin),
            admin::once::see_through::<S>,
        ))
        .layer(middleware::from_fn_with_state(
            Arc::clone(admin),
            for_visitors::<S>,
        ));
    Router::new()
        .route(
            "/sign-in",
            get(sign_in::page::<S>).post(sign_in::sign_in::<S>),
        )
        .route("/sign-out", axum::routing::post(sign_in::sign_out))
        .route("/assets/dashboard.css", get(layout::style))
        .route("/assets/dashboard.js", get(layout::script))
        .route("/assets/icon.svg", get(layout::icon))
        .merge(pages)
        .layer(middleware::map_response(guarded))
}

/// Lets those on who have signed in, and has the others do so.
async fn for_visitors<S: Store>(
    State(admin): Shared<S>,
    mut request: Request,
    next: Next,
) -> Response {
    let now = admin.desk.clock.now();
    match session::visitor(&admin.keyring, request.headers(), now) {
        Some(visitor) => {
            request.extensions_mut().insert(visitor);
            next.run(request).await
        }
        None if request.method() == Method::GET => {
            let wanted = request
                .uri()
                .path_and_query()
                .map_or("/", |wanted| wanted.as_str());
            Redirect::to(&sign_in::path(wanted)).into_response()
        }
        None => {
            let page = layout::bare(
                "Not signed in",
                &html! {
                    h1 { "You are not signed in" }
                    p { "Nothing was done. " a href="/sign-in" { "Sign in" } " and try again." }
                },
            );
            (StatusCode::UNAUTHORIZED, page).into_response()
        }
    }
}

async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in GUARDS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// The events that the form of their listing asks for, as a file.
async fn export<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Path(format): Path<Format>,
    Query(filters): Query<pages::events::Filters>,
) -> Result<Response, Refused> {
    admin::exported(admin, format, filters.query()).shown_to(&visitor)
}

/// Turns what the desk says into a page.
trait ForVisitor<T> {
    fn shown_to(self, visitor: &Visitor) -> Result<T, Refused>;
}

impl<T, E: Into<NotDone>> ForVisitor<T> for Result<T, E> {
    fn shown_to(self, visitor: &Visitor) -> Result<T, Refused> {
        self.map_err(|why| Refused {
            visitor: visitor.clone(),
            why: why.into(),
        })
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, title) = match &self.why {
            NotDone::NotFound | NotDone::NoSuch(_) => {
                (StatusCode::NOT_FOUND, "There is no such thing here")
            }
            NotDone::Nonsense(_) => (StatusCode::BAD_REQUEST, "That cannot be read"),
            NotDone::Busy | NotDone::NotNow(_) | NotDone::StillRefused(_) => {
                (StatusCode::CONFLICT, "Nothing was done")
            }
            NotDone::Unavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "The store does not answer")
            }
        };
        let page = layout::page(
            &self.visitor,
            layout::Place::None,
            title,
            &html! {
                h1 { (title) }
                p { (self.why.to_string()) "." }
                p { a href="/" { "Back to the overview" } }
            },
        );
        (status, page).into_response()
    }
}

/// Who looks.
type Viewer = Extension<Visitor>;
