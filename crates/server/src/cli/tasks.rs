//! `payhook tasks`: answers for tasks that wait for somebody.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::Value;

use super::Context;
use crate::access::Purpose;
use crate::desk::{FailureRequest, HeartbeatRequest, SuccessRequest};

/// What to do with a task.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Let it end well, with a result.
    Succeed(Succeed),
    /// Let it end badly, with an error that the workflow can catch.
    Fail(Fail),
    /// Let it wait on: its HeartbeatSeconds begin again.
    Heartbeat(Heartbeat),
}

#[derive(Debug, clap::Args)]
struct Succeed {
    /// Its token, which was $$.Task.Token in its input.
    token: String,
    /// Its result, as JSON.
    #[arg(long, value_name = "JSON", default_value = "null")]
    output: String,
    /// Why, for whoever reads the audit log.
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Fail {
    /// Its token.
    token: String,
    /// The error's name.
    #[arg(long, value_name = "NAME")]
    error: Option<String>,
    /// Why it ended so.
    #[arg(long, value_name = "TEXT")]
    cause: Option<String>,
    /// Why, for whoever reads the audit log.
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Heartbeat {
    /// Its token.
    token: String,
}

/// Does it.
pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let output = context.output;
    let (answered, what) = match args.action {
        Action::Succeed(succeed) => {
            let result: Value = serde_json::from_str(&succeed.output)
                .context("--output is not JSON; a text needs quotes of its own: '\"yes\"'")?;
            let request = SuccessRequest {
                token: succeed.token,
                output: result,
                reason: succeed.reason,
            };
            let access = context.access(Purpose::Act).await?;
            (access.task_succeeded(request).await?, "ended well")
        }
        Action::Fail(fail) => {
            let request = FailureRequest {
                token: fail.token,
                error: fail.error,
                cause: fail.cause,
                reason: fail.reason,
            };
            let access = context.access(Purpose::Act).await?;
            (access.task_failed(request).await?, "ended badly")
        }
        Action::Heartbeat(Heartbeat { token }) => {
            let access = context.access(Purpose::Act).await?;
            let request = HeartbeatRequest { token };
            (access.task_goes_on(request).await?, "waits on")
        }
    };
    if output.is_json() {
        output.json(&answered)?;
    } else {
        let execution = answered.execution;
        output.line(format!("The task {what}; execution {execution} goes on."));
    }
    Ok(ExitCode::SUCCESS)
}

const EXAMPLES: &str = "\
Examples:
  payhook tasks succeed 17-4be1… --output '{\"approved\": true}' --reason 'looked at it'
  payhook tasks fail 17-4be1… --error Refused --cause 'too much for one day'";
