//! Real HTTP servers on the loopback, alive as long as a test talks to them.

use std::future::IntoFuture as _;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::any;
use axum::serve::ListenerExt as _;
use futures_util::future::{Either, select};
use tokio::net::{TcpListener, TcpSocket};

/// What a server was sent.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) requests: Mutex<Vec<(String, HeaderMap, String)>>,
    pub(crate) connections: AtomicUsize,
}

/// Runs `test` with the address of a server that answers everything as `answer` says.
pub(crate) async fn with_server<T>(
    answer: impl Fn() -> Response + Clone + Send + Sync + 'static,
    test: impl AsyncFnOnce(String, Arc<Seen>) -> T,
) -> T {
    let seen = Arc::new(Seen::default());
    let note = Arc::clone(&seen);
    let handler = move |request: axum::extract::Request| async move {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let sent = (parts.uri.to_string(), parts.headers, body);
        note.requests.lock().unwrap().push(sent);
        answer()
    };
    with_router(Router::new().fallback(any(handler)), seen, test).await
}

/// An address where nobody answers, held for as long as the socket lives.
pub(crate) fn refusing_address() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}/settle", socket.local_addr().unwrap());
    (socket, url)
}

/// Runs `test` with the address of this server.
pub(crate) async fn with_router<T>(
    router: Router,
    seen: Arc<Seen>,
    test: impl AsyncFnOnce(String, Arc<Seen>) -> T,
) -> T {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/settle", listener.local_addr().unwrap());
    let accepted = Arc::clone(&seen);
    let listener = listener.tap_io(move |_| {
        accepted.connections.fetch_add(1, Ordering::Relaxed);
    });
    let server = pin!(axum::serve(listener, router).into_future());
    match select(server, pin!(test(url, seen))).await {
        Either::Left((ended, _)) => panic!("the server ended: {ended:?}"),
        Either::Right((result, _)) => result,
    }
}
