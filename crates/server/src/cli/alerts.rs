//! `payhook alerts`: what is wrong, who was told, and whether they can be.

use std::process::ExitCode;

use anyhow::bail;

use super::Context;
use super::output::{Output, Tone};
use crate::access::{self, Purpose};
use crate::alerts::watch::Standing;
use crate::view::{AlertView, AlertsView, TargetView, TestedView};

/// What to do.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the rules and the targets: what is firing, since when, and who was told.
    List,
    /// Send a test message through every target, and say what came of it.
    Test {
        /// Only through this target.
        #[arg(value_name = "TARGET")]
        target: Option<String>,
    },
}

/// Does it.
pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::List => list(context).await,
        Command::Test { target } => test(context, target.as_deref()).await,
    }
}

async fn list(context: &Context) -> anyhow::Result<ExitCode> {
    let access = context.access(Purpose::Look).await?;
    let view = access.alerts(&context.config()?.alerts).await?;
    let output = context.output;
    if output.is_json() {
        output.json(&view)?;
    } else {
        print(output, &view);
    }
    Ok(ExitCode::SUCCESS)
}

async fn test(context: &Context, target: Option<&str>) -> anyhow::Result<ExitCode> {
    let config = context.config()?;
    let tested = access::test_alerts(&config, target).await?;
    if tested.is_empty() {
        bail!("nobody is told of anything: there is no [alerts.targets.NAME] in the configuration");
    }
    let output = context.output;
    if output.is_json() {
        output.json(&tested)?;
    } else {
        let rows = tested.iter().map(|each| tested_row(output, each)).collect();
        output.table(["TARGET", "TEST MESSAGE"], rows);
    }
    Ok(if tested.iter().all(|each| each.sent) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn tested_row(output: Output, tested: &TestedView) -> [String; 2] {
    let end = match &tested.failure {
        None => output.paint(Tone::Good, "sent"),
        Some(failure) => output.paint(Tone::Bad, &format!("not sent: {failure}")),
    };
    [tested.target.clone(), end]
}

fn print(output: Output, view: &AlertsView) {
    let rows = view.alerts.iter().map(|alert| alert_row(output, alert));
    output.table(["ALERT", "NOW", "SINCE", "FOUND"], rows.collect());
    output.line("");
    if view.targets.is_empty() {
        output.line(
            "Nobody is told, and nothing is looked at: there is no [alerts.targets.NAME] in the \
             configuration.",
        );
        return;
    }
    let rows = view.targets.iter().map(|target| target_row(output, target));
    output.table(
        ["TARGET", "KIND", "WAITING", "LAST MESSAGE"],
        rows.collect(),
    );
}

fn alert_row(output: Output, alert: &AlertView) -> [String; 4] {
    let tone = match alert.standing {
        Standing::Firing => Tone::Bad,
        Standing::Pending => Tone::Warning,
        Standing::Quiet => Tone::Faint,
    };
    let name = match alert.subject.as_str() {
        "" => alert.rule.to_string(),
        subject => format!("{} {subject}", alert.rule),
    };
    [
        name,
        output.paint(tone, alert.word()),
        alert.since.clone().unwrap_or_default(),
        alert.what.clone(),
    ]
}

fn target_row(output: Output, target: &TargetView) -> [String; 4] {
    let last = match (&target.tried_at, &target.failure) {
        (None, _) => output.paint(Tone::Faint, "none yet"),
        (Some(at), None) => output.paint(Tone::Good, &format!("sent {at}")),
        (Some(at), Some(failure)) => output.paint(Tone::Bad, &format!("not sent {at}: {failure}")),
    };
    let kind = target.kind.as_str().to_owned();
    [target.name.clone(), kind, target.waiting.to_string(), last]
}
