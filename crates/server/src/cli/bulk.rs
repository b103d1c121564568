//! `payhook bulk`: redrive, stop or promote whatever a filter asks for.

use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::Context;
use super::events::Filters;
use super::output::{Output, Tone};
use crate::access::Purpose;
use crate::bulk::{BulkAction, BulkRequest, BulkState, BulkView, PER_SECOND};
use crate::desk::EventQuery;

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// What to do with many.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  payhook bulk redrive --error GatewayUnavailable --since 2026-11-23T10:00:00Z --dry-run
  payhook bulk redrive --error GatewayUnavailable --per-second 5 --reason 'gateway is back'
  payhook bulk promote --source stripe --reason 'secret mended'
  payhook bulk notify --since 2026-11-23T10:00:00Z --reason 'the shop is back'")]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Let executions that ended badly go on.
    Redrive(Run),
    /// End executions that run.
    Stop(Run),
    /// Judge refused deliveries again; of the filters, --source, --since and --until.
    Promote(Run),
    /// Tell endpoints what they were not told and a person was asked about.
    Notify(Run),
    /// List runs since the server was started, newest first.
    List,
    /// Have a run begin nothing more.
    Cancel {
        /// Its number.
        run: u64,
    },
}

#[derive(Debug, clap::Args)]
struct Run {
    #[command(flatten)]
    filters: Filters,
    /// Only count them.
    #[arg(long)]
    dry_run: bool,
    /// How many a second.
    #[arg(long, value_name = "N", default_value_t = PER_SECOND)]
    per_second: u32,
    /// Why, for whoever reads the audit log.
    #[arg(long)]
    reason: Option<String>,
}

/// Does it.
pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let output = context.output;
    let (action, run) = match args.verb {
        Verb::Redrive(run) => (BulkAction::Redrive, run),
        Verb::Stop(run) => (BulkAction::Stop, run),
        Verb::Promote(run) => (BulkAction::Promote, run),
        Verb::Notify(run) => (BulkAction::Notify, run),
        Verb::List => {
            let runs = context.access(Purpose::Look).await?.bulk_runs().await?;
            return list(output, &runs);
        }
        Verb::Cancel { run } => {
            let view = context
                .access(Purpose::Look)
                .await?
                .cancel_bulk(run)
                .await?;
            return list(output, &[view]);
        }
    };
    let request = BulkRequest {
        action,
        filter: EventQuery {
            limit: None,
            ..run.filters.query(None, 0)
        },
        dry_run: run.dry_run,
        per_second: Some(run.per_second),
        reason: run.reason,
    };
    let purpose = match (request.dry_run, action) {
        (true, _) => Purpose::Look,
        (false, BulkAction::Promote) => Purpose::Judge,
        (false, BulkAction::Redrive | BulkAction::Stop | BulkAction::Notify) => Purpose::Act,
    };
    let access = context.access(purpose).await?;
    let bar = bar(output, action);
    let cancel = CancellationToken::new();
    let mut working = pin!(access.bulk(&request, |view| show(&bar, view), &cancel));
    let ended = tokio::select! {
        ended = &mut working => ended,
        _ = tokio::signal::ctrl_c() => {
            cancel.cancel();
            working.await
        }
    };
    bar.finish_and_clear();
    let view = ended?;
    if output.is_json() {
        output.json(&view)?;
    } else {
        print(output, &view);
    }
    let well = view.state == BulkState::Done && view.not_done == 0;
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn bar(output: Output, action: BulkAction) -> ProgressBar {
    if output.is_json() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {msg}  (Ctrl-C cancels)") {
        bar.set_style(style);
    }
    bar.set_prefix(action.word());
    bar.enable_steady_tick(TICK);
    bar
}

fn show(bar: &ProgressBar, view: &BulkView) {
    bar.set_message(words(view));
}

fn words(view: &BulkView) -> String {
    if view.request.dry_run {
        return format!("{} found", view.matched);
    }
    format!(
        "{} found, {} done, {} not done",
        view.matched, view.done, view.not_done
    )
}

fn print(output: Output, view: &BulkView) {
    let (tone, end) = match view.state {
        BulkState::Running => (Tone::Faint, "going on"),
        BulkState::Done if view.request.dry_run => (Tone::Good, "counted; nothing was done"),
        BulkState::Done if view.not_done == 0 => (Tone::Good, "done"),
        BulkState::Done => (Tone::Bad, "done, but not with all"),
        BulkState::Cancelled => (Tone::Bad, "cancelled; what was done stays done"),
        BulkState::Failed => (Tone::Bad, "it could not go on"),
    };
    output.line(format!("{}: {}", output.paint(tone, end), words(view)));
    if view.request.dry_run {
        for name in &view.sample {
            output.line(format!("  {name}"));
        }
        let more = view.matched.saturating_sub(view.sample.len() as u64);
        if more > 0 {
            output.line(format!("  and {more} more"));
        }
    }
    for problem in &view.problems {
        output.line(format!("  {problem}"));
    }
}

fn list(output: Output, runs: &[BulkView]) -> anyhow::Result<ExitCode> {
    if output.is_json() {
        output.json(&runs)?;
        return Ok(ExitCode::SUCCESS);
    }
    if runs.is_empty() {
        output.line("No runs since the server was started.");
        return Ok(ExitCode::SUCCESS);
    }
    let row = |view: &BulkView| {
        let dry = if view.request.dry_run { "dry run" } else { "" };
        [
            view.id.to_string(),
            view.started_at.clone(),
            view.request.action.word().to_owned(),
            dry.to_owned(),
            view.state.word().to_owned(),
            words(view),
            view.operator.clone(),
        ]
    };
    let headings = ["ID", "STARTED", "WHAT", "", "STATE", "HOW MANY", "WHO"];
    output.table(headings, runs.iter().map(row).collect());
    Ok(ExitCode::SUCCESS)
}
