//! What is said while running: JSON lines on standard output, which the platform keeps, and spans
//! to X-Ray's daemon, or by OTLP where the deployment says so.

use std::net::SocketAddr;

use anyhow::Context as _;
use telemetry::Telemetry;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::environment;

/// What exports spans, if anything does.
#[derive(Debug, Clone)]
pub struct Observer(Option<Telemetry>);

/// Starts it. Once a process, before the runtime of futures is entered.
///
/// # Errors
/// `PAYHOOK_LOG` is no filter, or the exporter cannot be made.
pub fn start(function: &str) -> anyhow::Result<Observer> {
    let filter = environment::variable("PAYHOOK_LOG").unwrap_or_else(|| "info".to_owned());
    let filter = line_filter(&filter)?;
    let telemetry = exporter(function)?;
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        // The platform stamps each line.
        .without_time()
        .with_filter(filter);
    tracing_subscriber::registry()
        .with(lines)
        .with(telemetry.as_ref().map(Telemetry::layer))
        .try_init()
        .context("logging could not be started")?;
    if let Some(telemetry) = &telemetry {
        telemetry.install();
    }
    Ok(Observer(telemetry))
}

/// The filter of the log's lines, whatever it asks for without the raw events that the runtime's
/// own crates write at `trace`: they hold bodies and signatures.
fn line_filter(asked: &str) -> anyhow::Result<EnvFilter> {
    let mut filter: EnvFilter = asked
        .parse()
        .context("PAYHOOK_LOG is no filter of tracing's")?;
    for directive in ["lambda_runtime=info", "lambda_http=info"] {
        filter = filter.add_directive(directive.parse()?);
    }
    Ok(filter)
}

/// By OTLP where there is an endpoint; else to the daemon, which the platform names when the
/// function is traced.
fn exporter(function: &str) -> anyhow::Result<Option<Telemetry>> {
    let service = environment::variable("OTEL_SERVICE_NAME");
    let service = service.as_deref().unwrap_or(function);
    if let Some(endpoint) = environment::variable("OTEL_EXPORTER_OTLP_ENDPOINT") {
        return Ok(Some(Telemetry::otlp(service, &endpoint, 1.0)?));
    }
    let Some(address) = environment::variable("AWS_XRAY_DAEMON_ADDRESS") else {
        return Ok(None);
    };
    let address: SocketAddr = address
        .parse()
        .context("AWS_XRAY_DAEMON_ADDRESS is no address with its port")?;
    Ok(Some(Telemetry::xray(service, address)?))
}

impl Observer {
    /// Nothing is exported.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Exports what has ended, before the platform freezes the process.
    pub async fn flush(&self) {
        let Some(telemetry) = self.0.clone() else {
            return;
        };
        // It blocks until everything is sent; only a panic in it could be an error here.
        let _ = tokio::task::spawn_blocking(move || telemetry.flush()).await;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn raw_events_are_not_logged_whatever_is_asked_for() {
        for asked in [
            "trace",
            "info,lambda_runtime=trace",
            "lambda_http=trace,info",
        ] {
            let page = Page::default();
            let writer = page.clone();
            let lines = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
            let lines = lines.with_filter(line_filter(asked).unwrap());
            tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
                tracing::trace!(target: "lambda_runtime::layers::api_client", "a raw event");
                tracing::trace!(target: "lambda_http::request", "a raw event");
                tracing::info!("a line of ours");
            });
            let written = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
            assert!(!written.contains("raw event"), "{asked}: {written}");
            assert!(written.contains("a line of ours"), "{asked}: {written}");
        }
    }
}
