//! The `payhook` binary: payment webhooks, received once, kept, and seen through.

mod cli;
mod access;
mod ack_log;
mod admin;
mod bulk;
mod alerts;
mod config;
mod dashboard;
mod desk;
mod effects;
mod export;
mod http;
mod lint;
mod pulse;
mod runtime_file;
mod service;
mod side_runtime;
mod telemetry;
mod view;
mod wire;

use std::process::ExitCode;

/// Most of an event's cost is small allocations that one thread makes and another frees, which
/// is what the C library's own allocator is slowest at and keeps the most memory for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
