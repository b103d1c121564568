//! A stand-in for a provider, and what is sent to it.

use std::future::IntoFuture as _;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use domain::delivery::{Headers, QUERY, RawDelivery};
use domain::providers::{Provider, ProviderId, Settings};
use domain::secret::Secret;
use domain::source::{Handling, Source, SourceName};
use domain::time::{Millis, Timestamp};
use engine::clock::{ManualClock, SystemClock};
use futures_util::future::{Either, select};
use tokio::net::TcpListener;
use upstream::{ApiSettings, HttpUpstream, Options};

pub(crate) const TOKEN: &str = "hunter2_test_key";

/// One request as the stand-in has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: String,
}

/// Everything that a stand-in was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Asked>>>);

impl Log {
    pub(crate) fn all(&self) -> Vec<Asked> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn uris(&self) -> Vec<String> {
        self.all().into_iter().map(|asked| asked.uri).collect()
    }
}

/// Runs `test` with the address of a server that answers as `answer` says.
pub(crate) async fn with_server<T>(
    answer: impl Fn(&Asked) -> Response + Clone + Send + Sync + 'static,
    test: impl AsyncFnOnce(String, Log) -> T,
) -> T {
    let log = Log::default();
    let note = log.clone();
    let handler = move |request: Request| async move {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let authorization = parts.headers.get(AUTHORIZATION);
        let asked = Asked {
            method: parts.method.to_string(),
            uri: parts.uri.to_string(),
            authorization: authorization.map(|value| value.to_str().unwrap().to_owned()),
            body: String::from_utf8(body.to_vec()).unwrap(),
        };
        note.0.lock().unwrap().push(asked.clone());
        // Others get their turn while this one is under way.
        tokio::task::yield_now().await;
        answer(&asked)
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(any(handler));
    let server = pin!(axum::serve(listener, router).into_future());
    match select(server, pin!(test(url, log))).await {
        Either::Left((ended, _)) => panic!("the server ended: {ended:?}"),
        Either::Right((result, _)) => result,
    }
}

/// An address that takes connections and never says anything.
pub(crate) async fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

pub(crate) fn reply(status: u16, body: impl Into<Body>) -> Response {
    let response = Response::builder().status(status);
    response.body(body.into()).unwrap()
}

pub(crate) fn source(provider: ProviderId) -> Source {
    Source {
        name: SourceName::try_new("shop").unwrap(),
        provider: Provider::try_new(provider, Settings::default()).unwrap(),
        secrets: Vec::new(),
        when_authenticated: Handling::Fetch,
    }
}

pub(crate) fn api(base: &str, token: &str) -> ApiSettings {
    ApiSettings {
        token: Secret::new("api", token),
        base_url: Some(base.to_owned()),
        timeout: Millis::from_secs(20),
    }
}

/// One source's API at `base`, by the machine's own clock.
pub(crate) fn upstream(base: &str) -> HttpUpstream {
    upstream_with(api(base, TOKEN), &Options::default())
}

pub(crate) fn upstream_with(api: ApiSettings, options: &Options) -> HttpUpstream {
    let apis = [(SourceName::try_new("shop").unwrap(), api)];
    HttpUpstream::try_new(apis, options, Arc::new(SystemClock)).unwrap()
}

pub(crate) fn at(base: &str, token: &str, clock: &ManualClock) -> HttpUpstream {
    let apis = [(SourceName::try_new("shop").unwrap(), api(base, token))];
    HttpUpstream::try_new(apis, &Options::default(), Arc::new(clock.clone())).unwrap()
}

pub(crate) fn hint(query: &str, body: &str) -> RawDelivery {
    RawDelivery {
        source: SourceName::try_new("shop").unwrap(),
        headers: Headers::new([(QUERY, Bytes::copy_from_slice(query.as_bytes()))]),
        body: Bytes::copy_from_slice(body.as_bytes()),
        received_at: Timestamp::from_millis(0),
    }
}
