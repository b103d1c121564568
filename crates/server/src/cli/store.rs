//! `payhook store`: is what is kept sound?

use std::process::ExitCode;

use clap::Subcommand;
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
    /// together. Works beside a running server.
    Check,
}

/// Does it.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let Action::Check = args.action;
    let config = context.config()?;
    let output = context.output;
    let findings = wire::check(&config.store.path, &context.progress())?;
    if output.is_json() {
        output.json(&json!({ "ok": findings.is_empty(), "findings": findings }))?;
    } else if findings.is_empty() {
        output.line(output.paint(Tone::Good, "The store is sound."));
    } else {
        for finding in &findings {
            output.line(format!("{} {finding}", output.paint(Tone::Bad, "finding:")));
        }
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
