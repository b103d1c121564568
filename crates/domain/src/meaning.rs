//! What a provider's event means, in the same words for every provider.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::status::PaymentStatus;
use crate::time::Timestamp;

/// What an event of a known provider means. The generic source says no more than its fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meaning {
    /// What the provider calls this kind of event.
    pub event_type: String,
    /// What it tells.
    pub fact: Fact,
    /// The capture, refund or dispute that it is about, in the provider's words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub operation: Option<String>,
    /// How much money it speaks of, as it was sent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub money: Option<MinorUnits>,
    /// When the provider says it happened.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub occurred_at: Option<Timestamp>,
    /// Whether real money moves; `None` when the provider does not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub live: Option<bool>,
    /// The connected account or merchant that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<String>,
    /// Whether it repeats by what it says and not by its bytes: one of several in a body may come
    /// again among others, and a provider's API writes an event otherwise than its webhook does.
    #[serde(skip_serializing_if = "core::ops::Not::not", default)]
    pub by_content: bool,
}

/// What an event tells of its payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fact {
    /// The payment stands so.
    Payment {
        /// Where it stands.
        status: PaymentStatus,
    },
    /// A capture that was told before has not come through; the event's operation says which.
    CaptureFailed,
    /// A refund; the event's operation says which, its money how much.
    Refund {
        /// How it stands.
        outcome: RefundOutcome,
    },
    /// The money of the event is what has been refunded in all.
    RefundedTotal,
    /// A dispute; the event's operation says which.
    Dispute {
        /// How it stands.
        outcome: DisputeOutcome,
    },
    /// Something that moves no payment.
    Other,
    /// It could not be read. It is kept, and a person is asked.
    Unreadable {
        /// What is wrong with it: names of fields, never values.
        problem: String,
    },
}

/// How a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundOutcome {
    /// It is asked for.
    Pending,
    /// The money went back.
    Succeeded,
    /// It did not, or came back again.
    Failed,
}

/// How a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeOutcome {
    /// It goes on.
    Open,
    /// For the merchant.
    Won,
    /// For the customer.
    Lost,
}

/// A sum in the provider's minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MinorUnits {
    /// How many.
    pub units: i64,
    /// Decimal places of one, by the provider's own table.
    pub exponent: u8,
    /// Whether that is the provider's own and not what ISO 4217 says.
    #[serde(skip_serializing_if = "core::ops::Not::not", default)]
    pub is_providers_own: bool,
}

impl Fact {
    /// The kind as a stable word: `payment`, `refund`, `dispute`, `other` or `unreadable`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Payment { .. } | Self::CaptureFailed => "payment",
            Self::Refund { .. } | Self::RefundedTotal => "refund",
            Self::Dispute { .. } => "dispute",
            Self::Other => "other",
            Self::Unreadable { .. } => "unreadable",
        }
    }

    /// The state that it tells, as a stable word; `None` where it tells none.
    pub const fn state(&self) -> Option<&'static str> {
        match self {
            Self::Payment { status } => Some(status.as_str()),
            Self::CaptureFailed => Some("capture_failed"),
            Self::Refund { outcome } => Some(match outcome {
                RefundOutcome::Pending => "refund_pending",
                RefundOutcome::Succeeded => "refund_succeeded",
                RefundOutcome::Failed => "refund_failed",
            }),
            Self::RefundedTotal => Some("refunded_total"),
            Self::Dispute { outcome } => Some(match outcome {
                DisputeOutcome::Open => "dispute_open",
                DisputeOutcome::Won => "dispute_won",
                DisputeOutcome::Lost => "dispute_lost",
            }),
            Self::Other | Self::Unreadable { .. } => None,
        }
    }

    fn of_words(kind: &str, state: Option<&str>, problem: Option<&str>) -> Option<Self> {
        let refund = |outcome| Some(Self::Refund { outcome });
        let dispute = |outcome| Some(Self::Dispute { outcome });
        match (kind, state) {
            ("payment", Some("capture_failed")) => Some(Self::CaptureFailed),
            ("payment", Some(word)) => Some(Self::Payment {
                status: PaymentStatus::parse(word)?,
            }),
            ("refund", Some("refunded_total")) => Some(Self::RefundedTotal),
            ("refund", Some("refund_pending")) => refund(RefundOutcome::Pending),
            ("refund", Some("refund_succeeded")) => refund(RefundOutcome::Succeeded),
            ("refund", Some("refund_failed")) => refund(RefundOutcome::Failed),
            ("dispute", Some("dispute_open")) => dispute(DisputeOutcome::Open),
            ("dispute", Some("dispute_won")) => dispute(DisputeOutcome::Won),
            ("dispute", Some("dispute_lost")) => dispute(DisputeOutcome::Lost),
            ("other", None) => Some(Self::Other),
            ("unreadable", None) => Some(Self::Unreadable {
                problem: problem.unwrap_or_default().to_owned(),
            }),
            (_, _) => None,
        }
    }
}

/// The attributes of a record's image that hold a meaning.
impl Meaning {
    /// The attributes in DynamoDB's typed JSON, to stand beside the seed's.
    pub fn attributes(&self) -> Map<String, Value> {
        let mut attributes = Map::new();
        let mut put = |name: &str, value: Value| attributes.insert(name.to_string(), value);
        put("eventType", json!({"S": self.event_type}));
        put("kind", json!({"S": self.fact.kind()}));
        if let Some(state) = self.fact.state() {
            put("state", json!({"S": state}));
        }
        if let Fact::Unreadable { problem } = &self.fact {
            put("problem", json!({"S": problem}));
        }
        if let Some(operation) = &self.operation {
            put("operation", json!({"S": operation}));
        }
        if let Some(money) = &self.money {
            put("minorUnits", json!({"N": money.units.to_string()}));
            put("exponent", json!({"N": money.exponent.to_string()}));
            if money.is_providers_own {
                put("exponentIsProvidersOwn", json!({"BOOL": true}));
            }
        }
        if let Some(occurred_at) = self.occurred_at {
            put("occurredAt", json!({"S": occurred_at.to_iso()}));
        }
        if let Some(live) = self.live {
            put("live", json!({"BOOL": live}));
        }
        if let Some(account) = &self.account {
            put("account", json!({"S": account}));
        }
        if self.by_content {
            put("byContent", json!({"BOOL": true}));
        }
        attributes
    }

    /// The meaning in an image; `None` where there is none, or where it is not what
    /// [`Self::attributes`] writes.
    pub fn of_attributes(attributes: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| attributes.get(name)?.get("S")?.as_str();
        let number = |name: &str| attributes.get(name)?.get("N")?.as_str();
        let flag = |name: &str| attributes.get(name)?.get("BOOL")?.as_bool();
        let money = match (number("minorUnits"), number("exponent")) {
            (Some(units), Some(exponent)) => Some(MinorUnits {
                units: units.parse().ok()?,
                exponent: exponent.parse().ok()?,
                is_providers_own: flag("exponentIsProvidersOwn").unwrap_or(false),
            }),
            (_, _) => None,
        };
        Some(Self {
            event_type: text("eventType")?.to_owned(),
            fact: Fact::of_words(text("kind")?, text("state"), text("problem"))?,
            operation: text("operation").map(str::to_owned),
            money,
            occurred_at: text("occurredAt").and_then(Timestamp::from_iso),
            live: flag("live"),
            account: text("account").map(str::to_owned),
            by_content: flag("byContent").unwrap_or(false),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn facts() -> impl Strategy<Value = Fact> {
        prop_oneof![
            proptest::sample::select(&PaymentStatus::ALL[..])
                .prop_map(|status| Fact::Payment { status }),
            Just(Fact::CaptureFailed),
            proptest::sample::select(
                &[
                    RefundOutcome::Pending,
                    RefundOutcome::Succeeded,
                    RefundOutcome::Failed
                ][..]
            )
            .prop_map(|outcome| Fact::Refund { outcome }),
            Just(Fact::RefundedTotal),
            proptest::sample::select(
                &[
                    DisputeOutcome::Open,
                    DisputeOutcome::Won,
                    DisputeOutcome::Lost
                ][..]
            )
            .prop_map(|outcome| Fact::Dispute { outcome }),
            Just(Fact::Other),
            "[a-z ]{1,20}".prop_map(|problem| Fact::Unreadable { problem }),
        ]
    }

    fn meanings() -> impl Strategy<Value = Meaning> {
        let money = (any::<i64>(), 0..5_u8, any::<bool>()).prop_map(
            |(units, exponent, is_providers_own)| MinorUnits {
                units,
                exponent,
                is_providers_own,
            },
        );
        (
            "\\PC{1,20}",
            facts(),
            proptest::option::of("\\PC{1,20}"),
            proptest::option::of(money),
            proptest::option::of(0..4_000_000_000_000_i64),
            any::<Option<bool>>(),
            proptest::option::of("\\PC{1,20}"),
            any::<bool>(),
        )
            .prop_map(
                |(event_type, fact, operation, money, millis, live, account, by_content)| Meaning {
                    event_type,
                    fact,
                    operation,
                    money,
                    occurred_at: millis.map(Timestamp::from_millis),
                    live,
                    account,
                    by_content,
                },
            )
    }

    proptest! {
        #[test]
        fn attributes_and_json_read_back(meaning in meanings()) {
            let attributes = meaning.attributes();
            prop_assert_eq!(Meaning::of_attributes(&attributes), Some(meaning.clone()));
            let text = serde_json::to_string(&meaning).unwrap();
            prop_assert_eq!(serde_json::from_str::<Meaning>(&text).unwrap(), meaning);
        }
    }
}
