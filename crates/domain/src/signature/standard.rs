//! Standard Webhooks, which Svix made: `v1` HMAC-SHA-256 and `v1a` ed25519, several at a time.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use alloc::string::String;
use alloc::vec::Vec;

use ed25519_dalek::{Signature, VerifyingKey};

use super::hmac::KeyForm;
use super::mac::HmacAlgorithm;
use super::timestamp::{TimeSource, TimeUnit, TimestampRule};
use super::{SignatureRefusal, base64_lenient, decode_signature, encoding::SignatureEncoding};
use crate::delivery::{HeaderValue, Headers, RawDelivery};
use crate::limits;
use crate::secret::Secret;
use crate::time::Millis;

/// What a secret's text begins with when it is the public half of an ed25519 pair.
pub(super) const PUBLIC_KEY_PREFIX: &[u8] = b"whpk_";

/// The three headers by the names that were sent; Svix's own are the other.
const NAMES: [[&str; 3]; 2] = [
    ["webhook-id", "webhook-timestamp", "webhook-signature"],
    ["svix-id", "svix-timestamp", "svix-signature"],
];

/// The specification's tolerance, either way.
pub(crate) const TOLERANCE: Millis = Millis::from_secs(300);

pub(super) struct Message<'a> {
    pub(super) id: &'a [u8],
    pub(super) timestamp: &'a str,
    pub(super) signatures: &'a str,
}

pub(super) fn check(
    delivery: &RawDelivery,
    secrets: &[Secret],
    tolerance: Option<Millis>,
) -> Result<String, SignatureRefusal> {
    let message = message(&delivery.headers)?;
    rule(tolerance).judge(message.timestamp, delivery.received_at)?;
    check_untimed(delivery, &message, secrets)
}

pub(super) fn rule(tolerance: Option<Millis>) -> TimestampRule {
    TimestampRule {
        source: TimeSource::Header(String::new()),
        unit: TimeUnit::Seconds,
        past_max: tolerance,
        future_max: tolerance,
    }
}

pub(super) fn message(headers: &Headers) -> Result<Message<'_>, SignatureRefusal> {
    let one = |name: &str| match headers.one(name) {
        HeaderValue::Missing => Ok(None),
        HeaderValue::Repeated => Err(SignatureRefusal::HeaderRepeated),
        HeaderValue::Once(value) => Ok(Some(value)),
    };
    for [id, timestamp, signature] in NAMES {
        let Some(signatures) = one(signature)? else {
            continue;
        };
        let text =
            |value| core::str::from_utf8(value).map_err(|_| SignatureRefusal::HeaderMalformed);
        if signatures.len() > limits::SIGNATURE_BYTES_MAX {
            return Err(SignatureRefusal::HeaderMalformed);
        }
        return Ok(Message {
            id: one(id)?.ok_or(SignatureRefusal::SignedPartMissing)?,
            timestamp: text(one(timestamp)?.ok_or(SignatureRefusal::TimestampMalformed)?)?,
            signatures: text(signatures)?,
        });
    }
    Err(SignatureRefusal::HeaderMissing)
}

/// The message's id, which is signed: of the very headers that [`check`] looks at, so that one
/// under the other name, which nobody has signed, is never taken for it.
pub(crate) fn signed_id(headers: &Headers) -> Option<&str> {
    core::str::from_utf8(message(headers).ok()?.id).ok()
}

fn check_untimed(
    delivery: &RawDelivery,
    message: &Message<'_>,
    secrets: &[Secret],
) -> Result<String, SignatureRefusal> {
    let pieces: [&[u8]; 5] = [
        message.id,
        b".",
        message.timestamp.as_bytes(),
        b".",
        &delivery.body,
    ];
    let tokens: Vec<(&str, &str)> = message
        .signatures
        .split(' ')
        .take(limits::SIGNATURES_MAX)
        .filter_map(|token| token.split_once(','))
        .collect();
    if tokens.is_empty() {
        return Err(SignatureRefusal::HeaderMalformed);
    }
    let mut matching = None;
    let live = secrets
        .iter()
        .filter(|secret| secret.is_live(delivery.received_at));
    for secret in live {
        let is_match = match secret.expose().strip_prefix(PUBLIC_KEY_PREFIX) {
            // The version in the token and the kind of the key belong together: a signature of
            // one kind that is presented as the other is an attack on the difference.
            Some(public) => signed_by(public, &pieces.concat(), &tokens),
            None => maced_by(secret, &pieces, &tokens),
        };
        if is_match {
            matching = Some(secret.label());
        }
    }
    matching
        .map(String::from)
        .ok_or(SignatureRefusal::NoSecretMatches)
}

fn maced_by(secret: &Secret, pieces: &[&[u8]], tokens: &[(&str, &str)]) -> bool {
    let Some(keyed) = secret.keyed(KeyForm::WebhookSecret, HmacAlgorithm::Sha256) else {
        return false;
    };
    let mac = keyed.mac(pieces);
    let claimed = tokens.iter().filter(|(version, _)| *version == "v1");
    let mut is_match = false;
    for (_, text) in claimed {
        let bytes = decode_signature(text.as_bytes(), SignatureEncoding::Base64, 32);
        is_match |= bytes.is_some_and(|bytes| mac.is(&bytes));
    }
    is_match
}

fn signed_by(public: &[u8], message: &[u8], tokens: &[(&str, &str)]) -> bool {
    let Some(key) = base64_lenient(public)
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
    else {
        return false;
    };
    let mut claimed = tokens.iter().filter(|(version, _)| *version == "v1a");
    claimed.any(|(_, text)| {
        base64_lenient(text.as_bytes())
            .and_then(|bytes| Signature::from_slice(&bytes).ok())
            // Strict: without it, signatures of small-order keys are good for several messages.
            .is_some_and(|signature| key.verify_strict(message, &signature).is_ok())
    })
}
