//! The lists of rules inside states: `Choices`, `Retry`, `Catch`.

use serde_json::{Map, Value};

use super::document::Parsing;
use super::fields::Fields;
use super::model::{Choice, ChoiceRule};
use super::{Computed, Language, When};
use crate::choice::{Comparand, ComparedAs, Condition, Is, Relation, Test, parse_glob};
use crate::limits::{
    FILTER_DEPTH_MAX, RETRY_ATTEMPTS_MAX, RETRY_DELAY_SECONDS_MAX, RETRY_INTERVAL_SECONDS_MAX,
};
use crate::problem::Problem;
use crate::retry::{Catcher, Retrier};
use crate::time::{Millis, parse_rfc3339};

pub(super) fn parse_choice(fields: &mut Fields<'_, '_>, parsing: &mut Parsing) -> Choice {
    fields.require(&["Choices"]);
    let list = fields.list("Choices");
    if list.is_empty() && fields.has("Choices") {
        fields.wrong_at("Choices", "At least one choice rule is required");
    }
    let mut problems = Vec::new();
    let mut rules = Vec::new();
    for (at, value) in list.iter().enumerate() {
        let location = format!("{}[{at}]", fields.at("Choices"));
        let rule = match fields.language() {
            Language::JsonPath => parse_rule(value, location, parsing, &mut problems),
            Language::Jsonata => {
                let shown = format!("Choices[{at}]");
                parse_query_rule(value, (location, &shown), parsing, &mut problems)
            }
        };
        rules.extend(rule);
    }
    let default = fields
        .text("Default")
        .map(|name| parsing.target(name, fields.at("Default")));
    fields.adopt(problems);
    Choice { rules, default }
}

fn parse_rule(
    value: &Value,
    location: String,
    parsing: &mut Parsing,
    problems: &mut Vec<Problem>,
) -> Option<ChoiceRule> {
    let map = object(value, &location, problems)?;
    let condition = parse_condition(map, &location, 0, problems);
    let mut fields = Fields::new(map, location, problems);
    fields.require(&["Next"]);
    let assign = fields.assign();
    let next = fields
        .text("Next")
        .map(|name| parsing.target(name, fields.at("Next")));
    Some(ChoiceRule {
        when: When::Tests(condition?),
        output: None,
        assign,
        next: next?,
    })
}

/// A rule in JSONata: `Condition` is a truth value, or an expression that comes to one.
fn parse_query_rule(
    value: &Value,
    (location, shown): (String, &str),
    parsing: &mut Parsing,
    problems: &mut Vec<Problem>,
) -> Option<ChoiceRule> {
    let map = object(value, &location, problems)?;
    let mut fields = Fields::new(map, location, problems).in_language(Language::Jsonata);
    fields.refuse_others(&["Condition", "Next", "Assign", "Output", "Comment"]);
    fields.require(&["Condition", "Next"]);
    let name = format!("{shown}/Condition");
    let when = if fields.is_query("Condition") {
        let expression = fields.query("Condition");
        expression.map(|expression| When::Query(Computed { name, expression }))
    } else {
        let holds = fields.flag("Condition");
        holds.map(|holds| match holds {
            true => When::Tests(Condition::All(Vec::new())),
            false => When::Tests(Condition::Any(Vec::new())),
        })
    };
    let output = fields.template_named("Output", &format!("{shown}/Output"));
    let assign = fields.assign();
    let next = fields
        .text("Next")
        .map(|name| parsing.target(name, fields.at("Next")));
    Some(ChoiceRule {
        when: when?,
        output,
        assign,
        next: next?,
    })
}

/// One test or combination. Only the outermost may say where to go.
fn parse_condition(
    map: &Map<String, Value>,
    location: &str,
    depth: usize,
    problems: &mut Vec<Problem>,
) -> Option<Condition> {
    if depth > FILTER_DEPTH_MAX {
        problems.push(Problem::schema(
            "Choice rules are nested too deeply",
            location,
        ));
        return None;
    }
    let around: &[&str] = if depth == 0 {
        &["Next", "Assign", "Comment"]
    } else {
        &["Comment"]
    };
    let mut names = map
        .keys()
        .map(String::as_str)
        .filter(|name| !around.contains(name));
    let combined = names
        .clone()
        .find(|name| matches!(*name, "And" | "Or" | "Not"));
    if let Some(name) = combined {
        if names.any(|other| other != name) {
            let message = format!("'{name}' must stand alone in a choice rule");
            problems.push(Problem::schema(message, location));
        }
        return parse_combined(
            name,
            map.get(name)?,
            &format!("{location}/{name}"),
            depth,
            problems,
        );
    }
    let tests: Vec<&str> = names.filter(|name| *name != "Variable").collect();
    let mut fields = Fields::new(map, location.to_owned(), problems);
    fields.require(&["Variable"]);
    let variable = fields.path("Variable");
    let [test] = tests[..] else {
        fields.wrong("A choice rule must have exactly one comparison operator");
        return None;
    };
    let test = parse_test(test, &mut fields);
    Some(Condition::Test {
        variable: variable?,
        test: test?,
    })
}

fn parse_combined(
    name: &str,
    value: &Value,
    location: &str,
    depth: usize,
    problems: &mut Vec<Problem>,
) -> Option<Condition> {
    if name == "Not" {
        let map = object(value, location, problems)?;
        let inner = parse_condition(map, location, depth + 1, problems)?;
        return Some(Condition::Not(Box::new(inner)));
    }
    let Value::Array(items) = value else {
        problems.push(Problem::schema("Expected value of type Array", location));
        return None;
    };
    if items.is_empty() {
        problems.push(Problem::schema(
            "At least one choice rule is required",
            location,
        ));
    }
    let mut parts = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let location = format!("{location}[{at}]");
        let map = object(item, &location, problems)?;
        parts.push(parse_condition(map, &location, depth + 1, problems)?);
    }
    Some(if name == "And" {
        Condition::All(parts)
    } else {
        Condition::Any(parts)
    })
}

fn parse_test(name: &str, fields: &mut Fields<'_, '_>) -> Option<Test> {
    let is = match name {
        "IsPresent" => Some(Is::Present),
        "IsNull" => Some(Is::Null),
        "IsString" => Some(Is::Text),
        "IsNumeric" => Some(Is::Number),
        "IsBoolean" => Some(Is::Flag),
        "IsTimestamp" => Some(Is::Timestamp),
        _ => None,
    };
    if let Some(what) = is {
        return fields
            .flag(name)
            .map(|expected| Test::Is { what, expected });
    }
    if name == "StringMatches" {
        return fields
            .text(name)
            .map(|pattern| Test::Matches(parse_glob(pattern)));
    }
    let Some((kind, relation)) = comparison(name.strip_suffix("Path").unwrap_or(name)) else {
        fields.unknown(name, OPERATORS);
        return None;
    };
    let with = if name.ends_with("Path") {
        Comparand::At(fields.path(name)?)
    } else {
        Comparand::Fixed(constant(name, kind, fields)?)
    };
    Some(Test::Compare {
        kind,
        relation,
        with,
    })
}

/// Every operator of a comparison; most have a form with `Path` as well.
const OPERATORS: &[&str] = &[
    "Variable",
    "Next",
    "BooleanEquals",
    "BooleanEqualsPath",
    "IsBoolean",
    "IsNull",
    "IsNumeric",
    "IsPresent",
    "IsString",
    "IsTimestamp",
    "NumericEquals",
    "NumericEqualsPath",
    "NumericGreaterThan",
    "NumericGreaterThanPath",
    "NumericGreaterThanEquals",
    "NumericGreaterThanEqualsPath",
    "NumericLessThan",
    "NumericLessThanPath",
    "NumericLessThanEquals",
    "NumericLessThanEqualsPath",
    "StringEquals",
    "StringEqualsPath",
    "StringGreaterThan",
    "StringGreaterThanPath",
    "StringGreaterThanEquals",
    "StringGreaterThanEqualsPath",
    "StringLessThan",
    "StringLessThanPath",
    "StringLessThanEquals",
    "StringLessThanEqualsPath",
    "StringMatches",
    "TimestampEquals",
    "TimestampEqualsPath",
    "TimestampGreaterThan",
    "TimestampGreaterThanPath",
    "TimestampGreaterThanEquals",
    "TimestampGreaterThanEqualsPath",
    "TimestampLessThan",
    "TimestampLessThanPath",
    "TimestampLessThanEquals",
    "TimestampLessThanEqualsPath",
    "And",
    "Or",
    "Not",
];

fn comparison(name: &str) -> Option<(ComparedAs, Relation)> {
    let (kind, relation) = [
        ("String", ComparedAs::Text),
        ("Numeric", ComparedAs::Number),
        ("Timestamp", ComparedAs::Timestamp),
        ("Boolean", ComparedAs::Flag),
    ]
    .into_iter()
    .find_map(|(prefix, kind)| name.strip_prefix(prefix).map(|rest| (kind, rest)))?;
    let relation = match relation {
        "Equals" => Relation::Equal,
        "LessThan" => Relation::Less,
        "LessThanEquals" => Relation::AtMost,
        "GreaterThan" => Relation::Greater,
        "GreaterThanEquals" => Relation::AtLeast,
        _ => return None,
    };
    (kind != ComparedAs::Flag || relation == Relation::Equal).then_some((kind, relation))
}

/// A constant of the type that the operator compares.
fn constant(name: &str, kind: ComparedAs, fields: &mut Fields<'_, '_>) -> Option<Value> {
    let value = fields.get(name)?;
    let wrong = match kind {
        ComparedAs::Text if !value.is_string() => "Expected value of type String",
        ComparedAs::Number if !value.is_number() => "Expected value of type Number",
        ComparedAs::Flag if !value.is_boolean() => "Expected value of type Boolean",
        ComparedAs::Timestamp if value.as_str().and_then(parse_rfc3339).is_none() => {
            "String does not match RFC3339 timestamp"
        }
        ComparedAs::Text | ComparedAs::Number | ComparedAs::Flag | ComparedAs::Timestamp => {
            return Some(value.clone());
        }
    };
    fields.wrong_at(name, wrong);
    None
}

pub(super) fn parse_retriers(fields: &mut Fields<'_, '_>) -> Vec<Retrier> {
    let list = fields.list("Retry");
    let mut problems = Vec::new();
    let mut retriers = Vec::with_capacity(list.len());
    for (at, value) in list.iter().enumerate() {
        let location = format!("{}[{at}]", fields.at("Retry"));
        if let Some(map) = object(value, &location, &mut problems) {
            let is_last = at + 1 == list.len();
            retriers.push(parse_retrier(
                Fields::new(map, location, &mut problems),
                is_last,
            ));
        }
    }
    fields.adopt(problems);
    retriers
}

fn parse_retrier(mut fields: Fields<'_, '_>, is_last: bool) -> Retrier {
    fields.refuse_others(&[
        "ErrorEquals",
        "IntervalSeconds",
        "MaxAttempts",
        "BackoffRate",
        "MaxDelaySeconds",
        "JitterStrategy",
        "Comment",
    ]);
    let errors = parse_errors(&mut fields, is_last);
    let interval = fields
        .whole("IntervalSeconds", 1, RETRY_INTERVAL_SECONDS_MAX)
        .unwrap_or(1);
    let max_attempts = fields
        .whole("MaxAttempts", 0, RETRY_ATTEMPTS_MAX)
        .unwrap_or(3);
    let max_delay = fields.whole("MaxDelaySeconds", 1, RETRY_DELAY_SECONDS_MAX - 1);
    if max_delay.is_some_and(|longest| longest <= interval) && fields.has("IntervalSeconds") {
        fields.wrong("MaxDelaySeconds must be greater than IntervalSeconds");
    }
    let rate = fields.get("BackoffRate").map(Value::as_f64);
    if rate.is_some_and(|rate| rate.is_none_or(|rate| rate < 1.0)) {
        fields.wrong_at("BackoffRate", "Expected a number that is at least 1.0");
    }
    let jitter = fields.one_of("JitterStrategy", &["FULL", "NONE"]);
    Retrier {
        errors,
        interval: Millis::from_secs(interval),
        max_attempts,
        backoff_rate: rate.flatten().unwrap_or(2.0),
        max_delay: max_delay.map(Millis::from_secs),
        full_jitter: jitter == Some("FULL"),
    }
}

pub(super) fn parse_catchers(fields: &mut Fields<'_, '_>, parsing: &mut Parsing) -> Vec<Catcher> {
    let list = fields.list("Catch");
    let mut problems = Vec::new();
    let mut catchers = Vec::with_capacity(list.len());
    for (at, value) in list.iter().enumerate() {
        let location = format!("{}[{at}]", fields.at("Catch"));
        let Some(map) = object(value, &location, &mut problems) else {
            continue;
        };
        let language = fields.language();
        let mut fields = Fields::new(map, location, &mut problems).in_language(language);
        let own = match language {
            Language::JsonPath => "ResultPath",
            Language::Jsonata => "Output",
        };
        fields.refuse_others(&["ErrorEquals", "Next", own, "Assign", "Comment"]);
        fields.require(&["Next"]);
        let errors = parse_errors(&mut fields, at + 1 == list.len());
        let next = fields
            .text("Next")
            .map(|name| parsing.target(name, fields.at("Next")));
        let result_path = fields.result_path("ResultPath");
        let output = fields.template_named("Output", &format!("Catch[{at}]/Output"));
        let assign = fields.assign();
        if let Some(next) = next {
            catchers.push(Catcher {
                errors,
                result_path,
                output,
                assign,
                next,
            });
        }
    }
    fields.adopt(problems);
    catchers
}

/// `ErrorEquals`: not empty; `States.ALL` alone, and in the last entry only.
fn parse_errors(fields: &mut Fields<'_, '_>, is_last: bool) -> Vec<String> {
    fields.require(&["ErrorEquals"]);
    let list = fields.list("ErrorEquals");
    if list.is_empty() && fields.has("ErrorEquals") {
        fields.wrong_at("ErrorEquals", "At least one error name is required");
    }
    let names: Vec<String> = list
        .iter()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    if names.len() != list.len() {
        fields.wrong_at("ErrorEquals", "Expected value of type String");
    }
    if names.iter().any(|name| name == "States.ALL") && (names.len() > 1 || !is_last) {
        let message = "States.ALL must appear alone, and in the last entry only";
        fields.wrong_at("ErrorEquals", message);
    }
    names
}

fn object<'v>(
    value: &'v Value,
    location: &str,
    problems: &mut Vec<Problem>,
) -> Option<&'v Map<String, Value>> {
    let map = value.as_object();
    if map.is_none() {
        problems.push(Problem::schema("Expected value of type Object", location));
    }
    map
}
