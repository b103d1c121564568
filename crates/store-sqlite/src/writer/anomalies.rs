//! What a new event brings to its payment that does not fit together. The rules find it; here it is
//! looked up what they compare, and kept what they find.

use domain::event::PaymentEvent;
use domain::limits;
use domain::payment::{self, Anomaly, PaymentRules, Told};
use rusqlite::params;

use super::Batch;
use crate::codec;
use crate::fault::Fault;
use crate::rows;

/// Works out and keeps the anomalies of `event`, which is at `sequence` and stands in no key table
/// yet.
pub(super) fn keep(
    batch: &mut Batch<'_>,
    event: &PaymentEvent,
    payment_prefix: i64,
    sequence: u64,
    rules: PaymentRules,
) -> Result<Vec<Anomaly>, Fault> {
    let Some(meaning) = &event.meaning else {
        return Ok(Vec::new());
    };
    let places = batch
        .keys
        .payments(batch.connection, payment_prefix, i64::MIN..=i64::MAX)?;
    let mut known = Vec::new();
    for place in places
        .into_iter()
        .rev()
        .filter(|place| *place != sequence)
        .take(limits::PAYMENT_EVENTS_COMPARED_MAX)
    {
        let kept = rows::event(batch.connection, place)?;
        known.extend(kept.filter(|kept| {
            let record = kept.outline();
            record.key.payment_id == event.payment_id && record.event_key.source == event.key.source
        }));
    }
    let told: Vec<Told<'_>> = known
        .iter()
        .filter_map(|kept| kept.outline().told())
        .collect();
    let new = Told {
        key: &event.key,
        meaning,
        currency: event.currency.code(),
    };
    let found = payment::anomalies_of(rules, &told, new);
    for anomaly in &found {
        record(batch, sequence, *anomaly)?;
    }
    Ok(found)
}

/// Keeps one anomaly of the event at `sequence`.
pub(super) fn record(batch: &mut Batch<'_>, sequence: u64, anomaly: Anomaly) -> Result<(), Fault> {
    batch.state.anomalies = batch.state.anomalies.saturating_add(1);
    let mut statement = batch
        .connection
        .prepare_cached("INSERT INTO anomalies (id, event, kind) VALUES (?1, ?2, ?3)")?;
    statement.execute(params![
        codec::integer(batch.state.anomalies),
        codec::integer(sequence),
        codec::anomaly_code(anomaly),
    ])?;
    Ok(())
}
