//! What is refused, where the fault lies, and what is suggested.

use pattern::{Pattern, limits};

fn error(pattern: &str) -> String {
    Pattern::parse(pattern).map_or_else(|error| error.to_string(), |_| "accepted".to_owned())
}

#[test]
fn a_refusal_names_the_place_and_the_remedy() {
    for (pattern, expected) in [
        (
            "",
            "the pattern is not JSON: unexpected end at line 1, column 1",
        ),
        (
            r#"{"a": [1]"#,
            "the pattern is not JSON: unexpected end at line 1, column 10",
        ),
        ("[]", "a pattern is a JSON object"),
        ("{}", "an empty object is not allowed"),
        (r#"{"a": {}}"#, "a: an empty object is not allowed"),
        (
            r#"{"a": []}"#,
            "a: an empty list is not allowed (to match every value there is, write [{\"exists\": true}])",
        ),
        (
            r#"{"a": {"b": 42}}"#,
            "a.b: a field holds a list of values or an object of further fields (write a list: [42])",
        ),
        (
            r#"{"a": [1, [2]]}"#,
            "a[1]: a value is a string, a number, true, false, null or an operator object",
        ),
        (r#"{"a": [{}]}"#, "a[0]: an operator object is empty"),
        (
            r#"{"a": [{"prefix": "a", "suffix": "b"}]}"#,
            "a[0]: an operator object has one key; `suffix` is a second one (write one object for each operator; any one of them then matches)",
        ),
        (
            r#"{"a": [{"prefix": "a", "prefix": "b"}]}"#,
            "a[0]: an operator object has one key; `prefix` is a second one (write one object for each operator; any one of them then matches)",
        ),
        (
            r#"{"a": [{"EXISTS": true}]}"#,
            "a[0]: `EXISTS` is no operator here (did you mean `exists`?)",
        ),
        (
            r#"{"a": [{"anythingBut": 1}]}"#,
            "a[0]: `anythingBut` is no operator here (did you mean `anything-but`?)",
        ),
        (
            r#"{"a": [{"regex": "x"}]}"#,
            "a[0]: `regex` is no operator here (known here: prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, exists, cidr, exactly)",
        ),
        (
            r#"{"a": [{"prefix": ["x"]}]}"#,
            "a[0].prefix: `prefix` takes one string (write one operator object for each string)",
        ),
        (
            r#"{"a": [{"suffix": 1}]}"#,
            "a[0].suffix: `suffix` takes one string",
        ),
        (
            r#"{"a": [{"prefix": {"wildcard": "x"}}]}"#,
            "a[0].prefix: `wildcard` is no operator here (known here: equals-ignore-case)",
        ),
    ] {
        assert_eq!(error(pattern), expected, "{pattern}");
    }
}

#[test]
fn an_operand_that_cannot_be_meant_is_refused() {
    for (pattern, expected) in [
        (
            r#"{"a": [{"exists": "true"}]}"#,
            "a[0].exists: `exists` takes true or false",
        ),
        (
            r#"{"a": [{"cidr": "10.0.0.0"}]}"#,
            "a[0].cidr: `10.0.0.0` is no CIDR block (match one address by writing it as a plain string)",
        ),
        (
            r#"{"a": [{"cidr": "10.0.0.0/32"}]}"#,
            "a[0].cidr: the mask of this CIDR block is at most 31 bits (match one address by writing it as a plain string)",
        ),
        (
            r#"{"a": [{"wildcard": "a**"}]}"#,
            "a[0].wildcard: two wildcards follow each other at character 1 (one `*` is enough)",
        ),
        (
            r#"{"a": [{"wildcard": "*:*:*:*:*:event-bus/*"}]}"#,
            "a: the wildcards of this field are too complex together (use fewer wildcards, or less alike text after them)",
        ),
        (
            r#"{"a": [{"anything-but": null}]}"#,
            "a[0].anything-but: `anything-but` takes strings or numbers, one or a list of them, or an operator object",
        ),
        (
            r#"{"a": [{"anything-but": ["x", true]}]}"#,
            "a[0].anything-but[1]: `anything-but` takes strings or numbers, one or a list of them, or an operator object",
        ),
        (
            r#"{"a": [{"anything-but": ["x", 1]}]}"#,
            "a[0].anything-but: an `anything-but` list holds strings or numbers, not both",
        ),
        (
            r#"{"a": [{"anything-but": []}]}"#,
            "a[0].anything-but: an empty list is not allowed",
        ),
        (
            r#"{"a": [{"anything-but": {"suffix": ["x", ""]}}]}"#,
            "a[0].anything-but.suffix[1]: an empty suffix within `anything-but` would exclude every string",
        ),
        (
            r#"{"a": [{"anything-but": 1e400}]}"#,
            "a[0].anything-but: 1e400 cannot be compared: no 64-bit floating point number is exactly that",
        ),
        (
            r#"{"a": [{"anything-but": {"numeric": ["=", 1]}}]}"#,
            "a[0].anything-but: `numeric` is no operator here (known here: prefix, suffix, equals-ignore-case, wildcard)",
        ),
        (
            r#"{"$or": [{"a": [1]}]}"#,
            "$or: `$or` takes a list of two or more objects (one object needs no `$or`)",
        ),
        (
            r#"{"$or": [{"a": [1]}, {"b": []}]}"#,
            "$or[1].b: an empty list is not allowed (to match every value there is, write [{\"exists\": true}])",
        ),
        (
            r#"{"$or": [{"a": [1]}, {"b": {"cidr": [1]}}]}"#,
            "$or[1].b.cidr: `cidr` is an operator's name and cannot be a field within `$or`",
        ),
    ] {
        assert_eq!(error(pattern), expected, "{pattern}");
    }
}

#[test]
fn numeric_wants_comparisons_that_something_can_meet() {
    for (list, expected) in [
        (
            "5",
            "a[0].numeric: `numeric` takes a list such as [\">\", 0, \"<=\", 5]",
        ),
        (
            "[]",
            "a[0].numeric[0]: `numeric` takes a comparison such as \"<=\" before each number",
        ),
        (
            "[5]",
            "a[0].numeric[0]: `numeric` takes a comparison such as \"<=\" before each number",
        ),
        (
            "[\"<\"]",
            "a[0].numeric[1]: `numeric` takes a number after each comparison",
        ),
        (
            "[\"<\", \"5\"]",
            "a[0].numeric[1]: `numeric` takes numbers to compare with (write numbers without quotes: [\"<\", 5])",
        ),
        (
            "[\"==\", 5]",
            "a[0].numeric[0]: `==` is no numeric comparison here (known: =, >, >=, <, <=)",
        ),
        (
            "[\"=\", 5, \"<\", 6]",
            "a[0].numeric: `numeric` has too many elements",
        ),
        (
            "[\"<\", 5, \">\", 1]",
            "a[0].numeric: `numeric` has too many elements (write the lower end first)",
        ),
        (
            "[\">\", 1, \">=\", 5]",
            "a[0].numeric[2]: `>=` is no numeric comparison here (`<` or `<=` can stand here)",
        ),
        (
            "[\">\", 1, \"<\"]",
            "a[0].numeric[3]: `numeric` takes a number after each comparison",
        ),
        (
            "[\">\", 1, \"<\", 5, 6]",
            "a[0].numeric: `numeric` has too many elements",
        ),
        (
            "[\">=\", 5, \"<=\", 5]",
            "a[0].numeric: the range is empty: its lower end must be less than its upper end",
        ),
        (
            "[\">\", 5, \"<\", 4]",
            "a[0].numeric: the range is empty: its lower end must be less than its upper end",
        ),
        (
            "[\"=\", 1e309]",
            "a[0].numeric[1]: 1e309 cannot be compared: no 64-bit floating point number is exactly that",
        ),
        (
            "[\">\", 1, \"<\", 9007199254740993]",
            "a[0].numeric[3]: 9007199254740993 cannot be compared: no 64-bit floating point number is exactly that",
        ),
        ("[\">\", 4, \"<\", 5]", "accepted"),
    ] {
        assert_eq!(
            error(&format!(r#"{{"a": [{{"numeric": {list}}}]}}"#)),
            expected,
            "{list}"
        );
    }
}

#[test]
fn length_and_depth_are_bounded() {
    let padded = |bytes: usize| {
        let text = r#"{"a": [1]}"#;
        text.to_owned() + &" ".repeat(bytes - text.len())
    };
    assert_eq!(error(&padded(limits::PATTERN_BYTES_MAX)), "accepted");
    assert!(error(&padded(limits::PATTERN_BYTES_MAX + 1)).contains("bytes long"));
    let nested = |depth: usize| r#"{"a":"#.repeat(depth - 1) + "[1]" + &"}".repeat(depth - 1);
    assert_eq!(error(&nested(limits::DEPTH_MAX - 1)), "accepted");
    assert!(error(&nested(limits::DEPTH_MAX)).contains("levels of nesting"));
}

#[test]
fn combinations_are_bounded() {
    let or = |names: std::ops::Range<usize>| {
        let alternatives: Vec<String> = names.map(|at| format!(r#"{{"f{at}":[1]}}"#)).collect();
        format!(r#""$or":[{}]"#, alternatives.join(","))
    };
    let product =
        |one: usize, other: usize| format!(r#"{{{},"x":{{{}}}}}"#, or(0..one), or(0..other));
    assert_eq!(error(&product(10, 100)), "accepted");
    assert!(error(&product(11, 91)).contains("too many combinations"));
    assert!(error(&format!("{{{}}}", or(0..limits::BRANCHES_MAX))) == "accepted");
    assert!(error(&format!("{{{}}}", or(0..limits::BRANCHES_MAX + 1))).contains("too many"));
    let plain: Vec<String> = (0..500).map(|at| format!(r#""p{at}":[1]"#)).collect();
    let beside = |alternatives| format!("{{{},{}}}", plain.join(","), or(0..alternatives));
    assert_eq!(error(&beside(39)), "accepted");
    assert!(error(&beside(40)).contains("too many combinations"));
}
