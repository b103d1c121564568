//! `payhook completions`: a script that completes payhook's verbs and options in a shell.

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;

/// The shell to write for.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut command = super::Cli::command();
    clap_complete::generate(args.shell, &mut command, "payhook", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}
