//! Every bound of the language, in one place, each with its source.

/// Largest input, output or task result, in bytes of its JSON text (UTF-8).
/// Source: Step Functions quotas, "maximum input or result size" (256 KiB).
pub const PAYLOAD_BYTES_MAX: usize = 262_144;

/// Most history events of one execution. Source: Step Functions quotas.
pub const HISTORY_EVENTS_MAX: u32 = 25_000;

/// An execution with as many events as this can no longer be redriven.
/// Source: API reference, `RedriveExecution`.
pub const REDRIVE_EVENTS_MAX: u32 = 24_999;

/// Longest time-out in seconds, and the default of a task.
/// Source: developer guide, Task state, `TimeoutSeconds`.
pub const TIMEOUT_SECONDS_MAX: u64 = 99_999_999;

/// Longest wait in seconds (2^31 − 1). Source: recorded ("Wait state delay is too long.").
pub const WAIT_SECONDS_MAX: u64 = 2_147_483_647;

/// Longest name of a state, in characters. Source: language specification.
pub const STATE_NAME_CHARS_MAX: usize = 80;

/// Most times that intrinsic functions may be nested. Source: developer guide.
pub const INTRINSIC_DEPTH_MAX: usize = 10;

/// Longest first delay before a retry, in seconds. Source: developer guide, `IntervalSeconds`.
pub const RETRY_INTERVAL_SECONDS_MAX: u64 = 99_999_999;

/// Most attempts a retrier may ask for. Source: developer guide, `MaxAttempts`.
pub const RETRY_ATTEMPTS_MAX: u64 = 99_999_999;

/// Bound on `MaxDelaySeconds`, exclusive. Source: developer guide (one year).
pub const RETRY_DELAY_SECONDS_MAX: u64 = 31_622_400;

/// Deepest nesting inside one path's filter expression; ours, so that a hostile path cannot
/// exhaust the stack.
pub(crate) const FILTER_DEPTH_MAX: usize = 32;

/// Most elements that `States.ArrayRange` may make. Source: developer guide.
pub(crate) const ARRAY_RANGE_MAX: usize = 1000;

/// Longest text that hashing and Base64 take, in characters. Source: developer guide.
pub(crate) const ENCODE_CHARS_MAX: usize = 10_000;

/// Deepest nesting of Parallel and Map states; ours, so that a hostile definition cannot exhaust
/// the stack.
pub(crate) const MACHINE_DEPTH_MAX: usize = 32;
