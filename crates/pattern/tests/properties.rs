//! What holds for every pattern and every event, not only for those that someone thought of.

#![expect(
    clippy::unwrap_used,
    reason = "a pattern that must parse and does not fails the test"
)]

use pattern::Pattern;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-9..9i64).prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |number| number.is_finite().then(|| json!(number))),
        "[ab*.:\\\\]{0,4}".prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
    ]
}

const KEYS: &str = "[a-c.]{0,2}";
const KEYS_WITHOUT_DOTS: &str = "[a-c]{0,2}";

fn tree(keys: &'static str) -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keys, inner), 0..4)
                .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

fn event(keys: &'static str) -> impl Strategy<Value = Value> {
    prop::collection::vec((keys, tree(keys)), 0..5)
        .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into())
}

/// JSON that is nearly a pattern: known operators in odd places.
fn almost_pattern() -> impl Strategy<Value = Value> {
    let operand = prop_oneof![
        leaf(),
        prop::collection::vec(leaf(), 0..3).prop_map(Value::from)
    ];
    let name = prop::sample::select(vec![
        "prefix",
        "suffix",
        "equals-ignore-case",
        "wildcard",
        "anything-but",
        "numeric",
        "exists",
        "cidr",
        "exactly",
        "$or",
        "a",
        "a.b",
        "=",
        "<",
        "10.0.0.0/8",
    ]);
    operand.prop_recursive(5, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..4).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect::<Map<_, _>>()
                    .into()
            }),
        ]
    })
}

/// The pattern that asks for every leaf of the event by its own value, or `None` when the event
/// has no leaf. Keys hold no dots: two that spell one path ask for one field, and the last would
/// win. Objects within arrays are left out: leaves of different elements cannot be asked
/// for together.
fn own_leaves(object: &Map<String, Value>) -> Option<Value> {
    let mut fields = Map::new();
    for (key, value) in object {
        let wanted = match value {
            Value::Object(inner) => own_leaves(inner),
            Value::Array(items) => items
                .iter()
                .find(|item| !item.is_array() && !item.is_object())
                .map(|item| json!([item])),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Some(json!([value]))
            }
        };
        fields.extend(wanted.map(|wanted| (key.clone(), wanted)));
    }
    (!fields.is_empty()).then_some(Value::Object(fields))
}

fn parse(pattern: &Value) -> Pattern {
    let parsed = Pattern::parse(&pattern.to_string());
    assert!(parsed.is_ok(), "{pattern}: {parsed:?}");
    parsed.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_anything_panic(text in "\\PC{0,60}", event in "\\PC{0,60}") {
        if let Ok(pattern) = Pattern::parse(&text) {
            let _ = pattern.matches_text(&event);
        }
        let _ = Pattern::parse(r#"{"a":[1]}"#).unwrap().matches_text(&event);
    }

    #[test]
    fn no_json_makes_anything_panic(pattern in almost_pattern(), event in tree(KEYS)) {
        if let Ok(pattern) = Pattern::parse(&pattern.to_string()) {
            let explanation = pattern.explain(&event);
            prop_assert_eq!(explanation.matched, pattern.matches(&event));
            prop_assert!(!explanation.to_string().is_empty());
        }
    }

    #[test]
    fn text_is_read_as_serde_json_reads_it(text in r#"[\[\]{}",:0-9.eE+\-a-b\\u ntrfals]{0,12}"#) {
        let object = format!(r#"{{"a":{text}}}"#);
        let ours = Pattern::parse(r#"{"a":[{"exists":true}]}"#).unwrap().matches_text(&object);
        let theirs = serde_json::from_str::<Value>(&object);
        // A number beyond all doubles is the one thing that only we read.
        let beyond = matches!(&theirs, Err(error) if error.to_string().contains("out of range"));
        prop_assert!(beyond || ours.is_ok() == theirs.is_ok(), "{object}: {ours:?}, {theirs:?}");
    }

    #[test]
    fn a_tree_and_its_text_get_the_same_verdict(pattern in almost_pattern(), event in event(KEYS)) {
        if let Ok(pattern) = Pattern::parse(&pattern.to_string()) {
            prop_assert_eq!(Ok(pattern.matches(&event)), pattern.matches_text(&event.to_string()));
        }
    }

    #[test]
    fn an_event_matches_the_pattern_of_its_own_leaves(event in event(KEYS_WITHOUT_DOTS)) {
        if let Some(pattern) = event.as_object().and_then(own_leaves) {
            prop_assert!(parse(&pattern).matches(&event), "{pattern} {event}");
        }
    }

    #[test]
    fn anything_but_is_the_complement_where_there_is_one_value(excluded in leaf(), found in leaf()) {
        prop_assume!(excluded.is_number() || excluded.is_string());
        let is = json!({"a": [excluded]});
        let is_not = json!({"a": [{"anything-but": excluded}]});
        // An address is compared by value as a plain string, but by spelling here.
        prop_assume!(!excluded.as_str().is_some_and(|text| text.contains(':') || text.contains('.')));
        let Ok(is_not) = Pattern::parse(&is_not.to_string()) else {
            // Only a number that no double is exactly cannot be excluded.
            prop_assert!(excluded.is_number());
            return Ok(());
        };
        let event = json!({"a": found});
        prop_assert_eq!(parse(&is).matches(&event), !is_not.matches(&event));
        let without = json!({});
        prop_assert!(!is_not.matches(&without));
    }

    #[test]
    fn affixes_and_case_agree_with_the_strings_they_are_cut_from(text in "\\PC{0,8}", at in 0..9usize) {
        let cut = text.char_indices().nth(at).map_or(text.len(), |(at, _)| at);
        let (head, tail) = text.split_at(cut);
        let event = json!({"a": text});
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('*', "\\*");
        for (operator, operand) in [
            ("prefix", json!(head)),
            ("suffix", json!(tail)),
            ("prefix", json!({"equals-ignore-case": head.to_ascii_uppercase()})),
            ("suffix", json!({"equals-ignore-case": tail.to_ascii_lowercase()})),
            ("equals-ignore-case", json!(text.to_ascii_uppercase())),
            ("wildcard", json!(escaped(&text))),
            ("wildcard", json!(format!("{}*", escaped(head)))),
            ("wildcard", json!(format!("*{}", escaped(tail)))),
            ("exactly", json!(text)),
        ] {
            let pattern = json!({"a": [{operator: operand}]});
            // A title-case letter is neither of its own two cases.
            let titled = text.chars().any(|c| c.to_lowercase().ne([c]) && c.to_uppercase().ne([c]));
            if let Ok(parsed) = Pattern::parse(&pattern.to_string()) {
                prop_assert!(titled || parsed.matches(&event), "{pattern} {event}");
            } else {
                prop_assert_eq!(operator, "wildcard");
            }
        }
    }
}
