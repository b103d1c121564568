//! Looking: what people and dashboards ask of a store. Nothing here is on a webhook's path.

use bytes::Bytes;
use domain::admit::Vouched;
use domain::delivery::{BodyHash, Headers};
use domain::event::EventKeyDigest;
use domain::money::Amount;
use domain::payment::Anomaly;
use domain::record::{EventRecord, RecordKey};
use domain::settlement::Settlement;
use domain::source::SourceName;
use domain::stream::{Change, Sequence};
use domain::time::Timestamp;

use super::{ExecutionStatus, Unavailable};

/// One page of a listing, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Pass this as `before` for the next page; `None` on the last.
    pub next: Option<u64>,
}

/// Which events to list. Empty lists all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Only those of this payment.
    pub payment_id: Option<String>,
    /// Only those whose record's status attribute is this, as [`EventRecord::status`] gives it.
    pub status: Option<String>,
    /// Only those of this source.
    pub source: Option<String>,
    /// Only those that failed with this error.
    pub error: Option<String>,
    /// Only those of exactly this amount, in whatever currency.
    pub amount: Option<Amount>,
    /// Only those received at this time or later.
    pub since: Option<Timestamp>,
    /// Only those received before this time.
    pub until: Option<Timestamp>,
}

impl EventFilter {
    /// Whether an event with this record is one of them.
    pub fn matches(&self, record: &EventRecord) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        let error = match &record.settlement {
            Settlement::Failed { error, .. } => error.as_str(),
            Settlement::Received | Settlement::Processing { .. } | Settlement::Completed { .. } => {
                ""
            }
        };
        is(&self.payment_id, &record.key.payment_id)
            && is(&self.status, record.status())
            && is(&self.source, record.event_key.source.as_str())
            && is(&self.error, error)
            && self.amount.is_none_or(|amount| amount == record.amount)
            && self.since.is_none_or(|since| since <= record.received_at)
            && self.until.is_none_or(|until| record.received_at < until)
    }
}

/// An event in a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct EventSummary {
    /// The feed entry of its insertion: its id in listings, and its execution's.
    pub sequence: Sequence,
    /// The record as it now stands.
    pub record: EventRecord,
    /// How its execution stands; `None` when the pipe started none.
    pub execution: Option<ExecutionStatus>,
}

/// Everything kept about one event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventDetail {
    /// The event.
    pub summary: EventSummary,
    /// The headers of its delivery.
    pub headers: Headers,
    /// The label of the secret that proved its sender.
    pub secret_label: String,
    /// Every change of its record, oldest first.
    pub changes: Vec<Change>,
    /// Deliveries with its key and other bytes.
    pub conflicts: Vec<ConflictSummary>,
    /// Who says that what it tells is so.
    pub vouched: Vouched,
    /// What it brought to its payment that does not fit.
    pub anomalies: Vec<Anomaly>,
}

/// A delivery whose event key was claimed before by other bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictSummary {
    /// The hash of its body.
    pub body_hash: BodyHash,
    /// The body.
    pub body: Bytes,
    /// When it first came.
    pub received_at: Timestamp,
    /// How often it came.
    pub count: u64,
}

/// Something about a payment that people should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnomalySummary {
    /// Its place in the listing; never used again.
    pub id: u64,
    /// The feed entry of the event that brought it.
    pub sequence: Sequence,
    /// The record of that event.
    pub record: RecordKey,
    /// The source of that event.
    pub source: SourceName,
    /// What does not fit.
    pub anomaly: Anomaly,
    /// When the event was received.
    pub received_at: Timestamp,
}

/// Which executions to list. Empty lists all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecutionFilter {
    /// Only those that stand so.
    pub status: Option<ExecutionStatus>,
    /// Only those that wait for a person: failed, timed out or stopped.
    pub dead_letters: bool,
}

impl ExecutionFilter {
    /// Whether an execution that stands so is one of them.
    pub fn matches(&self, status: ExecutionStatus) -> bool {
        let is_dead = match status {
            ExecutionStatus::Running | ExecutionStatus::Succeeded => false,
            ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => true,
        };
        self.status.is_none_or(|wanted| wanted == status) && (is_dead || !self.dead_letters)
    }
}

/// An execution in a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionSummary {
    /// The feed entry that it is for: its id.
    pub sequence: Sequence,
    /// The event whose change started it.
    pub event: EventKeyDigest,
    /// The record as it now stands.
    pub record: EventRecord,
    /// How it stands.
    pub status: ExecutionStatus,
    /// The hash of its definition.
    pub definition: [u8; 32],
    /// When it was started.
    pub started_at: Timestamp,
    /// When it last moved.
    pub updated_at: Timestamp,
    /// When it must next be looked at; `None` at rest.
    pub due_at: Option<Timestamp>,
}

/// An execution with all it lived through.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutionDetail {
    /// The execution.
    pub summary: ExecutionSummary,
    /// The feed entry that it is for, with the images of that moment.
    pub change: Change,
    /// The runner's snapshot.
    pub snapshot: Option<Bytes>,
    /// The runner's steps, oldest first.
    pub steps: Vec<StepRecord>,
}

/// One step, as the runner wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRecord {
    /// When it was committed.
    pub at: Timestamp,
    /// The runner's text.
    pub text: Bytes,
}

/// How much there is of everything. Kept while writing, so asking is cheap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Events in custody.
    pub events: u64,
    /// Executions that run or wait for a time.
    pub running: u64,
    /// Executions that came to a good end.
    pub succeeded: u64,
    /// Executions at rest after a failure, a timeout or a stop: the dead letters.
    pub dead_letters: u64,
    /// Deliveries in quarantine.
    pub quarantined: u64,
    /// Distinct conflicting deliveries.
    pub conflicts: u64,
    /// Anomalies of payments.
    pub anomalies: u64,
    /// Feed entries that the pipe has not read.
    pub feed_lag: u64,
}

/// The role that answers people.
pub trait Inspect {
    /// Events, newest first by sequence, below `before` where it is given. A store may stop looking
    /// before a page is full, even before it has found one, and say with `next` where to go on. A
    /// filter by time may miss what was received by a clock that was set back since.
    fn list_events(
        &self,
        filter: &EventFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<EventSummary>, Unavailable>;

    /// The newest event of each payment, newest first by sequence, below `before` where it is given:
    /// of those of `source`, or of all. What one source calls a payment is another payment than
    /// what another source calls so. A store may stop looking before a page is full.
    fn list_payments(
        &self,
        source: Option<&SourceName>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<EventSummary>, Unavailable>;

    /// The event with this key.
    fn event(&self, event: &EventKeyDigest) -> Result<Option<EventDetail>, Unavailable>;

    /// The event that the feed entry `sequence` is about.
    fn event_at(&self, sequence: Sequence) -> Result<Option<EventDetail>, Unavailable>;

    /// Anomalies of payments, newest first by id, below `before` where it is given.
    fn list_anomalies(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<AnomalySummary>, Unavailable>;

    /// Executions, newest first by sequence, below `before` where it is given.
    fn list_executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<ExecutionSummary>, Unavailable>;

    /// One execution with its steps.
    fn execution(&self, sequence: Sequence) -> Result<Option<ExecutionDetail>, Unavailable>;

    /// How much there is of everything.
    fn counts(&self) -> Result<Counts, Unavailable>;
}
