//! A payment gateway over real HTTP that writes down what it is asked. It lives in the test's
//! process, so it survives the server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::ledger::{Act, Asked, Ledger};

/// A running gateway. Ends with its handle.
pub(crate) struct Gateway {
    pub(crate) ledger: Arc<Ledger>,
    address: SocketAddr,
    _serving: JoinSet<()>,
}

impl Gateway {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let ledger = Arc::new(Ledger::default());
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::clone(&ledger)));
        Self {
            ledger,
            address,
            _serving: serving,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/settle", self.address)
    }

    /// The configuration that makes payhook ask this gateway.
    pub(crate) fn config(&self) -> String {
        let url = self.url();
        format!("gateway.kind = 'http'\ngateway.http.url = '{url}'\n")
    }
}

async fn serve(listener: TcpListener, ledger: Arc<Ledger>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let ledger = Arc::clone(&ledger);
        connections.spawn(async move {
            let service = service_fn(|request| answer(request, &ledger));
            // A connection ends with an error when an act hangs up, or the server was killed.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(request: Request<Incoming>, ledger: &Ledger) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), usize::MAX)
        .await
        .map_err(io::Error::other)?;
    let body: Value = serde_json::from_slice(&body)?;
    let asked = Asked {
        key: text(&head.headers, "idempotency-key"),
        payment: body["paymentId"].as_str().unwrap_or_default().to_owned(),
        headers: head
            .headers
            .keys()
            .map(|name| (name.to_string(), text(&head.headers, name.as_str())))
            .collect(),
        body,
        at: Instant::now(),
    };
    let (key, payment) = (asked.key.clone(), asked.payment.clone());
    let settle = || receipt(&ledger.act(&key, &payment));
    match ledger.ask(asked) {
        Act::Settle => whole(200, &[], &settle()),
        Act::Refuse(status, headers) => whole(status, &headers, &json!({"refused": true})),
        Act::SettleSlowly(latency) => {
            let receipt = settle();
            super::pass(latency).await;
            whole(200, &[], &receipt)
        }
        Act::SettleWhenReleased(released) => {
            released.notified().await;
            whole(200, &[], &settle())
        }
        Act::LoseAnswer => {
            let text = settle().to_string();
            let half = Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]);
            let parts = [
                Ok(half),
                Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
            ];
            Ok(Response::new(Body::from_stream(
                futures_util::stream::iter(parts),
            )))
        }
        Act::HangUp => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

fn receipt(transaction: &str) -> Value {
    json!({"transactionId": transaction, "processedAt": "2026-01-02T03:04:05.678Z"})
}

fn whole(
    status: u16,
    headers: &[(&'static str, String)],
    body: &Value,
) -> io::Result<Response<Body>> {
    let response = Response::builder().status(status);
    headers
        .iter()
        .fold(response, |response, (name, value)| {
            response.header(*name, value)
        })
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .map_err(io::Error::other)
}

fn text(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).map(|value| value.as_bytes());
    String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
}
