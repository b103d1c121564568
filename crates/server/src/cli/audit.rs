//! `payhook audit`: who did what, when, and why.

use std::process::ExitCode;

use super::Context;
use super::output::{Output, Tone};
use crate::access::Purpose;
use crate::desk::ListQuery;
use crate::view::ActView;

/// Which part of the log.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only what stands below this id: the next page.
    #[arg(long, value_name = "ID")]
    before: Option<u64>,
    /// No more than so many.
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: usize,
}

/// Prints it.
pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let access = context.access(Purpose::Look).await?;
    let query = ListQuery {
        before: args.before,
        limit: Some(args.limit),
    };
    let page = access.audit(&query).await?;
    let output = context.output;
    if output.is_json() {
        output.json(&page)?;
    } else {
        print(output, &page.items);
        super::print_next(output, page.next);
    }
    Ok(ExitCode::SUCCESS)
}

fn print(output: Output, acts: &[ActView]) {
    if acts.is_empty() {
        output.line("Nobody has done anything yet.");
        return;
    }
    let row = |act: &ActView| {
        let tone = match act.done {
            Some(true) => Tone::Good,
            Some(false) => Tone::Bad,
            None => Tone::Warning,
        };
        let why = act.why.as_deref().unwrap_or_default();
        [
            act.id.to_string(),
            act.at.clone(),
            act.operator.clone(),
            format!("{} {}", act.action.as_str(), act.target),
            output.paint(tone, act.end()),
            [act.reason.as_str(), why].join(" ").trim().to_owned(),
        ]
    };
    let rows = acts.iter().map(row).collect();
    output.table(["ID", "AT", "WHO", "WHAT", "END", "WHY"], rows);
}
