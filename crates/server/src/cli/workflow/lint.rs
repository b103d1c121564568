//! `payhook workflow lint`: everything that is wrong with a state machine, at once.

use std::path::PathBuf;
use std::process::ExitCode;

use asl::definition::Definition;
use asl::problem::Problem;
use processor::resource;
use serde::Serialize;
use serde_json::Value;

use super::Source;
use crate::cli::Context;
use crate::cli::output::Tone;
use crate::config::Config;

/// What to check.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A state machine in Amazon States Language, or - for standard input [default:
    /// workflow.definition of the configuration, or the one that payhook ships].
    file: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    ok: bool,
    definition: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_at: Option<String>,
    states: Vec<StateView>,
    problems: Vec<ProblemView>,
}

#[derive(Debug, Serialize)]
struct StateView {
    name: String,
    r#type: &'static str,
}

#[derive(Debug, Serialize)]
struct ProblemView {
    code: &'static str,
    message: String,
    location: Option<String>,
}

/// A task that nobody would do.
struct Unserved<'a> {
    state: &'a str,
    resource: &'a str,
}

/// Checks it.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.config()?;
    let source = Source::find_served(args.file.as_deref(), &config)?;
    let report = match source.parse() {
        Err(problems) => Report {
            ok: false,
            definition: source.name,
            start_at: None,
            states: Vec::new(),
            problems: problems.iter().map(ProblemView::new).collect(),
        },
        Ok(definition) => {
            let document = serde_json::from_str(&source.text).unwrap_or(Value::Null);
            let unserved = unserved(&definition, &document, &config);
            Report {
                ok: unserved.is_empty(),
                start_at: Some(definition.start_at().to_owned()),
                states: definition
                    .states()
                    .map(|(name, kind, _)| StateView {
                        name: name.to_owned(),
                        r#type: kind.as_str(),
                    })
                    .collect(),
                problems: unserved.iter().map(ProblemView::of_unserved).collect(),
                definition: source.name,
            }
        }
    };
    report.print(context)?;
    Ok(if report.ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The tasks that neither this program nor an endpoint of the configuration would do.
fn unserved<'a>(
    definition: &'a Definition,
    document: &'a Value,
    config: &Config,
) -> Vec<Unserved<'a>> {
    definition
        .resources()
        .filter_map(|(state, called)| {
            let called = called.as_str();
            let of_state = |key: &str| document.pointer("/States")?.get(state)?.get(key);
            // The optimised integration names its function as a parameter, which may also be
            // known only at the call; then nothing can be said here.
            let (function, is_served) = if resource::invokes_by_name(called) {
                let named = of_state("Parameters").and_then(|value| value.get("FunctionName"));
                let name = named.and_then(Value::as_str)?;
                // Ours hands no token on: nobody could ever answer.
                let is_ours = resource::names_our_function(name);
                (name, is_ours && called == resource::LAMBDA_INVOKE)
            } else {
                (called, resource::is_our_function(called))
            };
            let mapped = [called, function]
                .into_iter()
                .any(|each| config.tasks.contains_key(each));
            (!is_served && !mapped).then_some(Unserved {
                state,
                resource: function,
            })
        })
        .collect()
}

impl Report {
    fn print(&self, context: &Context) -> anyhow::Result<()> {
        let output = context.output;
        if output.is_json() {
            return output.json(self);
        }
        for problem in &self.problems {
            problem.print(context);
        }
        let name = &self.definition;
        output.line(if self.ok {
            let count = self.states.len();
            let sound = output.paint(Tone::Good, "sound");
            format!("{name} is {sound}: {count} states, each can be reached, each task is done.")
        } else {
            let count = self.problems.len();
            let plural = if count == 1 { "" } else { "s" };
            format!("{name} has {count} problem{plural}.")
        });
        Ok(())
    }
}

impl ProblemView {
    fn new(problem: &Problem) -> Self {
        Self {
            code: problem.code.as_str(),
            message: problem.message.clone(),
            location: problem.location.clone(),
        }
    }

    fn of_unserved(unserved: &Unserved<'_>) -> Self {
        let Unserved { state, resource } = unserved;
        Self {
            code: "RESOURCE_NOT_SERVED",
            message: format!(
                "nobody does {resource}: use the function {:?}, or map it to an endpoint in \
                 [tasks.{resource:?}]",
                resource::FUNCTION_NAME
            ),
            location: Some(format!("/States/{state}/Resource")),
        }
    }

    fn print(&self, context: &Context) {
        let output = context.output;
        output.line(format!(
            "{} {}: {} {}",
            output.paint(Tone::Bad, "problem:"),
            self.location.as_deref().unwrap_or("the whole document"),
            self.message,
            output.paint(Tone::Faint, self.code),
        ));
    }
}

const EXAMPLES: &str = "\
Examples:
  The state machine that payhook ships:
    payhook workflow lint

  One of your own, with the endpoints that its tasks are mapped to:
    payhook --config payhook.toml workflow lint my.asl.json

Exit code: 0 it is sound, 1 it has problems, 2 it cannot be read.";
