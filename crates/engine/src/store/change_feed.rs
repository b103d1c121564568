//! The change feed: every change of every record, in the order of the commits.

use domain::stream::{Change, ChangeKind, Sequence};

use super::Unavailable;
use crate::wakeup::Wakeup;

/// The role that tells what changed.
///
/// Sequences start at 1 and have no gap. An entry is in the same transaction as the change that
/// it tells of, so neither exists without the other, and it is never altered afterwards, except
/// that what was shredded is gone from its images.
pub trait ChangeFeed {
    /// The entries after `after` whose kind `wanted` accepts, oldest first, looking at no more
    /// than `limit` entries; and the place up to which was looked, which is `after` when there
    /// is nothing newer.
    fn read_after(
        &self,
        after: Sequence,
        limit: usize,
        wanted: &dyn Fn(ChangeKind) -> bool,
    ) -> Result<(Vec<Change>, Sequence), Unavailable>;

    /// The place of the newest entry; [`Sequence::START`] when there is none.
    fn feed_head(&self) -> Result<Sequence, Unavailable>;

    /// Given after entries were committed.
    fn feed_wakeup(&self) -> &Wakeup;
}
