//! A listener with bounds: so many connections, so long for a request's head, and an end that
//! finishes what was begun.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

/// What a listener is told by the configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Most open connections; the next one waits to be accepted.
    pub(crate) connections_max: usize,
    /// Longest time for a request's head, from the first byte of the connection or the end of
    /// the request before.
    pub(crate) head_timeout: Duration,
    /// Longest time for finishing what was begun when asked to stop.
    pub(crate) stop_timeout: Duration,
}

/// How long to wait after `accept` failed: most often for want of file descriptors, which
/// closing connections give back.
const PAUSE_AFTER_TROUBLE: Duration = Duration::from_millis(100);

/// Serves `app` until told to stop, then lets every request that was begun end.
pub(crate) async fn serve(
    listener: Arc<TcpListener>,
    app: Router,
    bounds: Bounds,
    stop: CancellationToken,
) {
    let seats = Arc::new(Semaphore::new(bounds.connections_max));
    let graceful = GracefulShutdown::new();
    let tracker = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &seats) => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, seat)) => {
                let service = TowerToHyperService::new(app.clone());
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(bounds.head_timeout)
                    .max_buf_size(domain::limits::HEADER_BYTES_MAX)
                    .serve_connection(TokioIo::new(stream), service);
                let connection = graceful.watch(connection);
                tracker.spawn(async move {
                    if let Err(broken) = connection.await {
                        debug!(%broken, "a connection ended early");
                    }
                    drop(seat);
                });
            }
            Err(trouble) => {
                warn!(%trouble, "a connection could not be accepted");
                tokio::time::sleep(PAUSE_AFTER_TROUBLE).await;
            }
        }
    }
    if tokio::time::timeout(bounds.stop_timeout, graceful.shutdown())
        .await
        .is_err()
    {
        warn!("some connections were cut: they did not end in time");
    }
}

async fn accept(
    listener: &TcpListener,
    seats: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    // A seat first: a connection without one stays in the kernel's queue, where it costs us
    // nothing.
    let seat = Arc::clone(seats)
        .acquire_owned()
        .await
        .map_err(|_| std::io::ErrorKind::NotConnected)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, seat))
}
