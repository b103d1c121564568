//! `cargo xtask lambda`: the functions as AWS runs them, zipped.
//!
//! cargo-lambda builds them and Zig links them, against a C library that is older than AWS's; both
//! come from PyPI into an environment of our own. The standard library of the other kind of
//! machine comes from rustup, or is built from its source where rustup cannot bring it.

mod debian;
mod measure;
mod std_source;
mod qemu;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};

use crate::root;
use crate::suites::bootstraps::FUNCTIONS;
use crate::suites::{self, python};

/// What builds and links, by name and version.
const TOOLS: &str = "cargo-lambda==1.9.2\nziglang==0.17.1\n";

/// Largest zip of one function: what is larger is fetched too slowly when a place is new.
const ZIP_BYTES_MAX: u64 = 5 * 1024 * 1024;

/// What `cargo xtask lambda` can be asked.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The kind of machine that the functions run on
    #[arg(long, value_enum, default_value_t = Architecture::Arm64)]
    architecture: Architecture,
    /// Build the standard library from its source (Debian's rust-src of this very version), where
    /// rustup cannot bring the one of that machine
    #[arg(long)]
    std_from_source: bool,
    /// Then run the AWS home's webhooks with these very programs, on the emulator and, for arm64,
    /// under qemu (Debian, as root)
    #[arg(long)]
    try_out: bool,
    /// Instead, measure the functions on this machine: start, time for an event, memory
    #[arg(long)]
    measure: bool,
    /// With --measure: a folder with the seed's handlers and their packages, measured beside ours
    #[arg(long, value_name = "FOLDER", requires = "measure")]
    seed: Option<PathBuf>,
}

/// The kinds of machines by AWS's own names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Architecture {
    Arm64,
    #[value(name = "x86_64")]
    X8664,
}

impl Architecture {
    const fn triple(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::X8664 => "x86_64-unknown-linux-gnu",
        }
    }
}

/// Builds both zips, says how large they are, and tries them out where that was asked for.
pub(crate) fn lambda(options: &Options) -> Result<ExitCode> {
    if options.measure {
        measure::measure(options.seed.as_deref())?;
        return Ok(ExitCode::SUCCESS);
    }
    let tools = root::target_directory()?.join("venv-lambda");
    python::provide_packages(&tools, TOOLS)?;
    let mut build = if options.std_from_source {
        std_source::cargo_lambda(&tools)?
    } else {
        provide_std(options.architecture)?;
        cargo_lambda(&tools)?
    };
    let zips = zips()?;
    build
        .args([
            "build",
            "--locked",
            "--profile",
            "function",
            "--output-format",
            "zip",
        ])
        .args(["--package", "payhook-lambdas"])
        .args(["--target", options.architecture.triple()])
        .arg("--lambda-dir")
        .arg(&zips);
    if options.std_from_source {
        build.args(["-Z", "build-std=std"]);
    }
    println!("--- cargo lambda build: {}", options.architecture.triple());
    ensure!(
        build.status().context("cannot start cargo")?.success(),
        "the functions do not build"
    );
    let mut fits = true;
    for function in FUNCTIONS {
        let zip = zips.join(function).join("bootstrap.zip");
        let bytes = fs::metadata(&zip)
            .with_context(|| zip.display().to_string())?
            .len();
        fits &= bytes <= ZIP_BYTES_MAX;
        println!("{} {bytes} bytes", zip.display());
    }
    if !fits {
        bail!("a zip is larger than {ZIP_BYTES_MAX} bytes");
    }
    if options.try_out {
        let programs = match options.architecture {
            Architecture::Arm64 => qemu::wrapped(&zips)?,
            Architecture::X8664 => zips,
        };
        return suites::try_functions(&programs);
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the Pulumi program looks for them.
fn zips() -> Result<PathBuf> {
    Ok(root::target_directory()?.join("lambda"))
}

/// `cargo lambda`, which finds Zig in the same environment.
fn cargo_lambda(tools: &std::path::Path) -> Result<Command> {
    let mut command = root::cargo();
    command
        .arg("lambda")
        .env("PATH", with_path(&[tools.join("bin")])?);
    Ok(command)
}

/// This process's search path behind `folders`.
fn with_path(folders: &[PathBuf]) -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = folders.iter().cloned().chain(std::env::split_paths(&path));
    std::env::join_paths(all).context("a folder's name holds the separator of PATH")
}

/// Sees to it that the standard library of that machine is there.
fn provide_std(architecture: Architecture) -> Result<()> {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args([
        "--print",
        "target-libdir",
        "--target",
        architecture.triple(),
    ]);
    let folder = root::stdout_of(rustc.current_dir(root::root()))?;
    if PathBuf::from(folder.trim()).is_dir() {
        return Ok(());
    }
    println!("--- rustup target add {}", architecture.triple());
    let added = Command::new("rustup")
        .args(["target", "add", architecture.triple()])
        .current_dir(root::root())
        .status();
    if !added.is_ok_and(|status| status.success()) {
        bail!(
            "rustup cannot bring the standard library of {}; on Debian try --std-from-source",
            architecture.triple()
        );
    }
    Ok(())
}
