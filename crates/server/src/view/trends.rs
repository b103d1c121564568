//! What is shown of how things went.

use engine::store::{Acks, Arrivals, Endings, ExecutionStatus, Waiting};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// How things went, minute by minute; a minute in which nothing was is left out.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrendsView {
    /// How many events came.
    pub(crate) arrivals: Vec<ArrivalsView>,
    /// How events' executions ended.
    pub(crate) endings: Vec<EndingsView>,
    /// How fast webhooks were answered.
    pub(crate) acks: Vec<AcksView>,
    /// What is due in the next hour.
    pub(crate) waiting: Vec<WaitingView>,
}

/// How many events came in one minute from one source.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ArrivalsView {
    /// When the minute began.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) minute: String,
    /// The source.
    pub(crate) source: String,
    /// How many.
    pub(crate) events: u64,
}

/// How many executions ended in one minute in one way.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndingsView {
    /// When the minute began.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) minute: String,
    /// How they ended.
    #[schemars(with = "schema::Status")]
    pub(crate) status: ExecutionStatus,
    /// How many.
    pub(crate) executions: u64,
}

/// How fast webhooks were answered in one minute, in microseconds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AcksView {
    /// When the minute began.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) minute: String,
    /// How many were answered.
    pub(crate) webhooks: u64,
    /// Half of them within this.
    pub(crate) median_us: u64,
    /// 99 of a hundred within this.
    pub(crate) p99_us: u64,
}

/// How many executions are due in one minute.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WaitingView {
    /// When the minute begins.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) minute: String,
    /// How many.
    pub(crate) executions: u64,
}

impl TrendsView {
    /// The view of all of it.
    pub(crate) fn new(
        arrivals: &[Arrivals],
        endings: &[Endings],
        acks: &[Acks],
        waiting: &[Waiting],
    ) -> Self {
        let micros =
            |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let arrivals = arrivals.iter().map(|each| ArrivalsView {
            minute: each.minute.to_iso(),
            source: each.source.to_string(),
            events: each.events,
        });
        let endings = endings.iter().map(|each| EndingsView {
            minute: each.minute.to_iso(),
            status: each.status,
            executions: each.executions,
        });
        let acks = acks.iter().map(|each| AcksView {
            minute: each.minute.to_iso(),
            webhooks: each.webhooks,
            median_us: micros(each.median),
            p99_us: micros(each.p99),
        });
        let waiting = waiting.iter().map(|each| WaitingView {
            minute: each.minute.to_iso(),
            executions: each.executions,
        });
        Self {
            arrivals: arrivals.collect(),
            endings: endings.collect(),
            acks: acks.collect(),
            waiting: waiting.collect(),
        }
    }
}
