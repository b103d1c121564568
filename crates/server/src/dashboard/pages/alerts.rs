//! What is wrong by the rules, and who was told.

use axum::extract::{Extension, State};
use engine::store::Store;
use maud::{Markup, html};

use crate::alerts::watch::Standing;
use crate::dashboard::layout::{self, Place, Tone};
use crate::dashboard::live;
use crate::dashboard::{Page, Shared, Viewer};
use crate::view::{AlertView, AlertsView, TargetView};

/// The page.
pub(in crate::dashboard) async fn page<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
) -> Page {
    let head = live::head(&admin);
    let view = admin.alerts.view();
    let content = html! {
        h1 { "Alerts" }
        @match &view.looked_at {
            Some(at) => p class="faint" { "Looked at last at " (layout::time(at)) "." },
            None if view.targets.is_empty() => p {
                "Nobody is told, and nothing is looked at: there is no "
                code { "[alerts.targets.NAME]" } " in the configuration. "
                code { "payhook config default" } " shows how one is written."
            },
            None => p class="faint" { "Not looked at yet." },
        }
        (rules(&view))
        @if !view.targets.is_empty() {
            section {
                h2 { "Who is told" }
                (targets(&view.targets))
                p class="faint" { code { "payhook alerts test" } " sends everybody a message." }
            }
        }
    };
    let content = layout::live(head, &content);
    Ok(layout::page(&visitor, Place::Alerts, "Alerts", &content))
}

/// Those that fire, for the overview; nothing when none does.
pub(super) fn firing(view: &AlertsView) -> Markup {
    let firing: Vec<&AlertView> = view.firing().collect();
    html! {
        @if !firing.is_empty() {
            section {
                h2 { a href="/alerts" { "Alerts" } }
                ul aria-label="Firing alerts" {
                    @for alert in firing {
                        li {
                            (layout::badge(Tone::Bad, &alert.title)) " " (alert.what) " "
                            span class="faint" { (alert.advice) }
                        }
                    }
                }
            }
        }
    }
}

fn rules(view: &AlertsView) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Alert" }
                    th scope="col" { "Now" }
                    th scope="col" { "Since" }
                    th scope="col" { "Found" }
                }
            }
            tbody { @for alert in &view.alerts { (row(alert)) } }
        }
    }
}

fn row(alert: &AlertView) -> Markup {
    let tone = match alert.standing {
        Standing::Firing => Tone::Bad,
        Standing::Pending => Tone::Busy,
        Standing::Quiet if alert.enabled && !alert.is_unknown => Tone::Good,
        Standing::Quiet => Tone::Faint,
    };
    html! {
        tr {
            td data-name="Alert" {
                (alert.title)
                @if !alert.subject.is_empty() { " " code { (alert.subject) } }
            }
            td data-name="Now" { (layout::badge(tone, alert.word())) }
            td data-name="Since" {
                @match &alert.since {
                    Some(since) => (layout::time(since)),
                    None => "–",
                }
            }
            td data-name="Found" {
                (alert.what)
                @if alert.standing == Standing::Firing { " " (alert.advice) }
            }
        }
    }
}

fn targets(targets: &[TargetView]) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Target" }
                    th scope="col" { "Kind" }
                    th scope="col" class="sum" { "Waiting" }
                    th scope="col" { "Last message" }
                }
            }
            tbody {
                @for target in targets {
                    tr {
                        td data-name="Target" { (target.name) }
                        td data-name="Kind" { (target.kind.as_str()) }
                        td data-name="Waiting" class="sum" { (target.waiting) }
                        td data-name="Last message" {
                            @match (&target.tried_at, &target.failure) {
                                (None, _) => "–",
                                (Some(at), None) => {
                                    (layout::badge(Tone::Good, "sent")) " " (layout::time(at))
                                }
                                (Some(at), Some(failure)) => {
                                    (layout::badge(Tone::Bad, failure)) " " (layout::time(at))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
