//! The states that hold machines of their own: Parallel and Map.

use serde_json::Value;

use super::document::Parsing;
use super::fields::Fields;
use super::{Amount, Items, Kind, Language, MachineAt, Map, Mode, Parallel, Tolerance};
use crate::limits::LABEL_CHARS_MAX;
use crate::problem::Problem;

pub(super) fn parse_parallel(fields: &mut Fields<'_, '_>, parsing: &mut Parsing) -> Option<Kind> {
    fields.require(&["Branches"]);
    let list = fields.list("Branches");
    if list.is_empty() && fields.has("Branches") {
        fields.wrong_at("Branches", "At least one branch is required");
    }
    let mut branches = Vec::with_capacity(list.len());
    for (at, branch) in list.iter().enumerate() {
        let location = format!("{}[{at}]", fields.at("Branches"));
        branches.extend(parse_machine(
            branch,
            &location,
            BRANCH_FIELDS,
            fields,
            parsing,
        ));
    }
    Some(Kind::Parallel(Parallel { branches }))
}

pub(super) fn parse_map(fields: &mut Fields<'_, '_>, parsing: &mut Parsing) -> Option<Kind> {
    refuse_what_is_elsewhere(fields, parsing);
    fields.at_most_one(&["ItemProcessor", "Iterator"]);
    fields.at_most_one(&["ItemSelector", "Parameters"]);
    let processor = ["ItemProcessor", "Iterator"]
        .into_iter()
        .find(|name| fields.has(name));
    let Some(name) = processor else {
        fields.wrong("One of these fields is required: [ItemProcessor, Iterator]");
        return None;
    };
    let location = fields.at(name);
    let mode = parse_mode(&location, fields, name);
    let machine = fields.get(name)?;
    let processor = parse_machine(machine, &location, PROCESSOR_FIELDS, fields, parsing);
    let whole = 0..=u64::from(u32::MAX);
    let max_concurrency = fields.amount("MaxConcurrency", "MaxConcurrencyPath", whole.clone());
    let tolerance = Tolerance {
        count: fields.amount("ToleratedFailureCount", "ToleratedFailureCountPath", whole),
        percentage: fields.percentage(
            "ToleratedFailurePercentage",
            "ToleratedFailurePercentagePath",
        ),
    };
    let selector = match fields.has("ItemSelector") {
        true => fields.template("ItemSelector"),
        false => fields.template("Parameters"),
    };
    let map = Map {
        items: parse_items(fields),
        selector,
        processor: processor?,
        mode,
        max_concurrency: max_concurrency.unwrap_or(Amount::Fixed(0)),
        tolerance,
    };
    Some(Kind::Map(Box::new(map)))
}

fn parse_items(fields: &mut Fields<'_, '_>) -> Items {
    if fields.language() == Language::Jsonata {
        return fields
            .template("Items")
            .map_or(Items::Whole, Items::Template);
    }
    fields.path("ItemsPath").map_or(Items::Whole, Items::Path)
}

/// A machine inside a state. None when it is no machine; that is noted.
fn parse_machine(
    value: &Value,
    location: &str,
    known: &[&'static str],
    around: &mut Fields<'_, '_>,
    parsing: &mut Parsing,
) -> Option<MachineAt> {
    let Value::Object(map) = value else {
        around.adopt(vec![Problem::schema(
            "Expected value of type Object",
            location,
        )]);
        return None;
    };
    let mut problems = Vec::new();
    let mut fields = Fields::new(map, location.to_owned(), &mut problems);
    fields.require(&["States", "StartAt"]);
    fields.refuse_others(known);
    let start_at = fields.text("StartAt");
    let machine = fields
        .object("States")
        .map(|list| parsing.machine(start_at, list, location));
    around.adopt(problems);
    around.adopt(std::mem::take(&mut parsing.problems));
    machine
}

/// `ProcessorConfig`, which says how a Map runs its iterations.
fn parse_mode(location: &str, around: &mut Fields<'_, '_>, processor: &str) -> Mode {
    let label = around.text("Label").map(str::to_owned);
    let too_long = |label: &String| label.chars().count() > LABEL_CHARS_MAX;
    if label.as_ref().is_some_and(too_long) {
        let message = format!("A label must have at most {LABEL_CHARS_MAX} characters");
        around.wrong_at("Label", message);
    }
    let config = around
        .get(processor)
        .and_then(|it| it.get("ProcessorConfig"));
    let Some(config) = config else {
        return Mode::Inline;
    };
    let location = format!("{location}/ProcessorConfig");
    let Value::Object(map) = config else {
        around.adopt(vec![Problem::schema(
            "Expected value of type Object",
            location,
        )]);
        return Mode::Inline;
    };
    let mut problems = Vec::new();
    let mut fields = Fields::new(map, location, &mut problems);
    fields.refuse_others(&["Mode", "ExecutionType"]);
    fields.one_of("ExecutionType", &["STANDARD", "EXPRESS"]);
    let mode = fields.one_of("Mode", &["INLINE", "DISTRIBUTED"]);
    around.adopt(problems);
    match mode {
        Some("DISTRIBUTED") => Mode::Distributed { label },
        _ => Mode::Inline,
    }
}

/// Lists that stand in a bucket, and results that are to be put there.
fn refuse_what_is_elsewhere(fields: &Fields<'_, '_>, parsing: &mut Parsing) {
    for name in ["ItemReader", "ItemBatcher", "ResultWriter"] {
        if fields.has(name) {
            let message = format!("The field '{name}' of a Map state is not supported yet");
            parsing
                .not_yet
                .push(Problem::not_yet(message, fields.at(name)));
        }
    }
}

const BRANCH_FIELDS: &[&str] = &["Comment", "StartAt", "States"];

const PROCESSOR_FIELDS: &[&str] = &["Comment", "ProcessorConfig", "StartAt", "States"];
