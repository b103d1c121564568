//! What is said while running: spans and events on standard error.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::config::log::{LogConfig, LogFormat};

/// Starts saying it. Once a process.
pub(crate) fn start(config: &LogConfig) -> anyhow::Result<()> {
    let filter: EnvFilter = config
        .filter
        .parse()
        .with_context(|| format!("log.filter = {:?} is not understood", config.filter))?;
    let is_terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(is_terminal);
    let as_json = match config.format {
        LogFormat::Json => true,
        LogFormat::Pretty => false,
        LogFormat::Auto => !is_terminal,
    };
    let started = if as_json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.try_init()
    };
    started.map_err(|error| anyhow::anyhow!("logging could not be started: {error}"))
}
