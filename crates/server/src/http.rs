//! A listener with bounds: so many connections, so long for a request's head and for taking an
//! answer, requests that can be read in one way only, and an end that finishes what was begun.

mod framing;
pub(crate) mod proxies;
mod seats;
mod service;
mod stream;
pub(crate) mod tls;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use engine::metrics::{ConnectionLabels, ListenerLabel, Metrics};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use self::framing::HEAD_BYTES_MAX;
use self::proxies::Proxies;
use self::seats::{Seat, Seats};
use self::service::Served;
use self::stream::Guarded;
use self::tls::Certificate;

/// What a listener is told by the configuration.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// The proxies before it.
    pub(crate) proxies: Arc<Proxies>,
    /// What it proves itself with; nothing where it speaks no TLS.
    pub(crate) certificate: Option<Arc<Certificate>>,
    /// Most open connections. One more waits until one of them, that waits itself, has left.
    pub(crate) connections_max: usize,
    /// Longest time for a request's head, from the first byte of the connection or the end of
    /// the request before; and for the handshake before both.
    pub(crate) head_timeout: Duration,
    /// Longest time in which the other side takes nothing of an answer.
    pub(crate) stall_timeout: Duration,
    /// Longest time for finishing what was begun when asked to stop.
    pub(crate) stop_timeout: Duration,
}

/// A listener's name in metrics, and where they are.
#[derive(Debug, Clone)]
pub(crate) struct Counters {
    /// `front` or `admin`.
    pub(crate) listener: &'static str,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
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

impl Counters {
    fn ended(&self, reason: &'static str, count: usize) {
        let labels = ConnectionLabels {
            listener: self.listener.to_owned(),
            reason: reason.to_owned(),
        };
        let ended = self.metrics.connections_ended.get_or_create(&labels);
        ended.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    fn open(&self, change: i64) {
        let label = ListenerLabel {
            listener: self.listener.to_owned(),
        };
        let open = self.metrics.connections_open.get_or_create(&label);
        open.inc_by(change);
    }
}

/// How long to wait after `accept` failed: most often for want of file descriptors, which
/// closing connections give back.
const PAUSE_AFTER_TROUBLE: Duration = Duration::from_millis(100);

/// Serves `app` until told to stop, then lets every request that was begun end.
pub(crate) async fn serve(
    door: Arc<Door>,
    app: Router,
    (bounds, counters): (Bounds, Counters),
    stop: CancellationToken,
) {
    let Some(listener) = door.listener() else {
        return;
    };
    let seats = Seats::new(bounds.connections_max);
    let graceful = GracefulShutdown::new();
    let tracker = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &seats, &counters) => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok(connection) => {
                let about = (bounds.clone(), counters.clone());
                tracker.spawn(attend(connection, app.clone(), about, graceful.watcher()));
            }
            Err(trouble) => {
                warn!(%trouble, "a connection could not be accepted");
                tokio::time::sleep(PAUSE_AFTER_TROUBLE).await;
            }
        }
    }
    door.close();
    drop(listener);
    if timeout(bounds.stop_timeout, graceful.shutdown())
        .await
        .is_err()
    {
        warn!("some connections were cut: they did not end in time");
    }
}

/// A connection that was accepted, and its place.
struct Accepted {
    stream: TcpStream,
    peer: SocketAddr,
    seat: Arc<Seat>,
}

async fn accept(
    listener: &TcpListener,
    seats: &Arc<Seats>,
    counters: &Counters,
) -> std::io::Result<Accepted> {
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    // While this one waits for a place the next ones stay in the kernel's queue, where they cost us
    // nothing.
    let (seat, asked) = seats.take(peer.ip()).await;
    if asked > 0 {
        debug!(asked, "connections that waited were asked to make room");
        counters.ended("made_room", asked);
    }
    let seat = Arc::new(seat);
    Ok(Accepted { stream, peer, seat })
}

/// Greets a connection and answers it to its end.
async fn attend(
    Accepted { stream, peer, seat }: Accepted,
    app: Router,
    (bounds, counters): (Bounds, Counters),
    watcher: Watcher,
) {
    counters.open(1);
    let connection = (peer, Arc::clone(&seat));
    let about = (bounds.clone(), counters.clone());
    match &bounds.certificate {
        None => converse(stream, connection, app, (about, watcher)).await,
        Some(certificate) => {
            let greeting = certificate.acceptor().accept(stream);
            tokio::select! {
                greeted = timeout(bounds.head_timeout, greeting) => match greeted {
                    Ok(Ok(stream)) => converse(stream, connection, app, (about, watcher)).await,
                    Ok(Err(_)) | Err(_) => counters.ended("tls_handshake", 1),
                },
                // Nothing can be in the making on it.
                () = seat.asked() => {}
            }
        }
    }
    counters.open(-1);
}

/// Answers one connection to its end.
async fn converse<T: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: T,
    (peer, seat): (SocketAddr, Arc<Seat>),
    app: Router,
    ((bounds, counters), watcher): ((Bounds, Counters), Watcher),
) {
    let stream = Guarded::new(stream, bounds.stall_timeout, move |why| {
        debug!(%peer, why = why.as_str(), "a request that can be read in several ways, or none");
        counters.ended(why.as_str(), 1);
    });
    let served = Served::new(app, (peer.ip(), bounds.proxies), Arc::clone(&seat));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Who has said all and hangs up, or says no more, gets its webhook into custody like
        // anybody: a sender whose patience is shorter than the store is slow would otherwise send
        // for ever and never be kept.
        .half_close(true)
        .header_read_timeout(bounds.head_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), served);
    let mut connection = pin!(watcher.watch(connection));
    loop {
        tokio::select! {
            ended = &mut connection => {
                if let Err(broken) = ended {
                    debug!(%broken, "a connection ended early");
                }
                return;
            }
            () = seat.asked() => if seat.leaves() {
                return;
            }
        }
    }
}
