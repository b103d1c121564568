//! A listener with bounds: so many connections, so long for a request's head, and an end that
//! finishes what was begun.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// A bound address. A loop that panicked serves it again; once told to stop it is closed, so
/// that whoever calls then is refused at once, and not kept waiting for nobody.
#[derive(Debug)]
pub(crate) struct Door(Mutex<Option<Arc<TcpListener>>>);

impl Door {
    /// A door that is open.
    pub(crate) fn new(listener: TcpListener) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(Arc::new(listener)))))
    }

    fn listener(&self) -> Option<Arc<TcpListener>> {
        self.slot().clone()
    }

    fn close(&self) {
        *self.slot() = None;
    }

    fn slot(&self) -> MutexGuard<'_, Option<Arc<TcpListener>>> {
        // Nothing can panic while it is locked, so what it guards is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long to wait after `accept` failed: most often for want of file descriptors, which
/// closing connections give back.
const PAUSE_AFTER_TROUBLE: Duration = Duration::from_millis(100);

/// Serves `app` until told to stop, then lets every request that was begun end.
pub(crate) async fn serve(door: Arc<Door>, app: Router, bounds: Bounds, stop: CancellationToken) {
    let Some(listener) = door.listener() else {
        return;
    };
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
                    // Who has said all and hangs up, or says no more, gets its webhook into
                    // custody like anybody: a sender whose patience is shorter than the store
                    // is slow would otherwise send for ever and never be kept.
                    .half_close(true)
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
    door.close();
    drop(listener);
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
