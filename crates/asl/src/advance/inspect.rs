//! Looking into a state while it runs, as `TestState` does with its inspection data.

use std::sync::Arc;

use serde_json::Value;

use super::machine::Machine;
use super::{AdvanceError, Moment, Run, Signal, Transition, check};
use crate::datum::Datum;
use crate::definition::{Language, State};
use crate::execution::Execution;
use crate::time::Millis;

/// Which state is looked into.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Its name.
    pub state: Arc<str>,
    /// What its branches come to, if it is a Parallel or Map state that is not to begin them.
    pub mock: Option<ForkMock>,
}

/// The data of one state at each step of its way through. What a state does not have, or has
/// not come to, is none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inspection {
    /// What the state was entered with.
    pub input: Option<Datum>,
    /// After `InputPath`.
    pub after_input_path: Option<Datum>,
    /// After `Parameters`.
    pub after_parameters: Option<Datum>,
    /// After `Arguments`, in JSONata.
    pub after_arguments: Option<Datum>,
    /// After `ItemsPath`.
    pub after_items_path: Option<Datum>,
    /// The result of a task, or the `Result` of a Pass state.
    pub result: Option<Datum>,
    /// After `ResultSelector`.
    pub after_result_selector: Option<Datum>,
    /// After `ResultPath`.
    pub after_result_path: Option<Datum>,
    /// How many iterations of a Map state may run at once; 0 for any number.
    pub max_concurrency: Option<u64>,
    /// How many of them may fail.
    pub tolerated_failure_count: Option<u64>,
    /// Which share of them may fail, in percent.
    pub tolerated_failure_percentage: Option<f64>,
    /// What became of an error.
    pub error_details: ErrorDetails,
}

/// Who dealt with an error.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ErrorDetails {
    /// Its name.
    pub error: Option<String>,
    /// Its cause.
    pub cause: Option<String>,
    /// The retrier that named it, counted from 0; its attempts may have been spent.
    pub retry_index: Option<usize>,
    /// How long the next attempt waits.
    pub retry_backoff: Option<Millis>,
    /// The catcher that caught it, counted from 0.
    pub catch_index: Option<usize>,
}

/// What stands for everything that the branches of a Parallel or Map state do.
#[derive(Debug, Clone, PartialEq)]
pub struct ForkMock {
    /// What they come to together, or the error's name and cause.
    pub outcome: Result<Value, (Option<String>, Option<String>)>,
    /// How many iterations failed.
    pub failures: u32,
}

/// As [`advance`](super::advance), and says how the data of one state went. For tests of
/// definitions; a durable runner has no use for it.
///
/// # Errors
/// As [`advance`](super::advance).
pub fn inspect(
    run: Run<'_>,
    execution: &Execution,
    signal: Signal,
    at: &Moment,
    look: Look,
) -> Result<(Transition, Inspection), AdvanceError> {
    check(run, execution, &signal)?;
    let mut machine = Machine::new(run, execution, at);
    machine.looking = Some(Box::new(Looking {
        at: look,
        seen: Inspection::default(),
    }));
    machine.take(signal);
    let looking = machine.looking.take();
    let seen = looking.map(|looking| looking.seen).unwrap_or_default();
    Ok((machine.finish(), seen))
}

/// Someone who looks on, and what they have seen.
pub(super) struct Looking {
    at: Look,
    seen: Inspection,
}

impl Machine<'_> {
    /// Notes data when someone looks into the state in hand.
    pub(super) fn note(&mut self, write: impl FnOnce(&mut Inspection)) {
        if let Some(looking) = &mut self.looking
            && looking.at.state == self.thread.state
        {
            write(&mut looking.seen);
        }
    }

    /// What stands for the branches of the state in hand.
    pub(super) fn take_mock(&mut self) -> Option<ForkMock> {
        let looking = self.looking.as_mut()?;
        let is_it = looking.at.state == self.thread.state;
        is_it.then(|| looking.at.mock.take()).flatten()
    }

    /// Notes what `Parameters` or `Arguments` made of the data.
    pub(super) fn note_parameters(&mut self, state: &State, data: &Datum) {
        self.note(|seen| match state.language {
            Language::JsonPath => seen.after_parameters = Some(data.clone()),
            Language::Jsonata if state.parameters.is_some() => {
                seen.after_arguments = Some(data.clone());
            }
            Language::Jsonata => {}
        });
    }
}
