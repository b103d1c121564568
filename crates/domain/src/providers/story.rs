//! What a made delivery tells, in words that are the same for every provider.

use alloc::string::String;

use sha2::{Digest as _, Sha256};

use crate::currency::Currency;
use crate::money::Amount;
use crate::signature::Draft;
use crate::time::Timestamp;

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Occasion {
    /// A payment is there.
    Created,
    /// The provider works on it.
    Pending,
    /// The customer must do something.
    RequiresAction,
    /// The money is reserved.
    Authorized,
    /// The money is taken.
    Captured,
    /// It will not be paid.
    Failed,
    /// It was called off.
    Canceled,
    /// Nobody paid in time.
    Expired,
    /// All of the story's amount went back.
    Refunded,
    /// It is disputed.
    Disputed,
    /// The dispute was won.
    DisputeWon,
    /// The dispute was lost.
    DisputeLost,
}

/// One thing that happened to one payment.
#[derive(Debug, Clone)]
pub struct Story {
    /// What has happened.
    pub occasion: Occasion,
    /// Letters and digits that make this event another than all others: ids are made of it.
    pub event: String,
    /// Letters and digits that the payment's ids are made of.
    pub payment: String,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// When it happened.
    pub at: Timestamp,
    /// Whether real money moves.
    pub live: bool,
}

/// A made delivery, and what our own reader is to find in it.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The delivery before it is signed.
    pub draft: Draft,
    /// The payment's id as the provider writes it.
    pub payment_id: String,
    /// What the provider calls this kind of event.
    pub event_type: String,
}

impl Occasion {
    /// Every occasion.
    pub const ALL: [Self; 12] = [
        Self::Created,
        Self::Pending,
        Self::RequiresAction,
        Self::Authorized,
        Self::Captured,
        Self::Failed,
        Self::Canceled,
        Self::Expired,
        Self::Refunded,
        Self::Disputed,
        Self::DisputeWon,
        Self::DisputeLost,
    ];

    /// The stable word.
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
            Self::Refunded => "refunded",
            Self::Disputed => "disputed",
            Self::DisputeWon => "dispute_won",
            Self::DisputeLost => "dispute_lost",
        }
    }

    /// The occasion of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.as_str() == word)
    }
}

impl Story {
    /// The amount in units of so many decimal places, as digits; `None` when it has more.
    pub(super) fn minor(&self, exponent: u8) -> Option<String> {
        self.amount
            .units(exponent)
            .map(|units| alloc::format!("{units}"))
    }

    /// The amount with exactly so many decimal places.
    pub(super) fn major(&self, exponent: u8) -> Option<String> {
        let units = self.amount.units(exponent)?;
        let width = usize::from(exponent).saturating_add(1);
        let digits = alloc::format!("{units:0width$}");
        let (whole, fraction) =
            digits.split_at_checked(digits.len().saturating_sub(usize::from(exponent)))?;
        Some(if fraction.is_empty() {
            whole.into()
        } else {
            alloc::format!("{whole}.{fraction}")
        })
    }

    /// Decimal places of the story's currency at a provider with these exceptions.
    pub(super) fn exponent(&self, exceptions: &[(&str, u8)]) -> u8 {
        super::read::exponent(self.currency, exceptions).0
    }
}

/// A number that stands for `text` where a provider's ids are numbers: of fifteen digits, which
/// JSON readers keep exact.
pub(super) fn number(text: &str) -> u64 {
    let hash = Sha256::digest(text);
    let start = hash
        .first_chunk()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes));
    (start % 900_000_000_000_000).saturating_add(100_000_000_000_000)
}

impl Sample {
    /// A delivery of JSON.
    pub(super) fn json(body: String, payment_id: String, event_type: &str) -> Self {
        Self {
            draft: Draft {
                headers: alloc::vec![("content-type".into(), "application/json".into())],
                body: body.into(),
                ..Draft::default()
            },
            payment_id,
            event_type: event_type.into(),
        }
    }

    /// The same with one more header.
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.draft.headers.push((name.into(), value.into()));
        self
    }
}
