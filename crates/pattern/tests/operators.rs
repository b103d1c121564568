//! Every operator, on both sides of each of its boundaries. One line is one case: the list of
//! values of field `a`, the value of `a` in the event (`-` for none), and whether they match.

use pattern::Pattern;

fn check(table: &[(&str, &str, bool)]) {
    for (list, value, expected) in table {
        let pattern = format!(r#"{{"a": [{list}]}}"#);
        let event = if *value == "-" {
            "{}".to_owned()
        } else {
            format!(r#"{{"a": {value}}}"#)
        };
        let verdict = Pattern::parse(&pattern).map(|pattern| pattern.matches_text(&event));
        assert_eq!(verdict, Ok(Ok(*expected)), "{pattern} against {event}");
    }
}

#[test]
fn plain_values_match_their_own_type_only() {
    check(&[
        (r#""x""#, r#""x""#, true),
        (r#""x""#, r#""X""#, false),
        (r#""x""#, r#""xx""#, false),
        (r#""x""#, "-", false),
        (r#""""#, r#""""#, true),
        (r#""""#, "null", false),
        (r#""\u00e9""#, r#""é""#, true),
        (r#""5""#, "5", false),
        ("5", r#""5""#, false),
        ("5", "5.0", true),
        ("100000", "1e5", true),
        ("1e5", "100000", true),
        ("-0", "0.0", true),
        ("5", "5.0000001", false),
        ("true", "true", true),
        ("true", "false", false),
        ("true", r#""true""#, false),
        ("false", "null", false),
        ("null", "null", true),
        ("null", "-", false),
        ("null", r#""null""#, false),
        (r#"1, "x", null"#, "null", true),
        (r#"1, "x", null"#, r#""y""#, false),
        (r#"{"exactly": "x"}"#, r#""x""#, true),
        (r#"{"exactly": "x"}"#, r#""xy""#, false),
    ]);
}

#[test]
fn a_number_that_is_no_double_equals_its_own_spelling_only() {
    check(&[
        ("9007199254740993", "9007199254740993", true),
        ("9007199254740993", "9007199254740992", false),
        ("9007199254740993", "9007199254740993.0", false),
        ("1e400", "1e400", true),
        ("1e400", "1E400", false),
        ("1e400, 5", "5.0", true),
    ]);
}

#[test]
fn an_address_matches_every_spelling_of_itself() {
    check(&[
        (r#""10.0.0.1""#, r#""10.0.0.1""#, true),
        (r#""10.0.0.1""#, r#""10.0.0.001""#, true),
        (r#""10.0.0.1""#, r#""10.0.0.2""#, false),
        (r#""::1""#, r#""0:0:0:0:0:0:0:1""#, true),
        (r#""FE80::a""#, r#""fe80::A""#, true),
        (r#"{"exactly": "10.0.0.1"}"#, r#""10.0.0.001""#, false),
        (r#"{"prefix": "10.0.0"}"#, r#""10.0.0.001""#, true),
    ]);
}

#[test]
fn prefix_and_suffix() {
    check(&[
        (r#"{"prefix": "ab"}"#, r#""ab""#, true),
        (r#"{"prefix": "ab"}"#, r#""abc""#, true),
        (r#"{"prefix": "ab"}"#, r#""a""#, false),
        (r#"{"prefix": "ab"}"#, r#""Abc""#, false),
        (r#"{"prefix": ""}"#, r#""""#, true),
        (r#"{"prefix": ""}"#, "1", false),
        (r#"{"prefix": "1"}"#, "12", false),
        (r#"{"suffix": "bc"}"#, r#""abc""#, true),
        (r#"{"suffix": "bc"}"#, r#""abcd""#, false),
        (r#"{"suffix": ""}"#, r#""x""#, true),
        (r#"{"suffix": ""}"#, "null", false),
        (
            r#"{"prefix": {"equals-ignore-case": "aB"}}"#,
            r#""AbC""#,
            true,
        ),
        (
            r#"{"prefix": {"equals-ignore-case": "aB"}}"#,
            r#""acB""#,
            false,
        ),
        (
            r#"{"suffix": {"equals-ignore-case": "é.PNG"}}"#,
            r#""X-É.png""#,
            true,
        ),
        (
            r#"{"suffix": {"equals-ignore-case": ".png"}}"#,
            r#""x.png2""#,
            false,
        ),
    ]);
}

#[test]
fn equals_ignore_case() {
    check(&[
        (r#"{"equals-ignore-case": "Ab"}"#, r#""aB""#, true),
        (r#"{"equals-ignore-case": "Ab"}"#, r#""abc""#, false),
        (r#"{"equals-ignore-case": ""}"#, r#""""#, true),
        (r#"{"equals-ignore-case": "1"}"#, "1", false),
        (r#"{"equals-ignore-case": "true"}"#, "true", false),
    ]);
}

#[test]
fn wildcard() {
    check(&[
        (r#"{"wildcard": "*"}"#, r#""""#, true),
        (r#"{"wildcard": "*"}"#, "1", false),
        (r#"{"wildcard": "a*c"}"#, r#""ac""#, true),
        (r#"{"wildcard": "a*c"}"#, r#""abcc""#, true),
        (r#"{"wildcard": "a*c"}"#, r#""abcd""#, false),
        (r#"{"wildcard": "a*a"}"#, r#""a""#, false),
        (r#"{"wildcard": "a\\*c"}"#, r#""a*c""#, true),
        (r#"{"wildcard": "a\\*c"}"#, r#""abc""#, false),
        (r#"{"wildcard": "a\\\\*"}"#, r#""a\\b""#, true),
        (r#"{"wildcard": "abc"}"#, r#""abc""#, true),
        (r#"{"wildcard": "abc"}"#, r#""abcd""#, false),
    ]);
}

#[test]
fn anything_but_leaves_out_what_it_names_and_nothing_else() {
    check(&[
        (r#"{"anything-but": "x"}"#, r#""x""#, false),
        (r#"{"anything-but": "x"}"#, r#""y""#, true),
        (r#"{"anything-but": "x"}"#, "null", true),
        (r#"{"anything-but": "x"}"#, "-", false),
        (r#"{"anything-but": "5"}"#, "5", true),
        (r#"{"anything-but": 5}"#, "5.0", false),
        (r#"{"anything-but": 5}"#, r#""5""#, true),
        (r#"{"anything-but": 5}"#, "1e400", true),
        (r#"{"anything-but": ["x", "y"]}"#, r#""y""#, false),
        (r#"{"anything-but": ["x", "y"]}"#, r#""z""#, true),
        (r#"{"anything-but": [1, 2e0]}"#, "2", false),
        (r#"{"anything-but": [1, 2e0]}"#, "3", true),
        (r#"{"anything-but": {"prefix": "ab"}}"#, r#""abc""#, false),
        (r#"{"anything-but": {"prefix": "ab"}}"#, r#""ac""#, true),
        (r#"{"anything-but": {"prefix": "1"}}"#, "1", true),
        (
            r#"{"anything-but": {"prefix": ["ab", "x"]}}"#,
            r#""xy""#,
            false,
        ),
        (
            r#"{"anything-but": {"suffix": ["ab", "x"]}}"#,
            r#""xy""#,
            true,
        ),
        (
            r#"{"anything-but": {"suffix": ["ab", "x"]}}"#,
            r#""yx""#,
            false,
        ),
        (
            r#"{"anything-but": {"equals-ignore-case": "x"}}"#,
            r#""X""#,
            false,
        ),
        (
            r#"{"anything-but": {"equals-ignore-case": ["x", "y"]}}"#,
            r#""z""#,
            true,
        ),
        (
            r#"{"anything-but": {"wildcard": "a*c"}}"#,
            r#""abc""#,
            false,
        ),
        (
            r#"{"anything-but": {"wildcard": ["a*c", "*z"]}}"#,
            r#""ab""#,
            true,
        ),
        (
            r#"{"anything-but": {"wildcard": ["a*c", "*z"]}}"#,
            r#""z""#,
            false,
        ),
        // One element that is not left out is enough.
        (r#"{"anything-but": "x"}"#, r#"["x", "y"]"#, true),
        (r#"{"anything-but": "x"}"#, r#"["x", "x"]"#, false),
        (r#"{"anything-but": "x"}"#, "[]", false),
        // Two of them leave out nothing together.
        (
            r#"{"anything-but": "x"}, {"anything-but": "y"}"#,
            r#""x""#,
            true,
        ),
    ]);
}

#[test]
fn numeric_ends_are_in_or_out_as_written() {
    check(&[
        (r#"{"numeric": ["=", 5]}"#, "5.0", true),
        (r#"{"numeric": ["=", 5]}"#, "5.1", false),
        (r#"{"numeric": ["<", 5]}"#, "4.999999999999999", true),
        (r#"{"numeric": ["<", 5]}"#, "5", false),
        (r#"{"numeric": ["<=", 5]}"#, "5", true),
        (r#"{"numeric": ["<=", 5]}"#, "5.000000000000001", false),
        (r#"{"numeric": [">", -5]}"#, "-5", false),
        (r#"{"numeric": [">", -5]}"#, "-4.999999999999999", true),
        (r#"{"numeric": [">=", -5]}"#, "-5.0", true),
        (r#"{"numeric": [">=", -5]}"#, "-5.000000000000001", false),
        (r#"{"numeric": [">", 0, "<=", 5]}"#, "0", false),
        (r#"{"numeric": [">", 0, "<=", 5]}"#, "4.9e-324", true),
        (r#"{"numeric": [">", 0, "<=", 5]}"#, "5", true),
        (r#"{"numeric": [">=", 0, "<", 5]}"#, "-0.0", true),
        (r#"{"numeric": [">=", 0, "<", 5]}"#, "5", false),
        (
            r#"{"numeric": [">=", 1e300]}"#,
            "1.7976931348623157e308",
            true,
        ),
        // Beyond the doubles nothing can be compared.
        (r#"{"numeric": [">=", 1e300]}"#, "1e309", false),
        (
            r#"{"numeric": [">", 9007199254740990]}"#,
            "9007199254740993",
            false,
        ),
        (r#"{"numeric": ["=", 5]}"#, r#""5""#, false),
        (r#"{"numeric": ["<", 5]}"#, "null", false),
    ]);
}

#[test]
fn exists_asks_for_a_value_and_not_for_a_key() {
    check(&[
        (r#"{"exists": true}"#, "null", true),
        (r#"{"exists": true}"#, r#""""#, true),
        (r#"{"exists": true}"#, "[1]", true),
        (r#"{"exists": true}"#, "[]", false),
        (r#"{"exists": true}"#, "{}", false),
        (r#"{"exists": true}"#, r#"{"b": 1}"#, false),
        (r#"{"exists": true}"#, "-", false),
        (r#"{"exists": false}"#, "-", true),
        (r#"{"exists": false}"#, "null", false),
        (r#"{"exists": false}"#, "[[]]", true),
        (r#"{"exists": false}"#, r#"{"b": 1}"#, true),
        (r#"{"exists": false}, "x""#, r#""x""#, true),
        (r#"{"exists": false}, "x""#, r#""y""#, false),
        (r#"{"exists": false}, {"exists": true}"#, r#""y""#, true),
    ]);
}

#[test]
fn cidr() {
    check(&[
        (r#"{"cidr": "10.0.0.0/24"}"#, r#""10.0.0.255""#, true),
        (r#"{"cidr": "10.0.0.0/24"}"#, r#""10.0.1.0""#, false),
        (r#"{"cidr": "10.0.0.0/24"}"#, r#""10.0.0""#, false),
        (
            r#"{"cidr": "2001:db8::/33"}"#,
            r#""2001:db8:7fff::1""#,
            true,
        ),
        (
            r#"{"cidr": "2001:db8::/33"}"#,
            r#""2001:db8:8000::""#,
            false,
        ),
        (r#"{"cidr": "10.0.0.0/24"}, "host""#, r#""host""#, true),
    ]);
}
