//! Runs a recorded execution: its tasks answer as they did, and time is virtual.

use std::collections::VecDeque;

use asl::advance::{AdvanceError, Command, Moment, Run, Signal, Transition, advance, start};
use asl::context::{Context, MachineType};
use asl::definition::Definition;
use asl::execution::{Execution, Status};
use asl::history::HistoryEvent;
use asl::time::Millis;
use serde_json::Value;

use super::compare::Comparison;

pub(crate) struct Driven {
    pub(crate) input: Value,
    pub(crate) execution: Execution,
    pub(crate) history: Vec<HistoryEvent>,
}

pub(crate) fn machine_type(case: &Value) -> MachineType {
    if case["type"] == "EXPRESS" {
        MachineType::Express
    } else {
        MachineType::Standard
    }
}

pub(crate) fn context(machine_type: MachineType) -> Context {
    // An Express execution has one more part in its ARN.
    let id = match machine_type {
        MachineType::Standard => "execution:machine:run",
        MachineType::Express => "express:machine:run:1",
    };
    Context {
        execution_id: format!("arn:aws:states:us-east-1:111111111111:{id}"),
        execution_name: "run".to_owned(),
        // Close to when the cases were taken, because some hold a time counted from then.
        start_time: Millis(1_795_420_800_000),
        role_arn: "snf_role_arn".to_owned(),
        state_machine_id: "arn:aws:states:us-east-1:111111111111:stateMachine:machine".to_owned(),
        state_machine_name: "machine".to_owned(),
        token_prefix: "1-".to_owned(),
        machine_type,
    }
}

/// Runs a case of the section `executions`.
pub(crate) fn drive(case: &Value) -> Result<Driven, String> {
    let text = case["definition"].to_string();
    let definition = Definition::parse_as(&text, machine_type(case))
        .map_err(|problems| format!("refused: {problems:?}"))?;
    let mut context = context(machine_type(case));
    // The recorder blanked the role with words of its own.
    let started = &case["events"][0]["executionStartedEventDetails"];
    context.role_arn = started["roleArn"]
        .as_str()
        .unwrap_or("sfn_role_arn")
        .to_owned();
    let input = input(case);
    let run = Run {
        definition: &definition,
        context: &context,
        input: &input,
    };
    let mut calls = case["task_calls"]
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter();
    let mut now = context.start_time;
    let mut seed = 1;
    let mut moment = |now| {
        seed += 1;
        Moment { now, seed }
    };
    let mut last = start(run, &moment(now)).map_err(|error| error.to_string())?;
    let mut history = std::mem::take(&mut last.history);
    let mut commands: VecDeque<Command> = last.commands.drain(..).collect();
    while last.execution.status() == Status::Running {
        let mut signals = Vec::new();
        match commands.pop_front() {
            Some(command) => {
                signals = match calls.next() {
                    Some(call) => answers(case, call, &command),
                    None => identity(case, &command, &input)?,
                };
            }
            None if case["external_action"].is_string() => {
                signals.push(Signal::Stop {
                    error: None,
                    cause: None,
                });
            }
            None => {}
        }
        if signals.is_empty() {
            now = now.max(last.execution.wake_at().ok_or("nothing will ever happen")?);
            signals.push(Signal::Tick);
        }
        for signal in signals {
            last = step(run, &last, signal, &moment(now)).map_err(|error| error.to_string())?;
            history.append(&mut last.history);
            commands.extend(last.commands.drain(..));
        }
    }
    Ok(Driven {
        input,
        execution: last.execution,
        history,
    })
}

/// What the execution was started with. The recorder sometimes replaced names in the history
/// that the case's own input still has, without a placeholder; then the recorded one counts.
fn input(case: &Value) -> Value {
    let recorded = &case["events"][0]["executionStartedEventDetails"]["input"];
    let sent = &case["input"];
    let as_shown = Value::String(sent.to_string());
    if recorded.is_null() || Comparison::new(case).equal(recorded, &as_shown, "").is_ok() {
        return sent.clone();
    }
    unfold(recorded)
}

fn step(
    run: Run<'_>,
    last: &Transition,
    signal: Signal,
    at: &Moment,
) -> Result<Transition, AdvanceError> {
    advance(run, &last.execution, signal, at)
}

/// What a task answered that is not in the history, because it is not the parent's: the case says
/// when all that its function does is to give back what it gets.
fn identity(case: &Value, command: &Command, input: &Value) -> Result<Vec<Signal>, String> {
    let mut lambdas = case["lambdas"].as_object().into_iter().flatten();
    let is_identity = lambdas.next().map(|(_, it)| it["behaviour"] == "identity");
    if is_identity != Some(true) {
        return Err("a task was called that was not recorded".to_owned());
    }
    let Command::RunTask {
        task, input: given, ..
    } = command;
    Ok(vec![Signal::TaskSucceeded {
        task: *task,
        output: given.resolve(input).clone(),
    }])
}

/// What a recorded task answered; nothing when it was the engine's own time-out.
fn answers(case: &Value, call: &Value, command: &Command) -> Vec<Signal> {
    let task = command.task();
    let lost = lost_outcome(case, call);
    let outcome = lost.as_ref().unwrap_or(&call["outcome"]);
    let mut signals = Vec::new();
    if let Some(output) = submitted(case, call) {
        signals.push(Signal::TaskSubmitted { task, output });
    }
    let is_engine = outcome["engine_generated"] == true && outcome["error"] != "States.TaskFailed";
    if outcome["error"] == "States.DataLimitExceeded" && is_engine {
        signals.push(Signal::TaskSucceeded {
            task,
            output: Value::from("x".repeat(300_000)),
        });
    } else if outcome["kind"] == "success" {
        signals.push(Signal::TaskSucceeded {
            task,
            output: outcome["output"].clone(),
        });
    } else if !(outcome["kind"] == "timeout" && is_engine) {
        let text = |name: &str| outcome[name].as_str().map(str::to_owned);
        signals.push(Signal::TaskFailed {
            task,
            error: text("error"),
            cause: text("cause"),
            retry_after: None,
        });
    }
    signals
}

/// What came of a call whose place in the history the recorder lost, if it was the only one.
fn lost_outcome(case: &Value, call: &Value) -> Option<Value> {
    if !call["outcome"].is_null() || case["task_calls"].as_array()?.len() > 1 {
        return None;
    }
    let mut events = case["events"].as_array()?.iter();
    let failed = events.find_map(|event| event.get("taskFailedEventDetails"))?;
    let mut outcome = failed.clone();
    if failed["cause"].is_object() {
        outcome["cause"] = failed["cause"].to_string().into();
    }
    outcome["kind"] = "failure".into();
    Some(outcome)
}

/// The output of the TaskSubmitted event that belongs to the call, if there was one.
fn submitted(case: &Value, call: &Value) -> Option<Value> {
    let scheduled = call["event_id"].as_u64()?;
    let events = case["events"].as_array()?;
    let event = events.iter().find(|event| event["id"] == scheduled + 2)?;
    if event["type"] != "TaskSubmitted" {
        return None;
    }
    let output = &event["taskSubmittedEventDetails"]["output"];
    Some(unfold(output))
}

/// Data of the history: an object was parsed by the recorder, anything else is JSON text.
fn unfold(recorded: &Value) -> Value {
    let parsed = recorded
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok());
    parsed.unwrap_or_else(|| recorded.clone())
}
