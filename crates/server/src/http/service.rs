//! A router as one connection calls it: with what is known of the connection, and marked as busy
//! until the last byte of its answer has been handed on.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::{HeaderValue, Request, Response, header};
use bytes::Bytes;
use engine::ingress::{ClientAddress, OUTCOME_HEADER};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::service::TowerToHyperService;

use super::proxies::Proxies;
use super::seats::{Busy, Seat};

/// The service of one connection.
#[derive(Debug)]
pub(crate) struct Served {
    app: TowerToHyperService<Router>,
    peer: IpAddr,
    proxies: Arc<Proxies>,
    seat: Arc<Seat>,
}

impl Served {
    /// Serves `app` to the connection in `seat`, whose other side is `peer`.
    pub(crate) fn new(
        app: Router,
        (peer, proxies): (IpAddr, Arc<Proxies>),
        seat: Arc<Seat>,
    ) -> Self {
        let app = TowerToHyperService::new(app);
        Self {
            app,
            peer,
            proxies,
            seat,
        }
    }
}

impl hyper::service::Service<Request<Incoming>> for Served {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let client = self.proxies.client(self.peer, request.headers());
        request.extensions_mut().insert(ClientAddress(client));
        let busy = self.seat.busy();
        let seat = Arc::clone(&self.seat);
        let answering = self.app.call(request);
        Box::pin(async move {
            let mut answer = answering.await?;
            if seat.is_wanted() {
                let close = HeaderValue::from_static("close");
                answer.headers_mut().insert(header::CONNECTION, close);
            }
            if answer.headers().contains_key(OUTCOME_HEADER) {
                seat.prove();
            }
            Ok(answer.map(|body| Answer { body, _busy: busy }))
        })
    }
}

/// An answer's body.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
