//! What the writer's thread and the ports share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::time::Timestamp;
use engine::store::Lease;
use engine::wakeup::Wakeup;
use rusqlite::Connection;

use crate::codec;
use crate::fault::Fault;
use crate::keys::Keys;
use crate::options::{CommitReport, StoreStats};
use crate::readers::Readers;
use crate::safe::Safe;
use crate::schedule::Schedule;
use crate::writer::Effects;

/// Everything in memory beside the file.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) readers: Readers,
    pub(crate) keys: Keys,
    pub(crate) safe: Safe,
    schedule: Mutex<Schedule>,
    stats: Mutex<StoreStats>,
    pub(crate) feed: Wakeup,
    pub(crate) due: Wakeup,
}

impl Shared {
    /// Reads what must be in memory: the newest keys, and what is due when.
    pub(crate) fn load(
        connection: &Connection,
        (readers, safe): (Readers, Safe),
        follows: bool,
    ) -> Result<Self, Fault> {
        let mut schedule = Schedule::default();
        let mut statement = connection.prepare(
            "SELECT sequence, due_at FROM executions INDEXED BY executions_open
             WHERE (status <> 1 OR due_at IS NOT NULL) AND due_at IS NOT NULL",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let due_at = Timestamp::from_millis(row.get(1)?);
            schedule.set(codec::natural(row.get(0)?)?, Some(due_at), Lease::Release);
        }
        Ok(Self {
            readers,
            safe,
            keys: Keys::load(connection, follows)?,
            schedule: Mutex::new(schedule),
            stats: Mutex::default(),
            feed: Wakeup::default(),
            due: Wakeup::default(),
        })
    }

    pub(crate) fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what a commit has done visible, and gives the hints.
    pub(crate) fn publish(&self, effects: Effects, feed_grew: bool) {
        if effects.shredded {
            self.safe.note_shredding();
        }
        if !effects.keys.is_empty() {
            self.safe.remember(&effects.keys);
        }
        if let Some(new) = effects.new_wrapping {
            self.safe.ring_mut().add(new);
        }
        for id in effects.retired {
            self.safe.ring_mut().remove(id);
        }
        if !effects.schedule.is_empty() {
            let mut schedule = self.schedule();
            for (sequence, due_at, lease) in effects.schedule {
                schedule.set(sequence, due_at, lease);
            }
        }
        if feed_grew {
            self.feed.wake();
        }
        if effects.due {
            self.due.wake();
        }
    }

    pub(crate) fn count_commit(&self, report: &CommitReport) {
        let mut stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        stats.commits = stats.commits.saturating_add(1);
        let jobs = u64::try_from(report.jobs).unwrap_or(u64::MAX);
        stats.jobs = stats.jobs.saturating_add(jobs);
        stats.sync_total = stats.sync_total.saturating_add(report.sync);
        stats.sync_max = stats.sync_max.max(report.sync);
    }

    pub(crate) fn stats(&self) -> StoreStats {
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
