//! Runs of the workflow.

use axum::extract::{Extension, Path, Query, State};
use engine::store::{ExecutionStatus, Store};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use crate::dashboard::graph;
use crate::dashboard::layout::{self, Place};
use crate::dashboard::live;
use crate::dashboard::{ForVisitor as _, Page, Shared, Viewer};
use crate::desk::{DEAD_LETTER, ExecutionQuery};
use crate::view::{ExecutionDetailView, ExecutionView};

/// Which executions can be asked for, and what that is called.
const KINDS: [(&str, &str); 7] = [
    ("", "All"),
    ("running", "Running"),
    (DEAD_LETTER, "Dead letters"),
    ("failed", "Failed"),
    ("timed_out", "Timed out"),
    ("aborted", "Stopped"),
    ("succeeded", "Succeeded"),
];

/// What the address of the listing says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct Filters {
    status: String,
    before: Option<u64>,
}

/// The listing.
pub(in crate::dashboard) async fn list<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Query(filters): Query<Filters>,
) -> Page {
    let head = live::head(&admin);
    let query = ExecutionQuery {
        status: Some(filters.status.clone()).filter(|status| !status.is_empty()),
        before: filters.before,
        limit: None,
    };
    let found = admin.desk.executions(&query).shown_to(&visitor)?;
    let list = html! {
        @if found.items.is_empty() {
            (layout::nothing("No execution stands so."))
        } @else {
            (table(&found.items))
        }
        (layout::older("/executions", &[("status", &filters.status)], found.next))
    };
    let list = if filters.before.is_none() {
        layout::live(head, &list)
    } else {
        list
    };
    let content = html! {
        h1 { "Executions" }
        nav class="tabs" aria-label="Status" {
            @for (status, name) in KINDS {
                a href={ "/executions?status=" (status) }
                    aria-current=[(status == filters.status).then_some("true")] { (name) }
            }
        }
        (list)
    };
    Ok(layout::page(
        &visitor,
        Place::Executions,
        "Executions",
        &content,
    ))
}

/// One execution.
pub(in crate::dashboard) async fn page<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Path(id): Path<String>,
) -> Page {
    let head = live::head(&admin);
    let detail = admin.desk.execution(&id, false).shown_to(&visitor)?;
    let drawing = admin.desk.drawing(&detail).shown_to(&visitor)?;
    let execution = &detail.execution;
    let content = html! {
        h1 { "Execution " (execution.id) " " (layout::execution_badge(Some(execution.status))) }
        p {
            "For payment " (layout::payment_link(&execution.payment_id)) " by the event "
            a href={ "/events/" (crate::access::segment(&execution.event_key)) } {
                (execution.event_key)
            }
            "."
        }
        (story(&detail, &drawing))
    };
    let title = format!("Execution {}", execution.id);
    let content = layout::live(head, &content);
    Ok(layout::page(&visitor, Place::Executions, &title, &content))
}

/// Executions as a table.
pub(super) fn table(executions: &[ExecutionView]) -> Markup {
    html! {
        table data-rows="" {
            thead {
                tr {
                    th scope="col" { "Started (UTC)" }
                    th scope="col" { "Execution" }
                    th scope="col" { "Payment" }
                    th scope="col" { "Stands" }
                    th scope="col" { "Record" }
                    th scope="col" { "Next look" }
                }
            }
            tbody {
                @for execution in executions {
                    tr {
                        td data-name="Started" { (layout::time(&execution.started_at)) }
                        td data-name="Execution" {
                            a class="row" href={ "/executions/" (execution.id) } { (execution.id) }
                        }
                        td data-name="Payment" { (layout::payment_link(&execution.payment_id)) }
                        td data-name="Stands" { (layout::execution_badge(Some(execution.status))) }
                        td data-name="Record" { (layout::record_badge(&execution.record_status, true)) }
                        td data-name="Next look" {
                            @if let Some(due) = &execution.due_at { (layout::time(due)) }
                            @else { "–" }
                        }
                    }
                }
            }
        }
    }
}

/// How it went: what can be done, the path through the state machine, and every step.
pub(super) fn story(detail: &ExecutionDetailView, drawing: &graph::Drawing) -> Markup {
    let execution = &detail.execution;
    let is_dead = match execution.status {
        ExecutionStatus::Running | ExecutionStatus::Succeeded => false,
        ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => true,
    };
    html! {
        div class="facts" {
            @if let Some(state) = &detail.state { p { "State " strong { (state) } } }
            @if detail.retry_count > 0 { p { "Retries " strong { (detail.retry_count) } } }
            @if detail.redrive_count > 0 { p { "Redrives " strong { (detail.redrive_count) } } }
            @if let Some(due) = &execution.due_at { p { "Next try " (layout::time(due)) } }
            @if let Some(error) = &detail.error { p { "Error " strong { (error) } } }
            @if let Some(cause) = &detail.cause { p class="cause" { (words(cause)) } }
        }
        @if is_dead {
            p { a class="button" href={ "/executions/" (execution.id) "/redrive" } { "Redrive …" } }
        } @else if execution.status == ExecutionStatus::Running {
            p { a class="button quiet" href={ "/executions/" (execution.id) "/stop" } { "Stop …" } }
        }
        figure class="machine" {
            (graph::svg(drawing))
            figcaption { "The way it took through the state machine." }
        }
        details open[detail.events.len() < 60] {
            summary { "History, " (detail.events.len()) " steps" }
            ol class="history" { @for event in &detail.events { (step(event)) } }
        }
    }
}

/// What a cause says: a task's is JSON with the message in it, as Lambda gives it.
fn words(cause: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(cause).ok();
    let message = parsed
        .as_ref()
        .and_then(|parsed| parsed.get("errorMessage")?.as_str());
    message.unwrap_or(cause).to_owned()
}

fn step(event: &Value) -> Markup {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    // The details stand in a member whose name depends on the type.
    let details = event
        .as_object()
        .into_iter()
        .flatten()
        .find(|(name, _)| name.ends_with("EventDetails"))
        .map(|(_, details)| details);
    let detail = |name: &str| details.and_then(|details| details.get(name)?.as_str());
    html! {
        li {
            (layout::time(text("timestamp"))) " " strong { (text("type")) }
            @if let Some(name) = detail("name") { " " (name) }
            @if let Some(error) = detail("error") { " " span class="error" { (error) } }
            @if let Some(cause) = detail("cause") { " " span class="cause" { (words(cause)) } }
        }
    }
}
