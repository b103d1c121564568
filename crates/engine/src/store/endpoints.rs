//! How the endpoints fare that are told what becomes of payments: what must outlive a restart, so
//! that one which has failed for days is left alone, and stays so until a person says otherwise.

use std::future::Future;

use domain::notification::{EndpointName, Health, HealthChange};
use domain::time::Timestamp;

use super::Unavailable;

/// The role that remembers how endpoints fare. They are configured elsewhere: an endpoint of which
/// nothing was ever told is well.
pub trait Endpoints {
    /// How an endpoint fares.
    fn endpoint(&self, name: &EndpointName) -> Result<Health, Unavailable>;

    /// Every endpoint that does not fare as if nothing had ever happened, by name.
    fn endpoints(&self) -> Result<Vec<(EndpointName, Health)>, Unavailable>;

    /// Changes how an endpoint fares by [`Health::after`] at `now`, durably, and says how it
    /// fares then. Each change is applied to what the one before has left.
    ///
    /// # Errors
    /// The change may or may not be durable.
    fn change_endpoint(
        &self,
        name: &EndpointName,
        change: HealthChange,
        now: Timestamp,
    ) -> impl Future<Output = Result<Health, Unavailable>> + Send;
}
