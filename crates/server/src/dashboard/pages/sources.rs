//! Who may send, how they prove it, and whether an old secret is still in use.

use axum::extract::{Extension, State};
use domain::secret::Secret;
use domain::source::Source;
use engine::metrics::{SecretLabels, SourceLabel};
use engine::store::Store;
use maud::{Markup, html};

use crate::admin::Admin;
use crate::dashboard::layout::{self, Place, Tone};
use crate::dashboard::live;
use crate::dashboard::{Page, Shared, Viewer};

/// The page.
pub(in crate::dashboard) async fn page<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
) -> Page {
    let head = live::head(&admin);
    let content = html! {
        h1 { "Sources" }
        p class="faint" { "Counted since this process began." }
        @for source in &admin.desk.sources { (one(&admin, source)) }
    };
    let content = layout::live(head, &content);
    Ok(layout::page(&visitor, Place::Sources, "Sources", &content))
}

fn one<S: Store>(admin: &Admin<S>, source: &Source) -> Markup {
    let label = SourceLabel {
        source: source.name.to_string(),
    };
    let metrics = &admin.metrics;
    let accepted = metrics.accepted.get_or_create(&label).get();
    let repeats = metrics.duplicates.get_or_create(&label).get();
    let conflicts = metrics.conflicts.get_or_create(&label).get();
    let spec = source.provider.id().spec();
    html! {
        section {
            h2 { (source.name) }
            dl class="facts" {
                div { dt { "Provider" } dd { (spec.title) } }
                div { dt { "Signature" } dd { (spec.facts.algorithm) } }
                div { dt { "Accepted" } dd { (accepted) } }
                div { dt { "Repeats" } dd { (repeats) } }
                div { dt { "Conflicts" } dd { (conflicts) } }
            }
            table {
                thead {
                    tr {
                        th scope="col" { "Secret" }
                        th scope="col" { "Now" }
                        th scope="col" { "From" }
                        th scope="col" { "Until" }
                        th scope="col" class="sum" { "Proved" }
                    }
                }
                tbody { @for secret in &source.secrets { (row(admin, source, secret)) } }
            }
            @if source.secrets.is_empty() { (layout::nothing("It has no secret.")) }
        }
    }
}

fn row<S: Store>(admin: &Admin<S>, source: &Source, secret: &Secret) -> Markup {
    let labels = SecretLabels {
        source: source.name.to_string(),
        secret: secret.label().to_owned(),
    };
    let used = admin.metrics.secret_used.get_or_create(&labels).get();
    let stands = if secret.is_live(admin.desk.clock.now()) {
        layout::badge(Tone::Good, "accepted")
    } else {
        layout::badge(Tone::Faint, "not accepted")
    };
    let when = |time: Option<domain::time::Timestamp>| match time {
        Some(time) => layout::time(&time.to_iso()),
        None => html! { "–" },
    };
    html! {
        tr {
            td data-name="Secret" { (secret.label()) }
            td data-name="Now" { (stands) }
            td data-name="From" { (when(secret.starts_at())) }
            td data-name="Until" { (when(secret.retires_at())) }
            td data-name="Proved" class="sum" { (used) }
        }
    }
}
