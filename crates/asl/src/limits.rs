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

/// Longest time that one JSONata expression may take, in milliseconds; ours, so that no data can
/// hold up an execution. A second is ages for an expression over 256 KiB.
pub(crate) const QUERY_MS_MAX: u64 = 1_000;

/// Deepest evaluation of one JSONata expression; ours. jsonata-js of the service has a bound too,
/// which nobody has measured.
pub(crate) const QUERY_DEPTH_MAX: usize = 2_000;

/// Longest sequence that one JSONata expression may make; ours. Longer ones are beyond 256 KiB.
pub(crate) const QUERY_ITEMS_MAX: usize = 262_144;

/// Deepest nesting of what an expression comes to; ours, so that a record of it can be read again.
pub(crate) const QUERY_RESULT_DEPTH_MAX: usize = 100;

/// Most iterations of an inline Map state that run at once, whatever it asks for. Source: developer
/// guide, "Map state processing modes".
pub(crate) const INLINE_AT_ONCE_MAX: u32 = 40;

/// Most iterations of a distributed Map state that run at once. Source: developer guide, "Using Map
/// state in Distributed mode".
pub(crate) const DISTRIBUTED_AT_ONCE_MAX: u32 = 10_000;

/// Longest `Label` of a Map state, in characters. Source: developer guide, distributed Map fields.
pub(crate) const LABEL_CHARS_MAX: usize = 40;
