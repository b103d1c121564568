//! How endpoints fare: the port [`Endpoints`].

use domain::notification::{
    DeliveryFailure, Disabled, DisabledWhy, EndpointName, Health, HealthChange,
};
use domain::time::Timestamp;
use engine::store::{Endpoints, Unavailable};
use rusqlite::{Connection, Row, params};

use crate::SqliteStore;
use crate::fault::Fault;
use crate::writer::{Batch, Lane, Operation};

impl Endpoints for SqliteStore {
    fn endpoint(&self, name: &EndpointName) -> Result<Health, Unavailable> {
        let read = self
            .shared
            .readers
            .read(|connection| find(connection, name));
        read.map_err(Fault::unreadable)
    }

    fn endpoints(&self) -> Result<Vec<(EndpointName, Health)>, Unavailable> {
        let read = self.shared.readers.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT failing_since, failures, failed_at, failure, disabled_at, disabled_why, name
                 FROM endpoints ORDER BY name",
            )?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let name: String = row.get(6)?;
                let name = EndpointName::try_new(&name)
                    .map_err(|_| Fault::Corrupt("an endpoint's name that is none"))?;
                found.push((name, health(row)?));
            }
            Ok(found)
        });
        read.map_err(Fault::unreadable)
    }

    async fn change_endpoint(
        &self,
        name: &EndpointName,
        change: HealthChange,
        now: Timestamp,
    ) -> Result<Health, Unavailable> {
        let change = Change {
            name: name.clone(),
            change,
            now,
        };
        self.write(Lane::Progress, change).await
    }
}

fn find(connection: &Connection, name: &EndpointName) -> Result<Health, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT failing_since, failures, failed_at, failure, disabled_at, disabled_why
         FROM endpoints WHERE name = ?1",
    )?;
    let mut rows = statement.query([name.as_str()])?;
    rows.next()?.map_or(Ok(Health::default()), health)
}

fn health(row: &Row<'_>) -> Result<Health, Fault> {
    let time = |column: usize| -> Result<Option<Timestamp>, Fault> {
        let millis: Option<i64> = row.get(column)?;
        Ok(millis.map(Timestamp::from_millis))
    };
    let failure: Option<String> = row.get(3)?;
    let failure = failure.as_deref().map(|code| {
        DeliveryFailure::parse(code).ok_or(Fault::Corrupt("an endpoint's failure that is none"))
    });
    let why: Option<String> = row.get(5)?;
    let why = why.as_deref().map(|word| {
        DisabledWhy::parse(word).ok_or(Fault::Corrupt("a reason to be disabled that is none"))
    });
    Ok(Health {
        failing_since: time(0)?,
        failures: row.get(1)?,
        last_failure: time(2)?.zip(failure.transpose()?),
        disabled: time(4)?
            .zip(why.transpose()?)
            .map(|(at, why)| Disabled { at, why }),
    })
}

struct Change {
    name: EndpointName,
    change: HealthChange,
    now: Timestamp,
}

impl Operation for Change {
    type Answer = Health;

    fn bytes(&self) -> usize {
        self.name.as_str().len()
    }

    fn run(&self, batch: &mut Batch<'_>) -> Result<Health, Fault> {
        let before = find(batch.connection, &self.name)?;
        let health = before.after(&self.change, self.now);
        if health == before {
            return Ok(health);
        }
        let name = self.name.as_str();
        if health == Health::default() {
            batch
                .connection
                .prepare_cached("DELETE FROM endpoints WHERE name = ?1")?
                .execute([name])?;
            return Ok(health);
        }
        let mut statement = batch.connection.prepare_cached(
            "INSERT OR REPLACE INTO endpoints
             (name, failing_since, failures, failed_at, failure, disabled_at, disabled_why)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        statement.execute(params![
            name,
            health.failing_since.map(Timestamp::as_millis),
            health.failures,
            health.last_failure.map(|(at, _)| at.as_millis()),
            health.last_failure.map(|(_, failure)| failure.code()),
            health.disabled.map(|disabled| disabled.at.as_millis()),
            health.disabled.map(|disabled| disabled.why.as_str()),
        ])?;
        Ok(health)
    }
}
