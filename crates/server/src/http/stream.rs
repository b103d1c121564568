//! The bytes of a connection: guarded on the way in, and not waited for without end on the way out.
//!
//! At the byte at which [`Framing`] says that a connection makes no sense the HTTP library is shown
//! a NUL, and then the end. A NUL is refused wherever it can stand: the library answers what was
//! asked before it, refuses this with 400, and hangs up. So nothing after it is ever read as
//! another request.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::framing::{Framing, Misframed};

/// A connection with its guards.
pub(crate) struct Guarded<T> {
    io: T,
    framing: Framing,
    misframed: Option<Misframed>,
    on_misframed: Box<dyn Fn(Misframed) + Send>,
    /// Runs while the other side takes nothing of what is written.
    stalled: Option<Pin<Box<Sleep>>>,
    stall_timeout: Duration,
}

impl<T> Guarded<T> {
    /// Guards `io`. `on_misframed` hears of the end of sense, at most once; who takes no byte of an
    /// answer for `stall_timeout` is hung up on.
    pub(crate) fn new(
        io: T,
        stall_timeout: Duration,
        on_misframed: impl Fn(Misframed) + Send + 'static,
    ) -> Self {
        Self {
            io,
            framing: Framing::default(),
            misframed: None,
            on_misframed: Box::new(on_misframed),
            stalled: None,
            stall_timeout,
        }
    }

    /// Lets a write that cannot go on wait for so long, and no longer.
    fn bound<R>(
        &mut self,
        written: Poll<io::Result<R>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let timeout = self.stall_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(stalled.as_mut().poll(context));
        let error = io::Error::new(io::ErrorKind::TimedOut, "the other side takes no answer");
        Poll::Ready(Err(error))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Guarded<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.misframed.is_some() {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(context, buffer))?;
        if let Err((at, why)) = this.framing.feed(&buffer.filled()[before..]) {
            this.misframed = Some(why);
            (this.on_misframed)(why);
            buffer.set_filled(before + at);
            buffer.put_slice(&[0]);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Guarded<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(context, bytes);
        this.bound(written, context)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.io).poll_flush(context);
        this.bound(flushed, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let ended = Pin::new(&mut this.io).poll_shutdown(context);
        this.bound(ended, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write_vectored(context, slices);
        this.bound(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
