//! JSONata where nothing is recorded. Sources: developer guide, "Transforming data with JSONata in
//! Step Functions" and "JSONata functions provided by Step Functions".
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::time::{Duration, Instant};

use asl::execution::Status;
use common::play::Play;
use serde_json::{Value, json};

/// A machine of one Pass state with this `Output`.
fn pass(output: &str) -> Value {
    json!({"QueryLanguage": "JSONata", "StartAt": "P", "States": {
        "P": {"Type": "Pass", "Output": format!("{{% {output} %}}"), "End": true}}})
}

fn evaluated(output: &str, input: &Value) -> Value {
    let play = Play::start(&pass(output), input.clone());
    let found = play.output().cloned();
    found.unwrap_or_else(|| panic!("{output}: {}", play.end()))
}

fn failure(output: &str, input: &Value) -> String {
    let play = Play::start(&pass(output), input.clone());
    assert_eq!(
        play.execution.error(),
        Some("States.QueryEvaluationError"),
        "{output}: {:?}",
        play.output()
    );
    let cause = play.execution.cause().unwrap();
    let (_, text) = cause.split_once("the field 'Output' ").unwrap();
    text.to_owned()
}

#[test]
fn expressions_see_states_and_nothing_else() {
    let input = json!({"a": [1, 2, 3], "b": {"c": "x"}});
    for (output, expected) in [
        ("$states.input.a[1]", json!(2)),
        ("$sum($states.input.a)", json!(6)),
        ("$states.input.b.c & 'y'", json!("xy")),
        ("$states.context.State.Name", json!("P")),
        ("$states.context.Execution.Input.b", json!({"c": "x"})),
        ("$keys($states.context.Execution)[0]", json!("Id")),
        ("$states.input.a[$ > 1]", json!([2, 3])),
        ("$count($states.input.a) = 3", json!(true)),
        ("{'n': $states.input.missing, 'm': 1}", json!({"m": 1})),
        ("$exists($states.result)", json!(false)),
        ("($x := 5; $x * 2)", json!(10)),
        ("0.1 + 0.2", json!(0.300_000_000_000_000_04)),
        ("1e3", json!(1000)),
        ("null", json!(null)),
    ] {
        assert_eq!(evaluated(output, &input), expected, "{output}");
    }
    for output in ["a", "$", "$$", "$states.input.missing", "$nothing"] {
        let text = failure(output, &input);
        assert_eq!(text, "returned nothing (undefined).", "{output}");
    }
}

#[test]
fn the_functions_of_the_service_are_there() {
    for (output, expected) in [
        (
            "$partition([1, 2, 3, 4, 5], 2)",
            json!([[1, 2], [3, 4], [5]]),
        ),
        ("$range(0, 10, 5)", json!([0, 5, 10])),
        (
            "$hash('payhook', 'SHA-1')",
            json!("aa0b4db0f1acafd5f92835308f998f950d356d13"),
        ),
        ("$parse('{\"a\": [1, null]}')", json!({"a": [1, null]})),
        ("$length($uuid())", json!(36)),
        ("$random() < 1 and $random() >= 0", json!(true)),
        ("$random(7) = $random(7)", json!(true)),
        ("$random() = $random()", json!(false)),
        ("$uuid() = $uuid()", json!(false)),
        ("$count($shuffle([1..20]))", json!(20)),
        ("$millis()", json!(1_795_420_800_000_i64)),
        ("$now()", json!("2026-11-23T08:00:00.000Z")),
        ("$now('[Y]-[M01]')", json!("2026-11")),
    ] {
        let found = evaluated(output, &json!({}));
        assert_eq!(found, expected, "{output}");
    }
    assert!(failure("$eval('1+1')", &json!({})).contains("not supported"));
}

#[test]
fn the_same_moment_gives_the_same_luck() {
    let machine = pass("[$uuid(), $random(), $shuffle([1..9]), $now()]");
    let [one, other] = [0, 1].map(|_| Play::start(&machine, json!({})));
    assert_eq!(one.output(), other.output());
}

#[test]
fn errors_of_jsonata_keep_their_code() {
    for (output, expected) in [
        ("1 + 'a'", "threw an error during evaluation. T2002: "),
        (
            "$states.input('x')",
            "threw an error during evaluation. T1006: Attempted to invoke a non-function",
        ),
        ("$error('no')", "threw an error during evaluation. D3137: "),
        ("$number('x')", "threw an error during evaluation. D3030: "),
    ] {
        let text = failure(output, &json!({"a": 1}));
        assert!(text.starts_with(expected), "{output}: {text}");
    }
}

/// Whatever the data, an expression ends.
#[test]
fn time_depth_and_length_are_bounded() {
    let began = Instant::now();
    for output in [
        "($f := function($n) { $f($n + 1) }; $f(0))",
        "($f := function($n) { 1 + $f($n + 1) }; $f(0))",
        "$count($map([1..5000], function($x) { $sum([1..5000]) }))",
        "$count([1..9999999])",
    ] {
        let text = failure(output, &json!({}));
        assert!(text.starts_with("threw an error"), "{output}: {text}");
    }
    assert!(began.elapsed() < Duration::from_secs(30));
    // What comes out must not be nested too deeply to be read again.
    let deep = "($f := function($n) { $n = 0 ? 1 : {'a': $f($n - 1)} }; $f(150))";
    assert!(failure(deep, &json!({})).contains("nested too deeply"));
}

fn task(more: &Value) -> Value {
    let mut state = json!({"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:1:function:f",
        "Arguments": {"n": "{% $states.input.n %}"}, "End": true});
    let more = more.as_object().unwrap().clone();
    state.as_object_mut().unwrap().extend(more);
    json!({"QueryLanguage": "JSONata", "StartAt": "T", "States": {
        "T": state, "Caught": {"Type": "Pass", "End": true}}})
}

fn plain_task(more: &Value) -> Value {
    let mut machine = task(more);
    machine["States"].as_object_mut().unwrap().remove("Caught");
    machine
}

/// Source: language specification, "JSONata": such an error can be retried and caught.
#[test]
fn an_expression_that_fails_can_be_caught_and_retried() {
    let machine = task(&json!({
        "Output": "{% $states.result.missing %}",
        "Retry": [{"ErrorEquals": ["States.QueryEvaluationError"], "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught",
            "Output": {"why": "{% $states.errorOutput.Error %}", "in": "{% $states.input %}"},
            "Assign": {"cause": "{% $states.errorOutput.Cause %}"}}],
    }));
    let mut play = Play::start(&machine, json!({"n": 1}));
    play.succeed(json!({}));
    assert_eq!(play.wake(), 1_000);
    play.succeed(json!({}));
    let expected = json!({"why": "States.QueryEvaluationError", "in": {"n": 1}});
    assert_eq!(play.output(), Some(&expected));
    let cause = play.execution.variable("cause").unwrap();
    assert!(
        cause
            .as_str()
            .unwrap()
            .ends_with("for the field 'Output' returned nothing (undefined).")
    );
    assert_eq!(
        play.lines(2)[..9],
        [
            "2 <0 TaskStateEntered T",
            "3 <2 LambdaFunctionScheduled",
            "4 <3 LambdaFunctionStarted",
            "5 <4 LambdaFunctionSucceeded",
            "6 <5 EvaluationFailed",
            "7 <6 LambdaFunctionScheduled",
            "8 <7 LambdaFunctionStarted",
            "9 <8 LambdaFunctionSucceeded",
            "10 <9 EvaluationFailed",
        ]
    );
}

#[test]
fn a_field_of_the_wrong_type_says_so() {
    let wait = |field: &str, value: &str| {
        json!({"QueryLanguage": "JSONata", "StartAt": "W", "States": {
            "W": {"Type": "Wait", field: value, "End": true}}})
    };
    let choice = json!({"QueryLanguage": "JSONata", "StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [{"Condition": "{% 'yes' %}", "Next": "D"}], "Default": "D"},
        "D": {"Type": "Succeed"}}});
    for (machine, field, rest) in [
        (
            wait("Seconds", "{% 'soon' %}"),
            "Seconds",
            "Expected 'number', but was 'string' for value: \"soon\"",
        ),
        (
            wait("Timestamp", "{% 5 %}"),
            "Timestamp",
            "Expected 'string', but was 'number' for value: 5",
        ),
        (
            plain_task(&json!({"TimeoutSeconds": "{% true %}"})),
            "TimeoutSeconds",
            "Expected 'number', but was 'boolean' for value: true",
        ),
        (
            choice,
            "Choices[0]/Condition",
            "Expected 'boolean', but was 'string' for value: \"yes\"",
        ),
    ] {
        let play = Play::start(&machine, json!({"n": 1}));
        let cause = play.execution.cause().unwrap();
        assert!(
            cause.contains(&format!(
                "specified for the field '{field}' returned an unexpected result type. {rest}"
            )),
            "{cause}"
        );
    }
}

#[test]
fn variables_are_seen_as_they_were_before() {
    let machine = json!({"QueryLanguage": "JSONata", "StartAt": "A", "States": {
        "A": {"Type": "Pass", "Assign": {"n": 1, "list": "{% [1..3] %}"}, "Next": "B"},
        "B": {"Type": "Pass", "Assign": {"n": "{% $n + 1 %}", "m": "{% $n %}"},
            "Output": {"n": "{% $n %}"}, "Next": "C"},
        "C": {"Type": "Pass", "Output": {"n": "{% $n %}", "m": "{% $m %}", "was": "{% $states.input.n %}",
            "sum": "{% $sum($list) %}"}, "End": true}}});
    let play = Play::start(&machine, json!({}));
    assert_eq!(
        play.output(),
        Some(&json!({"n": 2, "m": 1, "was": 1, "sum": 6}))
    );
}

#[test]
fn seconds_and_time_outs_may_be_computed() {
    let machine = plain_task(&json!({
        "TimeoutSeconds": "{% $states.input.n * 10 %}", "HeartbeatSeconds": "{% 4 %}",
    }));
    let play = Play::start(&machine, json!({"n": 2}));
    assert_eq!(play.due(), Some(4_000));
    assert_eq!(play.execution.status(), Status::Running);
}
