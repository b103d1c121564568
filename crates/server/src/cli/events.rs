//! `payhook events`: did we get the webhook, and what became of it?

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use domain::currency::Currency;

use super::output::{Output, Tone};
use super::{Context, executions, shred};
use crate::access::{Access, Purpose};
use crate::desk::{ChangeQuery, EventQuery, ShredRequest};
use crate::export::{Format, PAGE};
use crate::view::{EventDetailView, EventView};

/// How often the feed is looked at while following it.
const TAIL_PAUSE: Duration = Duration::from_millis(300);

/// What to do with events.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    #[command(flatten)]
    Look(Look),
    /// Destroy what was received for one event, for good; the event stays.
    Shred(Shred),
}

#[derive(Debug, Subcommand)]
enum Look {
    /// List events, newest first.
    List(List),
    /// Print every event that a filter asks for, as CSV or JSON lines.
    Export(Export),
    /// Show everything about one event: what arrived, who sent it, what was done.
    Show(Show),
    /// Follow every change as it happens, until interrupted.
    Tail(Tail),
}

#[derive(Debug, clap::Args)]
struct Shred {
    /// Its id, or its key such as generic/evt_1.
    event: String,
    #[command(flatten)]
    confirmation: shred::Confirmation,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    filters: Filters,
    /// Only those below this id: the next page.
    #[arg(long, value_name = "ID")]
    before: Option<u64>,
    /// No more than so many.
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
struct Export {
    #[command(flatten)]
    filters: Filters,
    /// How they are written.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Which events.
#[derive(Debug, clap::Args)]
pub(super) struct Filters {
    /// Only those of this payment.
    #[arg(long, value_name = "ID")]
    payment: Option<String>,
    /// Only those whose record stands so: the provider's own status until it is claimed, then
    /// processing, completed or failed.
    #[arg(long)]
    status: Option<String>,
    /// Only those of this source.
    #[arg(long)]
    source: Option<String>,
    /// Only those that failed with this error, such as GatewayUnavailable.
    #[arg(long)]
    error: Option<String>,
    /// Only those of exactly this amount.
    #[arg(long)]
    amount: Option<String>,
    /// Only those received at this time or later, such as 2026-11-23T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only those received before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

impl Filters {
    /// What is asked of a listing of them.
    pub(super) fn query(self, before: Option<u64>, limit: usize) -> EventQuery {
        EventQuery {
            payment_id: self.payment,
            status: self.status,
            source: self.source,
            event_key: None,
            error: self.error,
            amount: self.amount,
            since: self.since,
            until: self.until,
            before,
            limit: Some(limit),
        }
    }
}

#[derive(Debug, clap::Args)]
struct Show {
    /// Its id, or its key such as generic/evt_1.
    event: String,
    /// Show the body too; it may hold personal data.
    #[arg(long)]
    body: bool,
}

#[derive(Debug, clap::Args)]
struct Tail {
    /// Begin after this place of the feed; 0 is the very beginning.
    #[arg(long, value_name = "SEQUENCE")]
    after: Option<u64>,
    /// End after so many changes.
    #[arg(long, short = 'n')]
    count: Option<usize>,
}

/// Does it.
pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let output = context.output;
    let action = match args.action {
        Action::Shred(wish) => {
            let request = ShredRequest {
                event: Some(wish.event),
                ..ShredRequest::default()
            };
            return shred::run(request, wish.confirmation, context).await;
        }
        Action::Look(look) => look,
    };
    let access = context.access(Purpose::Look).await?;
    match action {
        Look::List(list) => {
            let query = list.filters.query(list.before, list.limit);
            let page = access.events(&query).await?;
            if output.is_json() {
                output.json(&page)?;
            } else {
                if page.items.is_empty() && page.next.is_some() {
                    output.line("None of the events that were looked at is like that.");
                } else {
                    print_list(output, &page.items);
                }
                super::print_next(output, page.next);
            }
        }
        Look::Export(export) => print_all(&access, export).await?,
        Look::Show(show) => {
            let detail = access.event(&show.event, show.body).await?;
            if output.is_json() {
                output.json(&detail)?;
            } else {
                print_detail(output, &detail);
            }
        }
        Look::Tail(tail) => follow(&access, output, &tail).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints every event that is asked for, a page at a time.
async fn print_all(access: &Access, export: Export) -> anyhow::Result<()> {
    let mut query = export.filters.query(None, PAGE);
    let print = |bytes: Vec<u8>| std::io::stdout().write_all(&bytes);
    let mut bytes = export.format.head();
    loop {
        let page = access.events(&query).await?;
        bytes.extend(export.format.lines(&page.items));
        // Whoever read it may have had enough.
        if print(std::mem::take(&mut bytes)).is_err() {
            return Ok(());
        }
        match page.next {
            Some(before) => query.before = Some(before),
            None => return Ok(()),
        }
    }
}

fn print_list(output: Output, events: &[EventView]) {
    if events.is_empty() {
        output.line("No events.");
        return;
    }
    let row = |event: &EventView| {
        [
            event.id.to_string(),
            event.received_at.clone(),
            event.payment_id.clone(),
            amount(event),
            output.paint(status_tone(&event.status), &event.status),
            super::status_cell(output, event.execution),
            event.event_key.clone(),
        ]
    };
    let headings = [
        "ID",
        "RECEIVED",
        "PAYMENT",
        "AMOUNT",
        "STATUS",
        "EXECUTION",
        "EVENT KEY",
    ];
    output.table(headings, events.iter().map(row).collect());
}

/// How much, or a dash where the provider names no money.
pub(super) fn amount(event: &EventView) -> String {
    if event.currency == Currency::NONE.code() {
        return "-".to_owned();
    }
    format!("{} {}", event.amount, event.currency)
}

/// The colour that a record's status has.
pub(super) fn status_tone(status: &str) -> Tone {
    match status {
        "completed" => Tone::Good,
        "failed" => Tone::Bad,
        "processing" => Tone::Warning,
        _ => Tone::Strong,
    }
}

fn print_detail(output: Output, detail: &EventDetailView) {
    print_event(output, &detail.event);
    output.line("");
    print_steps(output, detail);
    match &detail.execution {
        None => output.line("\n  No execution was started for it."),
        Some(execution) => {
            output.line("");
            executions::print_detail(output, execution);
        }
    }
    if let Some(body) = &detail.body {
        output.line(format!("\n{body}"));
    }
}

fn print_event(output: Output, event: &EventView) {
    let status = output.paint(status_tone(&event.status), &event.status);
    output.line(format!(
        "{}  {status}",
        output.paint(Tone::Strong, &event.event_key)
    ));
    let field = |name: &str, value: &str| {
        output.line(format!(
            "  {} {value}",
            output.paint(Tone::Faint, &format!("{name:<12}"))
        ));
    };
    field("payment", &event.payment_id);
    field("amount", &amount(event));
    field(
        "provider",
        &format!("{} (status {})", event.provider, event.provider_status),
    );
    field(
        "record",
        &format!("{} at {}", event.payment_id, event.timestamp),
    );
    field("trace", &event.trace_id);
    if let Some(id) = &event.transaction_id {
        field("transaction", id);
    }
    if let Some(error) = &event.error {
        field("error", &output.paint(Tone::Bad, error));
    }
    if let Some(cause) = &event.cause {
        field("cause", cause);
    }
}

fn print_steps(output: Output, detail: &EventDetailView) {
    let event = &detail.event;
    let step = |at: &str, what: &str| output.line(format!("  {}  {what}", super::clock(at)));
    let (bytes, headers) = (detail.body_bytes, detail.headers.len());
    if let Some(at) = &detail.shredded_at {
        let gone = "shredded: what was received is destroyed";
        step(at, &output.paint(Tone::Bad, gone));
    }
    let arrived = format!(
        "arrived from {}, {bytes} bytes, {headers} headers",
        event.source
    );
    step(&event.received_at, &arrived);
    step(&event.received_at, &vouched(detail));
    if let Some(meaning) = &event.meaning {
        step(&event.received_at, &format!("read: {}", meaning.words()));
    }
    for anomaly in &detail.anomalies {
        let text = format!("does not fit its payment: {anomaly}");
        step(&event.received_at, &output.paint(Tone::Warning, &text));
    }
    for change in &detail.changes {
        let status = change.status.as_deref().unwrap_or("?");
        let (kind, place) = (&change.event_name, change.sequence);
        step(
            &change.at,
            &format!("kept: {kind} {status} (feed entry {place})"),
        );
    }
    for conflict in &detail.conflicts {
        let text = format!(
            "conflict: the same key came with other bytes, {} times ({})",
            conflict.count, conflict.body_hash
        );
        step(&conflict.received_at, &output.paint(Tone::Bad, &text));
    }
}

/// Who says that what it tells is so.
fn vouched(detail: &EventDetailView) -> String {
    let secret = &detail.secret;
    match detail.vouched.as_str() {
        "fetched" => "fetched: the provider's API was asked, and this is its answer".to_owned(),
        "authenticated" => format!(
            "authenticated: the sender holds secret \"{secret}\"; no signature covers the body"
        ),
        _ => format!("verified: signed with secret \"{secret}\""),
    }
}

async fn follow(access: &Access, output: Output, tail: &Tail) -> anyhow::Result<()> {
    let mut query = ChangeQuery {
        after: tail.after,
        limit: Some(500),
    };
    let mut left = tail.count.unwrap_or(usize::MAX);
    while left > 0 {
        let changes = access.changes(&query).await?;
        for change in changes.items.iter().take(left) {
            if output.is_json() {
                output.line(serde_json::to_string(change)?);
            } else {
                let status = change.status.as_deref().unwrap_or("?");
                output.line(format!(
                    "{}  {:>8}  {:<6}  {}  {}",
                    super::clock(&change.at),
                    change.sequence,
                    change.event_name,
                    output.paint(status_tone(status), status),
                    change.payment_id,
                ));
            }
        }
        left = left.saturating_sub(changes.items.len());
        query.after = Some(changes.after);
        if changes.items.is_empty() && left > 0 {
            tokio::time::sleep(TAIL_PAUSE).await;
        }
    }
    Ok(())
}
