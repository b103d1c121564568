//! A parsed and checked state machine.
//!
//! Everything that can be prepared is prepared here, once: paths, templates, patterns and
//! the places that states lead to. What this interpreter cannot run is refused here.

mod document;
mod fields;
mod reach;
mod resource;
mod rules;
mod states;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::choice::Condition;
use crate::context::MachineType;
use crate::expression::{Expression, PathExpression};
use crate::path::ReferencePath;
use crate::problem::Problem;
use crate::retry::{Catcher, Retrier};
use crate::template::Template;
use crate::time::Millis;

pub use resource::{Resource, ResourceKind};

/// A state machine, ready to run.
#[derive(Debug, Clone)]
pub struct Definition {
    pub(crate) comment: Option<String>,
    pub(crate) start_at: usize,
    pub(crate) timeout: Option<Millis>,
    pub(crate) states: Vec<State>,
    pub(crate) index: HashMap<Arc<str>, usize>,
}

/// The types of states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StateType {
    /// Calls something.
    Task,
    /// Shapes data.
    Pass,
    /// Branches.
    Choice,
    /// Lets time pass.
    Wait,
    /// Ends well.
    Succeed,
    /// Ends badly.
    Fail,
}

#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) name: Arc<str>,
    pub(crate) comment: Option<String>,
    pub(crate) input_path: PathField,
    pub(crate) output_path: PathField,
    pub(crate) assign: Option<Template>,
    pub(crate) next: Next,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    State(usize),
    End,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Pass(Pass),
    Task(Box<Task>),
    Choice(Choice),
    Wait(WaitFor),
    Succeed,
    Fail(Fail),
}

/// `InputPath` or `OutputPath`.
#[derive(Debug, Clone)]
pub(crate) enum PathField {
    Whole,
    /// `null`: an empty object instead.
    Nothing,
    Path(PathExpression),
}

/// `ResultPath`.
#[derive(Debug, Clone)]
pub(crate) enum ResultPath {
    Whole,
    /// `null`: the result is dropped.
    Discard,
    At {
        text: String,
        place: ReferencePath,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Pass {
    pub(crate) parameters: Option<Template>,
    pub(crate) result: Option<Arc<Value>>,
    pub(crate) result_path: ResultPath,
}

#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) resource: Arc<Resource>,
    pub(crate) parameters: Option<Template>,
    pub(crate) credentials: Option<Template>,
    pub(crate) result_selector: Option<Template>,
    pub(crate) result_path: ResultPath,
    pub(crate) timeout: Option<Seconds>,
    pub(crate) heartbeat: Option<Seconds>,
    pub(crate) retriers: Vec<Retrier>,
    pub(crate) catchers: Vec<Catcher>,
}

/// A number of seconds, or where to find one.
#[derive(Debug, Clone)]
pub(crate) enum Seconds {
    Fixed(u64),
    At {
        field: &'static str,
        path: PathExpression,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) rules: Vec<ChoiceRule>,
    pub(crate) default: Option<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct ChoiceRule {
    pub(crate) condition: Condition,
    pub(crate) assign: Option<Template>,
    pub(crate) next: usize,
}

#[derive(Debug, Clone)]
pub(crate) enum WaitFor {
    Seconds(u64),
    SecondsAt(PathExpression),
    Until(Millis),
    UntilAt(PathExpression),
}

#[derive(Debug, Clone)]
pub(crate) struct Fail {
    pub(crate) error: Option<FailText>,
    pub(crate) cause: Option<FailText>,
}

#[derive(Debug, Clone)]
pub(crate) enum FailText {
    Fixed(String),
    At(Expression),
}

impl Definition {
    /// Parses and checks a Standard state machine.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the words of Step Functions, and everything that
    /// is legal but cannot be run here.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        Self::parse_as(text, MachineType::Standard)
    }

    /// Parses and checks a state machine of the given type.
    ///
    /// # Errors
    /// As [`Definition::parse`]; an Express machine may not wait for a callback or a job.
    pub fn parse_as(text: &str, machine_type: MachineType) -> Result<Self, Vec<Problem>> {
        document::parse(text, machine_type)
    }

    /// The machine's own comment.
    #[must_use]
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// The name of the first state.
    #[must_use]
    pub fn start_at(&self) -> &str {
        self.states
            .get(self.start_at)
            .map_or("", |state| &state.name)
    }

    /// How long an execution may run, if the machine says.
    #[must_use]
    pub fn timeout(&self) -> Option<Millis> {
        self.timeout
    }

    /// The states in the order of the document: name, type and comment.
    pub fn states(&self) -> impl Iterator<Item = (&str, StateType, Option<&str>)> {
        self.states.iter().map(|state| {
            (
                &*state.name,
                state.kind.state_type(),
                state.comment.as_deref(),
            )
        })
    }

    /// The resource of every task: name of the state, and what it calls.
    pub fn resources(&self) -> impl Iterator<Item = (&str, &Resource)> {
        self.states.iter().filter_map(|state| match &state.kind {
            Kind::Task(task) => Some((&*state.name, &*task.resource)),
            Kind::Pass(_) | Kind::Choice(_) | Kind::Wait(_) | Kind::Succeed | Kind::Fail(_) => None,
        })
    }

    /// Where each state can lead to: from, to. For drawing.
    #[must_use]
    pub fn edges(&self) -> Vec<(&str, &str)> {
        let mut edges = Vec::new();
        for state in &self.states {
            for target in state.targets() {
                if let Some(to) = self.states.get(target) {
                    edges.push((&*state.name, &*to.name));
                }
            }
        }
        edges
    }

    pub(crate) fn state(&self, name: &str) -> Option<&State> {
        self.index.get(name).and_then(|at| self.states.get(*at))
    }
}

impl State {
    /// Every state this one can lead to.
    pub(crate) fn targets(&self) -> Vec<usize> {
        let mut targets = Vec::new();
        match &self.kind {
            Kind::Choice(choice) => {
                targets.extend(choice.rules.iter().map(|rule| rule.next));
                targets.extend(choice.default);
            }
            Kind::Task(task) => {
                targets.extend(self.next.target());
                targets.extend(task.catchers.iter().map(|catcher| catcher.next));
            }
            Kind::Pass(_) | Kind::Wait(_) => targets.extend(self.next.target()),
            Kind::Succeed | Kind::Fail(_) => {}
        }
        targets
    }

    /// Whether an execution can end in this state.
    pub(crate) fn is_terminal(&self) -> bool {
        match &self.kind {
            Kind::Succeed | Kind::Fail(_) => true,
            Kind::Choice(_) => false,
            Kind::Pass(_) | Kind::Task(_) | Kind::Wait(_) => self.next == Next::End,
        }
    }
}

impl Next {
    fn target(self) -> Option<usize> {
        match self {
            Self::State(at) => Some(at),
            Self::End => None,
        }
    }
}

impl Kind {
    pub(crate) fn state_type(&self) -> StateType {
        match self {
            Self::Pass(_) => StateType::Pass,
            Self::Task(_) => StateType::Task,
            Self::Choice(_) => StateType::Choice,
            Self::Wait(_) => StateType::Wait,
            Self::Succeed => StateType::Succeed,
            Self::Fail(_) => StateType::Fail,
        }
    }
}

impl StateType {
    /// The name in the language.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Task => "Task",
            Self::Pass => "Pass",
            Self::Choice => "Choice",
            Self::Wait => "Wait",
            Self::Succeed => "Succeed",
            Self::Fail => "Fail",
        }
    }
}
