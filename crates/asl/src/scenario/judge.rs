//! Whether what came of a scenario is what was expected.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Expect, Scenario, to_millis};
use crate::graph::Trail;
use crate::mock::{MockError, MockedRun};
use crate::time::Millis;

/// Something that is not as expected. Both sides are text of several lines, to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// What is compared: `output`, `path`, and so on.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What came.
    pub found: String,
}

pub(super) fn judge(
    scenario: &Scenario,
    run: &MockedRun,
    trail: &Trail,
    took: Millis,
) -> Vec<Mismatch> {
    let Expect {
        status,
        output,
        output_has,
        error,
        cause,
        path,
        seconds,
        calls: _,
    } = &scenario.expect;
    let execution = &run.execution;
    let mut mismatches = Vec::new();
    let mut text = |what: &str, expected: Option<&str>, found: Option<&str>| {
        if let Some(expected) = expected.filter(|expected| Some(*expected) != found) {
            mismatches.push(Mismatch {
                what: what.to_owned(),
                expected: expected.to_owned(),
                found: found.unwrap_or("(none)").to_owned(),
            });
        }
    };
    text(
        "status",
        status.as_deref(),
        Some(execution.status().as_str()),
    );
    text("error", error.as_deref(), execution.error());
    text("cause", cause.as_deref(), execution.cause());
    let found = execution.output(&scenario.input);
    if let Some(expected) = output
        && found != Some(expected)
    {
        mismatches.push(of_values("output", expected, found));
    }
    if let Some(expected) = output_has
        && !found.is_some_and(|found| has(found, expected))
    {
        let found = found.map(|found| in_common(found, expected));
        mismatches.push(of_values("output", expected, found.as_ref()));
    }
    if let Some(expected) = path
        && expected != trail.path()
    {
        mismatches.push(Mismatch {
            what: "path".to_owned(),
            expected: expected.join("\n"),
            found: trail.path().join("\n"),
        });
    }
    if let Some(expected) = seconds.and_then(to_millis)
        && expected != took
    {
        mismatches.push(Mismatch {
            what: "seconds".to_owned(),
            expected: in_seconds(expected),
            found: in_seconds(took),
        });
    }
    mismatches
}

/// What the calls of a state's task were given.
pub(super) fn calls(state: &str, expected: &[Value], found: &[Value]) -> Option<Mismatch> {
    let fits = expected.len() == found.len()
        && expected
            .iter()
            .zip(found)
            .all(|(part, whole)| has(whole, part));
    if fits {
        return None;
    }
    let shown: Vec<Value> = found
        .iter()
        .enumerate()
        .map(|(at, whole)| match expected.get(at) {
            Some(part) => in_common(whole, part),
            None => whole.clone(),
        })
        .collect();
    Some(of_values(
        &format!("calls of {state}"),
        &Value::Array(expected.to_vec()),
        Some(&Value::Array(shown)),
    ))
}

pub(super) fn not_run(error: &MockError, calls: &BTreeMap<String, Vec<Value>>) -> Mismatch {
    let mut mismatch = Mismatch::from(error);
    if let MockError::NotMocked { state, .. } = error
        && let Some(input) = calls.get(state).and_then(|calls| calls.last())
    {
        mismatch.found += &format!("; it was given\n{}", pretty(input));
    }
    mismatch
}

/// Whether a value has all of a part: objects the part's fields, lists as many items, each with its
/// own part, and anything else the same value.
pub(super) fn has(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(name, part)| whole.get(name).is_some_and(|whole| has(whole, part))),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len()
                && whole.iter().zip(part).all(|(whole, part)| has(whole, part))
        }
        _ => whole == part,
    }
}

/// Of a value what a part speaks of, so that only that is compared.
fn in_common(whole: &Value, part: &Value) -> Value {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            let fields = part.iter().filter_map(|(name, part)| {
                let whole = whole.get(name)?;
                Some((name.clone(), in_common(whole, part)))
            });
            Value::Object(fields.collect())
        }
        (Value::Array(whole), Value::Array(part)) => {
            let items = whole.iter().enumerate();
            let shown = items.map(|(at, whole)| match part.get(at) {
                Some(part) => in_common(whole, part),
                None => whole.clone(),
            });
            Value::Array(shown.collect())
        }
        _ => whole.clone(),
    }
}

fn of_values(what: &str, expected: &Value, found: Option<&Value>) -> Mismatch {
    Mismatch {
        what: what.to_owned(),
        expected: pretty(expected),
        found: found.map_or_else(|| "(none)".to_owned(), pretty),
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

fn in_seconds(time: Millis) -> String {
    format!("{}.{:03} s", time.0 / 1000, time.0 % 1000)
}
