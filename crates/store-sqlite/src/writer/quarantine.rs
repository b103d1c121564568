//! Keeping refused deliveries, within their bounds, and letting them go.

use domain::delivery::BodyHash;
use engine::store::QuarantinedDelivery;
use rusqlite::{OptionalExtension as _, params};
use vault::key::{DataKey, WrappedKey};
use vault::place::Place;

use super::{Batch, Operation};
use crate::codec;
use crate::fault::Fault;
use crate::safe;

/// A refused delivery.
pub(crate) struct Keep {
    refused: QuarantinedDelivery,
    body_hash: BodyHash,
    /// As they came.
    headers: Vec<u8>,
    /// A key of its own: who has not proved who they are belong to no payment.
    key: DataKey,
    sealed_headers: Vec<u8>,
    sealed_body: Vec<u8>,
    /// Of the body, and of the headers' names and values: what the bounds count.
    bytes: u64,
}

/// One that was judged again and taken in.
pub(crate) struct Discharge(pub(crate) u64);

impl Keep {
    /// Seals it: on the caller's thread.
    pub(crate) fn try_new(refused: QuarantinedDelivery) -> Result<Self, Fault> {
        let headers = refused.delivery.headers.iter();
        let bytes = headers.fold(refused.delivery.body.len(), |sum, (name, value)| {
            sum.saturating_add(name.len()).saturating_add(value.len())
        });
        let headers = codec::pack_headers(&refused.delivery.headers);
        let (source, body_hash) = (&refused.delivery.source, refused.delivery.body_hash());
        let key = DataKey::generate()?;
        let place = |column| safe::refused(column, source.as_str(), &body_hash);
        Ok(Self {
            sealed_headers: key.seal(&place("headers"), &headers)?,
            sealed_body: key.seal(&place("body"), &refused.delivery.body)?,
            key,
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
            headers,
            body_hash,
            refused,
        })
    }

    fn place(&self, column: &'static str) -> Place<'_> {
        safe::refused(
            column,
            self.refused.delivery.source.as_str(),
            &self.body_hash,
        )
    }

    /// Counts a repeated delivery up. The bytes it took before, or `None` when it is new.
    fn repeat(&self, batch: &Batch<'_>) -> Result<Option<u64>, Fault> {
        let delivery = &self.refused.delivery;
        let mut statement = batch.connection.prepare_cached(
            "SELECT id, bytes, wrapping, wrapped FROM quarantine
             WHERE source = ?1 AND body_hash = ?2",
        )?;
        let key = params![delivery.source.as_str(), self.body_hash.as_bytes()];
        let found = statement.query_row(key, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        });
        type Found = (i64, i64, Option<i64>, Option<Vec<u8>>);
        let Some((id, bytes_before, wrapping, wrapped)): Option<Found> = found.optional()? else {
            return Ok(None);
        };
        let headers = match wrapping.zip(wrapped) {
            Some((wrapping, bytes)) => {
                let wrapping = codec::natural(wrapping)?;
                let wrapped = WrappedKey { wrapping, bytes };
                let key = batch.safe.ring().unwrap(&self.place("wrapped"), &wrapped)?;
                &key.seal(&self.place("headers"), &self.headers)?
            }
            None => {
                self.seal_row(batch, id)?;
                &self.sealed_headers
            }
        };
        let mut statement = batch.connection.prepare_cached(
            "UPDATE quarantine SET reason = ?2, last_received_at = ?3, count = count + 1,
                                   trace = ?4, headers = ?5, bytes = ?6
             WHERE id = ?1",
        )?;
        statement.execute(params![
            id,
            codec::reason_code(self.refused.reason),
            delivery.received_at.as_millis(),
            self.refused.trace.as_bytes(),
            headers,
            codec::integer(self.bytes),
        ])?;
        codec::natural(bytes_before).map(Some)
    }

    /// Seals a row that came before there were keys; its headers are written after.
    fn seal_row(&self, batch: &Batch<'_>, id: i64) -> Result<(), Fault> {
        let wrapped = batch.safe.ring().wrap(&self.place("wrapped"), &self.key)?;
        let mut statement = batch.connection.prepare_cached(
            "UPDATE quarantine SET body = ?2, wrapping = ?3, wrapped = ?4 WHERE id = ?1",
        )?;
        let wrapping = codec::integer(wrapped.wrapping);
        statement.execute(params![id, self.sealed_body, wrapping, wrapped.bytes])?;
        Ok(())
    }

    fn insert(&self, batch: &Batch<'_>) -> Result<(), Fault> {
        let delivery = &self.refused.delivery;
        let wrapped = batch.safe.ring().wrap(&self.place("wrapped"), &self.key)?;
        let mut statement = batch.connection.prepare_cached(
            "INSERT INTO quarantine (source, body_hash, reason, first_received_at,
                                     last_received_at, count, trace, bytes, headers, body,
                                     body_bytes, wrapping, wrapped)
             VALUES (?1, ?2, ?3, ?4, ?4, 1, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?;
        statement.execute(params![
            delivery.source.as_str(),
            self.body_hash.as_bytes(),
            codec::reason_code(self.refused.reason),
            delivery.received_at.as_millis(),
            self.refused.trace.as_bytes(),
            codec::integer(self.bytes),
            self.sealed_headers,
            self.sealed_body,
            i64::try_from(delivery.body.len()).unwrap_or(i64::MAX),
            codec::integer(wrapped.wrapping),
            wrapped.bytes,
        ])?;
        Ok(())
    }
}

impl Operation for Keep {
    type Answer = ();

    fn bytes(&self) -> usize {
        self.refused
            .delivery
            .body
            .len()
            .saturating_add(self.headers.len())
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        let bytes_before = match self.repeat(batch)? {
            Some(bytes) => bytes,
            None => {
                self.insert(batch)?;
                batch.state.quarantined = batch.state.quarantined.saturating_add(1);
                0
            }
        };
        let kept = batch.state.quarantined_bytes.saturating_add(self.bytes);
        batch.state.quarantined_bytes = kept.saturating_sub(bytes_before);
        while batch.state.quarantined > batch.bounds.deliveries_max
            || batch.state.quarantined_bytes > batch.bounds.bytes_max
        {
            let mut statement = batch
                .connection
                .prepare_cached("SELECT min(id) FROM quarantine")?;
            let oldest: Option<i64> = statement.query_row([], |row| row.get(0))?;
            let Some(oldest) = oldest else {
                break;
            };
            remove(batch, oldest)?;
        }
        Ok(())
    }
}

impl Operation for Discharge {
    type Answer = bool;

    fn bytes(&self) -> usize {
        0
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<bool, Fault> {
        remove(batch, codec::integer(self.0))
    }
}

fn remove(batch: &mut Batch<'_>, id: i64) -> Result<bool, Fault> {
    let mut statement = batch
        .connection
        .prepare_cached("DELETE FROM quarantine WHERE id = ?1 RETURNING bytes")?;
    let bytes: Option<i64> = statement.query_row([id], |row| row.get(0)).optional()?;
    let Some(bytes) = bytes else {
        return Ok(false);
    };
    batch.state.quarantined = batch.state.quarantined.saturating_sub(1);
    let kept = batch.state.quarantined_bytes;
    batch.state.quarantined_bytes = kept.saturating_sub(codec::natural(bytes)?);
    Ok(true)
}
