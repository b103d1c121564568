//! A source: one URL that somebody calls, whose secrets we hold.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::providers::Provider;
use crate::secret::Secret;

/// The name of a source: the last segment of its URL and the first half of its event keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceName(String);

/// A source as the front door needs it.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name.
    pub name: SourceName,
    /// How its deliveries are verified and read.
    pub provider: Provider,
    /// Every secret that may sign now; order does not matter to the verdict.
    pub secrets: Vec<Secret>,
    /// What is done with a delivery whose sender is known, but whose body nothing covers.
    pub when_authenticated: Handling,
}

/// What a source's policy does with deliveries that prove less than their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Handling {
    /// Takes them for true.
    Accept,
    /// Keeps them apart, for a person.
    Quarantine,
    /// Takes them for a hint, and asks the provider's API what is so.
    Fetch,
}

/// Why a text is no name of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a source's name is 1 to {max} characters of a-z, 0-9, '-' and '_', and starts with a letter",
    max = limits::SOURCE_NAME_BYTES_MAX
)]
pub struct InvalidSourceName;

impl SourceName {
    /// The source behind `POST /webhooks`, which has no name in its URL.
    pub fn generic() -> Self {
        Self("generic".to_owned())
    }

    /// Takes `name` when it is one.
    pub fn try_new(name: &str) -> Result<Self, InvalidSourceName> {
        let starts_well = name.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        let reads_well = name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte)
        });
        if starts_well && reads_well && name.len() <= limits::SOURCE_NAME_BYTES_MAX {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidSourceName)
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SourceName {
    type Error = InvalidSourceName;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::try_new(&name)
    }
}

impl From<SourceName> for String {
    fn from(name: SourceName) -> Self {
        name.0
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_a_url_and_a_metric_can_carry() {
        for good in ["a", "stripe", "stripe-eu_2"] {
            assert!(SourceName::try_new(good).is_ok(), "{good}");
        }
        let long = "a".repeat(limits::SOURCE_NAME_BYTES_MAX);
        assert!(SourceName::try_new(&long).is_ok());
        assert!(SourceName::try_new(&(long + "a")).is_err());
        for bad in ["", "2c", "-a", "Stripe", "a/b", "a b", "é"] {
            assert!(SourceName::try_new(bad).is_err(), "{bad}");
        }
    }
}
