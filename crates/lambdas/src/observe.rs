//! What is said while running: JSON lines on standard output, which the platform keeps.

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::environment;

/// Starts saying it. Once a process.
///
/// # Errors
/// `PAYHOOK_LOG` is no filter.
pub fn start() -> anyhow::Result<()> {
    let filter = environment::variable("PAYHOOK_LOG").unwrap_or_else(|| "info".to_owned());
    let filter: EnvFilter = filter
        .parse()
        .context("PAYHOOK_LOG is no filter of tracing's")?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        // The platform stamps each line.
        .without_time()
        .try_init()
        .map_err(|error| anyhow::anyhow!("logging could not be started: {error}"))
}
