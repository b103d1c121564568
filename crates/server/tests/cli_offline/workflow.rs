//! `payhook workflow`: lint, run, test and graph.

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
            "TimeoutSeconds": 60,
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
            "{\"StartAt\": \"A\",\n\
             \"States\": {\"A\": {\"Type\": \"Pass\",              \"Next\": \"Pya\"},\n\
             \"Pay\": {\"Type\": \"Wait\", \"Seconds\": 60000, \"Nxet\": \"A\", \"End\": true}}}",
        ),
        (
            "slow.json",
            &json!({"StartAt": "A", "States": {
                "A": {"Type": "Task", "Resource": OURS, "Catch": [
                    {"ErrorEquals": ["X"], "Next": "B"},
                ], "End": true},
                "B": {"Type": "Fail"},
            }})
            .to_string(),
        ),
        ("broken.toml", "[workflow]\ndefinition = \"broken.json\"\n"),
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
    let file = &report["files"][0];
    assert_eq!(file["startAt"], "TakeRecord");
    assert_eq!(
        file["states"][0],
        json!({"name": "TakeRecord", "type": "Pass"})
    );
    assert_eq!(file["findings"], json!([]));
}

#[test]
fn everything_is_found_with_its_line_and_what_to_do() {
    let ended = home().run("workflow lint broken.json pay.json");
    ended.says(
        1,
        &[
            "error[MISSING_TRANSITION_TARGET]: Missing 'Next' target: Pya",
            "--> broken.json:2:55",
            "help: did you mean \"Pay\"?",
            "error[SCHEMA_VALIDATION_FAILED]: Field 'Nxet' is not supported",
            "broken.json has 2 errors and 1 warning.",
            "pay.json is sound",
        ],
    );
    let report = home().run("--json workflow lint broken.json").json(1);
    assert_eq!(
        (&report["errors"], &report["warnings"]),
        (&json!(2), &json!(1))
    );
    let finding = &report["files"][0]["findings"][0];
    assert_eq!(
        *finding,
        json!({
            "code": "MISSING_TRANSITION_TARGET", "severity": "error",
            "message": "Missing 'Next' target: Pya", "help": "did you mean \"Pay\"?",
            "location": "/States/A/Next", "pointer": "/States/A/Next",
            "line": 2, "column": 55, "length": 5,
        })
    );
}

#[test]
fn warnings_fail_the_check_where_that_is_asked_for_and_notes_are_shown_where_they_are() {
    let home = home();
    home.run("workflow lint slow.json").says(
        0,
        &[
            "warning[NO_TIMEOUT]",
            "slow.json can be run, and has 1 warning.",
        ],
    );
    home.run("workflow lint --deny-warnings slow.json")
        .says(1, &["NO_TIMEOUT"]);
    home.run("workflow lint --notes slow.json")
        .says(0, &["note[FAIL_WITHOUT_ERROR]"]);
    let quiet = home.run("workflow lint slow.json");
    assert!(!quiet.stdout.contains("FAIL_WITHOUT_ERROR"), "{quiet:?}");
}

/// A start that a workflow prevents, and a check of the configuration, say what lint says.
#[test]
fn the_configuration_is_refused_in_the_same_words() {
    let home = home();
    for command in ["config check", "serve --dev"] {
        let ended = home.run(&format!("--config broken.toml {command}"));
        let code = ended.code;
        assert_ne!(code, 0, "{ended:?}");
        ended.says(
            code,
            &[
                "broken.json has 2 errors:",
                "broken.json:2:55",
                "help: did you mean \"Pay\"?",
            ],
        );
    }
}

#[test]
fn a_task_that_nobody_does_is_a_problem_until_it_is_mapped() {
    home()
        .run("workflow lint pay.json")
        .says(0, &["pay.json is sound"]);
    home().run("workflow lint notify.json").says(
        1,
        &["error[RESOURCE_NOT_SERVED]: state Pay calls", "[tasks."],
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
            "TimeoutSeconds": 60,
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
        ("--definition broken.json", "broken.json is refused:"),
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

/// A fan of tasks, one of them slow, then a Map whose items wait.
fn fan() -> String {
    json!({"StartAt": "Fan", "States": {
        "Fan": {"Type": "Parallel", "Branches": [
            {"StartAt": "Slow", "States": {"Slow": {"Type": "Task", "Resource": OURS,
                "TimeoutSeconds": 30, "End": true}}},
            {"StartAt": "Quick", "States": {"Quick": {"Type": "Task", "Resource": OURS,
                "TimeoutSeconds": 30, "End": true}}},
        ], "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Late"}], "Next": "Each"},
        "Each": {"Type": "Map", "ItemProcessor": {"StartAt": "Rest", "States": {
            "Rest": {"Type": "Wait", "QueryLanguage": "JSONata", "Seconds": "{% $states.input %}",
                "End": true}}}, "MaxConcurrency": 1, "End": true},
        "Late": {"Type": "Succeed"},
    }})
    .to_string()
}

fn scenarios(expect: &Value) -> String {
    json!({"Definition": "fan.json", "Scenarios": [{
        "Name": "both <answer>",
        "Mocks": {
            "Slow": [{"Return": 2, "AfterSeconds": 20}],
            "Quick": [{"When": {}, "Return": 3}],
        },
        "Expect": expect,
    }]})
    .to_string()
}

#[test]
fn the_shipped_workflows_do_what_their_scenarios_say_and_nothing_is_left_out() {
    let workflows = concat!(env!("CARGO_MANIFEST_DIR"), "/../../workflows");
    home()
        .run(&format!(
            "workflow test {workflows}/payment.test.json {workflows}/notify.test.json \
             --coverage --min-coverage 100"
        ))
        .says(0, &["8 passed, 0 failed", "100 %"]);
}

#[test]
fn scenarios_run_branches_and_items_in_virtual_time() {
    let expect = json!({"Status": "SUCCEEDED", "Output": [2, 3], "Seconds": 25,
        "Path": ["Fan", "Slow", "Quick", "Each", "Rest", "Rest"], "OutputHas": [2, 3]});
    let home = Home::new(&[("fan.json", &fan()), ("good.json", &scenarios(&expect))]);
    home.run("workflow test good.json --coverage").says(
        0,
        &[
            "PASS  both <answer>  25.000 s virtual",
            "coverage of fan.json: 75 %, states 5 of 6, ways 1 of 2",
            "never: state Late",
            "never: way Fan → Late (catch)",
        ],
    );
    let report = home.run("--json workflow test good.json").json(0);
    assert_eq!(report["files"][0]["scenarios"][0]["virtualMillis"], 25000);
    home.run("workflow test good.json --min-coverage 90")
        .says(1, &["1 passed, 0 failed", "75 %"]);
}

#[test]
fn what_is_not_as_expected_is_shown_line_by_line_and_told_to_build_servers() {
    let expect = json!({"Status": "SUCCEEDED", "Output": [2, 4], "Path": ["Fan", "Each"],
        "Seconds": 24, "Calls": {"Quick": []}});
    let home = Home::new(&[
        ("fan.json", &fan()),
        ("bad.json", &scenarios(&expect)),
        (
            "unmocked.json",
            r#"{"Definition": "fan.json", "Scenarios": [
            {"Name": "x", "Mocks": {"Slow": [{"Never": true}]}, "Expect": {}}]}"#,
        ),
        (
            "never.json",
            r#"{"Definition": "fan.json", "Scenarios": [
            {"Name": "late", "Mocks": {"Slow": [{"Never": true}], "Quick": [{"Return": 1}]},
             "Expect": {"Status": "SUCCEEDED", "Path": ["Fan", "Slow", "Quick", "Late"], "Seconds": 30}}]}"#,
        ),
        (
            "spare.json",
            r#"{"Definition": "fan.json", "Scenarios": [
            {"Name": "x", "Mocks": {"Slow": [{"Never": true}], "Quick": [{"Return": 1, "Times": 3}],
             "Nope": [{"Return": 1}]}, "Expect": {}}]}"#,
        ),
        (
            "wrong.json",
            r#"{"Scenarios": [{"Name": "x", "Expected": {}}]}"#,
        ),
    ]);
    home.run("workflow test bad.json --junit report.xml").says(
        1,
        &[
            "FAIL  both <answer>",
            "output is not as expected:",
            "- ",
            "4",
            "+ ",
            "3",
            "path is not as expected:",
            "+ Slow",
            "- 24.000 s",
            "+ 25.000 s",
            "calls of Quick is not as expected",
            "it went Fan → Slow → Quick → Each → Rest → Rest",
            "0 passed, 1 failed",
        ],
    );
    let report = home.read("report.xml");
    assert!(
        report.contains("<testcase name=\"both &lt;answer&gt;\""),
        "{report}"
    );
    assert!(report.contains("failures=\"1\""), "{report}");
    home.run("workflow test never.json").says(0, &["1 passed"]);
    home.run("workflow test unmocked.json").says(
        1,
        &["state 'Quick' has no mocked response for invocation 0"],
    );
    home.run("workflow test spare.json").says(
        1,
        &[
            "answer 0 of Quick is not as expected",
            "asked for 1 ×",
            "Nope, which the definition",
        ],
    );
    home.run("workflow test wrong.json")
        .says(2, &["unknown field `Expected`"]);
    home.run("workflow test bad.json --only nothing")
        .says(2, &["no scenario fits"]);
}

#[test]
fn a_drawing_has_every_state_and_can_be_written_to_a_file() {
    let home = Home::new(&[("fan.json", &fan())]);
    let drawn = home.run("workflow graph fan.json");
    drawn.says(
        0,
        &[
            "<svg",
            "role=\"img\"",
            "branch 1",
            "for each item",
            "States.Timeout",
        ],
    );
    for state in ["Fan", "Slow", "Quick", "Each", "Rest", "Late"] {
        assert!(
            drawn.stdout.contains(&format!(">{state}</text>")),
            "{state}"
        );
    }
    home.run("workflow graph fan.json --format mermaid").says(
        0,
        &["flowchart TD", "subgraph s0[\"Fan<br>Parallel\"]", "-.->"],
    );
    home.run("workflow graph fan.json -o fan.mmd").says(0, &[]);
    assert!(home.read("fan.mmd").starts_with("flowchart TD"));
    home.run("workflow graph").says(0, &["ProcessPayment"]);
    home.run("workflow graph - --execution 1").says(2, &[]);
}
