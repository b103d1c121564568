//! The audit log: the port [`AuditLog`].

use domain::time::Timestamp;
use engine::store::{Act, ActEnd, ActSummary, Action, AuditLog, Page, Unavailable};
use rusqlite::{Row, params};

use crate::SqliteStore;
use crate::codec;
use crate::fault::Fault;
use crate::queries;
use crate::writer::{Batch, Lane, Operation};

impl AuditLog for SqliteStore {
    async fn record_act(&self, act: Act) -> Result<u64, Unavailable> {
        self.write(Lane::Progress, Record(act)).await
    }

    async fn end_act(&self, id: u64, end: ActEnd) -> Result<bool, Unavailable> {
        self.write(Lane::Progress, End(id, end)).await
    }

    fn list_acts(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<ActSummary>, Unavailable> {
        let read = self.shared.readers.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, at, operator, action, target, reason, is_done, why FROM audit
                 WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
            )?;
            let one_more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
            let mut rows = statement.query([queries::before(before), one_more])?;
            let mut items = Vec::new();
            while let Some(row) = rows.next()? {
                if items.len() >= limit {
                    let next = items.last().map(|item: &ActSummary| item.id);
                    return Ok(Page { items, next });
                }
                items.push(summary(row)?);
            }
            Ok(Page { items, next: None })
        });
        read.map_err(Fault::unreadable)
    }
}

fn summary(row: &Row<'_>) -> Result<ActSummary, Fault> {
    let word: String = row.get(3)?;
    let is_done: Option<bool> = row.get(6)?;
    let why: Option<String> = row.get(7)?;
    Ok(ActSummary {
        id: codec::natural(row.get(0)?)?,
        act: Act {
            at: Timestamp::from_millis(row.get(1)?),
            operator: row.get(2)?,
            action: Action::parse(&word).ok_or(Fault::Corrupt("an action that is none"))?,
            target: row.get(4)?,
            reason: row.get(5)?,
        },
        end: is_done.map(|is_done| match is_done {
            true => ActEnd::Done,
            false => ActEnd::NotDone {
                why: why.unwrap_or_default(),
            },
        }),
    })
}

struct Record(Act);

struct End(u64, ActEnd);

impl Operation for Record {
    type Answer = u64;

    fn bytes(&self) -> usize {
        let act = &self.0;
        act.operator.len() + act.target.len() + act.reason.len()
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<u64, Fault> {
        let act = &self.0;
        let mut statement = batch.connection.prepare_cached(
            "INSERT INTO audit (at, operator, action, target, reason) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let id = statement.insert(params![
            act.at.as_millis(),
            act.operator,
            act.action.as_str(),
            act.target,
            act.reason,
        ])?;
        codec::natural(id)
    }
}

impl Operation for End {
    type Answer = bool;

    fn bytes(&self) -> usize {
        0
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<bool, Fault> {
        let why = match &self.1 {
            ActEnd::Done => None,
            ActEnd::NotDone { why } => Some(why),
        };
        let mut statement = batch.connection.prepare_cached(
            "UPDATE audit SET is_done = ?2, why = ?3 WHERE id = ?1 AND is_done IS NULL",
        )?;
        let ended = statement.execute(params![codec::integer(self.0), why.is_none(), why])?;
        Ok(ended == 1)
    }
}
