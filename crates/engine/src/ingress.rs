//! HTTP in, status out. The only place where a status code is chosen.
//!
//! A request is answered in this order of precedence, each with a JSON body that holds a
//! stable `code` beside the words in `error`:
//!
//! | status | code | when |
//! |---|---|---|
//! | 404 | `not_found`, `unknown_source` | no such path, no such source |
//! | 403 | `address_not_allowed` | this source is not called from there |
//! | 405 | `method_not_allowed` | anything but POST |
//! | 200 | | a question that the provider asks of its endpoints (Braintree's challenge) |
//! | 503 | `secrets_unavailable` | the source's secrets cannot be had now |
//! | 503 | `intake_full` | more requests are being read than the bound allows |
//! | 413 | `body_too_large` | the body passes the limit |
//! | 408 | `body_timeout` | the body came too slowly |
//! | 400 | `body_broken` | the body ended early, or not where it said |
//! | 429 | `too_many_failures` | nothing was proven, and too often of late by the same address or at the same source |
//! | 415 | `body_encoded` | compressed, and not admitted as it came: it is never unpacked |
//! | 400 | `signature_missing` | no signature header |
//! | 401 | `signature_invalid` | the signature proves nothing, whatever its form |
//! | 503 | `provider_unavailable` | what only the provider's API can tell cannot be had now |
//! | 403 | `not_verified` | the sender is known, but this source wants the body signed |
//! | 422 | `card_data` | it holds a card number or a security code, and the source sets that apart |
//! | 404 | `unknown_to_provider` | the provider's API knows nothing of it |
//! | 400 | `malformed_json` | signed, but no JSON object |
//! | 400 | `missing_field` | signed, but without a required field |
//! | 422 | `invalid_value` | signed, but a value makes no sense |
//! | 429 | `rate_exceeded` | proven, but this source brings more than it may |
//! | 503 | `store_unavailable` | custody cannot be taken now |
//! | 500 | `internal` | a bug of ours, caught |
//! | 200 | | custody: the bytes are durable here |
//!
//! 2xx says custody and nothing more, so a bad business event never becomes a refusal. `malformed_json`,
//! `missing_field` and `invalid_value` are the generic source's alone, whose senders are the
//! operator's own; what another provider sends is kept and shown to a person.

mod doorman;
mod explain;
mod network;
mod rate;
mod sources;
mod receive;
mod respond;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::any;
use domain::source::SourceName;
use tokio::sync::Semaphore;

use crate::clock::{Clock, Luck};
use crate::metrics::Metrics;
use crate::store::{EventLog, Quarantine};
use crate::upstream::Upstream;

pub use doorman::{ClientAddress, Doorman, Failures, Rules, neighbourhood};
pub use explain::Explainer;
pub use network::{InvalidNetwork, Network};
pub use rate::Rate;
pub use respond::{OUTCOME_HEADER, TRACE_HEADER};
pub use sources::{FixedSources, SecretsUnavailable, Sources};

/// What the front door is told by the configuration.
#[derive(Debug, Clone)]
pub struct IngressOptions {
    /// A path such as `/prod` before `/webhooks`; empty for none.
    pub base_path: String,
    /// Longest body, in bytes.
    pub body_bytes_max: usize,
    /// Longest time from the head of a request to the end of its body.
    pub body_timeout: Duration,
    /// Longest wait for custody before the sender is told to try again.
    pub custody_timeout: Duration,
    /// Most requests whose bodies are in memory at once; times [`Self::body_bytes_max`] is the
    /// most memory that senders can take.
    pub requests_max: usize,
    /// Says in the log why signatures are refused; `None` where nobody reads it there.
    pub explainer: Option<Explainer>,
    /// Who may call, and how often.
    pub doorman: Arc<Doorman>,
}

/// The front door.
pub struct Ingress<S> {
    sources: Arc<dyn Sources>,
    store: Arc<S>,
    clock: Arc<dyn Clock>,
    luck: Arc<dyn Luck>,
    metrics: Arc<Metrics>,
    options: IngressOptions,
    intake: Semaphore,
    upstream: Arc<dyn Upstream>,
}

impl<S: EventLog + Quarantine + Send + Sync + 'static> Ingress<S> {
    /// A front door for `sources`, which asks `upstream` what only a provider can tell.
    pub fn new(
        (sources, upstream): (Arc<dyn Sources>, Arc<dyn Upstream>),
        store: Arc<S>,
        (clock, luck): (Arc<dyn Clock>, Arc<dyn Luck>),
        metrics: Arc<Metrics>,
        options: IngressOptions,
    ) -> Arc<Self> {
        let intake = Semaphore::new(options.requests_max);
        Arc::new(Self {
            sources,
            store,
            clock,
            luck,
            metrics,
            options,
            intake,
            upstream,
        })
    }
}

impl<S> std::fmt::Debug for Ingress<S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Ingress")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Every route of the front door: `POST {base}/webhooks` for the source named `generic`, and
/// `POST {base}/webhooks/{source}` for every source.
pub fn router<S: EventLog + Quarantine + Send + Sync + 'static>(
    ingress: Arc<Ingress<S>>,
) -> Router {
    let base = ingress.options.base_path.trim_end_matches('/').to_owned();
    Router::new()
        .route(&format!("{base}/webhooks"), any(webhook::<S>))
        .route(
            &format!("{base}/webhooks/{{source}}"),
            any(webhook_of_source::<S>),
        )
        .fallback(|| async { respond::not_found() })
        .with_state(ingress)
}

async fn webhook<S: EventLog + Quarantine + Send + Sync + 'static>(
    State(ingress): State<Arc<Ingress<S>>>,
    request: Request,
) -> Response {
    receive::answer(&ingress, SourceName::generic().as_str(), request).await
}

async fn webhook_of_source<S: EventLog + Quarantine + Send + Sync + 'static>(
    State(ingress): State<Arc<Ingress<S>>>,
    source: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    // A name that is no Unicode is the name of no source.
    let name = source.map(|Path(name)| name).unwrap_or_default();
    receive::answer(&ingress, &name, request).await
}
