//! hook0's scheme, which Coinbase's CDP uses: the signature covers headers that it names itself.
//! <https://documentation.hook0.com/tutorials/webhook-authentication>

use alloc::string::String;
use alloc::vec::Vec;

use super::SignatureRefusal;
use super::encoding::{self, SignatureEncoding};
use super::hmac::KeyForm;
use super::mac::HmacAlgorithm;
use super::timestamp::{TimeSource, TimeUnit, TimestampRule};
use crate::delivery::{HeaderValue, RawDelivery};
use crate::limits;
use crate::secret::Secret;
use crate::time::Millis;

/// The header.
pub(super) const HEADER: &str = "x-hook0-signature";

pub(super) struct Parsed<'a> {
    timestamp: &'a str,
    /// The names of the signed headers, space between them, in lower case.
    names: String,
    v0: Vec<Vec<u8>>,
    v1: Vec<Vec<u8>>,
}

pub(super) fn check(
    delivery: &RawDelivery,
    secrets: &[Secret],
    tolerance: Option<Millis>,
) -> Result<String, SignatureRefusal> {
    let parsed = parse(delivery)?;
    let rule = TimestampRule {
        source: TimeSource::Pair("t".into()),
        unit: TimeUnit::Seconds,
        past_max: tolerance,
        future_max: tolerance,
    };
    rule.judge(parsed.timestamp, delivery.received_at)?;
    // Where both versions stand, the one that covers more decides.
    let (claimed, pieces) = if parsed.v1.is_empty() {
        (&parsed.v0, pieces(delivery, parsed.timestamp, None)?)
    } else {
        (
            &parsed.v1,
            pieces(delivery, parsed.timestamp, Some(&parsed.names))?,
        )
    };
    let mut matching = None;
    let live = secrets
        .iter()
        .filter(|secret| secret.is_live(delivery.received_at));
    for secret in live {
        let Some(keyed) = secret.keyed(KeyForm::Text, HmacAlgorithm::Sha256) else {
            continue;
        };
        let mac = keyed.mac(&pieces);
        for bytes in claimed {
            if mac.is(bytes) {
                matching = Some(secret.label());
            }
        }
    }
    matching
        .map(String::from)
        .ok_or(SignatureRefusal::NoSecretMatches)
}

/// `{t}.{body}`, or `{t}.{names}.{values}.{body}`, the names in lower case as hook0's own clients
/// put them before they compare.
pub(super) fn pieces<'a>(
    delivery: &'a RawDelivery,
    timestamp: &'a str,
    names: Option<&'a str>,
) -> Result<Vec<&'a [u8]>, SignatureRefusal> {
    let mut pieces: Vec<&[u8]> = alloc::vec![timestamp.as_bytes(), b"."];
    if let Some(names) = names {
        pieces.extend([names.as_bytes(), b"."]);
        for (index, name) in names.split(' ').enumerate() {
            if index >= limits::SIGNED_HEADERS_MAX {
                return Err(SignatureRefusal::HeaderMalformed);
            }
            let value = match delivery.headers.one(name) {
                HeaderValue::Missing => return Err(SignatureRefusal::SignedPartMissing),
                HeaderValue::Repeated => return Err(SignatureRefusal::HeaderRepeated),
                HeaderValue::Once(value) => value,
            };
            if index > 0 {
                pieces.push(b".");
            }
            pieces.push(value);
        }
        pieces.push(b".");
    }
    pieces.push(&delivery.body);
    Ok(pieces)
}

pub(super) fn parse(delivery: &RawDelivery) -> Result<Parsed<'_>, SignatureRefusal> {
    let value = match delivery.headers.one(HEADER) {
        HeaderValue::Missing => return Err(SignatureRefusal::HeaderMissing),
        HeaderValue::Repeated => return Err(SignatureRefusal::HeaderRepeated),
        HeaderValue::Once(value) => value,
    };
    let malformed = SignatureRefusal::HeaderMalformed;
    if value.len() > limits::SIGNATURE_BYTES_MAX {
        return Err(malformed);
    }
    let text = core::str::from_utf8(value).map_err(|_| malformed)?;
    let (mut timestamp, mut names) = (None, None);
    let (mut v0, mut v1) = (Vec::new(), Vec::new());
    for pair in text.split(',') {
        let (name, value) = pair.split_once('=').ok_or(malformed)?;
        let mac = || encoding::decode(value.trim().as_bytes(), SignatureEncoding::Hex, 32);
        match name.trim() {
            "t" if timestamp.replace(value.trim()).is_some() => return Err(malformed),
            "h" if names.replace(value.trim()).is_some() => return Err(malformed),
            "v0" if v0.len() < limits::SIGNATURES_MAX => v0.extend(mac()),
            "v1" if v1.len() < limits::SIGNATURES_MAX => v1.extend(mac()),
            _ => {}
        }
    }
    if v0.is_empty() && v1.is_empty() {
        return Err(malformed);
    }
    let names = match (names, v1.is_empty()) {
        (Some(names), _) if !names.is_empty() => names.to_ascii_lowercase(),
        (_, true) => String::new(),
        (_, false) => return Err(malformed),
    };
    Ok(Parsed {
        timestamp: timestamp.ok_or(SignatureRefusal::TimestampMalformed)?,
        names,
        v0,
        v1,
    })
}
