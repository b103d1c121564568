//! What takes custody, and what an outsider sees of what it took: enough for every store, those
//! too whose feed and executions are somebody else's.

use std::future::Future;

use domain::delivery::RawDelivery;
use domain::event::EventKeyDigest;
use domain::stream::Change;
use engine::store::{EventDetail, EventLog, Quarantine, QuarantinedSummary, Store};

use crate::observed::Observed;

/// A store that takes deliveries in, whether or not it does anything else.
pub trait Custodian: EventLog + Quarantine + Send + Sync + 'static {
    /// Looks at everything it has taken in.
    ///
    /// # Panics
    /// When the store contradicts itself.
    fn seen(&self) -> impl Future<Output = Seen>;
}

/// All that was taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Every change of every record, oldest first.
    pub feed: Vec<Change>,
    /// Every event, newest first.
    pub events: Vec<EventDetail>,
    /// Everything in quarantine, newest first by when it first came. The ids only say the order.
    pub quarantined: Vec<(QuarantinedSummary, RawDelivery)>,
}

impl Seen {
    /// The event with this key.
    pub fn event(&self, event: &EventKeyDigest) -> Option<&EventDetail> {
        let is_it = |detail: &&EventDetail| detail.summary.record.event_key.digest() == *event;
        self.events.iter().find(is_it)
    }

    /// How many distinct conflicting deliveries there are.
    pub fn conflicts(&self) -> usize {
        self.events.iter().map(|event| event.conflicts.len()).sum()
    }
}

impl<S: Store> Custodian for S {
    async fn seen(&self) -> Seen {
        let mut observed = Observed::of(self).await;
        // Not every store works them out while it takes in.
        for event in &mut observed.events {
            event.anomalies.clear();
        }
        Seen {
            feed: observed.feed,
            events: observed.events,
            quarantined: observed.quarantined,
        }
    }
}
