//! PayPal: the webhook events of the last 30 days, delivered or not.
//! <https://developer.paypal.com/docs/api/webhooks/v1/#webhooks-events_list>
//!
//! An access token is had for the client's id and secret, and kept until shortly before its end.

use domain::json::Object;
use domain::time::{Millis, Timestamp};
use engine::upstream::{EventPage, UpstreamFailure};
use reqwest::Url;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};

use crate::client::{self, Call, Reply};
use crate::{PAGE_BYTES_MAX, settings};

pub(crate) const BASE: &str = "https://api-m.paypal.com";

const LIMIT: &str = "100";

/// Longest answer to a sign-in, in bytes; the list of what a token may do is most of it.
const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// This much before its end a token is used no more: it may end on its way.
const TOKEN_MARGIN_SECS: u64 = 60;

/// A token is kept no longer than this, whatever is said of it.
const TOKEN_SECS_MAX: u64 = 24 * 60 * 60;

/// Longest cursor, in bytes.
const CURSOR_BYTES_MAX: usize = 2048;

/// What signs requests, until when.
pub(crate) struct AccessToken {
    authorization: HeaderValue,
    until: Timestamp,
}

/// A page of events as their webhooks' bodies are.
pub(crate) async fn events(
    call: &Call<'_>,
    since: Timestamp,
    cursor: Option<&str>,
) -> Result<EventPage, UpstreamFailure> {
    let reply = get(call, page_url(call, since, cursor)?).await?;
    let body = client::body(reply)?;
    let list = Object::parse(&body).ok_or(UpstreamFailure::Unreadable)?;
    let items = client::items(&list, "events")?;
    let next = list
        .objects("links")
        .into_iter()
        .find(|link| link.text("rel").as_deref() == Some("next"))
        .and_then(|link| next_query(&link.text("href")?));
    // A page without events is the last, whatever its links say.
    let next = next.filter(|_| !items.is_empty());
    let events = items.into_iter().map(client::event).collect();
    Ok(EventPage { events, next })
}

fn page_url(
    call: &Call<'_>,
    since: Timestamp,
    cursor: Option<&str>,
) -> Result<Url, UpstreamFailure> {
    let mut url = call.url(&["v1", "notifications", "webhooks-events"])?;
    match cursor {
        Some(cursor) if cursor.len() > CURSOR_BYTES_MAX => return Err(UpstreamFailure::Unreadable),
        Some(cursor) => url.set_query(Some(cursor)),
        None => {
            // Its documentation has whole seconds only.
            let second = since.as_millis().div_euclid(1000).saturating_mul(1000);
            let start = Timestamp::from_millis(second).to_iso();
            let start = start.replace(".000Z", "Z");
            url.query_pairs_mut()
                .append_pair("start_time", &start)
                .append_pair("page_size", LIMIT);
        }
    }
    Ok(url)
}

/// The query of the link to the next page, whose parameters are PayPal's own affair. The link itself
/// is not followed: it may lead anywhere.
fn next_query(href: &str) -> Option<String> {
    let url = Url::parse(href).ok()?;
    let query = url.query().filter(|query| !query.is_empty())?;
    Some(query.to_owned())
}

/// Asks, with the token that is kept or a new one.
async fn get(call: &Call<'_>, url: Url) -> Result<Reply, UpstreamFailure> {
    // Held while asking: two that wait need one token.
    let mut kept = call.api.access.lock().await;
    if let Some(token) = kept.take_if(|token| call.clock.now() < token.until) {
        let authorization = token.authorization.clone();
        match call.get(url.clone(), authorization, PAGE_BYTES_MAX).await {
            // It may have been revoked before its end; only a new one tells.
            Err(UpstreamFailure::Unauthorized) => {}
            answered => {
                *kept = Some(token);
                return answered;
            }
        }
    }
    let token = sign_in(call).await?;
    let authorization = token.authorization.clone();
    let answered = call.get(url, authorization, PAGE_BYTES_MAX).await;
    if !matches!(answered, Err(UpstreamFailure::Unauthorized)) {
        *kept = Some(token);
    }
    answered
}

async fn sign_in(call: &Call<'_>) -> Result<AccessToken, UpstreamFailure> {
    let asked_at = call.clock.now();
    let url = call.url(&["v1", "oauth2", "token"])?;
    let request = call.client.post(url);
    let request = request
        .header(AUTHORIZATION, call.api.basic()?)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials");
    let body = client::body(client::send(request, TOKEN_BYTES_MAX).await?)?;
    let answer = Object::parse(&body).ok_or(UpstreamFailure::Unreadable)?;
    let token = answer.text("access_token");
    let token = token.ok_or(UpstreamFailure::Unreadable)?;
    let seconds = answer
        .scalar("expires_in")
        .and_then(|seconds| seconds.parse::<u64>().ok())
        .unwrap_or_default()
        .saturating_sub(TOKEN_MARGIN_SECS)
        .min(TOKEN_SECS_MAX);
    let authorization = settings::bearer(token.as_bytes());
    Ok(AccessToken {
        authorization: authorization.map_err(|_| UpstreamFailure::Unreadable)?,
        until: asked_at.after(Millis::from_secs(seconds)),
    })
}
