//! The providers' own APIs over HTTP: the port [`engine::upstream::Upstream`] for real.
//!
//! In reading order: `settings` is what an operator says, `client` the one bounded request;
//! `flutterwave`, `mercado_pago` and `mollie` know where the truth behind a hint is, `mollie`,
//! `paypal` and `stripe` how missed events are listed; `chain` judges a certificate and
//! `certificates` keeps it.
//!
//! What arrives here may come from a forger: ids are checked before they get into a URL,
//! certificates come from PayPal's own folder only, answers are bounded in time and in bytes, and
//! no redirection is followed. Failures carry neither tokens nor any text of the other side.
#![warn(missing_docs)]

mod rate;
mod settings;
mod client;
mod hint;
mod flutterwave;
mod mercado_pago;
mod mollie;
mod paypal;
mod stripe;
mod chain;
mod certificates;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::delivery::RawDelivery;
use domain::providers::ProviderId;
use domain::signature::{Certificate, Scheme};
use domain::source::{Source, SourceName};
use domain::time::Timestamp;
use engine::clock::Clock;
use engine::upstream::{EventPage, Upstream, UpstreamFailure};
use futures_util::future::BoxFuture;

use certificates::Certificates;
use client::{Call, HttpClient};
use settings::Api;

pub use chain::{NoCertificate, pinned_certificate};
pub use settings::{ApiSettings, InvalidUpstream, Options};

/// Longest answer that is taken for the truth about one payment, in bytes. The providers' own are
/// a few KiB, and what is longer than a webhook may be could not be kept anyway.
const TRUTH_BYTES_MAX: usize = 256 * 1024;

/// Longest page of events, in bytes: 250 of Mollie's payments or 100 of Stripe's events are some
/// hundred KiB, and may be much more where merchants attach data of their own.
const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The providers' APIs, each with one source's credentials.
///
/// | Provider | truth | events |
/// |---|---|---|
/// | Flutterwave (v3) | yes | no |
/// | Mercado Pago | yes | no |
/// | Mollie (classic) | yes | yes |
/// | Mollie (next-gen) | no | yes |
/// | PayPal | no | yes |
/// | Stripe | no | yes |
pub struct HttpUpstream {
    client: HttpClient,
    apis: HashMap<SourceName, Api>,
    certificates: Certificates,
    clock: Arc<dyn Clock>,
}

/// Who can be asked for the truth behind a hint.
#[derive(Debug, Clone, Copy)]
enum TruthApi {
    Flutterwave,
    MercadoPago,
    Mollie,
}

/// Who can be asked for missed events.
#[derive(Debug, Clone, Copy)]
enum EventsApi {
    Mollie,
    Paypal,
    Stripe,
}

const TRUTHS: [(ProviderId, TruthApi); 3] = [
    (ProviderId::FlutterwaveV3, TruthApi::Flutterwave),
    (ProviderId::MercadoPago, TruthApi::MercadoPago),
    (ProviderId::MollieClassic, TruthApi::Mollie),
];

const EVENTS: [(ProviderId, EventsApi); 4] = [
    (ProviderId::Mollie, EventsApi::Mollie),
    (ProviderId::MollieClassic, EventsApi::Mollie),
    (ProviderId::Paypal, EventsApi::Paypal),
    (ProviderId::Stripe, EventsApi::Stripe),
];

impl HttpUpstream {
    /// Sets up the APIs of these sources. Nothing is sent yet.
    ///
    /// # Errors
    /// See [`InvalidUpstream`].
    pub fn try_new(
        apis: impl IntoIterator<Item = (SourceName, ApiSettings)>,
        options: &Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidUpstream> {
        let client = HttpClient::try_new()?;
        let mut known = HashMap::new();
        for (source, settings) in apis {
            let api = Api::try_new(&source, settings, options)?;
            if known.insert(source.clone(), api).is_some() {
                return Err(InvalidUpstream::Twice {
                    source_name: source,
                });
            }
        }
        Ok(Self {
            certificates: Certificates::try_new(client.clone(), options, Arc::clone(&clock))?,
            client,
            apis: known,
            clock,
        })
    }

    async fn truth_behind(
        &self,
        source: &Source,
        hint: &RawDelivery,
    ) -> Result<Option<Bytes>, UpstreamFailure> {
        let api = find(&TRUTHS, source).ok_or(UpstreamFailure::Unsupported)?;
        let (base, path) = match api {
            TruthApi::Flutterwave => (flutterwave::BASE, flutterwave::path(hint)),
            TruthApi::MercadoPago => (mercado_pago::BASE, mercado_pago::path(hint)),
            TruthApi::Mollie => (mollie::BASE, mollie::path(hint)),
        };
        // What names no payment is unknown without asking.
        let Some(path) = path else {
            return Ok(None);
        };
        let call = self.call(source, base)?;
        let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
        let url = call.url(&path)?;
        // A hint that nobody signed costs a forger nothing: only so many a second are followed.
        let is_free = source.provider.scheme() == &Scheme::Unsigned;
        if is_free && !call.api.hints.take(self.clock.now()) {
            return Err(UpstreamFailure::Unavailable);
        }
        // Whoever floods one source must not hold up the others, nor fill the front door.
        let waiting = call.api.waiting.try_acquire();
        let _place = waiting.map_err(|_| UpstreamFailure::Unavailable)?;
        let asking = async {
            let permit = call.api.truths.acquire().await;
            let _permit = permit.map_err(|_| UpstreamFailure::Unavailable)?;
            call.get(url, call.api.bearer()?, TRUTH_BYTES_MAX).await
        };
        let reply = within(call.api.timeout, asking).await?;
        match api {
            TruthApi::Flutterwave => flutterwave::read(&reply),
            TruthApi::MercadoPago | TruthApi::Mollie => client::one_object(reply),
        }
    }

    async fn page(
        &self,
        source: &Source,
        since: Timestamp,
        cursor: Option<&str>,
    ) -> Result<EventPage, UpstreamFailure> {
        let api = find(&EVENTS, source).ok_or(UpstreamFailure::Unsupported)?;
        let base = match api {
            EventsApi::Mollie => mollie::BASE,
            EventsApi::Paypal => paypal::BASE,
            EventsApi::Stripe => stripe::BASE,
        };
        let call = self.call(source, base)?;
        let asking = async {
            match api {
                EventsApi::Mollie => mollie::events(&call, since, cursor).await,
                EventsApi::Paypal => paypal::events(&call, since, cursor).await,
                EventsApi::Stripe => stripe::events(&call, since, cursor).await,
            }
        };
        let mut page = within(call.api.timeout, asking).await?;
        // A page that is its own successor would be read for ever.
        page.next = page.next.filter(|next| Some(next.as_str()) != cursor);
        Ok(page)
    }

    fn call<'a>(
        &'a self,
        source: &Source,
        default_base: &'static str,
    ) -> Result<Call<'a>, UpstreamFailure> {
        let api = self.apis.get(&source.name);
        Ok(Call {
            client: &self.client,
            api: api.ok_or(UpstreamFailure::Unauthorized)?,
            default_base,
            clock: &*self.clock,
        })
    }
}

impl Upstream for HttpUpstream {
    fn certificate<'a>(
        &'a self,
        url: &'a str,
    ) -> BoxFuture<'a, Result<Certificate, UpstreamFailure>> {
        Box::pin(self.certificates.get(url))
    }

    fn truth<'a>(
        &'a self,
        source: &'a Source,
        hint: &'a RawDelivery,
    ) -> BoxFuture<'a, Result<Option<Bytes>, UpstreamFailure>> {
        Box::pin(self.truth_behind(source, hint))
    }

    fn events<'a>(
        &'a self,
        source: &'a Source,
        since: Timestamp,
        cursor: Option<String>,
    ) -> BoxFuture<'a, Result<EventPage, UpstreamFailure>> {
        Box::pin(async move { self.page(source, since, cursor.as_deref()).await })
    }
}

/// Shows whose APIs are known, and no token.
impl fmt::Debug for HttpUpstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sources: Vec<&str> = self.apis.keys().map(SourceName::as_str).collect();
        sources.sort_unstable();
        formatter
            .debug_struct("HttpUpstream")
            .field("sources", &sources)
            .finish_non_exhaustive()
    }
}

fn find<A: Copy>(table: &[(ProviderId, A)], source: &Source) -> Option<A> {
    let id = source.provider.id();
    table
        .iter()
        .find(|(each, _)| *each == id)
        .map(|(_, api)| *api)
}

/// Everything in this much time, waiting for our own turn included.
async fn within<T>(
    timeout: Duration,
    asking: impl Future<Output = Result<T, UpstreamFailure>>,
) -> Result<T, UpstreamFailure> {
    let answered = tokio::time::timeout(timeout, asking).await;
    answered.unwrap_or(Err(UpstreamFailure::Unavailable))
}
