//! Where spans stand: our trace contexts in OpenTelemetry's terms, and back.

use domain::trace::{SpanId, TraceContext, TraceId};
use engine::spans::Spans;
use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId as OtelSpanId, TraceContextExt as _, TraceFlags, TraceId as OtelTraceId,
    TraceState,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Places spans by the subscriber's OpenTelemetry layer.
#[derive(Debug)]
pub(crate) struct Placement;

impl Spans for Placement {
    fn place(&self, span: &Span, parent: Option<TraceContext>) -> Option<TraceContext> {
        if let Some(parent) = parent {
            let context = Context::new().with_remote_span_context(remote(parent));
            // It fails for a span that the layer does not have, and then there is nothing to place.
            let _ = span.set_parent(context);
        }
        let context = span.context();
        let placed = context.span().span_context().clone();
        placed.is_valid().then(|| TraceContext {
            id: TraceId::from_bytes(placed.trace_id().to_bytes()),
            span: SpanId::from_bytes(placed.span_id().to_bytes()).filter(|_| placed.is_sampled()),
        })
    }

    fn link(&self, span: &Span, to: TraceContext) {
        if to.span.is_some() {
            span.add_link(remote(to));
        }
    }
}

/// A parent in another process. In a trace that is not sampled any id may stand for its span.
fn remote(context: TraceContext) -> SpanContext {
    let trace = OtelTraceId::from_bytes(*context.id.as_bytes());
    let (span, flags) = match context.span {
        Some(span) => (*span.as_bytes(), TraceFlags::SAMPLED),
        None => ([1; 8], TraceFlags::NOT_SAMPLED),
    };
    let span = OtelSpanId::from_bytes(span);
    SpanContext::new(trace, span, flags, true, TraceState::NONE)
}
