//! The names that failed tasks go by: what a workflow's `ErrorEquals` can match.
//!
//! These names are an interface. Workflows in other people's hands hold them, so a name is
//! never changed and never given another meaning; a new kind of failure gets a new name.
//!
//! | name | what happened | again? |
//! |---|---|---|
//! | `InvalidEvent` | the input names no record, or no task of ours | never |
//! | `PaymentNotFound` | the store holds no such record, and reads are consistent | never |
//! | `RecordsUnavailable` | the store could not be read | yes |
//! | `EventUnreadable` | the provider's event is kept, but nobody knows what it says | never |
//! | `PaymentDeclined` | the gateway says no to this payment | never |
//! | `GatewayRejected` | the gateway says no to the request: credentials, URL, form | never |
//! | `GatewayRateLimited` | the gateway asks for fewer calls | yes, not before `retry_after` |
//! | `GatewayUnavailable` | not reached, or answered that it cannot now | yes |
//! | `GatewayTimeout` | no answer in time; whether it acted is unknown | yes |
//! | `GatewayProtocolError` | an answer that cannot be read; whether it acted is unknown | yes |
//! | `InternalError` | a bug of ours, caught; whether the task acted is unknown | yes |
//! | `PaymentProcessingFailed` | the attempts are spent, and the failure is on record | by a person: redrive |
//! | `NotificationFailed` | an endpoint was not told what became of the payment, and its attempts are spent or it is disabled | by a person: redrive |
//! | `Http.<status>` | an endpoint of the user's own answered with this status | by status |
//! | `Http.Timeout`, `Http.Unreachable`, `Http.ResponseTooLarge`, `Http.InvalidResponse` | it gave no usable answer | yes |
//! | `Lambda.ResourceNotFoundException` | nobody here does this resource | never |
//!
//! "Again" is safe whatever the outcome was, because the idempotency key of a payment does not
//! depend on the attempt.

use domain::limits;
use domain::record::RecordKey;
use domain::task::TaskFailure;
use domain::time::Millis;

/// The input names no record, or no task of ours.
pub const INVALID_EVENT: &str = "InvalidEvent";
/// The store holds no such record.
pub const PAYMENT_NOT_FOUND: &str = "PaymentNotFound";
/// The store could not be read.
pub const RECORDS_UNAVAILABLE: &str = "RecordsUnavailable";
/// The provider's event is kept, but it cannot be read: a person must.
pub const EVENT_UNREADABLE: &str = "EventUnreadable";
/// The gateway says no to this payment. Final.
pub const PAYMENT_DECLINED: &str = "PaymentDeclined";
/// The gateway says no to the request itself. Final until a person mends it.
pub const GATEWAY_REJECTED: &str = "GatewayRejected";
/// The gateway asks for fewer calls.
pub const GATEWAY_RATE_LIMITED: &str = "GatewayRateLimited";
/// The gateway was not reached, or answered that it cannot now.
pub const GATEWAY_UNAVAILABLE: &str = "GatewayUnavailable";
/// The gateway gave no answer in time.
pub const GATEWAY_TIMEOUT: &str = "GatewayTimeout";
/// The gateway's answer cannot be read.
pub const GATEWAY_PROTOCOL_ERROR: &str = "GatewayProtocolError";
/// A bug of ours, caught.
pub const INTERNAL_ERROR: &str = "InternalError";
/// The attempts are spent; a person's redrive begins again. The seed's own name for it.
pub const PAYMENT_PROCESSING_FAILED: &str = "PaymentProcessingFailed";
/// An endpoint was not told what became of the payment; a person's redrive tells it again.
pub const NOTIFICATION_FAILED: &str = "NotificationFailed";
/// A user's endpoint gave no answer in time.
pub const HTTP_TIMEOUT: &str = "Http.Timeout";
/// A user's endpoint was not reached, or the connection broke.
pub const HTTP_UNREACHABLE: &str = "Http.Unreachable";
/// A user's endpoint answered with more than a workflow can carry.
pub const HTTP_RESPONSE_TOO_LARGE: &str = "Http.ResponseTooLarge";
/// A user's endpoint said 2xx and then something that is no JSON.
pub const HTTP_INVALID_RESPONSE: &str = "Http.InvalidResponse";
/// Nobody does this resource: the name that Step Functions uses for a function that is not.
pub const FUNCTION_NOT_FOUND: &str = "Lambda.ResourceNotFoundException";

/// The failure of a task that panicked.
pub fn internal_error() -> TaskFailure {
    failed(
        INTERNAL_ERROR,
        "a bug in the task, caught; whether it acted is unknown",
    )
}

/// The failure of a task whose record is not there.
pub fn payment_not_found(key: &RecordKey) -> TaskFailure {
    failed(
        PAYMENT_NOT_FOUND,
        format!("Payment not found: {}", key.payment_id),
    )
}

/// The failure of a task whose record cannot be read or written now, and why.
pub fn records_unavailable(why: &dyn std::fmt::Display) -> TaskFailure {
    failed(RECORDS_UNAVAILABLE, why.to_string())
}

/// A failure of this name, with nothing to wait for.
pub(crate) fn failed(error: &str, cause: impl AsRef<str>) -> TaskFailure {
    failed_until(error, cause, None)
}

/// A failure of this name that asks to be left alone for `retry_after`. Both texts are cut to
/// what a record and the platform can carry.
pub(crate) fn failed_until(
    error: &str,
    cause: impl AsRef<str>,
    retry_after: Option<Millis>,
) -> TaskFailure {
    TaskFailure {
        error: cut(error, limits::ERROR_BYTES_MAX).to_owned(),
        cause: cut(cause.as_ref(), limits::CAUSE_BYTES_MAX).to_owned(),
        retry_after,
    }
}

/// The longest beginning of `text` that fits `bytes_max` bytes and ends between characters.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    let end = text.floor_char_boundary(bytes_max);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        for (text, bytes_max, kept) in [
            ("abc", 4, "abc"),
            ("abc", 3, "abc"),
            ("abc", 2, "ab"),
            ("aé", 2, "a"),
            ("aé", 3, "aé"),
            ("€", 1, ""),
            ("", 0, ""),
        ] {
            assert_eq!(cut(text, bytes_max), kept, "{text} {bytes_max}");
        }
    }
}
