//! One state of the document.

use std::sync::Arc;

use serde_json::Value;

use super::document::Parsing;
use super::fields::Fields;
use super::{
    Amount, Computed, Fail, FailText, Kind, Language, Next, Pass, PathField, Resource,
    ResourceKind, State, Task, WaitFor, allowed, nested, rules,
};
use crate::context::MachineType;
use crate::expression::Expression;
use crate::limits::{STATE_NAME_CHARS_MAX, TIMEOUT_SECONDS_MAX, WAIT_SECONDS_MAX};
use crate::problem::{About, Problem};
use crate::time::parse_rfc3339;

pub(super) fn parse(
    name: &str,
    value: &Value,
    location: String,
    parsing: &mut Parsing,
) -> Option<State> {
    if name.is_empty() || name.chars().count() > STATE_NAME_CHARS_MAX {
        let message = format!("State name must have 1 to {STATE_NAME_CHARS_MAX} characters");
        parsing
            .problems
            .push(Problem::schema(message, location.as_str()));
    }
    let Value::Object(map) = value else {
        parsing
            .problems
            .push(Problem::schema("Expected value of type Object", location));
        return None;
    };
    // The list is taken out so that the fields can note problems while names are looked up.
    let mut problems = std::mem::take(&mut parsing.problems);
    let mut fields = Fields::new(map, location, &mut problems);
    let state = parse_fields(name, &mut fields, parsing);
    parsing.problems = problems;
    state
}

fn parse_fields(name: &str, fields: &mut Fields<'_, '_>, parsing: &mut Parsing) -> Option<State> {
    fields.require(&["Type"]);
    let language = parse_language(fields, parsing);
    let kind = fields.text("Type")?;
    let Some(own) = allowed::fields(kind, language) else {
        let message = format!(
            "The field 'Type' should have one of these values: [{}]",
            allowed::TYPES.join(", ")
        );
        fields.not_one_of("Type", message, &allowed::TYPES);
        return None;
    };
    fields.refuse_others(&own);
    check_credentials(fields);
    let has = |field: &str| own.contains(&field);
    let comment = fields.text("Comment").map(str::to_owned);
    let kind = parse_kind(kind, fields, parsing)?;
    let next = if has("Next") {
        parse_next(fields, parsing)
    } else {
        Next::End
    };
    let parameters = match (&kind, language) {
        // A Map has no parameters of its own: those it may have are its iterations'.
        (Kind::Map(_), _) => None,
        (_, Language::JsonPath) => fields.template("Parameters"),
        (_, Language::Jsonata) => fields.template("Arguments"),
    };
    let mut path_field = |name: &str| match has(name) {
        true => fields.path_field(name),
        false => PathField::Whole,
    };
    Some(State {
        input_path: path_field("InputPath"),
        output_path: path_field("OutputPath"),
        name: Arc::from(name),
        comment,
        language,
        parameters,
        result_selector: fields.template("ResultSelector"),
        result_path: fields.result_path("ResultPath"),
        output: fields.template("Output"),
        assign: fields.assign(),
        retriers: rules::parse_retriers(fields),
        catchers: rules::parse_catchers(fields, parsing),
        next,
        kind,
    })
}

/// The language of a state is its own, or else that of the whole machine, however deep it is.
fn parse_language(fields: &mut Fields<'_, '_>, parsing: &Parsing) -> Language {
    let own = fields.query_language();
    if parsing.language == Language::Jsonata && own == Some("JSONPath") {
        fields.wrong(
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
        );
    }
    let language = match own {
        Some("JSONata") => Language::Jsonata,
        Some(_) => Language::JsonPath,
        None => parsing.language,
    };
    fields.set_language(language);
    language
}

fn parse_kind(kind: &str, fields: &mut Fields<'_, '_>, parsing: &mut Parsing) -> Option<Kind> {
    match kind {
        "Pass" => Some(Kind::Pass(Pass {
            result: fields.get("Result").map(|result| Arc::new(result.clone())),
        })),
        "Task" => parse_task(fields, parsing),
        "Choice" => Some(Kind::Choice(rules::parse_choice(fields, parsing))),
        "Wait" => parse_wait(fields),
        "Fail" => Some(parse_fail(fields)),
        "Parallel" => nested::parse_parallel(fields, parsing),
        "Map" => nested::parse_map(fields, parsing),
        _ => Some(Kind::Succeed),
    }
}

fn parse_next(fields: &mut Fields<'_, '_>, parsing: &mut Parsing) -> Next {
    let next = fields
        .text("Next")
        .map(|name| parsing.target(name, fields.at("Next")));
    let is_end = fields.flag("End") == Some(true);
    match (next, is_end) {
        (Some(at), false) => Next::State(at),
        (None, true) => Next::End,
        (Some(_), true) => {
            fields.wrong("Only one of these fields may be given: [Next, End]");
            Next::End
        }
        (None, false) => {
            let missing = vec!["Next".to_owned(), "End".to_owned()];
            let message = "One of these fields is required: [Next, End]".to_owned();
            fields.wrong_about(message, About::Missing(missing));
            Next::End
        }
    }
}

fn parse_task(fields: &mut Fields<'_, '_>, parsing: &mut Parsing) -> Option<Kind> {
    fields.require(&["Resource"]);
    let resource = fields.text("Resource").and_then(|text| {
        let resource = Resource::parse(text);
        if resource.is_none() {
            fields.wrong_at("Resource", "Value is not a valid resource ARN");
        }
        resource
    });
    if let (Some(resource), MachineType::Express) = (&resource, parsing.machine_type) {
        refuse_in_express(resource, fields);
    }
    let seconds = 1..=TIMEOUT_SECONDS_MAX;
    let timeout = fields.amount("TimeoutSeconds", "TimeoutSecondsPath", seconds.clone());
    let heartbeat = fields.amount("HeartbeatSeconds", "HeartbeatSecondsPath", seconds);
    if let (Some(Amount::Fixed(timeout)), Some(Amount::Fixed(heartbeat))) = (&timeout, &heartbeat)
        && heartbeat >= timeout
    {
        fields.wrong("HeartbeatSeconds must be smaller than TimeoutSeconds");
    }
    let task = Task {
        resource: Arc::new(resource?),
        credentials: fields.template("Credentials"),
        timeout,
        heartbeat,
    };
    Some(Kind::Task(Box::new(task)))
}

fn refuse_in_express(resource: &Resource, fields: &mut Fields<'_, '_>) {
    let text = if resource.waits_for_token() {
        // The trailing space is in the service's own text.
        "Express state machine does not support '.waitForTaskToken' service integration "
    } else if resource.waits_for_job() {
        "Express state machine does not support '.sync' service integration"
    } else if matches!(resource.kind(), ResourceKind::Activity) {
        "Express state machine does not support Activity ARN"
    } else {
        return;
    };
    fields.wrong_at("Resource", text);
}

/// Source: recorded. The role is all that credentials are for.
fn check_credentials(fields: &mut Fields<'_, '_>) {
    if !fields.has("Credentials") {
        return;
    }
    if let Some(credentials) = fields.object("Credentials")
        && !credentials.contains_key("RoleArn")
        && !credentials.contains_key("RoleArn.$")
    {
        fields.wrong_at(
            "Credentials",
            "The field 'RoleArn' is required but was missing",
        );
    }
}

fn parse_wait(fields: &mut Fields<'_, '_>) -> Option<Kind> {
    let ways = ["Seconds", "SecondsPath", "Timestamp", "TimestampPath"];
    fields.at_most_one(&ways);
    if !ways.iter().any(|way| fields.has(way)) {
        fields.wrong(format!(
            "One of these fields is required: [{}]",
            ways.join(", ")
        ));
        return None;
    }
    if ["Seconds", "SecondsPath"].iter().any(|way| fields.has(way)) {
        let seconds = fields.amount("Seconds", "SecondsPath", 0..=WAIT_SECONDS_MAX)?;
        return Some(Kind::Wait(match seconds {
            Amount::Fixed(seconds) => WaitFor::Seconds(seconds),
            Amount::Computed(field) => WaitFor::SecondsAt(field),
        }));
    }
    if let Some(text) = fixed_text(fields, "Timestamp") {
        let instant = parse_rfc3339(text);
        if instant.is_none() {
            fields.wrong_at("Timestamp", "String does not match RFC3339 timestamp");
        }
        return instant.map(|instant| Kind::Wait(WaitFor::Until(instant.to_millis())));
    }
    let until = fields.computed("Timestamp", "TimestampPath")?;
    Some(Kind::Wait(WaitFor::UntilAt(until)))
}

/// The text under a name, unless it is a JSONata expression.
fn fixed_text<'v>(fields: &mut Fields<'v, '_>, name: &str) -> Option<&'v str> {
    if fields.is_query(name) {
        return None;
    }
    fields.text(name)
}

fn parse_fail(fields: &mut Fields<'_, '_>) -> Kind {
    let error = parse_fail_text(fields, "Error", "ErrorPath");
    let cause = parse_fail_text(fields, "Cause", "CausePath");
    Kind::Fail(Fail { error, cause })
}

fn parse_fail_text(fields: &mut Fields<'_, '_>, fixed: &str, path: &str) -> Option<FailText> {
    fields.at_most_one(&[fixed, path]);
    if let Some(text) = fixed_text(fields, fixed) {
        return Some(FailText::Fixed(text.to_owned()));
    }
    if fields.is_query(fixed) {
        let expression = fields.query(fixed)?;
        let name = fixed.to_owned();
        return Some(FailText::Computed(Computed { name, expression }));
    }
    let expression = Expression::parse(fields.text(path)?);
    if expression.is_none() {
        let message = format!(
            "The value for the field '{path}' must be a valid JSONPath or a valid intrinsic \
             function call"
        );
        fields.wrong(message);
    }
    let name = path.to_owned();
    expression.map(|expression| FailText::Computed(Computed { name, expression }))
}
