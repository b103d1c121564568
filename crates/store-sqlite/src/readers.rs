//! Connections for reading: opened when needed, kept for the next.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::fault::Fault;

/// A small pool. Reads run on the caller's thread and are short.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    idle_max: usize,
    cache_bytes: usize,
}

impl Readers {
    pub(crate) fn new(path: PathBuf, idle_max: usize, cache_bytes: usize) -> Self {
        Self {
            path,
            idle: Mutex::default(),
            idle_max,
            cache_bytes,
        }
    }

    /// Runs a read in which every statement sees what is committed by then. After a fault the
    /// connection is closed, whatever state it is in.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let connection = self.take()?;
        let found = read(&connection);
        if found.is_ok() {
            self.give_back(connection);
        }
        found
    }

    /// Runs a read whose statements all see the same commit. Keys must be looked up before.
    pub(crate) fn read_at_once<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.read(|connection| {
            connection.prepare_cached("BEGIN")?.execute([])?;
            let found = read(connection)?;
            connection.prepare_cached("COMMIT")?.execute([])?;
            Ok(found)
        })
    }

    /// Closes those that nobody uses.
    pub(crate) fn close(&self) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn take(&self) -> Result<Connection, Fault> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        if let Some(connection) = idle {
            return Ok(connection);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        configure(&connection, self.cache_bytes)?;
        Ok(connection)
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.idle_max {
            idle.push(connection);
        }
    }
}

/// What holds for every connection, the writer's too.
pub(crate) fn configure(
    connection: &Connection,
    cache_bytes: usize,
) -> Result<(), rusqlite::Error> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let cache_kib = i64::try_from(cache_bytes / 1024).unwrap_or(i64::MAX);
    connection.pragma_update(None, "cache_size", cache_kib.saturating_neg())?;
    // Without this SQLite plans many statements anew for every value that is bound to them, in
    // case statistics that we do not keep should tell it something: half of all time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}

/// More than there are statements in this crate.
const STATEMENTS_MAX: usize = 96;

/// Readers never wait for the writer in WAL mode; this is for the moment in which another
/// process, an inspection, recovers the WAL.
pub(crate) const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);
