//! A Python environment of our own, for the emulator of AWS and the checkers of what is sent there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::need;
use crate::root;

/// What is in it, by name and version.
const REQUIREMENTS: &str = "infra/test/requirements.txt";

/// The environment's folder.
pub(super) fn folder() -> Result<PathBuf> {
    Ok(root::target_directory()?.join("venv"))
}

/// A program of the environment.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    Ok(folder()?.join("bin").join(name))
}

/// Makes the environment, or makes it anew when other packages are asked for.
pub(super) fn provide() -> Result<()> {
    let wanted = fs::read_to_string(root::root().join(REQUIREMENTS)).context(REQUIREMENTS)?;
    provide_packages(&folder()?, &wanted)
}

/// An environment in `folder` with the packages of `wanted`, a requirement a line.
pub(crate) fn provide_packages(folder: &Path, wanted: &str) -> Result<()> {
    let stamp = folder.join("payhook-requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    need::provide_program("python3", "python3")?;
    println!("--- making a Python environment: {}", wanted_words(wanted));
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    make(folder)?;
    let requirements = folder.join("wanted.txt");
    fs::write(&requirements, wanted)?;
    let status = Command::new(folder.join("bin/pip"))
        .args([
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ])
        .arg(&requirements)
        .status()
        .context("cannot start pip")?;
    ensure!(
        status.success(),
        "pip could not install: {}",
        wanted_words(wanted)
    );
    fs::rename(requirements, stamp)?;
    Ok(())
}

/// Debian parts the module that makes environments from Python itself.
fn make(folder: &Path) -> Result<()> {
    let venv = || {
        let mut command = Command::new("python3");
        command.args(["-m", "venv"]).arg(folder);
        command
    };
    if venv().status().context("cannot start python3")?.success() {
        return Ok(());
    }
    need::provide_package("python3-venv")?;
    if !venv().status()?.success() {
        bail!("`python3 -m venv` fails: see what it says above");
    }
    Ok(())
}

fn wanted_words(wanted: &str) -> String {
    let lines = wanted
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    lines.collect::<Vec<_>>().join(" ")
}
