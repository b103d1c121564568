//! What only a provider can tell: its certificates, what is true of a payment, and what it could
//! not deliver. A port; nothing here knows HTTP.

use std::future::ready;

use bytes::Bytes;
use domain::delivery::RawDelivery;
use domain::signature::Certificate;
use domain::source::Source;
use domain::time::Timestamp;
use futures_util::future::BoxFuture;

/// The providers' own APIs.
pub trait Upstream: Send + Sync + 'static {
    /// The certificate at `url`, its chain checked to a public root. Whoever asks has made sure that
    /// the URL is the provider's. An implementation keeps what it has fetched: every delivery asks.
    ///
    /// # Errors
    /// See [`UpstreamFailure`].
    fn certificate<'a>(
        &'a self,
        url: &'a str,
    ) -> BoxFuture<'a, Result<Certificate, UpstreamFailure>>;

    /// What the provider says of the thing that `hint` is about; `None` when it knows no such thing.
    ///
    /// # Errors
    /// See [`UpstreamFailure`].
    fn truth<'a>(
        &'a self,
        source: &'a Source,
        hint: &'a RawDelivery,
    ) -> BoxFuture<'a, Result<Option<Bytes>, UpstreamFailure>>;

    /// A page of events that the provider has, from `since` on, in its own order. `cursor` is the
    /// last page's `next`.
    ///
    /// # Errors
    /// See [`UpstreamFailure`].
    fn events<'a>(
        &'a self,
        source: &'a Source,
        since: Timestamp,
        cursor: Option<String>,
    ) -> BoxFuture<'a, Result<EventPage, UpstreamFailure>>;
}

/// A page of what a provider has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// Each event as its webhook's body would be.
    pub events: Vec<Bytes>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

/// Why a provider has told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum UpstreamFailure {
    /// It was not reached, answered too late, or says that it cannot now. Passing.
    #[error("the provider's API cannot be reached now")]
    Unavailable,
    /// It refuses our credentials, or there are none. A person must mend that.
    #[error("the provider's API refuses our credentials, or none are configured")]
    Unauthorized,
    /// Its answer is not what its documentation says, or too long.
    #[error("the provider's answer cannot be read")]
    Unreadable,
    /// The certificate's chain leads to no root that is trusted.
    #[error("the certificate is not to be trusted")]
    Untrusted,
    /// This provider has nothing like that.
    #[error("this provider cannot be asked for that")]
    Unsupported,
}

/// Nobody to ask.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoUpstream;

impl Upstream for NoUpstream {
    fn certificate<'a>(
        &'a self,
        _url: &'a str,
    ) -> BoxFuture<'a, Result<Certificate, UpstreamFailure>> {
        Box::pin(ready(Err(UpstreamFailure::Unsupported)))
    }

    fn truth<'a>(
        &'a self,
        _source: &'a Source,
        _hint: &'a RawDelivery,
    ) -> BoxFuture<'a, Result<Option<Bytes>, UpstreamFailure>> {
        Box::pin(ready(Err(UpstreamFailure::Unsupported)))
    }

    fn events<'a>(
        &'a self,
        _source: &'a Source,
        _since: Timestamp,
        _cursor: Option<String>,
    ) -> BoxFuture<'a, Result<EventPage, UpstreamFailure>> {
        Box::pin(ready(Err(UpstreamFailure::Unsupported)))
    }
}
