//! How things went, minute by minute.

use domain::time::{Millis, Timestamp};
use engine::operator::NotDone;
use engine::store::Store;

use super::{Desk, TrendsQuery, time};
use crate::view::TrendsView;

/// How far back is looked where nobody says: an hour.
const SPAN: i64 = 60 * 60 * 1000;

/// How far ahead what waits is told.
const AHEAD: Millis = Millis::from_secs(60 * 60);

impl<S: Store> Desk<S> {
    /// How things went since a time, and what is due in the next hour.
    pub(crate) fn trends(&self, query: &TrendsQuery) -> Result<TrendsView, NotDone> {
        let now = self.clock.now();
        let since = match &query.since {
            Some(text) => time(text).map_err(|why| NotDone::Nonsense(format!("since: {why}")))?,
            None => Timestamp::from_millis(now.as_millis().saturating_sub(SPAN)),
        };
        Ok(TrendsView::new(
            &self.store.arrivals(since)?,
            &self.store.endings(since)?,
            &self.store.acks(since)?,
            &self.store.waiting(now, now.after(AHEAD))?,
        ))
    }
}
