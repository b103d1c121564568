//! What arrived on the wire, byte for byte. Nothing here has been believed yet.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::source::SourceName;
use crate::time::Timestamp;

/// One HTTP request as it came, before anybody vouched for it.
#[derive(Clone, PartialEq, Eq)]
pub struct RawDelivery {
    /// The source whose URL was called: a claim until the signature proves it.
    pub source: SourceName,
    /// Headers in order of arrival, repeated ones repeated.
    pub headers: Headers,
    /// The exact bytes of the body. Signatures are over these and over nothing else.
    pub body: Bytes,
    /// When the last byte was here, by our clock. Signature ages are judged at this moment.
    pub received_at: Timestamp,
}

/// Headers in order of arrival. Names are lower case; values are bytes, as HTTP has them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<(String, Bytes)>);

/// The SHA-256 of a body: tells two deliveries apart, and names a quarantined one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BodyHash([u8; 32]);

/// What asking for the one value of a header found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderValue<'a> {
    /// No header of that name, or only an empty one.
    Missing,
    /// The value, present once.
    Once(&'a [u8]),
    /// Present more than once: which one was meant is not for us to choose.
    Repeated,
}

/// Under this name the query of a request's URL is kept among its headers. No header can have it.
pub const QUERY: &str = ":query";

/// Under this name the body of a hint is kept beside the truth that was fetched for it.
pub const PING: &str = ":ping";

impl RawDelivery {
    /// The decoded value of a parameter of the query; `None` when it is absent or stands there
    /// more than once.
    pub fn query_value(&self, name: &str) -> Option<Vec<u8>> {
        let HeaderValue::Once(query) = self.headers.one(QUERY) else {
            return None;
        };
        let mut values = form_urlencoded::parse(query).filter(|(each, _)| each == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value.into_owned().into_bytes()),
            (_, _) => None,
        }
    }

    /// The SHA-256 of the body.
    pub fn body_hash(&self) -> BodyHash {
        BodyHash(Sha256::digest(&self.body).into())
    }
}

impl Headers {
    /// Collects headers, folding names to lower case.
    pub fn new<N: AsRef<str>>(pairs: impl IntoIterator<Item = (N, Bytes)>) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.as_ref().to_ascii_lowercase(), value))
                .collect(),
        )
    }

    /// The one value of the header `name` (lower case).
    pub fn one(&self, name: &str) -> HeaderValue<'_> {
        let mut values = self.0.iter().filter(|(each, _)| each == name);
        match (values.next(), values.next()) {
            (None, _) => HeaderValue::Missing,
            (Some((_, value)), None) if value.is_empty() => HeaderValue::Missing,
            (Some((_, value)), None) => HeaderValue::Once(value),
            (Some(_), Some(_)) => HeaderValue::Repeated,
        }
    }

    /// All headers in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_ref()))
    }
}

impl BodyHash {
    /// The hash from its 32 bytes, as a store has kept them.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for BodyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for BodyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

// Bodies and header values carry personal data and signatures: a stray `{:?}` in a log must
// not print them.
impl fmt::Debug for RawDelivery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RawDelivery")
            .field("source", &self.source)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .field("received_at", &self.received_at)
            .finish()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_set()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn a_header_is_found_whatever_its_case_and_only_when_it_stands_once() {
        let headers = Headers::new([
            ("X-One", Bytes::from_static(b"1")),
            ("x-two", Bytes::from_static(b"a")),
            ("X-TWO", Bytes::from_static(b"a")),
            ("x-empty", Bytes::new()),
        ]);
        assert_eq!(headers.one("x-one"), HeaderValue::Once(b"1"));
        assert_eq!(headers.one("x-two"), HeaderValue::Repeated);
        assert_eq!(headers.one("x-empty"), HeaderValue::Missing);
        assert_eq!(headers.one("x-none"), HeaderValue::Missing);
    }

    #[test]
    fn debug_shows_neither_body_nor_header_values() {
        let delivery = RawDelivery {
            source: SourceName::generic(),
            headers: Headers::new([("x-webhook-signature", Bytes::from_static(b"5ec4e7"))]),
            body: Bytes::from_static(b"4111111111111111"),
            received_at: Timestamp::from_millis(0),
        };
        let text = format!("{delivery:?}");
        assert!(!text.contains("5ec4e7") && !text.contains("4111"), "{text}");
    }
}
