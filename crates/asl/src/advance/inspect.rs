//! Looking into a state while it runs, as `TestState` does with its inspection data.

use super::machine::Machine;
use super::{AdvanceError, Moment, Run, Signal, Transition, check};
use crate::datum::Datum;
use crate::execution::Execution;

/// The data of one state at each step of its way through. What a state does not have, or has
/// not come to, is none. When several states run, the last one is seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inspection {
    /// What the state was entered with.
    pub input: Option<Datum>,
    /// After `InputPath`.
    pub after_input_path: Option<Datum>,
    /// After `Parameters`.
    pub after_parameters: Option<Datum>,
    /// The result of a task, or the `Result` of a Pass state.
    pub result: Option<Datum>,
    /// After `ResultSelector`.
    pub after_result_selector: Option<Datum>,
    /// After `ResultPath`.
    pub after_result_path: Option<Datum>,
}

/// As [`advance`](super::advance), and says how the data went. For tests of definitions; a
/// durable runner has no use for it.
///
/// # Errors
/// As [`advance`](super::advance).
pub fn inspect(
    run: Run<'_>,
    execution: &Execution,
    signal: Signal,
    at: &Moment,
) -> Result<(Transition, Inspection), AdvanceError> {
    check(run, execution, &signal)?;
    let mut machine = Machine::new(run, execution, at);
    machine.inspection = Some(Box::default());
    machine.take(signal);
    let inspection = machine
        .inspection
        .take()
        .map_or_else(Inspection::default, |seen| *seen);
    Ok((machine.finish(), inspection))
}

impl Machine<'_> {
    /// Notes data when someone looks.
    pub(super) fn note(&mut self, write: impl FnOnce(&mut Inspection)) {
        if let Some(inspection) = &mut self.inspection {
            write(inspection);
        }
    }
}
