//! One bounded HTTP request to a provider's API.
//!
//! Bounded in bytes here and in time by whoever calls; follows no redirection, takes no proxy from
//! the environment, and tells nothing of the other side's words.

use bytes::{Bytes, BytesMut};
use domain::json::Object;
use engine::clock::Clock;
use engine::upstream::UpstreamFailure;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{RequestBuilder, StatusCode, Url};
use serde_json::value::RawValue;
use tracing::debug;

use crate::settings::{Api, InvalidUpstream};

/// The pool of connections. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient(reqwest::Client);

/// One source's API, as its provider's module calls it.
pub(crate) struct Call<'a> {
    pub(crate) client: &'a HttpClient,
    pub(crate) api: &'a Api,
    pub(crate) default_base: &'static str,
    pub(crate) clock: &'a dyn Clock,
}

/// What a provider has answered.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A 2xx.
    Found(Bytes),
    /// It knows no such thing, or knows it no more.
    Unknown,
    /// It does not accept the question. With its words, when they are short enough.
    Rejected(Option<Bytes>),
}

impl HttpClient {
    pub(crate) fn try_new() -> Result<Self, InvalidUpstream> {
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .user_agent(concat!("payhook/", env!("CARGO_PKG_VERSION")))
            .build()
            .map(Self)
            .map_err(|_| InvalidUpstream::Tls)
    }

    pub(crate) fn get(&self, url: Url) -> RequestBuilder {
        self.0.get(url)
    }

    pub(crate) fn post(&self, url: Url) -> RequestBuilder {
        self.0.post(url)
    }
}

impl Call<'_> {
    /// A URL of the API. Each part becomes one segment of the path, whatever it holds.
    pub(crate) fn url(&self, path: &[&str]) -> Result<Url, UpstreamFailure> {
        let mut url = match &self.api.base {
            Some(base) => base.clone(),
            None => Url::parse(self.default_base).map_err(|_| UpstreamFailure::Unsupported)?,
        };
        url.path_segments_mut()
            .map_err(|()| UpstreamFailure::Unsupported)?
            .pop_if_empty()
            .extend(path);
        Ok(url)
    }

    pub(crate) async fn get(
        &self,
        url: Url,
        authorization: HeaderValue,
        bytes_max: usize,
    ) -> Result<Reply, UpstreamFailure> {
        let request = self.client.get(url).header(AUTHORIZATION, authorization);
        send(request.header(ACCEPT, "application/json"), bytes_max).await
    }
}

/// Sends a request. The caller bounds the time.
pub(crate) async fn send(
    request: RequestBuilder,
    bytes_max: usize,
) -> Result<Reply, UpstreamFailure> {
    let response = request.send().await;
    let mut response = response.map_err(|_| UpstreamFailure::Unavailable)?;
    let status = response.status();
    if !status.is_success() {
        debug!(
            status = status.as_u16(),
            "a provider's API does not answer with what was asked"
        );
    }
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Reply::Unknown),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(UpstreamFailure::Unauthorized),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Err(UpstreamFailure::Unavailable)
        }
        status if status.is_server_error() => Err(UpstreamFailure::Unavailable),
        status if status.is_client_error() => {
            let words = read_body(&mut response, bytes_max).await;
            Ok(Reply::Rejected(words.ok()))
        }
        status if status.is_success() => {
            read_body(&mut response, bytes_max).await.map(Reply::Found)
        }
        // A redirection: a token is for the one host that the operator has named.
        _ => Err(UpstreamFailure::Unreadable),
    }
}

/// The whole answer, when it is one JSON object.
pub(crate) fn one_object(reply: Reply) -> Result<Option<Bytes>, UpstreamFailure> {
    match reply {
        Reply::Found(body) if Object::parse(&body).is_some() => Ok(Some(body)),
        Reply::Unknown => Ok(None),
        Reply::Found(_) | Reply::Rejected(_) => Err(UpstreamFailure::Unreadable),
    }
}

/// The body of an answer that must be there.
pub(crate) fn body(reply: Reply) -> Result<Bytes, UpstreamFailure> {
    match reply {
        Reply::Found(body) => Ok(body),
        Reply::Unknown | Reply::Rejected(_) => Err(UpstreamFailure::Unreadable),
    }
}

/// The items of a list of objects, each as it is written: no digit is lost.
pub(crate) fn items<'a>(list: &Object<'a>, name: &str) -> Result<Vec<&'a str>, UpstreamFailure> {
    let text = list.raw(name).ok_or(UpstreamFailure::Unreadable)?;
    let items: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|_| UpstreamFailure::Unreadable)?;
    let items: Vec<&str> = items.into_iter().map(RawValue::get).collect();
    if items.iter().all(|item| item.starts_with('{')) {
        Ok(items)
    } else {
        Err(UpstreamFailure::Unreadable)
    }
}

/// An item as a webhook's body of its own.
pub(crate) fn event(item: &str) -> Bytes {
    Bytes::copy_from_slice(item.as_bytes())
}

async fn read_body(
    response: &mut reqwest::Response,
    bytes_max: usize,
) -> Result<Bytes, UpstreamFailure> {
    let mut body = BytesMut::new();
    loop {
        let chunk = response.chunk().await;
        let Some(chunk) = chunk.map_err(|_| UpstreamFailure::Unavailable)? else {
            return Ok(body.freeze());
        };
        if body.len().saturating_add(chunk.len()) > bytes_max {
            return Err(UpstreamFailure::Unreadable);
        }
        body.extend_from_slice(&chunk);
    }
}
