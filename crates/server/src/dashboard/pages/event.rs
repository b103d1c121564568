//! One event: what arrived, who vouches for it, and what became of it.

use axum::extract::{Extension, Path, Query, State};
use engine::store::Store;
use maud::{Markup, html};
use serde::Deserialize;

use super::executions;
use crate::access::segment;
use crate::admin::keyring::Role;
use crate::dashboard::json_text;
use crate::dashboard::layout::{self, Place};
use crate::dashboard::live;
use crate::dashboard::session::Visitor;
use crate::dashboard::waterfall;
use crate::dashboard::{ForVisitor as _, Page, Shared, Viewer};
use crate::view::{ConflictView, EventDetailView, HeaderView, NotificationView};

/// How the page is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct Detail {
    /// Whether the body is shown as it was sent.
    clear: bool,
}

/// The page.
pub(in crate::dashboard) async fn page<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Path(id): Path<String>,
    Query(detail): Query<Detail>,
) -> Page {
    let head = live::head(&admin);
    let desk = &admin.desk;
    let view = desk.event(&id, false).shown_to(&visitor)?;
    let body = desk.body(&id).shown_to(&visitor)?;
    let drawing = match &view.execution {
        Some(execution) => Some(desk.drawing(execution).shown_to(&visitor)?),
        None => None,
    };
    let notifications = desk.notifications(&id).shown_to(&visitor)?;
    let event = &view.event;
    let content = html! {
        h1 { "Event " (event.event_key) " " (layout::record_badge(&event.status, event.updated_at.is_some())) }
        (facts(&view))
        section {
            h2 { "What became of it" }
            @match (&view.execution, &drawing) {
                (Some(execution), Some(drawing)) => {
                    p {
                        "Execution "
                        a href={ "/executions/" (execution.execution.id) } { (execution.execution.id) }
                        " " (layout::execution_badge(Some(execution.execution.status)))
                    }
                    (executions::story(execution, drawing))
                }
                _ => (layout::nothing("No execution: the workflow’s filter does not ask for one, \
                                       or it has not been read yet.")),
            }
            (changes(&view))
        }
        (told(&notifications))
        section {
            h2 { "Trace" }
            (waterfall::of(&view))
        }
        section {
            h2 { "What arrived" }
            p {
                (view.body_bytes) " bytes, proved by the secret " strong { (view.secret) }
                " (" (view.vouched) ")."
            }
            (headers(&view.headers))
            @match &body {
                Some(body) => (shown_body(&visitor, &format!("/events/{}", segment(&id)), body, detail.clear)),
                None => (gone(view.shredded_at.as_deref())),
            }
            (conflicts(&view.conflicts))
        }
    };
    let title = format!("Event {}", event.event_key);
    let content = if detail.clear {
        content
    } else {
        layout::live(head, &content)
    };
    Ok(layout::page(&visitor, Place::Events, &title, &content))
}

fn facts(view: &EventDetailView) -> Markup {
    let event = &view.event;
    html! {
        dl class="facts" {
            div { dt { "Payment" } dd { (layout::payment_link(&event.payment_id)) } }
            div { dt { "Amount" } dd { (event.amount) " " (event.currency) } }
            div { dt { "Provider" } dd { (event.provider) } }
            div {
                dt { "Told" }
                dd {
                    @match &event.meaning {
                        Some(meaning) => (meaning.words()),
                        None => (event.provider_status),
                    }
                }
            }
            div { dt { "Source" } dd { (event.source) } }
            div { dt { "Received" } dd { (layout::time(&event.received_at)) } }
            @if let Some(transaction) = &event.transaction_id {
                div { dt { "Settled as" } dd { code { (transaction) } } }
            }
            @if let Some(error) = &event.error {
                div { dt { "Error" } dd { strong { (error) } " " (event.cause.as_deref().unwrap_or_default()) } }
            }
            div { dt { "Trace" } dd { code { (event.trace_id) } } }
        }
        @for anomaly in &view.anomalies {
            p { (layout::badge(layout::Tone::Bad, anomaly)) " It does not fit the other events of its payment." }
        }
    }
}

/// Who was told what became of the payment.
fn told(notifications: &[NotificationView]) -> Markup {
    html! {
        @if !notifications.is_empty() {
            section {
                h2 { "Who was told" }
                @for told in notifications {
                    p {
                        "That it is " strong { (told.outcome) } ", at " (layout::time(&told.at)) ": execution "
                        a href={ "/executions/" (told.execution) } { (told.execution) }
                        " " (layout::execution_badge(Some(told.status)))
                        @if let Some(due) = &told.due_at { " next at " (layout::time(due)) }
                        @if told.superseded { " Not told any more: something else became of it since." }
                    }
                    ul {
                        @for each in &told.endpoints {
                            li {
                                strong { (each.name) } ": " (each.state) ", " (each.attempts) " attempts"
                                @if let Some(error) = &each.error { ", " code { (error) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn changes(view: &EventDetailView) -> Markup {
    html! {
        details {
            summary { "Record, " (view.changes.len()) " changes" }
            ol class="history" {
                @for change in &view.changes {
                    li {
                        (layout::time(&change.at)) " " strong { (change.event_name) } " "
                        @if let Some(status) = &change.status { (layout::record_badge(status, change.event_name != "INSERT")) }
                    }
                }
            }
        }
    }
}

fn conflicts(conflicts: &[ConflictView]) -> Markup {
    html! {
        @if !conflicts.is_empty() {
            h3 { "Came with other bytes, too" }
            ul {
                @for conflict in conflicts {
                    li {
                        (layout::time(&conflict.received_at)) ", " (conflict.body_bytes)
                        " bytes, " (conflict.count) " times; SHA-256 "
                        code { (conflict.body_hash) }
                    }
                }
            }
        }
    }
}

/// The headers of a delivery; values that could open something are not kept back by accident.
pub(super) fn headers(headers: &[HeaderView]) -> Markup {
    html! {
        details {
            summary { (headers.len()) " headers" }
            table class="headers" {
                thead { tr { th scope="col" { "Header" } th scope="col" { "Value" } } }
                tbody {
                    @for header in headers {
                        tr {
                            td data-name="Header" { code { (header.name) } }
                            td data-name="Value" {
                                @match &header.value {
                                    Some(value) => code { (value) },
                                    None => span class="faint" { "not shown" },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What stands where a body was.
fn gone(shredded_at: Option<&str>) -> Markup {
    html! {
        h3 { "Body" }
        p {
            (layout::badge(layout::Tone::Bad, "shredded"))
            " What was received for it was destroyed"
            @if let Some(at) = shredded_at { " at " (layout::time(at)) }
            "; the audit log says by whom and why."
        }
    }
}

/// A body, with what could be personal hidden unless somebody who may asks.
pub(super) fn shown_body(visitor: &Visitor, path: &str, body: &str, in_clear: bool) -> Markup {
    let may = visitor.operator.role >= Role::Operate;
    let in_clear = in_clear && may;
    html! {
        h3 { "Body" }
        p class="faint" {
            @if in_clear {
                "Shown as it was sent. " a href=(path) { "Hide what is personal" }
            } @else {
                "What could be personal is hidden. "
                @if may { a href={ (path) "?clear=true" } { "Show it as it was sent" } }
                @else { "The role operate may see it." }
            }
        }
        pre tabindex="0" aria-label="Body" { code { (json_text::body(body, in_clear)) } }
    }
}
