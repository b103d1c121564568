//! What a delivery means: payment events, and the key that makes each of them happen once.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use sha2::{Digest, Sha256};

use crate::currency::Currency;
use crate::delivery::BodyHash;
use crate::meaning::Meaning;
use crate::money::Amount;
use crate::source::SourceName;

/// One thing that a provider says has happened to one payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentEvent {
    /// Source and provider's id: what makes a repeat a repeat.
    pub key: EventKey,
    /// The payment it is about, in the provider's words.
    pub payment_id: String,
    /// How much, exactly as sent; zero where no currency is named.
    pub amount: Amount,
    /// In which currency; [`Currency::NONE`] where the provider names none.
    pub currency: Currency,
    /// The payment's status in the provider's words.
    pub status: String,
    /// Who moved the money, in the sender's words.
    pub provider: String,
    /// What it means in the words that are the same for every provider; `None` for the generic
    /// source, which says no more than its fields.
    pub meaning: Option<Meaning>,
}

/// The idempotency key of an event: its source, and the provider's id of it — or, where the
/// source gives none, the hash of the exact body.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// Who says so. Two sources may use the same ids for different things.
    pub source: SourceName,
    /// Which of its events.
    pub id: EventId,
}

/// How an event of a source is told from its others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventId {
    /// The provider's own id of the event.
    Provider(String),
    /// The source has no ids: equal bytes are the same event.
    Body(BodyHash),
}

/// A fixed-size digest of an [`EventKey`]: what stores index and idempotency keys are made of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKeyDigest([u8; 32]);

impl PaymentEvent {
    /// What a repeat of this event repeats: the exact body, or, for one of several in a body, what
    /// it says, because the others around it may be others next time.
    pub fn content_hash(&self, body_hash: BodyHash) -> BodyHash {
        match &self.meaning {
            Some(meaning) if meaning.by_content => {
                let said = alloc::format!(
                    "{}\n{}\n{}\n{}\n{meaning:?}",
                    self.payment_id,
                    self.amount,
                    self.currency,
                    self.status,
                );
                BodyHash::from_bytes(Sha256::digest(said).into())
            }
            Some(_) | None => body_hash,
        }
    }
}

impl EventKey {
    /// Reads what `Display` writes; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let (source, rest) = text.split_at_checked(text.find(['/', '#'])?)?;
        let id = match (rest.strip_prefix('/'), rest.strip_prefix("#sha256:")) {
            (Some(id), _) => EventId::Provider(id.to_owned()),
            (None, Some(digits)) => {
                let mut hash = [0; 32];
                hex::decode_to_slice(digits, &mut hash).ok()?;
                EventId::Body(BodyHash::from_bytes(hash))
            }
            (None, None) => return None,
        };
        let source = SourceName::try_new(source).ok()?;
        Some(Self { source, id })
    }

    /// The digest of the key's text.
    pub fn digest(&self) -> EventKeyDigest {
        EventKeyDigest::of_text(&alloc::format!("{self}"))
    }
}

impl EventKeyDigest {
    /// SHA-256 over an event key's text, as its `Display` writes it and as the `eventKey`
    /// attribute of a record's image holds it: so both homes come to the same digest.
    pub fn of_text(event_key: &str) -> Self {
        Self(Sha256::digest(event_key).into())
    }

    /// The digest from its bytes, as a store has kept them.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The name of the one execution that handles this event: `evt-` and 32 hex digits, within
    /// the 80 characters that Step Functions allows.
    pub fn execution_name(&self) -> String {
        let (half, _) = self.0.split_at(16);
        alloc::format!("evt-{}", hex::encode(half))
    }
}

/// `source/id`, or `source#sha256:…` where the body is the id. No source's name holds `/` or
/// `#`, so no two keys share a text.
impl fmt::Display for EventKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            EventId::Provider(id) => write!(formatter, "{}/{id}", self.source),
            EventId::Body(hash) => write!(formatter, "{}#sha256:{hash}", self.source),
        }
    }
}

impl fmt::Display for EventKeyDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for EventKeyDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn key(source: &str, id: EventId) -> EventKey {
        EventKey {
            source: SourceName::try_new(source).unwrap(),
            id,
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_nothing_else_is() {
        let hash = BodyHash::from_bytes([7; 32]);
        for id in ["", "bc", "b/c", "#sha256:00", "a#b/c", "\u{1F4B6}"] {
            let key = key("a", EventId::Provider(id.into()));
            assert_eq!(EventKey::parse(&key.to_string()), Some(key));
        }
        let by_body = key("a", EventId::Body(hash));
        assert_eq!(EventKey::parse(&by_body.to_string()), Some(by_body));
        for text in ["", "a", "/b", "A/b", "a#b", "a#sha256:00", "a#sha256:zz/b"] {
            assert_eq!(EventKey::parse(text), None, "{text}");
        }
    }

    #[test]
    fn keys_differ_by_source_by_kind_and_by_id() {
        let hash = BodyHash::from_bytes([b'a'; 32]);
        let keys = [
            key("a", EventId::Provider("bc".into())),
            key("ab", EventId::Provider("c".into())),
            key(
                "a",
                EventId::Provider("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".into()),
            ),
            key("a", EventId::Body(hash)),
        ];
        for (index, one) in keys.iter().enumerate() {
            for other in &keys[index + 1..] {
                assert_ne!(one.digest(), other.digest(), "{one} {other}");
            }
        }
        assert_eq!(keys[0].to_string(), "a/bc");
        assert_eq!(keys[0].digest().execution_name().len(), 36);
    }
}
