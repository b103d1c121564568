//! Looking: the port [`Inspect`]. Reads only, each from one snapshot.

use bytes::Bytes;
use domain::event::EventKeyDigest;
use domain::payment::Anomaly;
use domain::record::RecordKey;
use domain::source::SourceName;
use domain::stream::Sequence;
use domain::time::{Millis, Timestamp};
use engine::store::{
    AnomalySummary, ConflictSummary, Counts, EventDetail, EventFilter, EventSummary,
    ExecutionDetail, ExecutionFilter, ExecutionStatus, ExecutionSummary, Inspect, Page, StepRecord,
    Unavailable,
};
use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::SqliteStore;
use crate::codec;
use crate::fault::Fault;
use crate::keys;
use crate::payments;
use crate::rows::{self, KeptEvent};
use crate::safe::{self, Column, Envelope, Safe};
use crate::state::State;

impl Inspect for SqliteStore {
    fn list_events(
        &self,
        filter: &EventFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<EventSummary>, Unavailable> {
        let shared = &self.shared;
        let read = match &filter.payment_id {
            None => shared.readers.read_at_once(|connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT sequence FROM events WHERE sequence < ?1 ORDER BY sequence DESC",
                )?;
                let end = match filter.until {
                    None => self::before(before),
                    Some(until) => self::before(before).min(place_of(connection, until)?),
                };
                let places = statement.query_map([end], |row| row.get(0))?;
                page_of_events((connection, &shared.safe), filter, limit, places)
            }),
            Some(payment_id) => shared.readers.read(|connection| {
                let prefix = keys::payment_prefix(payment_id);
                let places = shared
                    .keys
                    .payments(connection, prefix, i64::MIN..=i64::MAX)?;
                let end = self::before(before);
                let places = places.into_iter().rev().map(codec::integer);
                let places = places.filter(|&place| place < end).map(Ok);
                page_of_events((connection, &shared.safe), filter, limit, places)
            }),
        };
        read.map_err(Fault::unreadable)
    }

    fn list_payments(
        &self,
        source: Option<&SourceName>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<EventSummary>, Unavailable> {
        let shared = &*self.shared;
        let list = |connection: &Connection| {
            payments::page(connection, shared, (source, self::before(before)), limit)
        };
        self.shared.readers.read(list).map_err(Fault::unreadable)
    }

    fn event(&self, event: &EventKeyDigest) -> Result<Option<EventDetail>, Unavailable> {
        let shared = &self.shared;
        let found = shared
            .readers
            .read(|connection| shared.keys.event(connection, event));
        let read = found.and_then(|sequence| {
            let safe = &shared.safe;
            let detail = |connection: &_| sequence.map(|each| event_detail(connection, safe, each));
            shared
                .readers
                .read_at_once(|connection| detail(connection).transpose())
        });
        read.map(Option::flatten).map_err(Fault::unreadable)
    }

    fn event_at(&self, sequence: Sequence) -> Result<Option<EventDetail>, Unavailable> {
        let safe = &self.shared.safe;
        let read = self.shared.readers.read_at_once(|connection| {
            match rows::event_of_entry(connection, sequence.get())? {
                Some(event) => event_detail(connection, safe, event),
                None => Ok(None),
            }
        });
        read.map_err(Fault::unreadable)
    }

    fn list_anomalies(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<AnomalySummary>, Unavailable> {
        let read = self.shared.readers.read_at_once(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT a.id, a.event, a.kind, e.payment_id, e.timestamp, e.source, d.received_at
                 FROM anomalies a JOIN events e ON e.sequence = a.event
                 JOIN deliveries d ON d.id = e.delivery
                 WHERE a.id < ?1 ORDER BY a.id DESC LIMIT ?2",
            )?;
            let one_more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
            let mut rows = statement.query([self::before(before), one_more])?;
            let mut items = Vec::new();
            let mut is_more = false;
            while let Some(row) = rows.next()? {
                if items.len() == limit {
                    is_more = true;
                    break;
                }
                items.push(anomaly_of_row(row)?);
            }
            let next = items.last().map(|item: &AnomalySummary| item.id);
            Ok(Page {
                items,
                next: next.filter(|_| is_more),
            })
        });
        read.map_err(Fault::unreadable)
    }

    fn list_executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<ExecutionSummary>, Unavailable> {
        let read = self.shared.readers.read_at_once(|connection| {
            let before = self::before(before);
            let select = "SELECT sequence FROM executions WHERE sequence < ?1";
            let order = "ORDER BY sequence DESC";
            let places: Vec<i64> = if filter.status.is_none() && !filter.dead_letters {
                let select = format!("{select} {order} LIMIT ?2");
                list(connection, &select, before, limit)?
            } else if filter.matches(ExecutionStatus::Succeeded) {
                // Nearly all are; an index would only be a detour.
                let select = format!("{select} AND +status = 1 {order} LIMIT ?2");
                list(connection, &select, before, limit)?
            } else {
                let statuses = ExecutionStatus::ALL.into_iter();
                let wanted = statuses.filter(|status| filter.matches(*status));
                let codes: Vec<String> = wanted
                    .map(|status| codec::status_code(status).to_string())
                    .collect();
                let select = format!(
                    "{select} AND status IN ({}) AND status <> 1 {order} LIMIT ?2",
                    codes.join(", ")
                );
                list(connection, &select, before, limit)?
            };
            let mut items = Vec::new();
            for place in places.iter().take(limit) {
                let safe = &self.shared.safe;
                let summary = execution_summary(connection, safe, codec::natural(*place)?)?;
                items.extend(summary.map(|(summary, _)| summary));
            }
            let last = items.last().map(|item| item.sequence.get());
            let next = last.filter(|_| places.len() > limit);
            Ok(Page { items, next })
        });
        read.map_err(Fault::unreadable)
    }

    fn execution(&self, sequence: Sequence) -> Result<Option<ExecutionDetail>, Unavailable> {
        let (safe, sequence) = (&self.shared.safe, sequence.get());
        let read = self.shared.readers.read_at_once(|connection| {
            let Some((summary, event)) = execution_summary(connection, safe, sequence)? else {
                return Ok(None);
            };
            let missing = || Fault::Corrupt("an execution of a feed entry that is not there");
            let envelope = safe::envelope(connection, event)?.ok_or_else(missing)?;
            Ok(Some(ExecutionDetail {
                change: rows::change(connection, safe, sequence)?.ok_or_else(missing)?,
                steps: steps(connection, safe, (sequence, &envelope))?,
                snapshot: snapshot(connection, safe, (sequence, &envelope))?,
                summary,
            }))
        });
        read.map_err(Fault::unreadable)
    }

    fn counts(&self) -> Result<Counts, Unavailable> {
        let state = self.shared.readers.read(State::load);
        state.map(|state| state.counts()).map_err(Fault::unreadable)
    }
}

/// The place below which a listing starts.
pub(crate) fn before(before: Option<u64>) -> i64 {
    before.map_or(i64::MAX, codec::integer)
}

/// Up to one more than `limit` places, to see whether there is another page.
fn list(
    connection: &Connection,
    select: &str,
    before: i64,
    limit: usize,
) -> Result<Vec<i64>, Fault> {
    let mut statement = connection.prepare_cached(select)?;
    let limit = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let places = statement.query_map([before, limit], |row| row.get(0))?;
    Ok(places.collect::<Result<_, _>>()?)
}

/// How far from the order in which they were received events may be kept: those that are received
/// at once overtake each other on their way to the disk, for as long as a sender is kept waiting.
const DISORDER_MAX: Millis = Millis::from_secs(60);

/// A place of the feed that stands above every event received before `until`, and not far above it.
fn place_of(connection: &Connection, until: Timestamp) -> Result<i64, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, timestamp FROM events WHERE sequence <= ?1 ORDER BY sequence DESC LIMIT 1",
    )?;
    let mut event_at = |place: i64| -> Result<Option<(i64, i64)>, Fault> {
        let found = statement.query_row([place], |row| Ok((row.get(0)?, row.get(1)?)));
        Ok(found.optional()?)
    };
    let until = until.after(DISORDER_MAX).as_millis();
    let last = event_at(i64::MAX)?.map_or(0, |(sequence, _)| sequence);
    // What stands at `low` or below it came before; above `high` everything came after.
    let (mut low, mut high) = (0, last);
    while low < high {
        let middle = low + (high - low).saturating_add(1) / 2;
        match event_at(middle)? {
            Some((sequence, timestamp)) if timestamp >= until => high = sequence.saturating_sub(1),
            Some(_) | None => low = middle,
        }
    }
    Ok(high.saturating_add(1))
}

/// Most events that one page looks at. Reading this many takes some milliseconds, for which a
/// thread that webhooks need as well is held.
pub(crate) const LOOKED_AT_MAX: usize = 2_000;

/// The first `limit` of `places`, newest first, that pass the filter.
fn page_of_events(
    (connection, safe): (&Connection, &Safe),
    filter: &EventFilter,
    limit: usize,
    places: impl Iterator<Item = Result<i64, rusqlite::Error>>,
) -> Result<Page<EventSummary>, Fault> {
    let mut items = Vec::new();
    for (looked_at, place) in places.enumerate() {
        let sequence = codec::natural(place?)?;
        if looked_at >= LOOKED_AT_MAX {
            // What stands below the one before this one begins with it.
            let next = Some(sequence.saturating_add(1));
            return Ok(Page { items, next });
        }
        // A key may be in memory before its event is committed.
        let Some(kept) = rows::current_event(connection, safe, sequence)? else {
            continue;
        };
        let record = kept.outline();
        if let Some(since) = filter.since
            && record.received_at.after(DISORDER_MAX) < since
        {
            break;
        }
        if !filter.matches(record) {
            continue;
        }
        if items.len() >= limit {
            let next = items.last().map(|item: &EventSummary| item.sequence.get());
            return Ok(Page { items, next });
        }
        items.push(EventSummary {
            sequence: Sequence::new(sequence),
            record: kept.open(safe)?,
            execution: execution_status(connection, sequence)?,
        });
    }
    Ok(Page { items, next: None })
}

pub(crate) fn execution_status(
    connection: &Connection,
    sequence: u64,
) -> Result<Option<ExecutionStatus>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT status FROM executions WHERE sequence = ?1")?;
    let code = statement.query_row([codec::integer(sequence)], |row| row.get(0));
    code.optional()?.map(codec::status).transpose()
}

fn event_detail(
    connection: &Connection,
    safe: &Safe,
    event: u64,
) -> Result<Option<EventDetail>, Fault> {
    let Some(kept) = rows::current_event(connection, safe, event)? else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(
        "SELECT d.headers, d.secret_label, d.vouched, d.sealed
         FROM events e JOIN deliveries d ON d.id = e.delivery WHERE e.sequence = ?1",
    )?;
    let (headers, secret_label, vouched, sealed): (Vec<u8>, String, Option<i64>, Option<i64>) =
        statement.query_row([codec::integer(event)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    let column = Column {
        bytes: &headers,
        is_sealed: sealed.is_some(),
    };
    let headers = kept.envelope.open(safe, &safe::HEADERS, column)?;
    let mut changes: Vec<_> = rows::change(connection, safe, event)?.into_iter().collect();
    let mut statement = connection
        .prepare_cached("SELECT sequence FROM changes WHERE event = ?1 ORDER BY sequence")?;
    let mut rows = statement.query([codec::integer(event)])?;
    while let Some(row) = rows.next()? {
        changes.extend(rows::change(
            connection,
            safe,
            codec::natural(row.get(0)?)?,
        )?);
    }
    let conflicts = conflicts(connection, safe, &kept)?;
    Ok(Some(EventDetail {
        summary: EventSummary {
            sequence: Sequence::new(event),
            record: kept.open(safe)?,
            execution: execution_status(connection, event)?,
        },
        headers: codec::unpack_headers(&headers.unwrap_or_default())?,
        secret_label,
        changes,
        conflicts,
        vouched: codec::vouched(vouched)?,
        anomalies: anomalies(connection, event)?,
    }))
}

fn anomalies(connection: &Connection, event: u64) -> Result<Vec<Anomaly>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT kind FROM anomalies WHERE event = ?1 ORDER BY id")?;
    let codes = statement.query_map([codec::integer(event)], |row| row.get(0))?;
    codes.map(|code| codec::anomaly(code?)).collect()
}

fn anomaly_of_row(row: &Row<'_>) -> Result<AnomalySummary, Fault> {
    let source: String = row.get(5)?;
    Ok(AnomalySummary {
        id: codec::natural(row.get(0)?)?,
        sequence: Sequence::new(codec::natural(row.get(1)?)?),
        anomaly: codec::anomaly(row.get(2)?)?,
        record: RecordKey {
            payment_id: row.get(3)?,
            timestamp: Timestamp::from_millis(row.get(4)?),
        },
        source: SourceName::try_new(&source)
            .map_err(|_| Fault::Corrupt("a source's name that is none"))?,
        received_at: Timestamp::from_millis(row.get(6)?),
    })
}

fn conflicts(
    connection: &Connection,
    safe: &Safe,
    kept: &KeptEvent,
) -> Result<Vec<ConflictSummary>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT body_hash, body, received_at, count, sealed FROM conflicts WHERE event = ?1
         ORDER BY id",
    )?;
    let mut rows = statement.query([codec::integer(kept.sequence)])?;
    let mut conflicts = Vec::new();
    while let Some(row) = rows.next()? {
        let (hash, body): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let (body_hash, sealed) = (codec::body_hash(&hash)?, row.get::<_, Option<i64>>(4)?);
        let column = Column {
            bytes: &body,
            is_sealed: sealed.is_some(),
        };
        let place = safe::conflict("body", kept.sequence, &body_hash);
        let body = kept.envelope.open(safe, &place, column)?;
        conflicts.push(ConflictSummary {
            body_hash,
            body: body.unwrap_or_default().into(),
            received_at: Timestamp::from_millis(row.get(2)?),
            count: codec::natural(row.get(3)?)?,
        });
    }
    Ok(conflicts)
}

/// An execution's summary, and the place of its event.
fn execution_summary(
    connection: &Connection,
    safe: &Safe,
    sequence: u64,
) -> Result<Option<(ExecutionSummary, u64)>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT x.event, x.status, d.hash, x.started_at, x.updated_at, x.due_at
         FROM executions x JOIN definitions d ON d.id = x.definition WHERE x.sequence = ?1",
    )?;
    let mut rows = statement.query([codec::integer(sequence)])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let event = codec::natural(row.get(0)?)?;
    let missing = Fault::Corrupt("an execution of an event that is not there");
    let record = rows::current_record(connection, safe, event)?.ok_or(missing)?;
    let due_at: Option<i64> = row.get(5)?;
    let summary = ExecutionSummary {
        sequence: Sequence::new(sequence),
        event: record.event_key.digest(),
        record,
        status: codec::status(row.get(1)?)?,
        definition: row.get(2)?,
        started_at: Timestamp::from_millis(row.get(3)?),
        updated_at: Timestamp::from_millis(row.get(4)?),
        due_at: due_at.map(Timestamp::from_millis),
    };
    Ok(Some((summary, event)))
}

/// An execution's snapshot; `None` when it has none, or when it was shredded.
fn snapshot(
    connection: &Connection,
    safe: &Safe,
    (execution, envelope): (u64, &Envelope),
) -> Result<Option<Bytes>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT generation, snapshot, sealed FROM executions WHERE sequence = ?1",
    )?;
    let mut rows = statement.query([codec::integer(execution)])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let snapshot: Option<Vec<u8>> = row.get(1)?;
    let Some(snapshot) = snapshot else {
        return Ok(None);
    };
    let place = safe::snapshot(execution, codec::natural(row.get(0)?)?);
    let column = Column {
        bytes: &snapshot,
        is_sealed: row.get::<_, Option<i64>>(2)?.is_some(),
    };
    Ok(envelope.open(safe, &place, column)?.map(Into::into))
}

/// What an execution lived through; nothing of what was shredded.
fn steps(
    connection: &Connection,
    safe: &Safe,
    (execution, envelope): (u64, &Envelope),
) -> Result<Vec<StepRecord>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT at, generation, texts, sealed FROM steps WHERE execution = ?1 ORDER BY generation",
    )?;
    let mut rows = statement.query([codec::integer(execution)])?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        let at = Timestamp::from_millis(row.get(0)?);
        let place = safe::texts(execution, codec::natural(row.get(1)?)?);
        let texts: Vec<u8> = row.get(2)?;
        let column = Column {
            bytes: &texts,
            is_sealed: row.get::<_, Option<i64>>(3)?.is_some(),
        };
        let texts = envelope.open(safe, &place, column)?.unwrap_or_default();
        let texts = codec::unpack(&texts)?.into_iter();
        steps.extend(texts.map(|text| StepRecord { at, text }));
    }
    Ok(steps)
}
