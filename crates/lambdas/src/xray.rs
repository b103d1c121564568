//! X-Ray's trace header, in the terms of W3C Trace Context.
//!
//! `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`: the root's two
//! parts together are a W3C trace id
//! (<https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>).

use domain::trace::{SpanId, TraceContext, TraceId};

/// Reads the header; `None` when it is none. A trace that is not sampled has no span.
pub fn trace_context(header: &str) -> Option<TraceContext> {
    let field = |name: &str| {
        let mut fields = header.split(';').map(str::trim);
        fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
    };
    let (seconds, rest) = field("Root")?.strip_prefix("1-")?.split_once('-')?;
    let digits = format!("{seconds}{rest}");
    let mut id = [0; 16];
    hex::decode_to_slice(digits, &mut id).ok()?;
    let sampled = field("Sampled") != Some("0");
    let mut span = [0; 8];
    let span = match field("Parent").map(|parent| hex::decode_to_slice(parent, &mut span)) {
        Some(Ok(())) if sampled => SpanId::from_bytes(span),
        Some(Ok(()) | Err(_)) | None => None,
    };
    let id = TraceId::from_bytes(id);
    Some(TraceContext { id, span })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_header_panics(header in "\\PC{0,80}", root in "1-[0-9a-fé]{0,9}-[0-9a-fé]{0,26}") {
            let _ = trace_context(&header);
            let _ = trace_context(&format!("Root={root};Parent={header}"));
        }
    }

    #[test]
    fn the_header_is_read_in_whatever_order() {
        let expected = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
        for header in [
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
            "Parent=53995c3f42cd8ad8; Root=1-5759e988-bd862e3fe1be46a994272793",
            "Self=x;Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Lineage=a:0",
        ] {
            let context = trace_context(header).unwrap();
            assert_eq!(context.traceparent(), expected, "{header}");
        }
        let root = trace_context("Root=1-5759e988-bd862e3fe1be46a994272793").unwrap();
        assert_eq!(root.span, None);
        let not_sampled =
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0";
        assert_eq!(trace_context(not_sampled).unwrap(), root);
        for header in [
            "",
            "Root=",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988-bd862e3fe1be46a99427279",
            "Root=1-5759e988bd862e3fe1be46a994272793",
            "Parent=53995c3f42cd8ad8",
        ] {
            assert_eq!(trace_context(header), None, "{header}");
        }
    }
}
