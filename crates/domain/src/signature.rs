//! Proof that a delivery was sent by who holds the secret.
//!
//! A check leaves a proof: [`Verified`] has a private field and one constructor, called only in
//! this file, after a comparison that succeeded. Whatever must not happen to an unproven
//! delivery asks for a `Verified` one, and then forgetting the check does not compile.

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::Hmac;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq as _;

use crate::delivery::{HeaderValue, RawDelivery};
use crate::limits;
use crate::secret::Secret;

/// Something whose sender has proved to hold one of the source's secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T> {
    inner: T,
    secret_label: String,
}

/// Why a delivery proves nothing. In order of precedence: the first that applies is given.
///
/// It carries no byte of the delivery and may be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SignatureRefusal {
    /// The signature header is absent or empty. The sender is not configured to sign.
    #[error("the signature header is missing")]
    HeaderMissing,
    /// The header stands there more than once; choosing one would let a proxy choose for us.
    #[error("the signature header is repeated")]
    HeaderRepeated,
    /// The header's value is not in the scheme's encoding, or not of the MAC's length.
    #[error("the signature header is malformed")]
    HeaderMalformed,
    /// No live secret of the source gives this signature over these bytes.
    #[error("no live secret of this source matches the signature")]
    NoSecretMatches,
}

/// A MAC over the exact body, sent in one header: the scheme of the seed, of GitHub, and of
/// most providers without a scheme of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HmacScheme {
    /// The header, lower case.
    pub header: String,
    /// The hash under the MAC.
    pub algorithm: HmacAlgorithm,
    /// How the MAC is written.
    pub encoding: SignatureEncoding,
    /// A text such as `sha256=` that may stand before the MAC.
    pub prefix: Option<String>,
}

/// The hash under an HMAC (RFC 2104).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HmacAlgorithm {
    /// HMAC-SHA-256, 32 bytes.
    Sha256,
    /// HMAC-SHA-512, 64 bytes.
    Sha512,
}

/// How the bytes of a MAC are written in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureEncoding {
    /// Two hexadecimal digits a byte, either case.
    Hex,
    /// Base64 with padding, or the URL-safe alphabet without (RFC 4648).
    Base64,
}

impl<T> Verified<T> {
    /// The one way to make a proof. Every call stands after a constant-time comparison.
    fn assertion(inner: T, secret_label: String) -> Self {
        Self {
            inner,
            secret_label,
        }
    }

    /// What was proved.
    pub fn get(&self) -> &T {
        &self.inner
    }

    /// What was proved, without the proof.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// The label of the secret that matched, to see when an old one is no longer used.
    pub fn secret_label(&self) -> &str {
        &self.secret_label
    }
}

impl HmacScheme {
    /// Checks the delivery against every live secret, judged at the time it was received.
    ///
    /// Gives the delivery back with the refusal, so that it can be kept apart.
    pub fn verify(
        &self,
        delivery: RawDelivery,
        secrets: &[Secret],
    ) -> Result<Verified<RawDelivery>, (SignatureRefusal, RawDelivery)> {
        match self.matching_secret(&delivery, secrets) {
            Ok(label) => Ok(Verified::assertion(delivery, label)),
            Err(refusal) => Err((refusal, delivery)),
        }
    }

    /// The header value that a sender holding `key` would send with `body`.
    pub fn sign(&self, key: &[u8], body: &[u8]) -> String {
        let mac = self.algorithm.mac(key, body);
        let text = match self.encoding {
            SignatureEncoding::Hex => hex::encode(mac),
            SignatureEncoding::Base64 => STANDARD.encode(mac),
        };
        match &self.prefix {
            Some(prefix) => alloc::format!("{prefix}{text}"),
            None => text,
        }
    }

    fn matching_secret(
        &self,
        delivery: &RawDelivery,
        secrets: &[Secret],
    ) -> Result<String, SignatureRefusal> {
        let value = match delivery.headers.one(&self.header) {
            HeaderValue::Missing => return Err(SignatureRefusal::HeaderMissing),
            HeaderValue::Repeated => return Err(SignatureRefusal::HeaderRepeated),
            HeaderValue::Once(value) => value,
        };
        let claimed = self
            .decode(value)
            .ok_or(SignatureRefusal::HeaderMalformed)?;
        let mut matching = None;
        // Every live secret is tried even after a match, so that the time taken does not tell
        // which one it was.
        for secret in secrets
            .iter()
            .filter(|secret| secret.is_live(delivery.received_at))
        {
            let expected = self.algorithm.mac(secret.expose(), &delivery.body);
            if bool::from(expected.ct_eq(&claimed)) {
                matching = Some(secret.label());
            }
        }
        matching
            .map(String::from)
            .ok_or(SignatureRefusal::NoSecretMatches)
    }

    /// The MAC that a header's value holds, when it is written as the scheme wants it.
    pub(crate) fn decode(&self, value: &[u8]) -> Option<Vec<u8>> {
        if value.len() > limits::SIGNATURE_BYTES_MAX {
            return None;
        }
        let value = value.trim_ascii();
        let value = match &self.prefix {
            Some(prefix) => value.strip_prefix(prefix.as_bytes()).unwrap_or(value),
            None => value,
        };
        let bytes = match self.encoding {
            SignatureEncoding::Hex => hex::decode(value).ok()?,
            SignatureEncoding::Base64 => STANDARD
                .decode(value)
                .or_else(|_| URL_SAFE_NO_PAD.decode(value))
                .ok()?,
        };
        (bytes.len() == self.algorithm.mac_bytes()).then_some(bytes)
    }
}

impl HmacAlgorithm {
    /// Length of the MAC, in bytes.
    pub const fn mac_bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The MAC of `message` under `key`.
    pub(crate) fn mac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => mac::<Hmac<Sha256>>(key, message),
            Self::Sha512 => mac::<Hmac<Sha512>>(key, message),
        }
    }

    /// The plain hash of `parts` in a row: what some senders take for a MAC. It proves nothing.
    pub(crate) fn digest(self, parts: [&[u8]; 2]) -> Vec<u8> {
        match self {
            Self::Sha256 => hash::<Sha256>(parts),
            Self::Sha512 => hash::<Sha512>(parts),
        }
    }
}

fn mac<M: hmac::Mac + hmac::KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    // HMAC takes keys of every length (RFC 2104, section 3), so this arm is never reached.
    let Ok(mut mac) = <M as hmac::KeyInit>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn hash<D: Digest>(parts: [&[u8]; 2]) -> Vec<u8> {
    let mut digest = D::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Headers;
    use crate::source::SourceName;
    use crate::time::Timestamp;
    use alloc::borrow::ToOwned;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn scheme(algorithm: HmacAlgorithm, encoding: SignatureEncoding) -> HmacScheme {
        HmacScheme {
            header: "x-webhook-signature".to_owned(),
            algorithm,
            encoding,
            prefix: Some("sha256=".to_owned()),
        }
    }

    fn delivery(signatures: &[&str], body: &'static str) -> RawDelivery {
        RawDelivery {
            source: SourceName::generic(),
            headers: Headers::new(signatures.iter().map(|value| {
                (
                    "X-Webhook-Signature",
                    Bytes::copy_from_slice(value.as_bytes()),
                )
            })),
            body: Bytes::from_static(body.as_bytes()),
            received_at: Timestamp::from_millis(1_000),
        }
    }

    // RFC 4231, test case 2.
    const KEY: &str = "Jefe";
    const BODY: &str = "what do ya want for nothing?";
    const MAC: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

    #[test]
    fn verdicts_in_order_of_precedence() {
        use SignatureRefusal::{HeaderMalformed, HeaderMissing, HeaderRepeated, NoSecretMatches};
        let upper = MAC.to_ascii_uppercase();
        let prefixed = alloc::format!("sha256={MAC}");
        let wrong_case_prefix = alloc::format!("SHA256={MAC}");
        let flipped = MAC.replacen('5', "4", 1);
        let padded = alloc::format!(" {MAC}\t");
        let long = "5".repeat(limits::SIGNATURE_BYTES_MAX + 1);
        for (signatures, verdict) in [
            (&[MAC][..], Ok("now")),
            (&[&upper], Ok("now")),
            (&[&prefixed], Ok("now")),
            (&[&padded], Ok("now")),
            (&[], Err(HeaderMissing)),
            (&[""], Err(HeaderMissing)),
            (&[MAC, MAC], Err(HeaderRepeated)),
            (&["not hex at all"], Err(HeaderMalformed)),
            (&[&MAC[..62]], Err(HeaderMalformed)),
            (&[&MAC[..63]], Err(HeaderMalformed)),
            (&["00"], Err(HeaderMalformed)),
            (&[&wrong_case_prefix], Err(HeaderMalformed)),
            (&[&long], Err(HeaderMalformed)),
            (&["sha256="], Err(HeaderMalformed)),
            (&[&flipped], Err(NoSecretMatches)),
        ] {
            let scheme = scheme(HmacAlgorithm::Sha256, SignatureEncoding::Hex);
            let secrets = [Secret::new("old", "x"), Secret::new("now", KEY)];
            let found = scheme.verify(delivery(signatures, BODY), &secrets);
            let found = found
                .as_ref()
                .map(Verified::secret_label)
                .map_err(|(why, _)| *why);
            assert_eq!(found, verdict, "{signatures:?}");
        }
    }

    #[test]
    fn a_retired_secret_proves_nothing_from_its_last_moment_on() {
        let scheme = scheme(HmacAlgorithm::Sha256, SignatureEncoding::Hex);
        for (retires_at, is_proof) in [(1_001, true), (1_000, false), (999, false)] {
            let secret = Secret::new("old", KEY).retiring_at(Timestamp::from_millis(retires_at));
            assert_eq!(
                scheme.verify(delivery(&[MAC], BODY), &[secret]).is_ok(),
                is_proof
            );
        }
        assert!(scheme.verify(delivery(&[MAC], BODY), &[]).is_err());
    }

    proptest! {
        #[test]
        fn what_we_sign_we_verify_and_one_flipped_bit_we_refuse(
            key in proptest::collection::vec(any::<u8>(), 1..80),
            body in proptest::collection::vec(any::<u8>(), 1..200),
            sha512: bool, base64: bool, bit in 0_usize..1600,
        ) {
            let scheme = scheme(
                if sha512 { HmacAlgorithm::Sha512 } else { HmacAlgorithm::Sha256 },
                if base64 { SignatureEncoding::Base64 } else { SignatureEncoding::Hex },
            );
            let signature = scheme.sign(&key, &body);
            let secrets = [Secret::new("only", key)];
            let mut sent = delivery(&[&signature], "");
            sent.body = Bytes::from(body.clone());
            prop_assert!(scheme.verify(sent.clone(), &secrets).is_ok());
            let mut altered = body;
            let at = bit.wrapping_div(8).checked_rem(altered.len()).unwrap_or(0);
            altered[at] ^= 1 << (bit % 8);
            sent.body = Bytes::from(altered);
            prop_assert!(scheme.verify(sent, &secrets).is_err());
        }

        #[test]
        fn no_header_value_panics(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            for encoding in [SignatureEncoding::Hex, SignatureEncoding::Base64] {
                let mut sent = delivery(&[], BODY);
                sent.headers = Headers::new([("x-webhook-signature", Bytes::from(value.clone()))]);
                let scheme = scheme(HmacAlgorithm::Sha256, encoding);
                prop_assert!(scheme.verify(sent, &[Secret::new("a", KEY)]).is_err());
            }
        }
    }
}
