//! Where fields are found, which of them must be found together, and how `$or` multiplies.

use pattern::Pattern;
use serde_json::Value;

/// Both ways in must agree, so each case is one of raw text and one of a tree.
fn check(table: &[(&str, &str, bool)]) {
    for (pattern, event, expected) in table {
        let parsed = Pattern::parse(pattern).map_err(|error| error.to_string());
        let by_text = parsed.as_ref().map(|pattern| pattern.matches_text(event));
        assert_eq!(by_text, Ok(Ok(*expected)), "{pattern} against {event}");
        let tree = serde_json::from_str::<Value>(event).ok();
        let by_tree = parsed
            .ok()
            .zip(tree)
            .map(|(pattern, tree)| pattern.matches(&tree));
        assert_eq!(
            by_tree,
            Some(*expected),
            "{pattern} against the tree of {event}"
        );
    }
}

#[test]
fn dots_in_keys_are_steps_of_the_path() {
    check(&[
        (
            r#"{"a": {"b": {"c": [1]}}}"#,
            r#"{"a": {"b": {"c": 1}}}"#,
            true,
        ),
        (r#"{"a.b.c": [1]}"#, r#"{"a": {"b": {"c": 1}}}"#, true),
        (r#"{"a": {"b.c": [1]}}"#, r#"{"a.b": {"c": 1}}"#, true),
        (r#"{"a": {"b": {"c": [1]}}}"#, r#"{"a.b.c": 1}"#, true),
        (r#"{"a": {"b": {"c": [1]}}}"#, r#"{"a": {"b": 1}}"#, false),
        (r#"{"a.b": [1]}"#, r#"{"a.b": 2, "a": {"b": 1}}"#, true),
        (r#"{"a": [1]}"#, r#"{"a.": 1, "": {"a": 1}}"#, false),
        (r#"{"a.": [1]}"#, r#"{"a.": 1}"#, true),
        (r#"{"a": {"b": [{"exists": false}]}}"#, r#"{"x": 1}"#, true),
        (r#"{"a": {"b": [{"exists": false}]}}"#, r#"{"a": 1}"#, true),
        (
            r#"{"a": {"b": [{"exists": false}]}}"#,
            r#"{"a.b": 1}"#,
            false,
        ),
    ]);
}

#[test]
fn every_field_must_match() {
    check(&[
        (
            r#"{"a": [1], "b": {"c": [2]}}"#,
            r#"{"a": 1, "b": {"c": 2}}"#,
            true,
        ),
        (
            r#"{"a": [1], "b": {"c": [2]}}"#,
            r#"{"a": 1, "b": {"c": 3}}"#,
            false,
        ),
        (
            r#"{"a": [1], "b": {"c": [2]}}"#,
            r#"{"b": {"c": 2}}"#,
            false,
        ),
    ]);
}

#[test]
fn the_last_of_equal_keys_counts() {
    check(&[
        (r#"{"a": [1], "a": [2]}"#, r#"{"a": 2}"#, true),
        (r#"{"a": [1], "a": [2]}"#, r#"{"a": 1}"#, false),
        (
            r#"{"a": {"b": [1]}, "a.b": [2]}"#,
            r#"{"a": {"b": 2}}"#,
            true,
        ),
        (
            r#"{"a": {"b": [1]}, "a.b": [2]}"#,
            r#"{"a": {"b": 1}}"#,
            false,
        ),
        (
            r#"{"a": {"b": [1]}, "a": {"c": [2]}}"#,
            r#"{"a": {"c": 2}}"#,
            false,
        ),
        (
            r#"{"a": {"b": [1]}, "a": {"c": [2]}}"#,
            r#"{"a": {"b": 1, "c": 2}}"#,
            true,
        ),
        (r#"{"a": [1]}"#, r#"{"a": 1, "a": 2}"#, false),
        (r#"{"a": [2]}"#, r#"{"a": 1, "a": 2}"#, true),
    ]);
}

#[test]
fn arrays_are_transparent() {
    check(&[
        (r#"{"a": [2]}"#, r#"{"a": [1, [2, {"x": 0}]]}"#, true),
        (
            r#"{"a": {"b": [2]}}"#,
            r#"{"a": [{"b": 1}, [{"b": [3, 2]}]]}"#,
            true,
        ),
        (r#"{"a": {"b": [2]}}"#, r#"{"a": [{"c": 2}, 2]}"#, false),
        (
            r#"{"a": [1], "b": [4]}"#,
            r#"{"a": [1, 2], "b": [3, 4]}"#,
            true,
        ),
    ]);
}

const PEOPLE: &str = r#"{"people": [
    {"first": "Anna", "last": "Smith", "pets": [{"kind": "cat", "age": 3}, {"kind": "dog", "age": 9}]},
    {"first": "Peter", "last": "Jones", "pets": [{"kind": "cat", "age": 9}], "vip": true}
]}"#;

#[test]
fn fields_of_one_array_must_lie_in_one_element() {
    check(&[
        (
            r#"{"people": {"first": ["Anna"], "last": ["Smith"]}}"#,
            PEOPLE,
            true,
        ),
        (
            r#"{"people": {"first": ["Anna"], "last": ["Jones"]}}"#,
            PEOPLE,
            false,
        ),
        (
            r#"{"people": {"first": ["Anna", "Peter"], "last": ["Jones"]}}"#,
            PEOPLE,
            true,
        ),
        (
            r#"{"people": {"first": ["Anna"], "pets": {"kind": ["dog"], "age": [9]}}}"#,
            PEOPLE,
            true,
        ),
        (
            r#"{"people": {"first": ["Anna"], "pets": {"kind": ["cat"], "age": [9]}}}"#,
            PEOPLE,
            false,
        ),
        (
            r#"{"people": {"pets": {"kind": ["cat"], "age": [9]}}}"#,
            PEOPLE,
            true,
        ),
        (
            r#"{"people": {"first": ["Anna"], "vip": [{"exists": false}]}}"#,
            PEOPLE,
            true,
        ),
        (
            r#"{"people": {"first": ["Peter"], "vip": [{"exists": false}]}}"#,
            PEOPLE,
            false,
        ),
        (r#"{"people": {"vip": [{"exists": false}]}}"#, PEOPLE, false),
        (
            r#"{"people": {"first": ["Peter"], "vip": [{"exists": false}, true]}}"#,
            PEOPLE,
            true,
        ),
        // Different arrays do not bind each other.
        (
            r#"{"a": {"x": [1]}, "b": {"x": [2]}}"#,
            r#"{"a": [{"x": 0}, {"x": 1}], "b": [{"x": 2}]}"#,
            true,
        ),
        // Elements that are plain values lie beside their array.
        (
            r#"{"a": {"x": [1], "y": [4]}}"#,
            r#"{"a": [{"x": [0, 1], "y": [3, 4]}]}"#,
            true,
        ),
    ]);
}

#[test]
fn absence_is_judged_after_the_fields_that_sort_before() {
    // `a.x` sorts before `a.y`, so an element is chosen before `a.y` is looked for; `a.w` sorts
    // before `a.x`, and is looked for in every element.
    let event = r#"{"a": [{"x": 1}, {"w": 1, "y": 1}]}"#;
    check(&[
        (
            r#"{"a": {"x": [1], "y": [{"exists": false}]}}"#,
            event,
            true,
        ),
        (
            r#"{"a": {"x": [1], "w": [{"exists": false}]}}"#,
            event,
            false,
        ),
        // A value outside of the array would do, but only one inside makes `y` absent.
        (
            r#"{"a.x": [1], "a.y": [{"exists": false}]}"#,
            r#"{"a.x": 1, "a": [{"x": 1}, {"y": 1}]}"#,
            true,
        ),
    ]);
}

#[test]
fn or_multiplies_with_what_stands_beside_it() {
    check(&[
        (r#"{"$or": [{"a": [1]}, {"b": [2]}]}"#, r#"{"b": 2}"#, true),
        (
            r#"{"$or": [{"a": [1]}, {"b": [2]}]}"#,
            r#"{"a": 2, "b": 1}"#,
            false,
        ),
        (
            r#"{"c": [3], "$or": [{"a": [1]}, {"b": [2]}]}"#,
            r#"{"b": 2}"#,
            false,
        ),
        (
            r#"{"c": [3], "$or": [{"a": [1]}, {"b": [2]}]}"#,
            r#"{"b": 2, "c": 3}"#,
            true,
        ),
        (
            r#"{"$or": [{"a": [1]}, {"b": [2]}], "c": [3]}"#,
            r#"{"b": 2}"#,
            false,
        ),
        (
            r#"{"d": {"$or": [{"a": [1]}, {"b": [2]}]}}"#,
            r#"{"d": {"b": 2}}"#,
            true,
        ),
        (
            r#"{"$or": [{"a": [1], "b": [1]}, {"$or": [{"c": [1]}, {"d": [1]}]}]}"#,
            r#"{"d": 1}"#,
            true,
        ),
        (
            r#"{"$or": [{"a": [1], "b": [1]}, {"$or": [{"c": [1]}, {"d": [1]}]}]}"#,
            r#"{"a": 1}"#,
            false,
        ),
        (
            r#"{"$or": [{"a": [1]}, {"b": [1]}], "x": {"$or": [{"a": [1]}, {"b": [1]}]}}"#,
            r#"{"a": 1, "x": {"b": 1}}"#,
            true,
        ),
        (
            r#"{"$or": [{"a": [1]}, {"b": [1]}], "x": {"$or": [{"a": [1]}, {"b": [1]}]}}"#,
            r#"{"a": 1, "x": {}}"#,
            false,
        ),
        // What comes later replaces what came before, in the branch where it comes.
        (
            r#"{"a": [1], "$or": [{"a": [2]}, {"b": [1]}]}"#,
            r#"{"a": 2}"#,
            true,
        ),
        (
            r#"{"a": [1], "$or": [{"a": [2]}, {"b": [1]}]}"#,
            r#"{"a": 1}"#,
            false,
        ),
        // No proper `$or`, but a proper list of values for a field of that name.
        (
            r#"{"$or": [{"prefix": "a"}, {"suffix": "b"}]}"#,
            r#"{"$or": "ab"}"#,
            true,
        ),
        (r#"{"$or": ["x"]}"#, r#"{"$or": "y"}"#, false),
    ]);
}

#[test]
fn an_event_that_is_no_object_is_no_event() -> Result<(), Box<dyn std::error::Error>> {
    let pattern = Pattern::parse(r#"{"a": [{"exists": false}]}"#)?;
    assert!(pattern.matches_text("{}")?);
    for event in ["[]", "1", "null", "\"a\"", "", "{", "{} {}"] {
        assert!(pattern.matches_text(event).is_err(), "{event}");
        let tree = serde_json::from_str::<Value>(event);
        assert!(tree.is_err() || !pattern.matches(&tree?), "{event}");
    }
    Ok(())
}
