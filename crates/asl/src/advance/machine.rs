//! The moving parts of one call of `advance`: records events, enters and leaves states, ends
//! the execution.

use std::sync::Arc;

use serde_json::Value;

use super::{AdvanceError, Command, Inspection, Moment, Run, Transition};
use crate::context::{ContextView, MachineType, StateView};
use crate::datum::Datum;
use crate::definition::{Kind, Next, State};
use crate::execution::{Doing, Execution, Status, Thread};
use crate::expression::Scope;
use crate::flow::Fault;
use crate::history::{EventDetails, HistoryEvent};
use crate::limits::{HISTORY_EVENTS_MAX, PAYLOAD_BYTES_MAX, REDRIVE_EVENTS_MAX};
use crate::luck::Luck;
use crate::retry::{Failure, Origin};
use crate::time::Millis;

pub(super) struct Machine<'a> {
    pub(super) run: Run<'a>,
    pub(super) now: Millis,
    pub(super) luck: Luck,
    pub(super) execution: Execution,
    pub(super) thread: Thread,
    /// The token of the task in hand.
    pub(super) token: Option<Arc<str>>,
    pub(super) commands: Vec<Command>,
    history: Vec<HistoryEvent>,
    /// What someone who looks on has seen.
    pub(super) inspection: Option<Box<Inspection>>,
}

/// How a state went.
pub(super) enum Flow {
    Leave {
        output: Datum,
        assigned: Vec<(String, Value)>,
        next: Next,
    },
    /// It waits for a task or a timer.
    Pause,
    /// It ended the execution.
    Ended,
}

/// The next state and what it is entered with.
pub(super) type Cursor = Option<(usize, Datum)>;

pub(super) fn redrivable(run: Run<'_>, execution: &Execution) -> Result<(), AdvanceError> {
    let reason = if run.context.machine_type == MachineType::Express {
        "it is an Express execution"
    } else if matches!(execution.status(), Status::Running | Status::Succeeded) {
        "it did not end unsuccessfully"
    } else if execution.event_count() >= REDRIVE_EVENTS_MAX {
        "its history is too long"
    } else {
        return Ok(());
    };
    Err(AdvanceError::NotRedrivable { reason })
}

impl<'a> Machine<'a> {
    pub(super) fn new(run: Run<'a>, execution: &Execution, at: &Moment) -> Self {
        let mut execution = execution.clone();
        let thread = execution.thread.take().unwrap_or_else(|| Thread {
            state: Arc::from(""),
            input: Datum::ExecutionInput,
            entered_at: at.now,
            entered_event: 0,
            previous_event: 0,
            retries: Vec::new(),
            doing: Doing::Rest,
        });
        let token = match &thread.doing {
            Doing::Task(task) => task.token.clone(),
            Doing::Wait { .. } | Doing::Backoff { .. } | Doing::Rest => None,
        };
        Self {
            run,
            now: at.now,
            luck: Luck::new(at.seed),
            execution,
            thread,
            token,
            commands: Vec::new(),
            history: Vec::new(),
            inspection: None,
        }
    }

    pub(super) fn finish(mut self) -> Transition {
        if self.execution.status != Status::Succeeded {
            self.execution.thread = Some(self.thread);
        }
        Transition {
            execution: self.execution,
            commands: self.commands,
            history: self.history,
        }
    }

    pub(super) fn start(&mut self) {
        let role_arn = self.run.context.role_arn.clone();
        let input = Datum::ExecutionInput;
        self.record_apart(EventDetails::ExecutionStarted { input, role_arn }, 0);
        self.set_deadline();
        self.go(Some((self.run.definition.start_at, Datum::ExecutionInput)));
    }

    pub(super) fn stop(&mut self, error: Option<String>, cause: Option<String>) {
        let details = EventDetails::ExecutionAborted {
            error: error.clone(),
            cause: cause.clone(),
        };
        self.record_apart(details, 0);
        self.end(Status::Aborted, error, cause);
    }

    pub(super) fn redrive(&mut self) {
        self.execution.redrives += 1;
        self.execution.redriven_at = Some(self.now);
        self.execution.status = Status::Running;
        self.execution.error = None;
        self.execution.cause = None;
        self.set_deadline();
        let redrive_count = self.execution.redrives;
        let previous = self.execution.last_event;
        self.record_apart(EventDetails::ExecutionRedriven { redrive_count }, previous);
        self.thread.previous_event = self.execution.last_event;
        self.thread.retries.clear();
        let definition = self.run.definition;
        let Some(at) = definition.index.get(&self.thread.state).copied() else {
            return;
        };
        if let Some(State {
            kind: Kind::Task(_),
            ..
        }) = definition.states.get(at)
        {
            // A task is scheduled again without entering its state again.
            let cursor = self.resume(Self::schedule);
            self.go(cursor);
        } else {
            let input = self.thread.input.clone();
            self.go(Some((at, input)));
        }
    }

    /// Fires every timer that is due, the earliest first.
    pub(super) fn tick(&mut self) {
        while self.execution.status == Status::Running {
            let timer = self.thread.doing.due_at().filter(|due| *due <= self.now);
            let deadline = self.execution.deadline.filter(|due| *due <= self.now);
            match (deadline, timer) {
                (Some(deadline), timer) if timer.is_none_or(|timer| deadline <= timer) => {
                    self.record_apart(EventDetails::ExecutionTimedOut, 0);
                    self.end(Status::TimedOut, None, None);
                }
                (_, Some(_)) => self.fire(),
                _ => return,
            }
        }
    }

    fn fire(&mut self) {
        let cursor = match &self.thread.doing {
            Doing::Wait { .. } => self.resume(Self::wait_over),
            Doing::Backoff { .. } => self.resume(Self::schedule),
            Doing::Task(_) => self.resume(Self::task_timed_out),
            Doing::Rest => None,
        };
        self.go(cursor);
    }

    /// Goes on with the current state.
    pub(super) fn resume(
        &mut self,
        step: impl FnOnce(&mut Self, &'a State) -> Result<Flow, Failure>,
    ) -> Cursor {
        let definition = self.run.definition;
        let state = definition.state(&self.thread.state)?;
        let flow = step(self, state);
        self.settle(state, flow)
    }

    /// Runs states until one has to wait or the execution has ended.
    pub(super) fn go(&mut self, mut cursor: Cursor) {
        let definition = self.run.definition;
        while let Some((at, input)) = cursor.take() {
            let Some(state) = definition.states.get(at) else {
                return;
            };
            if self.is_history_full() {
                return;
            }
            self.enter(state, input);
            let flow = self.execute(state);
            cursor = self.settle(state, flow);
        }
    }

    fn settle(&mut self, state: &'a State, flow: Result<Flow, Failure>) -> Cursor {
        let (mut flow, mut was_too_large) = (flow, false);
        loop {
            match flow {
                Ok(Flow::Pause | Flow::Ended) => return None,
                Ok(Flow::Leave {
                    output,
                    assigned,
                    next,
                }) => {
                    if !self.is_too_large(&output) {
                        return self.leave(state, output, assigned, next);
                    }
                    let mut failure = data_limit(&state.name, Origin::Interpreter);
                    if was_too_large {
                        // The catcher's own output is too large: nobody can catch that.
                        failure.origin = Origin::Fatal;
                    }
                    was_too_large = true;
                    flow = self.handle(state, failure);
                }
                Err(failure) => flow = self.handle(state, failure),
            }
        }
    }

    fn enter(&mut self, state: &State, input: Datum) {
        self.thread.state = Arc::clone(&state.name);
        self.thread.entered_at = self.now;
        self.thread.retries.clear();
        self.note(|seen| {
            *seen = Inspection {
                input: Some(input.clone()),
                ..Inspection::default()
            }
        });
        self.thread.input = input.clone();
        self.thread.doing = Doing::Rest;
        self.token = None;
        let name = Arc::clone(&state.name);
        self.record(EventDetails::StateEntered {
            kind: state.kind.state_type(),
            name,
            input,
        });
        self.thread.entered_event = self.execution.last_event;
    }

    fn leave(
        &mut self,
        state: &State,
        output: Datum,
        assigned: Vec<(String, Value)>,
        next: Next,
    ) -> Cursor {
        let texts = assigned
            .iter()
            .map(|(name, value)| (name.clone(), value.to_string()));
        let details = EventDetails::StateExited {
            kind: state.kind.state_type(),
            name: Arc::clone(&state.name),
            output: output.clone(),
            assigned: texts.collect(),
        };
        self.record(details);
        for (name, value) in assigned {
            self.execution.variables.insert(name, Arc::new(value));
        }
        match next {
            Next::State(at) => Some((at, output)),
            Next::End => {
                self.record(EventDetails::ExecutionSucceeded {
                    output: output.clone(),
                });
                self.execution.status = Status::Succeeded;
                self.execution.output = Some(output);
                None
            }
        }
    }

    pub(super) fn end(&mut self, status: Status, error: Option<String>, cause: Option<String>) {
        self.thread.doing = Doing::Rest;
        self.execution.status = status;
        self.execution.error = error;
        self.execution.cause = cause;
    }

    pub(super) fn end_failed(&mut self, error: Option<String>, cause: Option<String>) {
        let details = EventDetails::ExecutionFailed {
            error: error.clone(),
            cause: cause.clone(),
        };
        self.record(details);
        self.end(Status::Failed, error, cause);
    }

    pub(super) fn record(&mut self, details: EventDetails) {
        let previous = self.thread.previous_event;
        self.record_apart(details, previous);
        self.thread.previous_event = self.execution.last_event;
    }

    /// Records an event that the thread's own events do not follow.
    fn record_apart(&mut self, details: EventDetails, previous_event_id: u32) {
        self.execution.last_event += 1;
        let id = self.execution.last_event;
        self.history.push(HistoryEvent {
            id,
            previous_event_id,
            timestamp: self.now,
            details,
        });
    }

    /// Ends the execution when its history has no room for another state.
    pub(super) fn is_history_full(&mut self) -> bool {
        if self.execution.last_event + EVENTS_AHEAD < HISTORY_EVENTS_MAX {
            return false;
        }
        let cause = format!(
            "The execution reached the maximum number of history events ({HISTORY_EVENTS_MAX})."
        );
        self.end_failed(Some("States.Runtime".to_owned()), Some(cause));
        true
    }

    fn is_too_large(&self, output: &Datum) -> bool {
        let is_same = match (output, &self.thread.input) {
            (Datum::Inline(output), Datum::Inline(input)) => Arc::ptr_eq(output, input),
            (Datum::ExecutionInput, _) => true,
            (Datum::Inline(_), Datum::ExecutionInput) => false,
        };
        !is_same && output.json_len() > PAYLOAD_BYTES_MAX
    }

    fn set_deadline(&mut self) {
        let timeout = self.run.definition.timeout;
        self.execution.deadline = timeout.map(|timeout| self.now.after(timeout));
    }

    /// Lets `look` evaluate something over `data`.
    pub(super) fn over<T>(&self, data: &Datum, look: impl FnOnce(Scope<'_>) -> T) -> T {
        let is_task = self
            .run
            .definition
            .state(&self.thread.state)
            .is_some_and(|state| matches!(state.kind, Kind::Task(_)));
        let context = ContextView {
            context: self.run.context,
            input: self.run.input,
            redrive_count: self.execution.redrives,
            redriven_at: self.execution.redriven_at,
            state: StateView {
                name: &self.thread.state,
                entered_at: self.thread.entered_at,
                retry_count: is_task.then(|| self.thread.retry_count()),
                token: self.token.as_deref(),
            },
        };
        look(Scope {
            data: data.resolve(self.run.input),
            context: &context,
            variables: &self.execution.variables,
            luck: &self.luck,
        })
    }

    /// What a fault in the data means for the state.
    pub(super) fn failure(&self, fault: Fault) -> Failure {
        let (error, text, origin) = match fault {
            Fault::Runtime(text) => ("States.Runtime", text, Origin::Fatal),
            Fault::Intrinsic(text) => ("States.IntrinsicFailure", text, Origin::Interpreter),
            Fault::ResultPath(text) => ("States.ResultPathMatchFailure", text, Origin::Interpreter),
        };
        self.failure_in_state(error, &text, origin)
    }

    pub(super) fn failure_in_state(&self, error: &str, text: &str, origin: Origin) -> Failure {
        let cause = format!(
            "An error occurred while executing the state '{}' (entered at the event id #{}). {text}",
            self.thread.state, self.thread.entered_event
        );
        Failure {
            error: Some(error.to_owned()),
            cause: Some(cause),
            origin,
        }
    }
}

/// A result that is larger than any payload may be.
pub(super) fn data_limit(subject: &str, origin: Origin) -> Failure {
    let cause = format!(
        "The state/task '{subject}' returned a result with a size exceeding the maximum number \
         of bytes service limit."
    );
    Failure {
        error: Some("States.DataLimitExceeded".to_owned()),
        cause: Some(cause),
        origin,
    }
}

/// Events that one state may add before the history is looked at again, with the end.
const EVENTS_AHEAD: u32 = 6;
