//! The contract between whoever runs a workflow and whoever does its tasks.
//!
//! A task returns what should be recorded; it never records. Whoever runs it writes the
//! record's change together with the execution's own progress: in one transaction on one
//! machine, as a conditional update on AWS. So a crash anywhere repeats the task, and every
//! task must be safe to repeat.

use alloc::string::String;

use serde_json::Value;

use crate::record::RecordKey;
use crate::settlement::SettlementChange;
use crate::time::{Millis, Timestamp};
use crate::trace::TraceId;

/// One attempt of one task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskCall {
    /// The `Resource` of the workflow's state: what to do.
    pub resource: String,
    /// The state's effective input.
    pub input: Value,
    /// The name of the execution that asks; the same for every attempt.
    pub execution: String,
    /// The state's name in the workflow.
    pub state: String,
    /// Which branch or iteration of the workflow the state is in; empty outside of them. With
    /// execution, state and input it tells what is done side by side apart.
    pub branch: String,
    /// 0 for the first try, 1 for the first retry of this visit of the state.
    pub retry_count: u32,
    /// When the answer stops being waited for.
    pub deadline: Timestamp,
    /// The trace that this belongs to.
    pub trace: TraceId,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskOutcome {
    /// It is done.
    Succeeded {
        /// The task's result for the workflow.
        output: Value,
        /// What is to be recorded with it.
        change: Option<RecordChange>,
    },
    /// It is not done, or not known to be.
    Failed(TaskFailure),
}

/// A failed attempt, as the workflow's `Retry` and `Catch` see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFailure {
    /// The error's name, to be matched by `ErrorEquals`.
    pub error: String,
    /// What went wrong, for people; no secret and no body in it.
    pub cause: String,
    /// How long the other side asked us to wait (`Retry-After`); a retry comes no sooner.
    pub retry_after: Option<Millis>,
}

/// A change of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordChange {
    /// Which record.
    pub key: RecordKey,
    /// What becomes of it.
    pub change: SettlementChange,
}
