//! The processor's tasks as the engine wants them: with the machine's clock, and the records
//! of the store.

use std::sync::Arc;

use domain::notification::{Attempted, EndpointName, Health, HealthChange};
use domain::record::{EventRecord, RecordKey};
use domain::task::{TaskCall, TaskOutcome};
use domain::time::{Millis, Timestamp};
use engine::clock::Clock;
use engine::metrics::{Metrics, NotificationLabels};
use engine::store::{Endpoints, EventLog, Unavailable};
use engine::tasks::TaskRunner;
use processor::gateway::AnyGateway;
use processor::gateway::simulated::Sleep;
use processor::notify::{EndpointBook, PortFuture};
use processor::records::{PaymentRecords, RecordsUnavailable};
use processor::tasks::Tasks;
use tracing::warn;

/// The tasks with everything they need.
pub(crate) struct Effects<S> {
    /// The tasks.
    pub(crate) tasks: Tasks<AnyGateway<RuntimeSleep>, StoreRecords<S>>,
    /// What time it is for them.
    pub(crate) clock: Arc<dyn Clock>,
}

/// The records of a store, as tasks read them.
#[derive(Debug)]
pub(crate) struct StoreRecords<S>(pub(crate) Arc<S>);

/// How endpoints fare, as a store remembers it, with what is counted of them.
#[derive(Debug)]
pub(crate) struct StoreBook<S> {
    /// The store.
    pub(crate) store: Arc<S>,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
}

/// The runtime's own timer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RuntimeSleep;

impl<S: EventLog + Send + Sync + 'static> TaskRunner for Effects<S> {
    fn accepts(&self, resource: &str) -> bool {
        self.tasks.accepts(resource)
    }

    fn reaches_outside(&self, call: &TaskCall) -> bool {
        self.tasks.reaches_outside(call)
    }

    async fn run(&self, call: TaskCall) -> TaskOutcome {
        self.tasks.run(call, self.clock.now()).await
    }
}

impl<S: EventLog + Send + Sync> PaymentRecords for StoreRecords<S> {
    async fn record(&self, key: &RecordKey) -> Result<Option<EventRecord>, RecordsUnavailable> {
        self.0.record(key).await.map_err(|_| RecordsUnavailable)
    }

    async fn settled_before(
        &self,
        record: &EventRecord,
    ) -> Result<Option<EventRecord>, RecordsUnavailable> {
        let settled = self.0.settled_before(record).await;
        settled.map_err(|_| RecordsUnavailable)
    }
}

impl<S: Endpoints + Send + Sync> EndpointBook for StoreBook<S> {
    fn health(&self, endpoint: &EndpointName) -> Result<Health, RecordsUnavailable> {
        self.store
            .endpoint(endpoint)
            .map_err(|_| RecordsUnavailable)
    }

    fn note<'a>(
        &'a self,
        endpoint: &'a EndpointName,
        result: Attempted,
        disable_after: Millis,
        now: Timestamp,
    ) -> PortFuture<'a, ()> {
        let labels = NotificationLabels {
            endpoint: endpoint.to_string(),
            outcome: result.as_str().to_owned(),
        };
        self.metrics.notifications.get_or_create(&labels).inc();
        Box::pin(async move {
            let change = HealthChange::Attempted {
                result,
                disable_after,
            };
            let noted = self.write(endpoint, change, now).await;
            if let Err(unavailable) = noted {
                // What was delivered stays delivered; the next attempt is noted again.
                warn!(%endpoint, %unavailable, "how an endpoint fares could not be noted");
            }
        })
    }
}

impl<S: Endpoints> StoreBook<S> {
    /// Writes a change, where it is one: an endpoint that is well and stays so costs no write.
    async fn write(
        &self,
        endpoint: &EndpointName,
        change: HealthChange,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let before = self.store.endpoint(endpoint)?;
        if before.after(&change, now) == before {
            return Ok(());
        }
        let after = self.store.change_endpoint(endpoint, change, now).await?;
        if let (None, Some(disabled)) = (before.disabled, after.disabled) {
            warn!(
                %endpoint, why = disabled.why.as_str(),
                "an endpoint is left alone until a person enables it"
            );
        }
        Ok(())
    }
}

impl Sleep for RuntimeSleep {
    async fn sleep(&self, span: Millis) {
        if span.get() > 0 {
            tokio::time::sleep(span.to_duration()).await;
        }
    }
}
