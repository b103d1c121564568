//! Sealing columns and opening them again: the ring of wrapping keys, and the data keys that were
//! opened lately. The only module that knows what is bound to what.
//!
//! A delivery has a data key of its own, in `data_keys`, and everything that holds its bytes or
//! quotes them is sealed under that: so one act destroys all of it, and nothing else.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use domain::delivery::BodyHash;
use domain::time::Timestamp;
use rusqlite::{Connection, Row};
use vault::key::{DataKey, WrappedKey};
use vault::place::{self, Place};
use vault::ring::Keyring;

use crate::codec;
use crate::fault::Fault;

/// Opens and seals.
#[derive(Debug)]
pub(crate) struct Safe {
    ring: RwLock<Keyring>,
    recent: Mutex<Recent>,
    /// Grows before and after each commit that destroys keys: whoever has read an envelope when it
    /// was less must look again.
    shreddings: AtomicU64,
}

/// A delivery's key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeptKey {
    /// It has none: nothing of it was ever sealed, for it is of a format before there were keys.
    Missing,
    /// It has one.
    Wrapped(WrappedKey),
    /// It had one. What was sealed under it is gone for good.
    Destroyed(Timestamp),
}

/// Which delivery a column belongs to, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) delivery: u64,
    pub(crate) key: KeptKey,
}

/// A column that may be sealed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) is_sealed: bool,
}

/// Data keys that were opened lately, by their delivery; the oldest go first. One that was destroyed
/// since is of no use, for every reading begins with the row that says so.
#[derive(Debug, Default)]
struct Recent {
    keys: HashMap<u64, Arc<DataKey>>,
    order: VecDeque<u64>,
}

impl Safe {
    pub(crate) fn new(ring: Keyring) -> Self {
        Self {
            ring: RwLock::new(ring),
            recent: Mutex::default(),
            shreddings: AtomicU64::new(0),
        }
    }

    /// The ring, to look at or to wrap with.
    pub(crate) fn ring(&self) -> RwLockReadGuard<'_, Keyring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ring, to be changed after a commit that says so.
    pub(crate) fn ring_mut(&self) -> RwLockWriteGuard<'_, Keyring> {
        self.ring.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wraps a delivery's key for its row.
    pub(crate) fn wrap(&self, delivery: u64, key: &DataKey) -> Result<WrappedKey, Fault> {
        Ok(self.ring().wrap(&key_of(delivery), key)?)
    }

    /// The key of a delivery; `None` when it has none, or none any more.
    pub(crate) fn key(&self, envelope: &Envelope) -> Result<Option<Arc<DataKey>>, Fault> {
        let KeptKey::Wrapped(wrapped) = &envelope.key else {
            return Ok(None);
        };
        let delivery = envelope.delivery;
        if let Some(key) = self.recent().keys.get(&delivery) {
            return Ok(Some(Arc::clone(key)));
        }
        let key = Arc::new(self.ring().unwrap(&key_of(delivery), wrapped)?);
        self.remember(&[(delivery, Arc::clone(&key))]);
        Ok(Some(key))
    }

    /// Keeps keys at hand that will be asked for.
    pub(crate) fn remember(&self, keys: &[(u64, Arc<DataKey>)]) {
        let mut recent = self.recent();
        for (delivery, key) in keys {
            if recent.keys.insert(*delivery, Arc::clone(key)).is_none() {
                recent.order.push_back(*delivery);
            }
        }
        let mut gone = Vec::new();
        while recent.order.len() > RECENT_MAX {
            let oldest = recent.order.pop_front();
            gone.extend(oldest.and_then(|oldest| recent.keys.remove(&oldest)));
        }
        // Clearing a key takes longer than finding one: nobody needs to wait for it.
        drop(recent);
    }

    /// How often keys were destroyed, as far as it matters to who compares.
    pub(crate) fn shreddings(&self) -> u64 {
        self.shreddings.load(Ordering::Acquire)
    }

    /// Says that keys are about to be destroyed, or have been, and forgets every key that was opened.
    pub(crate) fn note_shredding(&self) {
        self.shreddings.fetch_add(1, Ordering::AcqRel);
        *self.recent() = Recent::default();
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Envelope {
    /// Reads the columns `delivery`, `wrapping`, `wrapped` and `shredded_at`, of which the last three
    /// are NULL where there is no row.
    pub(crate) fn of_row(row: &Row<'_>, columns: [usize; 4]) -> Result<Self, Fault> {
        let [delivery, wrapping, wrapped, shredded_at] = columns;
        Ok(Self {
            delivery: codec::natural(row.get(delivery)?)?,
            key: kept_key(row, [wrapping, wrapped, shredded_at])?,
        })
    }

    /// When its key was destroyed.
    pub(crate) fn shredded_at(&self) -> Option<Timestamp> {
        match &self.key {
            KeptKey::Destroyed(at) => Some(*at),
            KeptKey::Missing | KeptKey::Wrapped(_) => None,
        }
    }

    /// What stands in a column; `None` when its key was destroyed.
    pub(crate) fn open(
        &self,
        safe: &Safe,
        place: &Place<'_>,
        column: Column<'_>,
    ) -> Result<Option<Vec<u8>>, Fault> {
        if !column.is_sealed {
            return Ok(Some(column.bytes.to_vec()));
        }
        match &self.key {
            KeptKey::Destroyed(_) => Ok(None),
            KeptKey::Missing => Err(Fault::Corrupt("a sealed value without a key")),
            KeptKey::Wrapped(_) => match safe.key(self)? {
                Some(key) => Ok(Some(key.open(place, column.bytes)?)),
                None => Ok(None),
            },
        }
    }
}

fn kept_key(row: &Row<'_>, columns: [usize; 3]) -> Result<KeptKey, Fault> {
    let [wrapping, wrapped, shredded_at] = columns;
    let wrapping: Option<i64> = row.get(wrapping)?;
    let (bytes, shredded_at): (Option<Vec<u8>>, Option<i64>) =
        (row.get(wrapped)?, row.get(shredded_at)?);
    match (wrapping, bytes, shredded_at) {
        (None, None, None) => Ok(KeptKey::Missing),
        (Some(wrapping), Some(bytes), None) => Ok(KeptKey::Wrapped(WrappedKey {
            wrapping: codec::natural(wrapping)?,
            bytes,
        })),
        (Some(_), None, Some(at)) => Ok(KeptKey::Destroyed(Timestamp::from_millis(at))),
        (_, _, _) => Err(Fault::Corrupt("a data key that is none")),
    }
}

/// The envelope of the event inserted at `event`.
pub(crate) fn envelope(connection: &Connection, event: u64) -> Result<Option<Envelope>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT e.delivery, k.wrapping, k.wrapped, k.shredded_at
         FROM events e LEFT JOIN data_keys k ON k.delivery = e.delivery WHERE e.sequence = ?1",
    )?;
    let mut rows = statement.query([codec::integer(event)])?;
    let row = rows.next()?;
    row.map(|row| Envelope::of_row(row, [0, 1, 2, 3]))
        .transpose()
}

/// A delivery's key, in its table.
pub(crate) const fn key_of(delivery: u64) -> Place<'static> {
    Place {
        table: "data_keys",
        column: "wrapped",
        row: place::Row::Number(delivery),
    }
}

/// A delivery's body.
pub(crate) const BODY: Place<'static> = Place {
    table: "deliveries",
    column: "body",
    row: place::Row::OfKey,
};

/// A delivery's headers.
pub(crate) const HEADERS: Place<'static> = Place {
    table: "deliveries",
    column: "headers",
    row: place::Row::OfKey,
};

/// A column of a conflict with the event inserted at `event`.
pub(crate) const fn conflict<'a>(
    column: &'static str,
    event: u64,
    body: &'a BodyHash,
) -> Place<'a> {
    Place {
        table: "conflicts",
        column,
        row: place::Row::Hashed(event, body.as_bytes()),
    }
}

/// Why a record failed, in the change of this place in the feed.
pub(crate) const fn cause(sequence: u64) -> Place<'static> {
    Place {
        table: "changes",
        column: "detail",
        row: place::Row::Number(sequence),
    }
}

/// An execution's snapshot of this generation.
pub(crate) const fn snapshot(execution: u64, generation: u64) -> Place<'static> {
    Place {
        table: "executions",
        column: "snapshot",
        row: place::Row::Pair(execution, generation),
    }
}

/// What an execution lived through in this generation.
pub(crate) const fn texts(execution: u64, generation: u64) -> Place<'static> {
    Place {
        table: "steps",
        column: "texts",
        row: place::Row::Pair(execution, generation),
    }
}

/// A column of a refused delivery: its own key, its headers or its body.
pub(crate) const fn refused<'a>(
    column: &'static str,
    source: &'a str,
    body: &'a BodyHash,
) -> Place<'a> {
    Place {
        table: "quarantine",
        column,
        row: place::Row::Named(source, body.as_bytes()),
    }
}

/// Opened keys that are kept at hand: more than there are deliveries between the door and the end
/// of their workflow on a busy machine, at about half a KiB each.
const RECENT_MAX: usize = 4_096;
