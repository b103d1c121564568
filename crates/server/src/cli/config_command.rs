//! `payhook config`: what can be configured, what is, and whether it would work.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::output::Tone;
use crate::config::DEFAULT_FILE;

/// What to do with the configuration.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print a commented file with every key and its default.
    Default,
    /// Print what is in force: file, environment and defaults together, secrets not shown.
    Show,
    /// Check the file: its keys, its values, and that every secret can be read.
    Check,
}

/// Does it.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    match args.action {
        Action::Default => {
            context.output.line(DEFAULT_FILE.trim_end());
            Ok(ExitCode::SUCCESS)
        }
        Action::Show => {
            let config = context.config()?;
            if context.output.is_json() {
                context.output.json(&config)?;
            } else {
                context.output.line(toml::to_string(&config)?.trim_end());
            }
            Ok(ExitCode::SUCCESS)
        }
        Action::Check => check(context),
    }
}

fn check(context: &Context) -> anyhow::Result<ExitCode> {
    let problems = match context.config() {
        Ok(config) => config.problems(),
        Err(error) => vec![error.to_string()],
    };
    let output = context.output;
    if output.is_json() {
        output.json(&json!({ "ok": problems.is_empty(), "problems": problems }))?;
    } else if problems.is_empty() {
        output.line(output.paint(Tone::Good, "The configuration is sound."));
    } else {
        for problem in &problems {
            output.line(format!("{} {problem}", output.paint(Tone::Bad, "problem:")));
        }
    }
    Ok(if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
