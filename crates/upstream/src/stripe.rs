//! Stripe: the events that it could not deliver.
//! <https://docs.stripe.com/webhooks/process-undelivered-events>, <https://docs.stripe.com/api/events/list>
//!
//! It keeps them for 30 days and lists them newest first. "Not delivered" is so as soon as one of
//! the account's endpoints has not taken it, so that others may have.

use domain::json::Object;
use domain::time::Timestamp;
use engine::upstream::{EventPage, UpstreamFailure};

use crate::PAGE_BYTES_MAX;
use crate::client::{self, Call};

pub(crate) const BASE: &str = "https://api.stripe.com";

/// The most that one page may have.
const LIMIT: &str = "100";

/// A page of events as their webhooks' bodies are.
pub(crate) async fn events(
    call: &Call<'_>,
    since: Timestamp,
    cursor: Option<&str>,
) -> Result<EventPage, UpstreamFailure> {
    let seconds = since.as_millis().div_euclid(1000).max(0);
    let mut url = call.url(&["v1", "events"])?;
    url.query_pairs_mut()
        .append_pair("delivery_success", "false")
        .append_pair("created[gte]", &seconds.to_string())
        .append_pair("limit", LIMIT);
    if let Some(cursor) = cursor {
        url.query_pairs_mut().append_pair("starting_after", cursor);
    }
    let reply = call.get(url, call.api.bearer()?, PAGE_BYTES_MAX).await?;
    let body = client::body(reply)?;
    let list = Object::parse(&body).ok_or(UpstreamFailure::Unreadable)?;
    let items = client::items(&list, "data")?;
    let has_more = list.flag("has_more");
    let next = match (has_more.ok_or(UpstreamFailure::Unreadable)?, items.last()) {
        (true, Some(last)) => {
            let last = Object::parse(last.as_bytes()).and_then(|last| {
                let id = last.text("id")?;
                Some(id.into_owned())
            });
            Some(last.ok_or(UpstreamFailure::Unreadable)?)
        }
        (_, _) => None,
    };
    let events = items.into_iter().map(client::event).collect();
    Ok(EventPage { events, next })
}
