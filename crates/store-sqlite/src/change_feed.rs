//! The change feed: the port [`ChangeFeed`].
//!
//! An insertion's entry is the event itself, a change's entry is the change: so the feed is
//! both tables read together in the order of their places, and nothing is written for it.

use domain::stream::{Change, ChangeKind, Sequence};
use engine::store::{ChangeFeed, Unavailable};
use engine::wakeup::Wakeup;
use rusqlite::Connection;

use crate::SqliteStore;
use crate::codec;
use crate::fault::Fault;
use crate::rows;
use crate::safe::Safe;
use crate::state::State;

impl ChangeFeed for SqliteStore {
    fn read_after(
        &self,
        after: Sequence,
        limit: usize,
        wanted: &dyn Fn(ChangeKind) -> bool,
    ) -> Result<(Vec<Change>, Sequence), Unavailable> {
        let safe = &self.shared.safe;
        let read = self.shared.readers.read_at_once(|connection| {
            let head = State::load(connection)?.head;
            let limit = u64::try_from(limit).unwrap_or(u64::MAX);
            let last = after.get().saturating_add(limit).min(head);
            if last <= after.get() {
                return Ok((Vec::new(), after));
            }
            let range = [codec::integer(after.get()), codec::integer(last)];
            let mut changes = Vec::new();
            if wanted(ChangeKind::Insert) {
                insertions(connection, safe, range, &mut changes)?;
            }
            if wanted(ChangeKind::Modify) {
                modifications(connection, safe, range, &mut changes)?;
            }
            changes.sort_unstable_by_key(|change| change.sequence);
            Ok((changes, Sequence::new(last)))
        });
        read.map_err(Fault::unreadable)
    }

    fn feed_head(&self) -> Result<Sequence, Unavailable> {
        let state = self.shared.readers.read(State::load);
        state
            .map(|state| Sequence::new(state.head))
            .map_err(Fault::unreadable)
    }

    fn feed_wakeup(&self) -> &Wakeup {
        &self.shared.feed
    }
}

fn insertions(
    connection: &Connection,
    safe: &Safe,
    range: [i64; 2],
    changes: &mut Vec<Change>,
) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(rows::select_events!(
        "WHERE e.sequence > ?1 AND e.sequence <= ?2"
    ))?;
    let mut rows = statement.query(range)?;
    while let Some(row) = rows.next()? {
        let kept = rows::event_of_row(row)?;
        changes.push(rows::insertion(kept.sequence, kept.open(safe)?));
    }
    Ok(())
}

fn modifications(
    connection: &Connection,
    safe: &Safe,
    range: [i64; 2],
    changes: &mut Vec<Change>,
) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, event, previous, at, settlement, reference, detail
         FROM changes WHERE sequence > ?1 AND sequence <= ?2",
    )?;
    let mut rows = statement.query(range)?;
    while let Some(row) = rows.next()? {
        let row = rows::change_of_row(row)?;
        changes.push(rows::modification(connection, safe, &row)?);
    }
    Ok(())
}
