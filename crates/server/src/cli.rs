//! The command line: one verb, one file. A verb takes its arguments and a [`Context`], prints
//! through [`output`], and says with its exit code whether what was asked is so.
//!
//! Exit codes: 0 it is so, 1 it is not (a check found something, a signature does not match),
//! 2 it could not be done (wrong usage, no server, unreadable file).

mod completions;
mod config_command;
mod input;
pub(crate) mod output;
mod source_args;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{self, Config};

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
    #[arg(long, global = true)]
    json: bool,

    /// When to colour what is printed.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: output::ColorChoice,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print, explain and check the configuration.
    Config(config_command::Args),
    /// Check a signature offline, and say why it fails.
    Verify(verify::Args),
    /// Print a completion script for a shell.
    Completions(completions::Args),
}

/// What every verb is given besides its own arguments.
#[derive(Debug)]
pub(crate) struct Context {
    /// The configuration file that was named.
    pub(crate) config_path: Option<PathBuf>,
    /// How to print.
    pub(crate) output: output::Output,
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
}

/// Runs the verb that was asked for.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let context = Context {
        config_path: cli.config,
        output: output::Output::new(cli.json, cli.color),
    };
    let done = match cli.command {
        Command::Config(args) => config_command::run(&args, &context),
        Command::Verify(args) => verify::run(&args, &context),
        Command::Completions(args) => completions::run(&args),
    };
    done.unwrap_or_else(|error| {
        context.output.error(&error);
        ExitCode::from(2)
    })
}
