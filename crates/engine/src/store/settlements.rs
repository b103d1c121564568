//! Settlements: moving a record on where no execution of ours does it.

use std::future::Future;

use domain::task::RecordChange;
use domain::time::Timestamp;

use super::Unavailable;

/// The role that records what a task wants recorded, by itself. On one machine a change is
/// committed together with its execution ([`super::Executions::commit`]); on AWS the executions
/// are the platform's, and a change stands alone.
pub trait Settlements {
    /// Applies a change to its record at `now`, by [`domain::settlement::Settlement::apply`]:
    /// once, whoever asks and however often.
    ///
    /// # Errors
    /// The change may or may not be durable; asking again is safe.
    fn settle(
        &self,
        change: &RecordChange,
        now: Timestamp,
    ) -> impl Future<Output = Result<Settled, Unavailable>> + Send;
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Settled {
    /// It is durable, whether since now or since before.
    Done,
    /// It contradicts what the record holds; nothing was written.
    Refused,
    /// There is no such record.
    NoRecord,
}
