//! `cargo xtask lambda --measure`: what a function costs by itself.
//!
//! Each program runs on this machine against a stand-in for everything around it (the Runtime API,
//! DynamoDB, Secrets Manager, the gateway) that answers at once, so that what is measured is the
//! function: from its start to the moment it asks for work, from an event to its answer, and the
//! memory it has then. With `--seed FOLDER` the same is measured of the handlers that payhook began
//! as, on Node.js, with a runtime client of the same few lines.

mod stand_in;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use self::stand_in::{Event, StandIn};
use crate::root;
use crate::suites::bootstraps::FUNCTIONS;

/// Starts of each program; the middle one is quoted.
const STARTS: usize = 15;

/// Events for each program, after the first.
const EVENTS: usize = 300;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was measured of one program.
struct Figures {
    name: String,
    program_bytes: u64,
    start: Duration,
    first: Duration,
    median: Duration,
    p99: Duration,
    resident_kb: u64,
}

/// Builds both programs for this machine and measures them, and the seed's beside them.
pub(super) fn measure(seed: Option<&Path>) -> Result<()> {
    println!("--- building the functions for this machine, as they are released");
    let status = root::cargo()
        .args([
            "build",
            "--locked",
            "--profile",
            "function",
            "--package",
            "payhook-lambdas",
            "--bins",
        ])
        .status()?;
    ensure!(status.success(), "the functions do not build");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut all = Vec::new();
    for function in FUNCTIONS {
        let program = root::target_directory()?.join("function").join(function);
        let bytes = fs::metadata(&program)?.len();
        let command = || Command::new(&program);
        all.push(runtime.block_on(figures(function, function, bytes, &command))?);
    }
    if let Some(seed) = seed {
        let client = root::target_directory()?.join("seed-runtime.cjs");
        fs::write(&client, include_str!("measure/seed-runtime.cjs"))?;
        for function in FUNCTIONS {
            let handler = seed.join(function).join("index.js");
            ensure!(handler.exists(), "{} is not there", handler.display());
            let command = || {
                let mut command = Command::new("node");
                command.arg(&client).arg(&handler);
                command
            };
            let name = format!("seed's {function} (Node.js)");
            all.push(runtime.block_on(figures(&name, function, 0, &command))?);
        }
    }
    print(&all);
    Ok(())
}

async fn figures(
    name: &str,
    function: &str,
    program_bytes: u64,
    command: &dyn Fn() -> Command,
) -> Result<Figures> {
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let stand_in = StandIn::open().await?;
        let begun = Instant::now();
        let _running = start(command(), function, &stand_in)?;
        starts.push(
            stand_in
                .asked_for_work(PATIENCE)
                .await?
                .duration_since(begun),
        );
    }
    starts.sort_unstable();
    let stand_in = StandIn::open().await?;
    let running = start(command(), function, &stand_in)?;
    let event = Event::for_function(function);
    let first = stand_in
        .invoke(&event, PATIENCE)
        .await?
        .context("the first event failed")?;
    let mut times = Vec::new();
    let mut failed = 0;
    while times.len() < EVENTS {
        match stand_in.invoke(&event, PATIENCE).await? {
            Some(time) => times.push(time),
            // The seed's processor fails one time in ten, for practice.
            None => failed += 1,
        }
        ensure!(failed <= EVENTS, "{name} fails at every event");
    }
    times.sort_unstable();
    Ok(Figures {
        name: name.to_owned(),
        program_bytes,
        start: starts[STARTS / 2],
        first,
        median: times[EVENTS / 2],
        p99: times[EVENTS * 99 / 100],
        resident_kb: resident_kb(running.0.id())?,
    })
}

/// A child that does not outlive us.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell either way.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(mut command: Command, function: &str, stand_in: &StandIn) -> Result<Running> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let address = stand_in.address();
    command
        .env_clear()
        .env("PATH", path)
        .envs(stand_in::environment(function, &address))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit());
    Ok(Running(
        command
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?,
    ))
}

fn resident_kb(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(PathBuf::from(format!("/proc/{pid}/status")))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let digits = line.context("no VmRSS")?.trim().trim_end_matches(" kB");
    Ok(digits.parse()?)
}

fn print(all: &[Figures]) {
    println!(
        "| function | program, MB | start → first /next, ms | first event, ms | event p50, ms | p99 | resident, MB |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|");
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    for each in all {
        let program = match each.program_bytes {
            0 => String::new(),
            bytes => format!("{:.1}", bytes as f64 / 1e6),
        };
        println!(
            "| {} | {program} | {:.1} | {:.1} | {:.2} | {:.2} | {:.1} |",
            each.name,
            ms(each.start),
            ms(each.first),
            ms(each.median),
            ms(each.p99),
            each.resident_kb as f64 / 1_000.0
        );
    }
}
