//! Node.js and the packages of `infra/`, and of `crosscheck/node/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::need;
use crate::root;

/// The oldest Node.js that the packages run on.
const MAJOR_MIN: u32 = 20;

/// Where the packages are wanted.
pub(super) fn folder() -> PathBuf {
    root::root().join("infra")
}

/// Installs exactly what the lock file of `infra/` names, unless that is there already.
pub(super) fn provide() -> Result<()> {
    provide_packages(&folder(), &[])
}

/// The same in `folder`, with more arguments for `npm ci`.
pub(super) fn provide_packages(folder: &Path, more: &[&str]) -> Result<()> {
    need::provide_program("node", "nodejs")?;
    need::provide_program("npm", "npm")?;
    let version = root::stdout_of(Command::new("node").arg("--version"))?;
    let version = version.trim();
    ensure!(
        major(version).is_some_and(|major| major >= MAJOR_MIN),
        "Node.js {version} is too old: install version {MAJOR_MIN} or newer (https://nodejs.org)"
    );
    let lock = fs::read_to_string(folder.join("package-lock.json")).context("package-lock.json")?;
    let stamp = folder.join("node_modules/.payhook-lock.json");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == lock) {
        return Ok(());
    }
    println!("--- npm ci in {}", folder.display());
    let status = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
        .args(more)
        .current_dir(folder)
        .status()
        .context("cannot start npm")?;
    ensure!(status.success(), "npm ci failed");
    fs::write(stamp, lock)?;
    Ok(())
}

fn major(version: &str) -> Option<u32> {
    let digits = version.strip_prefix('v')?.split('.').next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("v8.0.0"), Some(8));
        assert_eq!(major("not a version"), None);
    }
}
