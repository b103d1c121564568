//! How endpoints fare: a map of those that have a story.

use domain::notification::{EndpointName, Health, HealthChange};
use domain::time::Timestamp;

use super::MemoryStore;
use crate::store::{Endpoints, Unavailable};

impl Endpoints for MemoryStore {
    fn endpoint(&self, name: &EndpointName) -> Result<Health, Unavailable> {
        let running = self.look()?;
        Ok(running
            .disk
            .endpoints
            .get(name)
            .copied()
            .unwrap_or_default())
    }

    fn endpoints(&self) -> Result<Vec<(EndpointName, Health)>, Unavailable> {
        let running = self.look()?;
        let each = running.disk.endpoints.iter();
        Ok(each.map(|(name, health)| (name.clone(), *health)).collect())
    }

    async fn change_endpoint(
        &self,
        name: &EndpointName,
        change: HealthChange,
        now: Timestamp,
    ) -> Result<Health, Unavailable> {
        self.write(|running| {
            let endpoints = &mut running.disk.endpoints;
            let health = endpoints.remove(name).unwrap_or_default();
            let health = health.after(&change, now);
            if health != Health::default() {
                endpoints.insert(name.clone(), health);
            }
            health
        })
    }
}
