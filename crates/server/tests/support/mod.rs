//! The real binary on loopback, everything around it, and ways to wait that are bounded.
//!
//! Every process that is started here is ended by its own handle, also when a test panics.

pub(crate) mod browser;
pub(crate) mod gateway;
pub(crate) mod home;
pub(crate) mod ledger;
pub(crate) mod luck;
pub(crate) mod mail;
pub(crate) mod provider;
pub(crate) mod receiver;
pub(crate) mod server;
pub(crate) mod stand_in;
pub(crate) mod tcp;
pub(crate) mod tls;
pub(crate) mod webhook;
pub(crate) mod workflow;

use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use serde_json::Value;

/// How long anything may take that is expected to happen. Generous: a machine under load is
/// slow, and only a test that fails waits for all of it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Pause between two looks at something that is expected to happen.
const PAUSE: Duration = Duration::from_millis(20);

/// An HTTP answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn read(response: reqwest::Response) -> reqwest::Result<Self> {
        Ok(Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await?,
        })
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header's value; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// That it is the refusal with this status, code and words, as JSON and nothing else.
    #[track_caller]
    pub(crate) fn refuses(&self, status: u16, code: &str, words: &str) {
        assert_eq!(self.status, status, "{self:?}");
        let expected = serde_json::json!({"error": words, "code": code});
        assert_eq!(self.json(), expected, "{self:?}");
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
    }

    /// That it is a 200 whose event was `stored`, a `duplicate` or a `conflict`.
    #[track_caller]
    pub(crate) fn accepts(&self, outcome: &str) {
        let found = (self.status, self.header("x-payhook-outcome"));
        assert_eq!(found, (200, outcome), "{self:?}");
    }
}

/// Lets real time pass: the latency of a gateway, the pace of a sender, the life of a server
/// that will be killed. Nothing may be true only because of it; for that there is [`until`].
pub(crate) async fn pass(span: Duration) {
    let due = tokio::time::Instant::now() + span;
    // One tick of a timer; the period is for a second one that never comes.
    tokio::time::interval_at(due, PATIENCE).tick().await;
}

/// Looks until `look` finds what it looks for, at what other processes do and tell nobody.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::park_timeout(PAUSE);
    }
}

/// As [`until`], for looks over the network.
pub(crate) async fn until_async<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        pass(PAUSE).await;
    }
}
