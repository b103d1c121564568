//! What is refused, with the piece of text that is at fault and what to do about it.

use std::collections::HashSet;

use serde_json::error::Category;

use super::names::nearest;
use super::{Code, Finding, Lint};
use crate::definition::{Examined, StateAt};
use crate::problem::{About, Problem};

impl Lint<'_> {
    /// The text is no JSON.
    pub(super) fn syntax(&mut self, error: &serde_json::Error) {
        let span = self.source.at(error.line(), error.column());
        let text = error.to_string();
        let message = text.split(" at line ").next().unwrap_or_default();
        let rest = self.source.text().get(span.bytes.start..).unwrap_or("");
        let help = if rest.starts_with("//") || rest.starts_with("/*") {
            "JSON has no comments; machines and states have a field for them: \"Comment\""
        } else if rest.starts_with('\'') {
            "texts stand in double quotes"
        } else if error.classify() == Category::Eof {
            "something that was opened is not closed"
        } else if message.contains("trailing comma") {
            "take the comma before this away"
        } else {
            "the definition must be JSON (RFC 8259)"
        };
        self.findings.push(Finding {
            code: Code::Syntax,
            message: message.to_owned(),
            help: Some(help.to_owned()),
            location: None,
            pointer: String::new(),
            span,
        });
    }

    pub(super) fn refuse_all(&mut self, examined: &Examined) {
        let direct = [&examined.problems, &examined.not_yet, &examined.dangling];
        for problem in direct.into_iter().flatten() {
            self.refused_among(problem.clone(), Some(examined));
        }
        // A state is out of reach because the name that led to it is misspelled: that is one
        // mistake, and told already.
        let meant = meant(examined);
        for problem in examined.reach_problems() {
            let is_told = match &problem.about {
                About::Unreachable(name) => meant.contains(name.as_str()),
                About::Place
                | About::Field { .. }
                | About::Missing(_)
                | About::Word(_)
                | About::Target { .. } => false,
            };
            if !is_told {
                self.refused(problem);
            }
        }
    }

    pub(super) fn refused(&mut self, problem: Problem) {
        self.refused_among(problem, None);
    }

    fn refused_among(&mut self, problem: Problem, examined: Option<&Examined>) {
        let location = problem.location.as_deref().unwrap_or("/");
        let place = self.source.place(location);
        let about_name = match &problem.about {
            About::Field { name, .. } => self.source.field(location, name),
            About::Place
            | About::Missing(_)
            | About::Word(_)
            | About::Target { .. }
            | About::Unreachable(_) => None,
        };
        let span = match (about_name, place) {
            (Some(place), _) => self.source.key_span(place),
            (None, Some(place)) => self.source.span_of(place),
            (None, None) => self.source.span(0..self.source.text().len().min(1)),
        };
        let help = match &problem.about {
            About::Place => None,
            About::Field { name, known } => Some(unknown_field(name, known)),
            About::Missing(names) => Some(missing(names)),
            About::Word(words) => {
                let given = self.source.text().get(span.bytes.clone()).unwrap_or("");
                let known = words.iter().map(String::as_str);
                nearest(given.trim_matches('"'), known).map(did_you_mean)
            }
            About::Target { name, known } => Some(unknown_target(name, known, examined)),
            About::Unreachable(_) => {
                Some("let a Next, Default, Choices or Catch lead to it, or take it away".to_owned())
            }
        };
        let pointer = about_name.or(place).map(|place| place.pointer.clone());
        self.findings.push(Finding {
            code: Code::Refused(problem.code),
            message: problem.message,
            help,
            location: problem.location,
            pointer: pointer.unwrap_or_default(),
            span,
        });
    }
}

/// The states that would be reached if every misspelled name were the one that was meant.
fn meant(examined: &Examined) -> HashSet<&str> {
    let place_of = |name: &str| -> Option<StateAt> {
        examined.states.iter().position(|state| {
            let state = state.as_ref();
            state.is_some_and(|state| &*state.name == name)
        })
    };
    let mut open: Vec<StateAt> = examined
        .dangling
        .iter()
        .filter_map(|problem| match &problem.about {
            About::Target { name, known } => nearest(name, known.iter().map(String::as_str)),
            About::Place
            | About::Field { .. }
            | About::Missing(_)
            | About::Word(_)
            | About::Unreachable(_) => None,
        })
        .filter_map(place_of)
        .collect();
    let mut reached = HashSet::new();
    while let Some(at) = open.pop() {
        if let Some(Some(state)) = examined.states.get(at)
            && reached.insert(&*state.name)
        {
            open.extend(state.targets());
        }
    }
    reached
}

fn did_you_mean(name: &str) -> String {
    format!("did you mean \"{name}\"?")
}

fn unknown_field(name: &str, known: &[&str]) -> String {
    if let Some((_, instead)) = OTHER_LANGUAGE
        .iter()
        .find(|(other, instead)| *other == name && known.contains(instead))
    {
        return format!("'{name}' belongs to the other query language; here it is '{instead}'");
    }
    if known.contains(&"Type") && ELSEWHERE.contains(&name) {
        return format!("a state of this type has no '{name}'; take it away");
    }
    match nearest(name, known.iter().copied()) {
        Some(near) => did_you_mean(near),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// Fields of one query language, and what says the same in the other.
const OTHER_LANGUAGE: &[(&str, &str)] = &[
    ("Parameters", "Arguments"),
    ("Parameters", "Output"),
    ("InputPath", "Arguments"),
    ("ResultSelector", "Output"),
    ("ResultPath", "Output"),
    ("OutputPath", "Output"),
    ("Result", "Output"),
    ("InputPath", "Output"),
    ("ItemsPath", "Items"),
    ("Iterator", "ItemProcessor"),
    ("SecondsPath", "Seconds"),
    ("TimestampPath", "Timestamp"),
    ("TimeoutSecondsPath", "TimeoutSeconds"),
    ("HeartbeatSecondsPath", "HeartbeatSeconds"),
    ("MaxConcurrencyPath", "MaxConcurrency"),
    ("ErrorPath", "Error"),
    ("CausePath", "Cause"),
    ("Variable", "Condition"),
    ("Arguments", "Parameters"),
    ("Output", "ResultSelector"),
    ("Output", "OutputPath"),
    ("Items", "ItemsPath"),
    ("Condition", "Variable"),
];

/// Fields of other types of states.
const ELSEWHERE: &[&str] = &[
    "Next",
    "End",
    "Retry",
    "Catch",
    "Resource",
    "Seconds",
    "Branches",
    "Choices",
    "Default",
    "Error",
    "Cause",
    "TimeoutSeconds",
    "HeartbeatSeconds",
];

fn missing(names: &[String]) -> String {
    let examples: Vec<&str> = names.iter().map(|name| example(name)).collect();
    let either = names.iter().any(|name| name == "End");
    format!(
        "add {}",
        examples.join(if either { " or " } else { " and " })
    )
}

fn example(name: &str) -> &'static str {
    match name {
        "Next" => "\"Next\": \"<the state that follows>\"",
        "End" => "\"End\": true",
        "Type" => "\"Type\": \"Task\" (or Pass, Choice, Wait, Succeed, Fail, Parallel, Map)",
        "StartAt" => "\"StartAt\": \"<the first state>\"",
        "States" => "\"States\": {\"<name>\": {…}}",
        "Resource" => "\"Resource\": \"<what the task calls>\"",
        "ErrorEquals" => "\"ErrorEquals\": [\"States.ALL\"]",
        "Choices" => "\"Choices\": [{…}]",
        "Branches" => "\"Branches\": [{\"StartAt\": …, \"States\": {…}}]",
        "Variable" => "\"Variable\": \"$.<field>\"",
        "Condition" => "\"Condition\": \"{% … %}\"",
        _ => "the field",
    }
}

fn unknown_target(name: &str, known: &[String], examined: Option<&Examined>) -> String {
    let states = examined.map_or(&[][..], |examined| &examined.states);
    if states.iter().flatten().any(|state| &*state.name == name) {
        return format!(
            "\"{name}\" belongs to another machine: nothing leads into a branch or an iteration, \
             or out of one; end here with \"End\": true"
        );
    }
    if let Some(near) = nearest(name, known.iter().map(String::as_str)) {
        return did_you_mean(near);
    }
    let mut known: Vec<&str> = known.iter().map(String::as_str).collect();
    known.sort_unstable();
    format!("the states of this machine are: {}", known.join(", "))
}
