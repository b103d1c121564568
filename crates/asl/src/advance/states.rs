//! What each type of state does once it is entered.

use std::sync::Arc;

use super::machine::{Flow, Machine};
use crate::datum::Datum;
use crate::definition::{Choice, Fail, Kind, Next, Pass, State, WaitFor};
use crate::execution::Doing;
use crate::expression::Scope;
use crate::flow::{self, Fault};
use crate::limits::WAIT_SECONDS_MAX;
use crate::retry::{Failure, Origin};
use crate::template::Template;
use crate::time::{Millis, parse_rfc3339};

impl<'a> Machine<'a> {
    pub(super) fn execute(&mut self, state: &'a State) -> Result<Flow, Failure> {
        match &state.kind {
            Kind::Pass(pass) => self.pass(state, pass),
            Kind::Task(_) | Kind::Parallel(_) | Kind::Map(_) => self.attempt(state),
            Kind::Choice(choice) => self.choose(state, choice),
            Kind::Wait(wait) => self.wait(state, wait),
            Kind::Succeed => {
                let data = self.state_data(state)?;
                self.leave_with(state, &data, state.assign.as_ref(), Next::End)
            }
            Kind::Fail(fail) => self.fail(fail),
        }
    }

    /// Begins what may be begun again: the first time, and for every retry.
    pub(super) fn attempt(&mut self, state: &'a State) -> Result<Flow, Failure> {
        match &state.kind {
            Kind::Task(task) => self.schedule(state, task),
            Kind::Parallel(parallel) => self.begin_parallel(state, parallel),
            Kind::Map(map) => self.begin_map(state, map),
            Kind::Pass(_) | Kind::Choice(_) | Kind::Wait(_) | Kind::Succeed | Kind::Fail(_) => {
                Ok(Flow::Ended)
            }
        }
    }

    /// What the state sees of its input.
    pub(super) fn state_data(&mut self, state: &State) -> Result<Datum, Failure> {
        let input = &self.thread.input;
        let data = self.checked(input, |scope| flow::select(&state.input_path, input, scope))?;
        self.note(|seen| seen.after_input_path = Some(data.clone()));
        Ok(data)
    }

    /// Evaluates something over `data`; a fault becomes the state's failure.
    pub(super) fn checked<T>(
        &self,
        data: &Datum,
        look: impl FnOnce(Scope<'_>) -> Result<T, Fault>,
    ) -> Result<T, Failure> {
        self.over(data, look).map_err(|fault| self.failure(fault))
    }

    fn pass(&mut self, state: &'a State, pass: &'a Pass) -> Result<Flow, Failure> {
        let data = self.state_data(state)?;
        let shaped = self.checked(&data, |scope| {
            flow::shape(state.parameters.as_ref(), &data, scope)
        })?;
        let result = match &pass.result {
            Some(result) => {
                let result = Datum::Inline(Arc::clone(result));
                self.note(|seen| {
                    // What a Result replaces is not shown.
                    seen.after_input_path = None;
                    seen.result = Some(result.clone());
                });
                result
            }
            None => {
                self.note(|seen| seen.after_parameters = Some(shaped.clone()));
                shaped
            }
        };
        self.leave_result(state, result)
    }

    /// Leaves a state with its result: `Assign`, `ResultPath`, `OutputPath`.
    pub(super) fn leave_result(&mut self, state: &State, result: Datum) -> Result<Flow, Failure> {
        self.note(|seen| seen.after_result_selector = Some(result.clone()));
        let assigned = self.checked(&result, |scope| {
            flow::assigned(state.assign.as_ref(), scope)
        })?;
        let placed = flow::place(
            &state.result_path,
            &self.thread.input,
            result,
            self.run.input,
        )
        .map_err(|fault| self.failure(fault))?;
        self.note(|seen| seen.after_result_path = Some(placed.clone()));
        let output = self.checked(&placed, |scope| {
            flow::select(&state.output_path, &placed, scope)
        })?;
        Ok(Flow::Leave {
            output,
            assigned,
            next: state.next,
        })
    }

    fn choose(&mut self, state: &'a State, choice: &'a Choice) -> Result<Flow, Failure> {
        let data = self.state_data(state)?;
        for rule in &choice.rules {
            let held = self.checked(&data, |scope| {
                rule.condition.holds(scope).map_err(|unknown| {
                    Fault::Runtime(format!(
                        "Invalid path '{}': The choice state's condition path references an \
                         invalid value.",
                        unknown.0
                    ))
                })
            })?;
            if held {
                return self.leave_with(state, &data, rule.assign.as_ref(), Next::State(rule.next));
            }
        }
        match choice.default {
            Some(next) => self.leave_with(state, &data, state.assign.as_ref(), Next::State(next)),
            // The language has an error for this, States.NoChoiceMatched; the service gives
            // another (measured on AWS in 2026: floci-io/floci pull request 3167).
            None => Err(self.failure(Fault::Runtime(
                "Failed to transition out of the state. The state does not point to a next state."
                    .to_owned(),
            ))),
        }
    }

    fn wait(&mut self, state: &'a State, wait: &WaitFor) -> Result<Flow, Failure> {
        let data = self.state_data(state)?;
        let now = self.now;
        let until = self.checked(&data, |scope| until(wait, now, scope))?;
        if until <= now {
            return self.wait_over(state);
        }
        if until.0 - now.0 > Millis::from_secs(WAIT_SECONDS_MAX).0 {
            return Err(self.failure(Fault::Runtime("Wait state delay is too long.".to_owned())));
        }
        self.thread.doing = Doing::Wait { until };
        Ok(Flow::Pause)
    }

    pub(super) fn wait_over(&mut self, state: &'a State) -> Result<Flow, Failure> {
        let data = self.state_data(state)?;
        self.leave_with(state, &data, state.assign.as_ref(), state.next)
    }

    fn fail(&mut self, fail: &Fail) -> Result<Flow, Failure> {
        let input = self.thread.input.clone();
        self.note(|seen| seen.after_input_path = Some(input.clone()));
        let text = |text: &Option<_>, field: &str, scope: Scope<'_>| {
            text.as_ref()
                .map(|text| flow::fail_text(text, field, scope))
                .transpose()
        };
        let error = self.checked(&input, |scope| text(&fail.error, "ErrorPath", scope))?;
        let cause = self.checked(&input, |scope| text(&fail.cause, "CausePath", scope))?;
        Err(Failure {
            error,
            cause,
            origin: Origin::Task,
            patience: Millis(0),
        })
    }

    /// Leaves a state that has no result of its own.
    fn leave_with(
        &self,
        state: &State,
        data: &Datum,
        assign: Option<&Template>,
        next: Next,
    ) -> Result<Flow, Failure> {
        let assigned = self.checked(data, |scope| flow::assigned(assign, scope))?;
        let output = self.checked(data, |scope| flow::select(&state.output_path, data, scope))?;
        Ok(Flow::Leave {
            output,
            assigned,
            next,
        })
    }
}

fn until(wait: &WaitFor, now: Millis, scope: Scope<'_>) -> Result<Millis, Fault> {
    match wait {
        WaitFor::Seconds(seconds) => Ok(now.after(Millis::from_secs(*seconds))),
        WaitFor::Until(at) => Ok(*at),
        WaitFor::SecondsAt(path) => {
            let text = path.text();
            let found = path.evaluate(scope).map_err(|_| {
                Fault::Runtime(format!(
                    "The SecondsPath parameter does not reference an input value: {text}"
                ))
            })?;
            match flow::whole(&found).map(u64::try_from) {
                Some(Ok(seconds)) => Ok(now.after(Millis::from_secs(seconds))),
                Some(Err(_)) => Err(Fault::Runtime(format!(
                    "The SecondsPath parameter references a negative value: {text} == {found}"
                ))),
                None => Err(Fault::Runtime(format!(
                    "The SecondsPath parameter cannot be parsed as a long value: {text} == {}",
                    crate::intrinsics::java_text(&found)
                ))),
            }
        }
        WaitFor::UntilAt(path) => {
            let text = path.text();
            let found = path.evaluate(scope).map_err(|_| {
                Fault::Runtime(format!(
                    "The TimestampPath parameter does not reference an input value: {text}"
                ))
            })?;
            found
                .as_str()
                .and_then(parse_rfc3339)
                .map(|at| at.to_millis())
                .ok_or_else(|| {
                    Fault::Runtime(format!(
                        "The TimestampPath parameter does not reference a valid ISO-8601 extended \
                     offset date-time format string: {text} == {}",
                        crate::intrinsics::java_text(&found)
                    ))
                })
        }
    }
}
