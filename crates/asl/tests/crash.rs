//! A crash between any two transitions changes nothing: an execution that is written down and
//! read again after every step has the same history as one that is not.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use asl::advance::{Command, Moment, Run, Signal, advance, start};
use asl::context::MachineType;
use asl::definition::Definition;
use asl::execution::{Execution, Status};
use asl::time::Millis;
use common::drive::context;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Retries with jitter, waits, variables, luck, a loop: everything that has state.
fn definition() -> Value {
    json!({"StartAt": "Init", "TimeoutSeconds": 5000, "States": {
        "Init": {"Type": "Pass", "Assign": {"id.$": "States.UUID()", "n": 0}, "Next": "Call"},
        "Call": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": "f", "Payload": {"in.$": "$", "id.$": "$id", "token.$": "$$.Task.Token",
                "luck.$": "States.MathRandom(0, 1000000)", "retry.$": "$$.State.RetryCount"}},
            "TimeoutSeconds": 30, "HeartbeatSeconds": 20,
            "Retry": [
                {"ErrorEquals": ["Busy"], "JitterStrategy": "FULL", "IntervalSeconds": 9, "MaxAttempts": 4},
                {"ErrorEquals": ["States.Timeout"], "MaxAttempts": 2},
            ],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Pause"}],
            "ResultPath": "$.result", "Assign": {"n.$": "States.MathAdd($n, 1)"}, "Next": "More",
        },
        "Pause": {"Type": "Wait", "Seconds": 40, "Next": "Call"},
        "More": {"Type": "Choice", "Choices": [
            {"Variable": "$n", "NumericGreaterThan": 2, "Next": "Done"}], "Default": "Call"},
        "Done": {"Type": "Pass", "Parameters": {"all.$": "$", "n.$": "$n", "id.$": "$id"}, "End": true},
    }})
}

/// Several things at once, one inside the other, with retries, tolerance and a catcher.
fn forked() -> Value {
    let task = json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "f", "Payload": {"luck.$": "States.UUID()", "in.$": "$"}},
        "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 2, "JitterStrategy": "FULL"}],
        "TimeoutSeconds": 40, "End": true});
    let map = json!({"Type": "Map", "MaxConcurrency": 2, "ItemsPath": "$.items",
        "ItemSelector": {"item.$": "$$.Map.Item.Value", "at.$": "$$.Map.Item.Index", "n.$": "$n"},
        "ItemProcessor": {"StartAt": "Item", "States": {"Item": task}},
        "ToleratedFailureCount": 1, "ResultPath": "$.all", "Next": "Rest"});
    let mut call = task;
    call["Assign"] = json!({"m.$": "States.MathAdd($n, 1)"});
    json!({"StartAt": "Init", "States": {
        "Init": {"Type": "Pass", "Result": {"items": [1, 2, 3, 4]}, "Assign": {"n": 7}, "Next": "Fan"},
        "Fan": {"Type": "Parallel", "Branches": [
                {"StartAt": "Each", "States": {"Each": map, "Rest": {"Type": "Wait", "Seconds": 9, "End": true}}},
                {"StartAt": "Call", "States": {"Call": call}},
                {"StartAt": "Pause", "States": {"Pause": {"Type": "Wait", "Seconds": 30, "End": true}}}],
            "Retry": [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["Odd"], "ResultPath": "$.error", "Next": "Again"}], "Next": "Done"},
        "Again": {"Type": "Wait", "Seconds": 2, "Next": "Fan"},
        "Done": {"Type": "Pass", "End": true},
    }})
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Succeed,
    Busy,
    Odd,
    Heartbeat,
    Time,
    Stop,
    Redrive,
}

/// What happens, and to which of the tasks that are outstanding.
fn steps() -> impl Strategy<Value = Vec<(Step, usize)>> {
    let step = prop_oneof![
        4 => Just(Step::Succeed),
        4 => Just(Step::Busy),
        1 => Just(Step::Odd),
        1 => Just(Step::Heartbeat),
        6 => Just(Step::Time),
        1 => Just(Step::Stop),
        1 => Just(Step::Redrive),
    ];
    proptest::collection::vec((step, 0..8usize), 1..60)
}

/// The history and the final execution; `restart` stands for what happens between two steps.
fn play(
    definition: &Value,
    steps: &[(Step, usize)],
    restart: impl Fn(Execution) -> Execution,
) -> (Vec<Value>, Execution) {
    let definition = Definition::parse(&definition.to_string()).unwrap();
    let context = context(MachineType::Standard);
    let input = json!({"payment": "p1"});
    let run = Run {
        definition: &definition,
        context: &context,
        input: &input,
    };
    let mut now = context.start_time;
    let first = start(run, &Moment { now, seed: 11 }).unwrap();
    let mut execution = first.execution;
    let mut history = first.history;
    let mut given: Vec<Command> = first.commands;
    for (at, (step, which)) in steps.iter().enumerate() {
        execution = restart(execution);
        assert_eq!(
            execution.outstanding_tasks(&definition),
            given,
            "the same commands again"
        );
        let task = given.get(which % given.len().max(1)).map(Command::task);
        now = Millis(now.0 + 700);
        let failed = |task, error: &str| Signal::TaskFailed {
            task,
            error: Some(error.to_owned()),
            cause: None,
            retry_after: None,
        };
        let signal = match (step, task) {
            (Step::Succeed, Some(task)) => Signal::TaskSucceeded {
                task,
                output: json!({"at": at}),
            },
            (Step::Busy, Some(task)) => failed(task, "Busy"),
            (Step::Odd, Some(task)) => failed(task, "Odd"),
            (Step::Heartbeat, Some(task)) => Signal::Heartbeat { task },
            (Step::Stop, _) => Signal::Stop {
                error: None,
                cause: None,
            },
            (Step::Redrive, _) => Signal::Redrive,
            (Step::Time | Step::Succeed | Step::Busy | Step::Odd | Step::Heartbeat, _) => {
                now = execution.wake_at().map_or(now, |due| due.max(now));
                Signal::Tick
            }
        };
        let moment = Moment {
            now,
            seed: u64::try_from(at).unwrap(),
        };
        // A signal that does not fit changes nothing, with a crash or without.
        if let Ok(next) = advance(run, &execution, signal, &moment) {
            execution = next.execution;
            history.extend(next.history);
            given = execution.outstanding_tasks(&definition);
            for command in &next.commands {
                assert!(given.contains(command), "what is commanded is outstanding");
            }
        }
    }
    (
        history.iter().map(|event| event.to_json(&input)).collect(),
        execution,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// No number changes on its way through the record.
    #[test]
    fn numbers_survive(number in any::<f64>().prop_filter("JSON", |n| n.is_finite())) {
        let definition = json!({"StartAt": "P", "States": {
            "P": {"Type": "Pass", "Result": {"n": number}, "Next": "W"},
            "W": {"Type": "Wait", "Seconds": 1, "End": true}}});
        let definition = Definition::parse(&definition.to_string()).unwrap();
        let context = context(MachineType::Standard);
        let input = json!({});
        let run = Run { definition: &definition, context: &context, input: &input };
        let waiting = start(run, &Moment { now: context.start_time, seed: 1 }).unwrap().execution;
        let text = serde_json::to_string(&waiting).unwrap();
        let waiting: Execution = serde_json::from_str(&text).unwrap();
        let later = Moment { now: waiting.wake_at().unwrap(), seed: 2 };
        let end = advance(run, &waiting, Signal::Tick, &later).unwrap().execution;
        prop_assert_eq!(end.output(&input).unwrap(), &json!({"n": number}));
    }

    #[test]
    fn a_crash_between_any_two_steps_changes_nothing(steps in steps()) {
        crash(&definition(), &steps);
    }

    #[test]
    fn nor_does_it_when_several_things_go_on(steps in steps()) {
        crash(&forked(), &steps);
    }
}

fn crash(definition: &Value, steps: &[(Step, usize)]) {
    let unharmed = play(definition, steps, |execution| execution);
    let crashed = play(definition, steps, |execution| {
        let text = serde_json::to_string(&execution).unwrap();
        serde_json::from_str(&text).unwrap()
    });
    assert_eq!(&unharmed.0, &crashed.0);
    assert_eq!(&unharmed.1, &crashed.1);
    let ids: Vec<u64> = unharmed
        .0
        .iter()
        .map(|event| event["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>());
    for event in &unharmed.0 {
        assert!(event["previousEventId"].as_u64() < event["id"].as_u64());
    }
    if unharmed.1.status() != Status::Running {
        assert_eq!(unharmed.1.wake_at(), None);
        assert!(
            unharmed.1.innermost_states().count() <= 8,
            "nothing is left behind"
        );
    }
}
