//! Mocked runs in the format of AWS Step Functions Local.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use asl::advance::Run;
use asl::context::MachineType;
use asl::definition::Definition;
use asl::mock::{MockConfig, MockError, MockedRun, run};
use common::drive::context;
use serde_json::{Value, json};

const CONFIG: &str = r#"{
    "StateMachines": {
        "Payments": {
            "TestCases": {
                "HappyPath": {"Charge": "Charged"},
                "Recovers": {"Charge": "FailsTwice"},
                "Unmocked": {},
                "Broken": {"Charge": "Nowhere"},
                "Misnumbered": {"Charge": "Misnumbered"}
            }
        }
    },
    "MockedResponses": {
        "Charged": {"0": {"Return": {"StatusCode": 200}}},
        "FailsTwice": {
            "0": {"Throw": {"Error": "Busy", "Cause": "later"}},
            "1-2": {"Throw": {"Error": "Busy"}},
            "3": {"Return": {"StatusCode": 200}}
        },
        "Misnumbered": {"2-1": {"Return": {}}}
    }
}"#;

fn play(case: &str) -> Result<MockedRun, MockError> {
    let definition = Definition::parse(
        &json!({"StartAt": "Charge", "States": {
            "Charge": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 2}], "Next": "Rest"},
            "Rest": {"Type": "Wait", "Seconds": 3600, "End": true},
        }})
        .to_string(),
    )
    .unwrap();
    let context = context(MachineType::Standard);
    let input = json!({"amount": 1});
    let mocks = MockConfig::parse(CONFIG)?.mocks("Payments", case)?;
    run(
        Run {
            definition: &definition,
            context: &context,
            input: &input,
        },
        &mocks,
        1,
    )
}

#[test]
fn time_passes_only_in_the_books() {
    let start = context(MachineType::Standard).start_time.0;
    let happy = play("HappyPath").unwrap();
    assert_eq!(
        happy.execution.output(&Value::Null),
        Some(&json!({"StatusCode": 200}))
    );
    assert_eq!(happy.ended_at.0 - start, 3_600_000);
    let recovers = play("Recovers").unwrap();
    assert_eq!(
        recovers.execution.output(&Value::Null),
        Some(&json!({"StatusCode": 200}))
    );
    assert_eq!(recovers.ended_at.0 - start, 14_000 + 3_600_000);
    let failures = recovers
        .history
        .iter()
        .filter(|event| event.event_type() == "TaskFailed");
    assert_eq!(failures.count(), 3);
}

#[test]
fn what_is_not_mocked_is_said() {
    for (case, expected) in [
        (
            "Unmocked",
            "state 'Charge' has no mocked response for invocation 0",
        ),
        (
            "Broken",
            "state 'Charge' names the mocked response 'Nowhere', which does not exist",
        ),
        (
            "Misnumbered",
            "'2-1' in the mocked response 'Misnumbered' is neither a number nor a range",
        ),
        (
            "NoSuchCase",
            "no test case 'NoSuchCase' in the mock configuration",
        ),
    ] {
        assert_eq!(play(case).unwrap_err().to_string(), expected);
    }
}

#[test]
fn the_cases_are_listed() {
    let config = MockConfig::parse(CONFIG).unwrap();
    assert_eq!(config.cases().len(), 5);
    assert_eq!(config.cases()[1], ("Payments", "HappyPath"));
    for text in [
        "",
        "{}}",
        r#"{"Machines": {}}"#,
        r#"{"MockedResponses": {"R": {"0": {"Give": 1}}}}"#,
    ] {
        assert!(
            matches!(MockConfig::parse(text), Err(MockError::Malformed(_))),
            "{text}"
        );
    }
}
