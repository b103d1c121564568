//! `payhook payments`: where a payment stands, as all its events tell it.

use std::process::ExitCode;

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use domain::status::PaymentStatus;

use super::Context;
use super::output::{Output, Tone};
use super::{events, shred};
use crate::access::Purpose;
use crate::desk::{ListQuery, PaymentQuery, ShredRequest};
use crate::view::{AnomalyView, EventView, ListedPaymentView, PaymentView};

/// What to do with payments.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List payments, those of which something was told last first.
    List(List),
    /// Show where a payment stands, and the events that say so.
    Show(Show),
    /// Destroy what was received about a payment, for good; that there were events stays.
    Shred(Shred),
    /// List what does not fit together: ties, other amounts, refunds of more than was paid.
    Anomalies(Anomalies),
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The payment's id, in the provider's words.
    id: String,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only those of which this source tells.
    #[arg(long)]
    source: Option<String>,
    /// Only those that stand so, such as captured or refunded.
    #[arg(long, value_parser = PossibleValuesParser::new(PaymentStatus::ALL.map(PaymentStatus::as_str)))]
    status: Option<String>,
    /// Only those whose newest event is below this id: the next page.
    #[arg(long, value_name = "ID")]
    before: Option<u64>,
    /// No more than so many.
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: usize,
}

#[derive(Debug, clap::Args)]
struct Shred {
    /// The payment's id, in the provider's words.
    id: String,
    /// Only what this source told of it.
    #[arg(long)]
    source: Option<String>,
    #[command(flatten)]
    confirmation: shred::Confirmation,
}

#[derive(Debug, clap::Args)]
struct Anomalies {
    /// Only those below this id: the next page.
    #[arg(long, value_name = "ID")]
    before: Option<u64>,
    /// No more than so many.
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: usize,
}

/// Does it.
pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let output = context.output;
    match args.action {
        Action::List(list) => {
            let query = PaymentQuery {
                source: list.source,
                status: list.status,
                before: list.before,
                limit: Some(list.limit),
            };
            let access = context.access(Purpose::Look).await?;
            let page = access.list_payments(&query).await?;
            if output.is_json() {
                output.json(&page)?;
            } else {
                print_list(output, &page.items, page.next.is_some());
                super::print_next(output, page.next);
            }
        }
        Action::Shred(wish) => {
            let request = ShredRequest {
                payment: Some(wish.id),
                source: wish.source,
                ..ShredRequest::default()
            };
            return shred::run(request, wish.confirmation, context).await;
        }
        Action::Show(show) => {
            let access = context.access(Purpose::Look).await?;
            let payments = access.payments(&show.id).await?;
            if output.is_json() {
                output.json(&payments)?;
            } else {
                payments.iter().for_each(|payment| print(output, payment));
            }
        }
        Action::Anomalies(list) => {
            let query = ListQuery {
                before: list.before,
                limit: Some(list.limit),
            };
            let access = context.access(Purpose::Look).await?;
            let page = access.anomalies(&query).await?;
            if output.is_json() {
                output.json(&page)?;
            } else {
                print_anomalies(output, &page.items);
                super::print_next(output, page.next);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_list(output: Output, payments: &[ListedPaymentView], is_more: bool) {
    if payments.is_empty() {
        output.line(match is_more {
            true => "None of the payments that were looked at is like that; there are older ones.",
            false => "No payment is like that.",
        });
        return;
    }
    let row = |payment: &ListedPaymentView| {
        let newest = &payment.newest;
        let status = match &payment.status {
            Some(status) => output.paint(tone(status), status),
            None => newest.provider_status.clone(),
        };
        let anomalies = payment.anomalies.join(", ");
        [
            newest.received_at.clone(),
            payment.source.clone(),
            payment.payment_id.clone(),
            status,
            payment
                .amount
                .clone()
                .unwrap_or_else(|| events::amount(newest)),
            payment.events.to_string(),
            output.paint(Tone::Warning, &anomalies),
        ]
    };
    let headings = [
        "LAST TOLD",
        "SOURCE",
        "PAYMENT",
        "STANDS",
        "AMOUNT",
        "EVENTS",
        "ANOMALIES",
    ];
    output.table(headings, payments.iter().map(row).collect());
}

fn print(output: Output, payment: &PaymentView) {
    let status = payment.status.as_deref().unwrap_or("no event says");
    output.line(format!(
        "{}  {}",
        output.paint(Tone::Strong, &payment.payment_id),
        output.paint(tone(status), status)
    ));
    let field = |name: &str, value: &str| {
        output.line(format!(
            "  {} {value}",
            output.paint(Tone::Faint, &format!("{name:<10}"))
        ));
    };
    field("source", &payment.source);
    field("provider", &payment.provider);
    for (name, sum) in [
        ("amount", &payment.amount),
        ("refunded", &payment.refunded),
        ("disputed", &payment.disputed),
    ] {
        if let Some(sum) = sum {
            field(name, sum);
        }
    }
    if !payment.anomalies.is_empty() {
        let anomalies = payment.anomalies.join(", ");
        field("anomalies", &output.paint(Tone::Bad, &anomalies));
    }
    let row = |event: &EventView| {
        let meaning = event.meaning.as_ref();
        [
            event.id.to_string(),
            event.received_at.clone(),
            meaning
                .map(|meaning| meaning.event_type.clone())
                .unwrap_or_default(),
            meaning
                .and_then(|meaning| meaning.state.clone())
                .unwrap_or_else(|| event.provider_status.clone()),
            events::amount(event),
            event.event_key.clone(),
        ]
    };
    output.line("");
    let headings = ["ID", "RECEIVED", "EVENT", "STATE", "AMOUNT", "EVENT KEY"];
    output.table(headings, payment.events.iter().map(row).collect());
}

fn tone(status: &str) -> Tone {
    match status {
        "captured" | "dispute_won" => Tone::Good,
        "failed" | "canceled" | "expired" | "disputed" | "dispute_lost" => Tone::Bad,
        _ => Tone::Warning,
    }
}

fn print_anomalies(output: Output, anomalies: &[AnomalyView]) {
    if anomalies.is_empty() {
        output.line("Every payment's events fit together.");
        return;
    }
    let row = |anomaly: &AnomalyView| {
        [
            anomaly.id.to_string(),
            anomaly.received_at.clone(),
            anomaly.source.clone(),
            anomaly.payment_id.clone(),
            output.paint(Tone::Warning, &anomaly.anomaly),
            anomaly.event.to_string(),
        ]
    };
    let headings = ["ID", "RECEIVED", "SOURCE", "PAYMENT", "ANOMALY", "EVENT"];
    output.table(headings, anomalies.iter().map(row).collect());
}
