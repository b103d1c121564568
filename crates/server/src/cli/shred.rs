//! `payhook events shred` and `payhook payments shred`: what was received is destroyed, for good.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::ensure;

use super::Context;
use super::output::Tone;
use crate::access::Purpose;
use crate::desk::ShredRequest;

/// What both verbs are told.
#[derive(Debug, clap::Args)]
pub(super) struct Confirmation {
    /// Let events go along that came in the same delivery: their bytes are the same bytes.
    #[arg(long)]
    with_others: bool,
    /// Do it without asking.
    #[arg(long)]
    yes: bool,
    /// Why, for whoever reads the audit log.
    #[arg(long)]
    reason: String,
}

/// Shows what would go, asks, and destroys it.
pub(super) async fn run(
    request: ShredRequest,
    confirmation: Confirmation,
    context: &Context,
) -> anyhow::Result<ExitCode> {
    let output = context.output;
    let access = context.access(Purpose::Act).await?;
    let mut request = ShredRequest {
        with_others: confirmation.with_others,
        reason: Some(confirmation.reason),
        ..request
    };
    if !confirmation.yes {
        ensure!(
            std::io::stdin().is_terminal() && !output.is_json(),
            "nothing is destroyed without --yes where nobody can be asked"
        );
        let plan = access.shred(&request).await?;
        for event in &plan.events {
            let state = match &event.shredded_at {
                Some(at) => format!("shredded at {at}"),
                None => format!("received at {}", event.received_at),
            };
            output.line(format!("{}  {}  {state}", event.id, event.event_key));
        }
        output.line(output.paint(
            Tone::Bad,
            "Bodies, headers and all that quotes them are destroyed for good. Type yes:",
        ));
        std::io::stdout().flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if answer.trim() != "yes" {
            output.line("Nothing was done.");
            return Ok(ExitCode::FAILURE);
        }
    }
    request.confirm = true;
    let shredded = access.shred(&request).await?;
    if output.is_json() {
        output.json(&shredded)?;
    } else {
        output.line(format!("{} shredded.", shredded.events.len()));
    }
    Ok(ExitCode::SUCCESS)
}
