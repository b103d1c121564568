//! The quarantine: the port [`Quarantine`].

use domain::delivery::RawDelivery;
use domain::source::SourceName;
use domain::time::Timestamp;
use engine::store::{
    Page, Quarantine, QuarantineWard, QuarantinedDelivery, QuarantinedSummary, Unavailable,
};
use rusqlite::Row;
use vault::key::WrappedKey;

use crate::SqliteStore;
use crate::codec;
use crate::fault::Fault;
use crate::queries;
use crate::safe::{self, Safe};
use crate::writer::Lane;
use crate::writer::quarantine::{Discharge, Keep};

impl Quarantine for SqliteStore {
    async fn quarantine(&self, refused: QuarantinedDelivery) -> Result<(), Unavailable> {
        let keep = Keep::try_new(refused).map_err(Fault::unsealed)?;
        self.write(Lane::Progress, keep).await
    }
}

impl QuarantineWard for SqliteStore {
    async fn discharge(&self, id: u64) -> Result<bool, Unavailable> {
        self.write(Lane::Progress, Discharge(id)).await
    }

    fn list_quarantined(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<QuarantinedSummary>, Unavailable> {
        let read = self.shared.readers.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, source, body_hash, body_bytes, reason, first_received_at,
                        last_received_at, count, trace
                 FROM quarantine WHERE id < ?1 ORDER BY id DESC",
            )?;
            let mut rows = statement.query([queries::before(before)])?;
            let mut items = Vec::new();
            while let Some(row) = rows.next()? {
                if items.len() >= limit {
                    let next = items.last().map(|item: &QuarantinedSummary| item.id);
                    return Ok(Page { items, next });
                }
                items.push(summary(row)?);
            }
            Ok(Page { items, next: None })
        });
        read.map_err(Fault::unreadable)
    }

    fn quarantined(
        &self,
        id: u64,
    ) -> Result<Option<(QuarantinedSummary, RawDelivery)>, Unavailable> {
        let safe = &self.shared.safe;
        let read = self.shared.readers.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, source, body_hash, body_bytes, reason, first_received_at,
                        last_received_at, count, trace, headers, body, wrapping, wrapped
                 FROM quarantine WHERE id = ?1",
            )?;
            let mut rows = statement.query([codec::integer(id)])?;
            let Some(row) = rows.next()? else {
                return Ok(None);
            };
            let summary = summary(row)?;
            let (headers, body) = opened(row, safe, &summary)?;
            let delivery = RawDelivery {
                source: summary.source.clone(),
                headers: codec::unpack_headers(&headers)?,
                body: body.into(),
                received_at: summary.last_received_at,
            };
            Ok(Some((summary, delivery)))
        });
        read.map_err(Fault::unreadable)
    }
}

/// The headers and the body of a row, the latter two columns of which are its key.
fn opened(
    row: &Row<'_>,
    safe: &Safe,
    summary: &QuarantinedSummary,
) -> Result<(Vec<u8>, Vec<u8>), Fault> {
    let (headers, body): (Vec<u8>, Vec<u8>) = (row.get(9)?, row.get(10)?);
    let wrapping: Option<i64> = row.get(11)?;
    let Some((wrapping, bytes)) = wrapping.zip(row.get::<_, Option<Vec<u8>>>(12)?) else {
        return Ok((headers, body));
    };
    let place = |column| safe::refused(column, summary.source.as_str(), &summary.body_hash);
    let wrapping = codec::natural(wrapping)?;
    let wrapped = WrappedKey { wrapping, bytes };
    let key = safe.ring().unwrap(&place("wrapped"), &wrapped)?;
    Ok((
        key.open(&place("headers"), &headers)?,
        key.open(&place("body"), &body)?,
    ))
}

fn summary(row: &Row<'_>) -> Result<QuarantinedSummary, Fault> {
    let (source, body_hash): (String, Vec<u8>) = (row.get(1)?, row.get(2)?);
    let trace: Vec<u8> = row.get(8)?;
    Ok(QuarantinedSummary {
        id: codec::natural(row.get(0)?)?,
        source: SourceName::try_new(&source)
            .map_err(|_| Fault::Corrupt("a source's name that is none"))?,
        body_hash: codec::body_hash(&body_hash)?,
        body_bytes: codec::natural(row.get(3)?)?,
        reason: codec::reason(row.get(4)?)?,
        first_received_at: Timestamp::from_millis(row.get(5)?),
        last_received_at: Timestamp::from_millis(row.get(6)?),
        count: codec::natural(row.get(7)?)?,
        trace: codec::trace(&trace)?,
    })
}
