//! How things went: the port [`Trends`].

use std::time::Duration;

use domain::source::SourceName;
use domain::time::Timestamp;
use engine::store::{Acks, Arrivals, Endings, Trends, Unavailable, Waiting};
use rusqlite::{Connection, ToSql, params};

use crate::SqliteStore;
use crate::codec;
use crate::fault::Fault;
use crate::writer::tallies::{MINUTE, forget, minute};
use crate::writer::{Batch, Lane, Operation};

/// Executions that are looked at when those that wait are counted.
const WAITING_MAX: i64 = 100_000;

impl Trends for SqliteStore {
    fn arrivals(&self, since: Timestamp) -> Result<Vec<Arrivals>, Unavailable> {
        let sql = "SELECT minute, source, events FROM arrivals WHERE minute >= ?1
                   ORDER BY minute, source";
        self.trend(sql, &[&minute(since)], |row| {
            let source: String = row.get(1)?;
            Ok(Arrivals {
                minute: beginning(row.get(0)?),
                source: SourceName::try_new(&source)
                    .map_err(|_| Fault::Corrupt("a source's name that is none"))?,
                events: codec::natural(row.get(2)?)?,
            })
        })
    }

    fn endings(&self, since: Timestamp) -> Result<Vec<Endings>, Unavailable> {
        let sql = "SELECT minute, status, executions FROM endings WHERE minute >= ?1
                   ORDER BY minute, status";
        self.trend(sql, &[&minute(since)], |row| {
            Ok(Endings {
                minute: beginning(row.get(0)?),
                status: codec::status(row.get(1)?)?,
                executions: codec::natural(row.get(2)?)?,
            })
        })
    }

    fn acks(&self, since: Timestamp) -> Result<Vec<Acks>, Unavailable> {
        let sql = "SELECT minute, webhooks, median_us, p99_us FROM acks WHERE minute >= ?1
                   ORDER BY minute";
        self.trend(sql, &[&minute(since)], |row| {
            Ok(Acks {
                minute: beginning(row.get(0)?),
                webhooks: codec::natural(row.get(1)?)?,
                median: Duration::from_micros(codec::natural(row.get(2)?)?),
                p99: Duration::from_micros(codec::natural(row.get(3)?)?),
            })
        })
    }

    async fn keep_acks(&self, acks: Acks) -> Result<(), Unavailable> {
        self.write(Lane::Progress, Keep(acks)).await
    }

    fn waiting(&self, from: Timestamp, until: Timestamp) -> Result<Vec<Waiting>, Unavailable> {
        let sql = "SELECT due_at / ?1, count(*) FROM
                     (SELECT due_at FROM executions INDEXED BY executions_open
                      WHERE (status <> 1 OR due_at IS NOT NULL) AND status = 0
                        AND due_at >= ?2 AND due_at < ?3 ORDER BY due_at LIMIT ?4)
                   GROUP BY 1 ORDER BY 1";
        let (from, until) = (from.as_millis(), until.as_millis());
        self.trend(sql, &[&MINUTE, &from, &until, &WAITING_MAX], |row| {
            Ok(Waiting {
                minute: beginning(row.get(0)?),
                executions: codec::natural(row.get(1)?)?,
            })
        })
    }
}

impl SqliteStore {
    fn trend<T>(
        &self,
        sql: &str,
        parameters: &[&dyn ToSql],
        item: impl Fn(&rusqlite::Row<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Unavailable> {
        let list = |connection: &Connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(parameters)?;
            let mut items = Vec::new();
            while let Some(row) = rows.next()? {
                items.push(item(row)?);
            }
            Ok(items)
        };
        self.shared.readers.read(list).map_err(Fault::unreadable)
    }
}

fn beginning(minute: i64) -> Timestamp {
    Timestamp::from_millis(minute.saturating_mul(MINUTE))
}

struct Keep(Acks);

impl Operation for Keep {
    type Answer = ();

    fn bytes(&self) -> usize {
        size_of::<Acks>()
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        let acks = &self.0;
        let minute = minute(acks.minute);
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let mut statement = batch.connection.prepare_cached(
            "INSERT INTO acks (minute, webhooks, median_us, p99_us) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET webhooks = webhooks + excluded.webhooks,
                 median_us = max(median_us, excluded.median_us),
                 p99_us = max(p99_us, excluded.p99_us)",
        )?;
        statement.execute(params![
            minute,
            codec::integer(acks.webhooks),
            micros(acks.median),
            micros(acks.p99),
        ])?;
        forget(
            batch.connection,
            "DELETE FROM acks WHERE minute < ?1",
            minute,
        )
    }
}
