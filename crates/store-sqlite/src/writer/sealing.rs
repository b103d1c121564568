//! The keys of deliveries, in the writer's hands.

use std::sync::Arc;

use rusqlite::params;
use vault::key::DataKey;

use super::Batch;
use crate::codec;
use crate::fault::Fault;
use crate::safe::{self, Envelope, KeptKey};

/// Keeps the key of a new delivery, wrapped for its row.
pub(super) fn keep_key(
    batch: &mut Batch<'_>,
    delivery: u64,
    key: &Arc<DataKey>,
) -> Result<(), Fault> {
    let wrapped = batch.safe.wrap(delivery, key)?;
    let mut statement = batch.connection.prepare_cached(
        "INSERT INTO data_keys (delivery, wrapping, wrapped) VALUES (?1, ?2, ?3)",
    )?;
    let wrapping = codec::integer(wrapped.wrapping);
    statement.execute(params![codec::integer(delivery), wrapping, wrapped.bytes])?;
    batch.effects.keys.push((delivery, Arc::clone(key)));
    Ok(())
}

/// The key of the event inserted at `event`, made now for a delivery that came before there were
/// keys; `None` when it was destroyed.
pub(super) fn key_of_event(
    batch: &mut Batch<'_>,
    event: u64,
) -> Result<Option<Arc<DataKey>>, Fault> {
    let missing = Fault::Corrupt("an event that is not there");
    let envelope = safe::envelope(batch.connection, event)?.ok_or(missing)?;
    key_of_envelope(batch, &envelope)
}

/// The same, of what was read already.
pub(super) fn key_of_envelope(
    batch: &mut Batch<'_>,
    envelope: &Envelope,
) -> Result<Option<Arc<DataKey>>, Fault> {
    match envelope.key {
        KeptKey::Wrapped(_) => batch.safe.key(envelope),
        KeptKey::Destroyed(_) => Ok(None),
        KeptKey::Missing => {
            let key = Arc::new(DataKey::generate()?);
            keep_key(batch, envelope.delivery, &key)?;
            Ok(Some(key))
        }
    }
}
