//! A parsed and checked state machine.
//!
//! Everything that can be prepared is prepared here, once: paths, templates, patterns and
//! the places that states lead to. What this interpreter cannot run is refused here.

mod allowed;
mod document;
mod fields;
mod model;
mod nested;
mod reach;
mod resource;
mod rules;
mod states;

use std::collections::HashMap;
use std::sync::Arc;

use crate::context::MachineType;
use crate::problem::Problem;
use crate::time::Millis;

pub(crate) use document::{Examined, examine};
pub(crate) use model::{
    Amount, Choice, Computed, Fail, FailText, Items, Kind, Language, Machine, MachineAt, Map, Mode,
    Next, Parallel, Pass, PathField, Percentage, ResultPath, State, StateAt, Task, Tolerance,
    WaitFor, When,
};
pub use resource::{Resource, ResourceKind};

/// A state machine, ready to run.
#[derive(Debug, Clone)]
pub struct Definition {
    pub(crate) comment: Option<String>,
    pub(crate) timeout: Option<Millis>,
    /// The outermost one first, each before those inside it.
    pub(crate) machines: Vec<Machine>,
    /// The states of all machines, machine by machine. No two have the same name.
    pub(crate) states: Vec<State>,
    pub(crate) index: HashMap<Arc<str>, StateAt>,
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
    /// Does several things at once.
    Parallel,
    /// Does one thing for each item of a list.
    Map,
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
        self.start_of(OUTERMOST)
            .and_then(|at| self.states.get(at))
            .map_or("", |state| &state.name)
    }

    /// How long an execution may run, if the machine says.
    #[must_use]
    pub fn timeout(&self) -> Option<Millis> {
        self.timeout
    }

    /// Every state, name, type and comment: those of the outermost machine in the order of the
    /// document, then those of the machines inside it.
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
            Kind::Pass(_)
            | Kind::Choice(_)
            | Kind::Wait(_)
            | Kind::Succeed
            | Kind::Fail(_)
            | Kind::Parallel(_)
            | Kind::Map(_) => None,
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

    /// The states that the machines inside a state start with, one for each machine: none but for
    /// Parallel and Map.
    pub fn inside(&self, state: &str) -> impl Iterator<Item = &str> {
        let machines = self.state(state).map_or(&[][..], State::machines);
        machines
            .iter()
            .filter_map(|machine| self.start_of(*machine))
            .filter_map(|at| self.states.get(at).map(|state| &*state.name))
    }

    pub(crate) fn state(&self, name: &str) -> Option<&State> {
        self.index.get(name).and_then(|at| self.states.get(*at))
    }

    pub(crate) fn start_of(&self, machine: MachineAt) -> Option<StateAt> {
        self.machines.get(machine).map(|machine| machine.start_at)
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
            Self::Parallel => "Parallel",
            Self::Map => "Map",
        }
    }
}

/// The machine that is the whole definition.
pub(crate) const OUTERMOST: MachineAt = 0;
