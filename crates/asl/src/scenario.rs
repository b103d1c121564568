//! Scenarios: what a state machine is to do with an input when its tasks answer so and so.
//!
//! A file of them is JSON, as inputs, outputs and the definition itself are, with the words of the
//! language and of the mocks of Step Functions Local. Time is virtual, luck comes from a seed, and
//! nothing is called: a scenario does the same each time.

mod coverage;
mod judge;

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::advance::Run;
use crate::context::Context;
use crate::definition::Definition;
use crate::graph::Trail;
use crate::mock::{self, Answer, MockError, MockedRun, Reply, Thrown};
use crate::time::{Millis, parse_rfc3339};

pub use coverage::{Coverage, Share};
pub use judge::Mismatch;

/// A file of scenarios.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Scenarios {
    /// For people.
    pub comment: Option<String>,
    /// The definition's file, relative to this one.
    pub definition: Option<String>,
    /// The scenarios, in the order in which they are run.
    pub scenarios: Vec<Scenario>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub name: String,
    /// For people.
    pub comment: Option<String>,
    /// What the execution is started with.
    #[serde(default = "empty_object")]
    pub input: Value,
    /// When it starts, as RFC 3339.
    pub start_time: Option<String>,
    /// What luck is made from: jitter, `States.UUID` and the like.
    #[serde(default)]
    pub seed: u64,
    /// For each state the answers of its task, in the order in which they are given.
    #[serde(default)]
    pub mocks: BTreeMap<String, Vec<Mock>>,
    /// What is to come of it.
    pub expect: Expect,
}

/// An answer of a task.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Mock {
    /// Only for calls whose input has all of this; for any call otherwise.
    pub when: Option<Value>,
    /// The result.
    #[serde(default, deserialize_with = "given")]
    pub r#return: Option<Value>,
    /// The error.
    pub throw: Option<Thrown>,
    /// `true`: it never answers, so that only a time-out ends it.
    #[serde(default)]
    pub never: bool,
    /// How long it takes, in seconds of virtual time.
    #[serde(default)]
    pub after_seconds: f64,
    /// How often it is given.
    #[serde(default)]
    pub times: Times,
}

/// How often an answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Times {
    /// So often, and no less.
    Exactly(u32),
    /// As often as it is asked for.
    Any(Any),
}

/// The word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Any {
    /// As often as it is asked for.
    #[serde(rename = "any")]
    Any,
}

/// What is to come of a scenario; what is left out may be anything.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub struct Expect {
    /// `SUCCEEDED`, `FAILED`, `TIMED_OUT`, or `RUNNING` where it waits for what never comes.
    pub status: Option<String>,
    /// The output, exactly.
    #[serde(deserialize_with = "given")]
    pub output: Option<Value>,
    /// What the output has at least.
    pub output_has: Option<Value>,
    /// The error.
    pub error: Option<String>,
    /// The cause.
    pub cause: Option<String>,
    /// The states that are entered, in their order.
    pub path: Option<Vec<String>>,
    /// How long it takes, in seconds of virtual time.
    pub seconds: Option<f64>,
    /// For a state what each call of its task is given at least, in their order.
    pub calls: BTreeMap<String, Vec<Value>>,
}

/// Why a file is none of scenarios.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// Not JSON, or fields that are missing or unknown.
    #[error("not a file of scenarios: {0}")]
    Malformed(String),
    /// Something that cannot be meant.
    #[error("scenario \"{scenario}\": {what}")]
    Meaningless {
        /// Its name.
        scenario: String,
        /// What cannot be meant.
        what: String,
    },
}

/// How a scenario went.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What is not as expected; nothing where all is.
    pub mismatches: Vec<Mismatch>,
    /// The run, if it came to an end.
    pub run: Option<MockedRun>,
    /// What happened in it.
    pub trail: Trail,
    /// How long it took, in virtual time.
    pub took: Millis,
}

/// Asks for a value even where it is `null`, which is not the same as to leave it out.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn empty_object() -> Value {
    Value::Object(serde_json::Map::new())
}

impl Default for Times {
    fn default() -> Self {
        Self::Exactly(1)
    }
}

impl Scenarios {
    /// Reads a file of scenarios for `definition`.
    ///
    /// # Errors
    /// When it is none, or mocks a state that calls nothing, or says something of an answer that
    /// cannot be.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let all: Self = serde_json::from_str(text)
            .map_err(|error| ScenarioError::Malformed(error.to_string()))?;
        let mut names: Vec<&str> = Vec::new();
        for scenario in &all.scenarios {
            let what = scenario.meaningless().or_else(|| {
                let twice = names.contains(&scenario.name.as_str());
                twice.then(|| "another one has this name".to_owned())
            });
            if let Some(what) = what {
                let scenario = scenario.name.clone();
                return Err(ScenarioError::Meaningless { scenario, what });
            }
            names.push(&scenario.name);
        }
        Ok(all)
    }
}

impl Scenario {
    fn meaningless(&self) -> Option<String> {
        let time = self.start_time.as_deref();
        if time.is_some_and(|time| parse_rfc3339(time).is_none()) {
            return Some("StartTime is no time like 2026-11-23T10:00:00Z".to_owned());
        }
        for (state, mocks) in &self.mocks {
            for (at, mock) in mocks.iter().enumerate() {
                let ways = [mock.r#return.is_some(), mock.throw.is_some(), mock.never];
                if ways.iter().filter(|way| **way).count() != 1 {
                    return Some(format!(
                        "answer {at} of {state} needs exactly one of Return, Throw and Never"
                    ));
                }
                if to_millis(mock.after_seconds).is_none() {
                    return Some(format!("AfterSeconds of answer {at} of {state} is no time"));
                }
            }
        }
        let seconds = self.expect.seconds;
        seconds
            .is_some_and(|seconds| to_millis(seconds).is_none())
            .then(|| "Expect.Seconds is no time".to_owned())
    }

    /// When it starts.
    #[must_use]
    pub fn starts_at(&self) -> Millis {
        let time = self.start_time.as_deref().and_then(parse_rfc3339);
        time.map_or(DEFAULT_START, |time| time.to_millis())
    }

    /// The names that it says something of and that `definition` has no state or no task by.
    #[must_use]
    pub fn unknown_names(&self, definition: &Definition) -> Vec<String> {
        let states: Vec<&str> = definition.states().map(|(name, ..)| name).collect();
        let tasks: Vec<&str> = definition.resources().map(|(name, _)| name).collect();
        let called = self.mocks.keys().chain(self.expect.calls.keys());
        let entered = self.expect.path.iter().flatten();
        let unknown = called
            .filter(|name| !tasks.contains(&name.as_str()))
            .chain(entered.filter(|name| !states.contains(&name.as_str())));
        let mut unknown: Vec<String> = unknown.cloned().collect();
        unknown.dedup();
        unknown
    }

    /// Runs it. `context` is that of its execution, which starts at [`Scenario::starts_at`].
    #[must_use]
    pub fn run(&self, definition: &Definition, context: &Context) -> Outcome {
        let desk = RefCell::new(Desk::new(self));
        let run = Run {
            definition,
            context,
            input: &self.input,
        };
        let ended = mock::run_with(run, self.seed, |call| {
            let reply = desk.borrow_mut().answer(call.state, call.input);
            reply.ok_or_else(|| call.not_mocked())
        });
        let desk = desk.into_inner();
        match ended {
            Ok(run) => {
                let events: Vec<Value> = run
                    .history
                    .iter()
                    .map(|event| event.to_json(&self.input))
                    .collect();
                let trail = Trail::of(&events);
                let took = Millis(run.ended_at.0.saturating_sub(context.start_time.0));
                let mut mismatches = judge::judge(self, &run, &trail, took);
                mismatches.extend(desk.judge(&self.expect));
                Outcome {
                    mismatches,
                    run: Some(run),
                    trail,
                    took,
                }
            }
            Err(error) => Outcome {
                mismatches: vec![judge::not_run(&error, &desk.calls)],
                run: None,
                trail: Trail::default(),
                took: Millis(0),
            },
        }
    }
}

/// Who answers for the tasks of a scenario.
struct Desk<'s> {
    /// For each state its answers, and how often each of them was given.
    left: BTreeMap<&'s str, Vec<(&'s Mock, u32)>>,
    /// What each call was given.
    calls: BTreeMap<String, Vec<Value>>,
}

impl<'s> Desk<'s> {
    fn new(scenario: &'s Scenario) -> Self {
        let mocks = scenario.mocks.iter();
        let left = mocks.map(|(state, mocks)| {
            let unused = mocks.iter().map(|mock| (mock, 0)).collect();
            (state.as_str(), unused)
        });
        Self {
            left: left.collect(),
            calls: BTreeMap::new(),
        }
    }

    fn answer(&mut self, state: &str, input: &Value) -> Option<Reply> {
        let calls = self.calls.entry(state.to_owned()).or_default();
        calls.push(input.clone());
        let mocks = self.left.get_mut(state)?;
        let (mock, used) = mocks.iter_mut().find(|(mock, used)| {
            let has_more = match mock.times {
                Times::Exactly(times) => *used < times,
                Times::Any(Any::Any) => true,
            };
            let fits = mock
                .when
                .as_ref()
                .is_none_or(|part| judge::has(input, part));
            has_more && fits
        })?;
        *used += 1;
        Some(Reply {
            answer: match (&mock.r#return, &mock.throw) {
                (Some(result), _) => Some(Answer::Return(result.clone())),
                (None, Some(thrown)) => Some(Answer::Throw(thrown.clone())),
                (None, None) => None,
            },
            after: to_millis(mock.after_seconds).unwrap_or_default(),
        })
    }

    /// Answers that nobody asked for, and calls that were given something else.
    fn judge(&self, expect: &Expect) -> Vec<Mismatch> {
        let mut mismatches = Vec::new();
        for (state, mocks) in &self.left {
            for (at, (mock, used)) in mocks.iter().enumerate() {
                if let Times::Exactly(times) = mock.times
                    && *used < times
                {
                    mismatches.push(Mismatch {
                        what: format!("answer {at} of {state}"),
                        expected: format!("asked for {times} ×"),
                        found: format!("asked for {used} ×"),
                    });
                }
            }
        }
        for (state, expected) in &expect.calls {
            let none = Vec::new();
            let found = self.calls.get(state).unwrap_or(&none);
            mismatches.extend(judge::calls(state, expected, found));
        }
        mismatches
    }
}

/// Seconds as a time; none below zero, and none beyond all bounds.
fn to_millis(seconds: f64) -> Option<Millis> {
    let millis = (seconds * 1000.0).round();
    let is_time = (0.0..1e15).contains(&millis);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number between 0 and 10^15"
    )]
    is_time.then_some(Millis(millis as u64))
}

/// When a scenario starts that does not say: 2026-01-01T00:00:00Z.
const DEFAULT_START: Millis = Millis(1_767_225_600_000);

/// The error of a run that did not come to an end.
impl From<&MockError> for Mismatch {
    fn from(error: &MockError) -> Self {
        Self {
            what: "the run".to_owned(),
            expected: "an end".to_owned(),
            found: error.to_string(),
        }
    }
}
