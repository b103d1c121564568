//! A toolchain with the source of its standard library, for machines whose rustup cannot fetch
//! anything: Debian's `rust-src` of the very version that is here.
//!
//! Nothing of the machine changes: the package is unpacked, not installed, and the toolchain is a
//! copy of links beside it. The compiler is the stable one, told that it may build its own
//! library.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest as _, Sha256};

use super::debian::{self, Wanted};
use super::with_path;
use crate::root;

/// The version that this is pinned to, and the package as it was looked at.
const RUSTC_VERSION: &str = "1.95.0";
const PACKAGE: &str = "rust-src=1.95.0+dfsg1-2~bpo13+1";
const PACKAGE_SHA256: &str = "7b76db5b880a77f9e52975d2baa6209d2f76d2c9c2789515c3088cb960e2c83b";

/// `cargo lambda` of that toolchain.
pub(super) fn cargo_lambda(tools: &Path) -> Result<Command> {
    let toolchain = toolchain()?;
    let mut command = Command::new(toolchain.join("bin/cargo"));
    command
        .arg("lambda")
        .current_dir(root::root())
        .env(
            "PATH",
            with_path(&[toolchain.join("bin"), tools.join("bin")])?,
        )
        .env("RUSTC", toolchain.join("bin/rustc"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO")
        // Whoever started us may have set it for the other toolchain, whose libraries the compiler
        // would then load, and whose folder it would take for its own.
        .env_remove("LD_LIBRARY_PATH")
        // What it builds is not to be mixed with what the other toolchain has built.
        .env(
            "CARGO_TARGET_DIR",
            root::target_directory()?.join("lambda-build"),
        );
    Ok(command)
}

fn toolchain() -> Result<PathBuf> {
    let home = root::target_directory()?.join("rust-src");
    let toolchain = home.join("toolchain");
    if toolchain
        .join("lib/rustlib/src/rust/library/Cargo.lock")
        .exists()
    {
        return Ok(toolchain);
    }
    let version = root::stdout_of(
        Command::new("rustc")
            .arg("--version")
            .current_dir(root::root()),
    )?;
    ensure!(
        version.split(' ').nth(1) == Some(RUSTC_VERSION),
        "the source that is known is of rustc {RUSTC_VERSION}, and here is {}",
        version.trim()
    );
    let source = unpack(&home)?;
    let sysroot = root::stdout_of(
        Command::new("rustc")
            .args(["--print", "sysroot"])
            .current_dir(root::root()),
    )?;
    // Links where the file system allows, copies elsewhere.
    let linked = Command::new("cp")
        .arg("-al")
        .arg(sysroot.trim())
        .arg(&toolchain)
        .status()?;
    if !linked.success() {
        root::stdout_of(
            Command::new("cp")
                .arg("-a")
                .arg(sysroot.trim())
                .arg(&toolchain),
        )?;
    }
    fs::create_dir_all(toolchain.join("lib/rustlib/src"))?;
    symlink(source, toolchain.join("lib/rustlib/src/rust"))?;
    Ok(toolchain)
}

/// Fetches and unpacks the package; gives the source's folder.
fn unpack(home: &Path) -> Result<PathBuf> {
    let wanted = Wanted {
        suite: "trixie-backports",
        architecture: "amd64",
        packages: &[PACKAGE],
    };
    let files = debian::fetch(home, &wanted)?;
    let package = files.first().context("apt-get brought no package")?;
    let found = hex::encode(Sha256::digest(fs::read(package)?));
    ensure!(
        found == PACKAGE_SHA256,
        "{PACKAGE} is not the package that was looked at: its SHA-256 is {found}"
    );
    debian::unpack(package, &home.join("unpacked"))?;
    Ok(home
        .join("unpacked/usr/src")
        .join(format!("rustc-{RUSTC_VERSION}")))
}
