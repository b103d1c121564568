//! Signing as Standard Webhooks has it: for what payhook sends to others, and for what it says that
//! a provider would send.
//!
//! A message is signed with every key that is live, so that a receiver which knows only one of two
//! accepts it while one takes the other's place. Which kind a key is stands before its text:
//! `whsec_` is shared (`v1`, HMAC-SHA-256), `whsk_` the private half of an ed25519 pair (`v1a`).
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

use super::base64_lenient;
use super::hmac::KeyForm;
use super::mac::HmacAlgorithm;
use super::scheme::NotSignable;
use super::standard::PUBLIC_KEY_PREFIX;
use super::timestamp::TimeUnit;
use crate::secret::Secret;
use crate::time::Timestamp;

/// What a secret's text begins with when both sides hold it.
const SHARED_KEY_PREFIX: &[u8] = b"whsec_";

/// What a secret's text begins with when it is the private half of an ed25519 pair.
const PRIVATE_KEY_PREFIX: &[u8] = b"whsk_";

/// Bytes of a shared key, by the specification.
const SHARED_KEY_BYTES: RangeInclusive<usize> = 24..=64;

/// Bytes of an ed25519 seed. Tools also write it with its public half behind it.
const SEED_BYTES: usize = 32;

/// Signs messages. Its `Debug` shows the keys' labels and nothing of the keys.
#[derive(Debug, Clone)]
pub struct StandardSigner {
    secrets: Vec<Secret>,
}

/// The three headers of a signed message; the names are [`Self::ID`] and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandardHeaders {
    /// The message's id: the same however often it is sent.
    pub id: String,
    /// When this attempt is made, in seconds since 1970.
    pub timestamp: String,
    /// One signature for each live key, with spaces between them.
    pub signature: String,
}

/// Why nothing can be signed with a text. It holds no part of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSigningKey {
    /// It says neither kind.
    #[error("a key begins with whsec_ (both sides hold it) or whsk_ (the private half of a pair)")]
    Prefix,
    /// It is the half that receivers have.
    #[error(
        "whpk_ begins a public key, which receivers have; to sign takes the private one, whsk_"
    )]
    PublicHalf,
    /// The shared key is no base64, or of a length that the specification does not allow.
    #[error(
        "after whsec_ stands base64 of {} to {} bytes; `openssl rand -base64 32` makes such",
        SHARED_KEY_BYTES.start(),
        SHARED_KEY_BYTES.end()
    )]
    SharedKey,
    /// The private key is no base64 of a seed, or the public half behind it is another's.
    #[error(
        "after whsk_ stands base64 of an ed25519 key: {SEED_BYTES} bytes, or as many again with its public half"
    )]
    PrivateKey,
}

impl StandardSigner {
    /// A signer with these keys, each with its own time of life.
    ///
    /// # Errors
    /// The place of the first secret that is no key, and why it is none.
    pub fn try_new(secrets: Vec<Secret>) -> Result<Self, (usize, InvalidSigningKey)> {
        for (place, secret) in secrets.iter().enumerate() {
            check(secret.expose()).map_err(|invalid| (place, invalid))?;
        }
        Ok(Self { secrets })
    }

    /// Signs a message for an attempt at `now`. `id` must hold no `.`, which separates what is
    /// signed. `None` when no key is live then.
    pub fn sign(&self, id: &str, body: &[u8], now: Timestamp) -> Option<StandardHeaders> {
        let timestamp = TimeUnit::Seconds.write(now);
        let live = self.secrets.iter().filter(|secret| secret.is_live(now));
        let signatures: Vec<String> = live
            .filter_map(|secret| signature(secret, id, &timestamp, body).ok())
            .collect();
        (!signatures.is_empty()).then(|| StandardHeaders {
            id: id.to_owned(),
            timestamp,
            signature: signatures.join(" "),
        })
    }
}

impl StandardHeaders {
    /// The name of the id's header.
    pub const ID: &'static str = "webhook-id";
    /// The name of the time's header.
    pub const TIMESTAMP: &'static str = "webhook-timestamp";
    /// The name of the signatures' header.
    pub const SIGNATURE: &'static str = "webhook-signature";

    /// The headers, name and value.
    pub fn pairs(&self) -> [(&'static str, &str); 3] {
        [
            (Self::ID, &self.id),
            (Self::TIMESTAMP, &self.timestamp),
            (Self::SIGNATURE, &self.signature),
        ]
    }
}

/// One signature with its version before it, as it stands in the header.
pub(super) fn signature(
    secret: &Secret,
    id: &str,
    timestamp: &str,
    body: &[u8],
) -> Result<String, NotSignable> {
    let pieces: [&[u8]; 5] = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    if let Some(private) = secret.expose().strip_prefix(PRIVATE_KEY_PREFIX) {
        let key = signing_key(private).ok_or(NotSignable::PrivateKey)?;
        let signature = key.sign(&pieces.concat());
        return Ok(alloc::format!(
            "v1a,{}",
            STANDARD.encode(signature.to_bytes())
        ));
    }
    if secret.expose().starts_with(PUBLIC_KEY_PREFIX) {
        return Err(NotSignable::PrivateKey);
    }
    let keyed = secret
        .keyed(KeyForm::WebhookSecret, HmacAlgorithm::Sha256)
        .ok_or(NotSignable::Key(KeyForm::WebhookSecret.requirement()))?;
    let mac = keyed.mac(&pieces);
    Ok(alloc::format!("v1,{}", STANDARD.encode(mac.as_ref())))
}

/// Stricter than what is accepted of a provider: a key that we are to sign with is one that the
/// receiver's library takes, too.
fn check(text: &[u8]) -> Result<(), InvalidSigningKey> {
    if let Some(shared) = text.strip_prefix(SHARED_KEY_PREFIX) {
        let key = base64_lenient(shared).map(Zeroizing::new);
        return key
            .filter(|key| SHARED_KEY_BYTES.contains(&key.len()))
            .map(|_| ())
            .ok_or(InvalidSigningKey::SharedKey);
    }
    if let Some(private) = text.strip_prefix(PRIVATE_KEY_PREFIX) {
        return signing_key(private)
            .map(|_| ())
            .ok_or(InvalidSigningKey::PrivateKey);
    }
    if text.starts_with(PUBLIC_KEY_PREFIX) {
        return Err(InvalidSigningKey::PublicHalf);
    }
    Err(InvalidSigningKey::Prefix)
}

/// The key in a text: a seed, or a seed with its public half behind it.
fn signing_key(text: &[u8]) -> Option<SigningKey> {
    let bytes = Zeroizing::new(base64_lenient(text)?);
    let (seed, public) = bytes.split_at_checked(SEED_BYTES)?;
    let seed: Zeroizing<[u8; SEED_BYTES]> = Zeroizing::new(seed.try_into().ok()?);
    let key = SigningKey::from_bytes(&seed);
    (public.is_empty() || public == key.verifying_key().as_bytes()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{Headers, RawDelivery};
    use crate::signature::{STANDARD_TOLERANCE, Scheme, SignatureRefusal};
    use crate::source::SourceName;
    use crate::time::Millis;
    use alloc::format;
    use alloc::string::ToString as _;
    use alloc::vec;
    use bytes::Bytes;

    const SHARED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const PRIVATE: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    const PUBLIC: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    const NOW: Timestamp = Timestamp::from_millis(1_614_265_330_999);

    fn signer(texts: &[&str]) -> StandardSigner {
        let secrets = texts.iter().map(|text| Secret::new("it", *text)).collect();
        StandardSigner::try_new(secrets).expect("keys")
    }

    fn verdict(
        headers: &StandardHeaders,
        body: &str,
        secret: &str,
    ) -> Result<(), SignatureRefusal> {
        let pairs = headers.pairs();
        let pairs = pairs.map(|(name, value)| (name, Bytes::copy_from_slice(value.as_bytes())));
        let delivery = RawDelivery {
            source: SourceName::generic(),
            headers: Headers::new(pairs),
            body: Bytes::copy_from_slice(body.as_bytes()),
            received_at: NOW.after(Millis::from_secs(60)),
        };
        let scheme = Scheme::StandardWebhooks {
            tolerance: Some(STANDARD_TOLERANCE),
        };
        let checked = scheme.check(delivery, &[Secret::new("it", secret)]);
        checked.map(|_| ()).map_err(|(refusal, _)| refusal)
    }

    #[test]
    fn the_specifications_own_example_is_signed_as_it_says() {
        let headers = signer(&[SHARED]).sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            br#"{"test": 2432232314}"#,
            NOW,
        );
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let headers = headers.expect("live");
        assert_eq!(
            (headers.timestamp.as_str(), headers.signature.as_str()),
            ("1614265330", expected)
        );
    }

    #[test]
    fn what_is_signed_is_verified_by_whoever_holds_either_key_and_nobody_else() {
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let both = signer(&[SHARED, PRIVATE])
            .sign("msg_1", b"{}", NOW)
            .expect("live");
        assert_eq!(both.signature.split(' ').count(), 2);
        for (body, secret, verifies) in [
            ("{}", SHARED, true),
            ("{}", PUBLIC, true),
            ("{}", other, false),
            ("{ }", SHARED, false),
            ("{ }", PUBLIC, false),
        ] {
            let expected = match verifies {
                true => Ok(()),
                false => Err(SignatureRefusal::NoSecretMatches),
            };
            assert_eq!(verdict(&both, body, secret), expected, "{body} {secret}");
        }
    }

    #[test]
    fn only_keys_that_live_then_sign() {
        let at = |millis| Timestamp::from_millis(millis);
        let secrets = vec![
            Secret::new("old", SHARED).retiring_at(at(20)),
            Secret::new("new", PRIVATE).starting_at(at(10)),
        ];
        let signer = StandardSigner::try_new(secrets).expect("keys");
        for (now, versions) in [(9, "v1"), (10, "v1 v1a"), (19, "v1 v1a"), (20, "v1a")] {
            let headers = signer.sign("msg_1", b"{}", at(now)).expect("live");
            let found: Vec<&str> = headers
                .signature
                .split(' ')
                .filter_map(|token| Some(token.split_once(',')?.0))
                .collect();
            assert_eq!(found.join(" "), versions, "{now}");
        }
        let retired = vec![Secret::new("old", SHARED).retiring_at(at(20))];
        let retired = StandardSigner::try_new(retired).expect("keys");
        assert_eq!(retired.sign("msg_1", b"{}", at(20)), None);
    }

    #[test]
    fn what_is_no_key_is_refused_for_its_own_reason() {
        use InvalidSigningKey::{Prefix, PrivateKey, PublicHalf, SharedKey};
        let base64 = |bytes: usize| STANDARD.encode(vec![7; bytes]);
        let pair = |public: &str| {
            let seed = base64_lenient(PRIVATE.trim_start_matches("whsk_").as_bytes());
            let public = base64_lenient(public.trim_start_matches("whpk_").as_bytes());
            let both = [seed.expect("base64"), public.expect("base64")].concat();
            format!("whsk_{}", STANDARD.encode(both))
        };
        for (text, expected) in [
            (SHARED.to_owned(), None),
            (format!("whsec_{}", base64(24)), None),
            (format!("whsec_{}", base64(23)), Some(SharedKey)),
            (format!("whsec_{}", base64(64)), None),
            (format!("whsec_{}", base64(65)), Some(SharedKey)),
            ("whsec_!".to_owned(), Some(SharedKey)),
            ("whsec_".to_owned(), Some(SharedKey)),
            (PRIVATE.to_owned(), None),
            (pair(PUBLIC), None),
            (pair(&base64(32)), Some(PrivateKey)),
            (format!("whsk_{}", base64(31)), Some(PrivateKey)),
            (format!("whsk_{}", base64(33)), Some(PrivateKey)),
            (PUBLIC.to_owned(), Some(PublicHalf)),
            (base64(32), Some(Prefix)),
            (String::new(), Some(Prefix)),
        ] {
            let made = StandardSigner::try_new(vec![Secret::new("it", text.clone())]);
            assert_eq!(made.err().map(|(_, why)| why), expected, "{text}");
        }
        let second = vec![Secret::new("a", SHARED), Secret::new("b", "hunter2")];
        let refused = StandardSigner::try_new(second).expect_err("no key");
        assert_eq!(refused, (1, Prefix));
        assert!(!refused.1.to_string().contains("hunter2"));
        assert!(!format!("{:?}", signer(&[SHARED])).contains("MfKQ"));
    }
}
