//! `payhook executions`: runs of the workflow, and what a person can do about them.

use std::process::ExitCode;

use clap::Subcommand;
use engine::operator::Wish;
use serde_json::Value;

use super::Context;
use super::output::{Output, Tone};
use crate::access::Purpose;
use crate::desk::ExecutionQuery;
use crate::view::{ExecutionDetailView, ExecutionView};

/// What to do with executions.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List executions, newest first.
    List(List),
    /// Show one execution with its history.
    Show(Show),
    /// Let one that ended badly go on from the state in which it failed.
    Redrive(Redrive),
    /// End one now.
    Stop(Stop),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only those that stand so: running, succeeded, failed, timed_out or aborted;
    /// dead_letter for the last three.
    #[arg(long)]
    status: Option<String>,
    /// Only those below this id: the next page.
    #[arg(long, value_name = "ID")]
    before: Option<u64>,
    /// No more than so many.
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// Its id, or its event's key.
    execution: String,
    /// Show bodies too; they may hold personal data.
    #[arg(long)]
    body: bool,
}

#[derive(Debug, clap::Args)]
struct Redrive {
    /// Its id, or its event's key.
    execution: String,
    /// Why, for whoever reads the audit log.
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Stop {
    /// Its id, or its event's key.
    execution: String,
    /// Why, for whoever reads the history and the audit log.
    #[arg(long)]
    reason: Option<String>,
}

/// Does it.
pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let output = context.output;
    let detail = match args.action {
        Action::List(list) => {
            let access = context.access(Purpose::Look).await?;
            let query = ExecutionQuery {
                status: list.status,
                before: list.before,
                limit: Some(list.limit),
            };
            let page = access.executions(&query).await?;
            if output.is_json() {
                output.json(&page)?;
            } else {
                print_list(output, &page.items);
                super::print_next(output, page.next);
            }
            return Ok(ExitCode::SUCCESS);
        }
        Action::Show(show) => {
            let access = context.access(Purpose::Look).await?;
            access.execution(&show.execution, show.body).await?
        }
        Action::Redrive(redrive) => {
            let access = context.access(Purpose::Act).await?;
            let Redrive { execution, reason } = redrive;
            access.fulfil(&execution, Wish::Redrive, reason).await?
        }
        Action::Stop(stop) => {
            let access = context.access(Purpose::Act).await?;
            let Stop { execution, reason } = stop;
            let wish = Wish::Stop {
                reason: reason.clone(),
            };
            access.fulfil(&execution, wish, reason).await?
        }
    };
    if output.is_json() {
        output.json(&detail)?;
    } else {
        print_detail(output, &detail);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_list(output: Output, executions: &[ExecutionView]) {
    if executions.is_empty() {
        output.line("No executions.");
        return;
    }
    let row = |execution: &ExecutionView| {
        [
            execution.id.to_string(),
            execution.started_at.clone(),
            super::status_cell(output, Some(execution.status)),
            execution.payment_id.clone(),
            execution.record_status.clone(),
            execution
                .due_at
                .as_deref()
                .map(super::clock)
                .unwrap_or_default(),
            execution.event_key.clone(),
        ]
    };
    let headings = [
        "ID",
        "STARTED",
        "STATUS",
        "PAYMENT",
        "RECORD",
        "NEXT",
        "EVENT KEY",
    ];
    output.table(headings, executions.iter().map(row).collect());
}

/// Prints an execution and its history, one line an event.
pub(super) fn print_detail(output: Output, detail: &ExecutionDetailView) {
    let execution = &detail.execution;
    output.line(format!(
        "  {}  {}",
        output.paint(Tone::Strong, &execution.name),
        super::status_cell(output, Some(execution.status))
    ));
    if let Some(due) = &execution.due_at {
        let state = detail.state.as_deref().unwrap_or("?");
        output.line(format!(
            "  in {state}, retry {}, next at {due}",
            detail.retry_count
        ));
    }
    if let Some(error) = &detail.error {
        let cause = detail.cause.as_deref().unwrap_or_default();
        output.line(format!("  {}: {cause}", output.paint(Tone::Bad, error)));
    }
    for event in &detail.events {
        output.line(format!("  {}", history_line(output, event)));
    }
}

fn history_line(output: Output, event: &Value) -> String {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = text("type");
    let details = event.as_object().and_then(|fields| {
        fields
            .iter()
            .find(|(name, _)| name.ends_with("EventDetails"))
            .map(|(_, value)| value)
    });
    let detail = |name: &str| {
        details
            .and_then(|details| details.get(name))
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let tone =
        if kind.ends_with("Failed") || kind.ends_with("TimedOut") || kind.ends_with("Aborted") {
            Tone::Bad
        } else if kind.ends_with("Succeeded") {
            Tone::Good
        } else {
            Tone::Faint
        };
    let mut line = format!(
        "{}  {:>3}  {}",
        super::clock(text("timestamp")),
        event.get("id").and_then(Value::as_u64).unwrap_or_default(),
        output.paint(tone, kind),
    );
    for part in [detail("name"), detail("error"), detail("cause")] {
        if !part.is_empty() {
            line.push_str("  ");
            line.push_str(part);
        }
    }
    line
}
