//! `payhook reconcile`: asks the provider what it has, and takes in what never arrived here.

use std::process::ExitCode;

use domain::time::Timestamp;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::output::Tone;
use super::{Context, input};
use crate::access::Purpose;
use crate::desk::ReconcileRequest;
use crate::view::GapView;

/// Which source, and from when on.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The source, by its name in the configuration.
    source: String,

    /// From this time on, as 2026-11-23T10:00:00Z or in milliseconds. Stripe keeps events for 30
    /// days.
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    since: Timestamp,

    /// Take nothing in; only say what is missing.
    #[arg(long)]
    dry_run: bool,
    /// Why, for whoever reads the audit log.
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    source: String,
    dry_run: bool,
    checked: u64,
    known: u64,
    taken: u64,
    gaps: Vec<GapView>,
}

/// Does it, page by page.
pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let output = context.output;
    let access = context.access(Purpose::Judge).await?;
    let progress = if output.is_json() {
        ProgressBar::hidden()
    } else {
        ProgressBar::new_spinner().with_style(ProgressStyle::with_template(
            "{spinner} {pos} events compared {msg}",
        )?)
    };
    let mut summary = Summary {
        source: args.source.clone(),
        dry_run: args.dry_run,
        ..Summary::default()
    };
    let mut cursor = None;
    loop {
        let request = ReconcileRequest {
            since: args.since.as_millis(),
            cursor,
            dry_run: args.dry_run,
            reason: args.reason.clone(),
        };
        let page = access.reconcile(&args.source, &request).await?;
        summary.checked += page.checked;
        summary.known += page.known;
        summary.taken += page.taken;
        summary.gaps.extend(page.gaps);
        progress.set_position(summary.checked);
        progress.set_message(format!("{} missing", summary.gaps.len()));
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    progress.finish_and_clear();
    if output.is_json() {
        output.json(&summary)?;
    } else {
        for gap in &summary.gaps {
            let what = if args.dry_run { "missing" } else { "taken in" };
            output.line(format!(
                "{}  {}  {}",
                output.paint(Tone::Warning, what),
                gap.event_key,
                gap.payment_id
            ));
        }
        output.line(format!(
            "{} compared, {} known here, {} missing, {} taken in.",
            summary.checked,
            summary.known,
            summary.gaps.len(),
            summary.taken
        ));
    }
    let is_complete = summary.gaps.is_empty() || !args.dry_run;
    Ok(if is_complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

const EXAMPLES: &str = "\
Examples:
  What Stripe could not deliver since yesterday, without taking it in:
    payhook reconcile stripe --since 2026-11-24T00:00:00Z --dry-run

  And taking it in; each event once, however often this is run:
    payhook reconcile stripe --since 2026-11-24T00:00:00Z

The source needs [sources.NAME.api] with a token. Stripe, PayPal and Mollie can be asked.

Exit code: 0 nothing is missing any more, 1 something is (--dry-run), 2 it could not be asked.";
