//! What all pages have in common: the frame, the style, the script, and small pieces.

use axum::http::header;
use axum::response::IntoResponse;
use domain::source::Source;
use engine::store::ExecutionStatus;
use maud::{DOCTYPE, Markup, html};

use super::session::Visitor;
use crate::access::segment;

/// Where a page stands in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nowhere.
    None,
    /// The overview.
    Overview,
    /// Events.
    Events,
    /// Payments.
    Payments,
    /// Executions.
    Executions,
    /// The quarantine.
    Quarantine,
    /// Sources.
    Sources,
    /// Endpoints.
    Endpoints,
    /// The alerts.
    Alerts,
    /// The audit log.
    Audit,
    /// The settings.
    Settings,
}

const PLACES: [(Place, &str, &str); 10] = [
    (Place::Overview, "/", "Overview"),
    (Place::Events, "/events", "Events"),
    (Place::Payments, "/payments", "Payments"),
    (Place::Executions, "/executions", "Executions"),
    (Place::Quarantine, "/quarantine", "Quarantine"),
    (Place::Sources, "/sources", "Sources"),
    (Place::Endpoints, "/endpoints", "Endpoints"),
    (Place::Alerts, "/alerts", "Alerts"),
    (Place::Audit, "/audit", "Audit"),
    (Place::Settings, "/settings", "Settings"),
];

/// How something stands: a word and a sign, so that no colour is needed to tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// As it should be.
    Good,
    /// On its way.
    Busy,
    /// For a person.
    Bad,
    /// Nothing to say.
    Faint,
}

/// A page for somebody.
pub(super) fn page(visitor: &Visitor, place: Place, title: &str, content: &Markup) -> Markup {
    let operator = &visitor.operator;
    document(
        title,
        &html! {
            a class="skip" href="#content" { "Skip to the content" }
            header {
                a class="brand" href="/" { "payhook" }
                nav aria-label="Pages" {
                    @for (each, path, name) in PLACES {
                        a href=(path) aria-current=[(each == place).then_some("page")] { (name) }
                    }
                }
                form class="find" role="search" action="/find" {
                    input type="search" name="q" required aria-label="Payment, event key or number"
                        aria-keyshortcuts="/" placeholder="Payment, event key or number";
                    button type="submit" { "Find" }
                }
                form class="who" method="post" action="/sign-out" {
                    span { (operator.name) " (" (operator.role.to_string()) ")" }
                    button class="quiet" type="submit" { "Sign out" }
                }
            }
            main id="content" tabindex="-1" { (content) }
        },
    )
}

/// A page for nobody in particular.
pub(super) fn bare(title: &str, content: &Markup) -> Markup {
    document(
        title,
        &html! {
            main id="content" class="bare" { (content) }
        },
    )
}

fn document(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · payhook" }
                link rel="icon" href="/assets/icon.svg";
                link rel="stylesheet" href="/assets/dashboard.css";
                script src="/assets/dashboard.js" defer {}
            }
            body { (content) }
        }
    }
}

/// The style.
pub(super) async fn style() -> impl IntoResponse {
    let text = include_str!("assets/dashboard.css");
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], text)
}

/// The script.
pub(super) async fn script() -> impl IntoResponse {
    let text = include_str!("assets/dashboard.js");
    (
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
        text,
    )
}

/// The icon.
pub(super) async fn icon() -> impl IntoResponse {
    let text = include_str!("assets/icon.svg");
    ([(header::CONTENT_TYPE, "image/svg+xml")], text)
}

/// What changes while one looks, as it was when the change feed ended at `head`: the script
/// fetches the page again when it has grown, and puts this in its place.
pub(super) fn live(head: u64, content: &Markup) -> Markup {
    html! { div data-live=(head) { (content) } }
}

/// A word with its sign.
pub(super) fn badge(tone: Tone, word: &str) -> Markup {
    let (class, sign) = match tone {
        Tone::Good => ("badge good", "✓"),
        Tone::Busy => ("badge busy", "…"),
        Tone::Bad => ("badge bad", "!"),
        Tone::Faint => ("badge faint", "–"),
    };
    html! { span class=(class) { span aria-hidden="true" { (sign) } " " (word) } }
}

/// How an execution stands.
pub(super) fn execution_badge(status: Option<ExecutionStatus>) -> Markup {
    match status {
        None => badge(Tone::Faint, "none"),
        Some(ExecutionStatus::Running) => badge(Tone::Busy, "running"),
        Some(ExecutionStatus::Succeeded) => badge(Tone::Good, "succeeded"),
        Some(ExecutionStatus::Failed) => badge(Tone::Bad, "failed"),
        Some(ExecutionStatus::TimedOut) => badge(Tone::Bad, "timed out"),
        Some(ExecutionStatus::Aborted) => badge(Tone::Bad, "stopped"),
    }
}

/// How a record stands. Until it is touched its status is whatever the provider said.
pub(super) fn record_badge(status: &str, is_touched: bool) -> Markup {
    let tone = match status {
        "completed" if is_touched => Tone::Good,
        "failed" if is_touched => Tone::Bad,
        "processing" if is_touched => Tone::Busy,
        _ => Tone::Faint,
    };
    badge(tone, status)
}

/// A point in time, to the second; to the millisecond when pointed at.
pub(super) fn time(iso: &str) -> Markup {
    let short = iso.get(..19).unwrap_or(iso).replace('T', " ");
    html! { time datetime=(iso) title=(iso) { (short) } }
}

/// A link to a payment.
pub(super) fn payment_link(id: &str) -> Markup {
    html! { a href={ "/payments/" (segment(id)) } { (id) } }
}

/// A link to the next page of a listing, whose query is `query` but for `before`.
pub(super) fn older(path: &str, query: &[(&str, &str)], next: Option<u64>) -> Markup {
    let Some(next) = next else {
        return html! {};
    };
    let filters: String = query
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}&", segment(value)))
        .collect();
    html! {
        p class="more" { a rel="next" href={ (path) "?" (filters) "before=" (next) } { "Older →" } }
    }
}

/// What stands where a listing is empty.
pub(super) fn nothing(words: &str) -> Markup {
    html! { p class="nothing" { (words) } }
}

/// The names of the sources, in order.
pub(super) fn sources(sources: &[Source]) -> Vec<&str> {
    let mut names: Vec<&str> = sources.iter().map(|each| each.name.as_str()).collect();
    names.sort_unstable();
    names
}

/// A field of a form that is one of some words, or any.
pub(super) fn choice(name: &str, words: &[&str], chosen: &str) -> Markup {
    html! {
        select name=(name) {
            option value="" { "any" }
            @for word in words {
                option value=(word) selected[*word == chosen] { (word) }
            }
        }
    }
}
