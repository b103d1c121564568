//! The change feed as a list.

use domain::stream::{Change, ChangeKind, Sequence};

use super::MemoryStore;
use crate::store::{ChangeFeed, Unavailable};
use crate::wakeup::Wakeup;

impl ChangeFeed for MemoryStore {
    fn read_after(
        &self,
        after: Sequence,
        limit: usize,
        wanted: &dyn Fn(ChangeKind) -> bool,
    ) -> Result<(Vec<Change>, Sequence), Unavailable> {
        let running = self.look()?;
        // The entry with the sequence n stands at n - 1, so "after n" begins at n.
        let start = usize::try_from(after.get()).unwrap_or(usize::MAX);
        let newer = running.disk.feed.get(start..).unwrap_or_default();
        let looked_at = newer.get(..limit).unwrap_or(newer);
        let end = looked_at.last().map_or(after, |change| change.sequence);
        let changes = looked_at.iter().filter(|change| wanted(change.kind));
        Ok((changes.cloned().collect(), end))
    }

    fn feed_head(&self) -> Result<Sequence, Unavailable> {
        Ok(self.look()?.disk.feed_head())
    }

    fn feed_wakeup(&self) -> &Wakeup {
        &self.feed_wakeup
    }
}
