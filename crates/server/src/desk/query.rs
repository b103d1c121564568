//! What can be asked, as it stands in addresses and bodies.

use domain::money::Amount;
use domain::time::Timestamp;
use engine::operator::NotDone;
use engine::store::{EventFilter, ExecutionFilter, QuarantinedSummary};
use jiff::Timestamp as Instant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::view::ChangeView;

/// What is asked of a listing of events.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EventQuery {
    /// Only those of this payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment_id: Option<String>,
    /// Only those whose record stands so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<String>,
    /// Only those of this source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    /// Only the one with this key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) event_key: Option<String>,
    /// Only those that failed with this error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// Only those of exactly this amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::view::schema::amount")]
    pub(crate) amount: Option<String>,
    /// Only those received at this time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::view::schema::time")]
    pub(crate) since: Option<String>,
    /// Only those received before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::view::schema::time")]
    pub(crate) until: Option<String>,
    /// Only those below this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maximum" = u64::MAX))]
    pub(crate) before: Option<u64>,
    /// No more than so many, and no more than 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maximum" = usize::MAX))]
    pub(crate) limit: Option<usize>,
}

/// What is asked of a listing of executions.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExecutionQuery {
    /// Only those that stand so; `DEAD_LETTER` for all that wait for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::view::schema::wanted")]
    pub(crate) status: Option<String>,
    /// Only those below this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maximum" = u64::MAX))]
    pub(crate) before: Option<u64>,
    /// No more than so many, and no more than 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maximum" = usize::MAX))]
    pub(crate) limit: Option<usize>,
}

/// What is asked of any other listing.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Only those below this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maximum" = u64::MAX))]
    pub(crate) before: Option<u64>,
    /// No more than so many, and no more than 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maximum" = usize::MAX))]
    pub(crate) limit: Option<usize>,
}

/// What is asked of a listing of payments.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PaymentQuery {
    /// Only those of which this source tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::view::schema::source")]
    pub(crate) source: Option<String>,
    /// Only those that stand so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::view::schema::payment_status")]
    pub(crate) status: Option<String>,
    /// Only those whose newest event is below this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maximum" = u64::MAX))]
    pub(crate) before: Option<u64>,
    /// No more than so many, and no more than 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maximum" = usize::MAX))]
    pub(crate) limit: Option<usize>,
}

/// What is asked of the trends.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TrendsQuery {
    /// From the minute of this time on; the last hour when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::view::schema::time")]
    pub(crate) since: Option<String>,
}

/// What is asked of a reconciliation: one page of it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReconcileRequest {
    /// From this time on, in milliseconds since 1970.
    #[schemars(range(min = -9_007_199_254_740_991_i64, max = 9_007_199_254_740_991_i64))]
    pub(crate) since: i64,
    /// Where the page begins; the last page's `next`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) cursor: Option<String>,
    /// Whether nothing is taken in.
    #[serde(default)]
    pub(crate) dry_run: bool,
    /// Why, for whoever reads the audit log.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) reason: Option<String>,
}

/// What is asked of the change feed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ChangeQuery {
    /// Only those after this place; the newest places when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maximum" = u64::MAX))]
    pub(crate) after: Option<u64>,
    /// No more than so many, and no more than 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maximum" = usize::MAX))]
    pub(crate) limit: Option<usize>,
}

/// A piece of the change feed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ChangesView {
    /// The changes, oldest first.
    pub(crate) items: Vec<ChangeView>,
    /// Pass this as `after` for what comes next.
    pub(crate) after: u64,
}

impl EventQuery {
    /// Which events the store is asked for.
    ///
    /// # Errors
    /// [`NotDone::Nonsense`] for an amount or a time that is none.
    pub(crate) fn filter(&self) -> Result<EventFilter, NotDone> {
        let moment = |name: &str, text: &Option<String>| {
            text.as_deref()
                .map(|text| time(text).map_err(|why| NotDone::Nonsense(format!("{name}: {why}"))))
                .transpose()
        };
        let amount = self.amount.as_deref().map(Amount::parse).transpose();
        Ok(EventFilter {
            payment_id: self.payment_id.clone(),
            status: self.status.clone(),
            source: self.source.clone(),
            error: self.error.clone(),
            amount: amount.map_err(|why| NotDone::Nonsense(format!("amount: {why}")))?,
            since: moment("since", &self.since)?,
            until: moment("until", &self.until)?,
        })
    }
}

impl EventQuery {
    /// Which refused deliveries are asked for: those of the source that last came within the time.
    ///
    /// # Errors
    /// [`NotDone::Nonsense`] for a time that is none.
    pub(crate) fn fits_delivery(
        &self,
    ) -> Result<impl Fn(&QuarantinedSummary) -> bool + use<>, NotDone> {
        let filter = self.filter()?;
        Ok(move |delivery: &QuarantinedSummary| {
            let source = filter.source.as_deref();
            source.is_none_or(|source| source == delivery.source.as_str())
                && filter
                    .since
                    .is_none_or(|since| since <= delivery.last_received_at)
                && filter
                    .until
                    .is_none_or(|until| delivery.last_received_at < until)
        })
    }
}

/// The word for executions that wait for a person, however they ended.
pub(crate) const DEAD_LETTER: &str = "dead_letter";

impl ExecutionQuery {
    /// Which executions the store is asked for.
    ///
    /// # Errors
    /// [`NotDone::Nonsense`] for a status that is none.
    pub(super) fn execution_filter(&self) -> Result<ExecutionFilter, NotDone> {
        let Some(word) = &self.status else {
            return Ok(ExecutionFilter::default());
        };
        if word.eq_ignore_ascii_case(DEAD_LETTER) {
            return Ok(ExecutionFilter {
                dead_letters: true,
                ..ExecutionFilter::default()
            });
        }
        let status = serde_json::Value::String(word.to_ascii_uppercase());
        let status = serde_json::from_value(status).map_err(|_| {
            NotDone::Nonsense(format!(
                "no status {word}: it is one of RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED, and \
                 DEAD_LETTER for the last three"
            ))
        })?;
        Ok(ExecutionFilter {
            status: Some(status),
            ..ExecutionFilter::default()
        })
    }
}

/// A time as people and scripts give it: with its zone, or in milliseconds since 1970.
pub(crate) fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(millis) = text.parse::<i64>() {
        return Ok(Timestamp::from_millis(millis));
    }
    let instant: Instant = text.parse().map_err(|_| {
        "not a time; give one such as 2026-11-23T10:00:00Z, or milliseconds since 1970".to_owned()
    })?;
    Ok(Timestamp::from_millis(instant.as_millisecond()))
}
