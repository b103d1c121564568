//! How a suite runs: its output goes to the terminal as it comes, and is counted on the way.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result};
use serde_json::Value;

use super::count::Count;
use super::{Suite, bootstraps, browser, crosscheck, dynamodb_local, emulator, node, python};
use crate::root;

/// The way a suite runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run {
    /// Every test target of the workspace that no other suite runs.
    Workspace,
    /// Every documentation test.
    DocTests,
    /// One test target, with `PAYHOOK_BIN` set to the release binary.
    Target {
        package: &'static str,
        target: &'static str,
    },
    /// One test target, with the Python environment's folder in `PAYHOOK_VENV`.
    WithPython {
        package: &'static str,
        target: &'static str,
    },
    /// One test target against the emulator of AWS, whose endpoint is in `PAYHOOK_DYNAMODB`.
    Emulated {
        package: &'static str,
        target: &'static str,
    },
    /// The same against Amazon's DynamoDB Local, in a network of its own.
    Isolated {
        package: &'static str,
        target: &'static str,
    },
    /// One test target, with the interpreters that have the providers' SDKs in
    /// `PAYHOOK_CROSSCHECK_PYTHON` and `PAYHOOK_CROSSCHECK_NODE`.
    CrossCheck {
        package: &'static str,
        target: &'static str,
    },
    /// Scripts of `infra/package.json`, one after the other.
    Npm { scripts: &'static [&'static str] },
    /// The tests of `browser/`, with `PAYHOOK_BIN` set to the release binary.
    Browser,
    /// The release binary itself with these arguments; its exit code is the one test.
    Binary { arguments: &'static [&'static str] },
}

impl Run {
    /// Runs it. `every` suite is needed to know which targets are spoken for.
    pub(crate) fn run(self, every: &[Suite]) -> Result<Count> {
        match self {
            Run::Workspace => run_workspace(&spoken_for(every)),
            Run::DocTests => watch(root::cargo().args(["test", "--workspace", "--doc"])),
            Run::Target { package, target } => {
                let mut command = target_command(package, target, Talks::AsItGoes);
                watch(command.env("PAYHOOK_BIN", release_binary()?))
            }
            Run::WithPython { package, target } => {
                let mut command = target_command(package, target, Talks::OnFailure);
                watch(command.env("PAYHOOK_VENV", python::folder()?))
            }
            Run::Emulated { package, target } => {
                emulator::run(target_command(package, target, Talks::OnFailure))
            }
            Run::Isolated { package, target } => {
                dynamodb_local::run(&target_command(package, target, Talks::OnFailure))
            }
            Run::CrossCheck { target, .. } => crosscheck::run(target),
            Run::Npm { scripts } => run_npm(scripts),
            Run::Browser => browser::run(),
            Run::Binary { arguments } => {
                let mut command = Command::new(release_binary()?);
                let good = command
                    .args(arguments)
                    .stdin(Stdio::null())
                    .status()?
                    .success();
                Ok(Count {
                    passed: u64::from(good),
                    failed: u64::from(!good),
                })
            }
        }
    }
}

/// The path of the release binary, wherever cargo's target directory is.
pub(crate) fn release_binary() -> Result<PathBuf> {
    let name = format!("payhook{}", std::env::consts::EXE_SUFFIX);
    Ok(root::target_directory()?.join("release").join(name))
}

/// Package and name of the test targets that suites of their own run.
fn spoken_for(every: &[Suite]) -> Vec<(&'static str, &'static str)> {
    let target = |suite: &Suite| match suite.run {
        Run::Target { package, target }
        | Run::WithPython { package, target }
        | Run::Emulated { package, target }
        | Run::Isolated { package, target }
        | Run::CrossCheck { package, target } => Some((package, target)),
        Run::Workspace | Run::DocTests | Run::Npm { .. } | Run::Browser | Run::Binary { .. } => {
            None
        }
    };
    every.iter().filter_map(target).collect()
}

fn run_workspace(left_out: &[(&str, &str)]) -> Result<Count> {
    if has_nextest() {
        let mut command = root::cargo();
        command.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
        if !left_out.is_empty() {
            command.args(["-E", &nextest_filter(left_out)]);
        }
        return watch(&mut command);
    }
    println!("--- cargo-nextest is not there, cargo test does it (slower, and as thorough)");
    let mut command = root::cargo();
    command.args([
        "test",
        "--workspace",
        "--no-fail-fast",
        "--lib",
        "--bins",
        "--examples",
    ]);
    for name in test_targets(&root::members()?, left_out) {
        command.args(["--test", &name]);
    }
    watch(&mut command)
}

fn run_npm(scripts: &[&str]) -> Result<Count> {
    let mut all = Count::default();
    for script in scripts {
        all.add(or_one(npm(&[script], &bootstraps::folder()?)?));
    }
    Ok(all)
}

/// A script that checks without tests of its own counts as one test.
pub(super) fn or_one(count: Count) -> Count {
    if count == Count::default() {
        return Count {
            passed: 1,
            failed: 0,
        };
    }
    count
}

/// A script of `infra/` with its arguments, and the functions that it is to run.
pub(super) fn npm(script: &[&str], functions: &Path) -> Result<Count> {
    let mut command = Command::new("npm");
    command
        .args(["run", "--silent"])
        .args(script)
        .current_dir(node::folder())
        .env("PAYHOOK_VENV", python::folder()?)
        .env("PAYHOOK_LAMBDAS", functions)
        .env("NO_COLOR", "1")
        .env("CI", "true");
    watch(&mut command)
}

/// One target, built with the whole workspace: with its package alone, cargo would choose other
/// features and build everything once more. Only one that is a single long test shows its output
/// as it goes: with several, the lines of each would be counted beside the summary of all.
fn target_command(package: &str, target: &str, talks: Talks) -> Command {
    let mut command = root::cargo();
    if has_nextest() {
        command.args(["nextest", "run", "--workspace", "--no-fail-fast", "-E"]);
        command.arg(target_filter(package, target));
        if talks == Talks::AsItGoes {
            command.arg("--no-capture");
        }
    } else {
        command.args(["test", "--workspace", "--test", target]);
    }
    command
}

/// When a target's own output is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Talks {
    AsItGoes,
    OnFailure,
}

fn has_nextest() -> bool {
    let mut command = root::cargo();
    command
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn target_filter(package: &str, target: &str) -> String {
    format!("package(={package}) & binary(={target}) & kind(test)")
}

fn nextest_filter(left_out: &[(&str, &str)]) -> String {
    let one =
        |(package, target): &(&str, &str)| format!("not ({})", target_filter(package, target));
    left_out.iter().map(one).collect::<Vec<_>>().join(" & ")
}

/// The names of the members' integration tests, but those `left_out`.
fn test_targets(members: &Value, left_out: &[(&str, &str)]) -> Vec<String> {
    let mut names = Vec::new();
    for package in members["packages"].as_array().into_iter().flatten() {
        for target in package["targets"].as_array().into_iter().flatten() {
            let (Some(member), Some(name)) = (package["name"].as_str(), target["name"].as_str())
            else {
                continue;
            };
            let is_test = target["kind"][0] == "test" && target["test"] == true;
            if is_test && !left_out.contains(&(member, name)) {
                names.push(name.to_owned());
            }
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// Runs `command`, passes its output on, and counts. A runner that fails without a failing test
/// (it did not compile, or died) is one failure.
pub(super) fn watch(command: &mut Command) -> Result<Count> {
    println!("--- {}", words(command));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let stderr = child.stderr.take().context("no stderr")?;
    let complaints = thread::spawn(move || pass_on(stderr, |line| eprintln!("{line}")));
    let stdout = child.stdout.take().context("no stdout")?;
    let mut count = pass_on(stdout, |line| println!("{line}"));
    if let Ok(more) = complaints.join() {
        count.add(more);
    }
    if !child.wait()?.success() && count.failed == 0 {
        count.failed = 1;
    }
    Ok(count)
}

pub(super) fn words(command: &Command) -> String {
    let arguments = command
        .get_args()
        .map(|argument| argument.to_string_lossy());
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(program.to_string_lossy())
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

fn pass_on(from: impl Read, to: impl Fn(&str)) -> Count {
    let mut count = Count::default();
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        count.add(Count::of_line(&line));
        to(&line);
    }
    count
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_target_with_a_suite_of_its_own_is_left_out_of_the_workspace() {
        let members = json!({"packages": [
            {"name": "payhook", "targets": [
                {"name": "payhook", "kind": ["bin"], "test": true},
                {"name": "crash", "kind": ["test"], "test": true},
                {"name": "http", "kind": ["test"], "test": true},
                {"name": "by_hand", "kind": ["test"], "test": false}]},
            {"name": "payhook-engine", "targets": [
                {"name": "http", "kind": ["test"], "test": true}]}]});
        assert_eq!(test_targets(&members, &[("payhook", "crash")]), ["http"]);
        assert_eq!(test_targets(&members, &[]), ["crash", "http"]);
        assert_eq!(
            nextest_filter(&[("payhook", "crash"), ("payhook", "peer")]),
            "not (package(=payhook) & binary(=crash) & kind(test)) & \
             not (package(=payhook) & binary(=peer) & kind(test))"
        );
    }

    #[test]
    fn a_suite_that_has_a_target_speaks_for_it() {
        let suite = |run| Suite {
            name: "",
            what: "",
            needs: &[],
            run,
            slow: false,
        };
        let every = [
            suite(Run::Workspace),
            suite(Run::Target {
                package: "payhook",
                target: "crash",
            }),
            suite(Run::Binary {
                arguments: &["demo"],
            }),
        ];
        assert_eq!(spoken_for(&every), [("payhook", "crash")]);
    }

    #[test]
    fn a_runner_that_dies_without_a_word_is_a_failure() {
        assert_eq!(
            watch(&mut Command::new("false")).unwrap(),
            Count {
                passed: 0,
                failed: 1
            }
        );
        assert_eq!(watch(&mut Command::new("true")).unwrap(), Count::default());
    }
}
