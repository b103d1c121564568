//! What each type of state does once it is entered.

use std::sync::Arc;

use super::machine::{Flow, Machine};
use crate::datum::Datum;
use crate::definition::{Choice, Fail, Kind, Language, Next, Pass, State, WaitFor, When};
use crate::execution::Doing;
use crate::expression::Scope;
use crate::flow::{self, Fault};
use crate::limits::WAIT_SECONDS_MAX;
use crate::retry::{Failure, Origin};
use crate::template::Template;
use crate::time::Millis;

impl<'a> Machine<'a> {
    pub(super) fn execute(&mut self, state: &'a State) -> Result<Flow, Failure> {
        match &state.kind {
            Kind::Pass(pass) => self.pass(state, pass),
            Kind::Task(_) | Kind::Parallel(_) | Kind::Map(_) => self.attempt(state),
            Kind::Choice(choice) => self.choose(state, choice),
            Kind::Wait(wait) => self.wait(state, wait),
            Kind::Succeed => {
                let data = self.state_data(state)?;
                self.leave_with(state, &data, Leaving::of(state, Next::End))
            }
            Kind::Fail(fail) => self.fail(state, fail),
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
        if state.language == Language::JsonPath {
            self.note(|seen| seen.after_input_path = Some(data.clone()));
        }
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
                self.note_parameters(state, &shaped);
                shaped
            }
        };
        self.leave_result(state, result)
    }

    /// Leaves a state with its result: `Assign`, then `ResultPath` and `OutputPath`, or `Output`.
    pub(super) fn leave_result(&mut self, state: &State, result: Datum) -> Result<Flow, Failure> {
        if state.language == Language::Jsonata {
            return self.leave_with(state, &result, Leaving::of(state, state.next));
        }
        self.note(|seen| seen.after_result_selector = Some(result.clone()));
        let assigned = self.checked(&result, |scope| {
            flow::assigned(state.assign.as_ref(), scope)
        })?;
        let input = &self.thread.input;
        let placed = flow::place(&state.result_path, input, result, self.run.input)
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
            let held = self.checked(&data, |scope| match &rule.when {
                When::Query(condition) => flow::condition(condition, scope),
                When::Tests(condition) => condition.holds(scope).map_err(|unknown| {
                    Fault::Runtime(format!(
                        "Invalid path '{}': The choice state's condition path references an \
                         invalid value.",
                        unknown.0
                    ))
                }),
            })?;
            if held {
                let leaving = Leaving {
                    assign: rule.assign.as_ref(),
                    output: rule.output.as_ref(),
                    next: Next::State(rule.next),
                };
                return self.leave_with(state, &data, leaving);
            }
        }
        match choice.default {
            Some(next) => self.leave_with(state, &data, Leaving::of(state, Next::State(next))),
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
        let until = self.checked(&data, |scope| flow::until(wait, scope))?;
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
        self.leave_with(state, &data, Leaving::of(state, state.next))
    }

    fn fail(&mut self, state: &State, fail: &Fail) -> Result<Flow, Failure> {
        let input = self.thread.input.clone();
        if state.language == Language::JsonPath {
            self.note(|seen| seen.after_input_path = Some(input.clone()));
        }
        let text = |text: &Option<_>, scope: Scope<'_>| {
            let text = text.as_ref();
            text.map(|text| flow::fail_text(text, scope)).transpose()
        };
        let error = self.checked(&input, |scope| text(&fail.error, scope))?;
        let cause = self.checked(&input, |scope| text(&fail.cause, scope))?;
        Err(Failure {
            error,
            cause,
            origin: Origin::Task,
            patience: Millis(0),
            evaluation: None,
        })
    }

    /// Leaves a state with `data`, or with what its `Output` makes of it.
    fn leave_with(
        &self,
        state: &State,
        data: &Datum,
        leaving: Leaving<'_>,
    ) -> Result<Flow, Failure> {
        let assigned = self.checked(data, |scope| flow::assigned(leaving.assign, scope))?;
        let output = self.checked(data, |scope| match leaving.output {
            Some(output) => flow::shape(Some(output), data, scope),
            None => flow::select(&state.output_path, data, scope),
        })?;
        Ok(Flow::Leave {
            output,
            assigned,
            next: leaving.next,
        })
    }
}

/// How a state is left: by its own fields, or by those of a rule.
#[derive(Clone, Copy)]
struct Leaving<'s> {
    assign: Option<&'s Template>,
    output: Option<&'s Template>,
    next: Next,
}

impl<'s> Leaving<'s> {
    fn of(state: &'s State, next: Next) -> Self {
        Self {
            assign: state.assign.as_ref(),
            output: state.output.as_ref(),
            next,
        }
    }
}
