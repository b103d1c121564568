//! `payhook openapi`: the description of the admin API, for making clients and checking calls.

use std::io::Write as _;
use std::process::ExitCode;

use crate::admin;

/// Prints it.
pub(super) fn run() -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    out.write_all(&admin::description())?;
    out.write_all(b"\n")?;
    Ok(ExitCode::SUCCESS)
}
