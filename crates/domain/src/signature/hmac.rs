//! HMAC in a header: the scheme of most providers, as data.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::encoding::{self, SignatureEncoding};
use super::mac::HmacAlgorithm;
use super::template::{Filling, Template};
use super::timestamp::{TimeSource, TimestampRule};
use super::{SignatureRefusal, base64_lenient};
use crate::delivery::{HeaderValue, Headers, RawDelivery};
use crate::limits;
use crate::secret::Secret;

/// A MAC over bytes that a [`Template`] names, in one header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HmacScheme {
    /// The header, lower case, and other names that it may have.
    pub header: String,
    /// Other names of the same header, lower case; the first that is there counts.
    pub aliases: &'static [&'static str],
    /// What stands in it.
    pub form: HeaderForm,
    /// The hash under the MAC.
    pub algorithm: HmacAlgorithm,
    /// How the MAC is written.
    pub encoding: SignatureEncoding,
    /// How a secret's text becomes the key.
    pub key: KeyForm,
    /// What is signed. With several the provider is known to do it in either way.
    pub signed: Vec<Template>,
    /// The signed time, where there is one.
    pub timestamp: Option<TimestampRule>,
    /// The URL as it is registered with the provider, where it is signed. Never `Host`, which is
    /// whatever the sender says.
    pub url: Option<String>,
    /// The header that says which key was used, where there is one.
    pub key_id_header: Option<&'static str>,
}

/// What stands in a signature's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderForm {
    /// The MAC alone, with a word before it or not.
    Plain(Option<Prefix>),
    /// `t=…,v1=…`: pairs, the signature's name perhaps several times.
    Pairs {
        /// Between the pairs.
        separator: char,
        /// The name before a signature.
        signature: String,
    },
    /// `keyId/SHA256/hex,…`
    KeyIds,
}

/// A word before a MAC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    /// The word, with whatever separates it.
    pub text: String,
    /// Whether it must stand there.
    pub is_required: bool,
    /// Whether its case means nothing.
    pub ignores_case: bool,
}

/// How a secret's text becomes the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyForm {
    /// Its bytes as they are.
    Text,
    /// The bytes that its hexadecimal digits spell.
    Hex,
    /// The bytes that its base64 spells, `whsec_` before it or not (Standard Webhooks).
    WebhookSecret,
}

/// What a signature's header says.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    pub(crate) signatures: Vec<ClaimedMac<'a>>,
    pub(crate) timestamp: Option<&'a str>,
}

/// A MAC that a header claims.
#[derive(Debug)]
pub(crate) struct ClaimedMac<'a> {
    pub(crate) key_id: Option<&'a str>,
    pub(crate) bytes: Vec<u8>,
}

impl Prefix {
    /// A word that may stand there, in exactly this form.
    pub fn optional(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            is_required: false,
            ignores_case: false,
        }
    }

    /// A word that must stand there, in exactly this form.
    pub fn required(text: &str) -> Self {
        Self {
            is_required: true,
            ..Self::optional(text)
        }
    }

    fn strip<'a>(&self, value: &'a [u8]) -> Option<&'a [u8]> {
        let found = value
            .split_at_checked(self.text.len())
            .filter(|(word, _)| {
                if self.ignores_case {
                    word.eq_ignore_ascii_case(self.text.as_bytes())
                } else {
                    *word == self.text.as_bytes()
                }
            })
            .map(|(_, rest)| rest);
        match found {
            None if self.is_required => None,
            None => Some(value),
            Some(rest) => Some(rest.trim_ascii_start()),
        }
    }
}

impl KeyForm {
    /// The key in a secret's text; `None` when the text is not of this form.
    pub fn key(self, text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = match self {
            Self::Text => text.to_vec(),
            Self::Hex => hex::decode(text.trim_ascii()).ok()?,
            Self::WebhookSecret => base64_lenient(text.strip_prefix(b"whsec_").unwrap_or(text))?,
        };
        // An empty key is what an unset variable gives, and everybody knows it.
        (!key.is_empty()).then(|| Zeroizing::new(key))
    }

    /// What a secret's text must be, for whoever configures one.
    pub const fn requirement(self) -> &'static str {
        match self {
            Self::Text => "any text",
            Self::Hex => "an even number of hexadecimal digits",
            Self::WebhookSecret => "base64, with whsec_ before it or not",
        }
    }
}

impl HmacScheme {
    /// A hexadecimal HMAC-SHA-256 of the body in `header`: what every other one differs from.
    pub fn plain(header: &str) -> Self {
        Self {
            header: header.to_ascii_lowercase(),
            aliases: &[],
            form: HeaderForm::Plain(None),
            algorithm: HmacAlgorithm::Sha256,
            encoding: SignatureEncoding::Hex,
            key: KeyForm::Text,
            signed: alloc::vec![Template::body()],
            timestamp: None,
            url: None,
            key_id_header: None,
        }
    }

    /// The header's value that a sender holding `key` would send with `body`, where the body alone
    /// is signed.
    pub fn sign_body(&self, key: &[u8], body: &[u8]) -> String {
        self.write(key, &[body], None, None)
    }

    /// The label of the secret that made a signature of this delivery.
    pub(super) fn check(
        &self,
        delivery: &RawDelivery,
        secrets: &[Secret],
    ) -> Result<String, SignatureRefusal> {
        let value = self.value(delivery)?;
        let parsed = self.parse(value).ok_or(SignatureRefusal::HeaderMalformed)?;
        let timestamp = self.timestamp(delivery, &parsed)?;
        let key_id = self.key_id(delivery)?;
        if let (Some(rule), Some(text)) = (&self.timestamp, timestamp) {
            rule.judge(text, delivery.received_at)?;
        }
        let filling = Filling {
            delivery,
            timestamp,
            url: self.url.as_deref(),
            body: &delivery.body,
        };
        let mut signed = self
            .signed
            .iter()
            .map(|template| template.fill(&filling))
            .collect::<Result<Vec<_>, _>>()?;
        // What two templates say alike is one message.
        signed.dedup();
        let mut matching = None;
        // Every live secret is tried even after a match, so that the time taken does not tell
        // which one it was.
        let live = secrets
            .iter()
            .filter(|secret| secret.is_live(delivery.received_at));
        for secret in live {
            let Some(keyed) = secret.keyed(self.key, self.algorithm) else {
                continue;
            };
            for pieces in &signed {
                let mac = keyed.mac(pieces);
                for claimed in &parsed.signatures {
                    if mac.is(&claimed.bytes) && secret.has_id(claimed.key_id.or(key_id)) {
                        matching = Some(secret.label());
                    }
                }
            }
        }
        matching
            .map(String::from)
            .ok_or(SignatureRefusal::NoSecretMatches)
    }

    /// Judges the signed time alone.
    pub(crate) fn check_time(&self, delivery: &RawDelivery) -> Result<(), SignatureRefusal> {
        let parsed = self
            .parse(self.value(delivery)?)
            .ok_or(SignatureRefusal::HeaderMalformed)?;
        match (&self.timestamp, self.timestamp(delivery, &parsed)?) {
            (Some(rule), Some(text)) => rule.judge(text, delivery.received_at),
            (_, _) => Ok(()),
        }
    }

    /// The value of the signature's header.
    pub(crate) fn value<'a>(
        &self,
        delivery: &'a RawDelivery,
    ) -> Result<&'a [u8], SignatureRefusal> {
        match delivery.headers.one(self.name_in(&delivery.headers)) {
            HeaderValue::Missing => Err(SignatureRefusal::HeaderMissing),
            HeaderValue::Repeated => Err(SignatureRefusal::HeaderRepeated),
            HeaderValue::Once(value) => Ok(value),
        }
    }

    /// The name under which the signature's header stands among these; its first one otherwise.
    pub(crate) fn name_in(&self, headers: &Headers) -> &str {
        let mut aliases = self.aliases.iter().copied();
        let is_there = |name: &str| headers.one(name) != HeaderValue::Missing;
        if is_there(&self.header) {
            return &self.header;
        }
        aliases.find(|name| is_there(name)).unwrap_or(&self.header)
    }

    /// Reads the header's value; `None` when it is not as the scheme wants it.
    pub(crate) fn parse<'a>(&self, value: &'a [u8]) -> Option<Parsed<'a>> {
        if value.len() > limits::SIGNATURE_BYTES_MAX {
            return None;
        }
        match &self.form {
            HeaderForm::Plain(prefix) => {
                let value = value.trim_ascii();
                let text = match prefix {
                    Some(prefix) => prefix.strip(value)?,
                    None => value,
                };
                Some(Parsed {
                    signatures: alloc::vec![ClaimedMac {
                        key_id: None,
                        bytes: self.decode(text)?,
                    }],
                    timestamp: None,
                })
            }
            HeaderForm::Pairs {
                separator,
                signature,
            } => self.parse_pairs(core::str::from_utf8(value).ok()?, *separator, signature),
            HeaderForm::KeyIds => self.parse_key_ids(core::str::from_utf8(value).ok()?),
        }
    }

    fn parse_pairs<'a>(
        &self,
        value: &'a str,
        separator: char,
        signature: &str,
    ) -> Option<Parsed<'a>> {
        let mut parsed = Parsed {
            signatures: Vec::new(),
            timestamp: None,
        };
        let time_name = match self.timestamp.as_ref().map(|rule| &rule.source) {
            Some(TimeSource::Pair(name)) => Some(name.as_str()),
            Some(TimeSource::Header(_)) | None => None,
        };
        let mut named = false;
        for pair in value.split(separator) {
            let Some((name, text)) = pair.split_once('=') else {
                continue;
            };
            let (name, text) = (name.trim(), text.trim());
            if Some(name) == time_name {
                // Two times would let a sender choose which one is judged.
                if parsed.timestamp.replace(text).is_some() {
                    return None;
                }
            } else if name == signature {
                named = true;
                if parsed.signatures.len() >= limits::SIGNATURES_MAX {
                    return None;
                }
                // One that is malformed proves nothing; another beside it still may.
                if let Some(bytes) = self.decode(text.as_bytes()) {
                    parsed.signatures.push(ClaimedMac {
                        key_id: None,
                        bytes,
                    });
                }
            }
        }
        (named && !parsed.signatures.is_empty()).then_some(parsed)
    }

    fn parse_key_ids<'a>(&self, value: &'a str) -> Option<Parsed<'a>> {
        let mut signatures = Vec::new();
        for item in value.split(',').take(limits::SIGNATURES_MAX) {
            let mut fields = item.trim().split('/');
            let (Some(key_id), Some(hash), Some(text), None) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            let is_ours = hash.eq_ignore_ascii_case("sha256");
            if let Some(bytes) = self.decode(text.as_bytes()).filter(|_| is_ours) {
                signatures.push(ClaimedMac {
                    key_id: Some(key_id),
                    bytes,
                });
            }
        }
        (!signatures.is_empty()).then_some(Parsed {
            signatures,
            timestamp: None,
        })
    }

    fn decode(&self, text: &[u8]) -> Option<Vec<u8>> {
        encoding::decode(text, self.encoding, self.algorithm.mac_bytes())
    }

    /// The signed time as it is written; `None` where the scheme signs none.
    pub(crate) fn timestamp<'a>(
        &self,
        delivery: &'a RawDelivery,
        parsed: &Parsed<'a>,
    ) -> Result<Option<&'a str>, SignatureRefusal> {
        let Some(rule) = &self.timestamp else {
            return Ok(None);
        };
        let text = match &rule.source {
            TimeSource::Pair(_) => parsed.timestamp,
            TimeSource::Header(name) => match delivery.headers.one(name) {
                HeaderValue::Missing => None,
                HeaderValue::Repeated => return Err(SignatureRefusal::HeaderRepeated),
                HeaderValue::Once(value) => core::str::from_utf8(value).ok(),
            },
        };
        let text = text.ok_or(SignatureRefusal::TimestampMalformed)?;
        rule.unit
            .read(text)
            .map(|_| Some(text))
            .ok_or(SignatureRefusal::TimestampMalformed)
    }

    fn key_id<'a>(&self, delivery: &'a RawDelivery) -> Result<Option<&'a str>, SignatureRefusal> {
        let Some(name) = self.key_id_header else {
            return Ok(None);
        };
        match delivery.headers.one(name) {
            HeaderValue::Missing => Ok(None),
            HeaderValue::Repeated => Err(SignatureRefusal::HeaderRepeated),
            HeaderValue::Once(value) => Ok(core::str::from_utf8(value).ok()),
        }
    }

    /// Whether every template covers the exact body.
    pub fn covers_body(&self) -> bool {
        self.signed.iter().all(Template::covers_body)
    }

    /// The header's value for a signature made with `key` over `pieces`.
    pub(super) fn write(
        &self,
        key: &[u8],
        pieces: &[impl AsRef<[u8]>],
        timestamp: Option<&str>,
        key_id: Option<&str>,
    ) -> String {
        let mac = self.algorithm.mac(key, pieces);
        let text = self.encoding.encode(mac.as_ref());
        match &self.form {
            HeaderForm::Plain(None) => text,
            HeaderForm::Plain(Some(prefix)) => alloc::format!("{}{text}", prefix.text),
            HeaderForm::KeyIds => {
                alloc::format!("{}/SHA256/{text}", key_id.unwrap_or("1"))
            }
            HeaderForm::Pairs {
                separator,
                signature,
            } => {
                let time = match (self.timestamp.as_ref().map(|rule| &rule.source), timestamp) {
                    (Some(TimeSource::Pair(name)), Some(text)) => {
                        alloc::format!("{name}={text}{separator}")
                    }
                    (_, _) => String::new(),
                };
                alloc::format!("{time}{signature}={text}")
            }
        }
    }
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
            algorithm,
            encoding,
            form: HeaderForm::Plain(Some(Prefix::optional("sha256="))),
            ..HmacScheme::plain("x-webhook-signature")
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
            let found = scheme.check(&delivery(signatures, BODY), &secrets);
            assert_eq!(found, verdict.map(str::to_owned), "{signatures:?}");
        }
    }

    #[test]
    fn a_retired_secret_proves_nothing_from_its_last_moment_on() {
        let scheme = scheme(HmacAlgorithm::Sha256, SignatureEncoding::Hex);
        for (retires_at, is_proof) in [(1_001, true), (1_000, false), (999, false)] {
            let secret = Secret::new("old", KEY).retiring_at(Timestamp::from_millis(retires_at));
            assert_eq!(
                scheme.check(&delivery(&[MAC], BODY), &[secret]).is_ok(),
                is_proof
            );
        }
        assert!(scheme.check(&delivery(&[MAC], BODY), &[]).is_err());
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
            let signature = scheme.write(&key, &[&body], None, None);
            let secrets = [Secret::new("only", key)];
            let mut sent = delivery(&[&signature], "");
            sent.body = Bytes::from(body.clone());
            prop_assert!(scheme.check(&sent, &secrets).is_ok());
            let mut altered = body;
            let at = bit.wrapping_div(8).checked_rem(altered.len()).unwrap_or(0);
            altered[at] ^= 1 << (bit % 8);
            sent.body = Bytes::from(altered);
            prop_assert!(scheme.check(&sent, &secrets).is_err());
        }

        #[test]
        fn no_header_value_panics(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            for encoding in [SignatureEncoding::Hex, SignatureEncoding::Base64] {
                let mut sent = delivery(&[], BODY);
                sent.headers = Headers::new([("x-webhook-signature", Bytes::from(value.clone()))]);
                let scheme = scheme(HmacAlgorithm::Sha256, encoding);
                prop_assert!(scheme.check(&sent, &[Secret::new("a", KEY)]).is_err());
            }
        }
    }
}
