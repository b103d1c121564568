//! What is wrong with a definition, and what in it will surprise: all of it at once, each finding
//! with its place in the text and with what to do.
//!
//! Errors are what the service refuses, in its own words. Warnings are what it takes and what then
//! does something that hardly anybody means. Notes are worth knowing once.

mod code;
mod data;
mod explain;
mod names;
mod recovery;
mod rules;
mod shape;
mod source;
mod states;

use serde_json::Value;

use crate::context::MachineType;
use crate::definition::{Examined, Kind, Resource, State, examine};

pub use code::{Code, Severity};
pub use names::nearest;
pub use source::Span;
use source::{Place, Source};

/// One thing to say about a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub code: Code,
    /// What is so, for a person.
    pub message: String,
    /// What to do about it, where that can be said.
    pub help: Option<String>,
    /// The place as Step Functions names it; none when the whole document is meant.
    pub location: Option<String>,
    /// The place as a JSON Pointer (RFC 6901).
    pub pointer: String,
    /// The piece of text to look at.
    pub span: Span,
}

/// What is known about how a definition is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Whether executions begin with a list, as those of a pipe do.
    pub input_is_list: bool,
}

/// A definition that was looked through.
#[derive(Debug)]
pub struct Lint<'t> {
    source: Source<'t>,
    document: Value,
    examined: Option<Examined>,
    findings: Vec<Finding>,
}

/// What a task calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called<'a> {
    /// The state.
    pub state: &'a str,
    /// Where the state is.
    pub location: String,
    /// What it calls.
    pub resource: &'a Resource,
    /// The `FunctionName` that it gives to a Lambda invocation, where that is a fixed text.
    pub function: Option<&'a str>,
}

/// A state that could be parsed, and all that is around it.
#[derive(Clone, Copy)]
struct Seen<'a> {
    state: &'a State,
    location: &'a str,
    /// What stands in the document.
    json: &'a Value,
    examined: &'a Examined,
}

impl<'t> Lint<'t> {
    /// Looks through the text of a Standard state machine.
    #[must_use]
    pub fn of(text: &'t str, options: Options) -> Self {
        let mut lint = Self {
            source: Source::read(text),
            document: Value::Null,
            examined: None,
            findings: Vec::new(),
        };
        match serde_json::from_str(text) {
            Err(error) => lint.syntax(&error),
            Ok(document) => {
                lint.document = document;
                lint.look_through(text, options);
            }
        }
        lint.sort();
        lint
    }

    fn look_through(&mut self, text: &str, options: Options) {
        for (location, bytes) in std::mem::take(&mut self.source.twice) {
            let name = location.rsplit('/').next().unwrap_or_default().to_owned();
            let finding = Finding {
                code: Code::DuplicateKey,
                message: format!("'{name}' stands in this object for the second time"),
                help: Some("only the last one counts; take the others away".to_owned()),
                pointer: self.pointer(&location),
                span: self.source.span(bytes),
                location: Some(location),
            };
            self.findings.push(finding);
        }
        match examine(text, MachineType::Standard) {
            Err(problems) => {
                for problem in problems {
                    self.refused(problem);
                }
            }
            Ok(examined) => {
                self.refuse_all(&examined);
                self.warn(&examined, options);
                self.examined = Some(examined);
            }
        }
    }

    fn warn(&mut self, examined: &Examined, options: Options) {
        let document = std::mem::take(&mut self.document);
        for machine in &examined.machines {
            for at in machine.states.clone() {
                let Some(Some(state)) = examined.states.get(at) else {
                    continue;
                };
                let location = format!("{}/States/{}", machine.location, state.name);
                let place = self.source.place(&location);
                let Some(json) = place.and_then(|place| document.pointer(&place.pointer)) else {
                    continue;
                };
                let seen = Seen {
                    state,
                    location: &location,
                    json,
                    examined,
                };
                self.look_at_recovery(seen);
                self.look_at_rules(seen);
                self.look_at_data(seen);
                self.look_at_state(seen);
            }
        }
        self.look_at_choices(examined, &document);
        self.look_at_lists(examined, options.input_is_list);
        self.document = document;
    }

    /// The findings: in the order of the text, and graver ones first where several are in one place.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Adds what only the caller knows.
    pub fn add(&mut self, code: Code, location: &str, message: String, help: Option<String>) {
        self.note(code, location, message, help);
        self.sort();
    }

    /// How many findings of a kind there are.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        let findings = self.findings.iter();
        findings
            .filter(|finding| finding.code.severity() == severity)
            .count()
    }

    /// What every task calls that could be read.
    #[must_use]
    pub fn calls(&self) -> Vec<Called<'_>> {
        let Some(examined) = &self.examined else {
            return Vec::new();
        };
        let mut calls = Vec::new();
        for machine in &examined.machines {
            let states = examined.states.get(machine.states.clone()).unwrap_or(&[]);
            for state in states.iter().flatten() {
                let Some(resource) = task_resource(state) else {
                    continue;
                };
                let location = format!("{}/States/{}", machine.location, state.name);
                let place = self.source.place(&location);
                let json = place.and_then(|place| self.document.pointer(&place.pointer));
                let function = ["Parameters", "Arguments"]
                    .into_iter()
                    .find_map(|name| json?.get(name)?.get("FunctionName")?.as_str())
                    .filter(|name| !name.trim_start().starts_with("{%"));
                calls.push(Called {
                    state: &state.name,
                    location,
                    resource,
                    function,
                });
            }
        }
        calls
    }

    fn note(
        &mut self,
        code: Code,
        location: &str,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let (pointer, span) = match self.source.place(location) {
            Some(place) => (place.pointer.clone(), self.source.span_of(place)),
            None => (String::new(), self.source.span(0..0)),
        };
        self.findings.push(Finding {
            code,
            message: message.into(),
            help,
            location: Some(location.to_owned()),
            pointer,
            span,
        });
    }

    fn pointer(&self, location: &str) -> String {
        let place: Option<&Place> = self.source.place(location);
        place.map_or_else(String::new, |place| place.pointer.clone())
    }

    fn sort(&mut self) {
        self.findings
            .sort_by_key(|finding| (finding.span.bytes.start, finding.code.severity()));
    }
}

fn task_resource(state: &State) -> Option<&Resource> {
    match &state.kind {
        Kind::Task(task) => Some(&task.resource),
        Kind::Pass(_)
        | Kind::Choice(_)
        | Kind::Wait(_)
        | Kind::Succeed
        | Kind::Fail(_)
        | Kind::Parallel(_)
        | Kind::Map(_) => None,
    }
}
