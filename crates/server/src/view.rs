//! What people and scripts are shown, as JSON and as the tables made from it. The names here
//! are part of the product: scripts are written against them.

use domain::diagnosis::Finding;
use domain::event::EventKeyDigest;
use domain::record::EventRecord;
use domain::settlement::Settlement;
use domain::stream::Change;
use engine::store::{
    ConflictSummary, Counts, EventDetail, EventSummary, ExecutionStatus, ExecutionSummary,
    QuarantinedSummary,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

mod alerts;
mod audit;
mod keys;
mod notifications;
mod payments;
mod shredding;
pub(crate) mod schema;
mod trends;

pub(crate) use alerts::{AlertView, AlertsView, TargetView, TestedView};
pub(crate) use audit::ActView;
pub(crate) use keys::{KeysView, RewrappedView, RotatedView};
pub(crate) use notifications::{EndpointView, NotificationView, RepliesView, ReplyView};
pub(crate) use payments::{
    AnomalyView, GapView, ListedPaymentView, MeaningView, PaymentView, ReconciledView,
};
pub(crate) use shredding::{ShreddedEventView, ShreddedView};
pub(crate) use trends::TrendsView;

/// One page of a listing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PageView<T> {
    /// The items, newest first.
    pub(crate) items: Vec<T>,
    /// Pass this as `before` for the next page.
    pub(crate) next: Option<u64>,
}

/// One event.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventView {
    /// Its id in listings: its place in the change feed.
    pub(crate) id: u64,
    /// What makes a repeat a repeat.
    pub(crate) event_key: String,
    /// The source that sent it.
    pub(crate) source: String,
    /// The payment it is about.
    pub(crate) payment_id: String,
    /// With the payment, what names its record: milliseconds.
    pub(crate) timestamp: i64,
    /// How much, in the currency's major unit.
    pub(crate) amount: String,
    /// In which currency.
    pub(crate) currency: String,
    /// Who moved the money.
    pub(crate) provider: String,
    /// The record's status now.
    pub(crate) status: String,
    /// The payment's status as it arrived.
    pub(crate) provider_status: String,
    /// What it means.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) meaning: Option<MeaningView>,
    /// When it arrived.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) received_at: String,
    /// The trace of everything done for it.
    pub(crate) trace_id: String,
    /// The name of its execution.
    pub(crate) execution_name: String,
    /// How that stands.
    #[schemars(with = "Option<schema::Status>")]
    pub(crate) execution: Option<ExecutionStatus>,
    /// The gateway's id of what it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transaction_id: Option<String>,
    /// When the gateway did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub(crate) processed_at: Option<String>,
    /// When its record last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub(crate) updated_at: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// Why it failed, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
}

/// Why a signature proves nothing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct FindingView {
    /// A stable word.
    pub(crate) code: String,
    /// What was found.
    pub(crate) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) advice: Option<String>,
}

/// One event with everything that is kept about it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventDetailView {
    /// The event.
    pub(crate) event: EventView,
    /// The names of the headers that came with it, and the values of the harmless ones.
    pub(crate) headers: Vec<HeaderView>,
    /// When what was received for it was destroyed; absent while it is there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(extend("format" = "date-time"))]
    pub(crate) shredded_at: Option<String>,
    /// Bytes of its body.
    pub(crate) body_bytes: usize,
    /// Its body, only when asked for: it may hold personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
    /// The label of the secret that proved its sender.
    pub(crate) secret: String,
    /// `verified`, `authenticated` or `fetched`: who says that it is so.
    pub(crate) vouched: String,
    /// What it brought to its payment that does not fit.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) anomalies: Vec<String>,
    /// Every change of its record.
    pub(crate) changes: Vec<ChangeView>,
    /// Deliveries with its key and other bytes.
    pub(crate) conflicts: Vec<ConflictView>,
    /// Its execution with its history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) execution: Option<ExecutionDetailView>,
}

/// One header of a delivery.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct HeaderView {
    /// Its name.
    pub(crate) name: String,
    /// Its value; `None` where it could be a secret or a signature.
    pub(crate) value: Option<String>,
}

/// One change of a record.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangeView {
    /// Its place in the feed.
    pub(crate) sequence: u64,
    /// When it was committed.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) at: String,
    /// `INSERT`, `MODIFY` or `REMOVE`.
    pub(crate) event_name: String,
    /// The payment it is about.
    pub(crate) payment_id: String,
    /// The record's status after it.
    pub(crate) status: Option<String>,
    /// The name of the execution of the event.
    pub(crate) execution_name: String,
}

/// A delivery with a known key and other bytes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConflictView {
    /// The hash of its body.
    pub(crate) body_hash: String,
    /// Bytes of its body.
    pub(crate) body_bytes: usize,
    /// Its body, only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
    /// When it first came.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) received_at: String,
    /// How often it came.
    pub(crate) count: u64,
}

/// One execution.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExecutionView {
    /// Its id in listings: the place in the feed of the change it was started for.
    pub(crate) id: u64,
    /// Its name.
    pub(crate) name: String,
    /// How it stands.
    #[schemars(with = "schema::Status")]
    pub(crate) status: ExecutionStatus,
    /// The payment it is about.
    pub(crate) payment_id: String,
    /// The key of its event.
    pub(crate) event_key: String,
    /// The record's status now.
    pub(crate) record_status: String,
    /// When it was started.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) started_at: String,
    /// When it last moved.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) updated_at: String,
    /// When it will next be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub(crate) due_at: Option<String>,
    /// The trace of its event.
    pub(crate) trace_id: String,
    /// The hash of the workflow definition it runs.
    pub(crate) definition: String,
}

/// One execution with its history.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExecutionDetailView {
    /// The execution.
    pub(crate) execution: ExecutionView,
    /// The state it is in, or ended in.
    pub(crate) state: Option<String>,
    /// Retries in that state.
    pub(crate) retry_count: u32,
    /// How often it was redriven.
    pub(crate) redrive_count: u32,
    /// What it was started with.
    pub(crate) input: Value,
    /// What it ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<Value>,
    /// The error it ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// The same, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
    /// Everything that happened, in the shape of `GetExecutionHistory`.
    pub(crate) events: Vec<Value>,
}

/// One delivery in quarantine.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuarantineView {
    /// Its id.
    pub(crate) id: u64,
    /// The source whose URL was called.
    pub(crate) source: String,
    /// Why it is here.
    pub(crate) reason: String,
    /// The hash of its body.
    pub(crate) body_hash: String,
    /// Bytes of its body.
    pub(crate) body_bytes: u64,
    /// When it first came.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) first_received_at: String,
    /// When it last came.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) last_received_at: String,
    /// How often it came.
    pub(crate) count: u64,
    /// The trace of its latest arrival.
    pub(crate) trace_id: String,
    /// What is wrong with its signature, each as a stable word; none where it was not looked for.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) findings: Vec<String>,
}

/// One delivery in quarantine with its bytes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct QuarantineDetailView {
    /// The delivery.
    pub(crate) delivery: QuarantineView,
    /// The names of the headers that came with it, and the values of the harmless ones.
    pub(crate) headers: Vec<HeaderView>,
    /// Why its signature proves nothing, with the secrets of now.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) diagnosis: Vec<FindingView>,
    /// Its body, only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
}

/// What became of a promoted delivery.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PromotedView {
    /// The payments of its events.
    pub(crate) payment_ids: Vec<String>,
    /// What became of each: `stored`, `duplicate` or `conflict`.
    pub(crate) outcomes: Vec<String>,
}

/// How much there is of everything.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CountsView {
    /// Events in custody.
    pub(crate) events: u64,
    /// Executions that run or wait.
    pub(crate) running: u64,
    /// Executions that came to a good end.
    pub(crate) succeeded: u64,
    /// Executions at rest that need a person.
    pub(crate) dead_letters: u64,
    /// Deliveries in quarantine.
    pub(crate) quarantined: u64,
    /// Distinct conflicting deliveries.
    pub(crate) conflicts: u64,
    /// Anomalies of payments.
    #[serde(default)]
    pub(crate) anomalies: u64,
    /// Feed entries that the pipe has not read.
    pub(crate) feed_lag: u64,
}

/// Headers whose values are shown: they say what kind of client it was and cannot authorise
/// anything.
const HARMLESS_HEADERS: [&str; 8] = [
    "accept",
    "content-length",
    "content-type",
    "date",
    "host",
    "traceparent",
    "user-agent",
    "x-request-id",
];

impl FindingView {
    /// The view of a finding.
    pub(crate) fn new(finding: &Finding) -> Self {
        Self {
            code: finding.code().to_owned(),
            message: finding.to_string(),
            advice: finding.advice().map(str::to_owned),
        }
    }
}

impl EventView {
    /// The view of an event.
    pub(crate) fn new(summary: &EventSummary) -> Self {
        let record = &summary.record;
        let mut view = Self {
            id: summary.sequence.get(),
            event_key: record.event_key.to_string(),
            source: record.event_key.source.to_string(),
            payment_id: record.key.payment_id.clone(),
            timestamp: record.key.timestamp.as_millis(),
            amount: record.amount.to_string(),
            currency: record.currency.to_string(),
            provider: record.provider.clone(),
            status: record.status().to_owned(),
            provider_status: record.provider_status.clone(),
            meaning: record.meaning.as_ref().map(MeaningView::new),
            received_at: record.received_at.to_iso(),
            trace_id: record.trace.id.to_string(),
            execution_name: record.event_key.digest().execution_name(),
            execution: summary.execution,
            transaction_id: None,
            processed_at: None,
            updated_at: None,
            error: None,
            cause: None,
        };
        view.settle(record);
        view
    }

    fn settle(&mut self, record: &EventRecord) {
        match &record.settlement {
            Settlement::Received => {}
            Settlement::Processing { updated_at, .. } => {
                self.updated_at = Some(updated_at.to_iso());
            }
            Settlement::Completed {
                transaction_id,
                processed_at,
                updated_at,
            } => {
                self.transaction_id = Some(transaction_id.clone());
                self.processed_at = Some(processed_at.to_iso());
                self.updated_at = Some(updated_at.to_iso());
            }
            Settlement::Failed {
                error,
                cause,
                updated_at,
            } => {
                self.error = Some(error.clone());
                self.cause = Some(cause.clone());
                self.updated_at = Some(updated_at.to_iso());
            }
        }
    }
}

impl EventDetailView {
    /// The view of everything about an event, with bodies only when asked for.
    pub(crate) fn new(
        detail: &EventDetail,
        execution: Option<ExecutionDetailView>,
        with_body: bool,
    ) -> Self {
        let raw = &detail.summary.record.raw_payload;
        let shredded_at = detail.summary.record.shredded_at;
        Self {
            event: EventView::new(&detail.summary),
            headers: HeaderView::all(&detail.headers),
            body_bytes: raw.len(),
            shredded_at: shredded_at.map(|at| at.to_iso()),
            body: (with_body && shredded_at.is_none())
                .then(|| String::from_utf8_lossy(raw).into_owned()),
            secret: detail.secret_label.clone(),
            vouched: detail.vouched.as_str().to_owned(),
            anomalies: detail.anomalies.iter().map(ToString::to_string).collect(),
            changes: detail.changes.iter().map(ChangeView::new).collect(),
            conflicts: detail
                .conflicts
                .iter()
                .map(|conflict| ConflictView::new(conflict, with_body))
                .collect(),
            execution,
        }
    }
}

impl HeaderView {
    /// The view of a delivery's headers.
    pub(crate) fn all(headers: &domain::delivery::Headers) -> Vec<Self> {
        headers
            .iter()
            .map(|(name, value)| Self {
                name: name.to_owned(),
                value: HARMLESS_HEADERS
                    .contains(&name)
                    .then(|| String::from_utf8_lossy(value).into_owned()),
            })
            .collect()
    }
}

impl ChangeView {
    /// The view of a change.
    pub(crate) fn new(change: &Change) -> Self {
        Self {
            sequence: change.sequence.get(),
            at: change.at.to_iso(),
            event_name: change.kind.event_name().to_owned(),
            payment_id: change.key.payment_id.clone(),
            status: change.attribute("status").map(str::to_owned),
            execution_name: change.event().execution_name(),
        }
    }
}

impl ConflictView {
    fn new(conflict: &ConflictSummary, with_body: bool) -> Self {
        Self {
            body_hash: conflict.body_hash.to_string(),
            body_bytes: conflict.body.len(),
            body: with_body.then(|| String::from_utf8_lossy(&conflict.body).into_owned()),
            received_at: conflict.received_at.to_iso(),
            count: conflict.count,
        }
    }
}

impl ExecutionView {
    /// The view of an execution called `name`.
    pub(crate) fn new(summary: &ExecutionSummary, name: String) -> Self {
        let record = &summary.record;
        Self {
            id: summary.sequence.get(),
            name,
            status: summary.status,
            payment_id: record.key.payment_id.clone(),
            event_key: record.event_key.to_string(),
            record_status: record.status().to_owned(),
            started_at: summary.started_at.to_iso(),
            updated_at: summary.updated_at.to_iso(),
            // The beginning of time says "at once": an attempt is under way.
            due_at: summary
                .due_at
                .filter(|due| due.as_millis() > 0)
                .map(|due| due.to_iso()),
            trace_id: record.trace.id.to_string(),
            definition: hex::encode(summary.definition),
        }
    }

    /// The view of an execution in a listing, where it is named after its event.
    pub(crate) fn listed(summary: &ExecutionSummary) -> Self {
        Self::new(summary, EventKeyDigest::execution_name(&summary.event))
    }
}

impl QuarantineView {
    /// The view of a quarantined delivery.
    pub(crate) fn new(summary: &QuarantinedSummary) -> Self {
        Self {
            id: summary.id,
            source: summary.source.to_string(),
            reason: summary.reason.as_str().to_owned(),
            body_hash: summary.body_hash.to_string(),
            body_bytes: summary.body_bytes,
            first_received_at: summary.first_received_at.to_iso(),
            last_received_at: summary.last_received_at.to_iso(),
            count: summary.count,
            trace_id: summary.trace.to_string(),
            findings: Vec::new(),
        }
    }
}

impl From<Counts> for CountsView {
    fn from(counts: Counts) -> Self {
        Self {
            events: counts.events,
            running: counts.running,
            succeeded: counts.succeeded,
            dead_letters: counts.dead_letters,
            quarantined: counts.quarantined,
            conflicts: counts.conflicts,
            anomalies: counts.anomalies,
            feed_lag: counts.feed_lag,
        }
    }
}
