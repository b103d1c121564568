//! Parallel and Map where several things go on at once: nothing of that is recorded, because the
//! service's order varies. Sources: the language's specification, the developer guide (Parallel,
//! Map, redrive), and what was measured on AWS in 2026 about which event precedes which
//! (floci-io/floci pull request 3167).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use asl::advance::Signal;
use asl::execution::Status;
use common::play::Play;
use serde_json::{Value, json};

fn task(next: &str) -> Value {
    let mut task = json!({"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:1:function:f"});
    match next {
        "" => task["End"] = true.into(),
        next => task["Next"] = next.into(),
    }
    task
}

/// Two branches: one calls twice, one waits a minute and then calls.
fn two_branches() -> Value {
    json!({"StartAt": "P", "States": {
        "P": {"Type": "Parallel", "Branches": [
            {"StartAt": "A", "States": {"A": task("B"), "B": task("")}},
            {"StartAt": "W", "States": {
                "W": {"Type": "Wait", "Seconds": 60, "Next": "C"}, "C": task("")}},
        ], "Next": "Done"},
        "Done": {"Type": "Succeed"},
    }})
}

/// An item a task.
fn map(more: &Value) -> Value {
    let mut state = json!({"Type": "Map",
        "ItemProcessor": {"StartAt": "T", "States": {"T": task("")}}, "End": true});
    state
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({"StartAt": "M", "States": {"M": state, "Caught": {"Type": "Pass", "End": true}}})
}

/// Without the state that only a catcher leads to.
fn plain_map(more: &Value) -> Value {
    let mut machine = map(more);
    machine["States"].as_object_mut().unwrap().remove("Caught");
    machine
}

#[test]
fn branches_go_on_side_by_side_and_each_has_its_own_chain() {
    let mut play = Play::start(&two_branches(), json!({"n": 1}));
    assert_eq!(
        play.execution.innermost_states().collect::<Vec<_>>(),
        ["A", "W"]
    );
    assert_eq!(play.execution.state_name(), Some("P"));
    play.succeed(json!({"a": 1}));
    assert_eq!(play.wake(), 60_000);
    assert_eq!(play.execution.outstanding_tasks(&play.definition).len(), 2);
    play.succeed_with(&json!({"n": 1}), json!({"c": 1}));
    play.succeed_with(&json!({"a": 1}), json!({"b": 1}));
    assert_eq!(
        play.lines(1),
        [
            "1 <0 ExecutionStarted",
            "2 <0 ParallelStateEntered P",
            "3 <2 ParallelStateStarted",
            "4 <3 TaskStateEntered A",
            "5 <4 LambdaFunctionScheduled",
            "6 <5 LambdaFunctionStarted",
            "7 <3 WaitStateEntered W",
            "8 <6 LambdaFunctionSucceeded",
            "9 <8 TaskStateExited A",
            "10 <9 TaskStateEntered B",
            "11 <10 LambdaFunctionScheduled",
            "12 <11 LambdaFunctionStarted",
            "13 <7 WaitStateExited W",
            "14 <13 TaskStateEntered C",
            "15 <14 LambdaFunctionScheduled",
            "16 <15 LambdaFunctionStarted",
            "17 <16 LambdaFunctionSucceeded",
            "18 <17 TaskStateExited C",
            "19 <12 LambdaFunctionSucceeded",
            "20 <19 TaskStateExited B",
            "21 <20 ParallelStateSucceeded",
            "22 <20 ParallelStateExited P",
            "23 <22 SucceedStateEntered Done",
            "24 <23 SucceedStateExited Done",
            "25 <24 ExecutionSucceeded",
        ]
    );
    assert_eq!(play.output(), Some(&json!([{"b": 1}, {"c": 1}])));
}

#[test]
fn a_branch_that_fails_stops_the_others() {
    let mut play = Play::start(&two_branches(), json!({}));
    let late = play.task();
    play.fail("Odd");
    assert_eq!(
        play.lines(8),
        [
            "8 <6 LambdaFunctionFailed",
            "9 <8 TaskStateAborted",
            "10 <7 WaitStateAborted",
            "11 <8 ParallelStateFailed",
            "12 <11 ExecutionFailed",
        ]
    );
    assert_eq!(play.end(), "FAILED Odd why");
    assert_eq!(play.execution.wake_at(), None);
    assert!(!play.execution.is_outstanding(late));
}

/// Source: developer guide, "Redriving executions": a Parallel goes on with the branches that
/// failed or were aborted; those that succeeded keep their output.
#[test]
fn a_redrive_goes_on_with_the_branches_that_had_not_succeeded() {
    let mut machine = two_branches();
    let first = machine["States"]["P"]["Branches"][0].clone();
    machine["States"]["P"]["Branches"] = json!([first,
        {"StartAt": "C", "States": {"C": task("")}},
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": true}}}]);
    let mut play = Play::start(&machine, json!({"n": 1}));
    play.succeed(json!({"a": 1}));
    play.succeed_with(&json!({"n": 1}), json!({"c": 1}));
    play.fail_with(&json!({"a": 1}), "Odd");
    assert_eq!(play.execution.status(), Status::Failed);
    let before = play.history.len();
    play.send(Signal::Redrive);
    let redriven = play.history[before].id;
    assert_eq!(
        play.lines(before + 2),
        [
            format!("{} <{redriven} LambdaFunctionScheduled", redriven + 1),
            format!("{} <{} LambdaFunctionStarted", redriven + 2, redriven + 1),
            format!("{} <{redriven} WaitStateEntered W", redriven + 3),
        ]
    );
    play.succeed_with(&json!({"a": 1}), json!({"b": 2}));
    play.wake();
    assert_eq!(play.output(), Some(&json!([{"b": 2}, {"c": 1}, {"n": 1}])));
}

#[test]
fn no_more_iterations_run_at_once_than_may() {
    let mut play = Play::start(
        &plain_map(&json!({"MaxConcurrency": 2})),
        json!([1, 2, 3, 4]),
    );
    let mut inputs = Vec::new();
    for _ in 0..4 {
        let outstanding = play.execution.outstanding_tasks(&play.definition).len();
        inputs.push(outstanding);
        play.succeed(json!("x"));
    }
    assert_eq!(inputs, [2, 2, 2, 1]);
    assert_eq!(play.output(), Some(&json!(["x", "x", "x", "x"])));
    assert_eq!(
        play.lines(3)[..9],
        [
            "3 <2 MapStateStarted",
            "4 <3 MapIterationStarted M 0",
            "5 <4 TaskStateEntered T",
            "6 <5 LambdaFunctionScheduled",
            "7 <6 LambdaFunctionStarted",
            "8 <3 MapIterationStarted M 1",
            "9 <8 TaskStateEntered T",
            "10 <9 LambdaFunctionScheduled",
            "11 <10 LambdaFunctionStarted",
        ]
    );
    assert_eq!(
        play.lines(12)[..4],
        [
            "12 <7 LambdaFunctionSucceeded",
            "13 <12 TaskStateExited T",
            "14 <13 MapIterationSucceeded M 0",
            "15 <13 MapIterationStarted M 2",
        ]
    );
}

#[test]
fn results_stand_in_the_order_of_the_items() {
    let mut play = Play::start(&plain_map(&json!({})), json!([1, 2, 3]));
    for item in [3, 1, 2] {
        play.succeed_with(&json!(item), json!(item * 10));
    }
    assert_eq!(play.output(), Some(&json!([10, 20, 30])));
}

#[test]
fn an_iteration_that_fails_stops_the_others() {
    let mut play = Play::start(&plain_map(&json!({})), json!([1, 2]));
    play.fail_with(&json!(2), "Odd");
    assert_eq!(
        play.lines(12),
        [
            "12 <11 LambdaFunctionFailed",
            "13 <11 MapIterationFailed M 1"
                .replace("<11", "<12")
                .as_str(),
            "14 <7 TaskStateAborted",
            "15 <7 MapIterationAborted M 0",
            "16 <12 MapStateFailed",
            "17 <16 ExecutionFailed",
        ]
    );
}

/// Source: language specification, "Failure tolerance"; the error: developer guide, "Error names".
/// What failed leaves no result (floci-io/floci pull request 3605).
#[test]
fn as_many_iterations_may_fail_as_are_tolerated() {
    for (tolerance, failures, end) in [
        (json!({}), 1, "FAILED Odd why"),
        (json!({"ToleratedFailureCount": 1}), 1, "SUCCEEDED - -"),
        (
            json!({"ToleratedFailureCount": 1}),
            2,
            "FAILED States.ExceedToleratedFailureThreshold The specified tolerated failure threshold was exceeded",
        ),
        (
            json!({"ToleratedFailurePercentage": 50}),
            2,
            "SUCCEEDED - -",
        ),
        (
            json!({"ToleratedFailurePercentage": 49.9}),
            2,
            "FAILED States.ExceedToleratedFailureThreshold The specified tolerated failure threshold was exceeded",
        ),
        (
            json!({"ToleratedFailurePercentage": 100, "ToleratedFailureCount": 0}),
            1,
            "FAILED States.ExceedToleratedFailureThreshold The specified tolerated failure threshold was exceeded",
        ),
        (
            json!({"ToleratedFailurePercentage": 100}),
            4,
            "SUCCEEDED - -",
        ),
    ] {
        let mut play = Play::start(&plain_map(&tolerance), json!([1, 2, 3, 4]));
        for item in 1..=4 {
            if play.execution.status() != Status::Running {
                break;
            }
            if item <= failures {
                play.fail_with(&json!(item), "Odd");
            } else {
                play.succeed_with(&json!(item), json!(item * 10));
            }
        }
        assert_eq!(play.end(), end, "{tolerance} {failures}");
        if play.execution.status() == Status::Succeeded {
            let all = [10, 20, 30, 40];
            assert_eq!(play.output(), Some(&json!(all[failures..])), "{tolerance}");
        }
    }
}

/// Source: language specification, "Errors in Map": the state's own retriers and catchers decide.
#[test]
fn a_retry_begins_all_iterations_anew_and_a_catcher_ends_it() {
    let machine = map(&json!({
        "Retry": [{"ErrorEquals": ["Odd"], "MaxAttempts": 1, "IntervalSeconds": 5}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}],
        "ItemsPath": "$.items",
    }));
    let mut play = Play::start(&machine, json!({"items": [1, 2]}));
    play.succeed(json!("x"));
    play.fail("Odd");
    assert_eq!(play.execution.retry_count(), 1);
    assert_eq!(play.execution.outstanding_tasks(&play.definition), []);
    assert_eq!(play.wake(), 5_000);
    assert_eq!(play.execution.outstanding_tasks(&play.definition).len(), 2);
    play.fail("Odd");
    let error = json!({"Error": "Odd", "Cause": "why"});
    assert_eq!(
        play.output(),
        Some(&json!({"items": [1, 2], "error": error}))
    );
}

/// Measured on AWS in 2026 (floci-io/floci issue 2868): nothing is said of the branch's own end.
#[test]
fn a_runtime_error_in_a_branch_ends_the_execution_at_once() {
    let play = Play::start(
        &json!({"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [
            {"StartAt": "Fast", "States": {
                "Fast": {"Type": "Pass", "Parameters": {"m.$": "$.nope"}, "End": true}}}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}], "End": true},
            "Caught": {"Type": "Succeed"}}}),
        json!({"x": "a"}),
    );
    assert_eq!(
        play.lines(1),
        [
            "1 <0 ExecutionStarted",
            "2 <0 ParallelStateEntered P",
            "3 <2 ParallelStateStarted",
            "4 <3 PassStateEntered Fast",
            "5 <4 ExecutionFailed",
        ]
    );
    assert_eq!(play.execution.error(), Some("States.Runtime"));
}

#[test]
fn a_redriven_map_keeps_what_is_done_and_begins_what_is_not() {
    let mut play = Play::start(
        &plain_map(&json!({"MaxConcurrency": 2})),
        json!([1, 2, 3, 4]),
    );
    play.succeed_with(&json!(1), json!(10));
    play.fail_with(&json!(2), "Odd");
    assert_eq!(play.end(), "FAILED Odd why");
    play.send(Signal::Redrive);
    assert_eq!(play.execution.outstanding_tasks(&play.definition).len(), 2);
    for item in [3, 2, 4] {
        play.succeed_with(&json!(item), json!(item * 10));
    }
    assert_eq!(play.output(), Some(&json!([10, 20, 30, 40])));
}

#[test]
fn stopping_stops_every_branch() {
    let mut play = Play::start(&two_branches(), json!({}));
    play.send(Signal::Stop {
        error: None,
        cause: None,
    });
    assert_eq!(play.end(), "ABORTED - -");
    assert_eq!(play.execution.wake_at(), None);
    assert_eq!(play.execution.outstanding_tasks(&play.definition), []);
    play.send(Signal::Redrive);
    assert_eq!(
        play.execution.innermost_states().collect::<Vec<_>>(),
        ["A", "W"]
    );
    assert_eq!(play.due(), Some(60_000));
}

#[test]
fn a_map_in_a_map_names_the_innermost_item() {
    let inner = json!({"Type": "Map", "ItemSelector": {
            "i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "all.$": "$"},
        "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass",
            "Parameters": {"it.$": "$", "again.$": "$$.Map.Item.Value"}, "End": true}}},
        "ResultPath": "$.inner", "ItemsPath": "$.list", "End": true});
    let machine = json!({"StartAt": "Out", "States": {"Out": {"Type": "Map",
        "ItemProcessor": {"StartAt": "In", "States": {"In": inner}}, "End": true}}});
    let play = Play::start(&machine, json!([{"list": [5]}]));
    let item = json!({"it": {"i": 0, "v": 5, "all": {"list": [5]}}, "again": 5});
    assert_eq!(
        play.output(),
        Some(&json!([{"list": [5], "inner": [item]}]))
    );
}

/// Source: developer guide, "Variable scope": an inner scope sees the outer one's variables, and
/// the outer one nothing of the inner one's.
#[test]
fn variables_of_a_branch_stay_in_it() {
    let play = Play::start(
        &json!({"StartAt": "S", "States": {
            "S": {"Type": "Pass", "Assign": {"outer": 1}, "Next": "P"},
            "P": {"Type": "Parallel", "Branches": [
                {"StartAt": "A", "States": {
                    "A": {"Type": "Pass", "Assign": {"inner.$": "$outer"}, "Next": "B"},
                    "B": {"Type": "Pass", "Parameters": {"sees.$": "$inner"}, "End": true}}}],
                "Next": "Q"},
            "Q": {"Type": "Pass", "Parameters": {"v.$": "$inner"}, "End": true}}}),
        json!({}),
    );
    assert_eq!(play.execution.variable("outer"), Some(&json!(1)));
    assert_eq!(play.execution.variable("inner"), None);
    assert!(play.execution.cause().unwrap().contains("'$inner'"));
}

#[test]
fn many_items_do_not_go_beyond_the_longest_history() {
    let items: Vec<u32> = (0..9000).collect();
    let machine = json!({"StartAt": "M", "States": {"M": {"Type": "Map",
        "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}},
        "End": true}}});
    let play = Play::start(&machine, json!(items));
    assert_eq!(play.execution.error(), Some("States.Runtime"));
    assert!(play.execution.event_count() <= 25_000);
}

#[test]
fn a_redrive_is_a_dead_end_where_it_must_end_in_the_same_fail_state() {
    let fail = json!({"StartAt": "F", "States": {"F": {"Type": "Fail"}}});
    let whole = |state: Value| json!({"StartAt": "S", "States": {"S": state}});
    let parallel = json!({"Type": "Parallel", "Branches": [fail], "End": true});
    let map = json!({"Type": "Map", "ItemProcessor": fail, "End": true});
    let with = |state: &Value, name: &str, value: Value| {
        let mut state = state.clone();
        state[name] = value;
        state
    };
    let again = json!([{"ErrorEquals": ["States.ALL"], "MaxAttempts": 0}]);
    let inside = json!({"StartAt": "In", "States": {"In": parallel}});
    for (machine, expected) in [
        (whole(parallel.clone()), Some("F")),
        (whole(map.clone()), Some("F")),
        (whole(with(&map, "ItemProcessor", inside)), Some("F")),
        (fail, Some("F")),
        // Another attempt, or other iterations, may go another way.
        (whole(with(&parallel, "Retry", again)), None),
        (whole(with(&map, "ToleratedFailureCount", json!(1))), None),
    ] {
        let play = Play::start(&machine, json!([1, 2]));
        assert!(play.end().starts_with("FAILED"), "{machine}");
        let found = play.execution.dead_end(&play.definition);
        assert_eq!(found, expected, "{machine}");
    }
}
