//! `payhook workflow lint`: everything that is wrong with state machines, at once, and what in
//! them will surprise.

use std::path::PathBuf;
use std::process::ExitCode;

use asl::definition::Definition;
use asl::lint::{Finding, Lint, Severity};
use serde::Serialize;

use super::Source;
use crate::cli::Context;
use crate::cli::output::Tone;
use crate::config::Config;
use crate::lint;

/// What to check.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// State machines in Amazon States Language, or - for standard input [default:
    /// workflow.definition of the configuration, or the one that payhook ships].
    files: Vec<PathBuf>,

    /// Show notes as well: what is only worth knowing.
    #[arg(long)]
    notes: bool,

    /// Let warnings fail the check too.
    #[arg(long)]
    deny_warnings: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    ok: bool,
    errors: usize,
    warnings: usize,
    files: Vec<FileReport>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FileReport {
    ok: bool,
    definition: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_at: Option<String>,
    states: Vec<StateView>,
    findings: Vec<FindingView>,
}

#[derive(Debug, Serialize)]
struct StateView {
    name: String,
    r#type: &'static str,
}

#[derive(Debug, Serialize)]
struct FindingView {
    code: &'static str,
    severity: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    location: Option<String>,
    pointer: String,
    line: usize,
    column: usize,
    length: usize,
}

/// What one file came to.
struct Checked {
    errors: usize,
    warnings: usize,
    /// Findings for people.
    lines: Vec<String>,
    report: FileReport,
}

/// Checks them.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.config()?;
    let mut checked = Vec::new();
    for file in &args.files {
        let source = Source::find(Some(file), &config)?;
        checked.push(check(args, source, &config, context));
    }
    if args.files.is_empty() {
        let source = Source::find(None, &config)?;
        let own = check(args, source, &config, context);
        let is_sound = own.errors == 0;
        checked.push(own);
        // With endpoints to tell, the server puts states of ours before it.
        if is_sound && !config.notify.endpoints.is_empty() {
            let extended = Source::find_served(None, &config)?;
            checked.push(check(args, extended, &config, context));
        }
    }
    let sum = |of: fn(&Checked) -> usize| checked.iter().map(of).sum();
    let (errors, warnings) = (sum(|it| it.errors), sum(|it| it.warnings));
    let ok = errors == 0 && (warnings == 0 || !args.deny_warnings);
    if !context.output.is_json() {
        for each in &checked {
            each.print(context);
        }
    }
    let report = Report {
        ok,
        errors,
        warnings,
        files: checked.into_iter().map(|it| it.report).collect(),
    };
    if context.output.is_json() {
        context.output.json(&report)?;
    }
    Ok(if ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn check(args: &Args, source: Source, config: &Config, context: &Context) -> Checked {
    let least = match args.notes {
        true => Severity::Note,
        false => Severity::Warning,
    };
    let is_served = args.files.is_empty();
    let lint = lint::look(&source.text, config, is_served);
    let named = (source.name.as_str(), source.text.as_str());
    let lines = match context.output.has_color() {
        true => lint::explain_in_colour(&lint, named, least),
        false => lint::explain(&lint, named, least),
    };
    let errors = lint.count(Severity::Error);
    let warnings = lint.count(Severity::Warning);
    let definition = source.parse().ok();
    let report = FileReport {
        ok: errors == 0 && (warnings == 0 || !args.deny_warnings),
        start_at: definition.as_ref().map(|it| it.start_at().to_owned()),
        states: definition.as_ref().map(states).unwrap_or_default(),
        findings: findings(&lint, least),
        definition: source.name,
    };
    Checked {
        errors,
        warnings,
        lines,
        report,
    }
}

fn states(definition: &Definition) -> Vec<StateView> {
    let states = definition.states();
    states
        .map(|(name, kind, _)| StateView {
            name: name.to_owned(),
            r#type: kind.as_str(),
        })
        .collect()
}

fn findings(lint: &Lint<'_>, least: Severity) -> Vec<FindingView> {
    let findings = lint.findings().iter();
    findings
        .filter(|finding| finding.code.severity() <= least)
        .map(FindingView::new)
        .collect()
}

impl Checked {
    fn print(&self, context: &Context) {
        let output = context.output;
        for finding in &self.lines {
            output.line(finding);
            output.line("");
        }
        let name = &self.report.definition;
        let states = self.report.states.len();
        output.line(match (self.errors, self.warnings) {
            (0, 0) => {
                let sound = output.paint(Tone::Good, "sound");
                format!(
                    "{name} is {sound}: {states} states, each can be reached, each task is done."
                )
            }
            (0, warnings) => {
                let warnings = output.paint(Tone::Warning, &counted(warnings, "warning"));
                format!("{name} can be run, and has {warnings}.")
            }
            (errors, 0) => {
                let errors = output.paint(Tone::Bad, &counted(errors, "error"));
                format!("{name} has {errors}.")
            }
            (errors, warnings) => {
                let errors = output.paint(Tone::Bad, &counted(errors, "error"));
                let warnings = output.paint(Tone::Warning, &counted(warnings, "warning"));
                format!("{name} has {errors} and {warnings}.")
            }
        });
    }
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

impl FindingView {
    fn new(finding: &Finding) -> Self {
        Self {
            code: finding.code.as_str(),
            severity: finding.code.severity().as_str(),
            message: finding.message.clone(),
            help: finding.help.clone(),
            location: finding.location.clone(),
            pointer: finding.pointer.clone(),
            line: finding.span.line,
            column: finding.span.column,
            length: finding.span.length,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  The state machine that payhook ships:
    payhook workflow lint

  Yours, with the endpoints that their tasks are mapped to:
    payhook --config payhook.toml workflow lint my.asl.json other.asl.json

  In a build, where nothing that surprises may pass:
    payhook workflow lint --deny-warnings my.asl.json

docs/workflows.md says what each code means.

Exit code: 0 they are sound, 1 there are errors (or warnings, with --deny-warnings), 2 one cannot
be read.";
