//! Whether the feed is what it was when it was written: every entry follows the one before.
//!
//! Reads only, takes no key, and works beside a running server. Whoever can write the file can write
//! a whole chain anew; against them there are checkpoints that were taken out of their reach.

use std::path::Path;

use domain::stream::Sequence;
use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::{Connection, OpenFlags, Row, Rows};

use crate::chain::{self, Link};
use crate::codec;
use crate::directory;
use crate::fault::Fault;
use crate::migrate;
use crate::options::OpenError;
use crate::state::State;

/// How far the chain goes, and the hash of its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalHead {
    /// The newest entry.
    pub sequence: Sequence,
    /// Its link: the hash of it and of everything before.
    pub link: Link,
    /// Entries up to this place are older than the chain.
    pub chained_after: Sequence,
}

/// A place of the chain that was written down elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownLink {
    /// The entry.
    pub sequence: Sequence,
    /// Its link then.
    pub link: Link,
}

/// Something in the feed that is not as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tampering {
    /// The place.
    pub sequence: Sequence,
    /// What is wrong there.
    pub kind: TamperingKind,
}

/// What is wrong with a place of the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TamperingKind {
    /// Its row, its delivery or its link was altered, or the entry before it was replaced.
    #[error("altered: it does not follow from the entry before it")]
    Altered,
    /// There is no entry.
    #[error("removed: there is no entry at this place")]
    Removed,
    /// There are two entries.
    #[error("added: two entries claim this place")]
    Added,
    /// The feed ends before a place that a checkpoint or the store itself knows.
    #[error("cut off: the feed ends before this place, which was there")]
    CutOff,
    /// The chain holds and is another one than when the checkpoint was made.
    #[error("written anew: a checkpoint knows another hash at this place")]
    WrittenAnew,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalReport {
    /// How far the chain goes.
    pub head: JournalHead,
    /// Entries that were looked at.
    pub entries: u64,
    /// What is not as it was written, oldest first; the first of many.
    pub found: Vec<Tampering>,
}

/// The end of the chain of the store in `directory`.
///
/// # Errors
/// It cannot be opened or read.
pub fn head(directory: impl AsRef<Path>) -> Result<JournalHead, OpenError> {
    let (connection, failed) = open(directory.as_ref())?;
    let state = State::load(&connection).map_err(&failed)?;
    Ok(head_of(&state))
}

/// Follows the chain of the store in `directory` from end to end, and holds it against what is
/// `known` from elsewhere. `progress` is told the place now and then.
///
/// # Errors
/// It cannot be opened or read.
pub fn verify(
    directory: impl AsRef<Path>,
    known: &[KnownLink],
    progress: impl FnMut(u64, u64),
) -> Result<JournalReport, OpenError> {
    let (connection, failed) = open(directory.as_ref())?;
    let snapshot = connection.unchecked_transaction();
    let snapshot = snapshot.map_err(|error| failed(error.into()))?;
    verify_snapshot(&snapshot, known, progress).map_err(&failed)
}

type Failed = Box<dyn Fn(Fault) -> OpenError>;

fn open(directory: &Path) -> Result<(Connection, Failed), OpenError> {
    let path = directory::database(directory);
    let told = path.clone();
    let failed: Failed = Box::new(move |fault| OpenError::Unreadable {
        path: told.clone(),
        reason: fault.to_string(),
    });
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&path, flags);
    let connection = connection.map_err(|error| failed(error.into()))?;
    if migrate::version(&connection, &path)? < migrate::newest() {
        return Err(OpenError::Older { path });
    }
    Ok((connection, failed))
}

fn head_of(state: &State) -> JournalHead {
    JournalHead {
        sequence: Sequence::new(state.head),
        link: state.link,
        chained_after: Sequence::new(state.chained_after),
    }
}

/// The same on what a connection sees.
pub(crate) fn verify_snapshot(
    connection: &Connection,
    known: &[KnownLink],
    progress: impl FnMut(u64, u64),
) -> Result<JournalReport, Fault> {
    let state = State::load(connection)?;
    let mut walk = Walk {
        connection,
        known,
        head: state.head,
        expected: state.chained_after.saturating_add(1),
        previous: Some(chain::genesis(state.chained_after)),
        delivery: None,
        entries: 0,
        found: Vec::new(),
    };
    walk.all(state.chained_after, progress)?;
    walk.end(&state);
    Ok(JournalReport {
        head: head_of(&state),
        entries: walk.entries,
        found: walk.found,
    })
}

struct Walk<'a> {
    connection: &'a Connection,
    known: &'a [KnownLink],
    head: u64,
    /// The place that must come next.
    expected: u64,
    /// The link there as it is kept; `None` after a place that is not there, so that what follows a
    /// hole is not told too.
    previous: Option<Link>,
    /// The delivery that was hashed last: several events may have the same.
    delivery: Option<(u64, Option<Link>)>,
    entries: u64,
    found: Vec<Tampering>,
}

impl Walk<'_> {
    /// Both tables together, in the order of their places.
    fn all(&mut self, after: u64, mut progress: impl FnMut(u64, u64)) -> Result<(), Fault> {
        let order = "WHERE sequence > ?1 ORDER BY sequence";
        let mut events = self
            .connection
            .prepare(&format!("{} {order}", chain::EVENTS))?;
        let mut changes = self
            .connection
            .prepare(&format!("{} {order}", chain::CHANGES))?;
        let after = [codec::integer(after)];
        let (mut events, mut changes) = (events.query(after)?, changes.query(after)?);
        let mut event = next(&mut events)?;
        let mut change = next(&mut changes)?;
        loop {
            if self.entries.is_multiple_of(ENTRIES_PER_PROGRESS) {
                progress(self.expected, self.head);
            }
            let is_event = match (event, change) {
                (None, None) => return Ok(()),
                (Some(event), Some(change)) => event <= change,
                (Some(_), None) => true,
                (None, Some(_)) => false,
            };
            if is_event {
                let place = event.unwrap_or_default();
                self.entry(place, &events, |walk, row, previous| {
                    walk.event(row, previous)
                })?;
                event = next(&mut events)?;
            } else {
                let place = change.unwrap_or_default();
                self.entry(place, &changes, |_, row, previous| {
                    Ok((chain::of_change_row(row, previous)?, row.get(7)?))
                })?;
                change = next(&mut changes)?;
            }
        }
    }

    fn event(&mut self, row: &Row<'_>, previous: &Link) -> Result<Linked, Fault> {
        let delivery = codec::natural(row.get(1)?)?;
        let hash = match self.delivery {
            Some((known, hash)) if known == delivery => hash,
            Some(_) | None => {
                let hash = chain::of_delivery(self.connection, delivery)?;
                self.delivery = Some((delivery, hash));
                hash
            }
        };
        // A delivery that is not there has no hash, and no link was made of that.
        let link = chain::of_event_row(row, previous, &hash.unwrap_or_default())?;
        Ok((link, row.get(11)?))
    }

    fn entry(
        &mut self,
        place: u64,
        rows: &Rows<'_>,
        linked: impl FnOnce(&mut Self, &Row<'_>, &Link) -> Result<Linked, Fault>,
    ) -> Result<(), Fault> {
        let Some(row) = rows.get() else {
            return Ok(());
        };
        self.entries = self.entries.saturating_add(1);
        if place < self.expected {
            self.find(place, TamperingKind::Added);
            return Ok(());
        }
        if place > self.expected {
            // A hole may be as wide as the number of its end says.
            let last = place.min(self.expected.saturating_add(FOUND_MAX as u64));
            for missing in self.expected..last {
                self.find(missing, TamperingKind::Removed);
            }
            self.previous = None;
        }
        self.expected = place.saturating_add(1);
        let previous = self.previous.unwrap_or_default();
        let (computed, kept) = linked(self, row, &previous)?;
        let kept = kept.as_deref().map(chain::link).transpose();
        let kept = kept.ok().flatten();
        let is_whole = match (self.previous, kept) {
            (Some(_), Some(kept)) => kept == computed,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if !is_whole {
            self.find(place, TamperingKind::Altered);
        }
        self.previous = kept;
        let known = self
            .known
            .iter()
            .find(|known| known.sequence.get() == place);
        if known.is_some_and(|known| Some(known.link) != kept) {
            self.find(place, TamperingKind::WrittenAnew);
        }
        Ok(())
    }

    /// The end must be the end that the store and the checkpoints know.
    fn end(&mut self, state: &State) {
        let last = self.expected.saturating_sub(1);
        if state.head > last {
            self.find(state.head, TamperingKind::CutOff);
        } else if last > state.head {
            self.find(last, TamperingKind::Added);
        } else if self.previous != Some(state.link) {
            self.find(last, TamperingKind::Altered);
        }
        for known in self.known {
            if known.sequence.get() > last {
                self.find(known.sequence.get(), TamperingKind::CutOff);
            }
        }
    }

    fn find(&mut self, place: u64, kind: TamperingKind) {
        let sequence = Sequence::new(place);
        let tampering = Tampering { sequence, kind };
        if self.found.len() < FOUND_MAX && !self.found.contains(&tampering) {
            self.found.push(tampering);
        }
    }
}

/// A link as it must be, and as it is kept.
type Linked = (Link, Option<Vec<u8>>);

/// Goes to the next row; its place.
fn next(rows: &mut Rows<'_>) -> Result<Option<u64>, Fault> {
    let row = rows.next()?;
    row.map(|row| codec::natural(row.get(0)?)).transpose()
}

/// So many are told: one cause has many places.
const FOUND_MAX: usize = 100;

/// Entries between two signs of life.
const ENTRIES_PER_PROGRESS: u64 = 4_096;
