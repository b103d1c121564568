//! What the tests on recorded cases share: finding the cases, running a case, comparing.
#![allow(dead_code, reason = "every test binary uses its own part")]
#![expect(
    clippy::print_stdout,
    reason = "says what was compared, and what could not be"
)]

pub(crate) mod compare;
pub(crate) mod document;
pub(crate) mod drive;
pub(crate) mod play;

use std::path::PathBuf;

use serde_json::Value;

/// The recorded cases, read in place; none, with a plain word, when they are not there.
pub(crate) fn cases() -> Option<Value> {
    let dir = std::env::var_os("PAYHOOK_CASES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases"),
        PathBuf::from,
    );
    let file = dir.join("asl.json");
    match std::fs::read_to_string(&file) {
        Ok(text) => Some(serde_json::from_str(&text).expect("the cases are JSON")),
        Err(_) => {
            println!(
                "no recorded cases at {}: nothing was compared",
                file.display()
            );
            None
        }
    }
}

/// One section of the cases.
pub(crate) fn section<'c>(cases: &'c Value, name: &str) -> &'c [Value] {
    cases[name].as_array().expect("a section is a list")
}

/// Whether a machine uses only what this interpreter runs so far.
pub(crate) fn is_in_scope(definition: &Value) -> bool {
    let states = definition["States"].as_object();
    states.is_none_or(|states| states.values().all(is_state_in_scope))
}

fn is_state_in_scope(state: &Value) -> bool {
    let elsewhere = ["ItemReader", "ItemBatcher", "ResultWriter"];
    let branches = state["Branches"].as_array().into_iter().flatten();
    let processors = [&state["ItemProcessor"], &state["Iterator"]];
    elsewhere.iter().all(|name| state.get(name).is_none())
        && branches.chain(processors).all(is_in_scope)
}

/// The names of the cases that are not run.
pub(crate) fn not_run<'r>(
    cases: &[Value],
    is_run: impl Fn(&Value) -> bool,
    reason: &'r str,
) -> Vec<(String, &'r str)> {
    let others = cases.iter().filter(|case| !is_run(case));
    others
        .map(|case| (case["name"].as_str().unwrap_or("?").to_owned(), reason))
        .collect()
}

/// Why a case with a list in a bucket is not run.
pub(crate) const IN_A_BUCKET: &str = "its list or its results are in a bucket";

/// Whether a case is listed as one that cannot match, with the reason.
pub(crate) fn excused<'t>(table: &'t [(&str, &str)], name: &str) -> Option<&'t str> {
    table
        .iter()
        .find(|(listed, _)| *listed == name)
        .map(|(_, reason)| *reason)
}

/// Fails with every case that did not match and is not excused; an excuse that is no longer
/// needed fails as well.
pub(crate) fn report(
    what: &str,
    results: &[(String, Result<(), String>)],
    excuses: &[(&str, &str)],
) {
    let mut failures = Vec::new();
    let mut matched = 0;
    for (name, result) in results {
        match (result, excused(excuses, name)) {
            (Ok(()), None) => matched += 1,
            (Ok(()), Some(_)) => failures.push(format!("{name}: matches, but is excused")),
            (Err(_), Some(reason)) => println!("{what}: {name} excused: {reason}"),
            (Err(difference), None) => failures.push(format!("{name}: {difference}")),
        }
    }
    println!("{what}: {matched} of {} match", results.len());
    assert!(
        failures.is_empty(),
        "{what}: {}\n{}",
        failures.len(),
        failures.join("\n")
    );
}
