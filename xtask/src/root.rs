//! Where the workspace is, and how its cargo is called.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The workspace's root directory.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// A cargo of the same toolchain, to be run in the root.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// What `cargo metadata` says about the members alone. Needs no network.
pub(crate) fn members() -> Result<Value> {
    metadata(&["--no-deps"])
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let members = members()?;
    Ok(PathBuf::from(
        members["target_directory"]
            .as_str()
            .context("no target directory")?,
    ))
}

/// What `cargo metadata` says about everything that is built for this machine. Cargo fetches
/// what it has not yet; a machine that has built the workspace has it all.
#[cfg(test)]
pub(crate) fn resolved() -> Result<Value> {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let about = stdout_of(rustc.arg("-vV"))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    metadata(&["--filter-platform", host.context("rustc names no host")?])
}

/// Runs `cargo metadata` with `extra` arguments.
fn metadata(extra: &[&str]) -> Result<Value> {
    let mut command = cargo();
    command
        .args(["metadata", "--format-version", "1"])
        .args(extra);
    let json = stdout_of(&mut command)?;
    serde_json::from_str(&json).context("cargo metadata printed no JSON")
}

/// Runs `command` to a good end and gives its standard output.
pub(crate) fn stdout_of(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{command:?} failed: {}",
        complaint.trim()
    );
    String::from_utf8(output.stdout).with_context(|| format!("{command:?} printed no UTF-8"))
}
