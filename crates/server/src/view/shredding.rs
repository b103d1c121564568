//! What is shown of a shredding.

use domain::time::Timestamp;
use engine::store::EventSummary;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was shredded, or would be.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ShreddedView {
    /// Whether it is done.
    pub(crate) done: bool,
    /// The events, oldest first.
    pub(crate) events: Vec<ShreddedEventView>,
}

/// An event that was shredded, or would be.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShreddedEventView {
    /// Its id.
    pub(crate) id: u64,
    /// Its key.
    pub(crate) event_key: String,
    /// The payment that it is about.
    pub(crate) payment_id: String,
    /// When it was received.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) received_at: String,
    /// When what was received for it was destroyed; absent while it is there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(extend("format" = "date-time"))]
    pub(crate) shredded_at: Option<String>,
}

impl ShreddedEventView {
    /// The view of an event.
    pub(crate) fn new(event: &EventSummary) -> Self {
        let record = &event.record;
        Self {
            id: event.sequence.get(),
            event_key: record.event_key.to_string(),
            payment_id: record.key.payment_id.clone(),
            received_at: record.received_at.to_iso(),
            shredded_at: record.shredded_at.map(Timestamp::to_iso),
        }
    }
}
