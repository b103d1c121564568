//! The durable state of one run.
//!
//! Small, versioned, and whole: with the definition, the execution's input and its context
//! it says everything that is needed to go on. It never owns the execution's input.

mod thread;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::advance::Command;
use crate::datum::Datum;
use crate::definition::{Definition, Kind};
use crate::expression::Variables;
use crate::time::Millis;

pub(crate) use thread::{Child, Doing, Fork, Outstanding, Place, Thread, ThreadId};

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
    /// The variables of the outermost scope.
    #[serde(rename = "vars", default, skip_serializing_if = "Variables::is_empty")]
    pub(crate) variables: Variables,
    /// The outermost thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) thread: Option<Thread>,
    /// The threads inside Parallel and Map states.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) branches: BTreeMap<ThreadId, Thread>,
    /// Number of branches begun so far.
    #[serde(rename = "begun", default, skip_serializing_if = "is_zero")]
    pub(crate) last_branch: u32,
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

impl Execution {
    /// An execution that has not started.
    #[must_use]
    pub fn new() -> Self {
        Self {
            version: VERSION_PLAIN,
            status: Status::Running,
            last_event: 0,
            last_task: 0,
            redrives: 0,
            redriven_at: None,
            deadline: None,
            variables: Variables::new(),
            thread: None,
            branches: BTreeMap::new(),
            last_branch: 0,
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
        let timer = self.next_timer().map(|(due, _)| due);
        [self.deadline, timer].into_iter().flatten().min()
    }

    /// The commands that were given and are not answered: the same tasks with the same input,
    /// to be carried out again after a crash. One that was accepted, and whose end alone is waited
    /// for, is not among them.
    #[must_use]
    pub fn outstanding_tasks(&self, definition: &Definition) -> Vec<Command> {
        if self.status != Status::Running {
            return Vec::new();
        }
        let mut commands: Vec<Command> = self
            .threads()
            .filter(|(_, thread)| thread.task().is_some_and(|task| !task.submitted))
            .filter_map(|(_, thread)| self.command(thread, definition))
            .collect();
        commands.sort_by_key(Command::task);
        commands
    }

    /// Whether a task was handed out and has neither answered nor been given up.
    #[must_use]
    pub fn is_outstanding(&self, id: TaskId) -> bool {
        self.thread_of(id).is_some()
    }

    /// The task that waits for this token to come back.
    #[must_use]
    pub fn task_with_token(&self, token: &str) -> Option<TaskId> {
        let mut tasks = self.threads().filter_map(|(_, thread)| thread.task());
        let found = tasks.find(|task| task.token.as_deref().is_some_and(|it| is_same(it, token)));
        found.map(|task| task.id)
    }

    /// When a task is given up if it has not answered: its time-out, its heartbeat's, or that of the
    /// machine.
    #[must_use]
    pub fn task_due_at(&self, id: TaskId) -> Option<Millis> {
        let thread = self.thread_of(id).and_then(|thread| self.get(thread));
        let timer = thread.and_then(|thread| thread.doing.due_at());
        [self.deadline, timer].into_iter().flatten().min()
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
    /// While several things are done at once it is the Parallel or Map state that does them.
    #[must_use]
    pub fn state_name(&self) -> Option<&str> {
        self.thread.as_ref().map(|thread| &*thread.state)
    }

    /// The states that it is in at once, or was in when it ended badly: one, or the innermost
    /// ones of every Parallel or Map.
    pub fn innermost_states(&self) -> impl Iterator<Item = &str> {
        let innermost = self.threads().filter(|(_, thread)| thread.fork().is_none());
        innermost.map(|(_, thread)| &*thread.state)
    }

    /// The Fail state that a redrive could only end in again, if it ended in one: nothing around it
    /// may be tried again, or lets some of its iterations fail.
    #[must_use]
    pub fn dead_end(&self, definition: &Definition) -> Option<&str> {
        let is_fail = |thread: &Thread| {
            let state = definition.state(&thread.state);
            state.is_some_and(|state| matches!(state.kind, Kind::Fail(_)))
        };
        let mut threads = self.threads().map(|(_, thread)| thread);
        let ended = threads.find(|it| is_fail(it) && self.decides(it, definition));
        ended.map(|thread| &*thread.state)
    }

    /// Whether the failure of a thread is that of the execution, each time.
    fn decides(&self, thread: &Thread, definition: &Definition) -> bool {
        let Some(outer) = thread.place.and_then(|place| self.get(place.parent)) else {
            return thread.place.is_none();
        };
        let state = definition.state(&outer.state);
        let is_final = state.is_some_and(|state| state.retriers.is_empty());
        let may_fail = outer.fork().and_then(|fork| fork.tolerated).unwrap_or(0);
        is_final && may_fail == 0 && self.decides(outer, definition)
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
        (VERSION_PLAIN..=VERSION_BRANCHES).contains(&self.version)
    }

    /// Every thread, a thread before those inside it.
    pub(crate) fn threads(&self) -> impl Iterator<Item = (ThreadId, &Thread)> {
        let outermost = self.thread.iter().map(|thread| (OUTERMOST, thread));
        outermost.chain(self.branches.iter().map(|(id, thread)| (*id, thread)))
    }

    pub(crate) fn threads_mut(&mut self) -> impl Iterator<Item = &mut Thread> {
        self.thread.iter_mut().chain(self.branches.values_mut())
    }

    pub(crate) fn get(&self, id: ThreadId) -> Option<&Thread> {
        match id {
            OUTERMOST => self.thread.as_ref(),
            id => self.branches.get(&id),
        }
    }

    /// A new thread's name.
    pub(crate) fn next_branch(&mut self) -> ThreadId {
        self.version = VERSION_BRANCHES;
        self.last_branch += 1;
        ThreadId(self.last_branch)
    }

    pub(crate) fn take(&mut self, id: ThreadId) -> Option<Thread> {
        match id {
            OUTERMOST => self.thread.take(),
            id => self.branches.remove(&id),
        }
    }

    pub(crate) fn put(&mut self, id: ThreadId, thread: Thread) {
        match id {
            OUTERMOST => self.thread = Some(thread),
            id => {
                self.branches.insert(id, thread);
            }
        }
    }

    /// The command that a thread waits to be answered.
    pub(crate) fn command(&self, thread: &Thread, definition: &Definition) -> Option<Command> {
        let task = thread.task()?;
        let Kind::Task(declared) = &definition.state(&thread.state)?.kind else {
            return None;
        };
        Some(Command::RunTask {
            task: task.id,
            state: Arc::clone(&thread.state),
            resource: Arc::clone(&declared.resource),
            input: task.input.clone(),
            token: task.token.clone(),
            credentials: task.credentials.clone(),
            timeout: task.timeout,
            heartbeat: task.heartbeat,
            attempt: thread.retry_count() + 1,
            branch: self.branch(thread),
        })
    }

    fn branch(&self, thread: &Thread) -> String {
        let mut parts = Vec::new();
        let mut place = thread.place;
        while let Some(Place { parent, index }) = place {
            let Some(outer) = self.get(parent) else { break };
            parts.push(format!("{}[{index}]", outer.state));
            place = outer.place;
        }
        parts.reverse();
        parts.join("/")
    }

    /// The thread that waits for a task.
    pub(crate) fn thread_of(&self, id: TaskId) -> Option<ThreadId> {
        let mut waiting = self
            .threads()
            .filter_map(|(thread, it)| it.task().map(|task| (thread, task.id)));
        waiting
            .find(|(_, task)| *task == id)
            .map(|(thread, _)| thread)
    }

    /// The timer that is due first, and whose it is.
    pub(crate) fn next_timer(&self) -> Option<(Millis, ThreadId)> {
        let timers = self
            .threads()
            .filter_map(|(id, thread)| Some((thread.doing.due_at()?, id)));
        timers.min()
    }

    /// Forgets every thread inside one, and those inside them.
    pub(crate) fn forget_inside(&mut self, outer: ThreadId) {
        let mut gone = BTreeSet::from([outer]);
        // A thread comes after the one that it is inside of.
        self.branches.retain(|id, thread| {
            let is_gone = thread
                .place
                .is_some_and(|place| gone.contains(&place.parent));
            if is_gone {
                gone.insert(*id);
            }
            !is_gone
        });
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

/// Whether two texts are the same, in a time that says nothing of where they differ: a token is a
/// right to answer.
fn is_same(one: &str, other: &str) -> bool {
    let differences = one
        .bytes()
        .zip(other.bytes())
        .fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && differences == 0
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The outermost thread.
pub(crate) const OUTERMOST: ThreadId = ThreadId(0);

/// The record of an execution that never did several things at once. Raise it when the record's
/// meaning changes, and read the old ones too.
const VERSION_PLAIN: u32 = 1;

/// The record of one that did: a program that only knows the other must not move it.
const VERSION_BRANCHES: u32 = 2;
