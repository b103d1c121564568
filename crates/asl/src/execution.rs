//! The durable state of one run.
//!
//! Small, versioned, and whole: with the definition, the execution's input and its context
//! it says everything that is needed to go on. It never owns the execution's input.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::advance::Command;
use crate::datum::Datum;
use crate::definition::{Definition, Kind};
use crate::expression::Variables;
use crate::time::Millis;

/// One run of a state machine. [`Execution::new`] has not started yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// Format of this record.
    #[serde(rename = "v")]
    version: u32,
    pub(crate) status: Status,
    /// Id of the last history event; 0 before the start.
    #[serde(rename = "event")]
    pub(crate) last_event: u32,
    /// Number of tasks scheduled so far.
    #[serde(rename = "tasks", default, skip_serializing_if = "is_zero")]
    pub(crate) last_task: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) redrives: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) redriven_at: Option<Millis>,
    /// When the machine's own time is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deadline: Option<Millis>,
    #[serde(rename = "vars", default, skip_serializing_if = "Variables::is_empty")]
    pub(crate) variables: Variables,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) thread: Option<Thread>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<Datum>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
}

/// How an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status {
    /// Going on, or waiting for a task or a timer.
    #[serde(rename = "RUNNING")]
    Running,
    /// Ended with an output.
    #[serde(rename = "SUCCEEDED")]
    Succeeded,
    /// Ended with an error.
    #[serde(rename = "FAILED")]
    Failed,
    /// The machine's `TimeoutSeconds` ran out.
    #[serde(rename = "TIMED_OUT")]
    TimedOut,
    /// Stopped from outside.
    #[serde(rename = "ABORTED")]
    Aborted,
}

/// A task of one execution: every attempt is a task of its own, so that a late answer to an
/// earlier attempt is told from an answer to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub u32);

/// One line of control: the state it is in, and what it waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Thread {
    pub(crate) state: Arc<str>,
    pub(crate) input: Datum,
    #[serde(rename = "at")]
    pub(crate) entered_at: Millis,
    #[serde(rename = "entered")]
    pub(crate) entered_event: u32,
    #[serde(rename = "prev")]
    pub(crate) previous_event: u32,
    /// How often each retrier of the state was used in this visit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) retries: Vec<u32>,
    pub(crate) doing: Doing,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Doing {
    #[serde(rename = "task")]
    Task(Outstanding),
    #[serde(rename = "wait")]
    Wait { until: Millis },
    #[serde(rename = "retry")]
    Backoff { until: Millis },
    /// Nothing: the execution has ended here.
    #[serde(rename = "rest")]
    Rest,
}

/// A task that was handed out and has not answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outstanding {
    pub(crate) id: TaskId,
    pub(crate) input: Datum,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) credentials: Option<Datum>,
    #[serde(rename = "started")]
    pub(crate) started_at: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) heartbeat: Option<Millis>,
    /// The last sign of life, when the task promised heartbeats.
    #[serde(rename = "seen")]
    pub(crate) seen_at: Millis,
}

impl Execution {
    /// An execution that has not started.
    #[must_use]
    pub fn new() -> Self {
        Self {
            version: VERSION,
            status: Status::Running,
            last_event: 0,
            last_task: 0,
            redrives: 0,
            redriven_at: None,
            deadline: None,
            variables: Variables::new(),
            thread: None,
            output: None,
            error: None,
            cause: None,
        }
    }

    /// How the execution stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// When the earliest timer is due: the end of a wait, a retry, a time-out of a task, of
    /// its heartbeat, or of the machine. Send [`Signal::Tick`](crate::advance::Signal::Tick)
    /// then, or later.
    #[must_use]
    pub fn wake_at(&self) -> Option<Millis> {
        if self.status != Status::Running {
            return None;
        }
        let timer = self
            .thread
            .as_ref()
            .and_then(|thread| thread.doing.due_at());
        [self.deadline, timer].into_iter().flatten().min()
    }

    /// The commands that were given and are not answered: the same tasks with the same input,
    /// to be carried out again after a crash.
    #[must_use]
    pub fn outstanding_tasks(&self, definition: &Definition) -> Vec<Command> {
        if self.status != Status::Running {
            return Vec::new();
        }
        self.thread
            .iter()
            .filter_map(|thread| thread.command(definition))
            .collect()
    }

    /// Whether a task was handed out and has neither answered nor been given up.
    #[must_use]
    pub fn is_outstanding(&self, id: TaskId) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|thread| match &thread.doing {
                Doing::Task(task) => task.id == id,
                Doing::Wait { .. } | Doing::Backoff { .. } | Doing::Rest => false,
            })
    }

    /// The output of an execution that succeeded.
    #[must_use]
    pub fn output<'a>(&'a self, execution_input: &'a Value) -> Option<&'a Value> {
        self.output
            .as_ref()
            .map(|output| output.resolve(execution_input))
    }

    /// The error's name, when it failed with one.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// The error's cause, when there is one.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The state the execution is in, or failed in; none before the start and after success.
    #[must_use]
    pub fn state_name(&self) -> Option<&str> {
        self.thread.as_ref().map(|thread| &*thread.state)
    }

    /// How often the current state was retried in this visit.
    #[must_use]
    pub fn retry_count(&self) -> u32 {
        self.thread.as_ref().map_or(0, Thread::retry_count)
    }

    /// How often the execution was redriven.
    #[must_use]
    pub fn redrive_count(&self) -> u32 {
        self.redrives
    }

    /// How many history events there are.
    #[must_use]
    pub fn event_count(&self) -> u32 {
        self.last_event
    }

    /// The value of a variable.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name).map(|value| &**value)
    }

    /// Whether this program understands the record.
    pub(crate) fn is_known_version(&self) -> bool {
        self.version == VERSION
    }
}

impl Default for Execution {
    fn default() -> Self {
        Self::new()
    }
}

impl Status {
    /// The name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }
}

impl Thread {
    pub(crate) fn retry_count(&self) -> u32 {
        self.retries.iter().sum()
    }

    pub(crate) fn command(&self, definition: &Definition) -> Option<Command> {
        let Doing::Task(task) = &self.doing else {
            return None;
        };
        let Kind::Task(declared) = &definition.state(&self.state)?.kind else {
            return None;
        };
        Some(Command::RunTask {
            task: task.id,
            state: Arc::clone(&self.state),
            resource: Arc::clone(&declared.resource),
            input: task.input.clone(),
            token: task.token.clone(),
            credentials: task.credentials.clone(),
            timeout: task.timeout,
            heartbeat: task.heartbeat,
            attempt: self.retry_count() + 1,
        })
    }
}

impl Doing {
    pub(crate) fn due_at(&self) -> Option<Millis> {
        match self {
            Self::Task(task) => [task.timeout_at(), task.heartbeat_at()]
                .into_iter()
                .flatten()
                .min(),
            Self::Wait { until } | Self::Backoff { until } => Some(*until),
            Self::Rest => None,
        }
    }
}

impl Outstanding {
    pub(crate) fn timeout_at(&self) -> Option<Millis> {
        self.timeout.map(|timeout| self.started_at.after(timeout))
    }

    pub(crate) fn heartbeat_at(&self) -> Option<Millis> {
        self.heartbeat
            .map(|heartbeat| self.seen_at.after(heartbeat))
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Raise it when the record's meaning changes, and read the old ones too.
const VERSION: u32 = 1;
