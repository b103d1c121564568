//! One box for whatever somebody has in hand.

use axum::extract::{Extension, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use engine::operator::NotDone;
use engine::store::Store;
use maud::html;
use serde::Deserialize;

use crate::access::segment;
use crate::dashboard::layout::{self, Place};
use crate::dashboard::{ForVisitor as _, Refused, Shared, Viewer};

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct Wanted {
    q: String,
}

/// Goes to the payment or the event of that name.
pub(in crate::dashboard) async fn page<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refused> {
    let name = wanted.q.trim();
    let is_there = |found: Result<(), NotDone>| match found {
        Ok(()) => Ok(true),
        Err(NotDone::NotFound) => Ok(false),
        Err(other) => Err(other),
    };
    let payments = admin.desk.payments(name).map(|_| ());
    if is_there(payments).shown_to(&visitor)? {
        return Ok(Redirect::to(&format!("/payments/{}", segment(name))).into_response());
    }
    let event = admin.desk.event(name, false).map(|_| ());
    if is_there(event).shown_to(&visitor)? {
        return Ok(Redirect::to(&format!("/events/{}", segment(name))).into_response());
    }
    let page = layout::page(
        &visitor,
        Place::None,
        "Nothing found",
        &html! {
            h1 { "Nothing is called " q { (name) } }
            p { "It is neither a payment’s id, nor an event’s key such as "
                code { "stripe/evt_1" } ", nor an event’s number." }
            ul {
                li { "Ids are compared letter by letter." }
                li { "It may have been refused: look into the " a href="/quarantine" { "quarantine" } "." }
                li { "It may never have arrived: " code { "payhook reconcile SOURCE --since …" }
                    " asks the provider." }
            }
        },
    );
    Ok(page.into_response())
}
