//! PayPal: RSA over `id|time|webhookId|crc32(body)`, under a certificate whose URL stands in the
//! delivery. <https://developer.paypal.com/api/rest/webhooks/rest/>
//!
//! The secret is the webhook's id: it makes a delivery ours, and nobody else's of PayPal.

use alloc::string::String;
use alloc::vec::Vec;

use super::certificate::{Certificate, is_paypal_certificate_url};
use super::timestamp::{TimeSource, TimeUnit, TimestampRule};
use super::{SignatureRefusal, base64_lenient, rsa_body};
use crate::delivery::{HeaderValue, RawDelivery};
use crate::limits;
use crate::secret::Secret;
use crate::time::Millis;

pub(super) const ID: &str = "paypal-transmission-id";
pub(super) const TIME: &str = "paypal-transmission-time";
pub(super) const SIGNATURE: &str = "paypal-transmission-sig";
pub(super) const CERTIFICATE: &str = "paypal-cert-url";
pub(super) const ALGORITHM: &str = "paypal-auth-algo";

/// What is signed.
pub(super) fn signed_text(id: &str, time: &str, webhook_id: &str, body: &[u8]) -> String {
    alloc::format!("{id}|{time}|{webhook_id}|{}", crc32fast::hash(body))
}

pub(super) fn check(
    delivery: &RawDelivery,
    secrets: &[Secret],
    certificates: &[Certificate],
    tolerance: Option<Millis>,
) -> Result<String, SignatureRefusal> {
    let text = |name, missing| match delivery.headers.one(name) {
        HeaderValue::Missing => Err(missing),
        HeaderValue::Repeated => Err(SignatureRefusal::HeaderRepeated),
        HeaderValue::Once(value) => {
            core::str::from_utf8(value).map_err(|_| SignatureRefusal::HeaderMalformed)
        }
    };
    let signature = text(SIGNATURE, SignatureRefusal::HeaderMissing)?;
    let id = text(ID, SignatureRefusal::SignedPartMissing)?;
    let time = text(TIME, SignatureRefusal::TimestampMalformed)?;
    let url = text(CERTIFICATE, SignatureRefusal::SignedPartMissing)?;
    let algorithm = text(ALGORITHM, SignatureRefusal::SignedPartMissing)?;
    if signature.len() > limits::SIGNATURE_BYTES_MAX || algorithm != "SHA256withRSA" {
        return Err(SignatureRefusal::HeaderMalformed);
    }
    let signature =
        base64_lenient(signature.as_bytes()).ok_or(SignatureRefusal::HeaderMalformed)?;
    let rule = TimestampRule {
        source: TimeSource::Header(TIME.into()),
        unit: TimeUnit::Iso,
        past_max: tolerance,
        future_max: tolerance,
    };
    rule.judge(time, delivery.received_at)?;
    // A pinned certificate has no URL: whatever one the delivery names, this is the key that counts.
    let candidates: Vec<&Certificate> = certificates
        .iter()
        .filter(|each| each.url == url || each.url.is_empty())
        .collect();
    if candidates.is_empty() {
        return Err(if is_paypal_certificate_url(url) {
            SignatureRefusal::CertificateUnknown
        } else {
            SignatureRefusal::CertificateUntrusted
        });
    }
    let signed_at = TimeUnit::Iso
        .read(time)
        .ok_or(SignatureRefusal::TimestampMalformed)?;
    let trusted: Vec<&Certificate> = candidates
        .into_iter()
        .filter(|each| each.url.is_empty() || each.is_paypals(signed_at))
        .collect();
    if trusted.is_empty() {
        return Err(SignatureRefusal::CertificateUntrusted);
    }
    secrets
        .iter()
        .filter(|secret| secret.is_live(delivery.received_at) && !secret.expose().is_empty())
        .find(|secret| {
            core::str::from_utf8(secret.expose()).is_ok_and(|webhook_id| {
                let text = signed_text(id, time, webhook_id, &delivery.body);
                trusted
                    .iter()
                    .any(|each| rsa_body::is_signed(&each.public_key, text.as_bytes(), &signature))
            })
        })
        .map(|secret| String::from(secret.label()))
        .ok_or(SignatureRefusal::NoSecretMatches)
}
