//! What lint finds, where it points, and what it says to do.
mod common;

use asl::definition::Definition;
use asl::lint::{Code, Lint, Options, Severity};
use common::{cases, section};
use serde_json::Value;

const LAMBDA: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

/// The findings of a text: `CODE line text-pointed-at | help`.
fn found(text: &str) -> Vec<String> {
    let lint = Lint::of(text, Options::default());
    let findings = lint.findings().iter();
    findings
        .map(|it| {
            let (code, span) = (it.code.as_str(), &it.span);
            let shown = &text[span.bytes.clone()];
            let help = it.help.as_deref().unwrap_or("");
            format!("{code} {} {shown} | {help}", span.line)
        })
        .collect()
}

/// A definition of one line for each state: `A: {...}`.
fn machine(states: &[&str]) -> String {
    let states = states.join(",\n").replace("LAMBDA", LAMBDA);
    format!("{{\"StartAt\": \"A\", \"States\": {{\n{states}\n}}}}")
}

#[track_caller]
fn check(states: &[&str], expected: &[&str]) {
    let text = machine(states);
    let found = found(&text);
    let fits = |(found, expected): (&String, &&str)| found.starts_with(expected);
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(fits),
        "{text}\nexpected {expected:#?}\nfound {found:#?}"
    );
}

const TIMED: &str = r#""Type": "Task", "Resource": "LAMBDA", "TimeoutSeconds": 5"#;

#[test]
fn errors_point_at_what_is_wrong_and_name_what_was_meant() {
    for (states, expected) in [
        (
            &[r#""A": {"Type": "Pass", "Nxt": "B", "End": true}"#][..],
            &[r#"SCHEMA_VALIDATION_FAILED 2 "Nxt" | did you mean "Next"?"#][..],
        ),
        (
            &[
                r#""A": {"Type": "Pass", "Next": "Pya"}"#,
                r#""Pay": {"Type": "Pass", "Next": "Done"}"#,
                r#""Done": {"Type": "Succeed"}"#,
            ],
            // What the misspelled name leads to is no mistake of its own.
            &[r#"MISSING_TRANSITION_TARGET 2 "Pya" | did you mean "Pay"?"#],
        ),
        (
            &[r#""A": {"Type": "task", "End": true}"#],
            &[r#"SCHEMA_VALIDATION_FAILED 2 "task" | did you mean "Task"?"#],
        ),
        (
            &[r#""A": {"Type": "Pass"}"#],
            &[
                r#"SCHEMA_VALIDATION_FAILED 2 "A" | add "Next": "<the state that follows>" or "End": true"#,
            ],
        ),
        (
            &[
                r#""A": {"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericGreatherThan": 1, "Next": "B"}], "Default": "B"}"#,
                r#""B": {"Type": "Succeed"}"#,
            ],
            &[
                r#"SCHEMA_VALIDATION_FAILED 2 "NumericGreatherThan" | did you mean "NumericGreaterThan"?"#,
            ],
        ),
        (
            &[
                r#""A": {"Type": "Pass", "QueryLanguage": "JSONata", "Parameters": {}, "End": true}"#,
            ],
            &["SCHEMA_VALIDATION_FAILED 2 \"Parameters\" | 'Parameters' belongs"],
        ),
        (
            &[
                r#""A": {"Type": "Parallel", "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "C"}}}], "Next": "C"}"#,
                r#""C": {"Type": "Succeed"}"#,
            ],
            &[
                r#"MISSING_END_STATE 2 { | "#,
                r#"MISSING_TRANSITION_TARGET 2 "C" | "C" belongs to another machine"#,
            ],
        ),
    ] {
        check(states, expected);
    }
}

#[test]
fn everything_is_found_at_once_whatever_else_is_wrong() {
    check(
        &[
            r#""A": {"Type": "Pass", "Reslut": 1, "Next": "NOPE"}"#,
            r#""B": {"Type": "Map", "ItemBatcher": {}, "Iterator": {"StartAt": "D", "States": {"D": {"Type": "Wait", "Seconds": 60000, "End": true}}}, "End": true}"#,
        ],
        &[
            r#"SCHEMA_VALIDATION_FAILED 2 "Reslut" | did you mean "Result"?"#,
            r#"MISSING_TRANSITION_TARGET 2 "NOPE" | the states of this machine are: A, B"#,
            r#"MISSING_TRANSITION_TARGET 3 "B" | let a Next"#,
            r#"NOT_SUPPORTED_YET 3 "ItemBatcher" | "#,
            "UNIT_DOUBTFUL 3 60000 | if milliseconds were meant, write 60",
        ],
    );
}

#[test]
fn a_text_that_is_no_json_is_pointed_into() {
    for (text, expected) in [
        ("{\n  \"StartAt\": \"A\",\n}", "SYNTAX 3 } | take the comma"),
        ("{ // first\n}", "SYNTAX 1 / | JSON has no comments"),
        ("{'a': 1}", "SYNTAX 1 ' | texts stand in double quotes"),
        ("{\"é\": x}", "SYNTAX 1 x | "),
        ("{\"a\": 1", "SYNTAX 1 1 | something that was opened"),
        ("", "SYNTAX 1  | something"),
        ("[]", "SCHEMA_VALIDATION_FAILED 1 [ | "),
    ] {
        let found = found(text);
        assert_eq!(found.len(), 1, "{text:?} {found:?}");
        assert!(found[0].starts_with(expected), "{text:?} {found:?}");
    }
}

#[test]
fn retries_and_catchers_that_surprise_are_warned_of() {
    let catch = |names: &str| {
        format!(r#""A": {{{TIMED}, "Catch": [{names}], "End": true}}, "B": {{"Type": "Succeed"}}"#)
    };
    let retry = |entries: &str| format!(r#""A": {{{TIMED}, "Retry": [{entries}], "End": true}}"#);
    for (state, expected) in [
        (
            catch(r#"{"ErrorEquals": ["States.Runtime"], "Next": "B"}"#),
            &["NEVER_CAUGHT 2 "][..],
        ),
        (
            catch(r#"{"ErrorEquals": ["State.ALL"], "Next": "B"}"#),
            &[r#"UNKNOWN_ERROR_NAME 2 "State.ALL" | did you mean "States.ALL"?"#],
        ),
        (
            catch(
                r#"{"ErrorEquals": ["States.ALL"], "Next": "A"}, {"ErrorEquals": ["X"], "Next": "B"}"#,
            ),
            &["SCHEMA_VALIDATION_FAILED", "CATCHES_ITSELF"],
        ),
        (
            retry(
                r#"{"ErrorEquals": ["States.TaskFailed", "States.Timeout"]}, {"ErrorEquals": ["Busy"]}"#,
            ),
            &[
                r#"NEVER_MATCHED 2 "Busy" | "States.TaskFailed" in an earlier entry always comes first; this whole entry"#,
            ],
        ),
        (
            retry(r#"{"ErrorEquals": ["A", "B"]}, {"ErrorEquals": ["B", "C"]}"#),
            &[r#"NEVER_MATCHED 2 "B" | "B" in an earlier entry always comes first"#],
        ),
        (
            retry(r#"{"ErrorEquals": ["States.TaskFailed"]}"#),
            &["TIMEOUT_NOT_CAUGHT"],
        ),
        (
            retry(r#"{"ErrorEquals": ["States.HeartbeatTimeout"]}"#),
            &["NO_HEARTBEAT"],
        ),
        (
            retry(r#"{"ErrorEquals": ["A"], "MaxAttempts": 30}"#),
            &["RETRIES_OUTLAST"],
        ),
        (
            retry(r#"{"ErrorEquals": ["A"], "MaxAttempts": 30, "MaxDelaySeconds": 60}"#),
            &[],
        ),
        (
            catch(r#"{"ErrorEquals": ["X"], "Next": "B"}"#)
                .replace("Succeed", "Fail\", \"Error\": \"E"),
            &["REDRIVE_FAILS_AGAIN"],
        ),
        (
            catch(r#"{"ErrorEquals": ["States.ALL"], "Next": "B"}"#)
                .replace("\"Catch\"", "\"InputPath\": \"$.a\", \"Catch\""),
            &["RUNTIME_NOT_CAUGHT"],
        ),
    ] {
        check(&[&state], expected);
    }
}

#[test]
fn what_is_taken_and_then_surprises_is_warned_of() {
    for (state, expected) in [
        (
            r#""A": {"Type": "Task", "Resource": "LAMBDA", "End": true}"#,
            &["NO_TIMEOUT 2"][..],
        ),
        (
            r#""A": {"Type": "Task", "Resource": "LAMBDA", "TimeoutSeconds": 5, "ResultSelector": {}, "ResultPath": null, "End": true}"#,
            &["RESULT_DROPPED"],
        ),
        (
            r#""A": {"Type": "Pass", "Parameters": {"id": "$.id", "at.$": "$.at"}, "End": true}"#,
            &[r#"NOT_EVALUATED 2 "$.id" | to evaluate it, call the field "id.$""#],
        ),
        (
            r#""A": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": {"a": "x {% 1 %} y", "b": "{% 1 %}", "c": "$states.input"}, "End": true}"#,
            &["NOT_EVALUATED 2", "NOT_EVALUATED 2"],
        ),
        (
            r#""A": {"Type": "Pass", "Result": {"a.$": "$.b"}, "End": true}"#,
            &["NOT_EVALUATED"],
        ),
        (
            r#""A": {"Type": "Wait", "Seconds": 3600000, "End": true}"#,
            &["UNIT_DOUBTFUL 2 3600000 | if milliseconds were meant, write 3600"],
        ),
        (
            r#""A": {"Type": "Wait", "Seconds": 36000, "End": true}"#,
            &[],
        ),
        (
            r#""A": {"Type": "Wait", "Timestamp": "2030-01-01T00:00:00Z", "End": true}"#,
            &["FIXED_TIMESTAMP"],
        ),
        (r#""A": {"Type": "Fail"}"#, &["FAIL_WITHOUT_ERROR"]),
        (
            r#""A": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"QueueUrl": "q"}, "TimeoutSeconds": 5, "End": true}"#,
            &["TOKEN_NOT_PASSED"],
        ),
        (
            r#""A": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"t.$": "$$.Task.Token"}, "TimeoutSeconds": 5, "End": true}"#,
            &[],
        ),
        (
            r#""A": {"Type": "Pass", "End": true, "End": true}"#,
            &[r#"DUPLICATE_KEY 2 "End" |"#],
        ),
    ] {
        check(&[state], expected);
    }
}

#[test]
fn what_takes_longer_than_the_machine_may_is_warned_of() {
    let text = r#"{"StartAt": "A", "TimeoutSeconds": 60, "States": {"A": {"Type": "Wait", "Seconds": 60, "End": true}}}"#;
    assert_eq!(found(text).len(), 1, "{:?}", found(text));
    assert!(found(text)[0].starts_with("TIMEOUT_TOO_LATE 1 60 |"));
    assert!(found(&text.replace("\"Seconds\": 60", "\"Seconds\": 59")).is_empty());
}

#[test]
fn rules_that_are_never_used_are_found_with_the_states_behind_them() {
    let rule =
        |test: &str, next: &str| format!(r#"{{"Variable": "$.a", {test}, "Next": "{next}"}}"#);
    let (one, two) = (
        rule(r#""IsPresent": true"#, "B"),
        rule(r#""IsPresent": false"#, "C"),
    );
    let choice = |rules: &[&str], default: &str| {
        format!(
            r#""A": {{"Type": "Choice", "Choices": [{}]{default}}}"#,
            rules.join(", ")
        )
    };
    let ends = r#""B": {"Type": "Succeed"}, "C": {"Type": "Succeed"}"#;
    for (state, expected) in [
        (choice(&[&one, &two], ""), &[][..]),
        (
            choice(&[&one, &one], r#", "Default": "C""#),
            &["RULE_NEVER_USED 2 {"],
        ),
        (
            choice(
                &[
                    &rule(r#""StringEquals": "x""#, "B"),
                    &rule(r#""StringEquals": "y""#, "C"),
                ],
                "",
            ),
            &["NO_DEFAULT 2 \"A\""],
        ),
        (
            choice(
                &[&one, &rule(r#""IsPresent": false"#, "B")],
                r#", "Default": "C""#,
            ),
            &["RULE_NEVER_USED", "NEVER_CHOSEN 3 \"C\""],
        ),
    ] {
        check(&[&state, ends], expected);
    }
}

#[test]
fn a_result_cannot_be_put_under_a_name_into_a_list() {
    let list = r#""A": {"Type": "Map", "Iterator": {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}}, "Next": "B"}"#;
    let put =
        |path: &str| format!(r#""B": {{"Type": "Pass", "ResultPath": "{path}", "End": true}}"#);
    check(&[list, &put("$.x")], &["RESULT_INTO_LIST 3 \"$.x\""]);
    check(&[list, &put("$[0]")], &[]);
    check(
        &[
            &list.replace("\"Next\"", "\"ResultPath\": \"$.m\", \"Next\""),
            &put("$.x"),
        ],
        &[],
    );

    let text = machine(&[r#""A": {"Type": "Pass", "ResultPath": "$.x", "End": true}"#]);
    let of = |input_is_list| Lint::of(&text, Options { input_is_list }).findings().len();
    assert_eq!((of(false), of(true)), (0, 1));
}

#[test]
fn the_shipped_definitions_have_neither_errors_nor_warnings() {
    for text in [
        include_str!("../../../workflows/payment.asl.json"),
        include_str!("../../../workflows/notify.asl.json"),
    ] {
        let lint = Lint::of(
            text,
            Options {
                input_is_list: true,
            },
        );
        let grave: Vec<_> = lint.findings().iter().collect();
        let grave: Vec<_> = grave
            .iter()
            .filter(|it| it.code.severity() != Severity::Note)
            .collect();
        assert!(grave.is_empty(), "{grave:#?}");
    }
}

/// Lint refuses exactly what the parser refuses, and every finding points into the document.
#[test]
fn lint_and_the_parser_agree_on_every_recorded_definition() {
    let Some(cases) = cases() else { return };
    let mut definitions: Vec<Value> = Vec::new();
    for (name, field) in [
        ("executions", "definition"),
        ("definition_validation", "definition"),
    ] {
        definitions.extend(section(&cases, name).iter().map(|case| case[field].clone()));
    }
    for name in ["definition_errors", "validate_definition"] {
        let requests = section(&cases, name).iter();
        definitions.extend(requests.map(|case| case["request"]["definition"].clone()));
    }
    assert!(definitions.len() > 100);
    for definition in definitions {
        let text = serde_json::to_string_pretty(&definition).unwrap();
        let lint = Lint::of(&text, Options::default());
        let is_refused = Definition::parse(&text).is_err();
        assert_eq!(lint.count(Severity::Error) > 0, is_refused, "{text}");
        for finding in lint.findings() {
            assert!(
                definition.pointer(&finding.pointer).is_some(),
                "{finding:?}"
            );
            assert!(!finding.message.is_empty() && finding.span.bytes.end <= text.len());
            let line = text.lines().nth(finding.span.line - 1).unwrap();
            let shown: String = line
                .chars()
                .skip(finding.span.column - 1)
                .take(finding.span.length)
                .collect();
            assert_eq!(shown, &text[finding.span.bytes.clone()], "{finding:?}");
        }
    }
}

#[test]
fn codes_have_names_of_their_own() {
    let mut names: Vec<&str> = Code::OWN.iter().map(|code| code.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Code::OWN.len());
}
