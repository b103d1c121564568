//! `payhook workflow run`: what a state machine does when its tasks answer so and so.
//!
//! Time is virtual: waits and retries take none. Mocks have the format of AWS Step Functions
//! Local, so one file serves both.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use asl::advance;
use asl::context::{Context as Course, MachineType};
use asl::execution::Status;
use asl::mock::{self, MockConfig, MockedRun, Mocks};
use asl::time::Millis;
use domain::time::Timestamp;
use engine::clock::{Clock as _, SystemClock};
use serde::Serialize;
use serde_json::Value;

use super::{Source, history};
use crate::cli::Context;
use crate::cli::input;
use crate::cli::output::{Output, Tone};

/// What to run.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The state machine [default: workflow.definition of the configuration, or the one that
    /// payhook ships].
    #[arg(long, value_name = "FILE")]
    definition: Option<PathBuf>,

    /// The input: a file, the JSON itself, or - for standard input.
    #[arg(long, value_name = "FILE|JSON|-", default_value = "{}")]
    input: String,

    /// What tasks answer: a MockConfigFile.json of AWS Step Functions Local.
    #[arg(long, value_name = "FILE")]
    mock: Option<PathBuf>,

    /// Which test case of the mocks [default: the only one].
    #[arg(long, value_name = "NAME", requires = "mock")]
    test_case: Option<String>,

    /// Which state machine of the mocks [default: the only one].
    #[arg(long, value_name = "NAME", requires = "mock")]
    state_machine: Option<String>,

    /// The execution's name, which the context object shows.
    #[arg(long, default_value = "run")]
    name: String,

    /// When it starts, as 2026-11-23T10:00:00Z or in milliseconds [default: now].
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    at: Option<Timestamp>,

    /// What its luck is made from: jitter, States.UUID and States.MathRandom.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    execution_arn: &'a str,
    name: &'a str,
    status: &'static str,
    start_date: String,
    stop_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    events: Vec<Value>,
}

/// Runs it.
pub(super) fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let source = Source::find(args.definition.as_deref(), &context.config()?)?;
    let definition = source.sound()?;
    let input: Value =
        serde_json::from_str(&input::json_text(&args.input)?).context("the input is not JSON")?;
    let (machine, mocks) = mocks(args)?;
    let start = args.at.unwrap_or_else(|| SystemClock.now());
    // The language knows no time before 1970.
    let start = Millis(u64::try_from(start.as_millis()).unwrap_or(0));
    let course = course(&args.name, &machine, start);
    let run = advance::Run {
        definition: &definition,
        context: &course,
        input: &input,
    };
    let ended = mock::run(run, &mocks, args.seed).map_err(not_mocked)?;
    report(context.output, &course, &input, &ended)?;
    Ok(match ended.execution.status() {
        Status::Succeeded => ExitCode::SUCCESS,
        Status::Running | Status::Failed | Status::TimedOut | Status::Aborted => ExitCode::FAILURE,
    })
}

fn not_mocked(error: mock::MockError) -> anyhow::Error {
    let is_not_mocked = matches!(error, mock::MockError::NotMocked { .. });
    let error = anyhow::Error::from(error);
    if is_not_mocked {
        error.context("tasks are never called here; say with --mock what each one answers")
    } else {
        error
    }
}

/// The name of the state machine, and what its tasks answer.
fn mocks(args: &Args) -> anyhow::Result<(String, Mocks)> {
    let Some(path) = &args.mock else {
        return Ok((MACHINE_NAME.to_owned(), Mocks::default()));
    };
    let config = MockConfig::parse(&input::text(path)?)?;
    let wanted = |given: &Option<String>, name: &str| given.as_deref().is_none_or(|it| it == name);
    let fitting: Vec<(&str, &str)> = config
        .cases()
        .into_iter()
        .filter(|(machine, case)| {
            wanted(&args.state_machine, machine) && wanted(&args.test_case, case)
        })
        .collect();
    match fitting.as_slice() {
        [(machine, case)] => Ok(((*machine).to_owned(), config.mocks(machine, case)?)),
        [] => bail!(
            "no test case fits; {} has\n{}",
            path.display(),
            listed(&config.cases())
        ),
        several => bail!(
            "several test cases fit; say which with --test-case and --state-machine:\n{}",
            listed(several)
        ),
    }
}

fn listed(cases: &[(&str, &str)]) -> String {
    let lines: Vec<String> = cases
        .iter()
        .map(|(machine, case)| format!("  --state-machine {machine} --test-case {case}"))
        .collect();
    lines.join("\n")
}

/// What an execution of a state machine knows of itself.
pub(super) fn course(name: &str, machine: &str, start_time: Millis) -> Course {
    Course {
        execution_id: format!("{ARN_PREFIX}:execution:{machine}:{name}"),
        execution_name: name.to_owned(),
        start_time,
        role_arn: "arn:aws:iam::000000000000:role/payhook".to_owned(),
        state_machine_id: format!("{ARN_PREFIX}:stateMachine:{machine}"),
        state_machine_name: machine.to_owned(),
        token_prefix: String::new(),
        machine_type: MachineType::Standard,
    }
}

fn report(output: Output, course: &Course, input: &Value, ended: &MockedRun) -> anyhow::Result<()> {
    let execution = &ended.execution;
    let report = Report {
        execution_arn: &course.execution_id,
        name: &course.execution_name,
        status: execution.status().as_str(),
        start_date: course.start_time.to_rfc3339(),
        stop_date: ended.ended_at.to_rfc3339(),
        output: execution.output(input),
        error: execution.error(),
        cause: execution.cause(),
        events: ended
            .history
            .iter()
            .map(|event| event.to_json(input))
            .collect(),
    };
    if output.is_json() {
        return output.json(&report);
    }
    for line in history::table(output, &ended.history, &report.events) {
        output.line(line);
    }
    output.line("");
    let took = ended.ended_at.0.saturating_sub(course.start_time.0);
    let tone = match execution.status() {
        Status::Succeeded => Tone::Good,
        Status::Running | Status::Failed | Status::TimedOut | Status::Aborted => Tone::Bad,
    };
    let status = output.paint(tone, report.status);
    output.line(format!(
        "{status} after {} of virtual time",
        history::seconds(took)
    ));
    if let Some(value) = report.output {
        output.line(format!("output  {}", serde_json::to_string_pretty(value)?));
    }
    for (name, value) in [("error ", report.error), ("cause ", report.cause)] {
        if let Some(value) = value {
            output.line(format!("{name}  {value}"));
        }
    }
    Ok(())
}

/// Nobody's account, as in the executions that payhook runs.
const ARN_PREFIX: &str = "arn:aws:states:us-east-1:000000000000";

/// What the state machine is called where the mocks do not say.
pub(super) const MACHINE_NAME: &str = "payment";

const EXAMPLES: &str = r#"Examples:
  A state machine without tasks:
    payhook workflow run --definition my.asl.json --input '{"amount": 1}'

  The shipped one, its tasks answering as the test case `Declined` says:
    payhook workflow run --input event.json --mock MockConfigFile.json \
        --state-machine payment --test-case Declined

  The mocks say for each state what its first, second, … call gives:
    {"StateMachines": {"payment": {"TestCases": {"Declined": {"ProcessPayment": "Busy"}}}},
     "MockedResponses": {"Busy": {"0-1": {"Throw": {"Error": "GatewayUnavailable", "Cause": "busy"}},
                                  "2": {"Return": {"settled": true}}}}}

Exit code: 0 it succeeded, 1 it ended otherwise, 2 it could not be run."#;
