//! `payhook demo`: the whole path, shown. Real webhooks over real HTTP to a real server in a
//! process of its own, which is killed and restarted on the way.
//!
//! Every delivery has an expected end; the demo says what became of each and why, and fails if
//! one ended otherwise.

mod child;
mod report;
mod script;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use engine::clock::{Luck as _, SystemLuck};
use indicatif::{ProgressBar, ProgressStyle};

use super::Context;
use child::Stage;
use report::Outcome;
use script::Moment;

/// How long everything may take to come to rest, retries included.
const REST_TIMEOUT: Duration = Duration::from_secs(60);

/// How the demo is run.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It needs nothing but this program: a temporary directory, free ports on \
loopback, a simulated gateway. It takes about ten seconds."
)]
pub(super) struct Args {
    /// Where to keep what the demo stores; a new temporary directory otherwise.
    #[arg(long, value_name = "DIR")]
    dir: Option<std::path::PathBuf>,
}

/// Runs the demo.
pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let output = context.output;
    let progress = progress(output.is_json());
    let say = |text: &str| progress.set_message(text.to_owned());
    let secret: String = (0..2)
        .map(|_| format!("{:016x}", SystemLuck.next_u64()))
        .collect();
    let stage = Stage::build(args.dir, &secret)?;

    say("starting a server");
    let child = stage.start().await?;
    let deliveries = script::deliveries();
    let mut answers = Vec::new();
    let before = deliveries
        .iter()
        .filter(|delivery| delivery.moment == Moment::Running);
    for delivery in before {
        say(&format!("sending: {}", delivery.title));
        answers.push(stage.send(delivery).await?);
    }

    let (first, second) = script::around_the_crash(&deliveries);
    say("sending one more, and killing the server as soon as it has answered");
    answers.push(stage.send(first).await?);
    child.kill().context("the server could not be killed")?;
    let restarted = stage.restart_while_sending(second, &progress).await?;
    answers.push(restarted.answer);
    let after = deliveries
        .iter()
        .filter(|delivery| delivery.moment == Moment::Restarted);
    for delivery in after {
        say(&format!("sending: {}", delivery.title));
        answers.push(stage.send(delivery).await?);
    }

    say("waiting for every workflow to come to rest");
    let ends = watch::until_rest(&stage.config(), &deliveries, &progress, REST_TIMEOUT).await?;
    say("stopping the server");
    restarted.child.stop().await?;
    progress.finish_and_clear();

    let outcomes: Vec<Outcome> = deliveries
        .iter()
        .zip(answers)
        .zip(ends)
        .map(|((delivery, answer), end)| Outcome::judge(delivery, answer, end.as_ref()))
        .collect();
    let as_expected = outcomes.iter().all(|outcome| outcome.ok);
    report::print(output, &outcomes, &stage)?;
    Ok(if as_expected {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn progress(is_json: bool) -> ProgressBar {
    if is_json {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4}  {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
