//! The chain over the feed: each entry has the hash of the entry before it and of its own row, as it
//! is stored. So what is sealed is hashed sealed, and shredding breaks nothing.
//!
//! The writer hashes what it binds and the verifier what it reads, value by value: both must name
//! the same columns in the same order.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use sha2::{Digest as _, Sha256};

use crate::codec;
use crate::fault::Fault;

/// The hash that an entry of the feed has.
pub(crate) type Link = [u8; 32];

/// Which table an entry is a row of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// `events`
    Event,
    /// `changes`
    Change,
}

/// Hashes the values of a row. Unlike rows have unlike bytes, because each value stands behind its
/// kind, and behind its length where that varies.
pub(crate) struct Hasher(Sha256);

impl Hasher {
    /// Of a delivery, which its events are bound to.
    pub(crate) fn of_delivery() -> Self {
        Self(Sha256::new_with_prefix(b"payhook delivery 1\0"))
    }

    /// Of an entry that follows the one with this link.
    pub(crate) fn of_entry(entry: Entry, previous: &Link) -> Self {
        let mut hash = Sha256::new_with_prefix(b"payhook link 1\0");
        hash.update(previous);
        hash.update([match entry {
            Entry::Event => 1,
            Entry::Change => 2,
        }]);
        Self(hash)
    }

    /// Adds a value.
    #[must_use]
    pub(crate) fn value(mut self, value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => self.0.update([0]),
            ValueRef::Integer(number) => {
                self.0.update([1]);
                self.0.update(number.to_be_bytes());
            }
            // Nothing of ours is one; one that somebody has put there is not the value it replaces.
            ValueRef::Real(number) => {
                self.0.update([2]);
                self.0.update(number.to_be_bytes());
            }
            ValueRef::Text(text) => self.long(3, text),
            ValueRef::Blob(bytes) => self.long(4, bytes),
        }
        self
    }

    /// Adds a number.
    #[must_use]
    pub(crate) fn integer(self, number: i64) -> Self {
        self.value(ValueRef::Integer(number))
    }

    /// Adds a text.
    #[must_use]
    pub(crate) fn text(self, text: &str) -> Self {
        self.value(ValueRef::Text(text.as_bytes()))
    }

    /// Adds bytes.
    #[must_use]
    pub(crate) fn blob(self, bytes: &[u8]) -> Self {
        self.value(ValueRef::Blob(bytes))
    }

    /// The hash.
    pub(crate) fn finish(self) -> Link {
        self.0.finalize().into()
    }

    fn long(&mut self, kind: u8, bytes: &[u8]) {
        self.0.update([kind]);
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }
}

/// What the first entry of the chain follows: nothing, after so many entries that are not in it.
pub(crate) fn genesis(before: u64) -> Link {
    let hash = Sha256::new_with_prefix(b"payhook chain 1\0");
    hash.chain_update(before.to_be_bytes()).finalize().into()
}

/// The link in a column.
pub(crate) fn link(column: &[u8]) -> Result<Link, Fault> {
    let link = column.try_into();
    link.map_err(|_| Fault::Corrupt("a link that is not 32 bytes"))
}

/// Selects what [`of_event_row`] reads, and the link; what follows says which.
pub(crate) const EVENTS: &str =
    "SELECT sequence, delivery, payment_id, timestamp, source, event_id, amount, currency, status,
            provider, meaning, link FROM events";

/// Selects what [`of_change_row`] reads, and the link.
pub(crate) const CHANGES: &str =
    "SELECT sequence, event, previous, at, settlement, reference, detail, link FROM changes";

/// The link of the event in a row of [`EVENTS`]; `delivery` is the hash of its delivery.
pub(crate) fn of_event_row(row: &Row<'_>, previous: &Link, delivery: &Link) -> Result<Link, Fault> {
    let mut hasher = Hasher::of_entry(Entry::Event, previous);
    for column in 0..11 {
        hasher = hasher.value(row.get_ref(column)?);
    }
    Ok(hasher.blob(delivery).finish())
}

/// The link of the change in a row of [`CHANGES`].
pub(crate) fn of_change_row(row: &Row<'_>, previous: &Link) -> Result<Link, Fault> {
    let mut hasher = Hasher::of_entry(Entry::Change, previous);
    for column in 0..7 {
        hasher = hasher.value(row.get_ref(column)?);
    }
    Ok(hasher.finish())
}

/// The hash of a delivery; `None` when there is none.
pub(crate) fn of_delivery(connection: &Connection, delivery: u64) -> Result<Option<Link>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT received_at, secret_label, trace, vouched, headers, body FROM deliveries
         WHERE id = ?1",
    )?;
    let mut rows = statement.query([codec::integer(delivery)])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let mut hasher = Hasher::of_delivery();
    for column in 0..6 {
        hasher = hasher.value(row.get_ref(column)?);
    }
    Ok(Some(hasher.finish()))
}
