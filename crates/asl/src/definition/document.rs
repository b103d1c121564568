//! The document as a whole: the machine's own fields, then its states, then where they lead.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::fields::Fields;
use super::{Definition, Language, Machine, MachineAt, State, StateAt, reach, states};
use crate::context::MachineType;
use crate::limits::{MACHINE_DEPTH_MAX, TIMEOUT_SECONDS_MAX};
use crate::problem::{About, Problem, ProblemCode};
use crate::time::Millis;

/// What the parsers of states share.
pub(super) struct Parsing {
    pub(super) machine_type: MachineType,
    /// The places of the states of the machine in hand.
    local: HashMap<Arc<str>, StateAt>,
    /// The language of the whole machine.
    pub(super) language: Language,
    pub(super) problems: Vec<Problem>,
    /// Names that lead nowhere; only reported when everything else is right.
    pub(super) dangling: Vec<Problem>,
    /// What is legal but not run here; only reported when nothing is wrong.
    pub(super) not_yet: Vec<Problem>,
    machines: Vec<Machine>,
    states: Vec<Option<State>>,
    index: HashMap<Arc<str>, StateAt>,
    depth: usize,
}

impl Parsing {
    /// The place of a state by its name; a name that is unknown is noted.
    pub(super) fn target(&mut self, name: &str, location: String) -> StateAt {
        match self.local.get(name) {
            Some(at) => *at,
            None => {
                let about = About::Target {
                    name: name.to_owned(),
                    known: self.local.keys().map(|name| name.to_string()).collect(),
                };
                let message = format!("Missing 'Next' target: {name}");
                self.dangling
                    .push(Problem::target(message, location).about(about));
                NOWHERE
            }
        }
    }

    /// Parses the states of a machine: the outermost one's, or those inside a state. Problems are
    /// noted in `self.problems`.
    pub(super) fn machine(
        &mut self,
        start_at: Option<&str>,
        list: &Map<String, Value>,
        location: &str,
    ) -> MachineAt {
        let at = self.machines.len();
        let first = self.states.len();
        let states = first..first + list.len();
        self.machines.push(Machine {
            start_at: NOWHERE,
            states: states.clone(),
            location: location.to_owned(),
        });
        if self.depth >= MACHINE_DEPTH_MAX {
            let message = "Parallel and Map states are nested too deeply";
            self.problems.push(Problem::schema(message, location));
            return at;
        }
        self.states.extend(list.iter().map(|_| None));
        let outer = std::mem::take(&mut self.local);
        for (name, place) in list.keys().zip(states.clone()) {
            self.name(name, place, location);
        }
        self.depth += 1;
        for ((name, state), place) in list.iter().zip(states) {
            let location = format!("{location}/States/{name}");
            let parsed = states::parse(name, state, location, self);
            if let Some(slot) = self.states.get_mut(place) {
                *slot = parsed;
            }
        }
        self.depth -= 1;
        let start_at = start_at.map(|name| self.target(name, format!("{location}/StartAt")));
        if let Some(machine) = self.machines.get_mut(at) {
            machine.start_at = start_at.unwrap_or(NOWHERE);
        }
        self.local = outer;
        at
    }

    /// Source: developer guide, "State names must be unique within the scope of the whole state
    /// machine".
    fn name(&mut self, name: &str, place: StateAt, location: &str) {
        let name: Arc<str> = Arc::from(name);
        self.local.insert(Arc::clone(&name), place);
        if self.index.insert(Arc::clone(&name), place).is_some() {
            let message = format!("State name \"{name}\" is used more than once");
            let location = format!("{location}/States/{name}");
            self.problems.push(Problem::schema(message, location));
        }
    }
}

/// What stands in a document, before it is judged as a whole.
#[derive(Debug)]
pub(crate) struct Examined {
    pub(crate) comment: Option<String>,
    pub(crate) timeout: Option<Millis>,
    pub(crate) machines: Vec<Machine>,
    /// None in the place of a state that could not be parsed; why is among the problems.
    pub(crate) states: Vec<Option<State>>,
    index: HashMap<Arc<str>, StateAt>,
    /// What does not have the shape that the language asks for.
    pub(crate) problems: Vec<Problem>,
    /// Names that lead nowhere.
    pub(crate) dangling: Vec<Problem>,
    /// What is legal but not run here.
    pub(crate) not_yet: Vec<Problem>,
}

/// Reads a document to its end, whatever is wrong on the way.
///
/// # Errors
/// When there is no list of states that could be read.
pub(crate) fn examine(text: &str, machine_type: MachineType) -> Result<Examined, Vec<Problem>> {
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
    let language = match fields.query_language() {
        Some("JSONata") => Language::Jsonata,
        _ => Language::JsonPath,
    };
    let start_at = fields.text("StartAt");
    let Some(list) = fields.object("States") else {
        return Err(problems);
    };
    let mut parsing = Parsing {
        machine_type,
        local: HashMap::new(),
        language,
        problems,
        dangling: Vec::new(),
        not_yet: Vec::new(),
        machines: Vec::new(),
        states: Vec::new(),
        index: HashMap::new(),
        depth: 0,
    };
    parsing.machine(start_at, list, "");
    Ok(Examined {
        comment,
        timeout,
        machines: parsing.machines,
        states: parsing.states,
        index: parsing.index,
        problems: parsing.problems,
        dangling: parsing.dangling,
        not_yet: parsing.not_yet,
    })
}

pub(super) fn parse(text: &str, machine_type: MachineType) -> Result<Definition, Vec<Problem>> {
    let examined = examine(text, machine_type)?;
    for found in [examined.problems, examined.not_yet] {
        if !found.is_empty() {
            return Err(found);
        }
    }
    // Whatever could not be parsed is a problem that was noted.
    let states = examined.states.into_iter().collect::<Option<Vec<State>>>();
    let definition = Definition {
        comment: examined.comment,
        timeout: examined.timeout,
        machines: examined.machines,
        states: states.unwrap_or_default(),
        index: examined.index,
    };
    let mut problems = examined.dangling;
    problems.extend(reach::problems(&definition.machines, &definition.states));
    if problems.is_empty() {
        Ok(definition)
    } else {
        Err(problems)
    }
}

impl Examined {
    /// Machines that never end and states that nothing leads to. Nothing is said of those where a
    /// state could not be parsed: it might lead anywhere.
    pub(crate) fn reach_problems(&self) -> Vec<Problem> {
        let states = self.states.iter().cloned().collect::<Option<Vec<State>>>();
        states.map_or_else(Vec::new, |states| reach::problems(&self.machines, &states))
    }
}

/// Not the place of any state.
const NOWHERE: StateAt = StateAt::MAX;
