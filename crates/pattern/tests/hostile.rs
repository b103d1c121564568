//! Patterns and events that want to cost time: each of these is quick, and none overflows a stack.
//! What would be endless work would hang the test, so no clock is needed.

use pattern::{EventError, Pattern};
use serde_json::{Value, json};

#[test]
fn many_elements_cost_a_step_each() -> Result<(), Box<dyn std::error::Error>> {
    let element = |at: usize| json!({"id": at, "kind": "k", "inner": [{"x": at, "y": at + 1}]});
    let elements: Vec<Value> = (0..20_000).map(element).collect();
    let event = json!({"list": elements, "other": elements});
    for (pattern, expected) in [
        (r#"{"list": {"kind": ["k"], "id": [19999]}}"#, true),
        (r#"{"list": {"inner": {"x": [7], "y": [7]}}}"#, false),
        (
            r#"{"list": {"inner": {"x": [{"exists": true}], "y": [20000]}, "kind": ["k"]}}"#,
            true,
        ),
        (
            r#"{"list": {"kind": ["k"]}, "other": {"kind": ["no"], "id": [1]}}"#,
            false,
        ),
        (
            r#"{"list": {"kind": ["k"], "zz": [{"exists": false}]}, "other": {"id": [-1]}}"#,
            false,
        ),
    ] {
        assert_eq!(
            Pattern::parse(pattern)?.matches(&event),
            expected,
            "{pattern}"
        );
    }
    Ok(())
}

#[test]
fn many_fields_need_no_deep_stack() -> Result<(), Box<dyn std::error::Error>> {
    let fields: String = (0..5_000).map(|at| format!(r#""f{at}":[1],"#)).collect();
    let pattern = Pattern::parse(&format!(r#"{{"a":{{{fields}"z":[1]}}}}"#))?;
    let mut element: serde_json::Map<String, Value> =
        (0..5_000).map(|at| (format!("f{at}"), json!(1))).collect();
    assert!(!pattern.matches(&json!({"a": [element, element]})));
    element.insert("z".to_owned(), json!(1));
    assert!(pattern.matches(&json!({"a": [{}, element]})));
    Ok(())
}

#[test]
fn paths_spelled_in_many_ways_give_up_rather_than_go_on() -> Result<(), Box<dyn std::error::Error>>
{
    // Every way to cut `a.a.a.…` into keys leads to an array of its own, so that the choices for
    // each field multiply instead of agreeing.
    let mut event = json!({});
    for cut in 1..12 {
        let (head, tail) = (vec!["a"; cut].join("."), vec!["a"; 12 - cut].join("."));
        let elements: Vec<Value> = (0..12)
            .map(|at| json!({ format!("{tail}.x{at}"): 1, format!("{tail}.y"): 1 }))
            .collect();
        event[head] = json!(elements);
    }
    let mut fields: serde_json::Map<String, Value> =
        (0..12).map(|at| (format!("x{at}"), json!([1]))).collect();
    fields.insert("z".to_owned(), json!([1]));
    let path = ["a"; 12].join(".");
    let absent = Pattern::parse(&json!({ &path: fields }).to_string())?;
    assert_eq!(absent.matches_text(&event.to_string()), Ok(false));
    // With a field that some elements have and no choice suits, the search itself is bounded.
    event["b"] = json!([{"z": 1}]);
    let entangled = json!({ &path: fields.iter().filter(|(key, _)| *key != "z").map(|(key, list)| (key.clone(), list.clone())).collect::<serde_json::Map<_, _>>(), "b": {"y": [{"anything-but": "q"}], "z": [1]} });
    let verdict = Pattern::parse(&entangled.to_string())?.matches_text(&event.to_string());
    assert!(matches!(verdict, Ok(_) | Err(EventError::TooEntangled)));
    Ok(())
}

#[test]
fn deep_trees_are_looked_into_so_far_and_no_further() -> Result<(), Box<dyn std::error::Error>> {
    let pattern = Pattern::parse(r#"{"a": [1]}"#)?;
    let nested = |depth| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    assert!(pattern.matches(&json!({"a": nested(pattern::limits::DEPTH_MAX - 1)})));
    assert!(!pattern.matches(&json!({"a": nested(pattern::limits::DEPTH_MAX)})));
    let text = format!(r#"{{"a":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(
        pattern.matches_text(&text),
        Err(EventError::NotJson(_))
    ));
    Ok(())
}

#[test]
fn wildcards_do_not_backtrack() -> Result<(), Box<dyn std::error::Error>> {
    let pattern = Pattern::parse(r#"{"a": [{"wildcard": "*ab*cd*ef*gh*"}]}"#)?;
    assert!(!pattern.matches(&json!({"a": "abcdef".repeat(200_000)})));
    Ok(())
}

#[test]
fn many_wildcards_are_judged_in_bounded_time() {
    let list: Vec<Value> = (0..5)
        .map(|at| json!({"wildcard": format!("*{}*{at}", "abcdefghij".repeat(1_000))}))
        .collect();
    // Whether it is refused does not matter here, only that it is decided.
    let _ = Pattern::parse(&json!({"a": list}).to_string());
    let fields: serde_json::Map<String, Value> = (0..1_500)
        .map(|at| (format!("f{at}"), json!([{"wildcard": "*ab*bc*d"}])))
        .collect();
    assert!(Pattern::parse(&Value::Object(fields).to_string()).is_ok());
}
