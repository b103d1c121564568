//! One bounded HTTP POST, for gateways and for endpoints of the user's own.
//!
//! Bounded in time and in bytes, follows no redirection, takes no proxy from the environment,
//! and tells nothing of the answer's body but to its caller: errors carry no URL and no text of
//! the other side. All calls share one pool of connections.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use domain::secret::Secret;
use domain::time::{Millis, Timestamp};
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{StatusCode, Url};

use crate::retry_after;

/// The pool of connections. Clones share it.
#[derive(Debug, Clone)]
pub struct HttpClient(reqwest::Client);

/// Where a POST goes, and how long it may take.
#[derive(Clone)]
pub struct Target {
    url: Url,
    headers: HeaderMap,
    timeout: Millis,
}

/// Why an HTTP target cannot be set up. The configuration is wrong; nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// The URL is none, or neither `http` nor `https`.
    #[error("not an http or https URL")]
    Url,
    /// A header's name is none.
    #[error("'{0}' is no name of a header")]
    HeaderName(String),
    /// A header's value cannot be sent.
    #[error("the value of header '{0}' cannot be sent")]
    HeaderValue(String),
    /// The TLS library or the system's certificates cannot be used.
    #[error("TLS cannot be set up on this machine")]
    Tls,
}

/// One POST.
#[derive(Debug)]
pub(crate) struct Post<'a> {
    pub(crate) target: &'a Target,
    /// Headers of this call; they win over the target's own.
    pub(crate) headers: &'a [(&'static str, &'a str)],
    pub(crate) body: Vec<u8>,
    pub(crate) response_bytes_max: usize,
    pub(crate) now: Timestamp,
    pub(crate) deadline: Timestamp,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Millis>,
    /// `None` when it is longer than the bound, or was lost behind a status that is no 2xx.
    pub(crate) body: Option<Bytes>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// Not in time; it may have arrived.
    Timeout,
    /// Not reached, or the connection broke; it may have arrived.
    Unreachable,
}

impl HttpClient {
    /// A pool with no connection yet.
    ///
    /// # Errors
    /// [`InvalidTarget::Tls`] when the machine's certificates cannot be read.
    pub fn try_new() -> Result<Self, InvalidTarget> {
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .user_agent(concat!("payhook/", env!("CARGO_PKG_VERSION")))
            .build()
            .map(Self)
            .map_err(|_| InvalidTarget::Tls)
    }

    /// Posts, and reads the answer with its body.
    pub(crate) async fn post(&self, post: Post<'_>) -> Result<Answer, NoAnswer> {
        let bytes_max = post.response_bytes_max;
        let (mut response, retry_after) = self.send(post).await?;
        let status = response.status();
        let body = match read_body(&mut response, bytes_max).await {
            Ok(body) => body,
            // The status alone says what happened; words that were lost with the connection
            // do not change it.
            Err(_) if !status.is_success() => None,
            Err(lost) => return Err(lost),
        };
        Ok(Answer {
            status,
            retry_after,
            body,
        })
    }

    /// Posts where the status is the whole answer, and what follows it means nothing.
    pub(crate) async fn tell(
        &self,
        post: Post<'_>,
    ) -> Result<(StatusCode, Option<Millis>), NoAnswer> {
        let bytes_max = post.response_bytes_max;
        let (mut response, retry_after) = self.send(post).await?;
        // Read for the connection's sake only, which can be used again when it is at its end.
        let _ = read_body(&mut response, bytes_max).await;
        Ok((response.status(), retry_after))
    }

    /// The head of the answer, and how long the other side asks to be left alone.
    async fn send(&self, post: Post<'_>) -> Result<(reqwest::Response, Option<Millis>), NoAnswer> {
        let left = post.deadline.since(post.now).min(post.target.timeout);
        let mut headers = post.target.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in post.headers {
            // A name of ours always fits; a value with control characters cannot be sent.
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let request = self.0.post(post.target.url.clone()).headers(headers);
        let request = request.timeout(left.to_duration()).body(post.body);
        if left.to_duration() == Duration::ZERO {
            return Err(NoAnswer::Timeout);
        }
        let response = request.send().await.map_err(|error| no_answer(&error))?;
        let text = |name| response.headers().get(name)?.to_str().ok();
        let their_now = text(DATE).and_then(retry_after::parse_date);
        let wait = text(RETRY_AFTER)
            .and_then(|value| retry_after::parse(value, their_now.unwrap_or(post.now)));
        Ok((response, wait))
    }
}

impl Target {
    /// A target with headers of its own, such as credentials.
    ///
    /// # Errors
    /// See [`InvalidTarget`].
    pub fn try_new(
        url: &str,
        timeout: Millis,
        headers: &[(String, Secret)],
    ) -> Result<Self, InvalidTarget> {
        let url = Url::parse(url).map_err(|_| InvalidTarget::Url)?;
        if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
            return Err(InvalidTarget::Url);
        }
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let parsed = HeaderName::try_from(name.as_str())
                .map_err(|_| InvalidTarget::HeaderName(name.clone()))?;
            let mut value = HeaderValue::from_bytes(value.expose())
                .map_err(|_| InvalidTarget::HeaderValue(name.clone()))?;
            value.set_sensitive(true);
            map.append(parsed, value);
        }
        Ok(Self {
            url,
            headers: map,
            timeout,
        })
    }
}

/// Shows where it leads, without what may be secret: no credentials, no path, no query.
impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Target")
            .field("host", &self.url.host_str())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

async fn read_body(
    response: &mut reqwest::Response,
    bytes_max: usize,
) -> Result<Option<Bytes>, NoAnswer> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| no_answer(&error))? {
        if body.len().saturating_add(chunk.len()) > bytes_max {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}

fn no_answer(error: &reqwest::Error) -> NoAnswer {
    if error.is_timeout() {
        NoAnswer::Timeout
    } else {
        NoAnswer::Unreachable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str, name: &str, value: &str) -> Result<Target, InvalidTarget> {
        let headers = [(name.to_owned(), Secret::new("token", value))];
        Target::try_new(url, Millis::from_secs(1), &headers)
    }

    #[test]
    fn wrong_settings_are_refused_before_anything_is_sent() {
        for url in ["http://h", "https://h:1/p?q=1", "http://[::1]:80/"] {
            assert!(target(url, "Authorization", "Bearer x").is_ok(), "{url}");
        }
        for url in ["", "h", "/p", "ftp://h", "file:///p", "http://"] {
            assert_eq!(target(url, "a", "b").unwrap_err(), InvalidTarget::Url);
        }
        let name = target("http://h", "a b", "c").unwrap_err();
        assert_eq!(name, InvalidTarget::HeaderName("a b".into()));
        let value = target("http://h", "a", "b\nc").unwrap_err();
        assert_eq!(value, InvalidTarget::HeaderValue("a".into()));
    }

    #[test]
    fn no_secret_is_printed() {
        let url = "https://user:hunter2@h/hunter2?k=hunter2";
        let target = target(url, "Authorization", "hunter2").unwrap();
        assert!(!format!("{target:?}").contains("hunter2"));
    }
}
