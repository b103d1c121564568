//! Server-sent events: a word whenever something has changed, so that pages can be fresh.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use domain::stream::Sequence;
use engine::store::Store;
use futures_util::stream::{self, Stream};

use super::{Shared, Stopping};
use crate::admin::Admin;

/// How often it is looked whether something has changed. Reading the head of the feed costs a
/// few microseconds, and nothing of it is on a webhook's path.
const PAUSE: Duration = Duration::from_millis(400);

/// Tells when the change feed has grown. Says nothing of what has changed.
pub(super) async fn stream<S: Store>(
    State(admin): Shared<S>,
    Extension(Stopping(stop)): Extension<Stopping>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let begin = head(&admin);
    let changes = stream::unfold((admin, begin, stop), |(admin, seen, stop)| async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(PAUSE) => {}
            }
            let now = head(&admin);
            if now != seen {
                let place = now.map_or(0, Sequence::get);
                let event = Event::default().id(place.to_string()).data("changed");
                return Some((Ok(event), (admin, now, stop)));
            }
        }
    });
    Sse::new(changes).keep_alive(KeepAlive::default())
}

fn head<S: Store>(admin: &Arc<Admin<S>>) -> Option<Sequence> {
    // A store that cannot be read is told by the page.
    admin.desk.store.feed_head().ok()
}
