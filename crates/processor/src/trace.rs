//! Handing the trace on: the `traceparent` of an outbound call.

use domain::task::TaskCall;
use domain::trace::TraceId;

use crate::digest;

/// A W3C `traceparent` for one attempt. Its span id follows from execution, state and attempt,
/// so each attempt is a span of its own, and the same one when it is told of again
/// (<https://www.w3.org/TR/trace-context/#traceparent-header>).
pub(crate) fn parent(trace: TraceId, call: &TaskCall) -> String {
    let span = digest::number(digest::of(&[
        b"payhook/span/1",
        call.execution.as_bytes(),
        call.state.as_bytes(),
        &call.retry_count.to_be_bytes(),
    ]));
    // All zero means "no span" on the wire.
    format!("00-{trace}-{:016x}-01", span.max(1))
}
