//! What can be wrong, in one list, and which one of a kind is meant.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A rule by its name, in the order in which several are told.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rule {
    /// No webhook can be kept, or what is kept cannot be read.
    StoreUnavailable,
    /// The data directory's disk fills up.
    DiskSpace,
    /// Executions ended badly and wait for a person.
    DeadLetters,
    /// Too many of the executions that end, end badly.
    FailureRate,
    /// Something waits to be processed for too long.
    BacklogAge,
    /// Providers wait too long for their answer.
    AckLatency,
    /// A source's deliveries are refused.
    QuarantineGrowth,
    /// A secret on its way out is still in use.
    OldSecretUsed,
}

/// One alert: a rule, and of what it speaks where it speaks of several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct AlertId {
    /// The rule.
    pub(crate) rule: Rule,
    /// A source, or a source and a secret's label; empty where there is only one.
    pub(crate) subject: String,
}

impl Rule {
    /// Every rule.
    pub(crate) const ALL: [Self; 8] = [
        Self::StoreUnavailable,
        Self::DiskSpace,
        Self::DeadLetters,
        Self::FailureRate,
        Self::BacklogAge,
        Self::AckLatency,
        Self::QuarantineGrowth,
        Self::OldSecretUsed,
    ];

    /// The stable word, in the configuration, on the wire and on disk.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::StoreUnavailable => "store_unavailable",
            Self::DiskSpace => "disk_space",
            Self::DeadLetters => "dead_letters",
            Self::FailureRate => "failure_rate",
            Self::BacklogAge => "backlog_age",
            Self::AckLatency => "ack_latency",
            Self::QuarantineGrowth => "quarantine_growth",
            Self::OldSecretUsed => "old_secret_used",
        }
    }

    /// The alert of this rule that speaks of everything.
    pub(crate) fn alert(self) -> AlertId {
        self.about(String::new())
    }

    /// The alert of this rule about `subject`.
    pub(crate) fn about(self, subject: String) -> AlertId {
        AlertId {
            rule: self,
            subject,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for AlertId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.rule.as_str())?;
        if self.subject.is_empty() {
            return Ok(());
        }
        write!(formatter, ":{}", self.subject)
    }
}

impl From<AlertId> for String {
    fn from(id: AlertId) -> Self {
        id.to_string()
    }
}

/// A text that names no alert of this payhook: a rule that a newer one has, perhaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such alert")]
pub(crate) struct NoSuchAlert;

impl TryFrom<String> for AlertId {
    type Error = NoSuchAlert;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (word, subject) = text.split_once(':').unwrap_or((&text, ""));
        let rule = Rule::ALL.into_iter().find(|rule| rule.as_str() == word);
        Ok(rule.ok_or(NoSuchAlert)?.about(subject.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_read_as_it_is_written() {
        for rule in Rule::ALL {
            for subject in ["", "stripe", "stripe/2026:11"] {
                let id = rule.about(subject.to_owned());
                assert_eq!(AlertId::try_from(id.to_string()), Ok(id));
            }
        }
        for text in ["", "dead_letter", "Dead_letters:x"] {
            assert_eq!(AlertId::try_from(text.to_owned()), Err(NoSuchAlert));
        }
    }
}
