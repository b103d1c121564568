//! The `payhook` binary: payment webhooks, received once, kept, and seen through.

mod cli;
mod config;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
