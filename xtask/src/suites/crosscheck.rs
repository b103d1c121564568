//! The cross-check against the payment providers' own SDKs (`crosscheck/`): gets them from PyPI
//! and npm, and lets the domain's test ask them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::count::Count;
use super::run::words;
use super::{node, python};
use crate::root;

/// The languages that SDKs are in, as the test calls them.
const LANGUAGES: [&str; 2] = ["python", "node"];

fn folder() -> PathBuf {
    root::root().join("crosscheck")
}

/// Where the SDKs on PyPI are.
fn environment() -> Result<PathBuf> {
    Ok(root::target_directory()?.join("crosscheck"))
}

/// Gets the SDKs. npm runs no script of theirs.
pub(super) fn provide() -> Result<()> {
    let requirements = folder().join("python/requirements.txt");
    let wanted = fs::read_to_string(&requirements).context("crosscheck/python/requirements.txt")?;
    python::provide_packages(&environment()?, &wanted)?;
    node::provide_packages(&folder().join("node"), &["--ignore-scripts"])
}

/// Runs the test target. One that has asked no SDK of a language is a failure.
pub(super) fn run(target: &str) -> Result<Count> {
    let mut command = root::cargo();
    // With the whole workspace, as every suite: else cargo would choose other features and build
    // the domain once more.
    command.args(["test", "--workspace", "--test", target, "--", "--nocapture"]);
    command
        .env(
            "PAYHOOK_CROSSCHECK_PYTHON",
            environment()?.join("bin/python"),
        )
        .env("PAYHOOK_CROSSCHECK_NODE", "node");
    let (count, checks) = watch(&mut command)?;
    // What has failed has told its own story.
    if count.failed == 0 {
        for language in LANGUAGES {
            let asked = checks
                .iter()
                .any(|&(of, checks)| of == language && checks > 0);
            ensure!(asked, "the test has asked no SDK in {language}");
        }
        let total: u64 = checks.iter().map(|(_, checks)| checks).sum();
        println!("--- {total} checks by SDKs and by us");
    }
    Ok(count)
}

/// Runs the test, passes its output on, and counts the tests, and the checks in each language.
fn watch(command: &mut Command) -> Result<(Count, Vec<(&'static str, u64)>)> {
    println!("--- {}", words(command));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let stdout = child.stdout.take().context("no stdout")?;
    let (mut count, mut checks) = (Count::default(), Vec::new());
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        println!("{line}");
        count.add(Count::of_line(&line));
        checks.extend(checks_of_line(&line));
    }
    if !child.wait()?.success() && count.failed == 0 {
        count.failed = 1;
    }
    Ok((count, checks))
}

/// The language and the number of a line like `cross-check with python: 1836 checks, 0 failed`.
fn checks_of_line(line: &str) -> Option<(&'static str, u64)> {
    let (language, rest) = line.strip_prefix("cross-check with ")?.split_once(": ")?;
    let (number, _) = rest.split_once(" checks")?;
    let language = LANGUAGES.into_iter().find(|each| *each == language)?;
    Some((language, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_each_language_is_counted() {
        for (line, expected) in [
            (
                "cross-check with python: 1836 checks, 0 failed",
                Some(("python", 1836)),
            ),
            (
                "cross-check with node: 0 checks, 0 failed",
                Some(("node", 0)),
            ),
            ("cross-check with cobol: 7 checks, 0 failed", None),
            (
                "the node SDKs were not asked: `cargo xtask test` asks them",
                None,
            ),
            ("test node_sdks_and_we_agree ... ok", None),
        ] {
            assert_eq!(checks_of_line(line), expected, "{line}");
        }
    }

    #[test]
    fn a_test_that_dies_without_a_word_is_a_failure() {
        let (count, checks) = watch(&mut Command::new("false")).unwrap();
        assert_eq!((count.passed, count.failed), (0, 1));
        assert!(checks.is_empty());
    }
}
