//! What a person can do, each with a page that says exactly what will happen, and a reason.

use axum::Router;
use axum::extract::{Extension, Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::stream::Sequence;
use engine::operator::{NotDone, Wish};
use engine::store::Store;
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

use super::layout::{self, Place};
use super::session::Visitor;
use super::{ForVisitor as _, Page, Refused, Shared, Viewer, sign_in};
use crate::admin::Admin;
use crate::admin::keyring::Role;
use crate::desk::{By, REASON_MAX};

/// What the form of an action says.
#[derive(Deserialize)]
pub(super) struct Confirmed {
    pub(super) form_token: String,
    pub(super) reason: String,
}

/// The routes of all actions.
pub(super) fn router<S: Store>() -> Router<Arc<Admin<S>>> {
    Router::new()
        .route(
            "/executions/{id}/redrive",
            get(ask_redrive::<S>).post(redrive::<S>),
        )
        .route("/executions/{id}/stop", get(ask_stop::<S>).post(stop::<S>))
        .route(
            "/quarantine/{id}/promote",
            get(ask_promote::<S>).post(promote::<S>),
        )
}

async fn ask_redrive<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Path(id): Path<u64>,
) -> Page {
    let detail = admin
        .desk
        .execution(&id.to_string(), false)
        .shown_to(&visitor)?;
    let state = detail.state.as_deref().unwrap_or("its last state");
    let tells = admin
        .desk
        .tells_of_an_end(Sequence::new(id))
        .shown_to(&visitor)?;
    let what = html! {
        p {
            "The execution for payment " (layout::payment_link(&detail.execution.payment_id))
            " goes on from " strong { (state) } ", where it ended with "
            strong { (detail.error.as_deref().unwrap_or("an error")) } "."
        }
        ul {
            li { "Its retries are counted from the beginning." }
            @if tells {
                li {
                    "Endpoints that do not have it are told again, under the same webhook-id. The "
                    "payment is not touched, and the gateway is not asked."
                }
            } @else {
                li {
                    "The gateway is asked with the idempotency key that it had before: what the "
                    "gateway did already it does not do again, as long as it remembers the key."
                }
            }
            li { "Nothing is taken from the history; the redrive is written into it." }
        }
    };
    Ok(confirm(&visitor, Place::Executions, "Redrive", &what))
}

async fn ask_stop<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Path(id): Path<u64>,
) -> Page {
    let detail = admin
        .desk
        .execution(&id.to_string(), false)
        .shown_to(&visitor)?;
    let tells = admin
        .desk
        .tells_of_an_end(Sequence::new(id))
        .shown_to(&visitor)?;
    let what = html! {
        p {
            "The execution for payment " (layout::payment_link(&detail.execution.payment_id))
            @if tells {
                " ends now: endpoints that do not have the news yet are not told it. The payment "
                "is not touched."
            } @else {
                " ends now, and its record is " strong { "failed" } " with "
                code { "Operator.Stopped" } "."
            }
        }
        ul {
            li { "While an attempt is under way this is refused: try again when it has ended." }
            @if !tells { li { "What the gateway has done already stays done." } }
            li { "It can be redriven later." }
        }
    };
    Ok(confirm(&visitor, Place::Executions, "Stop", &what))
}

async fn ask_promote<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Path(id): Path<u64>,
) -> Page {
    let detail = admin.desk.quarantined(id, false).shown_to(&visitor)?;
    let what = html! {
        p {
            "The delivery to source " strong { (detail.delivery.source) } " of "
            (layout::time(&detail.delivery.last_received_at))
            " is judged again, with the secrets of now and as of the time it was received."
        }
        ul {
            li { "If its signature is right now, it is taken into custody and processed." }
            li { "If its event is here already, it counts as a repeat and nothing moves." }
            li { "If it is still refused, it stays where it is." }
        }
    };
    Ok(confirm(&visitor, Place::Quarantine, "Verify again", &what))
}

/// A page that says what `verb` will do, and asks for a reason.
fn confirm(visitor: &Visitor, place: Place, verb: &str, what: &Markup) -> Markup {
    let may = visitor.operator.role >= Role::Operate;
    layout::page(
        visitor,
        place,
        verb,
        &html! {
            h1 { (verb) "?" }
            (what)
            @if may {
                form method="post" class="act" {
                    input type="hidden" name="form_token" value=(visitor.form_token);
                    label for="reason" { "Reason, for whoever reads the log" }
                    input type="text" id="reason" name="reason" required maxlength=(REASON_MAX)
                        autocomplete="off";
                    button type="submit" { (verb) }
                }
            } @else {
                p class="problem" { "You have the role read; this takes the role operate." }
            }
        },
    )
}

async fn redrive<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Path(id): Path<u64>,
    headers: HeaderMap,
    Form(form): Form<Confirmed>,
) -> Result<Redirect, Response> {
    let by = by(&visitor, &headers, &form)?;
    let done = admin.desk.fulfil(&id.to_string(), Wish::Redrive, &by).await;
    then(done.map(|_| format!("/executions/{id}")), &visitor)
}

async fn stop<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Path(id): Path<u64>,
    headers: HeaderMap,
    Form(form): Form<Confirmed>,
) -> Result<Redirect, Response> {
    let by = by(&visitor, &headers, &form)?;
    let wish = Wish::Stop {
        reason: Some(by.reason().to_owned()),
    };
    let done = admin.desk.fulfil(&id.to_string(), wish, &by).await;
    then(done.map(|_| format!("/executions/{id}")), &visitor)
}

async fn promote<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Path(id): Path<u64>,
    headers: HeaderMap,
    Form(form): Form<Confirmed>,
) -> Result<Redirect, Response> {
    let by = by(&visitor, &headers, &form)?;
    let done = admin.desk.promote(id, &by).await;
    let next = done.map(|promoted| match promoted.payment_ids.first() {
        Some(payment) => format!("/payments/{}", crate::access::segment(payment)),
        None => "/quarantine".to_owned(),
    });
    then(next, &visitor)
}

/// Who acts and why, by a form that this session's own page has sent.
pub(super) fn by(visitor: &Visitor, headers: &HeaderMap, form: &Confirmed) -> Result<By, Response> {
    let refuse = |why: &str| {
        let page = layout::page(
            visitor,
            Place::None,
            "Nothing was done",
            &html! {
                h1 { "Nothing was done" }
                p { (why) }
            },
        );
        (StatusCode::FORBIDDEN, page).into_response()
    };
    if sign_in::is_from_elsewhere(headers) || !visitor.sent(&form.form_token) {
        return Err(refuse(
            "The form is not of this session. Open its page again.",
        ));
    }
    if visitor.operator.role < Role::Operate {
        return Err(refuse(
            "You have the role read; this takes the role operate.",
        ));
    }
    let by = By::new(&visitor.operator.name, Some(&form.reason));
    if by.reason().is_empty() {
        return Err(refuse("Say why, for whoever reads the log."));
    }
    Ok(by)
}

/// Goes to where one sees what was done, or says why it was not.
pub(super) fn then(next: Result<String, NotDone>, visitor: &Visitor) -> Result<Redirect, Response> {
    let next = next.shown_to(visitor);
    next.map(|path| Redirect::to(&path))
        .map_err(Refused::into_response)
}
