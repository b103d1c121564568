//! A new wrapping key, and wrapping anew what older ones have wrapped; and sealing what came before
//! there were keys. A round at a time: each is a commit like any other, and what is left is seen
//! from the rows themselves.

use domain::time::Timestamp;
use engine::store::Rewrapped;
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension as _, params};
use vault::key::{DataKey, WrappedKey};
use vault::place::Place;
use vault::ring::MasterKeys;

use super::{Batch, Operation, sealing};
use crate::codec;
use crate::fault::Fault;
use crate::masters;
use crate::safe;

/// A new wrapping key.
pub(crate) struct Rotate {
    pub(crate) masters: MasterKeys,
    pub(crate) now: Timestamp,
}

/// A round.
pub(crate) struct Rewrap {
    /// Deliveries up to this one are done.
    pub(crate) after: u64,
    pub(crate) limit: usize,
}

/// Destroys the wrapping keys that wrap nothing any more.
pub(crate) struct Retire;

impl Operation for Rotate {
    type Answer = u64;

    fn bytes(&self) -> usize {
        0
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<u64, Fault> {
        // The table knows the highest number that was ever given, and another one of this batch.
        let highest: Option<i64> = batch
            .connection
            .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'keyring'")?
            .query_row([], |row| row.get(0))
            .optional()?;
        let id = codec::natural(highest.unwrap_or(0))?.saturating_add(1);
        let new = self.masters.new_wrapping(id)?;
        masters::insert(batch.connection, &new.kept, self.now)?;
        batch.effects.new_wrapping = Some(new);
        Ok(id)
    }
}

impl Operation for Rewrap {
    type Answer = Rewrapped;

    fn bytes(&self) -> usize {
        self.limit.saturating_mul(KEY_ROW_BYTES)
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<Rewrapped, Fault> {
        let newest = batch.safe.ring().newest();
        let refused = seal_refused(batch, newest, self.limit)?;
        let room = self.limit.saturating_sub(refused);
        let sealed = seal_deliveries(batch, room.div_ceil(SEALING_COSTS))?;
        let room = room.saturating_sub(sealed.saturating_mul(SEALING_COSTS));
        let (rewrapped, through) = self.rewrap_keys(batch, newest, room)?;
        let done = refused.saturating_add(sealed).saturating_add(rewrapped);
        let is_more = through.is_some() || sealed > 0 || refused >= self.limit;
        Ok(Rewrapped {
            done: u64::try_from(done).unwrap_or(u64::MAX),
            next: is_more.then_some(through.unwrap_or(self.after)),
        })
    }
}

impl Rewrap {
    /// Wraps the next keys anew; how many, and the last of them if there may be more.
    fn rewrap_keys(
        &self,
        batch: &Batch<'_>,
        newest: u64,
        room: usize,
    ) -> Result<(usize, Option<u64>), Fault> {
        let mut statement = batch.connection.prepare_cached(
            "SELECT delivery, wrapping, wrapped FROM data_keys
             WHERE delivery > ?1 AND wrapping <> ?2 AND wrapped IS NOT NULL
             ORDER BY delivery LIMIT ?3",
        )?;
        let limit = i64::try_from(room).unwrap_or(i64::MAX);
        let bounds = params![codec::integer(self.after), codec::integer(newest), limit];
        let found =
            statement.query_map(bounds, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let found: Vec<(i64, i64, Vec<u8>)> = found.collect::<Result<_, _>>()?;
        let mut update = batch.connection.prepare_cached(
            "UPDATE data_keys SET wrapping = ?2, wrapped = ?3 WHERE delivery = ?1",
        )?;
        let ring = batch.safe.ring();
        for (delivery, wrapping, bytes) in &found {
            let place = safe::key_of(codec::natural(*delivery)?);
            let wrapping = codec::natural(*wrapping)?;
            let bytes = bytes.clone();
            let key = ring.unwrap(&place, &WrappedKey { wrapping, bytes })?;
            let anew = ring.wrap(&place, &key)?;
            update.execute(params![delivery, codec::integer(anew.wrapping), anew.bytes])?;
        }
        let last = found
            .last()
            .map(|(delivery, _, _)| codec::natural(*delivery));
        let is_full = found.len() >= room && room > 0;
        Ok((found.len(), last.transpose()?.filter(|_| is_full)))
    }
}

impl Operation for Retire {
    type Answer = ();

    fn bytes(&self) -> usize {
        0
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        let newest = codec::integer(batch.safe.ring().newest());
        let mut statement = batch.connection.prepare_cached(
            "DELETE FROM keyring WHERE id < ?1
                AND NOT EXISTS (SELECT 1 FROM data_keys
                                WHERE wrapping = keyring.id AND wrapped IS NOT NULL)
                AND NOT EXISTS (SELECT 1 FROM quarantine WHERE wrapping = keyring.id)
             RETURNING id",
        )?;
        let gone = statement.query_map([newest], |row| row.get(0))?;
        let gone: Vec<i64> = gone.collect::<Result<_, _>>()?;
        for id in gone {
            batch.effects.retired.push(codec::natural(id)?);
        }
        Ok(())
    }
}

/// Seals refused deliveries, and wraps their keys anew; how many.
fn seal_refused(batch: &Batch<'_>, newest: u64, limit: usize) -> Result<usize, Fault> {
    let mut statement = batch.connection.prepare_cached(
        "SELECT id, source, body_hash, wrapping, wrapped, headers, body FROM quarantine
         WHERE wrapping IS NULL OR wrapping <> ?1 LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![codec::integer(newest), limit])?;
    let mut update = batch.connection.prepare_cached(
        "UPDATE quarantine SET wrapping = ?2, wrapped = ?3, headers = ?4, body = ?5 WHERE id = ?1",
    )?;
    let ring = batch.safe.ring();
    let mut done = 0;
    while let Some(row) = rows.next()? {
        let (id, source, hash): (i64, String, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let hash = codec::body_hash(&hash)?;
        let place = |column| safe::refused(column, &source, &hash);
        let wrapping: Option<i64> = row.get(3)?;
        let (mut headers, mut body): (Vec<u8>, Vec<u8>) = (row.get(5)?, row.get(6)?);
        let key = match wrapping.zip(row.get::<_, Option<Vec<u8>>>(4)?) {
            Some((wrapping, bytes)) => {
                let wrapping = codec::natural(wrapping)?;
                ring.unwrap(&place("wrapped"), &WrappedKey { wrapping, bytes })?
            }
            None => {
                let key = DataKey::generate()?;
                headers = key.seal(&place("headers"), &headers)?;
                body = key.seal(&place("body"), &body)?;
                key
            }
        };
        let anew = ring.wrap(&place("wrapped"), &key)?;
        let wrapping = codec::integer(anew.wrapping);
        update.execute(params![id, wrapping, anew.bytes, headers, body])?;
        done += 1;
    }
    Ok(done)
}

/// Seals the oldest deliveries that are not sealed, with all that quotes them; how many.
fn seal_deliveries(batch: &mut Batch<'_>, limit: usize) -> Result<usize, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let deliveries: Vec<i64> = {
        let mut statement = batch.connection.prepare_cached(
            "SELECT id FROM deliveries INDEXED BY deliveries_unsealed WHERE sealed IS NULL
             ORDER BY id LIMIT ?1",
        )?;
        let found = statement.query_map([limit], |row| row.get(0))?;
        found.collect::<Result<_, _>>()?
    };
    for &delivery in &deliveries {
        // The first event of a delivery has its number.
        let key = sealing::key_of_event(batch, codec::natural(delivery)?)?;
        let destroyed = Fault::Corrupt("a delivery that was shredded and is not sealed");
        seal_delivery(batch, delivery, &*key.ok_or(destroyed)?)?;
    }
    Ok(deliveries.len())
}

/// Seals a delivery unless it is sealed.
pub(super) fn seal_if_open(batch: &Batch<'_>, delivery: u64, key: &DataKey) -> Result<(), Fault> {
    let delivery = codec::integer(delivery);
    let mut statement = batch
        .connection
        .prepare_cached("SELECT 1 FROM deliveries WHERE id = ?1 AND sealed IS NULL")?;
    if statement.exists([delivery])? {
        seal_delivery(batch, delivery, key)?;
    }
    Ok(())
}

fn seal_delivery(batch: &Batch<'_>, delivery: i64, key: &DataKey) -> Result<(), Fault> {
    let connection = batch.connection;
    let mut statement =
        connection.prepare_cached("SELECT headers, body FROM deliveries WHERE id = ?1")?;
    let (headers, body): (Vec<u8>, Vec<u8>) =
        statement.query_row([delivery], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut statement = connection.prepare_cached(
        "UPDATE deliveries SET headers = ?2, body = ?3, sealed = 1 WHERE id = ?1",
    )?;
    let headers = key.seal(&safe::HEADERS, &headers)?;
    statement.execute(params![delivery, headers, key.seal(&safe::BODY, &body)?])?;
    // An id that is the hash of the body was not kept beside it.
    let mut statement = connection.prepare_cached(
        "UPDATE events SET event_id = ?3 WHERE sequence = ?1 AND delivery = ?2
            AND event_id IS NULL",
    )?;
    let mut of_delivery =
        connection.prepare_cached("SELECT 1 FROM events WHERE sequence = ?1 AND delivery = ?2")?;
    // The events of a delivery stand one behind the other, from its own number on.
    let mut event = delivery;
    while of_delivery.exists([event, delivery])? {
        statement.execute(params![event, delivery, codec::hash_of(&body).as_bytes()])?;
        seal_conflicts(batch, event, key)?;
        seal_execution(batch, event, key)?;
        seal_changes(batch, event, key)?;
        event = event.saturating_add(1);
    }
    Ok(())
}

fn seal_conflicts(batch: &Batch<'_>, event: i64, key: &DataKey) -> Result<(), Fault> {
    let mut statement = batch.connection.prepare_cached(
        "SELECT id, body_hash, headers, body FROM conflicts WHERE event = ?1 AND sealed IS NULL",
    )?;
    let mut update = batch
        .connection
        .prepare_cached("UPDATE conflicts SET headers = ?2, body = ?3, sealed = 1 WHERE id = ?1")?;
    let mut rows = statement.query([event])?;
    while let Some(row) = rows.next()? {
        let (id, hash): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let (headers, body): (Vec<u8>, Vec<u8>) = (row.get(2)?, row.get(3)?);
        let (event, hash) = (codec::natural(event)?, codec::body_hash(&hash)?);
        let headers = key.seal(&safe::conflict("headers", event, &hash), &headers)?;
        let body = key.seal(&safe::conflict("body", event, &hash), &body)?;
        update.execute(params![id, headers, body])?;
    }
    Ok(())
}

/// Seals what executions lived through that were started for this entry, and the causes of changes.
fn seal_changes(batch: &Batch<'_>, event: i64, key: &DataKey) -> Result<(), Fault> {
    let mut statement = batch
        .connection
        .prepare_cached("SELECT sequence, detail FROM changes WHERE event = ?1")?;
    let mut update = batch
        .connection
        .prepare_cached("UPDATE changes SET detail = ?2 WHERE sequence = ?1")?;
    let mut rows = statement.query([event])?;
    while let Some(row) = rows.next()? {
        let sequence: i64 = row.get(0)?;
        if let ValueRef::Text(cause) = row.get_ref(1)? {
            let place = safe::cause(codec::natural(sequence)?);
            update.execute(params![sequence, key.seal(&place, cause)?])?;
        }
        seal_execution(batch, sequence, key)?;
    }
    Ok(())
}

fn seal_execution(batch: &Batch<'_>, sequence: i64, key: &DataKey) -> Result<(), Fault> {
    let number = codec::natural(sequence)?;
    let seal = |place: Place<'_>, plain: &[u8]| key.seal(&place, plain);
    let mut statement = batch.connection.prepare_cached(
        "SELECT generation, snapshot FROM executions
         WHERE sequence = ?1 AND sealed IS NULL AND snapshot IS NOT NULL",
    )?;
    let found = statement.query_row([sequence], |row| Ok((row.get(0)?, row.get(1)?)));
    if let Some((generation, snapshot)) = found.optional()? {
        let (generation, snapshot): (i64, Vec<u8>) = (generation, snapshot);
        let place = safe::snapshot(number, codec::natural(generation)?);
        let mut update = batch.connection.prepare_cached(
            "UPDATE executions SET snapshot = ?2, sealed = 1 WHERE sequence = ?1",
        )?;
        update.execute(params![sequence, seal(place, &snapshot)?])?;
    }
    let mut statement = batch.connection.prepare_cached(
        "SELECT generation, texts FROM steps WHERE execution = ?1 AND sealed IS NULL",
    )?;
    let mut update = batch.connection.prepare_cached(
        "UPDATE steps SET texts = ?3, sealed = 1 WHERE execution = ?1 AND generation = ?2",
    )?;
    let mut rows = statement.query([sequence])?;
    while let Some(row) = rows.next()? {
        let (generation, texts): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let place = safe::texts(number, codec::natural(generation)?);
        update.execute(params![sequence, generation, seal(place, &texts)?])?;
    }
    Ok(())
}

/// Sealing a delivery takes about as long as wrapping so many keys anew.
const SEALING_COSTS: usize = 10;

/// About what a key's row takes, in bytes.
const KEY_ROW_BYTES: usize = 96;
