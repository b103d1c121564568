//! `payhook workflow test`: files of scenarios, run in virtual time with mocked tasks, and what
//! came compared with what they expect.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use asl::definition::Definition;
use asl::scenario::{Coverage, Mismatch, Outcome, Scenario, Scenarios, Share};
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use super::run::{MACHINE_NAME, course};
use super::{Source, history, junit};
use crate::cli::Context;
use crate::cli::input;
use crate::cli::output::{Output, Tone};

/// What to run.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Files of scenarios (JSON; docs/workflows.md).
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// Only scenarios whose name has this in it.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,

    /// Say which states, ways and retries no scenario goes through.
    #[arg(long)]
    coverage: bool,

    /// Fail unless so many of a hundred of each definition's are gone through.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,

    /// Write a report in JUnit's format as well.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// What came of everything.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    ok: bool,
    passed: usize,
    failed: usize,
    files: Vec<FileReport>,
}

/// What came of one file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileReport {
    /// The file.
    pub(super) file: String,
    /// The definition that it is about.
    pub(super) definition: String,
    /// Its scenarios.
    pub(super) scenarios: Vec<ScenarioReport>,
    coverage: CoverageReport,
}

/// What came of one scenario.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScenarioReport {
    /// Its name.
    pub(super) name: String,
    /// Whether all was as expected.
    pub(super) ok: bool,
    /// How the execution ended; none where it could not be run.
    status: Option<&'static str>,
    virtual_millis: u64,
    path: Vec<String>,
    /// What was not as expected.
    pub(super) mismatches: Vec<MismatchReport>,
}

/// Something that was not as expected.
#[derive(Debug, Serialize)]
pub(super) struct MismatchReport {
    /// What.
    pub(super) what: String,
    /// What was to come.
    pub(super) expected: String,
    /// What came.
    pub(super) found: String,
}

#[derive(Debug, Serialize)]
struct CoverageReport {
    percent: usize,
    states: Counted,
    ways: Counted,
    retries: Counted,
    missing: Vec<String>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Counted {
    seen: usize,
    all: usize,
}

/// Runs them.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let mut files = Vec::new();
    for path in &args.files {
        files.push(run_file(path, args, context)?);
    }
    let scenarios = || files.iter().flat_map(|file| &file.scenarios);
    let passed = scenarios().filter(|scenario| scenario.ok).count();
    let failed = scenarios().count() - passed;
    anyhow::ensure!(passed + failed > 0, "no scenario fits");
    let least = args.min_coverage.map_or(0, usize::from);
    let is_covered = files.iter().all(|file| file.coverage.percent >= least);
    let ok = failed == 0 && is_covered;
    if let Some(path) = &args.junit {
        std::fs::write(path, junit::report(&files))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let output = context.output;
    if output.is_json() {
        output.json(&Report {
            ok,
            passed,
            failed,
            files,
        })?;
    } else {
        if args.coverage || !is_covered {
            for file in &files {
                print_coverage(output, file, least);
            }
        }
        let tone = if failed == 0 { Tone::Good } else { Tone::Bad };
        let count = format!("{passed} passed, {failed} failed");
        output.line(output.paint(tone, &count));
    }
    Ok(if ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn run_file(path: &Path, args: &Args, context: &Context) -> anyhow::Result<FileReport> {
    let name = path.display().to_string();
    let scenarios = Scenarios::parse(&input::text(path)?).with_context(|| name.clone())?;
    let config = context.config()?;
    let file = scenarios.definition.as_ref();
    let file = file.map(|file| path.parent().unwrap_or(Path::new("")).join(file));
    let source = Source::find(file.as_deref(), &config)?;
    let definition = source.sound()?;
    let output = context.output;
    if !output.is_json() {
        output.line(output.paint(Tone::Strong, &format!("{name} ({})", source.name)));
    }
    let mut coverage = Coverage::new(&definition);
    let mut reports = Vec::new();
    for scenario in &scenarios.scenarios {
        let is_wanted = |part: &String| scenario.name.contains(part.as_str());
        if !args.only.as_ref().is_none_or(is_wanted) {
            continue;
        }
        let (report, outcome) = run_one(scenario, &definition);
        coverage.add(&outcome.trail);
        if !output.is_json() {
            print(output, &report);
        }
        reports.push(report);
    }
    Ok(FileReport {
        file: name,
        definition: source.name,
        scenarios: reports,
        coverage: CoverageReport::new(&coverage),
    })
}

fn run_one(scenario: &Scenario, definition: &Definition) -> (ScenarioReport, Outcome) {
    let course = course("scenario", MACHINE_NAME, scenario.starts_at());
    let mut outcome = scenario.run(definition, &course);
    for name in scenario.unknown_names(definition) {
        outcome.mismatches.push(Mismatch {
            what: "the scenario".to_owned(),
            expected: "names of the definition's states and tasks".to_owned(),
            found: format!("{name}, which the definition does not have"),
        });
    }
    let run = outcome.run.as_ref();
    let report = ScenarioReport {
        name: scenario.name.clone(),
        ok: outcome.mismatches.is_empty(),
        status: run.map(|run| run.execution.status().as_str()),
        virtual_millis: outcome.took.0,
        path: outcome.trail.path().to_vec(),
        mismatches: outcome.mismatches.iter().map(MismatchReport::new).collect(),
    };
    (report, outcome)
}

fn print(output: Output, report: &ScenarioReport) {
    let verdict = match report.ok {
        true => output.paint(Tone::Good, "PASS"),
        false => output.paint(Tone::Bad, "FAIL"),
    };
    let took = format!("{} virtual", history::seconds(report.virtual_millis));
    let took = output.paint(Tone::Faint, &took);
    output.line(format!("  {verdict}  {}  {took}", report.name));
    for mismatch in &report.mismatches {
        output.line(format!("        {} is not as expected:", mismatch.what));
        for line in differences(output, mismatch) {
            output.line(format!("          {line}"));
        }
    }
    if !report.ok && !report.path.is_empty() {
        let path = report.path.join(" → ");
        output.line(output.paint(Tone::Faint, &format!("        it went {path}")));
    }
}

/// Both sides line by line: `-` what was expected and did not come, `+` what came instead.
fn differences(output: Output, mismatch: &MismatchReport) -> Vec<String> {
    let diff = TextDiff::from_lines(mismatch.expected.as_str(), mismatch.found.as_str());
    let mut lines = Vec::new();
    for (at, group) in diff.grouped_ops(CONTEXT_LINES).iter().enumerate() {
        if at > 0 {
            lines.push(output.paint(Tone::Faint, "…"));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let text: String = change
                .value()
                .trim_end_matches('\n')
                .chars()
                .map(|each| if each.is_control() { ' ' } else { each })
                .collect();
            lines.push(match change.tag() {
                ChangeTag::Equal => format!("  {text}"),
                ChangeTag::Delete => output.paint(Tone::Bad, &format!("- {text}")),
                ChangeTag::Insert => output.paint(Tone::Good, &format!("+ {text}")),
            });
        }
    }
    lines
}

fn print_coverage(output: Output, file: &FileReport, least: usize) {
    let coverage = &file.coverage;
    let tone = match coverage.percent {
        100 => Tone::Good,
        percent if percent < least => Tone::Bad,
        _ => Tone::Warning,
    };
    let percent = output.paint(tone, &format!("{} %", coverage.percent));
    let part = |what: &str, Counted { seen, all }: Counted| format!("{what} {seen} of {all}");
    let parts = [
        part("states", coverage.states),
        part("ways", coverage.ways),
        part("retries", coverage.retries),
    ];
    output.line(format!(
        "coverage of {}: {percent}, {}",
        file.definition,
        parts.join(", ")
    ));
    for missing in &coverage.missing {
        output.line(format!("  never: {missing}"));
    }
}

impl MismatchReport {
    fn new(mismatch: &Mismatch) -> Self {
        Self {
            what: mismatch.what.clone(),
            expected: mismatch.expected.clone(),
            found: mismatch.found.clone(),
        }
    }
}

impl CoverageReport {
    fn new(coverage: &Coverage) -> Self {
        let counted = |Share { seen, all }: Share| Counted { seen, all };
        Self {
            percent: coverage.total().percent(),
            states: counted(coverage.states()),
            ways: counted(coverage.ways()),
            retries: counted(coverage.retries()),
            missing: coverage.missing(),
        }
    }
}

/// Lines around a difference that are shown with it.
const CONTEXT_LINES: usize = 3;

const EXAMPLES: &str = r#"Examples:
  All scenarios of a workflow, and what they leave out:
    payhook workflow test my.test.json --coverage

  In a build:
    payhook workflow test *.test.json --min-coverage 100 --junit report.xml

  A scenario:
    {"Definition": "my.asl.json", "Scenarios": [{
      "Name": "a busy gateway is asked again",
      "Input": {"amount": 100},
      "Mocks": {"Pay": [{"Throw": {"Error": "Busy"}, "Times": 2}, {"Return": {"paid": true}}]},
      "Expect": {"Status": "SUCCEEDED", "Path": ["Pay", "Done"], "Seconds": 6}}]}

Exit code: 0 all is as expected, 1 something is not, or too little is gone through, 2 a file cannot
be read."#;
