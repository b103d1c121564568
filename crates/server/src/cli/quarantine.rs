//! `payhook quarantine`: deliveries that were refused, and the way back for those that should
//! not have been.

use std::process::ExitCode;

use clap::Subcommand;

use super::Context;
use super::output::{Output, Tone};
use crate::access::Purpose;
use crate::desk::ListQuery;
use crate::view::{QuarantineDetailView, QuarantineView};

/// What to do with the quarantine.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List refused deliveries, newest first.
    List(List),
    /// Show one.
    Show(Show),
    /// Judge one again with the secrets of now, and take it into custody if it passes. Do this
    /// after mending a secret in the configuration.
    Promote(Promote),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only those below this id: the next page.
    #[arg(long, value_name = "ID")]
    before: Option<u64>,
    /// No more than so many.
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// Its id.
    id: u64,
    /// Show the body too; nobody has vouched for it.
    #[arg(long)]
    body: bool,
}

#[derive(Debug, clap::Args)]
struct Promote {
    /// Its id.
    id: u64,
    /// Why, for whoever reads the audit log.
    #[arg(long)]
    reason: Option<String>,
}

/// Does it.
pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let output = context.output;
    match args.action {
        Action::List(list) => {
            let access = context.access(Purpose::Look).await?;
            let query = ListQuery {
                before: list.before,
                limit: Some(list.limit),
            };
            let page = access.quarantine(&query).await?;
            if output.is_json() {
                output.json(&page)?;
            } else {
                print_list(output, &page.items);
                super::print_next(output, page.next);
            }
        }
        Action::Show(show) => {
            let access = context.access(Purpose::Look).await?;
            let detail = access.quarantined(show.id, show.body).await?;
            if output.is_json() {
                output.json(&detail)?;
            } else {
                print_detail(output, &detail);
            }
        }
        Action::Promote(promote) => {
            let access = context.access(Purpose::Judge).await?;
            let promoted = access.promote(promote.id, promote.reason).await?;
            if output.is_json() {
                output.json(&promoted)?;
            } else {
                for (payment, outcome) in promoted.payment_ids.iter().zip(&promoted.outcomes) {
                    output.line(format!("{payment}: {}", output.paint(Tone::Good, outcome)));
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_list(output: Output, deliveries: &[QuarantineView]) {
    if deliveries.is_empty() {
        output.line("Nothing is in quarantine.");
        return;
    }
    let row = |delivery: &QuarantineView| {
        [
            delivery.id.to_string(),
            delivery.last_received_at.clone(),
            delivery.source.clone(),
            output.paint(Tone::Warning, &delivery.reason),
            delivery.findings.join(", "),
            delivery.count.to_string(),
            delivery.body_bytes.to_string(),
            delivery.body_hash.chars().take(16).collect(),
        ]
    };
    let headings = [
        "ID",
        "LAST RECEIVED",
        "SOURCE",
        "REASON",
        "WHY",
        "COUNT",
        "BYTES",
        "BODY",
    ];
    output.table(headings, deliveries.iter().map(row).collect());
}

fn print_detail(output: Output, detail: &QuarantineDetailView) {
    let delivery = &detail.delivery;
    let field = |name: &str, value: &str| {
        output.line(format!(
            "  {} {value}",
            output.paint(Tone::Faint, &format!("{name:<10}"))
        ));
    };
    output.line(format!(
        "Delivery {} to {}  {}",
        delivery.id,
        delivery.source,
        output.paint(Tone::Warning, &delivery.reason)
    ));
    field(
        "body",
        &format!(
            "{} bytes, sha256 {}",
            delivery.body_bytes, delivery.body_hash
        ),
    );
    field("first", &delivery.first_received_at);
    field("last", &delivery.last_received_at);
    field("count", &delivery.count.to_string());
    field("trace", &delivery.trace_id);
    for header in &detail.headers {
        let value = header.value.as_deref().unwrap_or("(not shown)");
        field("header", &format!("{}: {value}", header.name));
    }
    for finding in &detail.diagnosis {
        output.line(format!("  {}", finding.message));
        if let Some(advice) = &finding.advice {
            output.line(format!("    {}", output.paint(Tone::Faint, advice)));
        }
    }
    if let Some(body) = &detail.body {
        output.line(format!("\n{body}"));
    }
}
