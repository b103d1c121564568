//! The ports: what a store promises, and to whom.
//!
//! A store keeps and finds; it decides nothing. Writes are `async` and return only when what
//! they wrote would survive a power cut; reads are plain functions that must answer from what
//! is committed, within microseconds for a point read. All of one write is visible or none.
//!
//! Each role is a trait of its own, so that a store may play only some of them: on AWS the
//! change feed and the executions are the platform's. [`Store`] bundles all of them.
//! `testbed::store_suite` holds every implementation to these words.

mod alert_book;
mod audit;
mod change_feed;
mod endpoints;
mod event_log;
mod executions;
mod inspect;
mod keys;
mod quarantine;
mod requests;
mod settlements;
mod trends;
mod shredding;

pub mod memory;

pub use alert_book::AlertBook;
pub use audit::{Act, ActEnd, ActSummary, Action, AuditLog};
pub use change_feed::ChangeFeed;
pub use endpoints::Endpoints;
pub use event_log::{Appended, Custody, EventLog, NotKept, Outcome};
pub use executions::{
    Claimed, Committed, DefinitionId, ExecutionStatus, Executions, Lease, PaymentOfSource,
    Progress, StartExecution,
};
pub use inspect::{
    AnomalySummary, ConflictSummary, Counts, EventDetail, EventFilter, EventSummary,
    ExecutionDetail, ExecutionFilter, ExecutionSummary, Inspect, Page, StepRecord,
};
pub use keys::{KeyKeeper, KeysSummary, Rewrapped, WrappingKeySummary};
pub use quarantine::{
    Quarantine, QuarantineBounds, QuarantineReason, QuarantineWard, QuarantinedDelivery,
    QuarantinedSummary,
};
pub use requests::{
    KeptAnswer, KeyedRequest, REQUEST_KEYS_KEPT, RequestClaim, RequestKey, RequestLog,
};
pub use settlements::{Settled, Settlements};
pub use shredding::{Shred, Shredded, Shredding};
pub use trends::{Acks, Arrivals, Endings, Trends, Waiting};

/// Everything that the one-binary home asks of its store.
pub trait Store:
    EventLog
    + QuarantineWard
    + ChangeFeed
    + Executions
    + Inspect
    + Trends
    + AuditLog
    + Endpoints
    + AlertBook
    + RequestLog
    + Shredding
    + Send
    + Sync
    + 'static
{
}

impl<T> Store for T where
    T: EventLog
        + QuarantineWard
        + ChangeFeed
        + Executions
        + Inspect
        + Trends
        + Trends
        + AuditLog
        + Endpoints
        + AlertBook
        + RequestLog
        + Shredding
        + Send
        + Sync
        + 'static
{
}

/// The store cannot do it now. Always our fault, never the caller's; nothing was written, or
/// it is not known to have been: repeating the same call is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unavailable {
    /// Too much is waiting to be written already. Try again in a moment.
    #[error("the store's queue is full")]
    Overloaded,
    /// The store is shutting down.
    #[error("the store is closing")]
    Closing,
    /// A write or fsync failed. The store takes nothing more until it is opened again, because
    /// what the disk holds is no longer known.
    #[error("the store's disk has failed it")]
    Failed,
    /// The store is somewhere else, and did not answer, or answered that it cannot now.
    #[error("the store cannot be reached")]
    Unreachable,
    /// A read failed or found what should not be there.
    #[error("the store cannot be read")]
    Unreadable,
}
