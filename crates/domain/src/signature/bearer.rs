//! A static token in a header: the sender is known, the body is not covered.

use alloc::string::String;

use subtle::ConstantTimeEq as _;

use super::SignatureRefusal;
use crate::delivery::{HeaderValue, RawDelivery};
use crate::limits;
use crate::secret::Secret;

/// A token that is the secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenScheme {
    /// The header that holds it, lower case.
    pub header: String,
}

impl TokenScheme {
    pub(super) fn check(
        &self,
        delivery: &RawDelivery,
        secrets: &[Secret],
    ) -> Result<String, SignatureRefusal> {
        let token = match delivery.headers.one(&self.header) {
            HeaderValue::Missing => return Err(SignatureRefusal::HeaderMissing),
            HeaderValue::Repeated => return Err(SignatureRefusal::HeaderRepeated),
            HeaderValue::Once(value) => value,
        };
        if token.len() > limits::SIGNATURE_BYTES_MAX {
            return Err(SignatureRefusal::HeaderMalformed);
        }
        let mut matching = None;
        let live = secrets
            .iter()
            .filter(|secret| secret.is_live(delivery.received_at));
        for secret in live {
            // An unset secret is the empty token, and everybody can send that.
            let is_same = bool::from(secret.expose().ct_eq(token));
            if is_same && !secret.expose().is_empty() {
                matching = Some(secret.label());
            }
        }
        matching
            .map(String::from)
            .ok_or(SignatureRefusal::NoSecretMatches)
    }
}
