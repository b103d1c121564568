//! `payhook pattern test`.

use super::home::Home;

const EVENT: &str = r#"{"eventName":"MODIFY","amount":7}"#;

fn home() -> Home {
    Home::new(&[
        ("pattern.json", r#"{"eventName":["MODIFY"],"amount":["7"]}"#),
        ("event.json", EVENT),
        ("payhook.toml", "[workflow]\nfilter = \"modify.json\"\n"),
        ("modify.json", r#"{"eventName":["MODIFY"]}"#),
    ])
}

#[test]
fn the_field_that_decided_is_named_with_what_it_has_and_what_was_wanted() {
    home().run("pattern test --pattern pattern.json --event event.json").says(
        1,
        &[
            "no match\n",
            "✗ amount: 7 does not match [\"7\"] (the event has a number here; strings match strings only)",
            "✓ eventName: \"MODIFY\" matches [\"MODIFY\"]",
        ],
    );
    let report = home()
        .run("--json pattern test --pattern pattern.json --event event.json")
        .json(1);
    assert_eq!(report["matched"], false);
    let field = &report["alternatives"][0]["fields"][0];
    assert_eq!(field["path"], "amount");
    assert_eq!(field["matched"], false);
    assert_eq!(field["found"]["values"][0], "7");
}

#[test]
fn json_is_taken_directly_and_from_standard_input() {
    let pattern = r#"{"amount":[{"numeric":[">",5]}]}"#;
    let arguments = ["pattern", "test", "--pattern", pattern, "--event", "-"];
    home()
        .run_with(&arguments, &[], EVENT)
        .says(0, &["match\n"]);
    let arguments = ["pattern", "test", "--pattern", pattern, "--event", EVENT];
    home().run_with(&arguments, &[], "").says(0, &["match\n"]);
}

#[test]
fn without_a_pattern_the_one_in_force_is_used() {
    home()
        .run("pattern test --event event.json")
        .says(1, &["no match", "INSERT"]);
    home()
        .run("--config payhook.toml pattern test --event event.json")
        .says(0, &["match"]);
}

#[test]
fn what_cannot_be_read_ends_with_2() {
    for (pattern, event, text) in [
        (
            r#"{"a":"b"}"#,
            "{}",
            "the pattern is refused: a: a field holds a list",
        ),
        (r#"{"a":["b"]}"#, "{nonsense", "the event is refused"),
        (r#"{"a":["b"]}"#, "[{}]", "give one of its elements"),
        ("no-such-file", "{}", "cannot read no-such-file"),
    ] {
        let arguments = ["pattern", "test", "--pattern", pattern, "--event", event];
        home().run_with(&arguments, &[], "").says(2, &[text]);
    }
}
