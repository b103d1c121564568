//! One claimed execution: what it has become since it was claimed, and what of that is not
//! durable yet.

use std::sync::Arc;

use asl::advance::{AdvanceError, Command, Moment, Signal, advance};
use asl::definition::Definition;
use asl::execution::{Execution, TaskId};
use bytes::Bytes;
use domain::record::RecordKey;
use domain::stream::{ChangeKind, Sequence};
use domain::task::{RecordChange, TaskCall};
use domain::time::{Millis, Timestamp};
use domain::trace::{TraceContext, TraceId};

use crate::callback::{self, TaskAnswer};
use crate::journal::{self, Step, Unreadable};
use crate::operator::NotDone;
use crate::store::{Claimed, ExecutionStatus, Lease, Progress};
use crate::workflow::{Course, from_asl_time, to_asl_time};

/// A claimed execution in memory.
#[derive(Debug)]
pub struct Held {
    /// Which one.
    pub sequence: Sequence,
    /// The trace of its event.
    pub trace: TraceContext,
    /// The record that its feed entry is about.
    pub key: RecordKey,
    /// What that entry says of it.
    pub started_by: ChangeKind,
    course: Course,
    execution: Execution,
    generation: u64,
    unsaved_steps: Vec<Bytes>,
    unsaved_changes: Vec<RecordChange>,
}

/// Why a claimed execution cannot be moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeldError {
    /// Its snapshot cannot be read, or a step cannot be written.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// What was received for its event was destroyed, and what it lived through with it.
    #[error("its event was shredded: nothing is left to process")]
    Shredded,
    /// The signal does not fit its state.
    #[error(transparent)]
    Misfit(#[from] AdvanceError),
}

impl Held {
    /// Takes up what was claimed.
    pub fn open(claimed: Claimed, definition: Arc<Definition>) -> Result<Self, HeldError> {
        if claimed.change.is_shredded() {
            return Err(HeldError::Shredded);
        }
        let execution = match &claimed.snapshot {
            Some(snapshot) => journal::decode_snapshot(snapshot)?,
            None => Execution::new(),
        };
        Ok(Self {
            sequence: claimed.sequence,
            trace: claimed
                .change
                .trace()
                .unwrap_or_else(|| TraceId::from_bytes([0; 16]).into()),
            key: claimed.change.key.clone(),
            started_by: claimed.change.kind,
            course: Course::new(definition, claimed.change, claimed.started_at),
            execution,
            generation: claimed.generation,
            unsaved_steps: Vec::new(),
            unsaved_changes: Vec::new(),
        })
    }

    /// What is to be done first: what was being done when a process died, or what follows from
    /// the start or from the time that has come.
    pub fn resume(&mut self, moment: Moment) -> Result<Vec<Command>, HeldError> {
        if self.execution.event_count() == 0 {
            return self.signal(Signal::Start, moment);
        }
        let outstanding = self.outstanding();
        let wake_at = self.execution.wake_at();
        if !outstanding.is_empty() && wake_at.is_none_or(|due| due > moment.now) {
            return Ok(outstanding);
        }
        self.signal(Signal::Tick, moment)?;
        // What a timer has begun is among them, beside what was being done before.
        Ok(self.outstanding())
    }

    /// Moves the execution.
    pub fn signal(&mut self, signal: Signal, moment: Moment) -> Result<Vec<Command>, HeldError> {
        let step = Step {
            moment,
            signal: signal.clone(),
        }
        .encode()?;
        let transition = advance(self.course.run(), &self.execution, signal, &moment)?;
        self.execution = transition.execution;
        self.unsaved_steps.push(step);
        Ok(transition.commands)
    }

    /// Lets the task that waits for a token end, or go on. What is to be done then.
    ///
    /// # Errors
    /// [`NotDone::NotNow`] when none waits for it any more.
    pub fn answer(
        &mut self,
        token: &str,
        answer: TaskAnswer,
        moment: Moment,
    ) -> Result<Vec<Command>, NotDone> {
        let Some(task) = self.execution.task_with_token(token) else {
            let why = "no task waits for this token any more: it was answered, took too long, or \
                       was stopped";
            return Err(NotDone::NotNow(why.to_owned()));
        };
        Ok(self.signal(callback::signal(task, answer), moment)?)
    }

    /// Remembers a change to be recorded with the next commit.
    pub fn record(&mut self, change: RecordChange) {
        self.unsaved_changes.push(change);
    }

    /// Whether something would be lost if the process died now.
    pub fn is_unsaved(&self) -> bool {
        !self.unsaved_steps.is_empty() || !self.unsaved_changes.is_empty()
    }

    /// Whether the workflow waits for this task.
    pub fn is_outstanding(&self, task: TaskId) -> bool {
        self.execution.is_outstanding(task)
    }

    /// When the interpreter's next timer fires.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.execution.wake_at().map(from_asl_time)
    }

    /// When the interpreter gives this task up.
    pub fn task_due_at(&self, task: TaskId) -> Option<Timestamp> {
        self.execution.task_due_at(task).map(from_asl_time)
    }

    /// How it stands.
    pub fn status(&self) -> ExecutionStatus {
        self.execution.status().into()
    }

    /// Whether it came to an end.
    pub fn is_at_rest(&self) -> bool {
        self.status() != ExecutionStatus::Running
    }

    /// The `Fail` state that it ended in and would only end in again.
    pub fn fail_state(&self) -> Option<&str> {
        self.execution.dead_end(&self.course.definition)
    }

    /// The execution as the interpreter has it.
    pub fn execution(&self) -> &Execution {
        &self.execution
    }

    /// What stays the same about it.
    pub fn course(&self) -> &Course {
        &self.course
    }

    /// The call that a command asks for, to be answered before `deadline`.
    pub fn call(&self, command: &Command, deadline: Timestamp) -> TaskCall {
        let Command::RunTask {
            state,
            resource,
            input,
            attempt,
            branch,
            ..
        } = command;
        TaskCall {
            resource: resource.as_str().to_owned(),
            input: input.resolve(&self.course.input).clone(),
            execution: self.course.execution_name().to_owned(),
            state: state.to_string(),
            branch: branch.clone(),
            retry_count: attempt.saturating_sub(1),
            deadline,
            trace: self.trace.id,
        }
    }

    /// What is to be made durable now. Taken once: what is handed out counts as saved.
    pub fn take_progress(&mut self, at: Timestamp, lease: Lease) -> Result<Progress, HeldError> {
        let progress = Progress {
            sequence: self.sequence,
            generation: self.generation,
            status: self.status(),
            snapshot: journal::encode_snapshot(&self.execution)?,
            steps: std::mem::take(&mut self.unsaved_steps),
            changes: std::mem::take(&mut self.unsaved_changes),
            due_at: self.due_at(at),
            lease,
            at,
        };
        self.generation = self.generation.saturating_add(1);
        Ok(progress)
    }

    fn outstanding(&self) -> Vec<Command> {
        self.execution.outstanding_tasks(&self.course.definition)
    }

    /// When somebody must look at it if nobody holds it: at once while a task is outstanding,
    /// for whoever began it must be dead then. At once is the beginning of time, and not now: a
    /// clock that is set back must not make it wait.
    fn due_at(&self, now: Timestamp) -> Option<Timestamp> {
        if self.is_at_rest() {
            return None;
        }
        if !self.outstanding().is_empty() {
            return Some(Timestamp::from_millis(0));
        }
        Some(self.wake_at().unwrap_or(now))
    }
}

/// The moment `now` with luck of its own.
pub(crate) fn moment(now: Timestamp, seed: u64) -> Moment {
    Moment {
        now: to_asl_time(now),
        seed,
    }
}

/// The wait that another side asked for, within reason: an hour, or the retry would be as good
/// as never.
pub(crate) fn patience(asked: Millis) -> asl::time::Millis {
    const LONGEST: Millis = Millis::from_secs(3600);
    asl::time::Millis(asked.min(LONGEST).get())
}
