//! The functions' programs as the emulator runs them: of this machine's kind, built for
//! development.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::need;
use crate::root;

/// The functions by the names of their programs.
pub(crate) const FUNCTIONS: [&str; 2] = ["webhook-validator", "payment-processor"];

/// Where the zips are: `{function}/bootstrap.zip`, as cargo-lambda has it.
pub(super) fn folder() -> Result<PathBuf> {
    Ok(root::target_directory()?.join("lambda-dev"))
}

/// Builds both and zips them, without what only a debugger needs.
pub(super) fn provide() -> Result<()> {
    println!("--- building the functions");
    let status = root::cargo()
        // With the whole workspace, as the tests are: with their package alone, cargo would choose
        // other features and build everything once more.
        .args(["build", "--workspace", "--bins"])
        .status()?;
    ensure!(status.success(), "the functions do not build");
    need::provide_program("strip", "binutils")?;
    need::provide_program("python3", "python3")?;
    for function in FUNCTIONS {
        let home = folder()?.join(function);
        fs::create_dir_all(&home)?;
        let stripped = home.join("bootstrap");
        let status = Command::new("strip")
            .arg("-o")
            .arg(&stripped)
            .arg(root::target_directory()?.join("debug").join(function))
            .status()
            .context("cannot start strip")?;
        ensure!(status.success(), "{function} cannot be stripped");
        // Python's own module keeps the file's mode: it must be executable on the other side.
        let status = Command::new("python3")
            .args(["-m", "zipfile", "-c", "bootstrap.zip", "bootstrap"])
            .current_dir(&home)
            .status()
            .context("cannot start python3")?;
        ensure!(status.success(), "{function} cannot be zipped");
        fs::remove_file(stripped)?;
    }
    Ok(())
}
