//! `payhook notifications`: who is told what becomes of payments, and what they were told.

use std::process::ExitCode;

use clap::Subcommand;

use super::Context;
use super::output::{Output, Tone};
use crate::access::Purpose;
use crate::admin::ReplayRequest;
use crate::view::{EndpointView, NotificationView, RepliesView};

/// What to do with endpoints and what they were told.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the endpoints, and how each fares.
    List,
    /// Show what was told of one event.
    Show(Show),
    /// Have an endpoint called again. `payhook bulk notify` then tells it what it was not told.
    Enable(Named),
    /// Have an endpoint left alone.
    Disable(Named),
    /// Tell endpoints again what became of one event, once and now, with the same webhook-id.
    Replay(Replay),
}

#[derive(Debug, clap::Args)]
struct Show {
    /// Its id, or its key.
    event: String,
}

#[derive(Debug, clap::Args)]
struct Named {
    /// Its name in the configuration.
    endpoint: String,
    /// Why, for whoever reads the audit log.
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Replay {
    /// Its id, or its key.
    event: String,
    /// Only this endpoint, whatever it wants to be told; all that want it otherwise.
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
    /// Why, for whoever reads the audit log.
    #[arg(long)]
    reason: String,
}

/// Does it.
pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let output = context.output;
    match args.action {
        Action::List => {
            let endpoints = context.access(Purpose::Look).await?.endpoints().await?;
            print_endpoints(output, &endpoints)?;
        }
        Action::Show(Show { event }) => {
            let access = context.access(Purpose::Look).await?;
            print_notifications(output, &access.notifications(&event).await?)?;
        }
        Action::Enable(Named { endpoint, reason }) => {
            let access = context.access(Purpose::Act).await?;
            let endpoint = access.enable_endpoint(&endpoint, reason).await?;
            print_endpoints(output, &[endpoint])?;
        }
        Action::Disable(Named { endpoint, reason }) => {
            let access = context.access(Purpose::Act).await?;
            let endpoint = access.disable_endpoint(&endpoint, reason).await?;
            print_endpoints(output, &[endpoint])?;
        }
        Action::Replay(replay) => {
            let access = context.access(Purpose::Tell).await?;
            let request = ReplayRequest {
                endpoint: replay.endpoint,
                reason: Some(replay.reason),
            };
            print_replies(output, &access.replay(&replay.event, &request).await?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_endpoints(output: Output, endpoints: &[EndpointView]) -> anyhow::Result<()> {
    if output.is_json() {
        return output.json(&endpoints);
    }
    if endpoints.is_empty() {
        output.line("No endpoint is configured; [notify.endpoints.NAME] adds one.");
        return Ok(());
    }
    let row = |endpoint: &EndpointView| {
        let tone = match (&endpoint.disabled_at, &endpoint.failing_since) {
            (Some(_), _) => Tone::Bad,
            (None, Some(_)) => Tone::Warning,
            (None, None) => Tone::Good,
        };
        let since = endpoint
            .disabled_at
            .as_ref()
            .or(endpoint.failing_since.as_ref());
        let why = [&endpoint.disabled_why, &endpoint.error];
        let why: Vec<&str> = why.into_iter().flatten().map(String::as_str).collect();
        [
            endpoint.name.clone(),
            output.paint(tone, endpoint.stands()),
            since.cloned().unwrap_or_default(),
            why.join(", "),
            endpoint.failures.to_string(),
            endpoint
                .origin
                .clone()
                .unwrap_or_else(|| "not configured".to_owned()),
        ]
    };
    let headings = ["ENDPOINT", "STANDS", "SINCE", "WHY", "FAILURES", "AT"];
    output.table(headings, endpoints.iter().map(row).collect());
    Ok(())
}

fn print_notifications(output: Output, all: &[NotificationView]) -> anyhow::Result<()> {
    if output.is_json() {
        return output.json(&all);
    }
    if all.is_empty() {
        output.line("Nobody was told anything of it.");
        return Ok(());
    }
    for told in all {
        output.line(format!(
            "  payment {} at {}, execution {}: {}",
            told.outcome,
            told.at,
            told.execution,
            super::status_cell(output, Some(told.status)),
        ));
        if told.superseded {
            output.line("    not told any more: something else became of the payment since");
        }
        for each in &told.endpoints {
            let error = each.error.as_deref().unwrap_or_default();
            let line = format!(
                "    {}: {}, attempts {} {error}",
                each.name, each.state, each.attempts
            );
            output.line(line.trim_end());
        }
        if let Some(due) = &told.due_at {
            output.line(format!("    next at {due}"));
        }
        if let Some(cause) = &told.cause {
            output.line(format!("    {cause}"));
        }
    }
    Ok(())
}

fn print_replies(output: Output, replies: &RepliesView) -> anyhow::Result<()> {
    if output.is_json() {
        return output.json(replies);
    }
    for reply in &replies.replies {
        let told = output.paint(Tone::Good, "told");
        output.line(format!("{} {told}, {}", reply.endpoint, reply.message));
    }
    Ok(())
}
