//! Payments: where each stands, and what does not fit together.

use axum::extract::{Extension, Path, Query, State};
use engine::store::Store;
use maud::{Markup, html};
use serde::Deserialize;

use super::events;
use crate::dashboard::layout::{self, Place, Tone};
use crate::dashboard::live;
use crate::dashboard::{ForVisitor as _, Page, Shared, Viewer};
use crate::desk::ListQuery;
use crate::view::{AnomalyView, PaymentView};

/// What the address says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct Filters {
    before: Option<u64>,
}

impl Filters {
    /// Where the page of the listing begins.
    pub(super) fn before(&self) -> Option<u64> {
        self.before
    }
}

/// A way to each payment, and those that need to be looked at.
pub(in crate::dashboard) async fn list<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Query(filters): Query<Filters>,
) -> Page {
    let query = ListQuery {
        before: filters.before,
        ..ListQuery::default()
    };
    let found = admin.desk.anomalies(&query).shown_to(&visitor)?;
    let content = html! {
        h1 { "Payments" }
        form class="filters" action="/find" {
            label { "Payment’s id" input name="q" required; }
            button type="submit" { "Show" }
        }
        section {
            h2 { "What does not fit together" }
            @if found.items.is_empty() {
                (layout::nothing("Everything that arrived fits together."))
            } @else {
                (anomalies(&found.items))
            }
            (layout::older("/payments", &[], found.next))
        }
    };
    Ok(layout::page(
        &visitor,
        Place::Payments,
        "Payments",
        &content,
    ))
}

/// The payments of one id: one for each source that tells of it.
pub(in crate::dashboard) async fn page<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Path(id): Path<String>,
) -> Page {
    let head = live::head(&admin);
    let payments = admin.desk.payments(&id).shown_to(&visitor)?;
    let content = html! {
        h1 { "Payment " (id) }
        @for payment in &payments { (one(payment)) }
    };
    let title = format!("Payment {id}");
    let content = layout::live(head, &content);
    Ok(layout::page(&visitor, Place::Payments, &title, &content))
}

fn one(payment: &PaymentView) -> Markup {
    let sums = [
        ("Amount", &payment.amount),
        ("Refunded", &payment.refunded),
        ("Disputed", &payment.disputed),
    ];
    html! {
        section {
            h2 { "As " (payment.source) " tells it" }
            dl class="facts" {
                div { dt { "Provider" } dd { (payment.provider) } }
                div { dt { "Stands" } dd { strong { (payment.status.as_deref().unwrap_or("no event says")) } } }
                @for (name, sum) in sums {
                    @if let Some(sum) = sum { div { dt { (name) } dd { (sum) } } }
                }
            }
            @for anomaly in &payment.anomalies {
                p { (layout::badge(Tone::Bad, anomaly)) }
            }
            h3 { "Its events, oldest first" }
            (events::table(&payment.events))
        }
    }
}

fn anomalies(anomalies: &[AnomalyView]) -> Markup {
    html! {
        table data-rows="" {
            thead {
                tr {
                    th scope="col" { "Received (UTC)" }
                    th scope="col" { "Payment" }
                    th scope="col" { "Source" }
                    th scope="col" { "What" }
                    th scope="col" { "Event" }
                }
            }
            tbody {
                @for each in anomalies {
                    tr {
                        td data-name="Received" { (layout::time(&each.received_at)) }
                        td data-name="Payment" { (layout::payment_link(&each.payment_id)) }
                        td data-name="Source" { (each.source) }
                        td data-name="What" { (layout::badge(Tone::Bad, &each.anomaly)) }
                        td data-name="Event" { a class="row" href={ "/events/" (each.event) } { (each.event) } }
                    }
                }
            }
        }
    }
}
