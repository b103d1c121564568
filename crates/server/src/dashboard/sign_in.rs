//! The door: a token for a cookie.

use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use engine::store::Store;
use maud::{Markup, html};
use serde::Deserialize;

use super::{Shared, layout, session};
use crate::access::segment;

/// What a link to the door says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    /// Where to go then.
    next: Option<String>,
    /// Stands for a token, for a minute.
    ticket: Option<String>,
}

/// What the form says.
#[derive(Deserialize)]
pub(super) struct Shown {
    token: String,
    #[serde(default)]
    next: Option<String>,
}

/// The door, for whoever wants to go to `wanted` then.
pub(super) fn path(wanted: &str) -> String {
    if wanted == "/" {
        return "/sign-in".to_owned();
    }
    format!("/sign-in?next={}", segment(wanted))
}

/// The form; or in at once, with a ticket.
pub(super) async fn page<S: Store>(
    State(admin): Shared<S>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let next = own_path(wanted.next.as_deref());
    let now = admin.desk.clock.now();
    let Some(ticket) = wanted.ticket else {
        return form(&next, None).into_response();
    };
    match session::of_ticket(&admin.keyring, &ticket, now) {
        Some(operator) => signed_in(&session::cookie(operator, now), &next),
        None => {
            let late = "This link is too old. `payhook dashboard` prints another.";
            (StatusCode::UNAUTHORIZED, form(&next, Some(late))).into_response()
        }
    }
}

/// Takes a token.
pub(super) async fn sign_in<S: Store>(
    State(admin): Shared<S>,
    headers: HeaderMap,
    Form(shown): Form<Shown>,
) -> Response {
    let next = own_path(shown.next.as_deref());
    if is_from_elsewhere(&headers) {
        return (StatusCode::FORBIDDEN, form(&next, Some("Sign in here."))).into_response();
    }
    let now = admin.desk.clock.now();
    match admin.keyring.by_token(shown.token.trim().as_bytes()) {
        Some(operator) => signed_in(&session::cookie(operator, now), &next),
        None => {
            let wrong = "That is nobody's token.";
            (StatusCode::UNAUTHORIZED, form(&next, Some(wrong))).into_response()
        }
    }
}

/// Forgets who it was.
pub(super) async fn sign_out(headers: HeaderMap) -> Response {
    if is_from_elsewhere(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let cookie = [(header::SET_COOKIE, session::no_cookie())];
    (AppendHeaders(cookie), Redirect::to("/sign-in")).into_response()
}

fn signed_in(cookie: &str, next: &str) -> Response {
    let cookie = [(header::SET_COOKIE, cookie)];
    (AppendHeaders(cookie), Redirect::to(next)).into_response()
}

/// Whether a browser says that another site made it send this.
pub(super) fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-site")
        .is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}

/// A path of ours, and no other site's: browsers take `//host` and `/\host` for one.
fn own_path(wanted: Option<&str>) -> String {
    let is_own = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains('\\')
            && path.bytes().all(|byte| byte.is_ascii_graphic())
    };
    wanted.filter(is_own).unwrap_or("/").to_owned()
}

fn form(next: &str, problem: Option<&str>) -> Markup {
    layout::bare(
        "Sign in",
        &html! {
            h1 { "payhook" }
            form method="post" action="/sign-in" class="door" {
                label for="token" { "Token" }
                input type="password" id="token" name="token" required autofocus
                    autocomplete="current-password" aria-describedby="where";
                input type="hidden" name="next" value=(next);
                @if let Some(problem) = problem {
                    p class="problem" role="alert" { (problem) }
                }
                button type="submit" { "Sign in" }
                p id="where" class="faint" {
                    "The admin’s token is in the file " code { "admin-token" }
                    " of the data directory. " code { "payhook dashboard" }
                    " prints a link that needs none."
                }
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_leads_to_our_own_pages_only() {
        for (wanted, expected) in [
            ("/events?status=failed", "/events?status=failed"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("/a\r\nset-cookie: x", "/"),
            ("", "/"),
        ] {
            assert_eq!(own_path(Some(wanted)), expected, "{wanted}");
        }
        assert_eq!(own_path(None), "/");
        assert_eq!(path("/a?b=c"), "/sign-in?next=%2Fa%3Fb%3Dc");
    }
}
