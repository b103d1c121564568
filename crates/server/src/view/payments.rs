//! What is shown of payments: what events mean, how they add up, what does not fit, and what a
//! provider has that is not here.

use domain::meaning::{Fact, Meaning};
use domain::payment::{self, PaymentRules, Sum};
use engine::store::{AnomalySummary, EventSummary};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::EventView;

/// What an event of a known provider means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MeaningView {
    /// What the provider calls this kind of event.
    pub(crate) event_type: String,
    /// `payment`, `refund`, `dispute`, `other` or `unreadable`.
    pub(crate) kind: String,
    /// The state that it tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<String>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
    /// The capture, refund or dispute that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<String>,
    /// The sum in the provider's minor units, as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) minor_units: Option<i64>,
    /// Decimal places of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exponent: Option<u8>,
    /// When the provider says it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub(crate) occurred_at: Option<String>,
    /// Whether real money moves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) live: Option<bool>,
    /// The connected account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
}

/// A payment, as all its events tell it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentView {
    /// The source whose events tell of it.
    pub(crate) source: String,
    /// Its id, in the provider's words.
    pub(crate) payment_id: String,
    /// The provider.
    pub(crate) provider: String,
    /// Where it stands; `None` when no event says.
    pub(crate) status: Option<String>,
    /// How much it is of.
    pub(crate) amount: Option<String>,
    /// How much went back.
    pub(crate) refunded: Option<String>,
    /// How much is disputed and not won.
    pub(crate) disputed: Option<String>,
    /// What does not fit together.
    pub(crate) anomalies: Vec<String>,
    /// Its events, oldest first.
    pub(crate) events: Vec<EventView>,
}

/// A payment in a listing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedPaymentView {
    /// The source whose events tell of it.
    pub(crate) source: String,
    /// Its id, in the provider's words.
    pub(crate) payment_id: String,
    /// Where it stands; `None` when no event says.
    pub(crate) status: Option<String>,
    /// How much it is of.
    pub(crate) amount: Option<String>,
    /// How much went back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refunded: Option<String>,
    /// How much is disputed and not won.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) disputed: Option<String>,
    /// What does not fit together.
    pub(crate) anomalies: Vec<String>,
    /// How many events tell of it, as far as they were counted.
    pub(crate) events: usize,
    /// The newest of them.
    pub(crate) newest: EventView,
}

/// Something about a payment that people should look at.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AnomalyView {
    /// Its id.
    pub(crate) id: u64,
    /// The event that brought it.
    pub(crate) event: u64,
    /// The source.
    pub(crate) source: String,
    /// The payment.
    pub(crate) payment_id: String,
    /// What does not fit, as a stable word.
    pub(crate) anomaly: String,
    /// When the event was received.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) received_at: String,
}

/// What one page of a reconciliation found.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReconciledView {
    /// Events that the provider has.
    pub(crate) checked: u64,
    /// Those of them that are here.
    pub(crate) known: u64,
    /// Those that were taken in now.
    pub(crate) taken: u64,
    /// Those that were not here.
    pub(crate) gaps: Vec<GapView>,
    /// Where the next page begins; `None` on the last.
    pub(crate) next: Option<String>,
}

/// An event that the provider has and that was not here.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GapView {
    /// Its key.
    pub(crate) event_key: String,
    /// The payment it is about.
    pub(crate) payment_id: String,
}

impl MeaningView {
    /// The view of a meaning.
    pub(crate) fn new(meaning: &Meaning) -> Self {
        Self {
            event_type: meaning.event_type.clone(),
            kind: meaning.fact.kind().to_owned(),
            state: meaning.fact.state().map(str::to_owned),
            problem: match &meaning.fact {
                Fact::Unreadable { problem } => Some(problem.clone()),
                Fact::Payment { .. }
                | Fact::CaptureFailed
                | Fact::Refund { .. }
                | Fact::RefundedTotal
                | Fact::Dispute { .. }
                | Fact::Other => None,
            },
            operation: meaning.operation.clone(),
            minor_units: meaning.money.map(|money| money.units),
            exponent: meaning.money.map(|money| money.exponent),
            occurred_at: meaning.occurred_at.map(|when| when.to_iso()),
            live: meaning.live,
            account: meaning.account.clone(),
        }
    }

    /// For people, on one line.
    pub(crate) fn words(&self) -> String {
        let mut words = format!("{}: {}", self.event_type, self.kind);
        for more in [&self.state, &self.problem, &self.operation]
            .into_iter()
            .flatten()
        {
            words += &format!(", {more}");
        }
        if self.live == Some(false) {
            words += " (test)";
        }
        words
    }
}

impl PaymentView {
    /// The payment that these events of one source tell, oldest first.
    pub(crate) fn new(rules: PaymentRules, events: &[EventSummary]) -> Option<Self> {
        let first = events.first()?;
        let payment =
            payment::project(rules, events.iter().filter_map(|event| event.record.told()));
        let text = |sum: &Option<Sum>| sum.as_ref().map(ToString::to_string);
        Some(Self {
            source: first.record.event_key.source.to_string(),
            payment_id: first.record.key.payment_id.clone(),
            provider: first.record.provider.clone(),
            status: payment.status.map(|status| status.to_string()),
            amount: text(&payment.amount),
            refunded: text(&payment.refunded),
            disputed: text(&payment.disputed),
            anomalies: payment.anomalies.iter().map(ToString::to_string).collect(),
            events: events.iter().map(EventView::new).collect(),
        })
    }
}

impl ListedPaymentView {
    /// The payment of which this is the newest of so many events.
    pub(crate) fn new(newest: &EventSummary, events: usize, payment: Option<PaymentView>) -> Self {
        let newest = EventView::new(newest);
        let (source, payment_id) = (newest.source.clone(), newest.payment_id.clone());
        match payment {
            Some(payment) => Self {
                source,
                payment_id,
                status: payment.status,
                amount: payment.amount,
                refunded: payment.refunded,
                disputed: payment.disputed,
                anomalies: payment.anomalies,
                events,
                newest,
            },
            None => Self {
                source,
                payment_id,
                status: None,
                amount: None,
                refunded: None,
                disputed: None,
                anomalies: Vec::new(),
                events,
                newest,
            },
        }
    }
}

impl AnomalyView {
    /// The view of an anomaly.
    pub(crate) fn new(summary: &AnomalySummary) -> Self {
        Self {
            id: summary.id,
            event: summary.sequence.get(),
            source: summary.source.to_string(),
            payment_id: summary.record.payment_id.clone(),
            anomaly: summary.anomaly.to_string(),
            received_at: summary.received_at.to_iso(),
        }
    }
}
