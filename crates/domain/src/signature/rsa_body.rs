//! RSA with SHA-256 (PKCS #1 v1.5) over bytes, under a public key.

use alloc::string::String;
use alloc::vec::Vec;

use rsa::PublicKey;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::pkcs8::DecodePublicKey as _;
use rsa::signature::Verifier as _;
use rsa::traits::PublicKeyParts as _;
use sha2::Sha256;

use super::{SignatureRefusal, base64_lenient};
use crate::delivery::{HeaderValue, RawDelivery};
use crate::limits;
use crate::secret::Secret;

/// Fewest bits of a key that counts (NIST SP 800-131A).
const KEY_BITS_MIN: u32 = 2048;

/// Whether `signature` is the key's signature over `message`. `key` is a SubjectPublicKeyInfo in
/// DER.
pub(super) fn is_signed(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = PublicKey::from_public_key_der(key) else {
        return false;
    };
    if key.n().bit_width() < KEY_BITS_MIN {
        return false;
    }
    Signature::try_from(signature).is_ok_and(|signature| {
        VerifyingKey::<Sha256>::new(key)
            .verify(message, &signature)
            .is_ok()
    })
}

/// The DER inside of a PEM text, whatever its label; `None` when it is none.
pub(super) fn der_of_pem(text: &[u8]) -> Option<Vec<u8>> {
    let text = core::str::from_utf8(text).ok()?;
    let inner = text.split("-----").nth(2)?;
    let digits: String = inner.split_ascii_whitespace().collect();
    base64_lenient(digits.as_bytes())
}

/// A signature over the body in one header; the secret is the provider's public key.
pub(super) fn check(
    header: &str,
    delivery: &RawDelivery,
    secrets: &[Secret],
) -> Result<String, SignatureRefusal> {
    let value = match delivery.headers.one(header) {
        HeaderValue::Missing => return Err(SignatureRefusal::HeaderMissing),
        HeaderValue::Repeated => return Err(SignatureRefusal::HeaderRepeated),
        HeaderValue::Once(value) => value,
    };
    if value.len() > limits::SIGNATURE_BYTES_MAX {
        return Err(SignatureRefusal::HeaderMalformed);
    }
    let signature = base64_lenient(value.trim_ascii()).ok_or(SignatureRefusal::HeaderMalformed)?;
    secrets
        .iter()
        .filter(|secret| secret.is_live(delivery.received_at))
        .find(|secret| {
            der_of_pem(secret.expose())
                .is_some_and(|key| is_signed(&key, &delivery.body, &signature))
        })
        .map(|secret| String::from(secret.label()))
        .ok_or(SignatureRefusal::NoSecretMatches)
}
