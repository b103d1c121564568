//! What can go wrong between us and the file, before a port says whose fault it is.

use engine::store::Unavailable;
use vault::SealError;

/// A failure inside the store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// SQLite or the disk under it.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A row that we cannot have written.
    #[error("the store holds what should not be there: {0}")]
    Corrupt(&'static str),
    /// A sealed value that does not open, or one that cannot be sealed.
    #[error("a sealed value: {0}")]
    Seal(#[from] SealError),
}

impl Fault {
    /// The same for what could not be sealed: nothing was written, and another try may do.
    pub(crate) fn unsealed(self) -> Unavailable {
        tracing::error!(error = %self, "what should be kept cannot be sealed");
        Unavailable::Unreadable
    }

    /// Says in the log what the caller is not told, and what it is told.
    pub(crate) fn unreadable(self) -> Unavailable {
        tracing::error!(error = %self, "the store cannot be read");
        Unavailable::Unreadable
    }
}
