//! The `payhook` binary: payment webhooks, received once, kept, and seen through.

mod cli;
mod admin;
mod config;
mod desk;
mod http;
mod telemetry;
mod view;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
