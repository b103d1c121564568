//! How everything stands, and in words what is wrong and what to do.

mod trends;

use axum::extract::{Extension, Query, State};
use engine::store::{Store, Unavailable};
use maud::{Markup, html};
use serde::Deserialize;

use crate::dashboard::chart::Span;
use crate::dashboard::layout::{self, Place, Tone};
use crate::dashboard::live;
use crate::dashboard::{ForVisitor as _, Page, Shared, Viewer};
use crate::desk::{DEAD_LETTER, EventQuery, ExecutionQuery};
use crate::view::CountsView;

use self::trends::Trends;
use super::{alerts, events, executions};

/// Feed entries behind which the pipe may be without a word: a second's worth under load.
const LAG_MAX: u64 = 5_000;

/// How many events and failures are shown.
const SHOWN: usize = 10;

/// How the page is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct Look {
    span: String,
}

/// Something that a person should know.
struct Concern {
    tone: Tone,
    what: String,
    advice: &'static str,
    link: Option<(&'static str, &'static str)>,
}

/// The page.
pub(in crate::dashboard) async fn page<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
    Query(look): Query<Look>,
) -> Page {
    let head = live::head(&admin);
    let desk = &admin.desk;
    let counts = desk.counts().shown_to(&visitor)?;
    let failed = ExecutionQuery {
        status: Some(DEAD_LETTER.to_owned()),
        limit: Some(SHOWN),
        ..ExecutionQuery::default()
    };
    let failed = desk.executions(&failed).shown_to(&visitor)?.items;
    let newest = EventQuery {
        limit: Some(SHOWN),
        ..EventQuery::default()
    };
    let newest = desk.events(&newest).shown_to(&visitor)?.items;
    let trends = Trends::read(Span::of(&look.span), desk).shown_to(&visitor)?;
    let concerns = concerns(&counts, desk.store.takes_custody());
    let content = html! {
        h1 { "Overview" }
        (health(&concerns))
        (alerts::firing(&admin.alerts.view()))
        (figures(&counts))
        (trends.show())
        @if !failed.is_empty() {
            section {
                h2 { "Waits for a person" }
                (executions::table(&failed))
            }
        }
        section {
            h2 { "Arrived last" }
            @if newest.is_empty() {
                (layout::nothing(
                    "Nothing has arrived yet. `payhook send` sends a signed webhook.",
                ))
            } @else {
                (events::table(&newest))
            }
        }
    };
    let content = layout::live(head, &content);
    Ok(layout::page(
        &visitor,
        Place::Overview,
        "Overview",
        &content,
    ))
}

fn concerns(counts: &CountsView, custody: Result<(), Unavailable>) -> Vec<Concern> {
    let mut concerns = Vec::new();
    if let Err(unavailable) = custody {
        concerns.push(Concern {
            tone: Tone::Bad,
            what: format!("No webhook is taken: {unavailable}."),
            advice: "Providers are told 503 and send again. Look at the disk and at the log; after \
                     a failed write the process must be started anew.",
            link: None,
        });
    }
    let mut note = |count: u64, one: &str, many: &str, advice, link| {
        if count > 0 {
            let what = match count {
                1 => format!("1 {one}"),
                _ => format!("{count} {many}"),
            };
            concerns.push(Concern {
                tone: Tone::Bad,
                what,
                advice,
                link: Some(link),
            });
        }
    };
    note(
        counts.dead_letters,
        "execution ended badly and waits for a person.",
        "executions ended badly and wait for a person.",
        "Read why it failed; when the reason is gone, redrive it.",
        ("/executions?status=dead_letter", "See them"),
    );
    note(
        counts.quarantined,
        "delivery could not be proved and is in quarantine.",
        "deliveries could not be proved and are in quarantine.",
        "Each says what is wrong with its signature. After a secret is mended, verify again.",
        ("/quarantine", "See them"),
    );
    note(
        counts.anomalies,
        "thing about payments does not fit together.",
        "things about payments do not fit together.",
        "Compare them with what the provider shows.",
        ("/anomalies", "See them"),
    );
    note(
        counts.feed_lag.saturating_sub(LAG_MAX),
        "change more than usual waits for the workflow.",
        "changes more than usual wait for the workflow.",
        "More arrives than is started. Nothing is lost; look at the load of machine and disk.",
        ("/executions?status=running", "See what runs"),
    );
    concerns
}

fn health(concerns: &[Concern]) -> Markup {
    html! {
        section class="health" aria-label="Health" {
            @if concerns.is_empty() {
                p { (layout::badge(Tone::Good, "All is well.")) " Nothing waits for a person." }
            }
            @for concern in concerns {
                p {
                    (layout::badge(concern.tone, &concern.what)) " " (concern.advice)
                    @if let Some((path, words)) = concern.link { " " a href=(path) { (words) } }
                }
            }
        }
    }
}

fn figures(counts: &CountsView) -> Markup {
    let figures = [
        (counts.events, "events in custody", "/events"),
        (counts.running, "run or wait", "/executions?status=running"),
        (
            counts.succeeded,
            "succeeded",
            "/executions?status=succeeded",
        ),
        (
            counts.dead_letters,
            "dead letters",
            "/executions?status=dead_letter",
        ),
        (counts.quarantined, "in quarantine", "/quarantine"),
        (counts.conflicts, "conflicts", "/anomalies"),
        (counts.anomalies, "anomalies", "/anomalies"),
        (counts.feed_lag, "unread by the pipe", "/events"),
    ];
    html! {
        ul class="figures" aria-label="Figures" {
            @for (count, words, path) in figures {
                li { a href=(path) { strong { (count) } span { (words) } } }
            }
        }
    }
}
