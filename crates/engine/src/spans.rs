//! Where spans stand in traces: how the engine's spans get into the trace of the webhook.
//!
//! The engine makes spans and knows no exporter. Whoever installs one beside the process's
//! subscriber says here how a span is put under a parent and where it is recorded; without one,
//! only trace ids are handed on, in logs, records and calls.

use std::sync::OnceLock;

use domain::trace::TraceContext;
use tracing::Span;

/// What knows where a span is recorded.
pub trait Spans: Send + Sync + 'static {
    /// Puts `span`, which nobody has entered yet, under `parent`, or makes it the root of a trace
    /// of its own. Says where it is recorded: its trace, and its own id if it is exported.
    fn place(&self, span: &Span, parent: Option<TraceContext>) -> Option<TraceContext>;

    /// Says that `span` has to do with another trace's span, which did not call it.
    fn link(&self, span: &Span, to: TraceContext);
}

static SPANS: OnceLock<Box<dyn Spans>> = OnceLock::new();

/// Installs it for this process, beside the subscriber. The first one stays.
pub fn install(spans: Box<dyn Spans>) {
    // A second one would have to come with a second subscriber, which cannot be installed either.
    let _ = SPANS.set(spans);
}

/// See [`Spans::place`]; `None` when nothing is installed.
pub fn place(span: &Span, parent: Option<TraceContext>) -> Option<TraceContext> {
    SPANS.get()?.place(span, parent)
}

/// See [`Spans::link`]; nothing when nothing is installed.
pub fn link(span: &Span, to: TraceContext) {
    if let Some(spans) = SPANS.get() {
        spans.link(span, to);
    }
}
