//! Every recorded verdict of the case file, read in place: what EventBridge itself answered, and
//! what the engine it publishes answers in its own tests.

#![expect(
    clippy::unwrap_used,
    reason = "a case file of another shape must fail the test"
)]

use pattern::Pattern;
use serde_json::Value;
use std::path::PathBuf;

fn cases() -> Option<Vec<Value>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests find the shared cases through this variable"
    )]
    let folder = std::env::var("PAYHOOK_CASES").map_or_else(
        |_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases"),
        PathBuf::from,
    );
    let file = std::fs::read_to_string(folder.join("event_patterns.json")).ok()?;
    Some(
        file.lines()
            .filter(|line| line.starts_with("{\"name\""))
            .map(case)
            .collect(),
    )
}

/// One line of the file. Its writer spells a number beyond all doubles `Infinity` in the parsed
/// form, which is no JSON; such a case carries its raw text as well, which is what is tested.
fn case(line: &str) -> Value {
    let line = line.trim_end_matches(',');
    serde_json::from_str(line).unwrap_or_else(|_| {
        let case: Value = serde_json::from_str(&line.replace(", Infinity]", ", null]")).unwrap();
        assert!(case["pattern_text"].is_string(), "{line}");
        case
    })
}

/// The raw text of one side where it matters, the parsed form where it does not.
fn text(case: &Value, side: &str) -> String {
    let raw = case.get(format!("{side}_text")).and_then(Value::as_str);
    raw.map_or_else(|| case[side].to_string(), str::to_owned)
}

fn verdict(pattern: &str, event: &str) -> &'static str {
    let Ok(pattern) = Pattern::parse(pattern) else {
        return "invalid-pattern";
    };
    match pattern.matches_text(event) {
        Ok(true) => "match",
        Ok(false) => "no-match",
        Err(_) => "invalid-event",
    }
}

#[test]
fn every_recorded_verdict_is_ours() {
    let Some(cases) = cases() else {
        println!("the recorded event-pattern cases are not here; nothing was compared");
        return;
    };
    assert!(cases.len() > 700, "the case file has another shape");
    let mut wrong = Vec::new();
    for case in &cases {
        let expected = case["expect"].as_str().unwrap();
        let (pattern, event) = (text(case, "pattern"), text(case, "event"));
        let found = verdict(&pattern, &event);
        if found != expected {
            wrong.push(format!(
                "{}: {found}, not {expected}: {pattern} {event}",
                case["name"]
            ));
        }
        // A parsed event gives the same verdict wherever the spelling does not matter.
        if case.get("event_text").is_none()
            && let Ok(pattern) = Pattern::parse(&pattern)
            && pattern.matches(&case["event"]) != (expected == "match")
        {
            wrong.push(format!(
                "{}: not {expected} when parsed: {pattern:?}",
                case["name"]
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    println!("{} recorded verdicts are ours", cases.len());
}
