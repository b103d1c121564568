//! The alert book: what is wrong already, and who is still to be told.

use std::future::Future;

use super::Unavailable;

/// The role that remembers it from one start to the next, so that nobody is told twice. One text,
/// which a store does not read.
pub trait AlertBook {
    /// Puts this book in the place of the one before.
    fn keep_alert_book(&self, book: String)
    -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// The book that was kept last; `None` when there never was one.
    fn alert_book(&self) -> Result<Option<String>, Unavailable>;
}
