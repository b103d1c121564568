//! The way from a key to its event: event keys and payment ids, by 64 bits of their SHA-256.
//!
//! Both orders are random, so an insert for each event would dirty a page of each table for
//! each event: at a million events eight times the bytes of the event itself, all to be written
//! twice. So the newest keys are held in memory, where a crash costs nothing because the
//! events they come from are durable; and once enough have come together they are merged into
//! the tables in the tables' own order, a slice with every commit, many to a page.
//!
//! A key found here is a *candidate*: two keys may share 64 bits, and the writer adds keys
//! before their commit. Whoever asks compares the event's row.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use domain::event::EventKeyDigest;
use domain::record::RecordKey;
use domain::time::Timestamp;
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

use crate::codec;
use crate::fault::Fault;
use crate::rows;
use crate::state::State;

/// The keys of the events after the place up to which the tables are complete.
#[derive(Debug)]
pub(crate) struct Keys {
    recent: RwLock<Recent>,
    /// Whether another process may add events, so that memory must be read anew each time.
    follows: bool,
}

/// The keys of one event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewKeys {
    pub(crate) event: i64,
    pub(crate) payment: i64,
    pub(crate) timestamp: Timestamp,
    pub(crate) sequence: u64,
}

#[derive(Debug, Default)]
struct Recent {
    /// Keys of the newest events.
    growing: Growing,
    /// Keys being merged into the tables, sorted. They stay until the last of them has been
    /// committed, so that a reader finds each in one place at least.
    merging: Merging,
}

type EventEntry = (i64, i64);
type PaymentEntry = (i64, i64, i64);

#[derive(Debug, Default)]
struct Growing {
    events: BTreeSet<EventEntry>,
    payments: BTreeSet<PaymentEntry>,
}

#[derive(Debug, Default)]
struct Merging {
    events: Vec<EventEntry>,
    payments: Vec<PaymentEntry>,
    /// How many of each are in the tables.
    merged: usize,
    /// Once all are, the tables are complete up to this place.
    through: u64,
}

impl Keys {
    /// Reads the keys that are not in the tables yet: at most a few times
    /// [`GROWING_MAX`] events, none after an orderly stop.
    pub(crate) fn load(connection: &Connection, follows: bool) -> Result<Self, Fault> {
        let recent = RwLock::new(read_recent(connection)?);
        Ok(Self { recent, follows })
    }

    /// Adds the keys of an event that is about to be committed.
    pub(crate) fn add(&self, keys: NewKeys) {
        self.write().growing.add(keys);
    }

    /// The events that may have this event key.
    pub(crate) fn events(&self, connection: &Connection, prefix: i64) -> Result<Vec<u64>, Fault> {
        // Memory first: what leaves it is in the tables by then.
        let mut found = {
            let recent = self.read(connection)?;
            let range = (prefix, i64::MIN)..=(prefix, i64::MAX);
            let growing = recent.growing.events.range(range.clone()).copied();
            let merging = within(&recent.merging.events, &range).iter().copied();
            growing
                .chain(merging)
                .map(|(_, sequence)| sequence)
                .collect::<Vec<_>>()
        };
        let mut statement =
            connection.prepare_cached("SELECT sequence FROM event_keys WHERE prefix = ?1")?;
        let mut rows = statement.query([prefix])?;
        while let Some(row) = rows.next()? {
            found.push(row.get(0)?);
        }
        ordered(found)
    }

    /// The events that may be of this payment, oldest first, within a range of timestamps.
    pub(crate) fn payments(
        &self,
        connection: &Connection,
        prefix: i64,
        times: RangeInclusive<i64>,
    ) -> Result<Vec<u64>, Fault> {
        let (first, last) = times.into_inner();
        let mut found = self.recent_payments(connection, prefix, first..=last)?;
        let mut statement = connection.prepare_cached(
            "SELECT timestamp, sequence FROM payment_keys
             WHERE prefix = ?1 AND timestamp BETWEEN ?2 AND ?3",
        )?;
        let mut rows = statement.query([prefix, first, last])?;
        while let Some(row) = rows.next()? {
            found.push((row.get(0)?, row.get(1)?));
        }
        ordered(found.into_iter().map(|(_, sequence)| sequence).collect())
    }

    /// The newest timestamp of a payment's records; `None` when it has none.
    pub(crate) fn newest_of_payment(
        &self,
        connection: &Connection,
        prefix: i64,
        payment_id: &str,
    ) -> Result<Option<Timestamp>, Fault> {
        let newest = self.newest_with(connection, prefix, |sequence| {
            let key = rows::record_key(connection, sequence)?;
            Ok(key.filter(|key| key.payment_id == payment_id))
        })?;
        Ok(newest.map(|(_, key)| key.timestamp))
    }

    /// The newest event among those that a payment's prefix finds of which `pick` wants something,
    /// and that.
    pub(crate) fn newest_with<T>(
        &self,
        connection: &Connection,
        prefix: i64,
        pick: impl Fn(u64) -> Result<Option<T>, Fault>,
    ) -> Result<Option<(u64, T)>, Fault> {
        let pick = |place: i64| -> Result<Option<(u64, T)>, Fault> {
            let sequence = codec::natural(place)?;
            Ok(pick(sequence)?.map(|picked| (sequence, picked)))
        };
        // What is in memory came later than what is only in the tables.
        let recent = self.recent_payments(connection, prefix, i64::MIN..=i64::MAX)?;
        for (_, sequence) in recent.into_iter().rev() {
            if let Some(picked) = pick(sequence)? {
                return Ok(Some(picked));
            }
        }
        let mut statement = connection.prepare_cached(
            "SELECT sequence FROM payment_keys WHERE prefix = ?1
             ORDER BY timestamp DESC, sequence DESC",
        )?;
        let mut rows = statement.query([prefix])?;
        while let Some(row) = rows.next()? {
            if let Some(picked) = pick(row.get(0)?)? {
                return Ok(Some(picked));
            }
        }
        Ok(None)
    }

    /// The place of the record with this key.
    pub(crate) fn record(
        &self,
        connection: &Connection,
        key: &RecordKey,
    ) -> Result<Option<u64>, Fault> {
        let time = key.timestamp.as_millis();
        let prefix = payment_prefix(&key.payment_id);
        for sequence in self.payments(connection, prefix, time..=time)? {
            if rows::record_key(connection, sequence)?.as_ref() == Some(key) {
                return Ok(Some(sequence));
            }
        }
        Ok(None)
    }

    /// The place of the event with this key.
    pub(crate) fn event(
        &self,
        connection: &Connection,
        digest: &EventKeyDigest,
    ) -> Result<Option<u64>, Fault> {
        for sequence in self.events(connection, event_prefix(digest))? {
            let kept = rows::event(connection, sequence)?;
            if kept.is_some_and(|kept| kept.outline().event_key.digest() == *digest) {
                return Ok(Some(sequence));
            }
        }
        Ok(None)
    }

    /// Merges the next slice into the tables, as part of a commit that adds `added` events.
    /// Tells in `state` when the tables are complete up to a later place.
    pub(crate) fn merge(
        &self,
        connection: &Connection,
        added: usize,
        state: &mut State,
    ) -> Result<(), Fault> {
        // Twice what is added: a merge is through before the next has come together.
        let slice = added.saturating_mul(2).max(SLICE_MIN);
        self.begin_merge(GROWING_MAX, state.head);
        self.merge_slice(connection, slice, state)
    }

    /// Merges everything, so that the next start has nothing to read.
    pub(crate) fn merge_all(
        &self,
        connection: &Connection,
        state: &mut State,
    ) -> Result<(), Fault> {
        for _generation in 0..2 {
            self.begin_merge(1, state.head);
            self.merge_slice(connection, usize::MAX, state)?;
            self.committed();
        }
        state.indexed = state.head;
        Ok(())
    }

    /// Forgets what the tables now hold durably. Called after every commit.
    pub(crate) fn committed(&self) {
        let through = {
            let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
            let merging = &recent.merging;
            !merging.events.is_empty() && merging.merged >= merging.events.len()
        };
        if through {
            self.write().merging = Merging::default();
        }
    }

    fn begin_merge(&self, enough: usize, head: u64) {
        let mut recent = self.write();
        if recent.merging.events.is_empty() && recent.growing.events.len() >= enough {
            let growing = std::mem::take(&mut recent.growing);
            recent.merging = Merging {
                events: growing.events.into_iter().collect(),
                payments: growing.payments.into_iter().collect(),
                merged: 0,
                through: head,
            };
        }
    }

    fn merge_slice(
        &self,
        connection: &Connection,
        slice: usize,
        state: &mut State,
    ) -> Result<(), Fault> {
        let (merged, length, through) = {
            let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
            let merging = &recent.merging;
            let rest = merging.merged
                ..merging
                    .merged
                    .saturating_add(slice)
                    .min(merging.events.len());
            let mut statement =
                connection.prepare_cached("INSERT OR IGNORE INTO event_keys VALUES (?1, ?2)")?;
            for entry in merging.events.get(rest.clone()).unwrap_or_default() {
                statement.execute(*entry)?;
            }
            let mut statement = connection
                .prepare_cached("INSERT OR IGNORE INTO payment_keys VALUES (?1, ?2, ?3)")?;
            for entry in merging.payments.get(rest.clone()).unwrap_or_default() {
                statement.execute(*entry)?;
            }
            (rest.end, merging.events.len(), merging.through)
        };
        if length > 0 {
            self.write().merging.merged = merged;
            if merged == length {
                state.indexed = through;
            }
        }
        Ok(())
    }

    fn recent_payments(
        &self,
        connection: &Connection,
        prefix: i64,
        times: RangeInclusive<i64>,
    ) -> Result<Vec<(i64, i64)>, Fault> {
        let recent = self.read(connection)?;
        let range = (prefix, *times.start(), i64::MIN)..=(prefix, *times.end(), i64::MAX);
        let merging = within(&recent.merging.payments, &range).iter().copied();
        let growing = recent.growing.payments.range(range).copied();
        let both = merging.chain(growing);
        Ok(both
            .map(|(_, timestamp, sequence)| (timestamp, sequence))
            .collect())
    }

    fn read(&self, connection: &Connection) -> Result<RwLockReadGuard<'_, Recent>, Fault> {
        if self.follows {
            *self.write() = read_recent(connection)?;
        }
        Ok(self.recent.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self) -> RwLockWriteGuard<'_, Recent> {
        self.recent.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Growing {
    fn add(&mut self, keys: NewKeys) {
        let sequence = codec::integer(keys.sequence);
        self.events.insert((keys.event, sequence));
        let time = keys.timestamp.as_millis();
        self.payments.insert((keys.payment, time, sequence));
    }
}

/// What an event key is found by.
pub(crate) fn event_prefix(digest: &EventKeyDigest) -> i64 {
    prefix(digest.as_bytes())
}

/// What a payment is found by.
pub(crate) fn payment_prefix(payment_id: &str) -> i64 {
    prefix(&Sha256::digest(payment_id).into())
}

fn prefix(hash: &[u8; 32]) -> i64 {
    let (first, _) = hash.split_first_chunk().unwrap_or((&[0; 8], &[]));
    i64::from_be_bytes(*first)
}

fn read_recent(connection: &Connection) -> Result<Recent, Fault> {
    let indexed = State::load(connection)?.indexed;
    let select = rows::select_events!("WHERE e.sequence > ?1");
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query([codec::integer(indexed)])?;
    let mut growing = Growing::default();
    while let Some(row) = rows.next()? {
        let kept = rows::event_of_row(row)?;
        let record = kept.outline();
        growing.add(NewKeys {
            event: event_prefix(&record.event_key.digest()),
            payment: payment_prefix(&record.key.payment_id),
            timestamp: record.key.timestamp,
            sequence: kept.sequence,
        });
    }
    Ok(Recent {
        growing,
        merging: Merging::default(),
    })
}

fn within<'a, T: Ord>(sorted: &'a [T], range: &RangeInclusive<T>) -> &'a [T] {
    let start = sorted.partition_point(|each| each < range.start());
    let end = sorted.partition_point(|each| each <= range.end());
    sorted.get(start..end).unwrap_or_default()
}

/// Each once, oldest first: an event being merged stands in memory and in the table.
fn ordered(mut found: Vec<i64>) -> Result<Vec<u64>, Fault> {
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(codec::natural).collect()
}

/// Events whose keys come together before they are merged. More make merging cheaper (they
/// share pages) and the start after a crash slower (they are read again).
const GROWING_MAX: usize = 65_536;

/// Keys that every commit merges at least while there are any to merge.
const SLICE_MIN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate;

    const EVENTS: i64 = 100;

    /// Keys as the writer adds them; every other one shares its prefix with the one before.
    fn add_all(keys: &Keys) {
        for number in 0..EVENTS {
            keys.add(NewKeys {
                event: prefix_of(number),
                payment: prefix_of(number).wrapping_neg(),
                timestamp: Timestamp::from_millis(number),
                sequence: number.unsigned_abs() + 1,
            });
        }
    }

    fn prefix_of(number: i64) -> i64 {
        (number / 2).wrapping_mul(0x1e37_79b9_7f4a_7c15)
    }

    fn find_all(keys: &Keys, connection: &Connection) {
        for number in 0..EVENTS {
            let place = number.unsigned_abs() + 1;
            let pair = [place - (place + 1) % 2, place + place % 2];
            assert_eq!(keys.events(connection, prefix_of(number)).unwrap(), pair);
            let prefix = prefix_of(number).wrapping_neg();
            let exact = keys.payments(connection, prefix, number..=number);
            assert_eq!(exact.unwrap(), [place]);
            let all = keys.payments(connection, prefix, i64::MIN..=i64::MAX);
            assert_eq!(all.unwrap(), pair);
        }
        assert!(keys.events(connection, 1).unwrap().is_empty());
    }

    #[test]
    fn a_key_is_found_once_at_every_moment_of_a_merge() {
        let connection = Connection::open_in_memory().unwrap();
        for script in migrate::MIGRATIONS {
            connection.execute_batch(script).unwrap();
        }
        let keys = Keys::load(&connection, false).unwrap();
        let mut state = State {
            head: EVENTS.unsigned_abs(),
            ..State::default()
        };
        add_all(&keys);
        find_all(&keys, &connection);
        keys.begin_merge(1, state.head);
        let mut slices = 0;
        while state.indexed == 0 {
            keys.merge_slice(&connection, 7, &mut state).unwrap();
            find_all(&keys, &connection);
            keys.committed();
            find_all(&keys, &connection);
            slices += 1;
        }
        assert_eq!(slices, 15);
        assert_eq!(state.indexed, state.head);
        assert!(keys.write().merging.events.is_empty());
        // As after a crash in the middle of a merge: the same keys come again.
        add_all(&keys);
        find_all(&keys, &connection);
        keys.merge_all(&connection, &mut state).unwrap();
        find_all(&keys, &connection);
        let count = |table: &str| -> i64 {
            let sql = format!("SELECT count(*) FROM {table}");
            connection.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        assert_eq!([count("event_keys"), count("payment_keys")], [EVENTS; 2]);
    }
}
