//! Keeping refused deliveries, within their bounds, and letting them go.

use domain::delivery::BodyHash;
use engine::store::QuarantinedDelivery;
use rusqlite::{OptionalExtension as _, params};

use super::{Batch, Operation};
use crate::codec;
use crate::fault::Fault;

/// A refused delivery.
pub(crate) struct Keep {
    refused: QuarantinedDelivery,
    body_hash: BodyHash,
    headers: Vec<u8>,
    /// Of the body, and of the headers' names and values: what the bounds count.
    bytes: u64,
}

/// One that was judged again and taken in.
pub(crate) struct Discharge(pub(crate) u64);

impl Keep {
    pub(crate) fn new(refused: QuarantinedDelivery) -> Self {
        let headers = refused.delivery.headers.iter();
        let bytes = headers.fold(refused.delivery.body.len(), |sum, (name, value)| {
            sum.saturating_add(name.len()).saturating_add(value.len())
        });
        Self {
            body_hash: refused.delivery.body_hash(),
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
            headers: codec::pack_headers(&refused.delivery.headers),
            refused,
        }
    }

    /// Counts a repeated delivery up. The bytes it took before, or `None` when it is new.
    fn repeat(&self, batch: &Batch<'_>) -> Result<Option<u64>, Fault> {
        let delivery = &self.refused.delivery;
        let mut statement = batch.connection.prepare_cached(
            "SELECT id, bytes FROM quarantine WHERE source = ?1 AND body_hash = ?2",
        )?;
        let key = params![delivery.source.as_str(), self.body_hash.as_bytes()];
        let found = statement.query_row(key, |row| Ok((row.get(0)?, row.get(1)?)));
        let Some((id, bytes_before)): Option<(i64, i64)> = found.optional()? else {
            return Ok(None);
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
            self.headers,
            codec::integer(self.bytes),
        ])?;
        codec::natural(bytes_before).map(Some)
    }

    fn insert(&self, batch: &Batch<'_>) -> Result<(), Fault> {
        let delivery = &self.refused.delivery;
        let mut statement = batch.connection.prepare_cached(
            "INSERT INTO quarantine (source, body_hash, reason, first_received_at,
                                     last_received_at, count, trace, bytes, headers, body)
             VALUES (?1, ?2, ?3, ?4, ?4, 1, ?5, ?6, ?7, ?8)",
        )?;
        statement.execute(params![
            delivery.source.as_str(),
            self.body_hash.as_bytes(),
            codec::reason_code(self.refused.reason),
            delivery.received_at.as_millis(),
            self.refused.trace.as_bytes(),
            codec::integer(self.bytes),
            self.headers,
            &*delivery.body,
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
