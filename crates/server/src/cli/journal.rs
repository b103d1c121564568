//! `payhook journal`: is what is kept what was written? Works beside a running server, and takes no key
//! but the one that signs.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use engine::clock::{Clock as _, SystemClock};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use vault::checkpoint::{PublicKey, SignedCheckpoint};

use super::Context;
use super::output::Tone;
use crate::config::Config;
use crate::wire;

/// What to do with the journal.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print where the chain ends and its hash, in one line, signed if `[journal] signing_key` is there.
    Checkpoint {
        /// Add the line to this file instead.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Follow the chain from end to end: finds what was altered, removed, added or cut off.
    Verify {
        /// A file with checkpoints, one a line, that was kept elsewhere; may be given several times.
        #[arg(long, value_name = "FILE")]
        from: Vec<PathBuf>,
        /// The public key that must have signed them; the configured key's otherwise.
        #[arg(long, value_name = "KEY")]
        signed_by: Option<String>,
    },
}

/// Does it.
pub(super) fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.config()?;
    match args.action {
        Action::Checkpoint { out } => checkpoint(&config, out.as_deref(), context),
        Action::Verify { from, signed_by } => {
            let checkpoints = checkpoints(&config, &from, signed_by.as_deref())?;
            verify(&config, &checkpoints, context)
        }
    }
}

fn checkpoint(config: &Config, out: Option<&Path>, context: &Context) -> anyhow::Result<ExitCode> {
    let key = config.journal.key()?;
    let checkpoint = wire::checkpoint(&config.store.path, SystemClock.now())?;
    let line = checkpoint.line(key.as_ref());
    if let Some(path) = out {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let mut file = file.with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(file, "{line}")?;
        file.sync_all()?;
    }
    let output = context.output;
    if output.is_json() {
        output.json(&json!({
            "sequence": checkpoint.sequence,
            "link": hex::encode(checkpoint.link),
            "checkpoint": line,
            "signedBy": key.map(|key| key.public().to_string()),
        }))?;
    } else if out.is_none() {
        output.line(line);
    }
    Ok(ExitCode::SUCCESS)
}

/// The checkpoints in these files, of which none may be somebody else's.
fn checkpoints(
    config: &Config,
    files: &[PathBuf],
    signed_by: Option<&str>,
) -> anyhow::Result<Vec<SignedCheckpoint>> {
    let signer = match signed_by {
        Some(text) => Some(PublicKey::parse(text).context("--signed-by")?),
        None if files.is_empty() => None,
        None => config.journal.key()?.map(|key| key.public()),
    };
    let mut checkpoints = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(path);
        let text = text.with_context(|| format!("cannot read {}", path.display()))?;
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() {
                continue;
            }
            let place = || format!("{}, line {number}", path.display());
            let checkpoint = SignedCheckpoint::parse(line).with_context(place)?;
            ensure!(
                signer.is_none() || checkpoint.signed_by == signer,
                "{}: it is not signed by the key that is trusted",
                place()
            );
            checkpoints.push(checkpoint);
        }
    }
    Ok(checkpoints)
}

fn verify(
    config: &Config,
    checkpoints: &[SignedCheckpoint],
    context: &Context,
) -> anyhow::Result<ExitCode> {
    let output = context.output;
    let bar = if output.is_json() {
        ProgressBar::hidden()
    } else {
        let style = ProgressStyle::with_template("{bar:20} {pos}/{len}")?;
        ProgressBar::new(0).with_style(style)
    };
    let report = wire::verify_journal(&config.store.path, checkpoints, |place, head| {
        bar.set_length(head);
        bar.set_position(place);
    })?;
    bar.finish_and_clear();
    let is_whole = report.found.is_empty();
    if output.is_json() {
        let found: Vec<_> = report
            .found
            .iter()
            .map(|(place, problem)| json!({ "sequence": place, "problem": problem }))
            .collect();
        output.json(&json!({
            "ok": is_whole,
            "entries": report.entries,
            "head": report.head,
            "chainedAfter": report.chained_after,
            "checkpoints": checkpoints.len(),
            "found": found,
        }))?;
    } else {
        for (place, problem) in &report.found {
            output.line(format!(
                "{} place {place}: {problem}",
                output.paint(Tone::Bad, "broken:")
            ));
        }
        if is_whole {
            let words = format!(
                "{} entries follow from one another, {} checkpoints hold.",
                report.entries,
                checkpoints.len()
            );
            output.line(output.paint(Tone::Good, &words));
        }
        if report.chained_after > 0 {
            output.line(format!(
                "Places 1 to {} are older than the chain and were not looked at.",
                report.chained_after
            ));
        }
        if checkpoints.is_empty() {
            output.line("Whether it is the chain that was written, only a checkpoint can tell.");
        }
    }
    Ok(if is_whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

const EXAMPLES: &str = "\
Examples:
  A checkpoint every hour, on a machine that this one cannot write to:
    payhook journal checkpoint | ssh audit 'cat >> payhook-checkpoints'

  Everything since, held against it there:
    payhook journal verify --from payhook-checkpoints --signed-by d75a9801…

Exit code: 0 the chain holds, 1 it does not, 2 it could not be looked at.";
