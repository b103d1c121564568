//! What the service refuses, we refuse in the same words; what it takes and we cannot run, we
//! refuse as not supported yet.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use asl::context::MachineType;
use asl::definition::Definition;
use asl::problem::{Problem, ProblemCode, invalid_definition_text};
use common::document::{Row, keep};
use common::drive::machine_type;
use common::{IN_A_BUCKET, cases, is_in_scope, not_run, report, section};
use serde_json::{Value, json};

fn parse(definition: &Value, machine_type: MachineType) -> Result<(), Vec<Problem>> {
    Definition::parse_as(&definition.to_string(), machine_type).map(|_| ())
}

/// Recorded errors that cannot be given, each with the reason.
const ERRORS_EXCUSED: &[(&str, &str)] = &[(
    "test_illegal_activity_task@creation_error",
    "the case holds a stand-in where the recorded call had the ARN of an activity",
)];

#[test]
fn errors_are_worded_as_recorded() {
    let Some(cases) = cases() else { return };
    let results: Vec<_> = section(&cases, "definition_errors")
        .iter()
        // The other errors are about calls of the API, not about definitions.
        .filter(|case| case["expect_error"] == "InvalidDefinition" && is_judged(&case["request"]))
        .map(|case| (case["name"].as_str().unwrap().to_owned(), check_error(case)))
        .collect();
    let is_definition = |case: &Value| case["expect_error"] == "InvalidDefinition";
    let all = section(&cases, "definition_errors");
    let mut later = not_run(
        all,
        |case| !is_definition(case) || is_judged(&case["request"]),
        IN_A_BUCKET,
    );
    let call = "it is about a call of the API, and not about a definition";
    later.extend(not_run(all, is_definition, call));
    let row = Row {
        what: "errors",
        results: results.iter().collect(),
        not_run: later,
    };
    keep("definition errors", &[row], ERRORS_EXCUSED);
    report("definition errors", &results, ERRORS_EXCUSED);
}

/// A definition with what cannot run yet is only judged where it is wrong all the same.
fn is_judged(request: &Value) -> bool {
    let problems = parse(&request["definition"], machine_type(request))
        .err()
        .unwrap_or_default();
    is_in_scope(&request["definition"])
        || problems
            .iter()
            .any(|problem| problem.code != ProblemCode::NotSupportedYet)
}

fn check_error(case: &Value) -> Result<(), String> {
    let request = &case["request"];
    let problems = match parse(&request["definition"], machine_type(request)) {
        Ok(()) => return Err("accepted".to_owned()),
        Err(problems) => problems,
    };
    let expected = case["expect_message"].as_str().unwrap();
    // Some recordings hold the message as the SDK prints it.
    let expected = match expected.split_once(" operation: ") {
        Some((_, message)) => message,
        None => expected,
    };
    let found = invalid_definition_text(&problems);
    if found == expected {
        Ok(())
    } else {
        Err(format!("expected {expected}, found {found}"))
    }
}

#[test]
fn diagnostics_are_as_recorded() {
    let Some(cases) = cases() else { return };
    let results: Vec<_> = section(&cases, "validate_definition")
        .iter()
        .filter(|case| {
            case["expect"]["result"] == "FAIL" || is_in_scope(&case["request"]["definition"])
        })
        .map(|case| {
            (
                case["name"].as_str().unwrap().to_owned(),
                check_diagnostics(case),
            )
        })
        .collect();
    let is_run = |case: &Value| {
        case["expect"]["result"] == "FAIL" || is_in_scope(&case["request"]["definition"])
    };
    let row = Row {
        what: "diagnostics",
        results: results.iter().collect(),
        not_run: not_run(section(&cases, "validate_definition"), is_run, IN_A_BUCKET),
    };
    keep("diagnostics", &[row], &[]);
    report("diagnostics", &results, &[]);
}

fn check_diagnostics(case: &Value) -> Result<(), String> {
    let request = &case["request"];
    let text = match request["definition_text"].as_str() {
        Some(text) => text.to_owned(),
        None => request["definition"].to_string(),
    };
    let problems = Definition::parse_as(&text, machine_type(request))
        .err()
        .unwrap_or_default();
    let found: Vec<Value> = problems
        .iter()
        .map(|problem| {
            let mut diagnostic = json!({
                "code": problem.code.as_str(), "message": problem.message, "severity": "ERROR",
            });
            if let Some(location) = &problem.location {
                diagnostic["location"] = location.as_str().into();
            }
            diagnostic
        })
        .collect();
    let expected = &case["expect"]["diagnostics"];
    if *expected == Value::Array(found.clone()) {
        return Ok(());
    }
    Err(format!("expected {expected}, found {found:?}"))
}

/// Expectations of linters, where the service or the language says otherwise.
const LINTERS_EXCUSED: &[(&str, &str)] = &[
    (
        "statelint/task-with-credentials",
        "the service requires RoleArn in Credentials (recorded: test_invalid_credentials_field)",
    ),
    (
        "asl-validator/valid-task-credentials",
        "the service requires RoleArn in Credentials (recorded: test_invalid_credentials_field)",
    ),
    (
        "asl-validator/valid-current-value-predicate",
        "its filter compares with a bare word, which is no literal in the Jayway dialect",
    ),
    (
        "asl-validator/valid-task-intrisic-function",
        "its Resources are CloudFormation objects, not yet a state machine",
    ),
    (
        "asl-validator/invalid-json-surround-syntax-extra-spaces",
        "a rule of style: the developer guide only speaks of spaces around the delimiters",
    ),
    (
        "asl-validator/invalid-jsonata-surround-syntax-no-spaces",
        "a rule of style: the developer guide only speaks of spaces around the delimiters",
    ),
    (
        "asl-validator/valid-assign",
        "its variable is called top-level; a name has letters, digits and underscores (developer \
         guide, Passing data between states with variables)",
    ),
];

#[test]
fn linters_agree() {
    let Some(cases) = cases() else { return };
    let results: Vec<_> = section(&cases, "definition_validation")
        .iter()
        .filter(|case| is_in_scope(&case["definition"]))
        .map(|case| {
            let found = parse(&case["definition"], MachineType::Standard);
            let result = match (&found, case["expect"] == "valid") {
                (Ok(()), true) | (Err(_), false) => Ok(()),
                (Ok(()), false) => Err("accepted, a linter refuses it".to_owned()),
                (Err(problems), true) => Err(invalid_definition_text(problems)),
            };
            (case["name"].as_str().unwrap().to_owned(), result)
        })
        .collect();
    let is_run = |case: &Value| is_in_scope(&case["definition"]);
    let row = Row {
        what: "verdicts",
        results: results.iter().collect(),
        not_run: not_run(
            section(&cases, "definition_validation"),
            is_run,
            IN_A_BUCKET,
        ),
    };
    keep("linters", &[row], LINTERS_EXCUSED);
    report("linters", &results, LINTERS_EXCUSED);
}

#[test]
fn what_linters_allow_is_at_most_not_supported_yet() {
    let Some(cases) = cases() else { return };
    let results: Vec<_> = section(&cases, "definition_validation")
        .iter()
        .filter(|case| case["expect"] == "valid" && !is_in_scope(&case["definition"]))
        .map(|case| {
            let problems = parse(&case["definition"], MachineType::Standard).unwrap_err();
            let is_only_later = problems
                .iter()
                .all(|problem| problem.code == ProblemCode::NotSupportedYet);
            let result = if is_only_later {
                Ok(())
            } else {
                Err(invalid_definition_text(&problems))
            };
            (case["name"].as_str().unwrap().to_owned(), result)
        })
        .collect();
    report("linters, later", &results, &[]);
}

/// Not in the recorded part: what `ValidateStateMachineDefinition` was reported to answer
/// (floci-io/floci issue 2735 and pull request 2786, measured on AWS in 2026).
#[test]
fn transitions_are_checked_in_the_order_of_the_service() {
    let pass = |next: &str| json!({"Type": "Pass", "Next": next});
    let end = json!({"Type": "Pass", "End": true});
    for (states, expected) in [
        (
            json!({"A": pass("B"), "B": pass("A")}),
            "MISSING_END_STATE: Workflow has no terminal state at null",
        ),
        (
            json!({"A": pass("B"), "B": pass("A"), "C": pass("A")}),
            "MISSING_END_STATE: Workflow has no terminal state at null",
        ),
        (
            json!({"A": pass("B"), "B": pass("A"), "C": end}),
            "MISSING_TRANSITION_TARGET: State \"C\" is not reachable. at /States/C",
        ),
        (
            json!({"A": pass("NOPE")}),
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: NOPE at /States/A/Next, MISSING_END_STATE: Workflow has no terminal state at null",
        ),
        (
            json!({"A": {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": true, "Next": "NOPE"}], "Default": "B"}, "B": end}),
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: NOPE at /States/A/Choices[0]/Next",
        ),
        (
            json!({"A": {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": true, "Next": "B"}], "Default": "NOPE"}, "B": end}),
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: NOPE at /States/A/Default",
        ),
        (
            json!({"A": {"Type": "Pass", "End": true, "Catch": []}}),
            "SCHEMA_VALIDATION_FAILED: Field 'Catch' is not supported at /States/A",
        ),
        (
            json!({"A": {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": true}], "Default": "B"}, "B": end}),
            "SCHEMA_VALIDATION_FAILED: These fields are required: [Next] at /States/A/Choices[0]",
        ),
    ] {
        let definition = json!({"StartAt": "A", "States": states});
        let problems = parse(&definition, MachineType::Standard).unwrap_err();
        let expected = format!("Invalid State Machine Definition: '{expected}'");
        assert_eq!(invalid_definition_text(&problems), expected, "{definition}");
    }
}

#[test]
fn what_cannot_run_yet_is_refused_as_that() {
    let machine = json!({"ProcessorConfig": {"Mode": "DISTRIBUTED"}, "StartAt": "S",
        "States": {"S": {"Type": "Succeed"}}});
    let map = json!({"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": machine,
        "ItemBatcher": {"MaxItemsPerBatch": 2}, "End": true}}});
    let problems = parse(&map, MachineType::Standard).unwrap_err();
    assert_eq!(problems.len(), 1);
    for problem in problems {
        assert_eq!(problem.code, ProblemCode::NotSupportedYet);
        assert!(problem.message.contains("not supported yet"));
    }
}
