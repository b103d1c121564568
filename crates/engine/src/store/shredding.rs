//! Shredding: destroying what was received, for good, and leaving that it was.

use std::future::Future;

use domain::stream::Sequence;
use domain::time::Timestamp;

use super::Unavailable;

/// What is to be shredded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shred {
    /// The events: for each, any entry of the feed that is about it.
    pub events: Vec<Sequence>,
    /// Whether events may go along that came in the same delivery as one of these. Their bytes are
    /// the same bytes.
    pub with_others: bool,
    /// Whether events may go that the pipe has not read yet: where none runs. It will start nothing
    /// for them.
    pub with_unread: bool,
    /// Now.
    pub at: Timestamp,
}

/// What became of a wish to shred. All of it is done, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shredded {
    /// Nothing is left of what was received for these events, named by their insertion, oldest first.
    /// Some may have been shredded before.
    Done {
        /// All of them.
        events: Vec<Sequence>,
    },
    /// Nothing is done: there is no such event.
    NoSuch {
        /// What was asked for.
        event: Sequence,
    },
    /// Nothing is done: something is still to be done for this event, for which its bytes are needed.
    Busy {
        /// The insertion of the event.
        event: Sequence,
    },
    /// Nothing is done: these other events came in the same delivery.
    Shared {
        /// Their insertions.
        others: Vec<Sequence>,
    },
}

/// The role that shreds.
pub trait Shredding {
    /// Destroys what was received for events, in one durable transaction: body, headers, conflicts,
    /// the causes of failures, and what executions lived through. The event stays, with its key,
    /// payment, sum, meaning and settlement, and so does its place in the feed; its record says when
    /// ([`domain::record::EventRecord::shredded_at`]), and so do its images, old ones as well. Its
    /// event key stays claimed: whatever comes under it again is a duplicate, and nothing of it is
    /// kept. A commit of an execution of such an event is refused.
    fn shred(&self, shred: Shred) -> impl Future<Output = Result<Shredded, Unavailable>> + Send;
}
