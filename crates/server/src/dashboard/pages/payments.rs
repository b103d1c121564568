//! Payments: where each stands, and what does not fit together.

use axum::extract::{Extension, Path, Query, State};
use domain::status::PaymentStatus;
use engine::store::Store;
use maud::{Markup, html};
use serde::Deserialize;

use super::{Before, events};
use crate::access::segment;
use crate::dashboard::layout::{self, Place, Tone};
use crate::dashboard::live;
use crate::dashboard::{ForVisitor as _, Page, Shared, Viewer};
use crate::desk::{ListQuery, PaymentQuery};
use crate::view::{AnomalyView, ListedPaymentView, PaymentView};

/// What the address of the listing says; an empty field asks for nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct Filters {
    source: String,
    status: String,
    before: Option<u64>,
}

/// Payments, those of which something was told last first.
pub(in crate::dashboard) async fn list<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Query(filters): Query<Filters>,
) -> Page {
    let head = live::head(&admin);
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let query = PaymentQuery {
        source: given(&filters.source),
        status: given(&filters.status),
        before: filters.before,
        limit: None,
    };
    let found = admin.desk.list_payments(&query).shown_to(&visitor)?;
    let sources = layout::sources(&admin.desk.sources);
    let query = [
        ("source", filters.source.trim()),
        ("status", filters.status.trim()),
    ];
    let list = html! {
        @match (found.items.is_empty(), found.next) {
            (true, None) => (layout::nothing("No payment is like that.")),
            (true, Some(_)) => (layout::nothing(
                "None of the payments that were looked at is like that; there are older ones.",
            )),
            (false, _) => (table(&found.items)),
        }
        (layout::older("/payments", &query, found.next))
    };
    let list = if filters.before.is_none() {
        layout::live(head, &list)
    } else {
        list
    };
    let statuses = PaymentStatus::ALL.map(PaymentStatus::as_str);
    let content = html! {
        h1 { "Payments" }
        (tabs(true))
        form class="filters" action="/payments" {
            label { "Source" (layout::choice("source", &sources, &filters.source)) }
            label { "Stands" (layout::choice("status", &statuses, &filters.status)) }
            button type="submit" { "Filter" }
            a href="/payments" { "All" }
        }
        (list)
    };
    Ok(layout::page(
        &visitor,
        Place::Payments,
        "Payments",
        &content,
    ))
}

/// Those that need to be looked at.
pub(in crate::dashboard) async fn odd<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Query(filters): Query<Before>,
) -> Page {
    let query = ListQuery {
        before: filters.before,
        ..ListQuery::default()
    };
    let found = admin.desk.anomalies(&query).shown_to(&visitor)?;
    let content = html! {
        h1 { "What does not fit together" }
        (tabs(false))
        @if found.items.is_empty() {
            (layout::nothing("Everything that arrived fits together."))
        } @else {
            (anomalies(&found.items))
        }
        (layout::older("/anomalies", &[], found.next))
    };
    Ok(layout::page(
        &visitor,
        Place::Payments,
        "What does not fit together",
        &content,
    ))
}

fn tabs(all: bool) -> Markup {
    html! {
        nav class="tabs" aria-label="Which payments" {
            a href="/payments" aria-current=[all.then_some("true")] { "All" }
            a href="/anomalies" aria-current=[(!all).then_some("true")] { "What does not fit together" }
        }
    }
}

fn table(payments: &[ListedPaymentView]) -> Markup {
    html! {
        table data-rows="" {
            thead {
                tr {
                    th scope="col" { "Last told (UTC)" }
                    th scope="col" { "Payment" }
                    th scope="col" { "Source" }
                    th scope="col" { "Stands" }
                    th scope="col" class="sum" { "Amount" }
                    th scope="col" class="sum" { "Went back" }
                    th scope="col" class="sum" { "Events" }
                }
            }
            tbody { @for payment in payments { (row(payment)) } }
        }
    }
}

fn row(payment: &ListedPaymentView) -> Markup {
    let newest = &payment.newest;
    html! {
        tr {
            td data-name="Last told" { (layout::time(&newest.received_at)) }
            td data-name="Payment" {
                a class="row" href={ "/payments/" (segment(&payment.payment_id)) } { (payment.payment_id) }
            }
            td data-name="Source" { (payment.source) }
            td data-name="Stands" {
                @match &payment.status {
                    Some(status) => strong { (status) },
                    None => (newest.provider_status),
                }
                @for anomaly in &payment.anomalies { " " (layout::badge(Tone::Bad, anomaly)) }
            }
            td data-name="Amount" class="sum" {
                @match &payment.amount {
                    Some(amount) => (amount),
                    None => { (newest.amount) " " (newest.currency) },
                }
            }
            td data-name="Went back" class="sum" { (payment.refunded.as_deref().unwrap_or("–")) }
            td data-name="Events" class="sum" { (payment.events) }
        }
    }
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
