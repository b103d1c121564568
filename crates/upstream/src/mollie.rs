//! Mollie: the classic webhook is an unsigned form with an id, and the payment is the truth.
//! <https://docs.mollie.com/reference/get-payment>, <https://docs.mollie.com/reference/list-payments>
//!
//! There is no list of events. Payments are listed, newest first: one that was made before `since`
//! and has changed after it is not found.

use domain::delivery::RawDelivery;
use domain::json::Object;
use domain::time::Timestamp;
use engine::upstream::{EventPage, UpstreamFailure};
use reqwest::Url;

use crate::client::{self, Call};
use crate::{PAGE_BYTES_MAX, hint};

pub(crate) const BASE: &str = "https://api.mollie.com";

/// The most that one page may have.
const LIMIT: &str = "250";

/// Where the payment is.
pub(crate) fn path(hint: &RawDelivery) -> Option<Vec<String>> {
    let mut ids = form_urlencoded::parse(&hint.body).filter(|(name, _)| name == "id");
    let (Some((_, id)), None) = (ids.next(), ids.next()) else {
        return None;
    };
    let id = hint::id(&id, |byte| byte.is_ascii_alphanumeric() || *byte == b'_')?;
    let is_payment = id.starts_with("tr_");
    is_payment.then(|| ["v2", "payments", &id].map(str::to_owned).to_vec())
}

/// A page of payments, each as the webhook's fetched truth is.
pub(crate) async fn events(
    call: &Call<'_>,
    since: Timestamp,
    cursor: Option<&str>,
) -> Result<EventPage, UpstreamFailure> {
    let mut url = call.url(&["v2", "payments"])?;
    url.query_pairs_mut().append_pair("limit", LIMIT);
    if let Some(cursor) = cursor {
        url.query_pairs_mut().append_pair("from", cursor);
    }
    let reply = call.get(url, call.api.bearer()?, PAGE_BYTES_MAX).await?;
    let body = client::body(reply)?;
    let list = Object::parse(&body).ok_or(UpstreamFailure::Unreadable)?;
    let embedded = list.object("_embedded");
    let embedded = embedded.ok_or(UpstreamFailure::Unreadable)?;
    let mut events = Vec::new();
    for payment in client::items(&embedded, "payments")? {
        let created = Object::parse(payment.as_bytes())
            .and_then(|payment| Timestamp::from_iso(&payment.text("createdAt")?))
            .ok_or(UpstreamFailure::Unreadable)?;
        if created < since {
            // Everything after it is older still.
            return Ok(EventPage { events, next: None });
        }
        events.push(client::event(payment));
    }
    let next = list
        .object_at(&["_links", "next"])
        .and_then(|next| first_of_next(&next.text("href")?));
    Ok(EventPage { events, next })
}

/// The id with which the next page begins. The link itself is not followed: it may lead anywhere.
fn first_of_next(href: &str) -> Option<String> {
    let url = Url::parse(href).ok()?;
    let (_, from) = url.query_pairs().find(|(name, _)| name == "from")?;
    Some(from.into_owned())
}
