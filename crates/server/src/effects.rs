//! The processor's tasks as the engine wants them: with the machine's clock, and the records
//! of the store.

use std::sync::Arc;

use domain::record::{EventRecord, RecordKey};
use domain::task::{TaskCall, TaskOutcome};
use domain::time::Millis;
use engine::clock::Clock;
use engine::store::EventLog;
use engine::tasks::TaskRunner;
use processor::gateway::AnyGateway;
use processor::gateway::simulated::Sleep;
use processor::records::{PaymentRecords, RecordsUnavailable};
use processor::tasks::Tasks;

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

impl Sleep for RuntimeSleep {
    async fn sleep(&self, span: Millis) {
        if span.get() > 0 {
            tokio::time::sleep(span.to_duration()).await;
        }
    }
}
