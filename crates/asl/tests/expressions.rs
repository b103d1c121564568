//! Paths and intrinsic functions, one line per case. Sources: developer guide ("Intrinsic
//! functions"), the Jayway dialect, recorded executions.

mod common;

use common::play::Play;
use serde_json::{Value, json};

fn data() -> Value {
    json!({
        "name": "Ada", "n": 3, "half": 1.5, "zero": 0.0, "none": null, "yes": true, "text": "a,b,,c",
        "a-b": "dash", "a b": "space", "list": [1, 2, 3, 4, 5], "empty": [],
        "users": [
            {"name": "Ann", "age": 30, "tags": ["x"]},
            {"name": "Bob", "age": 17, "tags": []},
            {"name": "ann", "age": 45.5, "vip": true},
        ],
        "deep": {"x": {"y": {"name": "inner"}}}, "json": "{\"k\": [1, 2.0]}",
        "left": {"a": 1, "b": {"c": 1}}, "right": {"b": {"d": 2}, "e": 3},
    })
}

/// The value of an expression in a Pass state, or the execution's error and cause.
fn evaluate(expression: &str) -> Result<Value, String> {
    let play = Play::start(
        &json!({"StartAt": "P", "States": {"P": {
            "Type": "Pass", "Parameters": {"v.$": expression}, "End": true}}}),
        data(),
    );
    play.output()
        .map(|output| output["v"].clone())
        .ok_or_else(|| play.end())
}

fn check(cases: &[(&str, Value)]) {
    for (expression, expected) in cases {
        assert_eq!(evaluate(expression).as_ref(), Ok(expected), "{expression}");
    }
}

#[test]
fn definite_paths() {
    check(&[
        ("$", data()),
        ("$.name", json!("Ada")),
        ("$['name']", json!("Ada")),
        ("$[\"name\"]", json!("Ada")),
        ("$.a-b", json!("dash")),
        ("$['a b']", json!("space")),
        ("$.zero", json!(0.0)),
        ("$.list[0]", json!(1)),
        ("$.list[-1]", json!(5)),
        ("$.list[(@.length-1)]", json!(5)),
        ("$.deep.x.y.name", json!("inner")),
        ("$['deep']['x'].y['name']", json!("inner")),
        ("$.list.length()", json!(5)),
        ("$['name','n']", json!({"name": "Ada", "n": 3})),
        ("$.none", json!(null)),
    ]);
}

#[test]
fn indefinite_paths_give_lists() {
    check(&[
        ("$.list[*]", json!([1, 2, 3, 4, 5])),
        ("$.list[1:3]", json!([2, 3])),
        ("$.list[:2]", json!([1, 2])),
        ("$.list[-2:]", json!([4, 5])),
        ("$.list[3:99]", json!([4, 5])),
        ("$.list[4:1]", json!([])),
        ("$.list[0,4,9]", json!([1, 5])),
        ("$.users[*].name", json!(["Ann", "Bob", "ann"])),
        ("$.users[?(@.age > 18)].name", json!(["Ann", "ann"])),
        (
            "$.users[?(@.age >= 30 && @.vip == true)].name",
            json!(["ann"]),
        ),
        (
            "$.users[?(@.age < 18 || @.vip)].name",
            json!(["Bob", "ann"]),
        ),
        ("$.users[?(!(@.age < 18))].name", json!(["Ann", "ann"])),
        ("$.users[?(!@.vip)].name", json!(["Ann", "Bob"])),
        ("$.users[?(@.name =~ /a.*/)].name", json!(["ann"])),
        ("$.users[?(@.name =~ /a.*/i)].name", json!(["Ann", "ann"])),
        ("$.users[?(@.name =~ /n/)].name", json!([])),
        ("$.users[?(@.name in ['Bob', 'Cid'])].age", json!([17])),
        ("$.users[?(@.name nin ['Bob'])].age", json!([30, 45.5])),
        ("$.users[?(@.name != 'Bob')].age", json!([30, 45.5])),
        ("$.users[?('x' in @.tags)].name", json!(["Ann"])),
        ("$.users[?(@.tags empty true)].name", json!(["Bob"])),
        ("$.users[?(@.tags size 1)].name", json!(["Ann"])),
        ("$.list[?(@ > 3)]", json!([4, 5])),
        ("$.list[?(@ == $.n)]", json!([3])),
        ("$..name", json!(["Ada", "Ann", "Bob", "ann", "inner"])),
        ("$.deep..name", json!(["inner"])),
        ("$.no[*]", json!([])),
        ("$.name[1:]", json!([])),
        ("$..no", json!([])),
    ]);
}

#[test]
fn a_definite_path_that_names_nothing_says_why() {
    let path_field = |path: &str| {
        let definition = json!({"StartAt": "P", "States": {"P": {
            "Type": "Pass", "InputPath": path, "End": true}}});
        let play = Play::start(&definition, data());
        let cause = play.execution.cause().unwrap_or("none").to_owned();
        cause
            .split_once(" (entered at the event id #2). ")
            .map(|(_, text)| text.to_owned())
    };
    for (path, expected) in [
        ("$.no", "Invalid path '$.no' : No results for path: $['no']"),
        (
            "$.no.deeper",
            "Invalid path '$.no.deeper' : Missing property in path $['no']",
        ),
        (
            "$.deep.no.x",
            "Invalid path '$.deep.no.x' : Missing property in path $['deep']['no']",
        ),
        (
            "$.list[9]",
            "Invalid path '$.list[9]' : No results for path: $['list'][9]",
        ),
        (
            "$.name.x",
            "Invalid path '$.name.x' : Expected to find an object with property ['x'] in path \
             $['name'] but found 'java.lang.String'. This is not a json object according to the \
             JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.",
        ),
    ] {
        assert_eq!(path_field(path).as_deref(), Some(expected), "{path}");
    }
}

#[test]
fn functions_of_texts_and_json() {
    check(&[
        (
            "States.Format('Hi {}, {} {}', $.name, 1, $.half)",
            json!("Hi Ada, 1 1.5"),
        ),
        (
            "States.Format('{}|{}|{}', $.none, true, $.list)",
            json!("null|true|[1, 2, 3, 4, 5]"),
        ),
        ("States.Format('{}', $.left)", json!("{a=1, b={c=1}}")),
        (
            "States.Format('\\{\\} it\\'s \\\\ {}', 1)",
            json!("{} it's \\ 1"),
        ),
        ("States.StringToJson($.json)", json!({"k": [1, 2.0]})),
        (
            "States.JsonToString($.left)",
            json!("{\"a\":1,\"b\":{\"c\":1}}"),
        ),
        (
            "States.JsonMerge($.left, $.right, false)",
            json!({"a": 1, "b": {"d": 2}, "e": 3}),
        ),
        ("States.StringSplit($.text, ',')", json!(["a", "b", "c"])),
        ("States.StringSplit('a.b,c', '.,')", json!(["a", "b", "c"])),
        (
            "States.Base64Encode('Data to encode')",
            json!("RGF0YSB0byBlbmNvZGU="),
        ),
        (
            "States.Base64Decode('RGF0YSB0byBlbmNvZGU=')",
            json!("Data to encode"),
        ),
        (
            "States.Hash('input data', 'MD5')",
            json!("812f45842bc6d66ee14572ce20db8e86"),
        ),
        (
            "States.Hash('input data', 'SHA-1')",
            json!("aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ),
        (
            "States.Hash('input data', 'SHA-256')",
            json!("b4a697a057313163aee33cd8d40c66e9f0f177e00cac2de32475ffff6169c3e3"),
        ),
    ]);
}

#[test]
fn functions_of_numbers_and_lists() {
    check(&[
        ("States.MathAdd(111, -1)", json!(110)),
        ("States.MathAdd(1.49, 1.5)", json!(3)),
        ("States.MathAdd(-3.5, 0)", json!(-3)),
        ("States.MathAdd($.half, $.zero)", json!(2)),
        (
            "States.Array('Foo', 2020, $.left, null)",
            json!(["Foo", 2020, {"a": 1, "b": {"c": 1}}, null]),
        ),
        (
            "States.ArrayPartition($.list, 4)",
            json!([[1, 2, 3, 4], [5]]),
        ),
        ("States.ArrayContains($.list, 5)", json!(true)),
        ("States.ArrayContains($.users, $.users[1])", json!(true)),
        ("States.ArrayContains($.list, '5')", json!(false)),
        ("States.ArrayRange(1, 9, 2)", json!([1, 3, 5, 7, 9])),
        ("States.ArrayRange(3, 1, -1)", json!([3, 2, 1])),
        ("States.ArrayGetItem($.list, 4)", json!(5)),
        ("States.ArrayLength($.empty)", json!(0)),
        (
            "States.ArrayUnique(States.Array(1, 2, 2, 1, 'a', 'a'))",
            json!([1, 2, "a"]),
        ),
        (
            "States.ArrayGetItem($.users[?(@.age == 17)].name, 0)",
            json!("Bob"),
        ),
        (
            "States.ArrayGetItem(States.StringSplit($.text, ','), States.MathAdd(States.ArrayLength(States.StringSplit($.text, ',')), -1))",
            json!("c"),
        ),
    ]);
    let random = evaluate("States.MathRandom(1, 3)").map(|number| number.as_i64());
    assert!(matches!(random, Ok(Some(1 | 2))), "{random:?}");
    assert_eq!(
        evaluate("States.MathRandom(1, 999, 7)"),
        evaluate("States.MathRandom(1, 999, 7)")
    );
    let uuid = evaluate("States.UUID()").map(|uuid| uuid.as_str().map_or(0, str::len));
    assert_eq!(uuid, Ok(36));
}

#[test]
fn a_function_that_cannot_fails_the_execution() {
    for expression in [
        "States.ArrayGetItem($.list, 5)",
        "States.ArrayGetItem($.name, 0)",
        "States.StringToJson($.name)",
        "States.Base64Decode('!')",
        "States.Hash('a', 'SHA-3')",
        "States.ArrayRange(1, 5000, 1)",
        "States.ArrayRange(1, 5, 0)",
        "States.ArrayPartition($.list, 0)",
        "States.JsonMerge($.left, $.right, true)",
        "States.Format('{} {}', 1)",
        "States.Format('{}', 1, 2)",
        "States.MathAdd($.name, 1)",
    ] {
        let end = evaluate(expression).unwrap_err();
        assert!(
            end.starts_with("FAILED States.IntrinsicFailure"),
            "{expression}: {end}"
        );
        assert!(end.contains(&format!(
            "The function '{expression}' had the following error: "
        )));
    }
    let missing = evaluate("States.JsonToString($.no)").unwrap_err();
    assert!(missing.starts_with("FAILED States.Runtime"), "{missing}");
}

#[test]
fn what_is_no_expression_is_refused_before_anything_runs() {
    for text in [
        "ipsum",
        "$.a[",
        "$.a['b",
        "$.",
        "$[?(@.a",
        "$[?(@.a ==)]",
        "$[1:x]",
        "$.a b",
        "$1a",
        " States.UUID()",
        "States.UUID( ",
        "States.UUID(1)",
        "States.Xyz($.a)",
        "States.MathAdd(1,'-1')",
        "States.Format()",
        "States.Format('\\n')",
        "States.Format('open)",
        "States.Format('a' 'b')",
        "States.ArrayLength(a)",
        "States.Format('{}', $.a))",
        "",
    ] {
        let definition = json!({"StartAt": "P", "States": {"P": {
            "Type": "Pass", "Parameters": {"v.$": text}, "End": true}}});
        let refused = asl::definition::Definition::parse(&definition.to_string());
        let problems = refused.expect_err(text);
        assert_eq!(
            problems[0].message,
            "The value for the field 'v.$' must be a valid JSONPath or a valid intrinsic function \
             call",
            "{text}"
        );
    }
}
