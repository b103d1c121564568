//! `payhook workflow`: checks a state machine, runs and tests it with mocked tasks in virtual time,
//! and draws it.
//!
//! Nothing here calls a task or keeps an execution; that is `payhook serve`.

mod graph;
mod history;
mod junit;
mod lint;
mod run;
mod test;

use std::path::Path;
use std::process::ExitCode;

use anyhow::anyhow;
use asl::definition::Definition;
use asl::lint::{Lint, Options, Severity};
use asl::problem::Problem;
use clap::Subcommand;

use super::Context;
use super::input;
use crate::config::Config;
use crate::lint as words;
use crate::wire;

/// What to do with a state machine.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check state machines: what would be refused, what will surprise, who does the tasks.
    Lint(lint::Args),
    /// Run a state machine with mocked task results, in virtual time.
    Run(run::Args),
    /// Run files of scenarios, and compare what comes with what they expect.
    Test(test::Args),
    /// Draw a state machine, and the way that an execution took.
    Graph(graph::Args),
}

/// Does it.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    match &args.action {
        Action::Lint(args) => lint::run(args, context),
        Action::Run(args) => run::run(args, context),
        Action::Test(args) => test::run(args, context),
        Action::Graph(args) => graph::run(args, context),
    }
}

/// A state machine's text, and what to call it.
struct Source {
    name: String,
    text: String,
}

impl Source {
    /// The one that is given; the configuration's otherwise, and then the one that we ship.
    fn find(given: Option<&Path>, config: &Config) -> anyhow::Result<Self> {
        match given.or(config.workflow.definition.as_deref()) {
            Some(path) => Ok(Self {
                name: path.display().to_string(),
                text: input::text(path)?,
            }),
            None => Ok(Self {
                name: "the shipped payment.asl.json".to_owned(),
                text: wire::DEFAULT_WORKFLOW.to_owned(),
            }),
        }
    }

    /// The same, as the server would run it: the configuration's, with the states that tell the
    /// endpoints that it has.
    fn find_served(given: Option<&Path>, config: &Config) -> anyhow::Result<Self> {
        let source = Self::find(given, config)?;
        if given.is_some() || config.notify.endpoints.is_empty() {
            return Ok(source);
        }
        Ok(Self {
            name: format!("{} with the states that send notifications", source.name),
            text: wire::with_notifications(config, source.text)?,
        })
    }

    fn parse(&self) -> Result<Definition, Vec<Problem>> {
        Definition::parse(&self.text)
    }

    /// The definition, where something is to be done with it.
    fn sound(&self) -> anyhow::Result<Definition> {
        self.parse().map_err(|_| {
            let lint = Lint::of(&self.text, Options::default());
            let named = (self.name.as_str(), self.text.as_str());
            let findings = words::explain(&lint, named, Severity::Error);
            anyhow!("{} is refused:\n\n{}", self.name, findings.join("\n\n"))
        })
    }
}
