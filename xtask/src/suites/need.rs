//! What a suite needs, and how to get it.
//!
//! As root on Debian and its kin, programs come from `apt-get`. Anywhere else nothing is
//! installed behind anyone's back: the message says what is missing and what would get it.
//! A later need (a database, say) is one variant.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::{bootstraps, browser, crosscheck, dynamodb_local, node, python};
use crate::root;

/// Something that must be there before a suite runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// A program on the path, and the Debian package that brings it (empty: none does).
    Program {
        program: &'static str,
        apt: &'static str,
    },
    /// The `payhook` binary as it is released, at the path in `PAYHOOK_BIN`.
    ReleaseBinary,
    /// A Python environment with the emulator of AWS and the checkers.
    Python,
    /// Node.js and the packages of `infra/`.
    Node,
    /// The payment providers' SDKs on PyPI and npm.
    Sdks,
    /// Chromium, and the packages of `browser/`.
    Browser,
    /// The functions' programs, zipped for the emulator.
    Bootstraps,
    /// Amazon's DynamoDB Local, and a Java to run it.
    DynamoDbLocal,
}

/// Gets all of `needs`, or says what a person must do.
pub(crate) fn provide(needs: &[Need]) -> Result<()> {
    needs.iter().try_for_each(|need| match *need {
        Need::Program { program, apt } => provide_program(program, apt),
        Need::ReleaseBinary => provide_release_binary(),
        Need::Python => python::provide(),
        Need::Node => node::provide(),
        Need::Sdks => crosscheck::provide(),
        Need::Browser => browser::provide(),
        Need::Bootstraps => bootstraps::provide(),
        Need::DynamoDbLocal => dynamodb_local::provide(),
    })
}

pub(crate) fn provide_program(program: &str, apt: &str) -> Result<()> {
    if is_there(program) {
        return Ok(());
    }
    ensure!(
        !apt.is_empty(),
        "`{program}` is not on the path: install it and try again"
    );
    if !may_install()? {
        bail!("`{program}` is not on the path: install it (Debian: apt-get install {apt})");
    }
    println!("--- `{program}` is missing");
    provide_package(apt)?;
    ensure!(is_there(program), "package {apt} did not bring `{program}`");
    Ok(())
}

/// Installs a Debian package, where that may be done without asking.
pub(super) fn provide_package(apt: &str) -> Result<()> {
    if !may_install()? {
        bail!("install the package {apt} (Debian's name for it) and try again");
    }
    println!("--- apt-get install {apt}");
    apt_get(&["update", "-q"])?;
    apt_get(&["install", "-q", "-y", "--no-install-recommends", apt])
}

fn may_install() -> Result<bool> {
    Ok(is_root()? && Path::new("/etc/debian_version").exists())
}

/// Builds the release binary. Cargo does nothing when it is fresh, so every suite may ask.
pub(super) fn provide_release_binary() -> Result<()> {
    println!("--- building the release binary");
    let status = root::cargo()
        .args(["build", "--release", "--package", "payhook"])
        .status()?;
    ensure!(status.success(), "the release binary does not build");
    Ok(())
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .context("cannot start apt-get")?;
    ensure!(status.success(), "apt-get {} failed", arguments.join(" "));
    Ok(())
}

fn is_there(program: &str) -> bool {
    found(&[program]).is_some()
}

/// The first of these programs that is on the path.
pub(super) fn found(programs: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_folders = |program: &&str| {
        let mut places = std::env::split_paths(&path).map(|folder| folder.join(program));
        places.find(|place| place.is_file())
    };
    programs.iter().find_map(in_folders)
}

pub(super) fn is_root() -> Result<bool> {
    Ok(root::stdout_of(Command::new("id").arg("-u"))?.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_installed() {
        provide(&[Need::Program {
            program: "sh",
            apt: "no-such-package-at-all",
        }])
        .unwrap();
    }

    #[test]
    fn what_no_package_brings_is_named() {
        let missing = Need::Program {
            program: "no-such-program-here",
            apt: "",
        };
        let message = provide(&[missing]).unwrap_err().to_string();
        assert!(
            message.contains("`no-such-program-here` is not on the path"),
            "{message}"
        );
    }
}
