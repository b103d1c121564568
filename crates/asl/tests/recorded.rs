//! Executions and comparisons recorded on AWS: ours must be the same in status, output,
//! error, cause and the whole history.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::HashSet;

use asl::execution::Execution;
use common::compare::{Comparison, essential, is_before};
use common::document::{Row, keep};
use common::drive::{Driven, drive};
use common::{IN_A_BUCKET, cases, is_in_scope, not_run, report, section};
use serde_json::{Value, json};

/// Recorded executions that cannot match, each with the reason.
const EXCUSED: &[(&str, &str)] = &[
    (
        "credentials_base/test_cross_account_lambda_task",
        "the recorder put the words test_aws_account_id into an event where the definition of the \
         case has an account's number",
    ),
    (
        "base_scenarios/test_map_state_lambda",
        "what the function gave in the iterations of its distributed Map is not in the case",
    ),
];

#[test]
fn executions_are_as_recorded() {
    let Some(cases) = cases() else { return };
    let results: Vec<_> = section(&cases, "executions")
        .iter()
        .filter(|case| is_in_scope(&case["definition"]))
        .map(|case| (case["name"].as_str().unwrap().to_owned(), check(case)))
        .collect();
    keep_executions(section(&cases, "executions"), &results);
    report("executions", &results, EXCUSED);
}

fn keep_executions(cases: &[Value], results: &[(String, Result<(), String>)]) {
    let row = |what, is_query: bool| {
        let names: HashSet<&str> = cases
            .iter()
            .filter(|case| case["jsonata"] == is_query)
            .filter_map(|case| case["name"].as_str())
            .collect();
        let mine: Vec<Value> = cases
            .iter()
            .filter(|case| case["jsonata"] == is_query)
            .cloned()
            .collect();
        let of_language = results.iter();
        Row {
            what,
            results: of_language
                .filter(|(name, _)| names.contains(name.as_str()))
                .collect(),
            not_run: not_run(&mine, |case| is_in_scope(&case["definition"]), IN_A_BUCKET),
        }
    };
    let rows = [row("JSONPath", false), row("JSONata", true)];
    keep("executions", &rows, EXCUSED);
}

fn check(case: &Value) -> Result<(), String> {
    let Driven {
        input,
        execution,
        history,
    } = drive(case)?;
    let mut comparison = Comparison::new(case);
    let expected = &as_of_today(case);
    let types = |events: &[Value]| -> Vec<String> {
        events
            .iter()
            .map(|event| event["type"].as_str().unwrap_or("?").to_owned())
            .collect()
    };
    let found: Vec<Value> = history.iter().map(|event| event.to_json(&input)).collect();
    if case["history_fidelity"] != "exact" {
        unordered_are_there(case, expected, &found, &mut comparison)?;
        return outcome_is(case, &execution, &input, &mut comparison);
    }
    if types(expected) != types(&found) {
        return Err(format!(
            "events: expected {:?}, found {:?}; {:?}",
            types(expected),
            types(&found),
            execution.cause()
        ));
    }
    for (expected, found) in expected.iter().zip(&found) {
        let at = format!("event {}", expected["id"]);
        comparison.equal(&essential(expected), &essential(found), &at)?;
    }
    outcome_is(case, &execution, &input, &mut comparison)
}

/// The recorded events as the service has given them since November 2024: before, what follows a
/// distributed Map's run followed its end, now it follows its beginning (recorded, both).
fn as_of_today(case: &Value) -> Vec<Value> {
    let mut events = case["events"].as_array().unwrap().clone();
    let runs: Vec<(u64, Value)> = events
        .iter()
        .filter(|event| event["type"] == "MapRunSucceeded")
        .map(|event| {
            (
                event["id"].as_u64().unwrap(),
                event["previousEventId"].clone(),
            )
        })
        .collect();
    let exits = events
        .iter_mut()
        .filter(|event| event["type"] == "MapStateExited");
    for exit in exits.filter(|_| is_before(case, ("2024", "11", "01"))) {
        let run = runs.iter().find(|(id, _)| exit["previousEventId"] == *id);
        if let Some((_, begun)) = run {
            exit["previousEventId"] = begun.clone();
        }
    }
    events
}

/// The recorder sorted the events between the beginning and the end of a Parallel state, blanked
/// their ids and lost some: those must be there in any order, the others in their places.
fn unordered_are_there(
    case: &Value,
    expected: &[Value],
    found: &[Value],
    comparison: &mut Comparison,
) -> Result<(), String> {
    let mut left: Vec<Value> = found.iter().map(essential).collect();
    let (placed, unplaced): (Vec<_>, Vec<_>) = expected
        .iter()
        .partition(|event| event["id"].is_u64() && event.get("_inserted_by_extractor").is_none());
    let at_id = |event: &Value, left: &[Value]| left.iter().position(|it| it["id"] == event["id"]);
    for event in placed {
        let at = at_id(event, &left).ok_or_else(|| format!("no event {}", event["id"]))?;
        let ours = left.remove(at);
        comparison.equal(&essential(event), &ours, &format!("event {}", event["id"]))?;
    }
    for event in unplaced {
        let event = without_ids(event);
        let same = left
            .iter()
            .position(|ours| comparison.equal(&event, &without_ids(ours), "").is_ok());
        let at = same.ok_or_else(|| format!("no event like {event} among {left:?}"))?;
        left.remove(at);
    }
    let lost = case["history_fidelity"].as_str().and_then(|text| {
        let (_, text) = text.split_once(", ")?;
        text.split_once(' ')?.0.parse().ok()
    });
    if left.len() == lost.unwrap_or(0) {
        Ok(())
    } else {
        Err(format!("not expected: {left:?}"))
    }
}

fn without_ids(event: &Value) -> Value {
    let mut event = essential(event);
    if let Value::Object(fields) = &mut event {
        for name in ["id", "previousEventId", "_inserted_by_extractor"] {
            fields.remove(name);
        }
    }
    event
}

fn outcome_is(
    case: &Value,
    execution: &Execution,
    input: &Value,
    comparison: &mut Comparison,
) -> Result<(), String> {
    let mut outcome = json!({ "status": execution.status().as_str() });
    if let Some(output) = execution.output(input) {
        outcome["output"] = output.clone();
    }
    if let Some(error) = execution.error() {
        outcome["error"] = error.into();
    }
    if let Some(cause) = execution.cause() {
        outcome["cause"] = cause.into();
    }
    let mut expected = case["expect"].clone();
    parse_cause(&mut expected);
    parse_cause(&mut outcome);
    comparison.equal(&expected, &outcome, "outcome")
}

/// A cause that starts with a brace is compared as JSON.
fn parse_cause(outcome: &mut Value) {
    let parsed = outcome["cause"]
        .as_str()
        .filter(|text| text.starts_with('{'));
    let parsed = parsed.and_then(|text| serde_json::from_str(text).ok());
    match (parsed, outcome) {
        (Some(parsed), outcome) => outcome["cause"] = parsed,
        (None, Value::Object(fields)) if fields.get("cause") == Some(&Value::Null) => {
            fields.remove("cause");
        }
        _ => {}
    }
}

/// Synchronous Express executions have no history, and what their tasks gave is not in the
/// case: those without tasks can be compared.
#[test]
fn express_executions_are_as_recorded() {
    let Some(cases) = cases() else { return };
    let results: Vec<_> = section(&cases, "express_sync")
        .iter()
        .filter(|case| is_in_scope(&case["definition"]) && !has_tasks(&case["definition"]))
        .map(|case| {
            (
                case["name"].as_str().unwrap().to_owned(),
                check_express(case),
            )
        })
        .collect();
    let is_run = |case: &Value| is_in_scope(&case["definition"]) && !has_tasks(&case["definition"]);
    let row = Row {
        what: "express",
        results: results.iter().collect(),
        not_run: not_run(
            section(&cases, "express_sync"),
            is_run,
            "what its task gave is not in the case",
        ),
    };
    keep("express executions", &[row], &[]);
    report("express executions", &results, &[]);
}

fn has_tasks(definition: &Value) -> bool {
    let states = definition["States"].as_object().into_iter().flatten();
    states.into_iter().any(|(_, state)| state["Type"] == "Task")
}

fn check_express(case: &Value) -> Result<(), String> {
    let Driven {
        input, execution, ..
    } = drive(case)?;
    outcome_is(case, &execution, &input, &mut Comparison::new(case))
}

#[test]
fn comparisons_are_as_recorded() {
    let Some(cases) = cases() else { return };
    let results: Vec<_> = section(&cases, "choice_comparisons")
        .iter()
        .map(|case| {
            (
                case["name"].as_str().unwrap().to_owned(),
                check_choice(case),
            )
        })
        .collect();
    let row = Row {
        what: "comparisons",
        results: results.iter().collect(),
        not_run: Vec::new(),
    };
    keep("choice comparisons", &[row], &[]);
    report("choice comparisons", &results, &[]);
}

fn check_choice(case: &Value) -> Result<(), String> {
    let Driven {
        input,
        execution,
        history,
    } = drive(case)?;
    let events: Vec<Value> = history.iter().map(|event| event.to_json(&input)).collect();
    let reached = events
        .iter()
        .filter_map(|event| event["stateEnteredEventDetails"]["name"].as_str())
        .nth(1)
        .map(str::to_owned);
    if reached.as_deref() == case["expect_next"].as_str() {
        return Ok(());
    }
    Err(format!(
        "reached {reached:?}, expected {}; {:?}",
        case["expect_next"],
        execution.cause()
    ))
}
