//! X-Ray: subsegments under the segment that the Lambda service makes, to its daemon by UDP.

use std::net::SocketAddr;

use opentelemetry_aws::trace::XrayIdGenerator;
use opentelemetry_aws::xray_exporter::daemon_client::XrayDaemonClient;
use opentelemetry_aws::xray_exporter::{SegmentTranslator, XrayExporter};
use opentelemetry_sdk::trace::Sampler;

use crate::{Telemetry, TelemetryError, provider};

/// The field that ties a task to its webhook, searchable in X-Ray as an annotation: a link
/// between traces has no place in a subsegment.
const ANNOTATIONS: [&str; 2] = ["webhook_trace_id", "trace_id"];

impl Telemetry {
    /// Sends each span to the daemon at `address` when it ends: a datagram, which nobody waits
    /// for. The service has decided already whether a trace is recorded.
    ///
    /// # Errors
    /// [`TelemetryError::XRay`] when there is no socket to send from.
    pub fn xray(service: &str, address: SocketAddr) -> Result<Self, TelemetryError> {
        let annotations = ANNOTATIONS.map(str::to_owned);
        let translator = SegmentTranslator::new().with_indexed_attrs(annotations);
        let exporter =
            XrayExporter::new(XrayDaemonClient::new(address)?).with_translator(translator);
        let provider = provider(service)
            .with_id_generator(XrayIdGenerator::default())
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
            .with_simple_exporter(exporter);
        Ok(Self {
            provider: provider.build(),
        })
    }
}
