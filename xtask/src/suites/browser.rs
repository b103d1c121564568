//! Tests in a real browser (`browser/`): gets Chromium and the packages from npm, and runs them
//! against the release binary.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use super::count::Count;
use super::{need, node, run};
use crate::root;

/// The names under which Chromium is installed, Debian's own first.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// Debian's package of it.
const PACKAGE: &str = "chromium";

fn folder() -> PathBuf {
    root::root().join("browser")
}

/// Gets the browser and the packages. npm runs no script of theirs.
pub(super) fn provide() -> Result<()> {
    if need::found(&NAMES).is_none() {
        println!("--- a Chromium is missing");
        need::provide_package(PACKAGE)?;
    }
    node::provide_packages(&folder(), &["--ignore-scripts"])
}

/// Checks the tests' types, and runs them.
pub(super) fn run() -> Result<Count> {
    let Some(chromium) = need::found(&NAMES) else {
        bail!("no Chromium is on the path: install it (Debian: apt-get install {PACKAGE})");
    };
    let mut all = Count::default();
    for script in ["typecheck", "test"] {
        let mut command = Command::new("npm");
        command
            .args(["run", "--silent", script])
            .current_dir(folder())
            .env("PAYHOOK_BIN", run::release_binary()?)
            .env("PAYHOOK_CHROMIUM", &chromium)
            .env("NO_COLOR", "1")
            .env("CI", "true");
        let count = run::watch(&mut command)?;
        all.add(run::or_one(count));
    }
    Ok(all)
}
