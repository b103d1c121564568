//! `payhook pattern`: whether an event passes an EventBridge pattern, and which field decided.

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use pattern::{Explanation, Pattern};

use super::Context;
use super::input;
use super::output::{Output, Tone};
use crate::wire;

/// What to do with a pattern.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Match one event against a pattern, and say which field decided.
    Test(TestArgs),
}

/// What to match.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
struct TestArgs {
    /// The pattern: a file, or the JSON itself [default: workflow.filter of the configuration,
    /// or the one that payhook ships].
    #[arg(long, value_name = "FILE|JSON")]
    pattern: Option<String>,

    /// The event: a file, the JSON itself, or - for standard input.
    #[arg(long, value_name = "FILE|JSON|-")]
    event: String,
}

/// Does it.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let Action::Test(args) = &args.action;
    let pattern =
        Pattern::parse(&pattern_text(args, context)?).context("the pattern is refused")?;
    let event = input::json_text(&args.event)?;
    ensure!(
        !event.trim_start().starts_with('['),
        "an event is an object and this is an array, as a workflow is handed it; give one of its \
         elements"
    );
    let explanation = pattern
        .explain_text(&event)
        .context("the event is refused")?;
    print(context.output, &explanation)?;
    Ok(if explanation.matched {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn pattern_text(args: &TestArgs, context: &Context) -> anyhow::Result<String> {
    if let Some(given) = &args.pattern {
        return input::json_text(given);
    }
    match context.config()?.workflow.filter {
        Some(path) => input::text(&path),
        None => Ok(wire::DEFAULT_FILTER.to_owned()),
    }
}

fn print(output: Output, explanation: &Explanation) -> anyhow::Result<()> {
    if output.is_json() {
        return output.json(explanation);
    }
    let text = explanation.to_string();
    let (verdict, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let tone = if explanation.matched {
        Tone::Good
    } else {
        Tone::Bad
    };
    output.line(output.paint(tone, verdict));
    if !rest.is_empty() {
        output.line(rest);
    }
    Ok(())
}

const EXAMPLES: &str = r#"Examples:
  A pattern and an event in files:
    payhook pattern test --pattern filter.json --event record.json

  Both given directly:
    payhook pattern test --pattern '{"eventName": ["INSERT"]}' --event '{"eventName": "MODIFY"}'

  A record of the change feed against the filter that is configured:
    payhook --config payhook.toml pattern test --event - < record.json

Exit code: 0 it matches, 1 it does not, 2 pattern or event cannot be read."#;
