//! The one way to move an execution: what happened, when, and what follows.
//!
//! Deterministic: the same signals at the same moments give the same execution, commands and
//! history. A caller keeps the transition before it carries out a command; a command that was
//! carried out twice is answered once, and the second answer is refused.

mod fork;
mod inspect;
mod life;
mod machine;
mod recover;
mod states;
mod task;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::context::Context;
use crate::datum::Datum;
use crate::definition::{Definition, Resource};
use crate::execution::{Execution, Status, TaskId};
use crate::history::HistoryEvent;
use crate::time::Millis;

use machine::Machine;

pub use inspect::{ErrorDetails, ForkMock, Inspection, Look, inspect};

/// What stays the same through a whole execution.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The state machine.
    pub definition: &'a Definition,
    /// Who is running.
    pub context: &'a Context,
    /// What the execution was started with.
    pub input: &'a Value,
}

/// When something happens, and the only luck there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The time.
    pub now: Millis,
    /// Feeds jitter, `States.UUID`, `States.MathRandom` and task tokens. Take a fresh random
    /// number each time and keep it with the signal, so that the history can be derived again.
    pub seed: u64,
}

/// What happened to an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Signal {
    /// It starts.
    Start,
    /// A task ended well.
    TaskSucceeded {
        /// Which.
        task: TaskId,
        /// Its result.
        output: Value,
    },
    /// A task ended badly.
    TaskFailed {
        /// Which.
        task: TaskId,
        /// The error's name; a callback may leave it out.
        error: Option<String>,
        /// The error's cause.
        cause: Option<String>,
        /// How long the other side asked to be left alone: a retry waits at least as long. Nothing
        /// of the language; none where nobody asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<Millis>,
    },
    /// A task whose end is waited for (`.sync`, `.waitForTaskToken`) was accepted.
    TaskSubmitted {
        /// Which.
        task: TaskId,
        /// What the service answered.
        output: Value,
    },
    /// A task gave a sign of life.
    Heartbeat {
        /// Which.
        task: TaskId,
    },
    /// Time has passed: every timer that is due fires.
    Tick,
    /// Someone stops the execution.
    Stop {
        /// Why, in a word.
        error: Option<String>,
        /// Why, in a sentence.
        cause: Option<String>,
    },
    /// Someone lets an execution that ended badly go on from where it failed.
    Redrive,
}

/// What follows from a signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The execution as it is now. Keep it before anything else.
    pub execution: Execution,
    /// What to do once it is kept.
    pub commands: Vec<Command>,
    /// What was added to the history.
    pub history: Vec<HistoryEvent>,
}

/// Something the interpreter wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Call the resource with the input, and answer with a signal that names the task.
    RunTask {
        /// To be named in the answer.
        task: TaskId,
        /// The state that wants it.
        state: Arc<str>,
        /// What to call.
        resource: Arc<Resource>,
        /// What to call it with.
        input: Datum,
        /// The token that the input may contain, when the task waits for it to come back.
        token: Option<Arc<str>>,
        /// `Credentials`, evaluated.
        credentials: Option<Datum>,
        /// How long it may take; the interpreter's own timer enforces it.
        timeout: Option<Millis>,
        /// How long it may go without a heartbeat.
        heartbeat: Option<Millis>,
        /// 1 for the first attempt in this visit of the state.
        attempt: u32,
        /// Which branch of which state it is in, from the outermost on: `Fan[0]/Each[12]`. Empty
        /// outside of them. With the state it tells apart what is done side by side.
        branch: String,
    },
}

/// Why a signal changes nothing. The execution that was handed in is still the right one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdvanceError {
    /// The task has answered, was given up, or never was. Drop the answer.
    #[error("task {} is not outstanding", task.0)]
    TaskNotOutstanding {
        /// Which.
        task: TaskId,
    },
    /// The execution has not started.
    #[error("the execution has not started")]
    NotStarted,
    /// The execution has started before.
    #[error("the execution has already started")]
    AlreadyStarted,
    /// The execution has ended.
    #[error("the execution has ended: {}", status.as_str())]
    NotRunning {
        /// How.
        status: Status,
    },
    /// Only an unsuccessful Standard execution with room in its history can be redriven.
    #[error("the execution cannot be redriven: {reason}")]
    NotRedrivable {
        /// Why not.
        reason: &'static str,
    },
    /// The execution is in a state that the definition does not have.
    #[error("the definition has no state '{state}': it is not the one this execution runs")]
    StateUnknown {
        /// The name.
        state: String,
    },
    /// The execution was written by a program that knows more than this one.
    #[error("the execution's record has an unknown version")]
    VersionUnknown,
}

/// Starts an execution.
///
/// # Errors
/// None that a fresh execution can meet; the type is that of [`advance`].
pub fn start(run: Run<'_>, at: &Moment) -> Result<Transition, AdvanceError> {
    advance(run, &Execution::new(), Signal::Start, at)
}

/// Decides what follows from `signal`. Goes through as many states as need neither a task nor
/// time, then returns.
///
/// # Errors
/// When the signal does not fit the execution; nothing has changed then.
pub fn advance(
    run: Run<'_>,
    execution: &Execution,
    signal: Signal,
    at: &Moment,
) -> Result<Transition, AdvanceError> {
    check(run, execution, &signal)?;
    let mut machine = Machine::new(run, execution, at);
    machine.take(signal);
    Ok(machine.finish())
}

impl Machine<'_> {
    fn take(&mut self, signal: Signal) {
        if let Some(task) = signal.task() {
            self.focus_task(task);
        }
        match signal {
            Signal::Start => self.start(),
            Signal::Redrive => self.redrive(),
            Signal::Stop { error, cause } => self.stop(error, cause),
            Signal::Tick => self.tick(),
            Signal::Heartbeat { .. } => self.heartbeat(),
            Signal::TaskSubmitted { output, .. } => self.task_submitted(output),
            Signal::TaskSucceeded { output, .. } => self.task_succeeded(output),
            Signal::TaskFailed {
                error,
                cause,
                retry_after,
                ..
            } => self.task_failed(error, cause, retry_after),
        }
    }
}

fn check(run: Run<'_>, execution: &Execution, signal: &Signal) -> Result<(), AdvanceError> {
    if !execution.is_known_version() {
        return Err(AdvanceError::VersionUnknown);
    }
    let is_started = execution.event_count() > 0;
    if matches!(signal, Signal::Start) {
        return if is_started {
            Err(AdvanceError::AlreadyStarted)
        } else {
            Ok(())
        };
    }
    if !is_started {
        return Err(AdvanceError::NotStarted);
    }
    let mut states = execution.threads().map(|(_, thread)| &thread.state);
    if let Some(state) = states.find(|state| run.definition.state(state).is_none()) {
        return Err(AdvanceError::StateUnknown {
            state: state.to_string(),
        });
    }
    let status = execution.status();
    if matches!(signal, Signal::Redrive) {
        return life::redrivable(run, execution);
    }
    // An answer that comes after the end is a late answer first of all.
    if let Some(task) = signal.task()
        && !execution.is_outstanding(task)
    {
        return Err(AdvanceError::TaskNotOutstanding { task });
    }
    if status != Status::Running {
        return Err(AdvanceError::NotRunning { status });
    }
    Ok(())
}

impl Signal {
    fn task(&self) -> Option<TaskId> {
        match self {
            Self::TaskSucceeded { task, .. }
            | Self::TaskFailed { task, .. }
            | Self::TaskSubmitted { task, .. }
            | Self::Heartbeat { task } => Some(*task),
            Self::Start | Self::Tick | Self::Stop { .. } | Self::Redrive => None,
        }
    }
}

impl Command {
    /// The task the command is about.
    #[must_use]
    pub fn task(&self) -> TaskId {
        match self {
            Self::RunTask { task, .. } => *task,
        }
    }
}
