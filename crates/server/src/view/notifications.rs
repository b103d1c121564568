//! What is shown of endpoints, and of what they were told.

use domain::notification::{EndpointName, Health};
use domain::stream::Change;
use engine::store::ExecutionStatus;
use processor::notify::progress::Progress;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ExecutionDetailView, schema};

/// An endpoint that is told what becomes of payments.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointView {
    /// Its name in the configuration.
    pub(crate) name: String,
    /// Where it is, without path and query; absent where it is configured no more.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) origin: Option<String>,
    /// Since when no attempt has succeeded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(extend("format" = "date-time"))]
    pub(crate) failing_since: Option<String>,
    /// Attempts that have failed since then.
    pub(crate) failures: u32,
    /// When the last of them was made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(extend("format" = "date-time"))]
    pub(crate) failed_at: Option<String>,
    /// Why it failed: `http_` and the status, `timeout`, `unreachable` or `no_live_key`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) error: Option<String>,
    /// Since when it is left alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(extend("format" = "date-time"))]
    pub(crate) disabled_at: Option<String>,
    /// Why: `failing`, `gone` or `operator`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) disabled_why: Option<String>,
}

/// What was told of one end of a payment's event.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NotificationView {
    /// The execution that tells it.
    pub(crate) execution: u64,
    /// How that stands.
    #[schemars(with = "schema::Status")]
    pub(crate) status: ExecutionStatus,
    /// What became of the payment: `completed` or `failed`.
    pub(crate) outcome: String,
    /// When.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) at: String,
    /// When it is looked at next.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(extend("format" = "date-time"))]
    pub(crate) due_at: Option<String>,
    /// Why it rests.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) cause: Option<String>,
    /// Whether something else has become of the payment since, so that this is not told any more.
    pub(crate) superseded: bool,
    /// How far each endpoint was told.
    pub(crate) endpoints: Vec<DeliveryView>,
}

/// How far one endpoint was told.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryView {
    /// Its name.
    pub(crate) name: String,
    /// `pending`, `delivered`, `spent`, `disabled` or `removed`.
    pub(crate) state: String,
    /// Attempts that were made since it was taken up.
    pub(crate) attempts: u32,
    /// Why it does not have it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) error: Option<String>,
}

/// What endpoints said when they were told again.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RepliesView {
    /// Each that was told.
    pub(crate) replies: Vec<ReplyView>,
}

/// What one endpoint said.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReplyView {
    /// Its name.
    pub(crate) endpoint: String,
    /// The `webhook-id` of the message: the one that it had before.
    pub(crate) message: String,
}

impl EndpointView {
    /// The view of an endpoint that is configured at `origin`, if it is.
    pub(crate) fn new(name: &EndpointName, origin: Option<&str>, health: &Health) -> Self {
        Self {
            name: name.to_string(),
            origin: origin.map(str::to_owned),
            failing_since: health.failing_since.map(|at| at.to_iso()),
            failures: health.failures,
            failed_at: health.last_failure.map(|(at, _)| at.to_iso()),
            error: health.last_failure.map(|(_, failure)| failure.code()),
            disabled_at: health.disabled.map(|off| off.at.to_iso()),
            disabled_why: health.disabled.map(|off| off.why.as_str().to_owned()),
        }
    }

    /// How it fares, in a word.
    pub(crate) fn stands(&self) -> &'static str {
        match (&self.disabled_at, &self.failing_since) {
            (Some(_), _) => "disabled",
            (None, Some(_)) => "failing",
            (None, None) => "well",
        }
    }
}

impl NotificationView {
    /// The view of the execution that tells of `change`.
    pub(crate) fn new(change: &Change, outcome: &str, detail: &ExecutionDetailView) -> Self {
        let progress = progress(detail);
        let superseded = progress
            .as_ref()
            .is_some_and(|each| each.next == processor::notify::progress::Next::Superseded);
        Self {
            execution: detail.execution.id,
            status: detail.execution.status,
            outcome: outcome.to_owned(),
            at: change.at.to_iso(),
            due_at: detail.execution.due_at.clone(),
            cause: detail.cause.clone(),
            superseded,
            endpoints: progress.iter().flat_map(DeliveryView::all).collect(),
        }
    }
}

impl DeliveryView {
    fn all(progress: &Progress) -> Vec<Self> {
        let view =
            |(name, delivery): (&EndpointName, &processor::notify::progress::Delivery)| Self {
                name: name.to_string(),
                state: delivery.state.as_str().to_owned(),
                attempts: delivery.attempts,
                error: delivery.error.map(|error| error.code()),
            };
        progress.endpoints.iter().map(view).collect()
    }
}

/// The progress that the execution's last round has said.
fn progress(detail: &ExecutionDetailView) -> Option<Progress> {
    let outputs = detail.events.iter().rev().filter_map(|event| {
        let output = event.pointer("/stateExitedEventDetails/output")?.as_str()?;
        serde_json::from_str::<serde_json::Value>(output).ok()
    });
    let mut said = outputs.filter_map(|mut output| {
        let progress = match output.get_mut("progress") {
            Some(inner) => inner.take(),
            None => output,
        };
        serde_json::from_value(progress).ok()
    });
    said.next()
}
