//! Keys of requests: the port [`RequestLog`].

use domain::time::Timestamp;
use engine::store::{
    KeptAnswer, KeyedRequest, REQUEST_KEYS_KEPT, RequestClaim, RequestKey, RequestLog, Unavailable,
};
use rusqlite::{OptionalExtension as _, params};

use crate::SqliteStore;
use crate::fault::Fault;
use crate::writer::{Batch, Lane, Operation};

impl RequestLog for SqliteStore {
    async fn claim_request(&self, request: KeyedRequest) -> Result<RequestClaim, Unavailable> {
        self.write(Lane::Progress, Claim(request)).await
    }

    async fn keep_answer(&self, key: RequestKey, answer: KeptAnswer) -> Result<bool, Unavailable> {
        self.write(Lane::Progress, Answer(key, answer)).await
    }

    async fn free_request(&self, key: RequestKey) -> Result<bool, Unavailable> {
        self.write(Lane::Progress, Free(key)).await
    }
}

struct Claim(KeyedRequest);

struct Answer(RequestKey, KeptAnswer);

struct Free(RequestKey);

fn bytes(key: &RequestKey) -> usize {
    key.operator.len().saturating_add(key.key.len())
}

impl Operation for Claim {
    type Answer = RequestClaim;

    fn bytes(&self) -> usize {
        bytes(&self.0.key)
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<RequestClaim, Fault> {
        let KeyedRequest {
            key,
            fingerprint,
            at,
        } = &self.0;
        let kept = i64::try_from(REQUEST_KEYS_KEPT.get()).unwrap_or(i64::MAX);
        let mut statement = batch
            .connection
            .prepare_cached("DELETE FROM requests WHERE at <= ?1")?;
        statement.execute([at.as_millis().saturating_sub(kept)])?;
        let mut statement = batch.connection.prepare_cached(
            "SELECT fingerprint, at, status, body FROM requests WHERE operator = ?1 AND key = ?2",
        )?;
        let known = statement.query_row(params![key.operator, key.key], |row| {
            let (print, at): (Vec<u8>, i64) = (row.get(0)?, row.get(1)?);
            let (status, body): (Option<u16>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
            Ok((print, at, status, body))
        });
        if let Some((print, at, status, body)) = known.optional()? {
            let body = body.map(Into::into);
            return Ok(RequestClaim::Known {
                fingerprint: print
                    .try_into()
                    .map_err(|_| Fault::Corrupt("a fingerprint that is none"))?,
                at: Timestamp::from_millis(at),
                answer: status.map(|status| KeptAnswer { status, body }),
            });
        }
        let mut statement = batch.connection.prepare_cached(
            "INSERT INTO requests (operator, key, at, fingerprint) VALUES (?1, ?2, ?3, ?4)",
        )?;
        statement.execute(params![
            key.operator,
            key.key,
            at.as_millis(),
            &fingerprint[..]
        ])?;
        Ok(RequestClaim::New)
    }
}

impl Operation for Answer {
    type Answer = bool;

    fn bytes(&self) -> usize {
        let body = self.1.body.as_ref().map_or(0, |body| body.len());
        bytes(&self.0).saturating_add(body)
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<bool, Fault> {
        let Self(key, answer) = self;
        let mut statement = batch.connection.prepare_cached(
            "UPDATE requests SET status = ?3, body = ?4
             WHERE operator = ?1 AND key = ?2 AND status IS NULL",
        )?;
        let kept = statement.execute(params![
            key.operator,
            key.key,
            answer.status,
            answer.body.as_deref(),
        ])?;
        Ok(kept == 1)
    }
}

impl Operation for Free {
    type Answer = bool;

    fn bytes(&self) -> usize {
        bytes(&self.0)
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<bool, Fault> {
        let key = &self.0;
        let mut statement = batch.connection.prepare_cached(
            "DELETE FROM requests WHERE operator = ?1 AND key = ?2 AND status IS NULL",
        )?;
        Ok(statement.execute([&key.operator, &key.key])? == 1)
    }
}
