//! Where spans go.

use serde::{Deserialize, Serialize};

/// `[telemetry]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TelemetryConfig {
    /// The OTLP endpoint of a collector, without `/v1/traces`; empty for none.
    pub(crate) otlp_endpoint: String,
    /// The share of traces that are recorded where the sender's `traceparent` does not decide.
    pub(crate) sample_ratio: f64,
    /// What this process is called in traces.
    pub(crate) service_name: String,
}

impl Default for TelemetryConfig {
    /// Off: a collector is somebody's decision. Everything is recorded once there is one, as long
    /// as nobody says otherwise.
    fn default() -> Self {
        Self {
            otlp_endpoint: String::new(),
            sample_ratio: 1.0,
            service_name: "payhook".to_owned(),
        }
    }
}
