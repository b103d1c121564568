//! `payhook workflow graph`: a state machine as a drawing, with what an execution did with it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use asl::graph::{Graph, Look, Trail, mermaid, svg};
use clap::ValueEnum;
use engine::workflow::definition_id;
use serde_json::Value;

use super::Source;
use crate::access::Purpose;
use crate::cli::Context;
use crate::cli::input;
use crate::cli::wait_for;
use crate::config::Config;
use crate::view::ExecutionDetailView;

/// What to draw.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A state machine in Amazon States Language, or - for standard input [default:
    /// workflow.definition of the configuration, or the one that payhook ships].
    file: Option<PathBuf>,

    /// As what [default: mermaid for a file called .mmd or .mermaid, svg otherwise].
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// Mark the way that this execution took: its id, or its event's key.
    #[arg(long, value_name = "ID")]
    execution: Option<String>,

    /// Mark the way of a history: what `payhook workflow run --json` prints, or
    /// `aws stepfunctions get-execution-history`; - for standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "execution")]
    history: Option<PathBuf>,

    /// Where to write it [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What a drawing is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A picture that browsers show.
    Svg,
    /// Text that is drawn where Markdown is shown.
    Mermaid,
}

/// Draws it.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.config()?;
    let detail = match &args.execution {
        Some(id) => Some(execution(id, context)?),
        None => None,
    };
    let source = match (&args.file, &detail) {
        (None, Some(detail)) => begun_with(&config, &detail.execution.definition)?,
        (file, _) => Source::find_served(file.as_deref(), &config)?,
    };
    let graph = Graph::of(&source.sound()?);
    let trail = match (&args.history, &detail) {
        (Some(path), _) => Some(Trail::of(&events(path)?)),
        (None, detail) => detail.as_ref().map(|detail| Trail::of(&detail.events)),
    };
    let text = match args
        .format
        .unwrap_or_else(|| format(args.output.as_deref()))
    {
        Format::Svg => svg(&graph, trail.as_ref(), Look::Alone),
        Format::Mermaid => mermaid(&graph, trail.as_ref()),
    };
    match &args.output {
        Some(path) => std::fs::write(path, text)
            .with_context(|| format!("cannot write {}", path.display()))?,
        None => context.output.line(text.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

/// The definition that an execution began with, where it is one of those of now.
fn begun_with(config: &Config, id: &str) -> anyhow::Result<Source> {
    for source in [
        Source::find_served(None, config)?,
        Source::find(None, config)?,
    ] {
        if hex::encode(definition_id(&source.text)) == id {
            return Ok(source);
        }
    }
    bail!("the execution began with another definition than that of now; name its file")
}

fn execution(id: &str, context: &Context) -> anyhow::Result<ExecutionDetailView> {
    let mut found = None;
    wait_for(async {
        let access = context.access(Purpose::Look).await?;
        found = Some(access.execution(id, false).await?);
        Ok(ExitCode::SUCCESS)
    })?;
    found.context("no execution was found")
}

/// The events of a history, in the shape of `GetExecutionHistory`.
fn events(path: &Path) -> anyhow::Result<Vec<Value>> {
    let history: Value = serde_json::from_str(&input::text(path)?)
        .with_context(|| format!("{} is not JSON", path.display()))?;
    let events = history.get("events").and_then(Value::as_array).cloned();
    events.with_context(|| format!("{} has no list of events", path.display()))
}

fn format(output: Option<&Path>) -> Format {
    let extension = output.and_then(Path::extension);
    match extension.and_then(|it| it.to_str()) {
        Some("mmd" | "mermaid") => Format::Mermaid,
        _ => Format::Svg,
    }
}

const EXAMPLES: &str = "\
Examples:
  The state machine that payhook ships, as a picture:
    payhook workflow graph -o payment.svg

  As text for a README or a pull request:
    payhook workflow graph my.asl.json --format mermaid

  What became of one payment:
    payhook workflow graph --execution 17 -o execution.svg

  What a mocked run does:
    payhook --json workflow run --definition my.asl.json --mock mocks.json > history.json
    payhook workflow graph my.asl.json --history history.json -o run.svg";
