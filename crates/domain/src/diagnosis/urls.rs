//! The URLs that could have been signed: the registered one, a little changed in the ways that
//! people register another than they configure.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::delivery::{HeaderValue, RawDelivery};
use crate::signature::{HmacScheme, Template};

/// How the signed URL differs from the registered one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlChange {
    /// `http` instead of `https`, or the other way round.
    Scheme,
    /// A slash at its end more or less.
    TrailingSlash,
    /// Without the query, or with the one that arrived.
    Query,
    /// With the host that the request named.
    Host,
}

/// A URL to try.
pub(super) struct Url {
    pub(super) text: Option<String>,
    pub(super) change: Option<UrlChange>,
}

impl Url {
    pub(super) fn changes(&self) -> u8 {
        u8::from(self.change.is_some())
    }
}

/// The registered URL, and then every variation of it; one that is none where no URL is signed.
pub(super) fn urls(scheme: &HmacScheme, delivery: &RawDelivery) -> Vec<Url> {
    let mut urls = alloc::vec![Url {
        text: scheme.url.clone(),
        change: None,
    }];
    let Some(url) = scheme
        .url
        .as_deref()
        .filter(|_| scheme.signed.iter().any(Template::needs_url))
    else {
        return urls;
    };
    let mut add = |change, text: String| {
        if text != url {
            urls.push(Url {
                text: Some(text),
                change: Some(change),
            });
        }
    };
    match url.strip_prefix("https://") {
        Some(rest) => add(UrlChange::Scheme, alloc::format!("http://{rest}")),
        None => add(UrlChange::Scheme, url.replacen("http://", "https://", 1)),
    }
    match url.strip_suffix('/') {
        Some(rest) => add(UrlChange::TrailingSlash, rest.to_owned()),
        None => add(UrlChange::TrailingSlash, alloc::format!("{url}/")),
    }
    let (plain, _) = url.split_once('?').unwrap_or((url, ""));
    add(UrlChange::Query, plain.to_owned());
    if let HeaderValue::Once(query) = delivery.headers.one(crate::delivery::QUERY) {
        let query = String::from_utf8_lossy(query);
        add(UrlChange::Query, alloc::format!("{plain}?{query}"));
    }
    for name in ["host", "x-forwarded-host"] {
        if let HeaderValue::Once(host) = delivery.headers.one(name)
            && let Some((start, rest)) = url.split_once("://")
        {
            let path = rest.split_once('/').map_or("", |(_, path)| path);
            let host = String::from_utf8_lossy(host);
            add(UrlChange::Host, alloc::format!("{start}://{host}/{path}"));
        }
    }
    urls
}

impl fmt::Display for UrlChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Scheme => "one with http where this source has https, or the other way round",
            Self::TrailingSlash => "one with a slash at its end more, or less",
            Self::Query => "one with another query",
            Self::Host => "one with the host that the request named",
        })
    }
}
