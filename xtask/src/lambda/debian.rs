//! Debian's packages unpacked into a folder of ours. Nothing of the machine changes: apt gets lists,
//! a cache and a status of its own, and nothing is installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::root;

/// What is fetched, and from where.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    /// The release of Debian.
    pub(super) suite: &'a str,
    /// The kind of machine that the packages are for.
    pub(super) architecture: &'a str,
    /// The packages, with `=version` where only one will do.
    pub(super) packages: &'a [&'a str],
}

/// Fetches the packages into `home`, which is emptied first, and gives their files.
pub(super) fn fetch(home: &Path, wanted: &Wanted<'_>) -> Result<Vec<PathBuf>> {
    println!(
        "--- fetching {} from Debian's {}",
        wanted.packages.join(", "),
        wanted.suite
    );
    if home.exists() {
        fs::remove_dir_all(home)?;
    }
    for folder in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(home.join(folder))?;
    }
    let list = home.join("sources.list");
    let keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let line = format!(
        "deb [signed-by={keys}] http://deb.debian.org/debian {} main\n",
        wanted.suite
    );
    fs::write(&list, line)?;
    fs::write(home.join("status"), "")?;
    let settings = [
        format!("Dir::Etc::sourcelist={}", list.display()),
        "Dir::Etc::sourceparts=/dev/null".to_owned(),
        format!("Dir::State::lists={}", home.join("lists").display()),
        format!("Dir::State::status={}", home.join("status").display()),
        format!("Dir::Cache={}", home.join("cache").display()),
        format!("APT::Architecture={}", wanted.architecture),
        format!("APT::Architectures={}", wanted.architecture),
        // The folder is ours alone: apt's own user may not enter it.
        "APT::Sandbox::User=root".to_owned(),
    ];
    let download: Vec<&str> = ["download", "-q"]
        .iter()
        .chain(wanted.packages)
        .copied()
        .collect();
    for verb in [["update", "-q"].as_slice(), &download] {
        let mut apt = Command::new("apt-get");
        for setting in &settings {
            apt.args(["-o", setting]);
        }
        root::stdout_of(apt.args(verb).current_dir(home))?;
    }
    let files = fs::read_dir(home)?
        .filter_map(Result::ok)
        .map(|entry| entry.path());
    let is_package = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "deb");
    Ok(files.filter(is_package).collect())
}

/// Unpacks a package's files under `to`.
pub(super) fn unpack(package: &Path, to: &Path) -> Result<()> {
    root::stdout_of(Command::new("dpkg").arg("-x").arg(package).arg(to))?;
    Ok(())
}
