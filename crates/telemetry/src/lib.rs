//! Spans to OpenTelemetry: by OTLP from both homes, by X-Ray's daemon from Lambda.
//!
//! The engine makes its spans with `tracing` and knows no exporter. Here they are exported, and
//! put where they belong: [`Telemetry::install`] tells the engine how a span gets into a webhook's
//! trace ([`engine::spans`]), so that what is done for a webhook hangs together across the store,
//! the feed and the workflow.
#![warn(missing_docs)]

mod placement;
#[cfg(feature = "xray")]
mod xray;

use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, TracerProviderBuilder};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// An exporter of spans. Dropping it loses what is not exported yet; see [`Self::shutdown`].
#[derive(Debug, Clone)]
pub struct Telemetry {
    provider: SdkTracerProvider,
}

/// The exporter cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The OTLP endpoint is no URL, or there is no HTTP client for it.
    #[error("spans cannot be exported by OTLP: {0}")]
    Otlp(#[from] opentelemetry_otlp::ExporterBuildError),
    /// No socket for the X-Ray daemon.
    #[error("spans cannot be sent to the X-Ray daemon: {0}")]
    XRay(#[from] std::io::Error),
}

/// Longest wait for the other side. In a function the answer to a webhook waits for it.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(2);

/// The crates whose spans are exported: ours. A library's own spans would be roots of traces that
/// nobody asked for.
const TARGETS: [&str; 7] = [
    "engine",
    "processor",
    "lambdas",
    "payhook",
    "store_sqlite",
    "store_dynamodb",
    "domain",
];

impl Telemetry {
    /// Exports by OTLP over HTTP to `{endpoint}/v1/traces`, in batches, from a thread of its own.
    /// `sample_ratio` is the share of traces that are recorded where the sender did not decide
    /// (<https://opentelemetry.io/docs/specs/otel/trace/sdk/#sampling>).
    ///
    /// # Errors
    /// See [`TelemetryError::Otlp`]. Whether anybody listens there is not asked.
    pub fn otlp(service: &str, endpoint: &str, sample_ratio: f64) -> Result<Self, TelemetryError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_timeout(EXPORT_TIMEOUT)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()?;
        let provider = provider(service)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
                sample_ratio,
            ))))
            .with_batch_exporter(exporter);
        Ok(Self {
            provider: provider.build(),
        })
    }

    /// The layer that hands our spans to the exporter.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let tracer = self.provider.tracer("payhook");
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_filter(filter_fn(is_ours))
    }

    /// Tells the engine how its spans get into a webhook's trace.
    pub fn install(&self) {
        engine::spans::install(Box::new(placement::Placement));
    }

    /// Exports what has ended so far; blocks until it is sent or has failed. What could not be
    /// sent is lost: a trace is for people, and nothing waits for it.
    pub fn flush(&self) {
        if let Err(error) = self.provider.force_flush() {
            tracing::debug!(%error, "spans were not exported");
        }
    }

    /// The same, for the last time.
    pub fn shutdown(&self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::debug!(%error, "the last spans were not exported");
        }
    }
}

fn provider(service: &str) -> TracerProviderBuilder {
    let resource = Resource::builder().with_service_name(service.to_owned());
    SdkTracerProvider::builder().with_resource(resource.build())
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    let crate_name = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= tracing::Level::INFO && TARGETS.contains(&crate_name)
}
