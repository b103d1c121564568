//! `payhook store`: is what is kept sound?

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::Context;
use super::output::Tone;
use crate::wire;

/// What to do with the store.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check the whole store: the file's own integrity, and that everything in it fits
    /// together. Reads only, and works beside a running server.
    Check,
}

/// Does it.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let Action::Check = args.action;
    let config = context.config()?;
    let output = context.output;
    let bar = if output.is_json() {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(0)
    };
    if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos}/{len}  {msg}") {
        bar.set_style(style);
    }
    let path = &config.store.path;
    let findings = wire::check(path, |done, total, rule| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        bar.set_message(rule);
    })
    .with_context(|| format!("the store in {} cannot be checked", path.display()))?;
    bar.finish_and_clear();
    if output.is_json() {
        let found = |(rule, place): &(String, String)| json!({ "rule": rule, "place": place });
        let list: Vec<_> = findings.iter().map(found).collect();
        output.json(&json!({ "ok": findings.is_empty(), "findings": list }))?;
    } else if findings.is_empty() {
        output.line(output.paint(Tone::Good, "The store is sound."));
    } else {
        for (rule, place) in &findings {
            output.line(format!(
                "{} {rule} {place}",
                output.paint(Tone::Bad, "broken:")
            ));
        }
    }
    Ok(if findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
