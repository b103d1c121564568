//! `payhook workflow lint` and `payhook workflow run`.

use serde_json::{Value, json};

use super::home::Home;

const OURS: &str = "arn:aws:lambda:us-east-1:000000000000:function:payment-processor";
const THEIRS: &str = "arn:aws:lambda:us-east-1:000000000000:function:notify";

const MOCKS: &str = r#"{
  "StateMachines": {"pay": {"TestCases": {
    "Recovers": {"Pay": "BusyTwice"},
    "Fails": {"Pay": "Declined"}
  }}},
  "MockedResponses": {
    "BusyTwice": {"0-1": {"Throw": {"Error": "Busy", "Cause": "later"}}, "2": {"Return": {"id": 7}}},
    "Declined": {"0": {"Throw": {"Error": "Declined", "Cause": "no money"}}}
  }
}"#;

/// A task that is retried while it is busy, and a rest of an hour.
fn machine(resource: &str) -> String {
    json!({"StartAt": "Pay", "States": {
        "Pay": {
            "Type": "Task",
            "Resource": resource,
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "BackoffRate": 2.0}],
            "Next": "Rest",
        },
        "Rest": {"Type": "Wait", "Seconds": 3600, "End": true},
    }})
    .to_string()
}

fn home() -> Home {
    Home::new(&[
        ("pay.json", &machine(OURS)),
        ("notify.json", &machine(THEIRS)),
        ("mocks.json", MOCKS),
        (
            "broken.json",
            r#"{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "C": {"Type": "Pass", "Next": "D"}}}"#,
        ),
        (
            "payhook.toml",
            &format!("[tasks.\"{THEIRS}\"]\nurl = \"http://127.0.0.1:1/\"\n"),
        ),
    ])
}

#[test]
fn the_shipped_definition_is_sound() {
    home()
        .run("workflow lint")
        .says(0, &["payment.asl.json is sound: 8 states"]);
    let report = home().run("--json workflow lint").json(0);
    assert_eq!(report["ok"], true);
    assert_eq!(report["startAt"], "TakeRecord");
    assert_eq!(
        report["states"][0],
        json!({"name": "TakeRecord", "type": "Pass"})
    );
    assert_eq!(report["problems"], json!([]));
}

#[test]
fn every_problem_is_listed_with_its_place() {
    let ended = home().run("workflow lint broken.json");
    ended.says(
        1,
        &[
            "problem: /States/A/Next: ",
            "problem: /States/C/Next: ",
            "broken.json has",
        ],
    );
    let report = home().run("--json workflow lint broken.json").json(1);
    let problems = report["problems"].as_array().unwrap();
    assert!(problems.len() >= 2, "{report}");
    assert_eq!(
        problems
            .iter()
            .filter(|it| it["location"] == "/States/A/Next")
            .count(),
        1
    );
}

#[test]
fn a_task_that_nobody_does_is_a_problem_until_it_is_mapped() {
    home()
        .run("workflow lint pay.json")
        .says(0, &["pay.json is sound"]);
    home().run("workflow lint notify.json").says(
        1,
        &["/States/Pay/Resource: nobody does", "RESOURCE_NOT_SERVED"],
    );
    home()
        .run("--config payhook.toml workflow lint notify.json")
        .says(0, &["notify.json is sound"]);
}

#[test]
fn the_function_of_a_lambda_invocation_is_checked_where_it_is_known() {
    let check = |parameters: Value, code: i32| {
        let text = json!({"StartAt": "A", "States": {"A": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": parameters,
            "End": true,
        }}})
        .to_string();
        let ended = home().run_with(&["workflow", "lint", "-"], &[], &text);
        assert_eq!(ended.code, code, "{parameters} {ended:?}");
    };
    check(json!({"FunctionName": "payment-processor-dev"}), 0);
    check(json!({"FunctionName": OURS}), 0);
    check(json!({"FunctionName": "notify"}), 1);
    check(json!({"FunctionName.$": "$.function"}), 0);
}

#[test]
fn a_mocked_run_prints_status_output_and_history_in_virtual_time() {
    let ended = home()
        .run("workflow run --definition pay.json --mock mocks.json --test-case Recovers --at 0");
    ended.says(
        0,
        &[
            "id  prev  time        type                     state  details\n",
            "1   0     0.000 s     ExecutionStarted                in {}\n",
            "LambdaFunctionFailed     Pay    Busy: later\n",
            "WaitStateExited          Rest   out {\"id\":7}\n",
            "SUCCEEDED after 3606.000 s of virtual time\n",
            "output  {\n  \"id\": 7\n}\n",
        ],
    );
}

#[test]
fn the_json_of_a_run_has_the_shape_of_the_api() {
    let report = home()
        .run("--json workflow run --definition pay.json --mock mocks.json --test-case Fails --at 0 --name one")
        .json(1);
    assert_eq!(report["status"], "FAILED");
    assert_eq!(report["name"], "one");
    assert_eq!(report["error"], "Declined");
    assert_eq!(report["cause"], "no money");
    assert_eq!(
        report["executionArn"],
        "arn:aws:states:us-east-1:000000000000:execution:pay:one"
    );
    assert_eq!(
        report["events"][0],
        json!({
            "timestamp": report["startDate"],
            "type": "ExecutionStarted",
            "id": 1,
            "previousEventId": 0,
            "executionStartedEventDetails": report["events"][0]["executionStartedEventDetails"],
        })
    );
    let types: Vec<&str> = report["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "ExecutionStarted",
            "TaskStateEntered",
            "LambdaFunctionScheduled",
            "LambdaFunctionStarted",
            "LambdaFunctionFailed",
            "ExecutionFailed",
        ]
    );
}

#[test]
fn what_cannot_be_run_ends_with_2_and_says_what_to_do() {
    for (arguments, text) in [
        (
            "--definition pay.json",
            "say with --mock what each one answers",
        ),
        (
            "--definition broken.json",
            "`payhook workflow lint` explains",
        ),
        (
            "--definition pay.json --input nothing.json",
            "cannot read nothing.json",
        ),
        ("--definition pay.json --input {", "the input is not JSON"),
        ("--definition pay.json --test-case A", "--mock <FILE>"),
        (
            "--definition pay.json --mock mocks.json",
            "--state-machine pay --test-case Fails",
        ),
        (
            "--definition pay.json --mock mocks.json --test-case No",
            "no test case fits",
        ),
        (
            "--definition pay.json --mock pay.json",
            "not a mock configuration",
        ),
    ] {
        home()
            .run(&format!("workflow run {arguments}"))
            .says(2, &[text]);
    }
}
