//! The listing of payments: the newest event of each, found by walking the events from the newest
//! on and leaving out those after which their payment had another.

use std::collections::HashSet;

use domain::source::SourceName;
use domain::stream::Sequence;
use engine::store::{EventSummary, Page};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::codec;
use crate::fault::Fault;
use crate::keys::{self, Keys};
use crate::queries::{LOOKED_AT_MAX, execution_status};
use crate::rows;
use crate::shared::Shared;

/// The first `limit` payments below a place, of one source or of all.
pub(crate) fn page(
    connection: &Connection,
    shared: &Shared,
    (source, end): (Option<&SourceName>, i64),
    limit: usize,
) -> Result<Page<EventSummary>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, payment_id, source FROM events WHERE sequence < ?1
         ORDER BY sequence DESC",
    )?;
    let mut rows = statement.query([end])?;
    let mut seen: HashSet<(String, String)> = HashSet::new();
    let mut items: Vec<EventSummary> = Vec::new();
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        let sequence = codec::natural(row.get(0)?)?;
        if looked_at >= LOOKED_AT_MAX {
            let next = Some(sequence.saturating_add(1));
            return Ok(Page { items, next });
        }
        looked_at += 1;
        let payment: (String, String) = (row.get(1)?, row.get(2)?);
        if source.is_some_and(|source| source.as_str() != payment.1) || seen.contains(&payment) {
            continue;
        }
        if newest(connection, &shared.keys, &payment)? == Some(sequence)
            && let Some(record) = rows::current_record(connection, &shared.safe, sequence)?
        {
            if items.len() >= limit {
                let next = items.last().map(|item| item.sequence.get());
                return Ok(Page { items, next });
            }
            items.push(EventSummary {
                sequence: Sequence::new(sequence),
                record,
                execution: execution_status(connection, sequence)?,
            });
        }
        seen.insert(payment);
    }
    Ok(Page { items, next: None })
}

/// The newest committed event of a payment.
fn newest(
    connection: &Connection,
    keys: &Keys,
    (payment_id, source): &(String, String),
) -> Result<Option<u64>, Fault> {
    let prefix = keys::payment_prefix(payment_id);
    let newest = keys.newest_with(connection, prefix, |sequence| {
        let is_of_payment = connection
            .prepare_cached(
                "SELECT 1 FROM events WHERE sequence = ?1 AND payment_id = ?2 AND source = ?3",
            )?
            .query_row(
                params![codec::integer(sequence), payment_id, source],
                |_| Ok(()),
            );
        Ok(is_of_payment.optional()?)
    })?;
    Ok(newest.map(|(sequence, ())| sequence))
}
