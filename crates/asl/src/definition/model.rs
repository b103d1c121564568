//! What a definition is made of once it is parsed: machines, their states, and what the types of
//! states have of their own.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use super::{Resource, StateType};
use crate::choice::Condition;
use crate::expression::{Expression, PathExpression};
use crate::path::ReferencePath;
use crate::retry::{Catcher, Retrier};
use crate::template::Template;
use crate::time::Millis;

/// The place of a state among all of a definition's states.
pub(crate) type StateAt = usize;

/// The place of a machine among all of a definition's machines.
pub(crate) type MachineAt = usize;

/// States that lead to each other: the whole definition, a branch, or what a Map does for an item.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) start_at: StateAt,
    /// Its own states; those of the machines inside it are elsewhere.
    pub(crate) states: Range<StateAt>,
    /// Where it stands in the document; empty for the outermost.
    pub(crate) location: String,
}

/// One state. What its type or its query language does not have is empty here.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) name: Arc<str>,
    pub(crate) comment: Option<String>,
    pub(crate) language: Language,
    pub(crate) input_path: PathField,
    /// `Parameters`, or `Arguments` in JSONata.
    pub(crate) parameters: Option<Template>,
    pub(crate) result_selector: Option<Template>,
    pub(crate) result_path: ResultPath,
    pub(crate) output_path: PathField,
    /// `Output` in JSONata.
    pub(crate) output: Option<Template>,
    pub(crate) assign: Option<Template>,
    pub(crate) retriers: Vec<Retrier>,
    pub(crate) catchers: Vec<Catcher>,
    pub(crate) next: Next,
    pub(crate) kind: Kind,
}

/// What the expressions of a state are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    JsonPath,
    Jsonata,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    State(StateAt),
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
    Parallel(Parallel),
    Map(Box<Map>),
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
    pub(crate) result: Option<Arc<Value>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) resource: Arc<Resource>,
    pub(crate) credentials: Option<Template>,
    pub(crate) timeout: Option<Amount>,
    pub(crate) heartbeat: Option<Amount>,
}

/// The value of a field that is found by a path or computed by JSONata.
#[derive(Debug, Clone)]
pub(crate) struct Computed {
    /// The field's name: with `Path` at its end if it is a path.
    pub(crate) name: String,
    pub(crate) expression: Expression,
}

/// A whole number.
#[derive(Debug, Clone)]
pub(crate) enum Amount {
    Fixed(u64),
    Computed(Computed),
}

#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) rules: Vec<ChoiceRule>,
    pub(crate) default: Option<StateAt>,
}

#[derive(Debug, Clone)]
pub(crate) struct ChoiceRule {
    pub(crate) when: When,
    pub(crate) output: Option<Template>,
    pub(crate) assign: Option<Template>,
    pub(crate) next: StateAt,
}

/// What a rule asks.
#[derive(Debug, Clone)]
pub(crate) enum When {
    Tests(Condition),
    /// `Condition` in JSONata.
    Query(Computed),
}

#[derive(Debug, Clone)]
pub(crate) enum WaitFor {
    Seconds(u64),
    SecondsAt(Computed),
    Until(Millis),
    UntilAt(Computed),
}

#[derive(Debug, Clone)]
pub(crate) struct Fail {
    pub(crate) error: Option<FailText>,
    pub(crate) cause: Option<FailText>,
}

#[derive(Debug, Clone)]
pub(crate) enum FailText {
    Fixed(String),
    Computed(Computed),
}

#[derive(Debug, Clone)]
pub(crate) struct Parallel {
    pub(crate) branches: Vec<MachineAt>,
}

#[derive(Debug, Clone)]
pub(crate) struct Map {
    pub(crate) items: Items,
    /// `ItemSelector`, or `Parameters` as it was called before: what an iteration begins with, if
    /// not the item itself.
    pub(crate) selector: Option<Template>,
    pub(crate) processor: MachineAt,
    pub(crate) mode: Mode,
    /// How many iterations may run at once; 0 for any number.
    pub(crate) max_concurrency: Amount,
    pub(crate) tolerance: Tolerance,
}

/// How a Map runs its iterations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As branches of the execution.
    Inline,
    /// As executions of their own, whose histories are not the parent's.
    Distributed {
        /// `Label`, a part of their names.
        label: Option<String>,
    },
}

/// Where a Map has its list from.
#[derive(Debug, Clone)]
pub(crate) enum Items {
    /// All that the state sees.
    Whole,
    /// `ItemsPath`.
    Path(PathExpression),
    /// `Items`.
    Template(Template),
}

/// How many iterations of a Map may fail before it fails itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tolerance {
    pub(crate) count: Option<Amount>,
    pub(crate) percentage: Option<Percentage>,
}

/// A number from 0 to 100.
#[derive(Debug, Clone)]
pub(crate) enum Percentage {
    Fixed(f64),
    Computed(Computed),
}

impl State {
    /// Every state of its own machine that this one can lead to.
    pub(crate) fn targets(&self) -> Vec<StateAt> {
        let mut targets = Vec::new();
        if let Kind::Choice(choice) = &self.kind {
            targets.extend(choice.rules.iter().map(|rule| rule.next));
            targets.extend(choice.default);
        }
        targets.extend(self.next.target());
        targets.extend(self.catchers.iter().map(|catcher| catcher.next));
        targets
    }

    /// Whether its machine can end in this state.
    pub(crate) fn is_terminal(&self) -> bool {
        match &self.kind {
            Kind::Succeed | Kind::Fail(_) => true,
            Kind::Choice(_) => false,
            Kind::Pass(_) | Kind::Task(_) | Kind::Wait(_) | Kind::Parallel(_) | Kind::Map(_) => {
                self.next == Next::End
            }
        }
    }

    /// The machines that run inside this state.
    pub(crate) fn machines(&self) -> &[MachineAt] {
        match &self.kind {
            Kind::Parallel(parallel) => &parallel.branches,
            Kind::Map(map) => std::slice::from_ref(&map.processor),
            Kind::Pass(_)
            | Kind::Task(_)
            | Kind::Choice(_)
            | Kind::Wait(_)
            | Kind::Succeed
            | Kind::Fail(_) => &[],
        }
    }
}

impl Tolerance {
    /// Whether the state says how many.
    pub(crate) fn is_limited(&self) -> bool {
        self.count.is_some() || self.percentage.is_some()
    }
}

impl Next {
    fn target(self) -> Option<StateAt> {
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
            Self::Parallel(_) => StateType::Parallel,
            Self::Map(_) => StateType::Map,
        }
    }

    /// Whether the state may be tried again, and so counts its retries.
    pub(crate) fn can_retry(&self) -> bool {
        match self {
            Self::Task(_) | Self::Parallel(_) | Self::Map(_) => true,
            Self::Pass(_) | Self::Choice(_) | Self::Wait(_) | Self::Succeed | Self::Fail(_) => {
                false
            }
        }
    }
}
