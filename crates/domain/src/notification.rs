//! Telling the user's own application what became of a payment: what is said, when it is tried
//! again, and how the endpoints that are told fare.
//!
//! Pure: who sends, and who remembers, ask here. In reading order: a [`News`] is what there is to
//! tell of a record, [`Message`] how it is put; an attempt comes to an [`Attempted`]; the
//! [`Schedule`] says when the next one is, and [`Health`] when an endpoint is left alone.

mod attempt;
mod health;
mod message;
mod schedule;

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

pub use attempt::{Attempted, DeliveryFailure, UnknownFailure};
pub use health::{Disabled, DisabledWhy, Health, HealthChange};
pub use message::Message;
pub use schedule::{InvalidSchedule, Schedule};

use crate::limits;
use crate::settlement::Settlement;
use crate::time::Timestamp;

/// The name of an endpoint: a key of the configuration, and a label of metrics.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EndpointName(String);

/// Why a text is no name of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an endpoint's name is 1 to {max} characters of a-z, 0-9, '-' and '_', and starts with a letter",
    max = limits::ENDPOINT_NAME_BYTES_MAX
)]
pub struct InvalidEndpointName;

/// What there is to tell of a record that has come to an end, and which of its ends it is: one
/// that failed may fail again after a redrive, or be settled then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct News {
    /// What became of it.
    pub outcome: Outcome,
    /// When that was recorded.
    pub at: Timestamp,
}

/// What can become of a payment's event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The gateway has settled it.
    Completed,
    /// Its attempts are spent, and a person is asked.
    Failed,
}

impl News {
    /// What there is to tell of a record that stands so; `None` while it is under way.
    pub const fn of(settlement: &Settlement) -> Option<Self> {
        match settlement {
            Settlement::Received | Settlement::Processing { .. } => None,
            Settlement::Completed { updated_at, .. } => Some(Self {
                outcome: Outcome::Completed,
                at: *updated_at,
            }),
            Settlement::Failed { updated_at, .. } => Some(Self {
                outcome: Outcome::Failed,
                at: *updated_at,
            }),
        }
    }
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 2] = [Self::Completed, Self::Failed];

    /// The record's `status` then, which messages repeat.
    pub const fn status(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// The `type` of the message that tells it.
    pub const fn message_type(self) -> &'static str {
        match self {
            Self::Completed => "payment.settled",
            Self::Failed => "payment.failed",
        }
    }

    /// The outcome with this status.
    pub fn of_status(status: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.status() == status)
    }
}

impl EndpointName {
    /// Takes `name` when it is one.
    ///
    /// # Errors
    /// It has other characters, none, or too many.
    pub fn try_new(name: &str) -> Result<Self, InvalidEndpointName> {
        let starts_well = name.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        let reads_well = name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte)
        });
        if starts_well && reads_well && name.len() <= limits::ENDPOINT_NAME_BYTES_MAX {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidEndpointName)
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EndpointName {
    type Error = InvalidEndpointName;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::try_new(&name)
    }
}

impl From<EndpointName> for String {
    fn from(name: EndpointName) -> Self {
        name.0
    }
}

impl fmt::Display for EndpointName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_a_configuration_and_a_metric_can_carry() {
        for good in ["a", "shop", "shop-eu_2"] {
            assert_eq!(EndpointName::try_new(good).unwrap().as_str(), good);
        }
        let long = "a".repeat(limits::ENDPOINT_NAME_BYTES_MAX);
        assert!(EndpointName::try_new(&long).is_ok());
        assert!(EndpointName::try_new(&(long + "a")).is_err());
        for bad in ["", "2c", "-a", "Shop", "a/b", "a b", "é"] {
            assert!(EndpointName::try_new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn there_is_news_of_what_has_ended_and_of_nothing_else() {
        let at = Timestamp::from_millis(7);
        let processing = Settlement::Processing {
            execution: "x".into(),
            updated_at: at,
        };
        let completed = Settlement::Completed {
            transaction_id: "t".into(),
            processed_at: Timestamp::from_millis(6),
            updated_at: at,
        };
        let failed = Settlement::Failed {
            error: "E".into(),
            cause: "why".into(),
            updated_at: at,
        };
        let news = |outcome| Some(News { outcome, at });
        for (settlement, expected) in [
            (Settlement::Received, None),
            (processing, None),
            (completed, news(Outcome::Completed)),
            (failed, news(Outcome::Failed)),
        ] {
            assert_eq!(News::of(&settlement), expected, "{settlement:?}");
        }
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::of_status(outcome.status()), Some(outcome));
        }
        assert_eq!(Outcome::of_status("processing"), None);
    }
}
