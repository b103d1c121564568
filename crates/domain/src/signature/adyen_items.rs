//! Adyen's standard webhooks: each item of the body carries the MAC of eight of its own fields.
//! <https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures>
//!
//! Whatever else an item says is not covered: it is a hint, and nothing may rest on it.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::encoding::SignatureEncoding;
use super::hmac::KeyForm;
use super::mac::HmacAlgorithm;
use super::{SignatureRefusal, decode_signature};
use crate::delivery::RawDelivery;
use crate::json::Object;
use crate::limits;
use crate::secret::Secret;

/// The eight fields in a row, a missing one as nothing, without any escaping.
pub fn signed_text(item: &Object<'_>) -> String {
    let amount = item.object("amount");
    let amount = |name| amount.as_ref().map(|amount| item_text(amount, name));
    let parts = [
        item_text(item, "pspReference"),
        item_text(item, "originalReference"),
        item_text(item, "merchantAccountCode"),
        item_text(item, "merchantReference"),
        amount("value").unwrap_or_default(),
        amount("currency").unwrap_or_default(),
        item_text(item, "eventCode"),
        item_text(item, "success"),
    ];
    parts.join(":")
}

/// The text of a field as Adyen signs it: a number or a truth value as it is written.
pub fn item_text<'a>(object: &Object<'a>, name: &str) -> Cow<'a, str> {
    object.scalar(name).unwrap_or_default()
}

/// Whether another field than the merchant's reference holds the separator. Nothing is escaped, so
/// that the same signed text could be cut into other fields: another payment, another amount.
fn may_be_shifted(item: &Object<'_>) -> bool {
    let amount = item.object("amount");
    let of_amount = |name| amount.as_ref().map(|amount| item_text(amount, name));
    let own = [
        "pspReference",
        "originalReference",
        "merchantAccountCode",
        "eventCode",
        "success",
    ];
    own.iter().any(|name| item_text(item, name).contains(':'))
        || ["value", "currency"]
            .iter()
            .any(|name| of_amount(name).unwrap_or_default().contains(':'))
}

/// Every item must be signed, with the same secret.
pub(super) fn check(
    delivery: &RawDelivery,
    secrets: &[Secret],
) -> Result<String, SignatureRefusal> {
    let body = Object::parse(&delivery.body).ok_or(SignatureRefusal::HeaderMalformed)?;
    let items = body.objects("notificationItems");
    if items.is_empty() || items.len() > limits::EVENTS_PER_DELIVERY_MAX {
        return Err(SignatureRefusal::HeaderMissing);
    }
    let mut signed: Vec<(String, Vec<u8>)> = Vec::with_capacity(items.len());
    for item in &items {
        let item = item
            .object("NotificationRequestItem")
            .ok_or(SignatureRefusal::HeaderMalformed)?;
        let text = item
            .object("additionalData")
            .and_then(|data| data.text("hmacSignature"))
            .ok_or(SignatureRefusal::HeaderMissing)?;
        let mac = decode_signature(text.as_bytes(), SignatureEncoding::Base64, 32)
            .ok_or(SignatureRefusal::HeaderMalformed)?;
        if may_be_shifted(&item) {
            return Err(SignatureRefusal::HeaderMalformed);
        }
        signed.push((signed_text(&item), mac));
    }
    let mut matching = None;
    let live = secrets
        .iter()
        .filter(|secret| secret.is_live(delivery.received_at));
    for secret in live {
        let Some(keyed) = secret.keyed(KeyForm::Hex, HmacAlgorithm::Sha256) else {
            continue;
        };
        let mut all = true;
        for (text, claimed) in &signed {
            all &= keyed.mac(&[text.as_bytes()]).is(claimed);
        }
        if all {
            matching = Some(secret.label());
        }
    }
    matching
        .map(String::from)
        .ok_or(SignatureRefusal::NoSecretMatches)
}
