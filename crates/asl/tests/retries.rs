//! Retry, Catch and time-outs where nothing is recorded. Sources: language specification and
//! developer guide, "Error handling in Step Functions".
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use asl::advance::{AdvanceError, Signal};
use asl::execution::TaskId;
use asl::time::Millis;
use common::play::Play;
use serde_json::{Value, json};

fn task(fields: &Value) -> Value {
    let mut state = json!({
        "Type": "Task", "Resource": "arn:aws:lambda:us-east-1:1:function:f", "End": true,
    });
    state
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    state
}

fn machine(fields: &Value) -> Value {
    json!({"StartAt": "T", "States": {"T": task(fields), "Caught": {"Type": "Succeed"}}})
}

/// Only `T` when nothing leads to `Caught`.
fn lone(fields: &Value) -> Value {
    json!({"StartAt": "T", "States": {"T": task(fields)}})
}

/// Specification, "Complex retry scenarios": ErrorA, ErrorB, ErrorC, ErrorB with two attempts
/// in the first retrier end in the catcher at the fourth.
#[test]
fn every_retrier_counts_for_itself() {
    let mut play = Play::start(
        &machine(&json!({
            "Retry": [
                {"ErrorEquals": ["A", "B"], "IntervalSeconds": 1, "BackoffRate": 2, "MaxAttempts": 2},
                {"ErrorEquals": ["C"], "IntervalSeconds": 5},
            ],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
        })),
        json!({}),
    );
    for (error, wait) in [("A", 1000), ("B", 2000), ("C", 5000)] {
        play.fail(error);
        let failed_at = play.clock;
        assert_eq!(play.wake() - failed_at, wait, "{error}");
    }
    play.fail("B");
    assert_eq!(play.output(), Some(&json!({"Error": "B", "Cause": "why"})));
}

#[test]
fn counters_last_for_one_visit() {
    let mut play = Play::start(
        &json!({"StartAt": "T", "States": {
            "T": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:1:function:f", "Next": "T2",
                "Retry": [{"ErrorEquals": ["A"], "MaxAttempts": 1}]},
            "T2": {"Type": "Choice", "Choices": [{"Variable": "$.again", "BooleanEquals": true, "Next": "T"}],
                "Default": "Done"},
            "Done": {"Type": "Succeed"},
        }}),
        json!({}),
    );
    play.fail("A");
    assert_eq!(play.execution.retry_count(), 1);
    play.wake();
    play.succeed(json!({"again": true}));
    assert_eq!(play.execution.retry_count(), 0);
    play.fail("A");
    assert_eq!(play.execution.retry_count(), 1);
    play.wake();
    play.fail("A");
    assert_eq!(play.end(), "FAILED A why");
}

#[test]
fn which_names_cover_which_errors() {
    for (names, cause, expected) in [
        (json!(["States.ALL"]), "A", "SUCCEEDED - -"),
        (json!(["States.TaskFailed"]), "A", "SUCCEEDED - -"),
        (json!(["A"]), "A", "SUCCEEDED - -"),
        (json!(["a"]), "A", "FAILED A why"),
        (json!(["State.ALL"]), "A", "FAILED A why"),
        // A task may report a time-out of its own.
        (
            json!(["States.TaskFailed"]),
            "States.Timeout",
            "FAILED States.Timeout why",
        ),
        (json!(["States.ALL"]), "timeout", "SUCCEEDED - -"),
        (json!(["States.Timeout"]), "timeout", "SUCCEEDED - -"),
        (
            json!(["States.TaskFailed"]),
            "timeout",
            "FAILED States.Timeout -",
        ),
        (
            json!(["States.HeartbeatTimeout"]),
            "timeout",
            "FAILED States.Timeout -",
        ),
        (
            json!(["States.HeartbeatTimeout"]),
            "heartbeat",
            "SUCCEEDED - -",
        ),
        (json!(["States.Timeout"]), "heartbeat", "SUCCEEDED - -"),
        (
            json!(["States.TaskFailed"]),
            "heartbeat",
            "FAILED States.Timeout -",
        ),
        (json!(["States.ALL"]), "large", "SUCCEEDED - -"),
        (
            json!(["States.DataLimitExceeded"]),
            "large",
            "SUCCEEDED - -",
        ),
    ] {
        let mut fields = json!({"TimeoutSeconds": 9, "HeartbeatSeconds": 8,
            "Catch": [{"ErrorEquals": names, "Next": "Caught"}]});
        if cause == "timeout" {
            fields.as_object_mut().unwrap().remove("HeartbeatSeconds");
        }
        let mut play = Play::start(&machine(&fields), json!({}));
        match cause {
            "timeout" => assert_eq!(play.wake(), 9000),
            "heartbeat" => assert_eq!(play.wake(), 8000),
            "large" => play.succeed(json!("x".repeat(300_000))),
            error => play.fail(error),
        }
        assert_eq!(play.end(), expected, "{names} {cause}");
    }
}

#[test]
fn a_runtime_error_is_never_caught() {
    for names in [
        json!(["States.ALL"]),
        json!(["States.Runtime"]),
        json!(["States.TaskFailed"]),
    ] {
        let play = Play::start(
            &machine(&json!({"Parameters": {"x.$": "$.no"},
                "Retry": [{"ErrorEquals": names}],
                "Catch": [{"ErrorEquals": names, "Next": "Caught"}]})),
            json!({}),
        );
        assert_eq!(play.execution.error(), Some("States.Runtime"), "{names}");
    }
}

#[test]
fn delays_double_and_are_capped() {
    let retry = json!({"Retry": [{"ErrorEquals": ["A"], "IntervalSeconds": 2, "BackoffRate": 2.0,
        "MaxAttempts": 5, "MaxDelaySeconds": 5}]});
    let mut play = Play::start(&lone(&retry), json!({}));
    let mut waits = Vec::new();
    for _ in 0..5 {
        play.fail("A");
        let failed_at = play.clock;
        waits.push(play.wake() - failed_at);
    }
    assert_eq!(waits, [2000, 4000, 5000, 5000, 5000]);
    play.fail("A");
    assert_eq!(play.end(), "FAILED A why");
}

#[test]
fn defaults_are_one_second_three_attempts_twice_the_wait() {
    let mut play = Play::start(
        &lone(&json!({"Retry": [{"ErrorEquals": ["A"]}]})),
        json!({}),
    );
    let mut times = Vec::new();
    for _ in 0..3 {
        play.fail("A");
        times.push(play.wake());
    }
    assert_eq!(times, [1000, 3000, 7000]);
    play.fail("A");
    assert_eq!(play.end(), "FAILED A why");
}

#[test]
fn no_attempts_means_never() {
    let retry =
        json!({"Retry": [{"ErrorEquals": ["A"], "MaxAttempts": 0}, {"ErrorEquals": ["A"]}]});
    let mut play = Play::start(&lone(&retry), json!({}));
    play.fail("A");
    assert_eq!(play.end(), "FAILED A why");
}

#[test]
fn full_jitter_is_within_the_delay_and_survives() {
    let retry = json!({"Retry": [{"ErrorEquals": ["A"], "IntervalSeconds": 10,
        "JitterStrategy": "FULL"}]});
    let mut play = Play::start(&lone(&retry), json!({}));
    play.fail("A");
    let due = play.due().unwrap();
    assert!(due <= 10_000, "{due}");
    let text = serde_json::to_string(&play.execution).unwrap();
    assert_eq!(play.execution, serde_json::from_str(&text).unwrap());
}

#[test]
fn heartbeats_put_the_end_off() {
    let mut play = Play::start(
        &lone(&json!({"TimeoutSeconds": 20, "HeartbeatSeconds": 8})),
        json!({}),
    );
    assert_eq!(play.due(), Some(8000));
    play.clock = 7000;
    let task = play.task();
    play.send(Signal::Heartbeat { task });
    assert_eq!(play.due(), Some(15_000));
    play.clock = 14_000;
    play.send(Signal::Heartbeat { task });
    assert_eq!(
        play.due(),
        Some(20_000),
        "the time-out itself does not move"
    );
    assert_eq!(play.wake(), 20_000);
    assert_eq!(play.end(), "FAILED States.Timeout -");
    assert_eq!(
        play.types()[4..],
        ["LambdaFunctionTimedOut", "ExecutionFailed"]
    );
}

#[test]
fn an_answer_that_comes_too_late_is_refused() {
    let retry = json!({"TimeoutSeconds": 5, "Retry": [{"ErrorEquals": ["States.ALL"]}]});
    let mut play = Play::start(&lone(&retry), json!({}));
    let first = play.task();
    play.wake();
    let late = Signal::TaskSucceeded {
        task: first,
        output: json!(1),
    };
    let refused = AdvanceError::TaskNotOutstanding { task: first };
    assert_eq!(play.try_send(late.clone()), Err(refused.clone()));
    play.wake();
    assert_ne!(play.task(), first);
    assert_eq!(play.try_send(late.clone()), Err(refused.clone()));
    play.succeed(json!(2));
    assert_eq!(play.output(), Some(&json!(2)));
    assert_eq!(play.try_send(late), Err(refused));
    let never = TaskId(99);
    let signal = Signal::Heartbeat { task: never };
    assert_eq!(
        play.try_send(signal),
        Err(AdvanceError::TaskNotOutstanding { task: never })
    );
}

#[test]
fn a_catcher_assigns_and_puts_the_error_into_the_raw_input() {
    let mut play = Play::start(
        &json!({"StartAt": "T", "States": {
            "T": task(&json!({"InputPath": "$.inner", "OutputPath": "$.nowhere",
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "C",
                    "Assign": {"seen.$": "$.Error"}}]})),
            "C": {"Type": "Pass", "Parameters": {"all.$": "$", "seen.$": "$seen"}, "End": true},
        }}),
        json!({"inner": 1}),
    );
    play.fail("A");
    let error = json!({"Error": "A", "Cause": "why"});
    assert_eq!(
        play.output(),
        Some(&json!({"all": {"inner": 1, "error": error}, "seen": "A"}))
    );
}

#[test]
fn a_caught_error_that_no_longer_fits_ends_the_execution() {
    let filler = "x".repeat(262_100);
    let mut play = Play::start(
        &machine(&json!({"Catch": [
            {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}]})),
        json!({"filler": filler}),
    );
    play.fail("A");
    assert_eq!(play.execution.error(), Some("States.DataLimitExceeded"));
}

#[test]
fn a_retry_waits_at_least_as_long_as_was_asked_for() {
    let machine = |attempts: u32| {
        json!({"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:1:function:f",
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 5, "MaxAttempts": attempts}], "End": true}}})
    };
    for (attempts, asked, due) in [
        (3, None, Some(5_000)),
        (3, Some(4_000), Some(5_000)),
        (3, Some(90_000), Some(90_000)),
        (0, Some(90_000), None),
    ] {
        let mut play = Play::start(&machine(attempts), json!({}));
        let task = play.task();
        play.send(Signal::TaskFailed {
            task,
            error: Some("Busy".into()),
            cause: None,
            retry_after: asked.map(Millis),
        });
        assert_eq!(play.due(), due, "{attempts} {asked:?}");
    }
}
