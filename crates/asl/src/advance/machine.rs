//! The moving parts of one call of `advance`: goes from thread to thread, enters and leaves
//! states, records events.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::inspect::Looking;
use super::{Command, Inspection, Moment, Run, Transition};
use crate::context::{ChildView, ContextView, StateView};
use crate::datum::Datum;
use crate::definition::{Kind, Next, State, StateAt};
use crate::execution::{Child, Doing, Execution, OUTERMOST, Status, TaskId, Thread, ThreadId};
use crate::expression::{Scope, Visible};
use crate::flow::Fault;
use crate::history::{EvaluationFailed, EventDetails, HistoryEvent};
use crate::limits::{HISTORY_EVENTS_MAX, PAYLOAD_BYTES_MAX};
use crate::luck::Luck;
use crate::retry::{Evaluation, Failure, Origin};
use crate::time::Millis;

pub(super) struct Machine<'a> {
    pub(super) run: Run<'a>,
    pub(super) now: Millis,
    pub(super) luck: Luck,
    /// Without the thread in hand.
    pub(super) execution: Execution,
    /// The thread in hand.
    pub(super) thread: Thread,
    pub(super) at: ThreadId,
    /// The thread around the one in hand, or itself, that is an execution of its own.
    pub(super) child: Option<ThreadId>,
    /// The token of the task in hand.
    pub(super) token: Option<Arc<str>>,
    /// The iteration that is about to begin.
    pub(super) item: Option<u32>,
    /// The result of the state in hand, once it has one.
    pub(super) result: Option<Datum>,
    /// What a catcher of the state in hand is for.
    pub(super) error: Option<Datum>,
    /// What preceded the state in hand, as long as nothing has happened in it.
    before_entry: Option<u32>,
    /// Threads whose Parallel or Map state may begin more branches, the next one last.
    pub(super) forks: Vec<ThreadId>,
    pub(super) commands: Vec<Command>,
    history: Vec<HistoryEvent>,
    pub(super) looking: Option<Box<Looking>>,
}

/// How a state went.
pub(super) enum Flow {
    Leave {
        output: Datum,
        assigned: Vec<(String, Value)>,
        next: Next,
    },
    /// It waits for a task, a timer or its branches.
    Pause,
    /// It ended the execution.
    Ended,
}

/// The next state of the thread in hand, and what it is entered with.
pub(super) type Cursor = Option<(StateAt, Datum)>;

impl<'a> Machine<'a> {
    pub(super) fn new(run: Run<'a>, execution: &Execution, at: &Moment) -> Self {
        let mut execution = execution.clone();
        let thread = execution.take(OUTERMOST);
        let thread = thread.unwrap_or_else(|| Thread::new(None, at.now, 0));
        let token = thread.task().and_then(|task| task.token.clone());
        Self {
            run,
            now: at.now,
            luck: Luck::new(at.seed),
            execution,
            thread,
            at: OUTERMOST,
            child: None,
            token,
            item: None,
            result: None,
            error: None,
            before_entry: None,
            forks: Vec::new(),
            commands: Vec::new(),
            history: Vec::new(),
            looking: None,
        }
    }

    pub(super) fn finish(mut self) -> Transition {
        if self.execution.status != Status::Succeeded {
            self.execution.put(self.at, self.thread);
        }
        // When several timers came due at once, one may have given up what another asked for.
        let threads = self.execution.threads();
        let outstanding: BTreeSet<TaskId> = threads
            .filter_map(|(_, thread)| thread.task().map(|task| task.id))
            .collect();
        self.commands
            .retain(|command| outstanding.contains(&command.task()));
        Transition {
            execution: self.execution,
            commands: self.commands,
            history: self.history,
        }
    }

    /// Takes another thread in hand. One that is not there any more changes nothing.
    pub(super) fn focus(&mut self, id: ThreadId) -> bool {
        if id == self.at {
            return true;
        }
        let Some(thread) = self.execution.take(id) else {
            return false;
        };
        let last = self.hold(id, thread);
        self.execution.put(last.0, last.1);
        true
    }

    /// Takes a thread in hand and gives the one before back.
    pub(super) fn hold(&mut self, id: ThreadId, thread: Thread) -> (ThreadId, Thread) {
        self.token = thread.task().and_then(|task| task.token.clone());
        self.result = None;
        self.error = None;
        self.before_entry = None;
        let last = std::mem::replace(&mut self.thread, thread);
        let last_at = std::mem::replace(&mut self.at, id);
        self.child = self.child_around();
        (last_at, last)
    }

    fn child_around(&self) -> Option<ThreadId> {
        let (mut at, mut thread) = (self.at, &self.thread);
        while thread.child.is_none() {
            at = thread.place?.parent;
            thread = self.execution.get(at)?;
        }
        Some(at)
    }

    /// The execution of its own that the thread in hand is part of.
    fn child(&self) -> Option<&Child> {
        let thread = match self.child? {
            at if at == self.at => &self.thread,
            at => self.execution.get(at)?,
        };
        thread.child.as_deref()
    }

    fn child_mut(&mut self) -> Option<&mut Child> {
        let thread = match self.child? {
            at if at == self.at => &mut self.thread,
            at => self.execution.branches.get_mut(&at)?,
        };
        thread.child.as_deref_mut()
    }

    /// Id of the last event of the history that the thread in hand is part of.
    fn last_event(&self) -> u32 {
        self.child()
            .map_or(self.execution.last_event, |child| child.last_event)
    }

    /// Takes the thread in hand that waits for a task.
    pub(super) fn focus_task(&mut self, id: TaskId) -> bool {
        if self.thread.task().is_some_and(|task| task.id == id) {
            return true;
        }
        let thread = self.execution.thread_of(id);
        thread.is_some_and(|thread| self.focus(thread))
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

    /// Runs states, thread by thread, until every thread has to wait or the execution has ended.
    pub(super) fn go(&mut self, mut cursor: Cursor) {
        let definition = self.run.definition;
        while self.execution.status == Status::Running {
            let Some((at, input)) = cursor.take().or_else(|| self.next_branch()) else {
                return;
            };
            let Some(state) = definition.states.get(at) else {
                return;
            };
            if let Some(failure) = self.full() {
                cursor = self.thread_failed(failure);
                continue;
            }
            self.enter(state, input);
            let flow = self.execute(state);
            cursor = self.settle(state, flow);
        }
    }

    pub(super) fn settle(&mut self, state: &'a State, flow: Result<Flow, Failure>) -> Cursor {
        let (mut flow, mut was_too_large) = (flow, false);
        loop {
            let mut failure = match flow {
                Ok(Flow::Pause | Flow::Ended) => return None,
                Ok(Flow::Leave {
                    output,
                    assigned,
                    next,
                }) => {
                    if !self.is_too_large(&output) {
                        return self.leave(state, output, assigned, next);
                    }
                    let failure = data_limit(&state.name, Origin::Interpreter);
                    if std::mem::replace(&mut was_too_large, true) {
                        // The catcher's own output is too large: no catcher can help with that.
                        return self.thread_failed(failure);
                    }
                    failure
                }
                Err(failure) => failure,
            };
            self.record_evaluation(&mut failure);
            match self.handle(state, failure) {
                Ok(next) => flow = Ok(next),
                Err(mut failure) => {
                    // A catcher's own expression may be at fault.
                    self.record_evaluation(&mut failure);
                    return self.thread_failed(failure);
                }
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
        self.result = None;
        self.error = None;
        let before = self.thread.previous_event;
        let name = Arc::clone(&state.name);
        self.record(EventDetails::StateEntered {
            kind: state.kind.state_type(),
            name,
            input,
        });
        self.thread.entered_event = self.thread.previous_event;
        self.before_entry = Some(before);
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
        let variables = match self.thread.place {
            Some(_) => &mut self.thread.variables,
            None => &mut self.execution.variables,
        };
        for (name, value) in assigned {
            variables.insert(name, Arc::new(value));
        }
        match (next, self.thread.place) {
            (Next::State(at), _) => Some((at, output)),
            (Next::End, Some(place)) => self.branch_succeeded(place, output),
            (Next::End, None) => {
                self.record(EventDetails::ExecutionSucceeded {
                    output: output.clone(),
                });
                self.execution.status = Status::Succeeded;
                self.execution.output = Some(output);
                None
            }
        }
    }

    pub(super) fn record(&mut self, details: EventDetails) {
        let previous = self.thread.previous_event;
        self.before_entry = None;
        self.thread.previous_event = self.record_apart(details, previous);
    }

    /// An evaluation that failed is an event of its own.
    fn record_evaluation(&mut self, failure: &mut Failure) {
        let Some(evaluation) = failure.evaluation.take() else {
            return;
        };
        let early = self.before_entry.filter(|_| evaluation.is_early);
        let previous = early.unwrap_or(self.thread.previous_event);
        let details = EventDetails::EvaluationFailed(Box::new(EvaluationFailed {
            error: failure.error.clone(),
            cause: failure.cause.clone(),
            location: evaluation.field,
            state: Arc::clone(&self.thread.state),
        }));
        self.thread.previous_event = self.record_apart(details, previous);
    }

    /// Records an event that the thread's own events do not follow, and says its id.
    pub(super) fn record_apart(&mut self, details: EventDetails, previous_event_id: u32) -> u32 {
        if let Some(child) = self.child_mut() {
            child.last_event += 1;
            return child.last_event;
        }
        self.execution.last_event += 1;
        let id = self.execution.last_event;
        self.history.push(HistoryEvent {
            id,
            previous_event_id,
            timestamp: self.now,
            details,
        });
        id
    }

    /// What ends an execution whose history has no room for another state.
    pub(super) fn full(&self) -> Option<Failure> {
        let cause = format!(
            "The execution reached the maximum number of history events ({HISTORY_EVENTS_MAX})."
        );
        (!self.has_room()).then(|| Failure {
            error: Some("States.Runtime".to_owned()),
            cause: Some(cause),
            origin: Origin::Fatal,
            patience: Millis(0),
            evaluation: None,
        })
    }

    pub(super) fn has_room(&self) -> bool {
        self.last_event() + EVENTS_AHEAD < HISTORY_EVENTS_MAX
    }

    fn is_too_large(&self, output: &Datum) -> bool {
        let is_same = match (output, &self.thread.input) {
            (Datum::Inline(output), Datum::Inline(input)) => Arc::ptr_eq(output, input),
            (Datum::ExecutionInput, _) => true,
            (Datum::Inline(_), Datum::ExecutionInput) => false,
        };
        !is_same && output.json_len() > PAYLOAD_BYTES_MAX
    }

    /// Lets `look` evaluate something over `data`.
    pub(super) fn over<T>(&self, data: &Datum, look: impl FnOnce(Scope<'_>) -> T) -> T {
        let state = self.run.definition.state(&self.thread.state);
        let counts = state.is_some_and(|state| state.kind.can_retry());
        let child = self.child();
        let input = child.map_or(self.run.input, |child| child.input.resolve(self.run.input));
        let context = ContextView {
            context: self.run.context,
            input,
            redrive_count: self.execution.redrives,
            redriven_at: self.execution.redriven_at,
            state: StateView {
                name: &self.thread.state,
                entered_at: self.thread.entered_at,
                retry_count: counts.then(|| self.thread.retry_count()),
                token: self.token.as_deref(),
            },
            item: self.item(),
            child: child.map(|child| ChildView {
                label: self.label(),
                name: &child.name,
            }),
        };
        look(Scope {
            data: data.resolve(self.run.input),
            context: &context,
            variables: Visible {
                execution: &self.execution,
                thread: &self.thread,
            },
            luck: &self.luck,
            input: self.thread.input.resolve(self.run.input),
            result: self.result.as_ref().map(|it| it.resolve(self.run.input)),
            error: self.error.as_ref().map(|it| it.resolve(self.run.input)),
            now: self.now,
        })
    }

    /// What a fault in the data means for the state.
    pub(super) fn failure(&self, fault: Fault) -> Failure {
        match fault {
            Fault::Runtime(text) => self.failure_in_state("States.Runtime", &text, Origin::Fatal),
            Fault::Intrinsic(text) => {
                self.failure_in_state("States.IntrinsicFailure", &text, Origin::Interpreter)
            }
            Fault::ResultPath(text) => {
                self.failure_in_state("States.ResultPathMatchFailure", &text, Origin::Interpreter)
            }
            Fault::Query { field, text } => self.evaluation_failed(field, &text, true),
            Fault::Unusable { field, text } => self.evaluation_failed(field, &text, false),
        }
    }

    fn evaluation_failed(&self, field: String, text: &str, is_early: bool) -> Failure {
        let origin = Origin::Interpreter;
        Failure {
            evaluation: Some(Evaluation { field, is_early }),
            ..self.failure_in_state("States.QueryEvaluationError", text, origin)
        }
    }

    fn failure_in_state(&self, error: &str, text: &str, origin: Origin) -> Failure {
        let cause = format!(
            "An error occurred while executing the state '{}' (entered at the event id #{}). {text}",
            self.thread.state, self.thread.entered_event
        );
        Failure {
            error: Some(error.to_owned()),
            cause: Some(cause),
            origin,
            patience: Millis(0),
            evaluation: None,
        }
    }

    /// The declaration of the task in hand.
    pub(super) fn declared(&self) -> Option<&'a crate::definition::Task> {
        match &self.run.definition.state(&self.thread.state)?.kind {
            Kind::Task(task) => Some(task),
            Kind::Pass(_)
            | Kind::Choice(_)
            | Kind::Wait(_)
            | Kind::Succeed
            | Kind::Fail(_)
            | Kind::Parallel(_)
            | Kind::Map(_) => None,
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
        patience: Millis(0),
        evaluation: None,
    }
}

/// Events that one state may add before the history is looked at again, with the end.
const EVENTS_AHEAD: u32 = 6;
