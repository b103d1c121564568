//! The house's own tools, as `cargo xtask <verb>`: tests, generated text, benches.
//!
//! Nothing of the product may depend on this crate, and it may depend on no crate of the
//! product: it measures and judges them from outside. The house rules are its own tests
//! (`cargo test -p xtask`).
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for people talks on its standard output"
)]

mod suites;
mod bench;
mod lambda;
mod generated;
mod root;
#[cfg(test)]
mod house;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tools of the payhook house.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Pass every test there is, on a clean machine with Rust
    Test(suites::Options),
    /// Measure the release binary over real HTTP and a real disk
    Bench(bench::Options),
    /// Build the functions of the AWS home as zips, for arm64
    Lambda(lambda::Options),
    /// Write the generated parts of the documents anew
    Generate,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().verb {
        Verb::Test(options) => suites::test(&options),
        Verb::Bench(options) => bench::bench(&options),
        Verb::Lambda(options) => lambda::lambda(&options),
        Verb::Generate => generated::write_all(),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
