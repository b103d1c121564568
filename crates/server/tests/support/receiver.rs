//! An application over real HTTP that is told what becomes of payments, and writes it down. It
//! lives in the test's process, so it survives the server. A path is an endpoint.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use domain::delivery::{Headers, RawDelivery};
use domain::secret::Secret;
use domain::signature::Scheme;
use domain::source::SourceName;
use domain::time::{Millis, Timestamp};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The key that every endpoint is configured with.
pub(crate) const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A running application. Ends with its handle.
pub(crate) struct Receiver {
    address: SocketAddr,
    book: Arc<Book>,
    _serving: JoinSet<()>,
}

/// A message that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) endpoint: String,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

/// How a message is answered.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// With this status, and this `Retry-After`.
    Say(u16, Option<u64>),
    /// Not at all: the connection is closed.
    HangUp,
    /// Never.
    Hang,
}

#[derive(Default)]
struct Book {
    scripts: Mutex<HashMap<String, VecDeque<Act>>>,
    arrived: Mutex<Vec<Arrived>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let book = Arc::new(Book::default());
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::clone(&book)));
        Self {
            address,
            book,
            _serving: serving,
        }
    }

    /// What an endpoint answers first; then it says 200.
    pub(crate) fn script(&self, endpoint: &str, acts: impl IntoIterator<Item = Act>) {
        let mut scripts = self.book.scripts.lock().unwrap();
        scripts.insert(endpoint.to_owned(), acts.into_iter().collect());
    }

    /// The configuration of these endpoints, with `more` in each, and attempts a second apart.
    pub(crate) fn config(&self, endpoints: &[&str], more: &str) -> String {
        let mut config = "notify.schedule_seconds = [0, 1, 1]\n".to_owned();
        for name in endpoints {
            config.push_str(&format!(
                "[notify.endpoints.{name}]\nurl = 'http://{}/{name}'\n\
                 secrets = [{{ value = '{KEY}', in_clear = true }}]\n{more}\n",
                self.address
            ));
        }
        config
    }

    /// What has arrived at an endpoint so far, in order.
    pub(crate) fn at(&self, endpoint: &str) -> Vec<Arrived> {
        let arrived = self.book.arrived.lock().unwrap();
        let here = arrived.iter().filter(|each| each.endpoint == endpoint);
        here.cloned().collect()
    }

    /// The ids of what has arrived at an endpoint.
    pub(crate) fn ids(&self, endpoint: &str) -> Vec<String> {
        self.at(endpoint).iter().map(Arrived::id).collect()
    }
}

impl Act {
    pub(crate) fn say(status: u16) -> Self {
        Self::Say(status, None)
    }
}

impl Arrived {
    pub(crate) fn id(&self) -> String {
        self.header("webhook-id").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// Whether a receiver that holds `key` believes it, at the time that it says.
    pub(crate) fn is_proved_by(&self, key: &str) -> bool {
        let seconds: i64 = self.header("webhook-timestamp").parse().unwrap();
        let pairs = self.headers.iter();
        let delivery = RawDelivery {
            source: SourceName::generic(),
            headers: Headers::new(
                pairs
                    .map(|(name, value)| (name.as_str(), Bytes::copy_from_slice(value.as_bytes()))),
            ),
            body: self.bytes.clone(),
            received_at: Timestamp::from_millis(seconds * 1000),
        };
        let scheme = Scheme::StandardWebhooks {
            tolerance: Some(Millis::from_secs(300)),
        };
        scheme.check(delivery, &[Secret::new("it", key)]).is_ok()
    }
}

async fn serve(listener: TcpListener, book: Arc<Book>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let book = Arc::clone(&book);
        connections.spawn(async move {
            let service = service_fn(|request| answer(request, &book));
            // A connection ends with an error when an act hangs up, or the server was killed.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(request: Request<Incoming>, book: &Book) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let bytes = axum::body::to_bytes(Body::new(body), usize::MAX);
    let bytes = bytes.await.map_err(io::Error::other)?;
    let endpoint = head.uri.path().trim_start_matches('/').to_owned();
    let act = book
        .scripts
        .lock()
        .unwrap()
        .get_mut(&endpoint)
        .and_then(VecDeque::pop_front)
        .unwrap_or(Act::Say(200, None));
    book.arrived.lock().unwrap().push(Arrived {
        endpoint,
        headers: head.headers,
        bytes,
    });
    match act {
        Act::Say(status, retry_after) => {
            let response = Response::builder().status(status);
            let response = match retry_after {
                Some(seconds) => response.header("retry-after", seconds),
                None => response,
            };
            // A redirection that is followed would arrive at another endpoint.
            let response = response.header("location", "/elsewhere");
            response.body(Body::empty()).map_err(io::Error::other)
        }
        Act::HangUp => Err(io::ErrorKind::ConnectionAborted.into()),
        Act::Hang => std::future::pending().await,
    }
}
