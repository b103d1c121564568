//! What is counted minute by minute while it is written: a row a minute, so that whoever draws a week
//! needs not read a week.

use std::collections::BTreeMap;

use domain::source::SourceName;
use domain::time::Timestamp;
use engine::store::ExecutionStatus;
use rusqlite::{Connection, params};

use crate::codec;
use crate::fault::Fault;

/// One minute, in milliseconds.
pub(crate) const MINUTE: i64 = 60_000;

/// How long a minute is remembered, in minutes: 35 days, as long as people compare months.
pub(crate) const MINUTES_KEPT: i64 = 35 * 24 * 60;

/// The minute of a time, since 1970.
pub(crate) fn minute(time: Timestamp) -> i64 {
    time.as_millis().div_euclid(MINUTE)
}

/// What a batch adds.
#[derive(Default)]
pub(crate) struct Tallies {
    arrivals: BTreeMap<(i64, SourceName), u64>,
    endings: BTreeMap<(i64, ExecutionStatus), u64>,
}

impl Tallies {
    /// One more event.
    pub(crate) fn add_arrival(&mut self, received_at: Timestamp, source: &SourceName) {
        let key = (minute(received_at), source.clone());
        *self.arrivals.entry(key).or_default() += 1;
    }

    /// One more end of an event's execution.
    pub(crate) fn add_ending(&mut self, at: Timestamp, status: ExecutionStatus) {
        *self.endings.entry((minute(at), status)).or_default() += 1;
    }

    /// Writes them, and forgets the minutes of long ago.
    pub(crate) fn save(&self, connection: &Connection) -> Result<(), Fault> {
        if let Some(((newest, _), _)) = self.arrivals.last_key_value() {
            let mut statement = connection.prepare_cached(
                "INSERT INTO arrivals (minute, source, events) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET events = events + excluded.events",
            )?;
            for ((minute, source), events) in &self.arrivals {
                statement.execute(params![minute, source.as_str(), codec::integer(*events)])?;
            }
            forget(
                connection,
                "DELETE FROM arrivals WHERE minute < ?1",
                *newest,
            )?;
        }
        if let Some(((newest, _), _)) = self.endings.last_key_value() {
            let mut statement = connection.prepare_cached(
                "INSERT INTO endings (minute, status, executions) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET executions = executions + excluded.executions",
            )?;
            for ((minute, status), executions) in &self.endings {
                let status = codec::status_code(*status);
                statement.execute(params![minute, status, codec::integer(*executions)])?;
            }
            forget(connection, "DELETE FROM endings WHERE minute < ?1", *newest)?;
        }
        Ok(())
    }
}

/// Forgets what is too long before `newest`.
pub(crate) fn forget(connection: &Connection, sql: &str, newest: i64) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    statement.execute([newest.saturating_sub(MINUTES_KEPT)])?;
    Ok(())
}
