//! Who is told what becomes of payments, and how each fares.

use axum::extract::{Extension, State};
use engine::store::Store;
use maud::{Markup, html};

use crate::dashboard::layout::{self, Place, Tone};
use crate::dashboard::live;
use crate::dashboard::{ForVisitor as _, Page, Shared, Viewer};
use crate::view::EndpointView;

/// The page.
pub(in crate::dashboard) async fn page<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
) -> Page {
    let head = live::head(&admin);
    let endpoints = admin.desk.endpoints().shown_to(&visitor)?;
    let content = html! {
        h1 { "Endpoints" }
        p { "Who is told what becomes of payments. One that is disabled is not called; what waits "
            "for it are dead letters, to be redriven once it is enabled." }
        @if endpoints.is_empty() {
            (layout::nothing("No endpoint is configured."))
        } @else {
            (table(&endpoints))
            p { a href="/bulk/new?action=notify" { "Tell all that they were not told…" } }
            p class="faint" {
                "To have one called again, or left alone: "
                code { "payhook notifications enable NAME" } " and "
                code { "payhook notifications disable NAME" } "."
            }
        }
    };
    let content = layout::live(head, &content);
    Ok(layout::page(
        &visitor,
        Place::Endpoints,
        "Endpoints",
        &content,
    ))
}

fn table(endpoints: &[EndpointView]) -> Markup {
    html! {
        table data-rows="" {
            thead {
                tr {
                    th scope="col" { "Endpoint" }
                    th scope="col" { "Stands" }
                    th scope="col" { "Since (UTC)" }
                    th scope="col" { "Why" }
                    th scope="col" class="sum" { "Failures" }
                    th scope="col" { "At" }
                }
            }
            tbody { @for endpoint in endpoints { (row(endpoint)) } }
        }
    }
}

fn row(endpoint: &EndpointView) -> Markup {
    let tone = match (&endpoint.disabled_at, &endpoint.failing_since) {
        (Some(_), _) => Tone::Bad,
        (None, Some(_)) => Tone::Busy,
        (None, None) => Tone::Good,
    };
    let since = endpoint
        .disabled_at
        .as_deref()
        .or(endpoint.failing_since.as_deref());
    let why = [&endpoint.disabled_why, &endpoint.error];
    let why: Vec<&str> = why.into_iter().flatten().map(String::as_str).collect();
    html! {
        tr {
            td data-name="Endpoint" { (endpoint.name) }
            td data-name="Stands" { (layout::badge(tone, endpoint.stands())) }
            td data-name="Since" { @if let Some(since) = since { (layout::time(since)) } @else { "–" } }
            td data-name="Why" { (why.join(", ")) }
            td data-name="Failures" class="sum" { (endpoint.failures) }
            td data-name="At" { (endpoint.origin.as_deref().unwrap_or("not configured")) }
        }
    }
}
