//! Braintree: a form with `bt_signature` and `bt_payload`, HMAC-SHA-1 under the SHA-1 of the
//! private key. A secret is the private key, and its id the public one.
//! <https://developer.paypal.com/braintree/docs/guides/webhooks/parse>

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use sha1::Sha1;
use sha2::Digest as _;

use super::SignatureRefusal;
use super::mac::{HmacAlgorithm, Mac};
use crate::delivery::RawDelivery;
use crate::limits;
use crate::secret::Secret;
use crate::time::Timestamp;

/// The two fields of the form.
pub(super) struct Form<'a> {
    pub(super) signature: Cow<'a, str>,
    pub(super) payload: Cow<'a, str>,
}

pub(super) fn form(body: &[u8]) -> Result<Form<'_>, SignatureRefusal> {
    let mut signatures = Vec::new();
    let mut payloads = Vec::new();
    for (name, value) in form_urlencoded::parse(body) {
        match &*name {
            "bt_signature" => signatures.push(value),
            "bt_payload" => payloads.push(value),
            _ => {}
        }
    }
    match (signatures.len(), payloads.len()) {
        (0, _) | (_, 0) => return Err(SignatureRefusal::HeaderMissing),
        (1, 1) => {}
        (_, _) => return Err(SignatureRefusal::HeaderRepeated),
    }
    let (Some(signature), Some(payload)) = (signatures.pop(), payloads.pop()) else {
        return Err(SignatureRefusal::HeaderMissing);
    };
    Ok(Form { signature, payload })
}

pub(super) fn mac(private_key: &[u8], pieces: &[&[u8]]) -> Mac {
    HmacAlgorithm::Sha1.mac(&Sha1::digest(private_key), pieces)
}

pub(super) fn check(
    delivery: &RawDelivery,
    secrets: &[Secret],
) -> Result<String, SignatureRefusal> {
    let form = form(&delivery.body)?;
    // What we answer to whoever asks must never count as a notification.
    let is_our_answer = is_challenge(form.payload.trim_end());
    if is_our_answer || form.signature.len() > limits::SIGNATURE_BYTES_MAX {
        return Err(SignatureRefusal::HeaderMalformed);
    }
    let pairs: Vec<(&str, Vec<u8>)> = form
        .signature
        .split('&')
        .take(limits::SIGNATURES_MAX)
        .filter_map(|pair| pair.split_once('|'))
        .filter_map(|(public, digits)| Some((public, hex::decode(digits).ok()?)))
        .filter(|(_, mac)| mac.len() == 20)
        .collect();
    if pairs.is_empty() {
        return Err(SignatureRefusal::HeaderMalformed);
    }
    let payload = form.payload.as_bytes();
    let mut matching = None;
    let live = secrets
        .iter()
        .filter(|secret| secret.is_live(delivery.received_at) && !secret.expose().is_empty());
    for secret in live {
        let key = Sha1::digest(secret.expose());
        // A form that lost its last line break on the way is still what was signed.
        let macs = [
            HmacAlgorithm::Sha1.mac(&key, &[payload]),
            HmacAlgorithm::Sha1.mac(&key, &[payload, b"\n".as_slice()]),
        ];
        for (public, claimed) in &pairs {
            let is_match = macs[0].is(claimed) | macs[1].is(claimed);
            if is_match && secret.has_id(Some(public)) {
                matching = Some(secret.label());
            }
        }
    }
    matching
        .map(String::from)
        .ok_or(SignatureRefusal::NoSecretMatches)
}

/// 20 to 32 hexadecimal digits: what is asked of us, and no payload.
fn is_challenge(text: &str) -> bool {
    (20..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What a Braintree gateway wants to hear when it asks whether an endpoint is ours.
///
/// Only what can be no payload is answered: 20 to 32 hexadecimal digits. Anything else would have
/// us sign notifications for whoever asks. `None` for those, and where no secret that is valid `now`
/// has an id.
pub fn challenge_answer(challenge: &str, secrets: &[Secret], now: Timestamp) -> Option<String> {
    let mut live = secrets.iter().filter(|secret| secret.is_live(now));
    let secret = live.find(|secret| secret.id().is_some())?;
    let public = secret.id().filter(|_| is_challenge(challenge))?;
    let mac = mac(secret.expose(), &[challenge.as_bytes()]);
    Some(alloc::format!("{public}|{}", hex::encode(mac.as_ref())))
}
