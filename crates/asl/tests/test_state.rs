//! Single states as `TestState` ran them on AWS, with what their data was at each step.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use asl::advance::{Command, ForkMock, Inspection, Look, Moment, Run, Signal, Transition, inspect};
use asl::context::{Context, MachineType};
use asl::definition::Definition;
use asl::execution::{Execution, Status, TaskId};
use common::compare::Comparison;
use common::document::{Row, keep};
use common::{IN_A_BUCKET, cases, is_in_scope, not_run, report, section};
use serde_json::{Map, Value, json};

/// Calls that cannot match, each with the reason.
const EXCUSED: &[(&str, &str)] = &[];

#[test]
fn states_are_as_recorded() {
    let Some(cases) = cases() else { return };
    let results: Vec<_> = section(&cases, "test_state")
        .iter()
        .filter(|case| is_in_scope(&machine(&case["request"])))
        .map(|case| (case["name"].as_str().unwrap().to_owned(), check(case)))
        .collect();
    let is_run = |case: &Value| is_in_scope(&machine(&case["request"]));
    let row = Row {
        what: "states",
        results: results.iter().collect(),
        not_run: not_run(section(&cases, "test_state"), is_run, IN_A_BUCKET),
    };
    keep("test state", &[row], EXCUSED);
    report("test state", &results, EXCUSED);
}

/// What the context calls the state, whatever its name in a whole machine.
fn state_name(request: &Value) -> &str {
    let name = request["context"]["State"]["Name"].as_str();
    name.unwrap_or("StateName")
}

/// The state in a machine of its own, where everything it names exists and ends. A state
/// before it hands over the input and the variables, because the context may tell of another
/// execution's input.
fn machine(request: &Value) -> Value {
    let definition = &request["definition"];
    let name = state_name(request);
    // Of a whole machine only the named state is tested; the rest is not even checked.
    let mut machine = json!({});
    let lone = match definition.get("States") {
        Some(_) => {
            machine["QueryLanguage"] = definition
                .get("QueryLanguage")
                .cloned()
                .unwrap_or_else(|| "JSONPath".into());
            let wanted = request["stateName"].as_str().unwrap_or(name);
            find_state(definition, wanted).expect("the state is in the machine")
        }
        None => definition,
    };
    let mut states = Map::new();
    let mut targets = Vec::new();
    collect_targets(lone, &mut targets);
    for target in targets {
        states.insert(target, json!({"Type": "Succeed"}));
    }
    states.insert(name.to_owned(), lone.clone());
    machine["States"] = Value::Object(states);
    // It speaks the machine's language, so that it is allowed to be there.
    let field = match machine["QueryLanguage"] == "JSONata" {
        true => "Output",
        false => "Result",
    };
    let mut enter = json!({"Type": "Pass", "Next": name});
    enter[field] = request["input"].clone();
    if let Some(variables) = variables(request) {
        enter["Assign"] = variables;
    }
    machine["StartAt"] = ENTER.into();
    machine["States"][ENTER] = enter;
    machine
}

/// The state of that name, in the machine or in one inside it.
fn find_state<'v>(definition: &'v Value, name: &str) -> Option<&'v Value> {
    let states = definition["States"].as_object()?;
    states.get(name).or_else(|| {
        let inner = |state: &'v Value| {
            let branches = state["Branches"].as_array().into_iter().flatten();
            let machines = branches.chain([&state["ItemProcessor"], &state["Iterator"]]);
            machines
                .into_iter()
                .find_map(|machine| find_state(machine, name))
        };
        states.values().find_map(inner)
    })
}

fn variables(request: &Value) -> Option<Value> {
    let variables = unfold(&request["variables"]);
    variables.is_object().then_some(variables)
}

/// A value that is given as JSON text, or as it is.
fn unfold(value: &Value) -> Value {
    let parsed = value
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok());
    parsed.unwrap_or_else(|| value.clone())
}

fn collect_targets(value: &Value, targets: &mut Vec<String>) {
    if let Some(fields) = value.as_object() {
        for (key, value) in fields {
            match value.as_str() {
                Some(name) if matches!(key.as_str(), "Next" | "Default") => {
                    targets.push(name.to_owned());
                }
                _ => collect_targets(value, targets),
            }
        }
    }
    value
        .as_array()
        .into_iter()
        .flatten()
        .for_each(|item| collect_targets(item, targets));
}

fn context(given: &Value) -> Context {
    let text = |value: &Value, default: &str| value.as_str().unwrap_or(default).to_owned();
    let (execution, machine) = (&given["Execution"], &given["StateMachine"]);
    let mut context = common::drive::context(MachineType::Express);
    context.execution_id = text(&execution["Id"], &context.execution_id);
    context.execution_name = text(&execution["Name"], &context.execution_name);
    context.role_arn = text(&execution["RoleArn"], &context.role_arn);
    context.state_machine_id = text(&machine["Id"], &context.state_machine_id);
    context.state_machine_name = text(&machine["Name"], &context.state_machine_name);
    context
}

fn check(case: &Value) -> Result<(), String> {
    let request = &case["request"];
    let definition = Definition::parse(&machine(request).to_string())
        .map_err(|problems| format!("refused: {problems:?}"))?;
    let given = &request["context"]["Execution"]["Input"];
    let input = if given.is_null() {
        request["input"].clone()
    } else {
        given.clone()
    };
    let context = context(&request["context"]);
    let run = Run {
        definition: &definition,
        context: &context,
        input: &input,
    };
    let mut moment = Moment {
        now: context.start_time,
        seed: 1,
    };
    let look = Look {
        state: state_name(request).into(),
        mock: Some(fork_mock(request)),
    };
    let first = inspect(run, &Execution::new(), Signal::Start, &moment, look.clone());
    let (mut last, mut seen) = first.map_err(|error| error.to_string())?;
    let mut retries = request["stateConfiguration"]["retrierRetryCount"].as_u64();
    let mut history = last.history.clone();
    while let Some(Command::RunTask { task, .. }) = last.commands.first() {
        let signal = answer(case, *task).ok_or("no result is known for the task")?;
        let next = inspect(run, &last.execution, signal, &moment, look.clone());
        let (next, then) = next.unwrap();
        seen.result = then.result;
        seen.after_result_selector = then.after_result_selector;
        seen.after_result_path = then.after_result_path;
        seen.error_details = then.error_details;
        history.extend(next.history.clone());
        last = next;
        // The retries that the call says were made before are made here.
        let Some(left) = retries.filter(|left| *left > 0) else {
            break;
        };
        retries = Some(left - 1);
        moment.now = last.execution.wake_at().ok_or("nothing is retried")?;
        let next = inspect(run, &last.execution, Signal::Tick, &moment, look.clone());
        last = next.unwrap().0;
    }
    compare(case, &Transition { history, ..last }, &seen, &input)
}

/// What the call says of the branches of a Parallel or Map state.
fn fork_mock(request: &Value) -> ForkMock {
    let mock = &request["mock"];
    let outcome = match mock.get("errorOutput") {
        None => Ok(unfold(&mock["result"])),
        Some(thrown) => {
            let text = |name: &str| thrown[name].as_str().map(str::to_owned);
            Err((text("error"), text("cause")))
        }
    };
    let failures = request["stateConfiguration"]["mapIterationFailureCount"].as_u64();
    ForkMock {
        outcome,
        failures: u32::try_from(failures.unwrap_or(0)).unwrap(),
    }
}

/// The mocked result; where a real function was called, what the recording says it gave.
fn answer(case: &Value, task: TaskId) -> Option<Signal> {
    let mock = &case["request"]["mock"];
    if let Some(thrown) = mock.get("errorOutput") {
        let text = |name: &str| thrown[name].as_str().map(str::to_owned);
        return Some(Signal::TaskFailed {
            task,
            error: text("error"),
            cause: text("cause"),
            retry_after: None,
        });
    }
    let expect = &case["expect"];
    let result = [
        &mock["result"],
        &expect["inspectionData"]["result"],
        &expect["output"],
    ]
    .into_iter()
    .find(|result| !result.is_null())?;
    // The output is shown as it is, the other two as JSON text.
    let is_output = mock["result"].is_null() && expect["inspectionData"]["result"].is_null();
    let output = if is_output {
        result.clone()
    } else {
        unfold(result)
    };
    Some(Signal::TaskSucceeded { task, output })
}

fn compare(
    case: &Value,
    last: &Transition,
    seen: &Inspection,
    input: &Value,
) -> Result<(), String> {
    let events: Vec<Value> = last
        .history
        .iter()
        .map(|event| event.to_json(input))
        .collect();
    let mut found = json!({});
    // The first state entered and left is the one that hands over.
    let left = events
        .iter()
        .filter_map(|event| event.get("stateExitedEventDetails"))
        .nth(1);
    let next = events
        .iter()
        .filter_map(|event| event.get("stateEnteredEventDetails"))
        .nth(2);
    let execution = &last.execution;
    let details = &seen.error_details;
    let (error, cause) = (&details.error, &details.cause);
    let mut status = "SUCCEEDED";
    if let Some(left) = left {
        found["output"] = serde_json::from_str(left["output"].as_str().unwrap()).unwrap();
        if details.catch_index.is_some() {
            status = "CAUGHT_ERROR";
        }
    } else if execution.status() == Status::Failed {
        status = "FAILED";
        found["error"] = Value::Null;
        found["cause"] = Value::Null;
    } else if details.retry_backoff.is_some() {
        status = "RETRIABLE";
    } else {
        return Err(format!("neither left nor failed: {:?}", execution.status()));
    }
    found["status"] = status.into();
    for (name, text) in [("error", error), ("cause", cause)] {
        if let Some(text) = text {
            found[name] = without_prefix(text).into();
        }
    }
    if let Some(next) = next {
        found["nextState"] = next["name"].clone();
    }
    if case["request"]["inspectionLevel"] != "INFO" {
        found["inspectionData"] = shown(seen, input);
        let variables = variables(&case["request"]);
        if let Some(variables) = variables.filter(|them| *them != json!({})) {
            found["inspectionData"]["variables"] = variables;
        }
    }
    blank_identifiers(case, &mut found);
    Comparison::new(case).equal(&case["expect"], &found, "response")
}

/// `TestState` has no history, and so does not say which event a state was entered at.
fn without_prefix(cause: &str) -> &str {
    match cause.split_once("). ") {
        Some((prefix, text)) if prefix.starts_with("An error occurred while") => text,
        _ => cause,
    }
}

/// The recorder put tokens where identifiers were, in the response only, and listed none.
fn blank_identifiers(case: &Value, found: &mut Value) {
    let sent = case["request"]["mock"]["result"].as_str().unwrap_or("");
    let expected = case["expect"]["output"].to_string();
    if !expected.contains("<uuid:1>") || sent.contains("<uuid:1>") {
        return;
    }
    let text = found["output"].to_string();
    let uuid = regex::Regex::new("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").unwrap();
    found["output"] = serde_json::from_str(&uuid.replace_all(&text, "<uuid:1>")).unwrap();
}

/// Inspection data as the service shows it: data as JSON text, numbers as they are.
fn shown(seen: &Inspection, input: &Value) -> Value {
    let mut data = Map::new();
    for (name, datum) in [
        ("input", &seen.input),
        ("afterInputPath", &seen.after_input_path),
        ("afterParameters", &seen.after_parameters),
        ("afterArguments", &seen.after_arguments),
        ("afterItemsPath", &seen.after_items_path),
        ("result", &seen.result),
        ("afterResultSelector", &seen.after_result_selector),
        ("afterResultPath", &seen.after_result_path),
    ] {
        if let Some(datum) = datum {
            data.insert(name.to_owned(), datum.resolve(input).to_string().into());
        }
    }
    let share = seen.tolerated_failure_percentage;
    for (name, number) in [
        ("maxConcurrency", seen.max_concurrency.map(Value::from)),
        (
            "toleratedFailureCount",
            seen.tolerated_failure_count.map(Value::from),
        ),
        ("toleratedFailurePercentage", share.map(Value::from)),
    ] {
        data.extend(number.map(|number| (name.to_owned(), number)));
    }
    let details = &seen.error_details;
    let seconds = details.retry_backoff.map(|delay| delay.0 / 1000);
    let mut errors = Map::new();
    for (name, number) in [
        ("retryIndex", details.retry_index.map(Value::from)),
        ("retryBackoffIntervalSeconds", seconds.map(Value::from)),
        ("catchIndex", details.catch_index.map(Value::from)),
    ] {
        errors.extend(number.map(|number| (name.to_owned(), number)));
    }
    if !errors.is_empty() {
        data.insert("errorDetails".to_owned(), Value::Object(errors));
    }
    Value::Object(data)
}

const ENTER: &str = "the state before";
