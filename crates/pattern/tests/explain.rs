//! What an explanation says, read as a person reads it.

use pattern::Pattern;
use serde_json::json;

fn explained(pattern: &str, event: &serde_json::Value) -> String {
    let Ok(pattern) = Pattern::parse(pattern) else {
        return "invalid".to_owned();
    };
    let explanation = pattern.explain(event);
    assert_eq!(explanation.matched, pattern.matches(event));
    assert_eq!(
        Ok(&explanation),
        pattern.explain_text(&event.to_string()).as_ref()
    );
    explanation.to_string()
}

#[test]
fn a_verdict_is_explained_field_by_field() {
    let event = json!({
        "eventName": "MODIFY",
        "dynamodb": {"NewImage": {"amount": {"N": "101"}}, "tags": ["a", "b"]},
    });
    for (pattern, expected) in [
        (
            r#"{"eventName": ["MODIFY"]}"#,
            r#"match
  ✓ eventName: "MODIFY" matches ["MODIFY"]"#,
        ),
        (
            r#"{"eventName": ["INSERT", {"prefix": "RE"}]}"#,
            r#"no match
  ✗ eventName: "MODIFY" does not match ["INSERT",{"prefix":"RE"}]"#,
        ),
        (
            r#"{"eventName": ["modify"]}"#,
            r#"no match
  ✗ eventName: "MODIFY" does not match ["modify"] (only the case differs; see `equals-ignore-case`)"#,
        ),
        (
            r#"{"dynamodb": {"NewImage": {"amount": {"N": [{"numeric": [">", 5]}]}}}}"#,
            r#"no match
  ✗ dynamodb.NewImage.amount.N: "101" does not match [{"numeric":[">",5]}] (the event has a string here; numbers match numbers only)"#,
        ),
        (
            r#"{"dynamodb.tags": ["c"], "eventName": [{"exists": true}], "id": [{"exists": false}]}"#,
            r#"no match
  ✗ dynamodb.tags: "a", "b" does not match ["c"]
  ✓ eventName: "MODIFY" matches [{"exists":true}]
  ✓ id: absent, matches [{"exists":false}]"#,
        ),
        (
            r#"{"dynamodb": {"NewImage": [{"exists": true}]}}"#,
            r#"no match
  ✗ dynamodb.NewImage: absent, does not match [{"exists":true}] (an object is here; name one of its fields)"#,
        ),
        (
            r#"{"$or": [{"id": ["x"], "no": [1]}, {"eventName": ["INSERT"]}]}"#,
            r#"no match by any of 2 alternatives
alternative 1
  ✗ eventName: "MODIFY" does not match ["INSERT"]
alternative 2
  ✗ id: absent, does not match ["x"]
  ✗ no: absent, does not match [1]"#,
        ),
        (
            r#"{"$or": [{"id": ["x"]}, {"eventName": ["MODIFY"]}]}"#,
            r#"match by one of 2 alternatives
  ✓ eventName: "MODIFY" matches ["MODIFY"]"#,
        ),
    ] {
        assert_eq!(explained(pattern, &event), expected, "{pattern}");
    }
}

#[test]
fn fields_in_different_elements_are_named_as_the_reason() {
    let event = json!({"people": [{"first": "Anna", "last": "Smith"}, {"first": "Peter", "last": "Jones"}]});
    assert_eq!(
        explained(
            r#"{"people": {"first": ["Anna"], "last": ["Jones"]}}"#,
            &event
        ),
        r#"no match
  ✓ people.first: "Anna", "Peter" matches ["Anna"]
  ✓ people.last: "Smith", "Jones" matches ["Jones"]
  each field has a match, but not in the same array element"#
    );
}

#[test]
fn an_explanation_is_data_too() -> Result<(), Box<dyn std::error::Error>> {
    let explanation = Pattern::parse(r#"{"a": [1]}"#)?.explain(&json!({"a": "1"}));
    assert_eq!(
        serde_json::to_value(&explanation)?,
        json!({
            "matched": false,
            "alternatives": [{
                "matched": false,
                "apart": false,
                "fields": [{
                    "path": "a",
                    "matched": false,
                    "wanted": "[1]",
                    "found": {"values": ["\"1\""]},
                    "hint": "the event has a string here; numbers match numbers only",
                }],
            }],
            "alternatives_count": 1,
        })
    );
    Ok(())
}

#[test]
fn an_explanation_is_bounded() -> Result<(), Box<dyn std::error::Error>> {
    let alternatives: Vec<_> = (0..100)
        .map(|at| json!({ format!("k{at}"): ["x"] }))
        .collect();
    let pattern = Pattern::parse(&json!({ "$or": alternatives }).to_string())?;
    let event = json!({"k0": vec!["y".repeat(10_000); 100]});
    let text = pattern.explain(&event).to_string();
    assert!(
        text.len() < 10_000 && text.ends_with("and 80 more"),
        "{text}"
    );
    assert!(
        pattern
            .explain(&json!([]))
            .to_string()
            .contains("no object")
    );
    Ok(())
}
