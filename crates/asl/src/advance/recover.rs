//! What follows a failure: another attempt, a catcher, or the end of the thread.

use serde_json::json;

use super::machine::{Flow, Machine};
use crate::datum::Datum;
use crate::definition::{Kind, Next, State};
use crate::execution::Doing;
use crate::flow;
use crate::history::EventDetails;
use crate::retry::{Catcher, Failure, Origin};
use crate::time::Millis;

impl<'a> Machine<'a> {
    /// Lets the state be tried again, or leaves it by a catcher.
    ///
    /// # Errors
    /// The failure that ends the thread: this one, when nobody handles it, or the one that a
    /// catcher met itself.
    pub(super) fn handle(&mut self, state: &'a State, failure: Failure) -> Result<Flow, Failure> {
        self.note(|seen| {
            seen.error_details.error.clone_from(&failure.error);
            seen.error_details.cause.clone_from(&failure.cause);
        });
        if let Some(delay) = self.retry_delay(state, &failure) {
            self.note(|seen| seen.error_details.retry_backoff = Some(delay));
            self.execution.forget_inside(self.at);
            let delay = delay.max(failure.patience);
            if delay == Millis(0) {
                return self.attempt(state);
            }
            self.thread.doing = Doing::Backoff {
                until: self.now.after(delay),
            };
            return Ok(Flow::Pause);
        }
        let is_fork = matches!(state.kind, Kind::Parallel(_) | Kind::Map(_));
        if is_fork && failure.origin != Origin::Fatal {
            let kind = state.kind.state_type();
            self.record(EventDetails::ForkFailed { kind });
        }
        let mut catchers = state.catchers.iter().enumerate();
        let Some((at, catcher)) = catchers.find(|(_, c)| failure.is_named_by(&c.errors)) else {
            // A fork stays as it is: a redrive goes on with what is left of it.
            self.thread.rest();
            return Err(failure);
        };
        self.note(|seen| seen.error_details.catch_index = Some(at));
        self.execution.forget_inside(self.at);
        self.thread.doing = Doing::Rest;
        self.catch(catcher, &failure)
    }

    /// The first retrier that names the failure decides alone; its use is counted.
    fn retry_delay(&mut self, state: &State, failure: &Failure) -> Option<Millis> {
        let mut retriers = state.retriers.iter();
        let at = retriers.position(|r| failure.is_named_by(&r.errors))?;
        let retrier = state.retriers.get(at)?;
        self.note(|seen| seen.error_details.retry_index = Some(at));
        if self.thread.retries.len() < state.retriers.len() {
            self.thread.retries.resize(state.retriers.len(), 0);
        }
        let used = self.thread.retries.get_mut(at)?;
        let delay = retrier.delay(*used, &self.luck)?;
        *used += 1;
        Some(delay)
    }

    fn catch(&mut self, catcher: &'a Catcher, failure: &Failure) -> Result<Flow, Failure> {
        let cause = match failure.origin {
            // A time-out has no cause, which its catcher sees as an empty text.
            Origin::Timeout | Origin::Heartbeat => Some(""),
            Origin::Fatal | Origin::Interpreter | Origin::Task => failure.cause.as_deref(),
        };
        let error = Datum::new(json!({ "Error": failure.error, "Cause": cause }));
        self.error = Some(error.clone());
        let assigned = self.checked(&error, |scope| {
            flow::assigned(catcher.assign.as_ref(), scope)
        })?;
        if let Some(output) = &catcher.output {
            return Ok(Flow::Leave {
                output: self.checked(&error, |scope| flow::shape(Some(output), &error, scope))?,
                assigned,
                next: Next::State(catcher.next),
            });
        }
        let output = flow::place(
            &catcher.result_path,
            &self.thread.input,
            error,
            self.run.input,
        )
        .map_err(|fault| self.failure(fault))?;
        Ok(Flow::Leave {
            output,
            assigned,
            next: Next::State(catcher.next),
        })
    }
}
