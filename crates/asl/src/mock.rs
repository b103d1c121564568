//! Runs a definition with mocked task results, in virtual time.
//!
//! The mocks have the format of `MockConfigFile.json` of AWS Step Functions Local: a test
//! case names a mocked response for each state, and a response says for each invocation, or
//! range of them (`"0"`, `"1-2"`), what is returned or thrown. Nothing is ever called.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::advance::{self, AdvanceError, Command, Moment, Run, Signal};
use crate::execution::{Execution, Status, TaskId};
use crate::history::HistoryEvent;
use crate::time::Millis;

/// A whole mock configuration file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MockConfig {
    #[serde(rename = "StateMachines", default)]
    machines: BTreeMap<String, Machine>,
    #[serde(rename = "MockedResponses", default)]
    responses: BTreeMap<String, BTreeMap<String, Answer>>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Machine {
    #[serde(rename = "TestCases", default)]
    cases: BTreeMap<String, BTreeMap<String, String>>,
}

/// What one invocation of a mocked task gives.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub enum Answer {
    /// A result.
    Return(Value),
    /// An error.
    Throw(Thrown),
}

/// A mocked error.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thrown {
    /// The error's name.
    #[serde(rename = "Error")]
    pub error: Option<String>,
    /// The error's cause.
    #[serde(rename = "Cause")]
    pub cause: Option<String>,
}

/// The mocks of one test case: for each state, what its invocations give.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mocks {
    states: BTreeMap<String, Vec<(InvocationRange, Answer)>>,
}

/// First and last invocation, counted from 0.
type InvocationRange = (u32, u32);

/// How a mocked run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct MockedRun {
    /// The execution at its end: status, output, error, cause.
    pub execution: Execution,
    /// The whole history.
    pub history: Vec<HistoryEvent>,
    /// The virtual time at the end.
    pub ended_at: Millis,
}

/// Why a mocked run cannot go on, or its configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MockError {
    /// The file is no mock configuration.
    #[error("not a mock configuration: {0}")]
    Malformed(String),
    /// No such state machine in the file.
    #[error("no state machine '{0}' in the mock configuration")]
    MachineUnknown(String),
    /// No such test case.
    #[error("no test case '{0}' in the mock configuration")]
    CaseUnknown(String),
    /// A test case names a response that is not there.
    #[error("state '{state}' names the mocked response '{response}', which does not exist")]
    ResponseUnknown {
        /// The state.
        state: String,
        /// The name it gives.
        response: String,
    },
    /// An invocation range is neither `"n"` nor `"n-m"`.
    #[error("'{range}' in the mocked response '{response}' is neither a number nor a range")]
    RangeMalformed {
        /// The response.
        response: String,
        /// The text.
        range: String,
    },
    /// A task was called that has no mock for this invocation.
    #[error("state '{state}' has no mocked response for invocation {invocation}")]
    NotMocked {
        /// The state.
        state: String,
        /// Which invocation of this state's task, counted from 0.
        invocation: u32,
    },
    /// The interpreter refused a signal.
    #[error(transparent)]
    Refused(#[from] AdvanceError),
}

impl MockConfig {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// When the text is not one.
    pub fn parse(text: &str) -> Result<Self, MockError> {
        serde_json::from_str(text).map_err(|error| MockError::Malformed(error.to_string()))
    }

    /// The state machines and their test cases, sorted.
    #[must_use]
    pub fn cases(&self) -> Vec<(&str, &str)> {
        let mut list: Vec<(&str, &str)> = self
            .machines
            .iter()
            .flat_map(|(name, machine)| {
                machine
                    .cases
                    .keys()
                    .map(move |case| (name.as_str(), case.as_str()))
            })
            .collect();
        list.sort_unstable();
        list
    }

    /// The mocks of one test case.
    ///
    /// # Errors
    /// When there is no such case, or it names what is not there.
    pub fn mocks(&self, machine: &str, case: &str) -> Result<Mocks, MockError> {
        let found = self
            .machines
            .get(machine)
            .ok_or_else(|| MockError::MachineUnknown(machine.to_owned()))?;
        let case = found
            .cases
            .get(case)
            .ok_or_else(|| MockError::CaseUnknown(case.to_owned()))?;
        let mut mocks = Mocks::default();
        for (state, response) in case {
            let answers =
                self.responses
                    .get(response)
                    .ok_or_else(|| MockError::ResponseUnknown {
                        state: state.clone(),
                        response: response.clone(),
                    })?;
            for (range, answer) in answers {
                let range = parse_range(range).ok_or_else(|| MockError::RangeMalformed {
                    response: response.clone(),
                    range: range.clone(),
                })?;
                mocks.add(state, range, answer.clone());
            }
        }
        Ok(mocks)
    }
}

impl Mocks {
    /// Adds an answer of a state's task for the invocations of `range`, first and last.
    pub fn add(&mut self, state: &str, range: (u32, u32), answer: Answer) {
        self.states
            .entry(state.to_owned())
            .or_default()
            .push((range, answer));
    }

    fn answer(&self, state: &str, invocation: u32) -> Option<&Answer> {
        let answers = self.states.get(state)?;
        answers
            .iter()
            .find(|((first, last), _)| (*first..=*last).contains(&invocation))
            .map(|(_, answer)| answer)
    }
}

/// A task that was handed out, and whose answer is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The state that calls.
    pub state: &'a str,
    /// Which call of this state it is, counted from 0 over the whole run.
    pub invocation: u32,
    /// What the task is given.
    pub input: &'a Value,
}

/// What a mocked task does.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// What it gives; none when it never answers, so that only a time-out ends it.
    pub answer: Option<Answer>,
    /// How long it takes, in virtual time.
    pub after: Millis,
}

/// Runs to the end. Time starts at the context's start time and jumps from timer to timer; tasks
/// take none, and are answered in the order in which they are handed out.
///
/// # Errors
/// When a task is called for which there is no mock.
pub fn run(run: Run<'_>, mocks: &Mocks, seed: u64) -> Result<MockedRun, MockError> {
    run_with(run, seed, |call| {
        let answer = mocks.answer(call.state, call.invocation);
        answer
            .cloned()
            .map(Reply::at_once)
            .ok_or_else(|| call.not_mocked())
    })
}

/// Runs to the end, or until nothing is left to wait for, and asks what each task does. Of what is
/// due at the same time tasks come before timers, and what was handed out first comes first.
///
/// # Errors
/// Those of `reply`.
pub fn run_with(
    run: Run<'_>,
    seed: u64,
    mut reply: impl FnMut(Call<'_>) -> Result<Reply, MockError>,
) -> Result<MockedRun, MockError> {
    let mut now = run.context.start_time;
    let mut seeds = seed..;
    let mut moment = |now| Moment {
        now,
        seed: seeds.next().unwrap_or(seed),
    };
    let mut invocations: BTreeMap<String, u32> = BTreeMap::new();
    let mut transition = advance::start(run, &moment(now))?;
    let mut history = std::mem::take(&mut transition.history);
    let mut pending: Vec<(Millis, TaskId, Result<Signal, MockError>)> = Vec::new();
    while transition.execution.status() == Status::Running {
        for command in transition.commands.drain(..) {
            let Command::RunTask {
                task, state, input, ..
            } = command;
            let count = invocations.entry(state.to_string()).or_default();
            let call = Call {
                state: &state,
                invocation: *count,
                input: input.resolve(run.input),
            };
            *count += 1;
            match reply(call) {
                Ok(Reply { answer, after }) => {
                    let due = Millis(now.0.saturating_add(after.0));
                    pending.extend(answer.map(|it| (due, task, Ok(it.to_signal(task)))));
                }
                // It only matters if it comes to that: another branch may fail first.
                Err(error) => pending.push((now, task, Err(error))),
            }
        }
        // A branch that fails takes the tasks of the others with it.
        pending.retain(|(_, task, _)| transition.execution.is_outstanding(*task));
        let first = pending
            .iter()
            .enumerate()
            .min_by_key(|(at, (due, ..))| (*due, *at));
        let first = first.map(|(at, (due, ..))| (at, *due));
        let signal = match (first, transition.execution.wake_at()) {
            (Some((at, due)), wake) if wake.is_none_or(|wake| due <= wake) => {
                now = now.max(due);
                pending.remove(at).2?
            }
            (_, Some(due)) => {
                now = now.max(due);
                Signal::Tick
            }
            (_, None) => break,
        };
        transition = advance::advance(run, &transition.execution, signal, &moment(now))?;
        history.append(&mut transition.history);
    }
    Ok(MockedRun {
        execution: transition.execution,
        history,
        ended_at: now,
    })
}

impl Call<'_> {
    /// The error for a call that nobody has an answer to.
    #[must_use]
    pub fn not_mocked(&self) -> MockError {
        MockError::NotMocked {
            state: self.state.to_owned(),
            invocation: self.invocation,
        }
    }
}

impl Reply {
    /// An answer that takes no time.
    #[must_use]
    pub fn at_once(answer: Answer) -> Self {
        Self {
            answer: Some(answer),
            after: Millis(0),
        }
    }
}

impl Answer {
    fn to_signal(&self, task: TaskId) -> Signal {
        match self {
            Self::Return(output) => Signal::TaskSucceeded {
                task,
                output: output.clone(),
            },
            Self::Throw(Thrown { error, cause }) => Signal::TaskFailed {
                task,
                error: error.clone(),
                cause: cause.clone(),
                retry_after: None,
            },
        }
    }
}

fn parse_range(text: &str) -> Option<InvocationRange> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (range.0 <= range.1).then_some(range)
}
