//! Start, stop, redrive, the machine's own time-out and limits, where nothing is recorded.
//! Sources: developer guide, "Restarting state machine executions with redrive", quotas.

mod common;

use asl::advance::{AdvanceError, Command, Signal};
use asl::execution::{Execution, Status};
use common::play::Play;
use serde_json::{Value, json};

fn two_tasks(timeout: Option<u64>) -> Value {
    let task = |next: &str| {
        json!({"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:1:function:f", "Next": next,
            "Retry": [{"ErrorEquals": ["Again"], "MaxAttempts": 1}]})
    };
    let mut machine = json!({"StartAt": "One",
        "States": {"One": task("Two"), "Two": task("Done"), "Done": {"Type": "Succeed"}}});
    if let Some(seconds) = timeout {
        machine["TimeoutSeconds"] = seconds.into();
    }
    machine
}

#[test]
fn redrive_goes_on_at_the_failed_task_with_its_input() {
    let mut play = Play::start(&two_tasks(None), json!({"n": 0}));
    play.succeed(json!({"n": 1}));
    play.fail("Again");
    play.wake();
    play.fail("Again");
    assert_eq!(play.end(), "FAILED Again why");
    assert_eq!(play.execution.state_name(), Some("Two"));
    play.clock += 60_000;
    let before = play.history.len();
    play.send(Signal::Redrive);
    assert_eq!(play.execution.status(), Status::Running);
    assert_eq!(play.execution.redrive_count(), 1);
    assert_eq!(play.execution.retry_count(), 0, "the attempts start anew");
    assert_eq!(
        play.types()[before..],
        [
            "ExecutionRedriven",
            "LambdaFunctionScheduled",
            "LambdaFunctionStarted"
        ]
    );
    let ids: Vec<u32> = play.history.iter().map(|event| event.id).collect();
    assert_eq!(ids, (1..=ids.len()).map(|id| id as u32).collect::<Vec<_>>());
    play.fail("Again");
    play.wake();
    play.succeed(json!({"n": 2}));
    assert_eq!(play.output(), Some(&json!({"n": 2})));
}

#[test]
fn only_what_ended_badly_can_be_redriven() {
    let mut play = Play::start(&two_tasks(None), json!({}));
    let refused = |play: &mut Play| play.try_send(Signal::Redrive).unwrap_err();
    assert!(matches!(
        refused(&mut play),
        AdvanceError::NotRedrivable { .. }
    ));
    play.succeed(json!({}));
    play.succeed(json!({}));
    assert_eq!(play.execution.status(), Status::Succeeded);
    assert!(matches!(
        refused(&mut play),
        AdvanceError::NotRedrivable { .. }
    ));
}

#[test]
fn a_stopped_wait_is_entered_again_by_redrive() {
    let mut play = Play::start(
        &json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": true}}}),
        json!({}),
    );
    play.clock = 30_000;
    play.send(Signal::Stop {
        error: Some("Enough".into()),
        cause: None,
    });
    assert_eq!(play.end(), "ABORTED Enough -");
    assert_eq!(play.execution.wake_at(), None);
    play.send(Signal::Redrive);
    assert_eq!(play.due(), Some(90_000));
    play.wake();
    assert_eq!(
        play.types(),
        [
            "ExecutionStarted",
            "WaitStateEntered",
            "ExecutionAborted",
            "ExecutionRedriven",
            "WaitStateEntered",
            "WaitStateExited",
            "ExecutionSucceeded",
        ]
    );
}

#[test]
fn the_machine_times_out_and_nothing_catches_it() {
    let mut play = Play::start(&two_tasks(Some(10)), json!({}));
    assert_eq!(play.due(), Some(10_000));
    let task = play.task();
    play.wake();
    assert_eq!(play.end(), "TIMED_OUT - -");
    assert_eq!(play.types().last().unwrap(), "ExecutionTimedOut");
    assert_eq!(
        play.try_send(Signal::Heartbeat { task }),
        Err(AdvanceError::TaskNotOutstanding { task })
    );
    assert_eq!(
        play.try_send(Signal::Tick),
        Err(AdvanceError::NotRunning {
            status: Status::TimedOut
        })
    );
    play.send(Signal::Redrive);
    assert_eq!(play.due(), Some(20_000), "its time starts anew");
}

#[test]
fn timers_that_came_due_while_down_fire_in_their_order() {
    // The retry was due at 1 s, the machine's end at 10 s; the tick comes at 60 s.
    let mut play = Play::start(&two_tasks(Some(10)), json!({}));
    play.fail("Again");
    play.clock = 60_000;
    play.send(Signal::Tick);
    assert_eq!(
        play.types()[5..],
        [
            "LambdaFunctionScheduled",
            "LambdaFunctionStarted",
            "ExecutionTimedOut"
        ]
    );
}

#[test]
fn a_tick_before_its_time_changes_nothing() {
    let mut play = Play::start(
        &json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": true}}}),
        json!({}),
    );
    let (before, events) = (play.execution.clone(), play.history.len());
    play.clock = 59_999;
    play.send(Signal::Tick);
    assert_eq!((&play.execution, play.history.len()), (&before, events));
    play.clock = 60_000;
    play.send(Signal::Tick);
    assert_eq!(play.execution.status(), Status::Succeeded);
}

/// Measured on AWS in 2026 (floci-io/floci pull request 3167); the language's own name for it,
/// States.NoChoiceMatched, is not given.
#[test]
fn a_choice_without_a_match_fails() {
    let play = Play::start(
        &json!({"StartAt": "C", "States": {
            "C": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "D"}]},
            "D": {"Type": "Succeed"}}}),
        json!({"n": 2}),
    );
    assert_eq!(
        play.end(),
        "FAILED States.Runtime An error occurred while executing the state 'C' (entered at the \
         event id #2). Failed to transition out of the state. The state does not point to a next \
         state."
    );
}

#[test]
fn an_endless_loop_ends_with_its_history() {
    let play = Play::start(
        &json!({"StartAt": "A", "States": {
            "A": {"Type": "Choice", "Choices": [{"Variable": "$.no", "IsPresent": true, "Next": "End"}],
                "Default": "A"},
            "End": {"Type": "Succeed"}}}),
        json!({}),
    );
    assert_eq!(play.execution.error(), Some("States.Runtime"));
    assert!(play.execution.event_count() <= 25_000);
    assert!(play.execution.event_count() > 24_990);
}

#[test]
fn signals_that_do_not_fit_are_refused() {
    let mut play = Play::start(&two_tasks(None), json!({}));
    assert_eq!(
        play.try_send(Signal::Start),
        Err(AdvanceError::AlreadyStarted)
    );
    let fresh = asl::execution::Execution::new();
    let moment = asl::advance::Moment {
        now: asl::time::Millis(0),
        seed: 0,
    };
    let refused = asl::advance::advance(play.run(), &fresh, Signal::Tick, &moment);
    assert_eq!(refused.unwrap_err(), AdvanceError::NotStarted);
}

/// The input is named, not repeated, wherever it goes on unchanged.
#[test]
fn the_record_does_not_hold_the_input() {
    let play = Play::start(&two_tasks(None), json!({"marker": "payload"}));
    let text = serde_json::to_string(&play.execution).unwrap();
    assert!(!text.contains("payload"), "{text}");
    assert!(text.len() < 220, "{} bytes: {text}", text.len());
}

/// What was written before there were branches.
#[test]
fn a_record_of_the_first_version_is_still_read() {
    let machine = json!({"StartAt": "T", "States": {
        "T": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:1:function:f",
            "ResultPath": "$.r", "Next": "W"},
        "W": {"Type": "Pass", "Parameters": {"all.$": "$", "n.$": "$n"}, "End": true}}});
    let mut play = Play::start(&machine, json!({"a": 1}));
    let text = r#"{"v":1,"status":"RUNNING","event":4,"tasks":1,"vars":{"n":7},"thread":{
        "state":"T","input":"x","at":1795420800000,"entered":2,"prev":4,
        "doing":{"task":{"id":1,"input":"x","started":1795420800000,"seen":1795420800000}}}}"#;
    play.execution = serde_json::from_str(text).expect("a record");
    play.succeed(json!(2));
    assert_eq!(
        play.output(),
        Some(&json!({"all": {"a": 1, "r": 2}, "n": 7}))
    );
}

/// A program that knows no branches must not move an execution that has some, and may move one
/// that has none.
#[test]
fn only_a_record_with_branches_is_of_the_second_version() {
    let version =
        |play: &Play| serde_json::to_value(&play.execution).expect("a record")["v"].clone();
    let plain = Play::start(&two_tasks(None), json!({}));
    assert_eq!(version(&plain), 1);
    let branch =
        json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": true}}});
    let forked = json!({"StartAt": "P", "States": {
        "P": {"Type": "Parallel", "Branches": [branch], "End": true}}});
    assert_eq!(version(&Play::start(&forked, json!({}))), 2);
}

#[test]
fn a_wait_has_a_longest_delay() {
    let machine = |wait: Value| {
        let mut state = json!({"Type": "Wait", "End": true});
        state
            .as_object_mut()
            .unwrap()
            .extend(wait.as_object().unwrap().clone());
        json!({"StartAt": "W", "States": {"W": state}})
    };
    for (seconds, fits) in [
        (json!(2_147_483_647), true),
        (json!(2_147_483_648_u64), false),
    ] {
        let wait = machine(json!({"SecondsPath": "$.s"}));
        let play = Play::start(&wait, json!({"s": seconds}));
        assert_eq!(
            play.execution.status() == Status::Running,
            fits,
            "{seconds}"
        );
    }
    let until = |ms: u64| json!({"at": asl::time::Millis(ms).to_rfc3339()});
    let start = common::drive::context(asl::context::MachineType::Standard)
        .start_time
        .0;
    for (days, fits) in [(24_855, true), (24_856, false)] {
        let wait = machine(json!({"TimestampPath": "$.at"}));
        let play = Play::start(&wait, until(start + days * 86_400_000));
        assert_eq!(play.execution.status() == Status::Running, fits, "{days}");
        if !fits {
            let cause = play.execution.cause().unwrap();
            assert!(cause.ends_with(" Wait state delay is too long."), "{cause}");
        }
    }
}

#[test]
fn a_number_of_seconds_may_be_text() {
    let wait = json!({"StartAt": "W", "States": {
        "W": {"Type": "Wait", "SecondsPath": "$.s", "End": true}}});
    assert_eq!(Play::start(&wait, json!({"s": "10"})).due(), Some(10_000));
    let odd = Play::start(&wait, json!({"s": "ten"}));
    assert!(
        odd.execution
            .cause()
            .unwrap()
            .ends_with("cannot be parsed as a long value: $.s == ten")
    );
}

fn approval() -> Value {
    json!({"StartAt": "Approve", "States": {"Approve": {"Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "ask", "Payload": {"token.$": "$$.Task.Token"}},
        "End": true}}})
}

/// Source: developer guide, "Wait for a Callback with Task Token".
#[test]
fn what_was_accepted_is_not_asked_again_and_its_token_finds_it() {
    let mut play = Play::start(&approval(), json!({}));
    let Command::RunTask {
        token, input, task, ..
    } = play.commands[0].clone();
    let token = token.expect("it waits for its token");
    assert!(token.starts_with("1-") && token.len() > 34, "{token}");
    assert_eq!(input.resolve(&json!({}))["Payload"]["token"], *token);
    assert_eq!(play.execution.task_with_token(&token), Some(task));
    assert_eq!(play.execution.task_with_token(&token[1..]), None);
    assert_eq!(play.execution.task_with_token(""), None);
    // A process that died before it knew asks again.
    assert_eq!(play.execution.outstanding_tasks(&play.definition).len(), 1);
    let output = json!({"Payload": "asked"});
    play.send(Signal::TaskSubmitted { task, output });
    assert_eq!(play.execution.outstanding_tasks(&play.definition), []);
    assert!(play.execution.is_outstanding(task));
    // Source: developer guide, Task state: without TimeoutSeconds it waits for 99 999 999 s.
    assert_eq!(play.due(), Some(99_999_999_000));
    let kept = serde_json::to_string(&play.execution).expect("a record");
    assert_eq!(
        serde_json::from_str::<Execution>(&kept).expect("a record"),
        play.execution
    );
    play.send(Signal::TaskSucceeded {
        task,
        output: json!("yes"),
    });
    assert_eq!(play.output(), Some(&json!("yes")));
    assert_eq!(play.execution.task_with_token(&token), None);
    assert_eq!(
        play.lines(3)[..4],
        [
            "3 <2 TaskScheduled",
            "4 <3 TaskStarted",
            "5 <4 TaskSubmitted",
            "6 <5 TaskSucceeded"
        ]
    );
}
