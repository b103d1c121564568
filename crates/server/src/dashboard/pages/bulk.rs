//! Many at once: what will be done with which, a dry run first, and how far a run has come.

use axum::extract::{Extension, Form, Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, IntoResponse as _, Redirect, Response};
use engine::store::Store;
use maud::{Markup, html};
use serde::Deserialize;

use super::events::Filters;
use crate::admin::keyring::Role;
use crate::bulk::{BulkAction, BulkRequest, BulkState, BulkView, PER_SECOND};
use crate::dashboard::act::{self, Confirmed};
use crate::dashboard::layout::{self, Place, Tone};
use crate::dashboard::session::Visitor;
use crate::dashboard::{ForVisitor as _, Page, Shared, Viewer};
use crate::desk::{EventQuery, REASON_MAX};

/// What is wanted with which.
#[derive(Deserialize)]
pub(in crate::dashboard) struct Wanted {
    action: BulkAction,
    #[serde(flatten)]
    filters: Filters,
}

/// What its form says.
#[derive(Deserialize)]
pub(in crate::dashboard) struct Ordered {
    form_token: String,
    reason: String,
    action: BulkAction,
    per_second: Option<u32>,
    dry_run: bool,
    payment_id: Option<String>,
    source: Option<String>,
    status: Option<String>,
    error: Option<String>,
    amount: Option<String>,
    since: Option<String>,
    until: Option<String>,
}

/// Says what will be done, and asks for a reason.
pub(in crate::dashboard) async fn ask(
    Extension(visitor): Viewer,
    Query(wanted): Query<Wanted>,
) -> Page {
    let filter = wanted.filters.query();
    let title = title(wanted.action);
    let content = html! {
        h1 { (title) "?" }
        (meaning(wanted.action))
        (which(&filter))
        (form(&visitor, wanted.action, &filter))
    };
    Ok(layout::page(&visitor, Place::Executions, title, &content))
}

fn title(action: BulkAction) -> &'static str {
    match action {
        BulkAction::Redrive => "Redrive many",
        BulkAction::Stop => "Stop many",
        BulkAction::Promote => "Verify many again",
        BulkAction::Notify => "Notify many",
    }
}

fn meaning(action: BulkAction) -> Markup {
    let each = match action {
        BulkAction::Redrive => {
            "Every execution that ended badly, of the events below, goes on from the state in which \
             it ended. The gateway is asked with the idempotency key that it had before."
        }
        BulkAction::Stop => {
            "Every execution that runs, of the events below, ends now, and its record is failed. One \
             whose attempt is under way is left alone."
        }
        BulkAction::Promote => {
            "Every refused delivery below is judged again with the secrets of now. One that is right \
             is taken into custody and processed; the others stay where they are."
        }
        BulkAction::Notify => {
            "Every notification that could not be delivered, of the events below, is sent again to \
             the endpoints that do not have it. One that is disabled is not called."
        }
    };
    html! {
        p { (each) }
        ul {
            li { "A dry run counts them, and does nothing." }
            li { "It goes from the newest to the oldest, so many a second, and can be cancelled." }
            li { "Each is in the audit log by itself, with your reason." }
        }
    }
}

/// The filter, in words.
fn which(filter: &EventQuery) -> Markup {
    let parts = parts(filter);
    html! {
        @if parts.is_empty() {
            p class="problem" { "No filter is set: this is for all of them." }
        } @else {
            dl class="facts" {
                @for (name, value) in parts { div { dt { (name) } dd { (value) } } }
            }
        }
    }
}

fn parts(filter: &EventQuery) -> Vec<(&'static str, &str)> {
    let all = [
        ("payment_id", &filter.payment_id),
        ("source", &filter.source),
        ("status", &filter.status),
        ("error", &filter.error),
        ("amount", &filter.amount),
        ("since", &filter.since),
        ("until", &filter.until),
    ];
    all.into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
        .collect()
}

fn form(visitor: &Visitor, action: BulkAction, filter: &EventQuery) -> Markup {
    if visitor.operator.role < Role::Operate {
        return html! {
            p class="problem" { "You have the role read; this takes the role operate." }
        };
    }
    html! {
        form method="post" action="/bulk" class="act" {
            input type="hidden" name="form_token" value=(visitor.form_token);
            input type="hidden" name="action" value=(action.word());
            @for (name, value) in parts(filter) { input type="hidden" name=(name) value=(value); }
            label for="per_second" { "How many a second" }
            input type="number" id="per_second" name="per_second" value=(PER_SECOND) min="1" max="1000";
            label for="reason" { "Reason, for whoever reads the log" }
            input type="text" id="reason" name="reason" required maxlength=(REASON_MAX)
                autocomplete="off";
            button type="submit" name="dry_run" value="true" class="quiet" { "Dry run" }
            button type="submit" name="dry_run" value="false" { (title(action)) }
        }
    }
}

/// Begins a run.
pub(in crate::dashboard) async fn start<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    headers: HeaderMap,
    Form(ordered): Form<Ordered>,
) -> Result<Redirect, Response> {
    let confirmed = Confirmed {
        form_token: ordered.form_token,
        reason: ordered.reason,
    };
    let by = act::by(&visitor, &headers, &confirmed)?;
    let request = BulkRequest {
        action: ordered.action,
        filter: EventQuery {
            payment_id: ordered.payment_id,
            source: ordered.source,
            status: ordered.status,
            error: ordered.error,
            amount: ordered.amount,
            since: ordered.since,
            until: ordered.until,
            ..EventQuery::default()
        },
        dry_run: ordered.dry_run,
        per_second: ordered.per_second,
        reason: Some(by.reason().to_owned()),
    };
    let started = admin.bulk.begin(&admin.desk, request, &by).await;
    act::then(started.map(|run| format!("/bulk/{}", run.id)), &visitor)
}

/// How far a run has come.
pub(in crate::dashboard) async fn page<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Path(id): Path<u64>,
) -> Result<Response, crate::dashboard::Refused> {
    let run = admin.bulk.run(id).shown_to(&visitor)?;
    let goes_on = run.state == BulkState::Running;
    let content = html! {
        h1 { (title(run.request.action)) @if run.request.dry_run { ": dry run" } }
        (how_it_stands(&run))
        (which(&run.request.filter))
        @if goes_on && visitor.operator.role >= Role::Operate {
            form method="post" action={ "/bulk/" (id) "/cancel" } class="act" {
                input type="hidden" name="form_token" value=(visitor.form_token);
                input type="hidden" name="reason" value="cancelled";
                button type="submit" { "Cancel" }
            }
        }
        @if !run.problems.is_empty() {
            h2 { "Not done" }
            ul { @for problem in &run.problems { li { (problem) } } }
        }
        @if !run.sample.is_empty() {
            h2 { "Found" }
            ul { @for name in &run.sample { li { (name) } } }
            @if run.matched > run.sample.len() as u64 { p { "And more of them." } }
        }
        @if !goes_on && run.request.dry_run && run.matched > 0 {
            h2 { "Do it?" }
            (form(&visitor, run.request.action, &run.request.filter))
        }
        p { a href="/bulk" { "All runs" } }
    };
    let page = layout::page(&visitor, Place::Executions, "Many at once", &content);
    if goes_on {
        // A second later the browser asks again, with or without a script.
        let again = AppendHeaders([(header::REFRESH, "1")]);
        return Ok((again, page).into_response());
    }
    Ok(page.into_response())
}

fn state(state: BulkState) -> Markup {
    let tone = match state {
        BulkState::Running => Tone::Busy,
        BulkState::Done => Tone::Good,
        BulkState::Cancelled => Tone::Faint,
        BulkState::Failed => Tone::Bad,
    };
    layout::badge(tone, state.word())
}

fn how_it_stands(run: &BulkView) -> Markup {
    html! {
        p { (state(run.state)) " begun by " (run.operator) " at " (layout::time(&run.started_at)) }
        dl class="facts" {
            div { dt { "Found" } dd { (run.matched) } }
            @if !run.request.dry_run {
                div { dt { "Done" } dd { (run.done) } }
                div { dt { "Not done" } dd { (run.not_done) } }
            }
        }
    }
}

/// Cancels a run.
pub(in crate::dashboard) async fn cancel<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Path(id): Path<u64>,
    headers: HeaderMap,
    Form(confirmed): Form<Confirmed>,
) -> Result<Redirect, Response> {
    let by = act::by(&visitor, &headers, &confirmed)?;
    let cancelled = admin.bulk.cancel(&admin.desk, id, &by).await;
    act::then(cancelled.map(|run| format!("/bulk/{}", run.id)), &visitor)
}

/// Every run that is remembered.
pub(in crate::dashboard) async fn list<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
) -> Page {
    let runs = admin.bulk.all();
    let content = html! {
        h1 { "Many at once" }
        p {
            "Filter the " a href="/events" { "events" } " and redrive or stop all of them, or verify "
            "what is in " a href="/quarantine" { "quarantine" } " again."
        }
        @if runs.is_empty() {
            (layout::nothing("No runs since the server was started."))
        } @else {
            table data-rows="" {
                thead {
                    tr {
                        th scope="col" { "Began (UTC)" }
                        th scope="col" { "What" }
                        th scope="col" { "State" }
                        th scope="col" class="sum" { "Found" }
                        th scope="col" class="sum" { "Done" }
                        th scope="col" { "Who" }
                    }
                }
                tbody { @for run in &runs { (row(run)) } }
            }
        }
    };
    Ok(layout::page(
        &visitor,
        Place::Executions,
        "Many at once",
        &content,
    ))
}

fn row(run: &BulkView) -> Markup {
    html! {
        tr {
            td data-name="Began" { (layout::time(&run.started_at)) }
            td data-name="What" {
                a class="row" href={ "/bulk/" (run.id) } {
                    (title(run.request.action)) @if run.request.dry_run { " (dry run)" }
                }
            }
            td data-name="State" { (state(run.state)) }
            td data-name="Found" class="sum" { (run.matched) }
            td data-name="Done" class="sum" { (run.done) }
            td data-name="Who" { (run.operator) }
        }
    }
}
