//! Executions: runs of the workflow, durable between any two steps.
//!
//! An execution is named by the place in the change feed that it was started for: one entry
//! starts at most one. What it has lived through is a list of steps, each an opaque text that
//! the runner wrote; its present state is a snapshot, opaque too. A store keeps both and reads
//! neither.

use std::future::Future;

use bytes::Bytes;
use domain::source::SourceName;
use domain::stream::{Change, Sequence};
use domain::task::RecordChange;
use domain::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

use super::Unavailable;
use crate::wakeup::Wakeup;

/// A new execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartExecution {
    /// The feed entry that it is for.
    pub sequence: Sequence,
    /// When the pipe read the entry.
    pub started_at: Timestamp,
}

/// A payment in its source's words. Two sources may mean different payments by one id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PaymentOfSource {
    /// The source.
    pub source: SourceName,
    /// The payment's id.
    pub payment_id: String,
}

/// How an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionStatus {
    /// It has work to do or waits for a time.
    Running,
    /// It came to a good end.
    Succeeded,
    /// It came to a bad end and waits for a person.
    Failed,
    /// It ran longer than its definition allows.
    TimedOut,
    /// A person stopped it.
    Aborted,
}

impl ExecutionStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::TimedOut,
        Self::Aborted,
    ];
}

/// An execution that the caller alone may move, until its lease ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// Which one.
    pub sequence: Sequence,
    /// How often it was moved: [`Progress::generation`] must name this.
    pub generation: u64,
    /// How it stands.
    pub status: ExecutionStatus,
    /// The hash of the workflow definition it was started with.
    pub definition: DefinitionId,
    /// When it was started.
    pub started_at: Timestamp,
    /// The runner's snapshot; `None` before the first step.
    pub snapshot: Option<Bytes>,
    /// The feed entry that it is for.
    pub change: Change,
}

/// The SHA-256 of a workflow definition's text: executions end with the definition they began
/// with, whatever is configured meanwhile.
pub type DefinitionId = [u8; 32];

/// How an execution moved, to be made durable in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Which one.
    pub sequence: Sequence,
    /// The generation that was claimed, or committed last. The commit makes it one more.
    pub generation: u64,
    /// How it stands now.
    pub status: ExecutionStatus,
    /// The snapshot that replaces the one before.
    pub snapshot: Bytes,
    /// What it lived through since, appended to its steps.
    pub steps: Vec<Bytes>,
    /// What its tasks want recorded, in order.
    pub changes: Vec<RecordChange>,
    /// When it must be looked at if nobody holds it; `None` when it is at rest.
    pub due_at: Option<Timestamp>,
    /// What becomes of the lease.
    pub lease: Lease,
    /// Now.
    pub at: Timestamp,
}

/// What a commit does with the lease under which it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// The holder goes on, and nobody else may claim it until then.
    KeepUntil(Timestamp),
    /// Anyone may claim it when it is due.
    Release,
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It is durable.
    Done,
    /// Somebody else has moved the execution since; nothing was written. Claim it again.
    Stale,
    /// A change contradicts what its record already holds; nothing was written.
    Refused,
}

/// The role that keeps executions.
pub trait Executions {
    /// How far the pipe has read the change feed.
    fn pipe_cursor(&self) -> Result<Sequence, Unavailable>;

    /// Starts executions with `definition` and moves the pipe's cursor to `cursor`, in one
    /// durable transaction. An entry that has an execution already keeps it. The cursor never
    /// moves back. New executions are due at once.
    fn start_all(
        &self,
        starts: Vec<StartExecution>,
        definition: DefinitionId,
        cursor: Sequence,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// Claims up to `limit` executions that are due at `now` and that nobody holds, those due
    /// longest first, each until `now + lease`. After a crash of the process every lease is
    /// void: an execution that was being moved is due at once.
    fn claim_due(
        &self,
        now: Timestamp,
        lease: Millis,
        limit: usize,
    ) -> Result<Vec<Claimed>, Unavailable>;

    /// Claims one execution whatever its status and time, for an operator's stop or redrive.
    /// `None` when it does not exist or somebody holds it.
    fn claim_one(
        &self,
        sequence: Sequence,
        now: Timestamp,
        lease: Millis,
    ) -> Result<Option<Claimed>, Unavailable>;

    /// The earliest execution before `sequence` that was started for the insertion of an event of a
    /// payment and still runs: the one that another waits for where a payment's run one at a time.
    fn earlier_running(
        &self,
        sequence: Sequence,
        payment: &PaymentOfSource,
    ) -> Result<Option<Sequence>, Unavailable>;

    /// Gives a lease back without having moved the execution; it is due as before.
    fn release(&self, sequence: Sequence);

    /// When the next execution that nobody holds is due; `None` when none is.
    fn next_due(&self) -> Result<Option<Timestamp>, Unavailable>;

    /// Makes progress durable: snapshot, steps, due time, the records' changes and their feed
    /// entries, in one transaction. Changes are applied by
    /// [`domain::settlement::Settlement::apply`] at `progress.at`; one that is already so writes
    /// nothing and refuses nothing.
    fn commit(
        &self,
        progress: Progress,
    ) -> impl Future<Output = Result<Committed, Unavailable>> + Send;

    /// Keeps a definition's text under its hash, for the executions that will be started with
    /// it. Keeping it again is no change.
    fn keep_definition(
        &self,
        id: DefinitionId,
        text: String,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// The text of a definition that was kept.
    fn definition(&self, id: &DefinitionId) -> Result<Option<String>, Unavailable>;

    /// Given after executions became due or were released while due.
    fn due_wakeup(&self) -> &Wakeup;
}
