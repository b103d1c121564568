//! Events, newest first.

use axum::extract::{Extension, Query, State};
use engine::store::Store;
use jiff::civil::DateTime;
use maud::{Markup, html};
use serde::Deserialize;

use crate::access::segment;
use crate::dashboard::layout::{self, Place};
use crate::dashboard::live;
use crate::dashboard::{ForVisitor as _, Page, Shared, Viewer};
use crate::desk::EventQuery;
use crate::view::EventView;

/// Statuses that we give a record; until then it has the provider's word.
const STATUSES: [&str; 3] = ["processing", "completed", "failed"];

/// What the form of the listing says; an empty field asks for nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct Filters {
    payment_id: String,
    source: String,
    status: String,
    error: String,
    amount: String,
    since: String,
    until: String,
    before: Option<u64>,
}

impl Filters {
    /// Which events that are.
    pub(in crate::dashboard) fn query(&self) -> EventQuery {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        // What a browser's field of date and time gives has no zone: all times here are UTC.
        let moment = |text: &str| {
            given(text).map(|text| match text.parse::<DateTime>() {
                Ok(_) => format!("{text}Z"),
                Err(_) => text,
            })
        };
        EventQuery {
            payment_id: given(&self.payment_id),
            status: given(&self.status),
            source: given(&self.source),
            error: given(&self.error),
            amount: given(&self.amount),
            since: moment(&self.since),
            until: moment(&self.until),
            before: self.before,
            ..EventQuery::default()
        }
    }
}

/// The page.
pub(in crate::dashboard) async fn page<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Query(filters): Query<Filters>,
) -> Page {
    let head = live::head(&admin);
    let query = filters.query();
    let found = admin.desk.events(&query).shown_to(&visitor)?;
    let sources = layout::sources(&admin.desk.sources);
    let query = [
        ("payment_id", filters.payment_id.trim()),
        ("source", filters.source.trim()),
        ("status", filters.status.trim()),
        ("error", filters.error.trim()),
        ("amount", filters.amount.trim()),
        ("since", filters.since.trim()),
        ("until", filters.until.trim()),
    ];
    let list = html! {
        @match (found.items.is_empty(), found.next) {
            (true, None) => (layout::nothing("No event is like that.")),
            (true, Some(_)) => (layout::nothing(
                "None of the events that were looked at is like that; there are older ones.",
            )),
            (false, _) => (table(&found.items)),
        }
        (layout::older("/events", &query, found.next))
    };
    // An older page does not change.
    let list = if filters.before.is_none() {
        layout::live(head, &list)
    } else {
        list
    };
    let content = html! {
        h1 { "Events" }
        (form(&filters, &sources))
        (list)
    };
    Ok(layout::page(&visitor, Place::Events, "Events", &content))
}

fn form(filters: &Filters, sources: &[&str]) -> Markup {
    html! {
        form class="filters" action="/events" {
            label { "Payment" input name="payment_id" value=(filters.payment_id); }
            label { "Source" (layout::choice("source", sources, &filters.source)) }
            label {
                "Status"
                input name="status" list="statuses" value=(filters.status) autocomplete="off";
            }
            label { "Error" input name="error" value=(filters.error); }
            label { "Amount" input name="amount" inputmode="decimal" size="8" value=(filters.amount); }
            label {
                "From (UTC)"
                input type="datetime-local" name="since" step="1" value=(filters.since);
            }
            label {
                "Until (UTC)"
                input type="datetime-local" name="until" step="1" value=(filters.until);
            }
            datalist id="statuses" { @for status in STATUSES { option value=(status) {} } }
            button type="submit" { "Filter" }
            button type="submit" class="quiet" formaction="/export/csv" { "Export CSV" }
            button type="submit" class="quiet" formaction="/export/jsonl" { "JSON Lines" }
            button type="submit" class="quiet" formaction="/bulk/new" name="action" value="redrive" {
                "Redrive all…"
            }
            a href="/events" { "All" }
        }
    }
}

/// Events as a table.
pub(super) fn table(events: &[EventView]) -> Markup {
    html! {
        table data-rows="" {
            thead {
                tr {
                    th scope="col" { "Received (UTC)" }
                    th scope="col" { "Event" }
                    th scope="col" { "Payment" }
                    th scope="col" { "Told" }
                    th scope="col" class="sum" { "Amount" }
                    th scope="col" { "Record" }
                    th scope="col" { "Execution" }
                }
            }
            tbody { @for event in events { (row(event)) } }
        }
    }
}

fn row(event: &EventView) -> Markup {
    let told = event.meaning.as_ref().map(|meaning| &meaning.event_type);
    html! {
        tr {
            td data-name="Received" { (layout::time(&event.received_at)) }
            td data-name="Event" {
                a class="row" href={ "/events/" (segment(&event.event_key)) } { (event.event_key) }
            }
            td data-name="Payment" { (layout::payment_link(&event.payment_id)) }
            td data-name="Told" { (told.unwrap_or(&event.provider_status)) }
            td data-name="Amount" class="sum" { (event.amount) " " (event.currency) }
            td data-name="Record" { (layout::record_badge(&event.status, event.updated_at.is_some())) }
            td data-name="Execution" { (layout::execution_badge(event.execution)) }
        }
    }
}
