//! arm64 programs on this machine, whatever it is: each behind a shell script that hands it to
//! qemu, with a C library of Debian's for arm64 that is unpacked and not installed.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::debian::{self, Wanted};
use crate::root;
use crate::suites::bootstraps::FUNCTIONS;
use crate::suites::need;

/// What the programs are linked against.
const LIBRARIES: [&str; 2] = ["libc6", "libgcc-s1"];

/// The zips of `zips`, each of its programs behind qemu; gives their folder.
pub(super) fn wrapped(zips: &Path) -> Result<PathBuf> {
    need::provide_program("qemu-aarch64-static", "qemu-user-static")?;
    let libraries = libraries()?;
    let folder = root::target_directory()?.join("lambda-qemu");
    for function in FUNCTIONS {
        let home = folder.join(function);
        if home.exists() {
            fs::remove_dir_all(&home)?;
        }
        fs::create_dir_all(&home)?;
        let mut unzip = Command::new("python3");
        unzip.args(["-m", "zipfile", "-e"]);
        unzip
            .arg(zips.join(function).join("bootstrap.zip"))
            .arg(&home);
        root::stdout_of(&mut unzip)?;
        fs::rename(home.join("bootstrap"), home.join("bootstrap.aarch64"))?;
        let script = format!(
            "#!/bin/sh\nexec qemu-aarch64-static -L '{}' \"$(dirname \"$0\")/bootstrap.aarch64\"\n",
            libraries.display()
        );
        fs::write(home.join("bootstrap"), script)?;
        for file in ["bootstrap", "bootstrap.aarch64"] {
            fs::set_permissions(home.join(file), fs::Permissions::from_mode(0o755))?;
        }
        let mut zip = Command::new("python3");
        zip.args([
            "-m",
            "zipfile",
            "-c",
            "bootstrap.zip",
            "bootstrap",
            "bootstrap.aarch64",
        ]);
        root::stdout_of(zip.current_dir(&home))?;
    }
    Ok(folder)
}

/// The C library's folder, as qemu's `-L` wants it.
fn libraries() -> Result<PathBuf> {
    let home = root::target_directory()?.join("arm64-libraries");
    let unpacked = home.join("unpacked");
    let stamp = home.join("ready");
    if stamp.exists() {
        return Ok(unpacked);
    }
    let wanted = Wanted {
        suite: "bookworm",
        architecture: "arm64",
        packages: &LIBRARIES,
    };
    for package in debian::fetch(&home, &wanted)? {
        debian::unpack(&package, &unpacked)?;
    }
    // A release of Debian whose /lib is a link has everything under /usr/lib.
    if !unpacked.join("lib").exists() {
        symlink("usr/lib", unpacked.join("lib")).context("lib")?;
    }
    fs::write(stamp, "")?;
    Ok(unpacked)
}
