//! The `payhook` binary: payment webhooks, received once, kept, and seen through.

mod cli;
mod access;
mod admin;
mod config;
mod desk;
mod effects;
mod http;
mod runtime_file;
mod service;
mod telemetry;
mod view;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
