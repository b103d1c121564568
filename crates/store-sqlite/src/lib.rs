//! The embedded store: SQLite with group commit.
//!
//! It keeps and finds; it decides nothing that the domain decides. In reading order:
//! [`options`] is what may be chosen, [`schema`] what is on disk, [`writer`] the one thread that
//! writes, and a module for each port reads. [`check`](check::check) tells whether a data
//! directory holds what it should. The reference of the tables is
//! docs/storage-format.md.
#![warn(missing_docs)]

mod options;
mod schema;
mod migrate;
mod directory;
mod masters;
mod endpoints;
mod state;
mod chain;
pub mod journal;
mod keys;
mod schedule;
mod shredding;
mod writer;
mod event_log;
mod key_keeper;
mod audit;
mod alert_book;
mod change_feed;
mod executions;
mod quarantine;
mod queries;
mod payments;
mod requests;
mod trends;
pub mod check;
mod rows;
mod safe;
mod codec;
mod readers;
mod shared;
mod fault;
#[cfg(test)]
mod old_stores;

use std::path::Path;
use std::sync::Arc;

use engine::store::Unavailable;
use rusqlite::{Connection, OpenFlags};
use vault::ring::MasterKeys;

pub use masters::{KEY_NAME, KeyProblem, MasterSource};
pub use options::{CommitObserver, CommitReport, OpenError, Options, StoreStats};

use directory::DirectoryLock;
use readers::Readers;
use safe::Safe;
use shared::Shared;
use writer::{Lane, Operation, Writer};

/// A store in a data directory. It plays every role of [`engine::store`].
///
/// What a write has returned survives the death of the process, and a power cut as far as the
/// disk keeps what it has confirmed.
#[derive(Debug)]
pub struct SqliteStore {
    shared: Arc<Shared>,
    /// `None` when the store was opened for reading.
    writer: Option<Writer>,
    /// What new wrapping keys are wrapped by. `None` as above.
    masters: Option<MasterKeys>,
    // Dropped last: until then no other process may write.
    _lock: Option<DirectoryLock>,
}

impl SqliteStore {
    /// Opens the store in `directory`, which it creates, and takes it for this process alone.
    ///
    /// Ready within milliseconds after an orderly stop however much is stored; after a crash
    /// the newest keys are read again, which takes some tens of milliseconds more at most.
    pub fn open(directory: impl AsRef<Path>, options: &Options) -> Result<Self, OpenError> {
        let directory = directory.as_ref();
        let lock = DirectoryLock::acquire(directory)?;
        let path = directory::database(directory);
        let unreadable = |error| migrate::unreadable(&path, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags).map_err(unreadable)?;
        // Before anything is written: another program's file stays as it is.
        migrate::version(&connection, &path)?;
        configure_writer(&connection, options).map_err(unreadable)?;
        migrate::migrate(&mut connection, &path)?;
        if let Some(pages_max) = options.pages_max {
            let limited = connection.pragma_update(None, "max_page_count", pages_max);
            limited.map_err(unreadable)?;
        }
        let cache_bytes = options.cache_bytes / READERS_PER_WRITER;
        let readers = Readers::new(path.clone(), options.readers_max, cache_bytes);
        let keys = (&options.master, options.now);
        let (ring, masters) = masters::open_ring(&mut connection, directory, keys)?;
        let failed = |fault: fault::Fault| OpenError::Unreadable {
            path: path.clone(),
            reason: fault.to_string(),
        };
        let within = (readers, Safe::new(ring));
        let shared = Arc::new(Shared::load(&connection, within, false).map_err(failed)?);
        let writer = Writer::start(connection, Arc::clone(&shared), options).map_err(failed)?;
        Ok(Self {
            shared,
            writer: Some(writer),
            masters: Some(masters),
            _lock: Some(lock),
        })
    }

    /// Opens the store in `directory` for looking, whether or not a process is running on it.
    /// Its writes and claims are answered [`Unavailable::Closing`].
    pub fn open_read_only(
        directory: impl AsRef<Path>,
        master: &MasterSource,
    ) -> Result<Self, OpenError> {
        let directory = directory.as_ref();
        let path = directory::database(directory);
        let unreadable = |fault: fault::Fault| OpenError::Unreadable {
            path: path.clone(),
            reason: fault.to_string(),
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags);
        let connection = connection.map_err(|error| unreadable(error.into()))?;
        if migrate::version(&connection, &path)? < migrate::newest() {
            return Err(OpenError::Older { path });
        }
        let options = Options::default();
        let cache_bytes = options.cache_bytes / READERS_PER_WRITER;
        let readers = Readers::new(path.clone(), options.readers_max, cache_bytes);
        let ring = masters::read_ring(&connection, directory, master)?;
        let within = (readers, Safe::new(ring));
        let shared = Shared::load(&connection, within, true).map_err(unreadable)?;
        Ok(Self {
            shared: Arc::new(shared),
            writer: None,
            masters: None,
            _lock: None,
        })
    }

    /// Takes nothing more, writes what waits, and tidies up. Blocks until that is done; later
    /// writes are told [`Unavailable::Closing`]. Dropping the store does the same.
    ///
    /// # Errors
    /// [`Unavailable::Failed`] when a write has failed, now or before.
    pub fn close(&self) -> Result<(), Unavailable> {
        match &self.writer {
            Some(writer) if !writer.close() => Err(Unavailable::Failed),
            Some(_) | None => Ok(()),
        }
    }

    /// What the writer has done so far.
    pub fn stats(&self) -> StoreStats {
        StoreStats {
            waiting: self.writer.as_ref().map_or(0, Writer::waiting),
            ..self.shared.stats()
        }
    }

    async fn write<O: Operation>(
        &self,
        lane: Lane,
        operation: O,
    ) -> Result<O::Answer, Unavailable> {
        match &self.writer {
            Some(writer) => writer.write(lane, operation).await,
            None => Err(Unavailable::Closing),
        }
    }

    /// Nothing may be claimed from a store that could not take the progress.
    fn check_writable(&self) -> Result<(), Unavailable> {
        match &self.writer {
            Some(writer) if writer.has_failed() => Err(Unavailable::Failed),
            Some(_) => Ok(()),
            None => Err(Unavailable::Closing),
        }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // A failure has been logged and answered where it happened.
        let _ = self.close();
    }
}

fn configure_writer(connection: &Connection, options: &Options) -> Result<(), rusqlite::Error> {
    readers::configure(connection, options.cache_bytes)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is taken out of a page is zeroed there: a key that was destroyed must be gone.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    // The writer does it, when it has answered: see `writer::checkpoint`.
    connection.pragma_update(None, "wal_autocheckpoint", 0)
}

/// SQLite's own default, and the block size of the file systems under it.
const PAGE_BYTES: u32 = 4096;

/// A reader's cache is this part of the writer's.
const READERS_PER_WRITER: usize = 8;
