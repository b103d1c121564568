//! What an attempt to tell an endpoint came to.

use alloc::format;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempted {
    /// The endpoint has it: it said 2xx.
    Delivered,
    /// It may not have it.
    Failed(DeliveryFailure),
    /// It said 410: nobody wants to be told any more.
    Gone,
}

/// Why an endpoint may not have a message. It holds nothing that the endpoint said but its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DeliveryFailure {
    /// It answered with a status that is no 2xx. Redirections are among them: none is followed,
    /// because a signed message is for the endpoint that was configured.
    Status(u16),
    /// It gave no answer in time.
    Timeout,
    /// It was not reached, or the connection broke.
    Unreachable,
    /// None of our keys for it is live: nothing was sent.
    NoLiveKey,
}

/// The text is no failure's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the code of a failed delivery")]
pub struct UnknownFailure;

impl Attempted {
    /// What an answer with this status means.
    pub const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Delivered,
            410 => Self::Gone,
            other => Self::Failed(DeliveryFailure::Status(other)),
        }
    }

    /// Whether a `Retry-After` of this answer counts: where the status is about the load.
    pub const fn heeds_retry_after(self) -> bool {
        matches!(self, Self::Failed(DeliveryFailure::Status(429 | 503)))
    }

    /// Why the endpoint does not have it; `None` when it has.
    pub const fn failure(self) -> Option<DeliveryFailure> {
        match self {
            Self::Delivered => None,
            Self::Failed(failure) => Some(failure),
            Self::Gone => Some(DeliveryFailure::Status(410)),
        }
    }

    /// The stable word, a label of metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed(_) => "failed",
            Self::Gone => "gone",
        }
    }
}

impl DeliveryFailure {
    /// The stable code, on disk and on the wire: `http_503`, `timeout`, `unreachable` or
    /// `no_live_key`.
    pub fn code(self) -> String {
        match self {
            Self::Status(status) => format!("http_{status}"),
            Self::Timeout => "timeout".into(),
            Self::Unreachable => "unreachable".into(),
            Self::NoLiveKey => "no_live_key".into(),
        }
    }

    /// The failure with this code.
    pub fn parse(code: &str) -> Option<Self> {
        match code {
            "timeout" => Some(Self::Timeout),
            "unreachable" => Some(Self::Unreachable),
            "no_live_key" => Some(Self::NoLiveKey),
            other => other.strip_prefix("http_")?.parse().ok().map(Self::Status),
        }
    }
}

impl TryFrom<String> for DeliveryFailure {
    type Error = UnknownFailure;

    fn try_from(code: String) -> Result<Self, Self::Error> {
        Self::parse(&code).ok_or(UnknownFailure)
    }
}

impl From<DeliveryFailure> for String {
    fn from(failure: DeliveryFailure) -> Self {
        failure.code()
    }
}

impl fmt::Display for DeliveryFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "it answered with HTTP {status}"),
            Self::Timeout => formatter.write_str("it gave no answer in time"),
            Self::Unreachable => formatter.write_str("it was not reached"),
            Self::NoLiveKey => formatter.write_str("none of its secrets is live"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_means_what_the_specification_says() {
        let failed = |status| Attempted::Failed(DeliveryFailure::Status(status));
        for (status, expected, heeds) in [
            (199, failed(199), false),
            (200, Attempted::Delivered, false),
            (299, Attempted::Delivered, false),
            (301, failed(301), false),
            (307, failed(307), false),
            (404, failed(404), false),
            (410, Attempted::Gone, false),
            (429, failed(429), true),
            (500, failed(500), false),
            (503, failed(503), true),
        ] {
            let found = Attempted::of_status(status);
            assert_eq!((found, found.heeds_retry_after()), (expected, heeds));
        }
    }

    #[test]
    fn codes_read_back_and_no_other_text_does() {
        for failure in [
            DeliveryFailure::Status(503),
            DeliveryFailure::Timeout,
            DeliveryFailure::Unreachable,
            DeliveryFailure::NoLiveKey,
        ] {
            assert_eq!(DeliveryFailure::parse(&failure.code()), Some(failure));
        }
        for text in ["", "http_", "http_x", "http_99999", "http_-1", "gone"] {
            assert_eq!(DeliveryFailure::parse(text), None, "{text}");
        }
    }
}
