//! Handing the trace on: the `traceparent` of an outbound call.

use domain::task::TaskCall;
use domain::trace::TraceId;

use crate::digest;

/// A W3C `traceparent` for one attempt. Its span id follows from execution, state and attempt,
/// so each attempt is a span of its own, and the same one when it is told of again
/// (<https://www.w3.org/TR/trace-context/#traceparent-header>).
pub(crate) fn parent(trace: TraceId, call: &TaskCall) -> String {
    let attempt = call.retry_count.to_be_bytes();
    let parts = [call.execution.as_bytes(), call.state.as_bytes(), &attempt];
    parent_of(trace, &parts)
}

/// The same, for what `parts` name together.
pub(crate) fn parent_of(trace: TraceId, parts: &[&[u8]]) -> String {
    let mut all: Vec<&[u8]> = vec![b"payhook/span/1"];
    all.extend(parts);
    let span = digest::number(digest::of(&all));
    // All zero means "no span" on the wire.
    format!("00-{trace}-{:016x}-01", span.max(1))
}
