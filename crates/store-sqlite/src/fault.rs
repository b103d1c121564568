//! What can go wrong between us and the file, before a port says whose fault it is.

use engine::store::Unavailable;

/// A failure inside the store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// SQLite or the disk under it.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A row that we cannot have written.
    #[error("the store holds what should not be there: {0}")]
    Corrupt(&'static str),
}

impl Fault {
    /// Says in the log what the caller is not told, and what it is told.
    pub(crate) fn unreadable(self) -> Unavailable {
        tracing::error!(error = %self, "the store cannot be read");
        Unavailable::Unreadable
    }
}
