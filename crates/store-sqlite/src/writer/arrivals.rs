//! How many events came in each minute from each source: a row a minute, so that whoever draws a
//! week needs not read a week.

use std::collections::BTreeMap;

use domain::source::SourceName;
use domain::time::Timestamp;
use rusqlite::{Connection, params};

use crate::codec;
use crate::fault::Fault;

/// One minute, in milliseconds.
pub(crate) const MINUTE: i64 = 60_000;

/// How long a minute is remembered, in minutes: 35 days, as long as people compare months.
const MINUTES_KEPT: i64 = 35 * 24 * 60;

/// What a batch adds.
#[derive(Default)]
pub(crate) struct Arrivals(BTreeMap<(i64, SourceName), u64>);

impl Arrivals {
    /// One more event.
    pub(crate) fn add(&mut self, received_at: Timestamp, source: &SourceName) {
        let minute = received_at.as_millis().div_euclid(MINUTE);
        *self.0.entry((minute, source.clone())).or_default() += 1;
    }

    /// Writes them, and forgets the minutes of long ago.
    pub(crate) fn save(&self, connection: &Connection) -> Result<(), Fault> {
        let Some(((newest, _), _)) = self.0.last_key_value() else {
            return Ok(());
        };
        let mut statement = connection.prepare_cached(
            "INSERT INTO arrivals (minute, source, events) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET events = events + excluded.events",
        )?;
        for ((minute, source), events) in &self.0 {
            statement.execute(params![minute, source.as_str(), codec::integer(*events)])?;
        }
        let mut statement = connection.prepare_cached("DELETE FROM arrivals WHERE minute < ?1")?;
        statement.execute([newest.saturating_sub(MINUTES_KEPT)])?;
        Ok(())
    }
}
