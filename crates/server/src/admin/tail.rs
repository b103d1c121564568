//! The change feed as it grows, as server-sent events: what scripts follow instead of asking again
//! and again.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{MediaType, Operation, Response as Described};
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use engine::store::Store;
use futures_util::stream;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::problem::Problem;
use super::{Admin, Shared};
use crate::dashboard::Stopping;
use crate::desk::ChangeQuery;
use crate::view::ChangeView;

/// How often it is looked whether the feed has grown: looking costs a few microseconds.
const PAUSE: Duration = Duration::from_millis(200);

/// Changes that are read at once.
const PAGE: usize = 100;

/// Where a client takes up again what it was cut off from.
const LAST_EVENT_ID: &str = "last-event-id";

/// What is asked of a tail.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TailQuery {
    /// Only what comes after this place of the feed; only what is new when absent. The header
    /// `Last-Event-ID` goes before it.
    #[schemars(extend("maximum" = u64::MAX))]
    after: Option<u64>,
}

/// A stream of server-sent events.
pub(super) struct Tail(Response);

impl IntoResponse for Tail {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for Tail {
    type Inner = Self;

    fn inferred_responses(_: &mut GenContext, _: &mut Operation) -> Vec<(Option<u16>, Described)> {
        let described = Described {
            description: "An event `change` for each change: `id` its place, `data` the change as \
                          `/api/changes` has it"
                .to_owned(),
            content: [("text/event-stream".to_owned(), MediaType::default())]
                .into_iter()
                .collect(),
            ..Described::default()
        };
        vec![(Some(200), described)]
    }
}

/// Follows the feed until the client hangs up or the listener stops.
pub(super) async fn tail<S: Store>(
    State(admin): Shared<S>,
    Extension(Stopping(stop)): Extension<Stopping>,
    headers: HeaderMap,
    Query(query): Query<TailQuery>,
) -> Result<Tail, Problem> {
    let seat = Arc::clone(&admin.live_seats).try_acquire_owned();
    let seat = seat.map_err(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_tails",
            "as many follow the feed as may at once; close a page or a tail, or ask /api/changes",
        )
    })?;
    let last_seen = headers.get(LAST_EVENT_ID);
    let last_seen = last_seen.and_then(|value| value.to_str().ok()?.parse().ok());
    let after = match last_seen.or(query.after) {
        Some(after) => after,
        None => admin.desk.changes(&ChangeQuery::default())?.after,
    };
    let begin = Follower {
        admin,
        after,
        read: VecDeque::new(),
        stop,
        _seat: seat,
    };
    let changes = Sse::new(stream::unfold(begin, Follower::next)).keep_alive(KeepAlive::default());
    Ok(Tail(changes.into_response()))
}

/// Somebody who follows.
struct Follower<S> {
    admin: Arc<Admin<S>>,
    after: u64,
    read: VecDeque<ChangeView>,
    stop: CancellationToken,
    _seat: OwnedSemaphorePermit,
}

impl<S: Store> Follower<S> {
    /// The next change; `None` when the listener stops or the store cannot be read: a client that
    /// tries again is told why.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(change) = self.read.pop_front() {
                let id = change.sequence.to_string();
                let event = Event::default().event("change").id(id);
                return Some((Ok(event.json_data(&change).ok()?), self));
            }
            let query = ChangeQuery {
                after: Some(self.after),
                limit: Some(PAGE),
            };
            let page = self.admin.desk.changes(&query).ok()?;
            self.after = page.after;
            self.read = page.items.into();
            if self.read.is_empty() {
                tokio::select! {
                    () = self.stop.cancelled() => return None,
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        }
    }
}
