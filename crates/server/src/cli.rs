//! The command line: one verb, one file. A verb takes its arguments and a [`Context`], prints
//! through [`output`], and says with its exit code whether what was asked is so.
//!
//! Exit codes: 0 it is so, 1 it is not (a check found something, a signature does not match),
//! 2 it could not be done (wrong usage, no server, unreadable file).

mod alerts;
mod audit;
mod bench_ceiling;
mod bulk;
mod completions;
mod dashboard;
mod config_command;
mod demo;
mod events;
mod executions;
mod input;
mod journal;
mod keys;
mod listen;
mod notifications;
mod openapi;
pub(crate) mod output;
mod pattern;
mod payments;
mod providers;
mod quarantine;
mod reconcile;
mod send;
mod shred;
pub(crate) mod serve;
mod store;
mod tasks;
mod source_args;
mod top;
mod trigger;
mod verify;
mod workflow;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use engine::store::ExecutionStatus;
use output::{Output, Tone};

use crate::access::{Access, Purpose};
use crate::config::{self, Config};

/// Where options stand that every verb has.
const GLOBAL: &str = "Global options";

/// Payment webhooks, received once, kept, and seen through.
///
/// payhook receives a provider's webhook, proves who sent it, keeps it durably before it
/// answers, and runs it through a workflow with retries until the payment is settled or a
/// person is asked.
#[derive(Debug, Parser)]
#[command(
    name = "payhook",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(
    after_help = "Start with `payhook demo`, which needs nothing, then `payhook serve --dev`."
)]
pub(crate) struct Cli {
    /// The configuration file.
    #[arg(
        long,
        short,
        global = true,
        env = "PAYHOOK_CONFIG",
        value_name = "FILE"
    )]
    config: Option<PathBuf>,

    /// Print JSON instead of text.
    #[arg(long, global = true, help_heading = GLOBAL)]
    json: bool,

    /// When to colour what is printed.
    #[arg(long, global = true, help_heading = GLOBAL, value_enum, default_value_t, value_name = "WHEN")]
    color: output::ColorChoice,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// See it all work: real webhooks, retries, a forgery, a crash. Needs nothing.
    Demo(demo::Args),
    /// Receive webhooks until told to stop.
    Serve(serve::Args),
    /// Sign a webhook and send it; or a burst of them.
    Send(send::Args),
    /// Send what a provider would send: any provider, any event, right or wrong.
    Trigger(Box<trigger::Args>),
    /// While developing: hand new events on to a local application.
    Listen(listen::Args),
    /// List, show and follow events: did we get the webhook, and what became of it?
    Events(events::Args),
    /// Show where a payment stands, and what does not fit together.
    Payments(payments::Args),
    /// List and show runs of the workflow; redrive or stop one.
    Executions(executions::Args),
    /// Answer for a task that waits for somebody: approve, refuse, ask for more time.
    Tasks(tasks::Args),
    /// Who is told what becomes of payments: list, enable and disable endpoints, tell them again.
    Notifications(notifications::Args),
    /// List and show refused deliveries; judge one again.
    Quarantine(quarantine::Args),
    /// Watch everything in the terminal: rates, what waits for a person, what just came.
    Top(top::Args),
    /// Redrive, stop or promote all that a filter asks for; or only count them.
    Bulk(bulk::Args),
    /// Show what is wrong and who was told; send a test message.
    Alerts(alerts::Args),
    /// Show who did what, when, and why.
    Audit(audit::Args),
    /// Ask a provider what it has, and take in what never arrived.
    Reconcile(reconcile::Args),
    /// Show what is known of each provider: signatures, answers, retries.
    Providers(providers::Args),
    /// What everything received is sealed under: list, rotate and rewrap keys.
    Keys(keys::Args),
    /// Check that the feed is what was written, and write down how it stands.
    Journal(journal::Args),
    /// Check that what is kept is sound.
    Store(store::Args),
    /// Print a link that opens the dashboard in a browser.
    Dashboard(dashboard::Args),
    /// Print the admin API's description (OpenAPI), to make clients from.
    Openapi,
    /// Print, explain and check the configuration.
    Config(config_command::Args),
    /// Check a signature offline, and say why it fails.
    Verify(verify::Args),
    /// Check a state machine, or run it with mocked tasks.
    Workflow(workflow::Args),
    /// Match an event against an EventBridge pattern.
    Pattern(pattern::Args),
    /// Serve without a store, for benchmarks.
    #[command(hide = true)]
    BenchCeiling(bench_ceiling::Args),
    /// Print a completion script for a shell.
    Completions(completions::Args),
}

/// What every verb is given besides its own arguments.
#[derive(Debug)]
pub(crate) struct Context {
    /// The configuration file that was named.
    pub(crate) config_path: Option<PathBuf>,
    /// How to print.
    pub(crate) output: Output,
}

impl Context {
    /// The configuration: file, environment and defaults.
    pub(crate) fn config(&self) -> Result<Config, config::ConfigError> {
        // Variables that are no Unicode cannot be configuration keys.
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        config::load(self.config_path.as_deref(), environment)
    }

    /// The way to what is kept: a running server, or the data directory.
    async fn access(&self, purpose: Purpose) -> anyhow::Result<Access> {
        let mut config = self.config()?;
        if purpose == Purpose::Judge {
            serve::add_default_source(&mut config, false)?;
        }
        Access::open(&config, purpose).await
    }
}

/// Runs the verb that was asked for.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let context = Context {
        config_path: cli.config,
        output: Output::new(cli.json, cli.color),
    };
    let done = match cli.command {
        Command::Demo(args) => wait_for(demo::run(args, &context)),
        Command::Serve(args) => serve::run(&args, &context),
        Command::Send(args) => wait_for(send::run(args, &context)),
        Command::Trigger(args) => wait_for(trigger::run(*args, &context)),
        Command::Listen(args) => wait_for(listen::run(args, &context)),
        Command::Payments(args) => wait_for(payments::run(args, &context)),
        Command::Alerts(args) => wait_for(alerts::run(args, &context)),
        Command::Audit(args) => wait_for(audit::run(args, &context)),
        Command::Reconcile(args) => wait_for(reconcile::run(args, &context)),
        Command::Providers(args) => providers::run(&args, &context),
        Command::Events(args) => wait_for(events::run(args, &context)),
        Command::Executions(args) => wait_for(executions::run(args, &context)),
        Command::Tasks(args) => wait_for(tasks::run(args, &context)),
        Command::Notifications(args) => wait_for(notifications::run(args, &context)),
        Command::Quarantine(args) => wait_for(quarantine::run(args, &context)),
        Command::Journal(args) => journal::run(args, &context),
        Command::Keys(args) => wait_for(keys::run(args, &context)),
        Command::Top(args) => wait_for(top::run(args, &context)),
        Command::Bulk(args) => wait_for(bulk::run(args, &context)),
        Command::Dashboard(args) => wait_for(dashboard::run(args, &context)),
        Command::Config(args) => config_command::run(&args, &context),
        Command::Verify(args) => verify::run(&args, &context),
        Command::BenchCeiling(args) => bench_ceiling::run(&args, &context),
        Command::Store(args) => store::run(&args, &context),
        Command::Workflow(args) => workflow::run(&args, &context),
        Command::Pattern(args) => pattern::run(&args, &context),
        Command::Openapi => openapi::run(),
        Command::Completions(args) => completions::run(&args),
    };
    done.unwrap_or_else(|error| {
        context.output.error(&error);
        ExitCode::from(2)
    })
}

/// Runs a verb that talks to a server.
fn wait_for(verb: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(verb)
}

/// Says how to see the next page of a listing.
fn print_next(output: Output, next: Option<u64>) {
    if let Some(before) = next {
        output.line(output.paint(Tone::Faint, &format!("More: --before {before}")));
    }
}

/// The time of day in a full timestamp, to the millisecond.
fn clock(timestamp: &str) -> String {
    let time = timestamp
        .split_once('T')
        .map_or(timestamp, |(_, time)| time);
    time.trim_end_matches('Z').to_owned()
}

/// An execution's status as a cell of a table.
fn status_cell(output: Output, status: Option<ExecutionStatus>) -> String {
    let (word, tone) = match status {
        None => ("-", Tone::Faint),
        Some(ExecutionStatus::Running) => ("running", Tone::Warning),
        Some(ExecutionStatus::Succeeded) => ("succeeded", Tone::Good),
        Some(ExecutionStatus::Failed) => ("failed", Tone::Bad),
        Some(ExecutionStatus::TimedOut) => ("timed out", Tone::Bad),
        Some(ExecutionStatus::Aborted) => ("stopped", Tone::Bad),
    };
    output.paint(tone, word)
}
