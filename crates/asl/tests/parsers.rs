//! The parsers of text from outside never panic, and what they take they can evaluate.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use asl::advance::{Moment, Run, start};
use asl::context::{Context, MachineType};
use asl::definition::Definition;
use asl::intrinsics::Call;
use asl::path::JsonPath;
use asl::time::Millis;
use proptest::prelude::*;
use serde_json::json;

fn pathlike() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("$".to_owned()),
        Just("$$".to_owned()),
        Just(".".to_owned()),
        Just("..".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("[*]".to_owned()),
        Just("[?(".to_owned()),
        Just(")]".to_owned()),
        Just("@".to_owned()),
        Just("==".to_owned()),
        Just("=~".to_owned()),
        Just("/a.*b/i".to_owned()),
        Just("&&".to_owned()),
        Just("||".to_owned()),
        Just("!".to_owned()),
        Just("'".to_owned()),
        Just("\"".to_owned()),
        Just("\\".to_owned()),
        Just(":".to_owned()),
        Just("-".to_owned()),
        Just(",".to_owned()),
        Just(" in ".to_owned()),
        Just("length()".to_owned()),
        Just("(@.length-1)".to_owned()),
        "[a-z0-9]{1,3}",
        "\\PC{0,3}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn querylike() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("$states.input".to_owned()),
        Just("$states".to_owned()),
        Just(".a".to_owned()),
        Just("$x := ".to_owned()),
        Just("$".to_owned()),
        Just("$$".to_owned()),
        Just("function($n) {".to_owned()),
        Just("}".to_owned()),
        Just("(".to_owned()),
        Just(")".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("{".to_owned()),
        Just("'k':".to_owned()),
        Just(" ? ".to_owned()),
        Just(" : ".to_owned()),
        Just(" & ".to_owned()),
        Just("..".to_owned()),
        Just("%".to_owned()),
        Just("@$i".to_owned()),
        Just("#$i".to_owned()),
        Just("~>".to_owned()),
        Just("|".to_owned()),
        Just("^(".to_owned()),
        Just("**".to_owned()),
        Just("/a+/i".to_owned()),
        Just(";".to_owned()),
        Just(",".to_owned()),
        Just("$map(".to_owned()),
        Just("$range(".to_owned()),
        Just("$partition(".to_owned()),
        Just("$now(".to_owned()),
        Just("$shuffle(".to_owned()),
        "[a-z0-9]{1,3}",
        "\\PC{0,3}",
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

fn calllike() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("States.Format".to_owned()),
        Just("States.MathAdd".to_owned()),
        Just("States.Array".to_owned()),
        Just("States.StringSplit".to_owned()),
        Just("States.Hash".to_owned()),
        Just("States.ArrayRange".to_owned()),
        Just("States.StringToJson".to_owned()),
        Just("States.ArrayGetItem".to_owned()),
        Just("(".to_owned()),
        Just(")".to_owned()),
        Just(",".to_owned()),
        Just(", ".to_owned()),
        Just("'a {} b'".to_owned()),
        Just("'\\'".to_owned()),
        Just("'".to_owned()),
        Just("1".to_owned()),
        Just("-1.5".to_owned()),
        Just("9223372036854775807".to_owned()),
        Just("1e308".to_owned()),
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("$.list".to_owned()),
        Just("$.n".to_owned()),
        Just("$$.State.Name".to_owned()),
        "\\PC{0,3}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Runs one Pass state with the expression, whatever comes of it.
fn evaluate(expression: &str) {
    run_if_valid(&json!({"StartAt": "P", "States": {
        "P": {"Type": "Pass", "Parameters": {"x.$": expression}, "End": true}}}));
}

fn run_if_valid(definition: &serde_json::Value) {
    let Ok(definition) = Definition::parse(&definition.to_string()) else {
        return;
    };
    let context = Context {
        execution_id: "e".into(),
        execution_name: "e".into(),
        start_time: Millis(0),
        role_arn: "r".into(),
        state_machine_id: "m".into(),
        state_machine_name: "m".into(),
        token_prefix: String::new(),
        machine_type: MachineType::Standard,
    };
    let input = json!({"list": [1, "b", null, {"a": [1, 2]}], "n": 3, "a": {"b": 1.5}});
    let run = Run {
        definition: &definition,
        context: &context,
        input: &input,
    };
    let end = start(
        run,
        &Moment {
            now: Millis(0),
            seed: 1,
        },
    )
    .unwrap();
    assert!(end.execution.wake_at().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_as_a_path(text in prop_oneof![pathlike(), ".{0,40}"]) {
        let _ = JsonPath::parse(&text);
        evaluate(&text);
        evaluate(&format!("${text}"));
    }

    #[test]
    fn any_text_as_a_call(text in prop_oneof![calllike(), ".{0,40}"]) {
        let _ = Call::parse(&text);
        evaluate(&text);
        evaluate(&format!("States.Format('{{}}', {text})"));
    }

    #[test]
    fn any_text_as_a_query(text in prop_oneof![querylike(), ".{0,40}"]) {
        run_if_valid(&json!({"QueryLanguage": "JSONata", "StartAt": "S", "States": {
            "S": {"Type": "Pass", "Output": format!("{{%{text}%}}"), "End": true}}}));
    }

    #[test]
    fn any_text_as_a_definition(text in ".{0,200}") {
        let _ = Definition::parse(&text);
    }

    #[test]
    fn a_definition_with_anything_in_a_field(
        field in prop_oneof![
            Just("Type"), Just("Next"), Just("End"), Just("Resource"), Just("Parameters"), Just("Retry"),
            Just("Catch"), Just("ResultPath"), Just("InputPath"), Just("Choices"), Just("Default"),
            Just("Seconds"), Just("Timestamp"), Just("TimeoutSeconds"), Just("Assign"), Just("Credentials"),
            Just("Branches"), Just("ItemProcessor"), Just("Iterator"), Just("ItemsPath"), Just("Items"),
            Just("ItemSelector"), Just("MaxConcurrency"), Just("ToleratedFailurePercentage"),
            Just("Output"), Just("Arguments"), Just("QueryLanguage"),
        ],
        kind in prop_oneof![
            Just("Task"), Just("Pass"), Just("Choice"), Just("Wait"), Just("Fail"), Just("Parallel"), Just("Map"),
        ],
        language in prop_oneof![Just("JSONPath"), Just("JSONata")],
        value in anything(),
    ) {
        let mut state = json!({"Type": kind, "QueryLanguage": language, "End": true, "Resource": "a:b", "Seconds": 1});
        state[field] = value;
        let definition = json!({"StartAt": "S", "States": {"S": state}});
        let _ = Definition::parse(&definition.to_string());
    }
}

fn anything() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|flag| json!(flag)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        pathlike().prop_map(|text| json!(text)),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let key = prop_oneof![
            "[a-z.$]{0,4}",
            Just("And".to_owned()),
            Just("Or".to_owned()),
            Just("Not".to_owned()),
            Just("Variable".to_owned()),
            Just("IsNull".to_owned()),
            Just("ErrorEquals".to_owned()),
            Just("Next".to_owned()),
            Just("BackoffRate".to_owned()),
            Just("x.$".to_owned()),
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
            proptest::collection::vec((key, inner), 0..4)
                .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
}

#[test]
fn deep_nesting_is_refused_and_not_fallen_into() {
    let filter = format!("$[?({}@.a{})]", "(".repeat(5000), ")".repeat(5000));
    assert!(JsonPath::parse(&filter).is_err());
    let not = format!("$[?({}@.a)]", "!".repeat(5000));
    assert!(JsonPath::parse(&not).is_err());
    let nested = format!("$[?(@{}{})]", "[?(@".repeat(5000), ")]".repeat(5000));
    assert!(JsonPath::parse(&nested).is_err());
    let list = format!("$[?(@.a in {}{})]", "[".repeat(5000), "]".repeat(5000));
    assert!(JsonPath::parse(&list).is_err());
    let call = format!("{}1{}", "States.Array(".repeat(5000), ")".repeat(5000));
    assert!(Call::parse(&call).is_err());
}
