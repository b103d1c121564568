//! The canonical states of a payment, and their ranks.
//!
//! Providers say the same things in their own words and in any order; a payment is where the
//! highest rank that was told says it is. Time cannot decide: providers round it to seconds and
//! repeat old deliveries with new ones between them.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// It is there, and nothing has happened.
    Created,
    /// The provider works on it.
    Pending,
    /// The customer must do something.
    RequiresAction,
    /// The money is reserved.
    Authorized,
    /// The money is taken: what providers call succeeded, paid, settled or completed.
    Captured,
    /// It will not be paid.
    Failed,
    /// Somebody called it off before any money moved.
    Canceled,
    /// Nobody paid in time.
    Expired,
    /// A part of the money went back.
    PartiallyRefunded,
    /// All of it went back.
    Refunded,
    /// The customer's bank asks for it back.
    Disputed,
    /// The dispute ended for the merchant.
    DisputeWon,
    /// The dispute ended for the customer.
    DisputeLost,
}

impl PaymentStatus {
    /// Every status, by rank.
    pub const ALL: [Self; 13] = [
        Self::Created,
        Self::Pending,
        Self::RequiresAction,
        Self::Authorized,
        Self::Captured,
        Self::Failed,
        Self::Canceled,
        Self::Expired,
        Self::PartiallyRefunded,
        Self::Refunded,
        Self::Disputed,
        Self::DisputeWon,
        Self::DisputeLost,
    ];

    /// How far along it is. A lower rank never takes the place of a higher one; of the same rank
    /// are the ends that exclude each other.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Created => 0,
            Self::Pending => 1,
            Self::RequiresAction => 2,
            Self::Authorized => 3,
            Self::Captured | Self::Failed | Self::Canceled | Self::Expired => 4,
            Self::PartiallyRefunded => 5,
            Self::Refunded => 6,
            Self::Disputed => 7,
            Self::DisputeWon | Self::DisputeLost => 8,
        }
    }

    /// The stable word, on the wire and on disk.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Pending => "pending",
            Self::RequiresAction => "requires_action",
            Self::Authorized => "authorized",
            Self::Captured => "captured",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::Disputed => "disputed",
            Self::DisputeWon => "dispute_won",
            Self::DisputeLost => "dispute_lost",
        }
    }

    /// The status of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.as_str() == word)
    }
}

impl fmt::Display for PaymentStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_rise_in_order_and_words_read_back() {
        assert!(
            PaymentStatus::ALL
                .windows(2)
                .all(|pair| pair[0].rank() <= pair[1].rank())
        );
        for status in PaymentStatus::ALL {
            assert_eq!(PaymentStatus::parse(status.as_str()), Some(status));
            assert_eq!(
                serde_json::to_value(status).unwrap(),
                serde_json::Value::from(status.as_str())
            );
        }
        assert_eq!(PaymentStatus::parse("paid"), None);
    }
}
