//! What could not be proved, and why.

use axum::extract::{Extension, Path, Query, State};
use engine::store::Store;
use maud::{Markup, html};
use serde::Deserialize;

use super::Before;
use super::event;
use crate::dashboard::layout::{self, Place, Tone};
use crate::dashboard::{ForVisitor as _, Page, Shared, Viewer};
use crate::desk::ListQuery;
use crate::view::{QuarantineDetailView, QuarantineView};

/// How one delivery is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct Detail {
    clear: bool,
}

/// The listing.
pub(in crate::dashboard) async fn list<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Query(filters): Query<Before>,
) -> Page {
    let query = ListQuery {
        before: filters.before,
        ..ListQuery::default()
    };
    let found = admin.desk.quarantine(&query).shown_to(&visitor)?;
    let content = html! {
        h1 { "Quarantine" }
        p {
            "Deliveries that could not be proved, or not be read. None of them has moved anything."
        }
        @if found.items.is_empty() {
            (layout::nothing("The quarantine is empty."))
        } @else {
            p { a href="/bulk/new?action=promote" { "Verify all of them again…" } }
            (table(&found.items))
        }
        (layout::older("/quarantine", &[], found.next))
    };
    Ok(layout::page(
        &visitor,
        Place::Quarantine,
        "Quarantine",
        &content,
    ))
}

/// One delivery.
pub(in crate::dashboard) async fn page<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Path(id): Path<u64>,
    Query(detail): Query<Detail>,
) -> Page {
    let view = admin.desk.quarantined(id, true).shown_to(&visitor)?;
    let delivery = &view.delivery;
    let body = view.body.as_deref().unwrap_or_default();
    let content = html! {
        h1 { "Refused delivery " (id) " " (layout::badge(Tone::Bad, &delivery.reason)) }
        dl class="facts" {
            div { dt { "Source" } dd { (delivery.source) } }
            div { dt { "Came" } dd { (delivery.count) @if delivery.count == 1 { " time" } @else { " times" } } }
            div { dt { "First" } dd { (layout::time(&delivery.first_received_at)) } }
            div { dt { "Last" } dd { (layout::time(&delivery.last_received_at)) } }
            div { dt { "Trace" } dd { code { (delivery.trace_id) } } }
        }
        (diagnosis(&view))
        p { a class="button" href={ "/quarantine/" (id) "/promote" } { "Verify again …" } }
        section {
            h2 { "What arrived" }
            p { (delivery.body_bytes) " bytes; SHA-256 " code { (delivery.body_hash) } }
            (event::headers(&view.headers))
            (event::shown_body(&visitor, &format!("/quarantine/{id}"), body, detail.clear))
        }
    };
    let title = format!("Refused delivery {id}");
    Ok(layout::page(&visitor, Place::Quarantine, &title, &content))
}

fn diagnosis(view: &QuarantineDetailView) -> Markup {
    html! {
        section {
            h2 { "Why it was refused" }
            @if view.diagnosis.is_empty() {
                p {
                    "With the secrets of now its signature is right, or its source is not "
                    "configured any more. Verify it again to see."
                }
            }
            @for finding in &view.diagnosis {
                p class="finding" {
                    strong { (finding.message) }
                    @if let Some(advice) = &finding.advice { " " (advice) }
                }
            }
        }
    }
}

fn table(deliveries: &[QuarantineView]) -> Markup {
    html! {
        table data-rows="" {
            thead {
                tr {
                    th scope="col" { "Last came (UTC)" }
                    th scope="col" { "Delivery" }
                    th scope="col" { "Source" }
                    th scope="col" { "Refused for" }
                    th scope="col" { "Found" }
                    th scope="col" class="sum" { "Times" }
                }
            }
            tbody {
                @for each in deliveries {
                    tr {
                        td data-name="Last came" { (layout::time(&each.last_received_at)) }
                        td data-name="Delivery" {
                            a class="row" href={ "/quarantine/" (each.id) } { (each.id) }
                        }
                        td data-name="Source" { (each.source) }
                        td data-name="Refused for" { (layout::badge(Tone::Bad, &each.reason)) }
                        td data-name="Found" { (each.findings.join(", ")) }
                        td data-name="Times" class="sum" { (each.count) }
                    }
                }
            }
        }
    }
}
