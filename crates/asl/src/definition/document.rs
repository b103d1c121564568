//! The document as a whole: the machine's own fields, then its states, then where they lead.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::fields::Fields;
use super::{Definition, reach, states};
use crate::context::MachineType;
use crate::limits::TIMEOUT_SECONDS_MAX;
use crate::problem::{Problem, ProblemCode};
use crate::time::Millis;

/// What the parsers of states share.
pub(super) struct Parsing {
    pub(super) machine_type: MachineType,
    pub(super) index: HashMap<Arc<str>, usize>,
    pub(super) is_jsonata: bool,
    pub(super) problems: Vec<Problem>,
    /// Names that lead nowhere; only reported when everything else is right.
    pub(super) dangling: Vec<Problem>,
    /// What is legal but not run here; only reported when nothing is wrong.
    pub(super) not_yet: Vec<Problem>,
}

impl Parsing {
    /// The place of a state by its name; a name that is unknown is noted.
    pub(super) fn target(&mut self, name: &str, location: String) -> usize {
        match self.index.get(name) {
            Some(at) => *at,
            None => {
                self.dangling.push(Problem::target(
                    format!("Missing 'Next' target: {name}"),
                    location,
                ));
                NOWHERE
            }
        }
    }
}

pub(super) fn parse(text: &str, machine_type: MachineType) -> Result<Definition, Vec<Problem>> {
    let Ok(Value::Object(document)) = serde_json::from_str(text) else {
        let message = "Definition must be a valid JSON object";
        return Err(vec![Problem::everywhere(
            ProblemCode::SchemaValidationFailed,
            message,
        )]);
    };
    let mut problems = Vec::new();
    let mut fields = Fields::new(&document, String::new(), &mut problems);
    fields.require(&["States", "StartAt"]);
    let known = [
        "Comment",
        "QueryLanguage",
        "StartAt",
        "States",
        "TimeoutSeconds",
        "Version",
    ];
    fields.refuse_others(&known);
    let comment = fields.text("Comment").map(str::to_owned);
    fields.text("Version");
    let timeout = fields
        .whole("TimeoutSeconds", 1, TIMEOUT_SECONDS_MAX)
        .map(Millis::from_secs);
    let is_jsonata = fields.query_language() == Some("JSONata");
    let start_at = fields.text("StartAt");
    let Some(list) = fields.object("States") else {
        return Err(problems);
    };
    let mut parsing = Parsing {
        machine_type,
        index: index(list),
        is_jsonata,
        problems,
        dangling: Vec::new(),
        not_yet: Vec::new(),
    };
    if is_jsonata {
        let message = "Query language 'JSONata' is not supported yet";
        parsing
            .not_yet
            .push(Problem::not_yet(message, "/QueryLanguage"));
    }
    let states: Vec<_> = list
        .iter()
        .filter_map(|(name, state)| states::parse(name, state, &mut parsing))
        .collect();
    let start_at = start_at.map(|name| parsing.target(name, "/StartAt".to_owned()));
    let Parsing {
        problems,
        dangling,
        not_yet,
        index,
        ..
    } = parsing;
    for found in [problems, not_yet] {
        if !found.is_empty() {
            return Err(found);
        }
    }
    let start_at = start_at.unwrap_or(NOWHERE);
    let definition = Definition {
        comment,
        start_at,
        timeout,
        states,
        index,
    };
    reach::check(definition, dangling)
}

fn index(states: &Map<String, Value>) -> HashMap<Arc<str>, usize> {
    states
        .keys()
        .enumerate()
        .map(|(at, name)| (Arc::from(name.as_str()), at))
        .collect()
}

/// Not the place of any state.
const NOWHERE: usize = usize::MAX;
