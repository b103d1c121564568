//! Keys: the port [`KeyKeeper`].

use domain::time::Timestamp;
use engine::store::{KeyKeeper, KeysSummary, Rewrapped, Unavailable, WrappingKeySummary};
use vault::key::MasterId;

use crate::SqliteStore;
use crate::codec;
use crate::fault::Fault;
use crate::writer::Lane;
use crate::writer::rewrap::{Retire, Rewrap, Rotate};

impl KeyKeeper for SqliteStore {
    fn keys(&self) -> Result<KeysSummary, Unavailable> {
        let read = self.shared.readers.read_at_once(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT r.id, r.master, r.made_at,
                        (SELECT count(*) FROM data_keys
                         WHERE wrapping = r.id AND wrapped IS NOT NULL)
                        + (SELECT count(*) FROM quarantine WHERE wrapping = r.id)
                 FROM keyring r ORDER BY r.id DESC",
            )?;
            let mut rows = statement.query([])?;
            let mut wrapping = Vec::new();
            while let Some(row) = rows.next()? {
                wrapping.push(WrappingKeySummary {
                    id: codec::natural(row.get(0)?)?,
                    master: MasterId::from_bytes(row.get(1)?).to_string(),
                    made_at: Timestamp::from_millis(row.get(2)?),
                    wraps: codec::natural(row.get(3)?)?,
                });
            }
            let mut statement = connection.prepare_cached(
                "SELECT (SELECT count(*) FROM deliveries WHERE sealed IS NULL)
                        + (SELECT count(*) FROM quarantine WHERE wrapped IS NULL),
                        (SELECT count(*) FROM data_keys WHERE wrapped IS NULL)",
            )?;
            let (unsealed, shredded) =
                statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(KeysSummary {
                wrapping,
                unsealed: codec::natural(unsealed)?,
                shredded: codec::natural(shredded)?,
            })
        });
        read.map_err(Fault::unreadable)
    }

    async fn rotate_key(&self, now: Timestamp) -> Result<u64, Unavailable> {
        let masters = self.masters.clone().ok_or(Unavailable::Closing)?;
        self.write(Lane::Progress, Rotate { masters, now }).await
    }

    async fn rewrap(&self, after: u64, limit: usize) -> Result<Rewrapped, Unavailable> {
        let limit = limit.clamp(1, ROUND_MAX);
        let rewrapped = self.write(Lane::Progress, Rewrap { after, limit }).await?;
        if rewrapped.next.is_none() {
            self.write(Lane::Progress, Retire).await?;
        }
        Ok(rewrapped)
    }
}

/// Most keys of one round: the writer takes in nothing meanwhile, for some milliseconds.
const ROUND_MAX: usize = 500;
