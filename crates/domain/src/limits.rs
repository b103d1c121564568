//! Every bound of the rules, in one place, with its unit, its reason, and its relations.
//!
//! A bound that an operator may move has its default here; the configuration moves it.

use crate::time::Millis;

/// Longest webhook body that is read, in bytes, unless the configuration says otherwise.
///
/// A change record carries the body once as JSON text, which at worst doubles it, and the
/// workflow's input may be 256 KiB (Step Functions, `StartExecution`): 64 KiB always fits. The
/// providers' own bodies are a few KiB.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Longest body that any configuration may ask for, in bytes: above it a change record could
/// outgrow a workflow's input, and the event could never be processed.
pub const BODY_BYTES_CEILING: usize = 120 * 1024;

/// A workflow's input, output or result, in bytes of UTF-8 (Step Functions quotas).
pub const WORKFLOW_PAYLOAD_BYTES_MAX: usize = 256 * 1024;

/// Headers of one delivery that are kept, in bytes of names and values together. Signatures
/// live in headers, so nothing short of this is cut; what is longer is refused by the server.
pub const HEADER_BYTES_MAX: usize = 32 * 1024;

/// Longest signature header that is looked at, in bytes. The longest honest one known is a
/// base64 RSA-4096 signature of 684 bytes with a few key-value pairs before it.
pub const SIGNATURE_BYTES_MAX: usize = 4 * 1024;

/// Most signatures of one delivery that are looked at: a provider that rolls its secrets sends two
/// or three, and each one more is a comparison for a forger to spend.
pub const SIGNATURES_MAX: usize = 16;

/// Most headers that a signature may cover by naming them.
pub const SIGNED_HEADERS_MAX: usize = 32;

/// Longest `paymentId`, in bytes: the partition key limit of DynamoDB, the AWS home's store.
pub const PAYMENT_ID_BYTES_MAX: usize = 2048;

/// Longest provider event id, status or provider name in a body, in bytes. The event id shares
/// DynamoDB's partition key limit with the name of its source.
pub const FIELD_BYTES_MAX: usize = 512;

/// Longest name of a source, in bytes; it is part of URLs, metrics and every event key.
pub const SOURCE_NAME_BYTES_MAX: usize = 64;

/// Longest name of an endpoint that is told what became of a payment, in bytes. As for a source's.
pub const ENDPOINT_NAME_BYTES_MAX: usize = 64;

/// Most attempts to tell an endpoint of one thing. Each is a few events in an execution's history,
/// which may have 25,000.
pub const NOTIFY_ATTEMPTS_MAX: usize = 50;

/// Longest time for which an endpoint that fails is not called.
pub const NOTIFY_REST_MAX: Millis = Millis::from_secs(5 * 60);

/// Longest wait before one of them: beyond a month nobody waits for the news.
pub const NOTIFY_WAIT_MAX: Millis = Millis::from_secs(30 * 24 * 60 * 60);

/// Most live secrets of one source. Two are enough to rotate; each costs one MAC per forgery.
pub const SECRETS_MAX: usize = 8;

/// Most events that one delivery may carry. GoCardless sends up to 250 at once, Adyen documents 6.
pub const EVENTS_PER_DELIVERY_MAX: usize = 250;

/// Fewest days for which an event key stays claimed where keys are forgotten at all: Stripe repeats
/// what it could not deliver for days, and can be asked for events that are 30 days old
/// (<https://docs.stripe.com/webhooks/process-undelivered-events>).
pub const EVENT_KEY_DAYS_MIN: u32 = 30;

/// Most events of one payment that a new one is compared with for anomalies, the newest ones: a
/// payment has a handful, and one with thousands is a sender gone wrong.
pub const PAYMENT_EVENTS_COMPARED_MAX: usize = 64;

/// Longest error name and cause kept with a failed payment, in bytes (Step Functions'
/// own limits of `SendTaskFailure`).
pub const ERROR_BYTES_MAX: usize = 256;
/// See [`ERROR_BYTES_MAX`].
pub const CAUSE_BYTES_MAX: usize = 32 * 1024;

/// Largest number of decimal digits in an amount: what fits a signed 64-bit integer.
pub const AMOUNT_DIGITS_MAX: usize = 18;

const _: () = {
    // A byte of a JSON text needs at most two bytes when the text becomes a JSON string.
    assert!(BODY_BYTES_MAX <= BODY_BYTES_CEILING);
    assert!(BODY_BYTES_CEILING * 2 + 16 * 1024 <= WORKFLOW_PAYLOAD_BYTES_MAX);
    assert!(SIGNATURE_BYTES_MAX <= HEADER_BYTES_MAX);
};
