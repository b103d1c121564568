//! A provider's API, as far as a webhook that is only a hint needs it: what a payment is.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A running stand-in.
pub(super) struct Api {
    stop: CancellationToken,
    serving: JoinSet<()>,
}

type Truths = Arc<Vec<(String, Bytes)>>;

/// Serves what is true of these payments, by their ids, under the paths that Mollie and Mercado
/// Pago have for a payment.
pub(super) async fn serve(
    address: SocketAddr,
    truths: Vec<(String, Bytes)>,
) -> anyhow::Result<Api> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} (--api)"))?;
    let app = Router::new()
        .route("/v2/payments/{id}", get(payment))
        .route("/v1/payments/{id}", get(payment))
        .with_state(Arc::new(truths));
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let server = axum::serve(listener, app);
        let ended = server.with_graceful_shutdown(async move { stopped.cancelled().await });
        // The command's own end tells what came of it.
        let _ = ended.await;
    });
    Ok(Api { stop, serving })
}

impl Api {
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        while self.serving.join_next().await.is_some() {}
    }
}

async fn payment(State(truths): State<Truths>, Path(id): Path<String>) -> Response {
    // Of several with the same id the last to happen is what is so.
    match truths.iter().find(|(each, _)| *each == id) {
        Some((_, body)) => {
            ([(header::CONTENT_TYPE, "application/json")], body.clone()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
