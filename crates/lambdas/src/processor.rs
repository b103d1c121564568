//! `payment-processor`: the processor's tasks behind Step Functions.
//!
//! The event is a task's input in whatever form: the workflow's own, what the pipe sends (an array
//! with one stream record), a bare record, or the seed's `{"paymentId", "timestamp"}`. A failure
//! is reported under the name that the workflow's `Retry` and `Catch` match
//! ([`processor::failure`]), whatever happened; a panic too.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use domain::record::{EventRecord, RecordKey};
use domain::settlement::SettlementChange;
use domain::task::{RecordChange, TaskCall, TaskFailure, TaskOutcome};
use domain::time::{Millis, Timestamp};
use domain::trace::TraceId;
use engine::clock::Clock;
use engine::spans;
use engine::store::{EventLog, Settled, Settlements};
use futures_util::FutureExt as _;
use lambda_runtime::{Diagnostic, LambdaEvent};
use processor::failure;
use processor::gateway::PaymentGateway;
use processor::records::{PaymentRecords, RecordsUnavailable};
use processor::tasks::Tasks;
use serde_json::Value;
use tracing::field::{Empty, display};
use tracing::{Instrument as _, Span, error, info, info_span};

use crate::xray;

/// How long before the platform ends the function an attempt must have ended by itself, so that
/// its failure is told by name and what was done is recorded.
const SLACK: Millis = Millis::from_secs(2);

/// Most runs of one task whose change was refused: each refusal means that the record has moved,
/// and the next run sees it as it is now.
const RUNS_MAX: u32 = 4;

/// The function.
pub struct Processor<G, S> {
    tasks: Tasks<G, StoreRecords<S>>,
    store: Arc<S>,
    clock: Arc<dyn Clock>,
}

/// The records of a store, as tasks read them.
struct StoreRecords<S> {
    store: Arc<S>,
    clock: Arc<dyn Clock>,
}

impl<G, S> Processor<G, S>
where
    G: PaymentGateway,
    S: EventLog + Settlements + Send + Sync,
{
    /// The tasks on this store, with this gateway.
    pub fn new(gateway: G, store: Arc<S>, clock: Arc<dyn Clock>) -> Self {
        Self {
            tasks: Tasks::new(
                gateway,
                StoreRecords {
                    store: Arc::clone(&store),
                    clock: Arc::clone(&clock),
                },
            ),
            store,
            clock,
        }
    }

    /// Handles one invocation.
    ///
    /// # Errors
    /// A [`Diagnostic`] whose type is one of [`processor::failure`]'s names.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
        let (input, context) = event.into_parts();
        let traced = context
            .xray_trace_id
            .as_deref()
            .and_then(xray::trace_context);
        let call = TaskCall {
            resource: context.invoked_function_arn,
            state: input
                .get("task")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            input,
            execution: String::new(),
            branch: String::new(),
            retry_count: 0,
            deadline: before(context.deadline, SLACK),
            trace: traced.map_or(TraceId::from_bytes([0; 16]), |traced| traced.id),
        };
        let span = info_span!(
            "task",
            task = call.state,
            request_id = context.request_id,
            webhook_trace_id = Empty,
            age_ms = Empty,
        );
        spans::place(&span, traced);
        let done = AssertUnwindSafe(self.run(&call))
            .catch_unwind()
            .instrument(span.clone())
            .await
            .unwrap_or_else(|_| Err(failure::internal_error()));
        let _entered = span.enter();
        match done {
            Ok(output) => {
                info!("done");
                Ok(output)
            }
            Err(failed) => {
                error!(error = failed.error, cause = failed.cause, "failed");
                Err(diagnostic(failed))
            }
        }
    }

    async fn run(&self, call: &TaskCall) -> Result<Value, TaskFailure> {
        for _ in 0..RUNS_MAX {
            let (output, change) = match self.tasks.invoke(call.clone(), self.clock.now()).await {
                TaskOutcome::Succeeded { output, change } => (output, change),
                TaskOutcome::Failed(failed) => return Err(failed),
            };
            let Some(change) = change else {
                return Ok(output);
            };
            match self.store.settle(&change, self.clock.now()).await {
                Ok(Settled::Done) => return Ok(output),
                // Somebody else has moved the record since the task read it.
                Ok(Settled::Refused) => say_if_settled_twice(&change),
                Ok(Settled::NoRecord) => return Err(failure::payment_not_found(&change.key)),
                Err(unavailable) => return Err(failure::records_unavailable(&unavailable)),
            }
        }
        Err(failure::records_unavailable(&"the record moves too fast"))
    }
}

impl<S: EventLog + Send + Sync> PaymentRecords for StoreRecords<S> {
    async fn record(&self, key: &RecordKey) -> Result<Option<EventRecord>, RecordsUnavailable> {
        let record = self.store.record(key).await;
        let record = record.map_err(|_| RecordsUnavailable)?;
        if let Some(record) = &record {
            // Nothing carries a trace through the table's stream: the webhook's stands in the item.
            let span = Span::current();
            span.record("webhook_trace_id", display(record.trace.id));
            // The platform has no metric of how far the pipe is behind: this is one, of the claim.
            span.record("age_ms", self.clock.now().since(record.received_at).get());
            spans::link(&span, record.trace);
        }
        Ok(record)
    }

    async fn settled_before(
        &self,
        record: &EventRecord,
    ) -> Result<Option<EventRecord>, RecordsUnavailable> {
        let settled = self.store.settled_before(record).await;
        settled.map_err(|_| RecordsUnavailable)
    }
}

impl<G, S> std::fmt::Debug for Processor<G, S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Processor").finish_non_exhaustive()
    }
}

/// A settlement that is refused has another one beside it: the gateway did it twice, under two
/// transactions. The first stands here; somebody must look at the second.
fn say_if_settled_twice(refused: &RecordChange) {
    if let SettlementChange::Complete { transaction_id, .. } = &refused.change {
        error!(
            payment_id = refused.key.payment_id,
            timestamp = refused.key.timestamp.as_millis(),
            transaction_id,
            "the gateway has settled a payment twice"
        );
    }
}

fn before(deadline_millis: u64, slack: Millis) -> Timestamp {
    let millis = deadline_millis.saturating_sub(slack.get());
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

fn diagnostic(failed: TaskFailure) -> Diagnostic {
    Diagnostic {
        error_type: failed.error,
        error_message: failed.cause,
    }
}
