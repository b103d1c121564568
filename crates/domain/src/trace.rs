//! What ties everything done for one webhook together (W3C Trace Context).

use alloc::string::String;
use core::fmt;

/// A W3C trace id: 16 bytes, not all zero, written as 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// A W3C parent id: the 8 bytes of one span's id, not all zero, written as 16 lower-case hex
/// digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

/// A place in a trace, where what follows belongs: what a `traceparent` header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The trace.
    pub id: TraceId,
    /// The span in it, where one is recorded (the trace is sampled).
    pub span: Option<SpanId>,
}

impl TraceId {
    /// The id with these bytes; all zero means "no trace" on the wire, so it becomes 1.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        if u128::from_be_bytes(bytes) == 0 {
            Self(1_u128.to_be_bytes())
        } else {
            Self(bytes)
        }
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl SpanId {
    /// The id with these bytes; all zero means "no span" on the wire.
    pub const fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        if u64::from_be_bytes(bytes) == 0 {
            None
        } else {
            Some(Self(bytes))
        }
    }

    /// The 8 bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl TraceContext {
    /// Reads a `traceparent` header: `00-<32 hex>-<16 hex>-<2 hex>`. `None` for anything else,
    /// and the caller starts a trace of its own, as the specification asks
    /// (<https://www.w3.org/TR/trace-context/#traceparent-header>). A trace that is not sampled
    /// has no span that is recorded.
    pub fn from_traceparent(value: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(value).ok()?;
        let mut parts = text.split('-');
        let (version, trace, parent, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_lower_hex = |part: &str| {
            part.bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let lengths_fit =
            version.len() == 2 && trace.len() == 32 && parent.len() == 16 && flags.len() == 2;
        let all_hex = [version, trace, parent, flags]
            .into_iter()
            .all(is_lower_hex);
        let extra_allowed = version != "00" || parts.next().is_none();
        if !(lengths_fit && all_hex && extra_allowed) || version == "ff" {
            return None;
        }
        let (mut id, mut span, mut flag) = ([0; 16], [0; 8], [0; 1]);
        hex::decode_to_slice(trace, &mut id).ok()?;
        hex::decode_to_slice(parent, &mut span).ok()?;
        hex::decode_to_slice(flags, &mut flag).ok()?;
        if u128::from_be_bytes(id) == 0 {
            return None;
        }
        let span = SpanId::from_bytes(span)?;
        let sampled = flag[0] & 1 == 1;
        Some(Self {
            id: TraceId(id),
            span: sampled.then_some(span),
        })
    }

    /// The `traceparent` header of what follows. Where no span is recorded it says that the trace
    /// is not sampled, and a part of the trace's id stands for the span's.
    pub fn traceparent(&self) -> String {
        match self.span {
            Some(span) => alloc::format!("00-{}-{span}-01", self.id),
            None => {
                let (_, half) = self.id.0.split_at(8);
                let stand_in = half
                    .iter()
                    .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
                alloc::format!("00-{}-{:016x}-00", self.id, stand_in.max(1))
            }
        }
    }
}

impl From<TraceId> for TraceContext {
    fn from(id: TraceId) -> Self {
        Self { id, span: None }
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn traceparent_is_taken_only_when_well_formed() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = TraceContext::from_traceparent(good.as_bytes()).unwrap();
        assert_eq!(context.id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.traceparent(), good);
        let unsampled = TraceContext::from(context.id);
        let text = unsampled.traceparent();
        assert_eq!(
            text,
            "00-4bf92f3577b34da6a3ce929d0e0e4736-a3ce929d0e0e4736-00"
        );
        let read = TraceContext::from_traceparent(text.as_bytes());
        assert_eq!(read, Some(unsampled));
        let future = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more";
        assert!(TraceContext::from_traceparent(future.as_bytes()).is_some());
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert!(
                TraceContext::from_traceparent(bad.as_bytes()).is_none(),
                "{bad}"
            );
        }
    }
}
