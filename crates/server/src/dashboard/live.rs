//! Server-sent events: a word whenever something has changed, so that pages can be fresh.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use domain::stream::Sequence;
use engine::store::Store;
use futures_util::stream::{self, Stream};
use serde::Deserialize;

use super::{Shared, Stopping};
use crate::admin::Admin;

/// How often it is looked whether something has changed. Reading the head of the feed costs a
/// few microseconds, and nothing of it is on a webhook's path.
const PAUSE: Duration = Duration::from_millis(400);

/// What a page knows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Known {
    /// The end of the change feed when it was made.
    after: u64,
}

/// Tells when the change feed has grown. Says nothing of what has changed.
pub(super) async fn stream<S: Store>(
    State(admin): Shared<S>,
    Extension(Stopping(stop)): Extension<Stopping>,
    Query(known): Query<Known>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = stream::unfold(
        (admin, known.after, stop),
        |(admin, seen, stop)| async move {
            loop {
                let now = head(&admin);
                if now != seen {
                    let event = Event::default().data("changed");
                    return Some((Ok(event), (admin, now, stop)));
                }
                tokio::select! {
                    () = stop.cancelled() => return None,
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        },
    );
    Sse::new(changes).keep_alive(KeepAlive::default())
}

/// The end of the change feed. A page asks for it before it asks for anything else, so that what
/// comes in between is not missed.
pub(super) fn head<S: Store>(admin: &Arc<Admin<S>>) -> u64 {
    // A store that cannot be read is told by the page.
    admin.desk.store.feed_head().map_or(0, Sequence::get)
}
