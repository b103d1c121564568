//! How things went, minute by minute: what charts are drawn from. A store keeps the last 35 days.

use std::future::Future;
use std::time::Duration;

use domain::source::SourceName;
use domain::time::Timestamp;

use super::{ExecutionStatus, Unavailable};

/// How many events came in one minute from one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrivals {
    /// When the minute began.
    pub minute: Timestamp,
    /// The source.
    pub source: SourceName,
    /// How many; never none.
    pub events: u64,
}

/// How many executions of events ended in one minute in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endings {
    /// When the minute began.
    pub minute: Timestamp,
    /// How they ended; never [`ExecutionStatus::Running`].
    pub status: ExecutionStatus,
    /// How many; never none.
    pub executions: u64,
}

/// How fast webhooks were answered in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acks {
    /// When the minute began.
    pub minute: Timestamp,
    /// How many were answered; never none.
    pub webhooks: u64,
    /// Half of them within this, to the microsecond.
    pub median: Duration,
    /// 99 of a hundred within this, to the microsecond.
    pub p99: Duration,
}

/// How many executions will have to go on in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// When the minute begins.
    pub minute: Timestamp,
    /// How many; never none.
    pub executions: u64,
}

/// The role that remembers how things went. Minutes are whole minutes of UTC; one in which nothing
/// was is left out, and so may be what is older than 35 days. Everything is in the order of the
/// minutes.
pub trait Trends {
    /// How many events came in each minute, from that of `since` on, by the time at which they were
    /// received; within a minute in the order of the sources' names.
    fn arrivals(&self, since: Timestamp) -> Result<Vec<Arrivals>, Unavailable>;

    /// How executions that were started for an event's insertion ended in each minute, from that of
    /// `since` on, by the time of the commit that ended them; within a minute in the order of
    /// [`ExecutionStatus::ALL`]. One that was let go on and ends again has ended twice.
    fn endings(&self, since: Timestamp) -> Result<Vec<Endings>, Unavailable>;

    /// How fast webhooks were answered in each minute, from that of `since` on.
    fn acks(&self, since: Timestamp) -> Result<Vec<Acks>, Unavailable>;

    /// Keeps how fast webhooks were answered in a minute. What is kept of the same minute already,
    /// by a process that was stopped in it, is added to: the slower of both stands.
    fn keep_acks(&self, acks: Acks) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// How many running executions are due in each minute from `from` on until before `until`. A
    /// store may stop counting at a hundred thousand of them.
    fn waiting(&self, from: Timestamp, until: Timestamp) -> Result<Vec<Waiting>, Unavailable>;
}
