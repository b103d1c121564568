//! Server-sent events: a word whenever something has changed, so that pages can be fresh.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use domain::stream::Sequence;
use engine::store::Store;
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::{Shared, Stopping};
use crate::admin::Admin;

/// How often it is looked whether something has changed. Reading the head of the feed costs a
/// few microseconds, and nothing of it is on a webhook's path.
const PAUSE: Duration = Duration::from_millis(400);

/// Most pages that are kept fresh at once: health and metrics share the listener's connections.
pub(crate) const SEATS_MAX: usize = 32;

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
) -> Response {
    let Ok(seat) = Arc::clone(&admin.live_seats).try_acquire_owned() else {
        // Tells a browser not to try again: the page stays as it is until it is loaded again.
        return StatusCode::NO_CONTENT.into_response();
    };
    let begin = Watcher {
        admin,
        seen: known.after,
        stop,
        _seat: seat,
    };
    let changes = stream::unfold(begin, Watcher::next);
    let changes = Sse::new(changes).keep_alive(KeepAlive::default());
    changes.into_response()
}

/// Somebody whose page is fresh.
struct Watcher<S> {
    admin: Arc<Admin<S>>,
    seen: u64,
    stop: CancellationToken,
    _seat: OwnedSemaphorePermit,
}

impl<S: Store> Watcher<S> {
    /// The next word; `None` when the listener stops.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            let now = head(&self.admin);
            if now != self.seen {
                self.seen = now;
                return Some((Ok(Event::default().data("changed")), self));
            }
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

/// The end of the change feed. A page asks for it before it asks for anything else, so that what
/// comes in between is not missed.
pub(super) fn head<S: Store>(admin: &Arc<Admin<S>>) -> u64 {
    // A store that cannot be read is told by the page.
    admin.desk.store.feed_head().map_or(0, Sequence::get)
}
