//! `payhook dashboard`: the way into the running server's pages.

use std::process::ExitCode;

use serde_json::json;

use super::Context;
use super::output::Tone;
use crate::access::Purpose;

/// Which page to open.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A payment's id: open its page. The overview otherwise.
    #[arg(value_name = "PAYMENT")]
    payment: Option<String>,
}

/// Prints a link. It signs in as the admin, for a minute.
pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let access = context.access(Purpose::Look).await?;
    let path = match &args.payment {
        Some(payment) => format!("/payments/{}", crate::access::segment(payment)),
        None => "/".to_owned(),
    };
    let url = access.dashboard(&path)?;
    let output = context.output;
    if output.is_json() {
        output.json(&json!({ "url": url }))?;
    } else {
        output.line(url);
        output.line(output.paint(Tone::Faint, "Open it within a minute; it signs you in."));
    }
    Ok(ExitCode::SUCCESS)
}
