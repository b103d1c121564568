//! What the owner of a store may choose, and what it is told while the store works.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::time::Timestamp;
use engine::store::QuarantineBounds;

use crate::masters::{KeyProblem, MasterSource};

/// What may be chosen when a store is opened.
#[derive(Clone)]
pub struct Options {
    /// Most writes in one commit. More make one fsync serve more callers and make the first
    /// of them wait longer.
    pub commit_jobs_max: usize,
    /// Most bytes of bodies, headers, snapshots and steps in one commit.
    pub commit_bytes_max: usize,
    /// Most writes that may wait, each of custody and of all else; beyond that a caller is
    /// told `Overloaded` instead of waiting without end.
    pub queue_jobs_max: usize,
    /// Most bytes that those may hold, each of custody and of all else.
    pub queue_bytes_max: usize,
    /// Most connections that are kept for reading. More readers than that at once each open
    /// one for themselves.
    pub readers_max: usize,
    /// Bytes of the file that the writer keeps in memory; each reader keeps an eighth of it.
    pub cache_bytes: usize,
    /// How much the quarantine may hold.
    pub quarantine: QuarantineBounds,
    /// Where the master key comes from that everything received is sealed under.
    pub master: MasterSource,
    /// When it is opened, for what is written down about that.
    pub now: Timestamp,
    /// Told of every commit, on the writer's thread: it must be quick and must not block.
    pub observer: Option<CommitObserver>,
    /// Most pages that the file may have, for tests that need a full disk.
    pub pages_max: Option<u32>,
}

/// Whoever wants to know of every commit.
pub type CommitObserver = Arc<dyn Fn(&CommitReport) + Send + Sync>;

/// One commit that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitReport {
    /// Writes that it made durable.
    pub jobs: usize,
    /// Bytes of bodies, headers, snapshots and steps in them.
    pub bytes: usize,
    /// Writes that still wait.
    pub waiting: usize,
    /// From the first write to the end of the commit.
    pub total: Duration,
    /// The commit alone: the WAL's write and its fsync.
    pub sync: Duration,
    /// The checkpoint that came after it, when one was due.
    pub checkpoint: Option<Duration>,
}

/// What the writer has done since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreStats {
    /// Commits.
    pub commits: u64,
    /// Writes that they made durable.
    pub jobs: u64,
    /// Time spent in commits, their fsyncs included.
    pub sync_total: Duration,
    /// The longest of them.
    pub sync_max: Duration,
    /// Writes that wait now.
    pub waiting: usize,
}

/// Why a store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or this one, has it open.
    #[error("another process uses this data directory: it holds the lock on {}", lock_file.display())]
    InUse {
        /// The file whose lock is held.
        lock_file: PathBuf,
    },
    /// The directory or a file in it cannot be made or read.
    #[error("{}: {source}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is of a later payhook. Nothing was changed.
    #[error(
        "{} has format {found}, and this payhook knows formats up to {known}: use the newer payhook",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: i32,
        /// The newest that is known here.
        known: i32,
    },
    /// The file is of an earlier payhook and was opened for looking only. Nothing was changed.
    #[error("{} has an older format: start payhook on it once to bring it up to date", path.display())]
    Older {
        /// The database.
        path: PathBuf,
    },
    /// The file is no store of ours.
    #[error("{} is not a payhook store", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// Its keys are not to be had.
    #[error(transparent)]
    Keys(#[from] KeyProblem),
    /// SQLite could not open it or read its beginning.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
}

impl Default for Options {
    fn default() -> Self {
        Self {
            commit_jobs_max: 512,
            commit_bytes_max: 8 * 1024 * 1024,
            queue_jobs_max: 8192,
            queue_bytes_max: 64 * 1024 * 1024,
            readers_max: 4,
            cache_bytes: 64 * 1024 * 1024,
            quarantine: QuarantineBounds {
                deliveries_max: 10_000,
                bytes_max: 64 * 1024 * 1024,
            },
            master: MasterSource::Generated,
            now: Timestamp::from_millis(0),
            observer: None,
            pages_max: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("commit_jobs_max", &self.commit_jobs_max)
            .field("commit_bytes_max", &self.commit_bytes_max)
            .field("queue_jobs_max", &self.queue_jobs_max)
            .field("queue_bytes_max", &self.queue_bytes_max)
            .field("readers_max", &self.readers_max)
            .field("cache_bytes", &self.cache_bytes)
            .field("quarantine", &self.quarantine)
            .field("master", &self.master)
            .finish_non_exhaustive()
    }
}
