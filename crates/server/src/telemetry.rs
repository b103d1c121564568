//! What is said while running: lines on standard error, and spans to a collector.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use telemetry::Telemetry;
use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::Config;
use crate::config::log::{LogConfig, LogFormat};

/// What exports spans while it lives, if anything does; the last ones when it is dropped.
pub(crate) struct Observer(Option<Telemetry>);

/// Starts saying it. Once a process, before the runtime of futures is entered.
pub(crate) fn start(config: &Config) -> anyhow::Result<Observer> {
    let traces = &config.telemetry;
    let telemetry = if traces.otlp_endpoint.is_empty() {
        None
    } else {
        let started = Telemetry::otlp(
            &traces.service_name,
            &traces.otlp_endpoint,
            traces.sample_ratio,
        );
        Some(started.context("telemetry.otlp_endpoint cannot be used")?)
    };
    tracing_subscriber::registry()
        .with(lines(&config.log)?)
        .with(telemetry.as_ref().map(Telemetry::layer))
        .try_init()
        .context("logging could not be started")?;
    if let Some(telemetry) = &telemetry {
        telemetry.install();
    }
    Ok(Observer(telemetry))
}

impl Drop for Observer {
    fn drop(&mut self) {
        if let Some(telemetry) = &self.0 {
            telemetry.shutdown();
        }
    }
}

fn lines<S>(config: &LogConfig) -> anyhow::Result<Box<dyn Layer<S> + Send + Sync>>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    let filter: EnvFilter = config
        .filter
        .parse()
        .with_context(|| format!("log.filter = {:?} is not understood", config.filter))?;
    let is_terminal = std::io::stderr().is_terminal();
    let as_json = match config.format {
        LogFormat::Json => true,
        LogFormat::Pretty => false,
        LogFormat::Auto => !is_terminal,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal);
    Ok(if as_json {
        lines.json().flatten_event(true).with_filter(filter).boxed()
    } else {
        lines.with_filter(filter).boxed()
    })
}
