//! `cargo xtask bench`: what the release binary does over real HTTP on a real disk.
//!
//! The load generator shares the machine with what it measures, so every figure is an
//! understatement, and only ratios taken in one run compare: that is why the ceiling and the
//! disk are measured in the same run as the product.

mod request;
mod load;
mod target;
mod disk;
mod life;
mod scenario;
pub(crate) mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Map, Value, json};

use self::scenario::{Bench, SCENARIOS};
use crate::root;
use crate::suites;

/// What `cargo xtask bench` can be asked.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Run only this scenario; may be given several times
    #[arg(long = "only", value_name = "NAME")]
    only: Vec<String>,
    /// Name the scenarios and run nothing
    #[arg(long)]
    list: bool,
    /// Measure this binary instead of building the release
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Where the stores are put: choose the disk that is to be measured
    #[arg(long, value_name = "FOLDER")]
    disk: Option<PathBuf>,
    /// Seconds that each load lasts
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Most events that are stored in the scenarios about a full store
    #[arg(long, default_value_t = 1_000_000)]
    stored: u64,
    /// Write docs/benchmarks.json and the table in docs/benchmarks.md
    #[arg(long)]
    write: bool,
}

/// Measures, prints the table and, if asked, writes it down. A missed goal is a result and no
/// failure; a scenario that could not be measured is one.
pub(crate) fn bench(options: &Options) -> Result<ExitCode> {
    if options.list {
        for scenario in SCENARIOS {
            println!("{:<10} {}", scenario.name, scenario.what);
        }
        return Ok(ExitCode::SUCCESS);
    }
    for name in &options.only {
        ensure!(
            SCENARIOS.iter().any(|one| one.name == name),
            "there is no scenario `{name}`"
        );
    }
    if cfg!(debug_assertions) {
        return again_optimised();
    }
    let bench = Bench {
        binary: binary(options)?,
        folder: folder(options)?,
        seconds: options.seconds,
        stored: options.stored,
    };
    let (results, all_measured) = measure(&bench, options);
    if all_measured {
        std::fs::remove_dir_all(&bench.folder)?;
    } else {
        eprintln!("stores and logs are kept in {}", bench.folder.display());
    }
    println!("\n{}", report::markdown(&results)?);
    if options.write {
        report::write(&results)?;
    }
    Ok(if all_measured {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs the scenarios that were asked for; one that fails is named in the results.
fn measure(bench: &Bench, options: &Options) -> (Value, bool) {
    let asked = |name: &str| options.only.is_empty() || options.only.iter().any(|one| one == name);
    let mut results = Map::new();
    let mut failures = Map::new();
    results.insert("machine".to_owned(), report::machine(options.seconds));
    for scenario in SCENARIOS.iter().filter(|scenario| asked(scenario.name)) {
        println!("=== {}: {}", scenario.name, scenario.what);
        match (scenario.run)(bench) {
            Ok(result) => {
                println!("{result:#}");
                results.insert(scenario.name.to_owned(), result);
            }
            Err(error) => {
                eprintln!("error: {}: {error:#}", scenario.name);
                failures.insert(scenario.name.to_owned(), json!(format!("{error:#}")));
            }
        }
    }
    let all_measured = failures.is_empty();
    results.insert("not_measured".to_owned(), Value::Object(failures));
    (Value::Object(results), all_measured)
}

/// Runs this command again from a release build: a slow generator measures itself.
fn again_optimised() -> Result<ExitCode> {
    let mut cargo = root::cargo();
    cargo.args(["run", "--release", "--quiet", "--package", "xtask", "--"]);
    let status = cargo.args(std::env::args_os().skip(1)).status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn binary(options: &Options) -> Result<PathBuf> {
    if let Some(path) = &options.binary {
        return path
            .canonicalize()
            .with_context(|| path.display().to_string());
    }
    suites::release_binary()
}

/// A new, empty folder of this run's own.
fn folder(options: &Options) -> Result<PathBuf> {
    let disk = match &options.disk {
        Some(folder) => folder.clone(),
        None => root::target_directory()?.join("bench"),
    };
    std::fs::create_dir_all(&disk).with_context(|| disk.display().to_string())?;
    let disk = disk.canonicalize()?;
    for number in 0..1000 {
        let folder = disk.join(format!("{}-{number}", std::process::id()));
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| folder.display().to_string()),
        }
    }
    bail!("{} is full of earlier runs: clear it", disk.display())
}
