//! The beginning, the ends and the second lives of an execution, and the passing of time in it.

use super::machine::Machine;
use super::{AdvanceError, Run};
use crate::context::MachineType;
use crate::datum::Datum;
use crate::definition::{Kind, OUTERMOST as WHOLE, State};
use crate::execution::{Doing, Execution, OUTERMOST, Status, ThreadId};
use crate::history::EventDetails;
use crate::limits::REDRIVE_EVENTS_MAX;

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

impl Machine<'_> {
    pub(super) fn start(&mut self) {
        let role_arn = self.run.context.role_arn.clone();
        let input = Datum::ExecutionInput;
        self.record_apart(EventDetails::ExecutionStarted { input, role_arn }, 0);
        self.set_deadline();
        let start = self.run.definition.start_of(WHOLE);
        self.go(start.map(|at| (at, Datum::ExecutionInput)));
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
        let details = EventDetails::ExecutionRedriven { redrive_count };
        let redriven = self.record_apart(details, previous);
        self.redrive_thread(OUTERMOST, redriven);
    }

    /// Goes on where a thread ended. One that waited for its branches lets those go on that have
    /// no result yet, and begins those that had not begun.
    fn redrive_thread(&mut self, id: ThreadId, redriven: u32) {
        if self.execution.status != Status::Running || !self.focus(id) {
            return;
        }
        self.thread.previous_event = redriven;
        self.thread.retries.clear();
        if let Some(fork) = self.thread.fork_mut() {
            fork.failed = 0;
            self.redrive_run();
            let inside = self.execution.threads().filter(|(_, it)| it.is_inside(id));
            for branch in inside.map(|(branch, _)| branch).collect::<Vec<_>>() {
                self.redrive_thread(branch, redriven);
            }
            self.forks.push(id);
            self.go(None);
            return;
        }
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
            let cursor = self.resume(Self::attempt);
            self.go(cursor);
        } else {
            let input = self.thread.input.clone();
            self.go(Some((at, input)));
        }
    }

    /// A distributed Map says that its iterations go on. Source: developer guide, "Redriving Map
    /// Runs".
    fn redrive_run(&mut self) {
        let state = self.run.definition.state(&self.thread.state);
        let run = self.thread.fork().and_then(|fork| fork.run.clone());
        if let (Some(name), Some(state)) = (run, state)
            && let Kind::Map(map) = &state.kind
        {
            let arn = self.run_arn(state, map, &name);
            let redrive_count = self.execution.redrives;
            self.record(EventDetails::MapRunRedriven { arn, redrive_count });
        }
    }

    /// Fires every timer that is due, the earliest first.
    pub(super) fn tick(&mut self) {
        while self.execution.status == Status::Running {
            let own = self.thread.doing.due_at().map(|due| (due, self.at));
            let timer = [own, self.execution.next_timer()]
                .into_iter()
                .flatten()
                .min();
            let timer = timer.filter(|(due, _)| *due <= self.now);
            let deadline = self.execution.deadline.filter(|due| *due <= self.now);
            match (deadline, timer) {
                (Some(deadline), timer) if timer.is_none_or(|(timer, _)| deadline <= timer) => {
                    self.record_apart(EventDetails::ExecutionTimedOut, 0);
                    self.end(Status::TimedOut, None, None);
                }
                (_, Some((_, thread))) => self.fire(thread),
                _ => return,
            }
        }
    }

    fn fire(&mut self, thread: ThreadId) {
        self.focus(thread);
        let cursor = match &self.thread.doing {
            Doing::Wait { .. } => self.resume(Self::wait_over),
            Doing::Backoff { .. } => self.resume(Self::attempt),
            Doing::Task(_) => self.resume(Self::task_timed_out),
            Doing::Fork(_) | Doing::Rest => None,
        };
        self.go(cursor);
    }

    /// Ends the execution and all that goes on in it.
    pub(super) fn end(&mut self, status: Status, error: Option<String>, cause: Option<String>) {
        self.thread.rest();
        for thread in self.execution.threads_mut() {
            thread.rest();
        }
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

    fn set_deadline(&mut self) {
        let timeout = self.run.definition.timeout;
        self.execution.deadline = timeout.map(|timeout| self.now.after(timeout));
    }
}
