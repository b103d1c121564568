//! One at a time: where a source wants it, an execution waits until the earlier ones of its payment
//! have come to rest, in order of arrival.
//!
//! Nothing here must survive: who waits keeps its lease, which a crash voids and time ends, and is
//! asked again then. A wait costs a look at the store and no hand.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::event::EventKey;
use domain::source::SourceName;
use domain::stream::{ChangeKind, Sequence};

use crate::store::{Claimed, Executions, PaymentOfSource, Unavailable};

/// Who waits for whom.
#[derive(Debug, Default)]
pub(super) struct Turns {
    sources: HashSet<SourceName>,
    waiting: Mutex<HashMap<PaymentOfSource, Vec<Sequence>>>,
}

impl Turns {
    /// Turns for the payments of these sources.
    pub(super) fn new(sources: HashSet<SourceName>) -> Self {
        Self {
            sources,
            waiting: Mutex::default(),
        }
    }

    /// The payment whose executions take turns, if this execution is of one: of an event, that is.
    /// One that only tells of what has become of an event waits for nobody.
    pub(super) fn payment(&self, claimed: &Claimed) -> Option<PaymentOfSource> {
        if self.sources.is_empty() || claimed.change.kind != ChangeKind::Insert {
            return None;
        }
        let key = EventKey::parse(claimed.change.attribute("eventKey")?)?;
        self.sources.contains(&key.source).then(|| PaymentOfSource {
            source: key.source,
            payment_id: claimed.change.key.payment_id.clone(),
        })
    }

    /// Whether it is this execution's turn; if not, it is remembered and its lease is kept.
    pub(super) fn is_turn_of(
        &self,
        sequence: Sequence,
        payment: &PaymentOfSource,
        store: &impl Executions,
    ) -> Result<bool, Unavailable> {
        // Remembered first: whoever ends between the look and the note would be missed otherwise.
        self.waiting()
            .entry(payment.clone())
            .or_default()
            .push(sequence);
        let earlier = store.earlier_running(sequence, payment);
        if !matches!(earlier, Ok(Some(_))) {
            self.forget(sequence, payment);
        }
        Ok(earlier?.is_none())
    }

    /// Lets everybody who waits for this payment ask again.
    pub(super) fn pass_on(&self, payment: &PaymentOfSource, store: &impl Executions) {
        let waiting = self.waiting().remove(payment);
        for sequence in waiting.into_iter().flatten() {
            store.release(sequence);
        }
    }

    fn forget(&self, sequence: Sequence, payment: &PaymentOfSource) {
        let mut waiting = self.waiting();
        if let Some(others) = waiting.get_mut(payment) {
            others.retain(|each| *each != sequence);
            if others.is_empty() {
                waiting.remove(payment);
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<PaymentOfSource, Vec<Sequence>>> {
        // Each change is one call, so a panic elsewhere leaves nothing half done.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
