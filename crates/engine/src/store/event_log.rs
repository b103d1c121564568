//! Custody: taking an admitted delivery in, once.

use std::future::Future;

use domain::admit::Admitted;
use domain::event::EventKeyDigest;
use domain::payment::{Anomaly, PaymentRules};
use domain::record::{EventRecord, RecordKey};
use domain::trace::TraceContext;

use super::Unavailable;

/// An admitted delivery on its way into custody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custody {
    /// The delivery, proved and read.
    pub admitted: Admitted,
    /// The trace that everything done for it belongs to, and the span that takes it in.
    pub trace: TraceContext,
    /// How the provider's payments move.
    pub rules: PaymentRules,
}

/// What became of each event of a delivery, in the delivery's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// One entry an event.
    pub events: Vec<(Outcome, RecordKey)>,
    /// What the new ones brought to their payments that does not fit together.
    pub anomalies: Vec<(RecordKey, Anomaly)>,
}

/// What became of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It is new, and durable now. The key is its own.
    Stored,
    /// It was kept before, from the same bytes; nothing was written. The key is the first's.
    Duplicate,
    /// Its event key was kept before, from *other* bytes. This delivery is kept beside it, once
    /// for each distinct body, and starts nothing. The key is the first's.
    Conflict,
}

/// Why a delivery is not in custody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NotKept {
    /// The store cannot now: the sender must be told to try again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// It is more than this store can ever keep at once: trying again is no use, and nothing
    /// was written.
    #[error("the delivery takes {bytes} bytes, and this store keeps {bytes_max} at once")]
    TooLarge {
        /// What it would take, with its headers and fields.
        bytes: usize,
        /// What fits.
        bytes_max: usize,
    },
}

/// The role that takes custody.
pub trait EventLog {
    /// Keeps a delivery: its bytes, its events, their keys and their feed entries, in one
    /// durable transaction.
    ///
    /// An event whose key is kept already is not kept again, whoever asks and however many ask
    /// at once; see [`Outcome`]. Two events of one delivery with the same key are one event.
    /// What a new event brings to its payment that does not fit is worked out by
    /// [`domain::payment::anomalies_of`] from the payment's newest
    /// [`domain::limits::PAYMENT_EVENTS_COMPARED_MAX`] other events of the same source, and kept in
    /// the same transaction.
    /// The timestamp of a new record is the delivery's `received_at`, moved later
    /// millisecond by millisecond until no record of the same payment has it, and never
    /// earlier than the newest record of the same payment that was there when the call began.
    ///
    /// # Errors
    /// After an error nothing is known to be kept.
    fn append_once(
        &self,
        custody: Custody,
    ) -> impl Future<Output = Result<Appended, NotKept>> + Send;

    /// Whether it would take custody now, as far as it knows: what a readiness probe asks.
    ///
    /// # Errors
    /// [`Unavailable::Failed`] once a write has failed: this store takes nothing more, and only
    /// opening it again, in a new process, can help.
    fn takes_custody(&self) -> Result<(), Unavailable>;

    /// The record with this key, as it now stands.
    fn record(
        &self,
        key: &RecordKey,
    ) -> impl Future<Output = Result<Option<EventRecord>, Unavailable>> + Send;

    /// Another record that is completed and tells of the same change of the same payment
    /// ([`EventRecord::tells_the_same_as`]); the newest of several. It holds everything that was
    /// committed before the call.
    fn settled_before(
        &self,
        record: &EventRecord,
    ) -> impl Future<Output = Result<Option<EventRecord>, Unavailable>> + Send;

    /// The key of the record that an event key has claimed.
    fn find_event(
        &self,
        event: &EventKeyDigest,
    ) -> impl Future<Output = Result<Option<RecordKey>, Unavailable>> + Send;
}
