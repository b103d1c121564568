//! The files that the rules look at: what git tracks, and what it would if it were added.

use std::fs;
use std::process::Command;

use crate::root::{root, stdout_of};

/// A text file of the project.
#[derive(Debug)]
pub(super) struct File {
    /// Its path from the root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

/// Every text file whose path `wanted` accepts. Files that are no UTF-8 are left out.
pub(super) fn files(wanted: impl Fn(&str) -> bool) -> Vec<File> {
    let mut git = Command::new("git");
    git.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let listed = stdout_of(git.current_dir(root())).expect("git lists the project's files");
    let mut paths: Vec<_> = listed.split('\0').filter(|path| wanted(path)).collect();
    paths.sort_unstable();
    paths.dedup();
    let read = |path: &str| {
        let text = fs::read_to_string(root().join(path)).ok()?;
        Some(File {
            path: path.to_owned(),
            text,
        })
    };
    paths.into_iter().filter_map(read).collect()
}

/// Every Rust source file.
pub(super) fn rust_files() -> Vec<File> {
    files(|path| path.ends_with(".rs"))
}

#[test]
fn this_very_file_is_seen() {
    assert!(
        rust_files()
            .iter()
            .any(|file| file.path == "xtask/src/house/repository.rs")
    );
}
