//! Who did what, when, and why.

use axum::extract::{Extension, Query, State};
use engine::store::{Action, Store};
use maud::{Markup, html};

use super::Before;
use crate::access::segment;
use crate::dashboard::layout::{self, Place, Tone};
use crate::dashboard::{ForVisitor as _, Page, Shared, Viewer};
use crate::desk::ListQuery;
use crate::view::ActView;

/// The page.
pub(in crate::dashboard) async fn page<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Query(filters): Query<Before>,
) -> Page {
    let query = ListQuery {
        before: filters.before,
        ..ListQuery::default()
    };
    let found = admin.desk.audit(&query).shown_to(&visitor)?;
    let content = html! {
        h1 { "Audit log" }
        p { "What people did, written down before it was done. Nothing is ever taken out." }
        @if found.items.is_empty() {
            (layout::nothing("Nobody has done anything yet."))
        } @else {
            (table(&found.items))
        }
        (layout::older("/audit", &[], found.next))
    };
    Ok(layout::page(&visitor, Place::Audit, "Audit log", &content))
}

fn table(acts: &[ActView]) -> Markup {
    html! {
        table data-rows="" {
            thead {
                tr {
                    th scope="col" { "When (UTC)" }
                    th scope="col" { "Who" }
                    th scope="col" { "What" }
                    th scope="col" { "Why" }
                    th scope="col" { "End" }
                }
            }
            tbody {
                @for act in acts {
                    tr {
                        td data-name="When" { (layout::time(&act.at)) }
                        td data-name="Who" { (act.operator) }
                        td data-name="What" {
                            a class="row" href=(place(act)) { (act.action.as_str()) " " (act.target) }
                        }
                        td data-name="Why" { (act.reason) }
                        td data-name="End" { (end(act)) }
                    }
                }
            }
        }
    }
}

fn end(act: &ActView) -> Markup {
    let tone = match act.done {
        Some(true) => Tone::Good,
        Some(false) => Tone::Bad,
        None => Tone::Busy,
    };
    html! { (layout::badge(tone, act.end())) " " (act.why.as_deref().unwrap_or_default()) }
}

/// Where one sees what it was done to.
fn place(act: &ActView) -> String {
    let target = segment(&act.target);
    match act.action {
        Action::Redrive | Action::Stop | Action::AnswerTask => format!("/executions/{target}"),
        // What was let in is not there any more.
        Action::Promote if act.done == Some(true) => "/quarantine".to_owned(),
        Action::Promote => format!("/quarantine/{target}"),
        Action::Reconcile => "/sources".to_owned(),
        Action::Notify => format!("/events/{target}"),
        Action::Shred => shredded(&act.target),
        // Keys have no page of their own.
        Action::RotateKey | Action::RewrapKeys => "/settings".to_owned(),
        Action::Bulk | Action::CancelBulk => "/bulk".to_owned(),
        Action::EnableEndpoint | Action::DisableEndpoint => "/endpoints".to_owned(),
    }
}

/// The page of what was shredded: an event, or a payment.
fn shredded(target: &str) -> String {
    match target.split_once(' ') {
        Some(("event", id)) => format!("/events/{}", segment(id)),
        Some((_, id)) => format!("/payments/{}", segment(id)),
        None => "/events".to_owned(),
    }
}
