//! Carrying the WAL over into the database, between commits.
//!
//! SQLite would do it inside a commit, and everybody in that commit would wait for it. Here it
//! comes after the answers.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::fault::Fault;
use crate::readers::BUSY_TIMEOUT;

/// How long the WAL is, and what follows from it.
pub(super) struct Checkpoints {
    /// Pages in the WAL, as SQLite told after the last commit that wrote some.
    pages: Arc<AtomicU32>,
    /// Whether the log holds what was destroyed since.
    must_be_emptied: Cell<bool>,
}

impl Checkpoints {
    /// Takes the place of SQLite's own checkpoints on this connection.
    pub(super) fn of(connection: &mut Connection) -> Result<Self, Fault> {
        let pages = Arc::new(AtomicU32::new(0));
        let told = Arc::clone(&pages);
        connection.wal_hook(Some(move |_: &mut _, pages| {
            told.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self {
            pages,
            must_be_emptied: Cell::new(false),
        })
    }

    /// Has the log emptied as soon as nobody reads from it: keys that were destroyed stand in it.
    pub(super) fn empty_the_log(&self) {
        self.must_be_emptied.set(true);
    }

    /// Makes a checkpoint when one is due; how long it took.
    ///
    /// A fault means that the database could not be written or synced. Nothing is lost by
    /// that, for the WAL has it all, but the disk is not to be trusted with more.
    pub(super) fn after_commit(&self, connection: &Connection) -> Result<Option<Duration>, Fault> {
        let pages = self.pages.load(Ordering::Relaxed);
        let begun = Instant::now();
        if self.must_be_emptied.get() {
            self.try_to_empty(connection)?;
            return Ok(Some(begun.elapsed()));
        }
        if pages < PAGES {
            return Ok(None);
        }
        // A reader may stand in the way of starting the WAL anew; when that has gone on for
        // long the checkpoint waits for the readers, whose reads are short.
        let mode = if pages < PAGES_MAX {
            "PASSIVE"
        } else {
            "RESTART"
        };
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        connection.query_row(&sql, [], |_| Ok(()))?;
        // Told again by the next commit, which may start the WAL anew.
        self.pages.store(0, Ordering::Relaxed);
        Ok(Some(begun.elapsed()))
    }

    /// Empties the log unless somebody reads from it: nobody waits for that, and the next commit
    /// tries again.
    fn try_to_empty(&self, connection: &Connection) -> Result<(), Fault> {
        connection.busy_timeout(Duration::ZERO)?;
        let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
        let is_busy = connection.query_row(truncate, [], |row| row.get::<_, i64>(0));
        connection.busy_timeout(BUSY_TIMEOUT)?;
        if is_busy? == 0 {
            self.must_be_emptied.set(false);
            self.pages.store(0, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Pages in the WAL after which they are carried over. More let pages that are written again
/// and again be carried over once; the WAL takes 16 MB for it.
const PAGES: u32 = 4096;

/// Pages in the WAL after which it must start anew.
const PAGES_MAX: u32 = 4 * PAGES;
