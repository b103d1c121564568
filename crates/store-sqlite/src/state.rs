//! The one row that is written with every commit: how far everything has come, and how much
//! there is. So nobody ever counts.

use engine::store::{Counts, ExecutionStatus};
use rusqlite::Connection;

use crate::chain::{self, Link};
use crate::codec;
use crate::fault::Fault;

/// The row of the table `state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct State {
    /// The newest place in the change feed.
    pub(crate) head: u64,
    /// How far the pipe has read it.
    pub(crate) cursor: u64,
    /// Every event up to this place stands in the key tables. See [`crate::keys`].
    pub(crate) indexed: u64,
    pub(crate) events: u64,
    pub(crate) running: u64,
    pub(crate) succeeded: u64,
    pub(crate) dead_letters: u64,
    pub(crate) quarantined: u64,
    /// Bytes of bodies and headers in the quarantine.
    pub(crate) quarantined_bytes: u64,
    pub(crate) conflicts: u64,
    /// Conflicting deliveries that were answered and not kept: their event had enough already.
    pub(crate) conflicts_unkept: u64,
    /// Anomalies of payments; the newest one's id as well.
    pub(crate) anomalies: u64,
    /// Entries of the feed up to this place are older than the chain.
    pub(crate) chained_after: u64,
    /// The link of the newest entry.
    pub(crate) link: Link,
}

impl State {
    pub(crate) fn load(connection: &Connection) -> Result<Self, Fault> {
        let mut statement = connection.prepare_cached(
            "SELECT head, cursor, indexed, events, running, succeeded, dead_letters, quarantined,
                    quarantined_bytes, conflicts, conflicts_unkept, anomalies, chained_after, link
             FROM state WHERE id = 1",
        )?;
        let (columns, link) = statement.query_row([], |row| {
            let mut columns = [0_i64; 13];
            for (index, column) in columns.iter_mut().enumerate() {
                *column = row.get(index)?;
            }
            Ok((columns, row.get::<_, Option<Vec<u8>>>(13)?))
        })?;
        let [head, cursor, indexed, rest @ ..] = columns.map(codec::natural);
        let [events, running, succeeded, dead_letters, rest @ ..] = rest;
        let [quarantined, quarantined_bytes, conflicts, unkept, rest @ ..] = rest;
        let [anomalies, chained_after] = rest;
        let chained_after = chained_after?;
        Ok(Self {
            link: match link {
                Some(link) => chain::link(&link)?,
                // Nothing was chained yet.
                None => chain::genesis(chained_after),
            },
            chained_after,
            head: head?,
            cursor: cursor?,
            indexed: indexed?,
            events: events?,
            running: running?,
            succeeded: succeeded?,
            dead_letters: dead_letters?,
            quarantined: quarantined?,
            quarantined_bytes: quarantined_bytes?,
            conflicts: conflicts?,
            conflicts_unkept: unkept?,
            anomalies: anomalies?,
        })
    }

    pub(crate) fn save(&self, connection: &Connection) -> Result<(), Fault> {
        let columns = [
            self.head,
            self.cursor,
            self.indexed,
            self.events,
            self.running,
            self.succeeded,
            self.dead_letters,
            self.quarantined,
            self.quarantined_bytes,
            self.conflicts,
            self.conflicts_unkept,
            self.anomalies,
        ]
        .map(codec::integer);
        let mut statement = connection.prepare_cached(
            "UPDATE state SET head = ?1, cursor = ?2, indexed = ?3, events = ?4, running = ?5,
                    succeeded = ?6, dead_letters = ?7, quarantined = ?8, quarantined_bytes = ?9,
                    conflicts = ?10, conflicts_unkept = ?11, anomalies = ?12, link = ?13
             WHERE id = 1",
        )?;
        for (index, column) in (1..).zip(columns) {
            statement.raw_bind_parameter(index, column)?;
        }
        statement.raw_bind_parameter(columns.len() + 1, self.link)?;
        statement.raw_execute()?;
        Ok(())
    }

    /// The counter that an execution of this status counts in.
    pub(crate) fn count_of(&mut self, status: ExecutionStatus) -> &mut u64 {
        match status {
            ExecutionStatus::Running => &mut self.running,
            ExecutionStatus::Succeeded => &mut self.succeeded,
            ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => {
                &mut self.dead_letters
            }
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            events: self.events,
            running: self.running,
            succeeded: self.succeeded,
            dead_letters: self.dead_letters,
            quarantined: self.quarantined,
            conflicts: self.conflicts,
            anomalies: self.anomalies,
            feed_lag: self.head.saturating_sub(self.cursor),
        }
    }
}
