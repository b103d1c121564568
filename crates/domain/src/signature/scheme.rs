//! All schemes behind one face: check a delivery, sign a draft.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use rsa::pkcs1v15::SigningKey as RsaSigningKey;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use sha2::Sha256;

use super::certificate::Certificate;
use super::hmac::{HmacScheme, KeyForm};
use super::mac::HmacAlgorithm;
use super::standard_signer::{self, StandardHeaders};
use super::template::Filling;
use super::timestamp::{TimeSource, TimeUnit};
use super::{
    Authenticated, Proof, SignatureRefusal, TokenScheme, Verified, adyen_items, base64_lenient,
    braintree, hook0, paypal, rsa_body, standard,
};
use crate::delivery::{Headers, QUERY, RawDelivery};
use crate::json::Object;
use crate::secret::Secret;
use crate::source::SourceName;
use crate::time::{Millis, Timestamp};

/// How a source's deliveries prove their sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheme {
    /// An HMAC in a header.
    Hmac(HmacScheme),
    /// Standard Webhooks and Svix.
    StandardWebhooks {
        /// How far off the signed time may be, either way.
        tolerance: Option<Millis>,
    },
    /// Adyen's standard webhooks.
    AdyenItems,
    /// Braintree's form.
    Braintree,
    /// hook0, and Coinbase's CDP.
    Hook0 {
        /// How far off the signed time may be, either way.
        tolerance: Option<Millis>,
    },
    /// PayPal's certificates.
    Paypal {
        /// How far off the signed time may be, either way.
        tolerance: Option<Millis>,
        /// The certificates that are known.
        certificates: Vec<Certificate>,
    },
    /// RSA over the body, under a public key that is the secret.
    Rsa {
        /// The header, lower case.
        header: &'static str,
    },
    /// A static token.
    Token(TokenScheme),
    /// Nothing: the truth must be fetched.
    Unsigned,
}

/// A delivery before it is signed.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// Headers that belong to it, without the signature.
    pub headers: Vec<(String, String)>,
    /// The query of its URL.
    pub query: Option<String>,
    /// The body; a scheme that signs in the body changes it.
    pub body: Bytes,
    /// The message's id, for schemes that sign one.
    pub id: String,
}

/// A delivery as it is sent.
#[derive(Debug, Clone)]
pub struct Signed {
    /// Every header, the signature among them.
    pub headers: Vec<(String, String)>,
    /// The query of its URL.
    pub query: Option<String>,
    /// The exact body.
    pub body: Bytes,
}

/// Why a draft cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSignable {
    /// The secret's text is not of the scheme's form.
    #[error("the secret cannot be a key of this scheme: it needs {0}")]
    Key(&'static str),
    /// The provider signs with a private key, which the secret is not.
    #[error(
        "this provider signs with a private key; give one with --signing-key, whose public half \
         the source trusts"
    )]
    PrivateKey,
    /// The body is not one that the scheme can sign.
    #[error("the body is not one that this provider could sign")]
    Body,
    /// Something that is signed is not there, such as the registered URL.
    #[error("a signed part is missing: the registered url of the source, or a header")]
    Part,
}

/// What a scheme looks at in a delivery: for whoever explains a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claims {
    /// One header, by name.
    Header(String),
    /// The body itself.
    Body,
    /// Nothing.
    None,
}

impl Scheme {
    /// Checks the delivery against every live secret, judged at the time it was received.
    ///
    /// Gives the delivery back with the refusal, so that it can be kept apart.
    pub fn check(
        &self,
        delivery: RawDelivery,
        secrets: &[Secret],
    ) -> Result<Proof<RawDelivery>, (SignatureRefusal, RawDelivery)> {
        match self.matching_secret(&delivery, secrets) {
            Ok(label) if self.covers_body() => {
                Ok(Proof::Verified(Verified::assertion(delivery, label)))
            }
            Ok(label) => Ok(Proof::Authenticated(Authenticated::assertion(
                delivery, label,
            ))),
            Err(refusal) => Err((refusal, delivery)),
        }
    }

    /// The label of the secret that proves the delivery. A label is no proof: only
    /// [`Self::check`] makes one.
    ///
    /// # Errors
    /// See [`SignatureRefusal`].
    pub(crate) fn matching_secret(
        &self,
        delivery: &RawDelivery,
        secrets: &[Secret],
    ) -> Result<String, SignatureRefusal> {
        match self {
            Self::Hmac(scheme) => scheme.check(delivery, secrets),
            Self::StandardWebhooks { tolerance } => standard::check(delivery, secrets, *tolerance),
            Self::AdyenItems => adyen_items::check(delivery, secrets),
            Self::Braintree => braintree::check(delivery, secrets),
            Self::Hook0 { tolerance } => hook0::check(delivery, secrets, *tolerance),
            Self::Paypal {
                tolerance,
                certificates,
            } => paypal::check(delivery, secrets, certificates, *tolerance),
            Self::Rsa { header } => rsa_body::check(header, delivery, secrets),
            Self::Token(scheme) => scheme.check(delivery, secrets),
            Self::Unsigned => Err(SignatureRefusal::Unsigned),
        }
    }

    /// Whether a signature covers the exact body, or what of it means something.
    pub fn covers_body(&self) -> bool {
        match self {
            Self::Hmac(scheme) => scheme.covers_body(),
            Self::StandardWebhooks { .. }
            | Self::AdyenItems
            | Self::Braintree
            | Self::Hook0 { .. }
            | Self::Paypal { .. }
            | Self::Rsa { .. } => true,
            Self::Token(_) | Self::Unsigned => false,
        }
    }

    /// The same scheme, for which no signed time is too old or too far ahead.
    pub(crate) fn at_any_time(&self) -> Self {
        self.clone().within(None)
    }

    /// The same scheme with another tolerance of the signed time, where there is one.
    #[must_use]
    pub fn within(mut self, new: Option<Millis>) -> Self {
        match &mut self {
            Self::Hmac(HmacScheme {
                timestamp: Some(rule),
                ..
            }) => (rule.past_max, rule.future_max) = (new, new),
            Self::StandardWebhooks { tolerance }
            | Self::Hook0 { tolerance }
            | Self::Paypal { tolerance, .. } => *tolerance = new,
            Self::Hmac(_)
            | Self::AdyenItems
            | Self::Braintree
            | Self::Rsa { .. }
            | Self::Token(_)
            | Self::Unsigned => {}
        }
        self
    }

    /// Whether it signs a time, so that a replay can be told by its age.
    pub fn signs_time(&self) -> bool {
        match self {
            Self::Hmac(scheme) => scheme.timestamp.is_some(),
            Self::StandardWebhooks { .. } | Self::Hook0 { .. } | Self::Paypal { .. } => true,
            Self::AdyenItems
            | Self::Braintree
            | Self::Rsa { .. }
            | Self::Token(_)
            | Self::Unsigned => false,
        }
    }

    /// What a secret's text must be; `None` when this one is as it must be.
    pub fn objection_to(&self, secret: &[u8]) -> Option<&'static str> {
        let form = match self {
            Self::Hmac(scheme) => scheme.key,
            Self::AdyenItems => KeyForm::Hex,
            Self::StandardWebhooks { .. } => {
                return match secret.strip_prefix(standard::PUBLIC_KEY_PREFIX) {
                    Some(public) => base64_lenient(public)
                        .is_none_or(|key| key.len() != 32)
                        .then_some("32 bytes in base64 after whpk_"),
                    None => KeyForm::WebhookSecret
                        .key(secret)
                        .is_none()
                        .then_some(KeyForm::WebhookSecret.requirement()),
                };
            }
            Self::Rsa { .. } => {
                let is_key = rsa_body::der_of_pem(secret).is_some();
                return (!is_key).then_some("a public key in PEM");
            }
            Self::Braintree | Self::Hook0 { .. } | Self::Paypal { .. } | Self::Token(_) => {
                KeyForm::Text
            }
            Self::Unsigned => return None,
        };
        form.key(secret).is_none().then_some(form.requirement())
    }

    /// The header that holds its signatures, lower case; `None` where they stand elsewhere.
    pub fn signature_header(&self) -> Option<String> {
        match self.claims() {
            Claims::Header(header) => Some(header),
            Claims::Body | Claims::None => None,
        }
    }

    /// Where its signatures stand.
    pub(crate) fn claims(&self) -> Claims {
        match self {
            Self::Hmac(scheme) => Claims::Header(scheme.header.clone()),
            Self::StandardWebhooks { .. } => Claims::Header("webhook-signature".into()),
            Self::Hook0 { .. } => Claims::Header(hook0::HEADER.into()),
            Self::Paypal { .. } => Claims::Header(paypal::SIGNATURE.into()),
            Self::Rsa { header } => Claims::Header((*header).into()),
            Self::Token(scheme) => Claims::Header(scheme.header.clone()),
            Self::AdyenItems | Self::Braintree => Claims::Body,
            Self::Unsigned => Claims::None,
        }
    }

    /// Signs a draft as the provider would at `now`. `secret` is the source's; where the provider
    /// signs with a private key it is that key in PKCS #8 PEM (RSA), or `whsk_` with its base64.
    ///
    /// # Errors
    /// See [`NotSignable`].
    pub fn sign(
        &self,
        draft: Draft,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<Signed, NotSignable> {
        match self {
            Self::Hmac(scheme) => sign_hmac(scheme, draft, secret, now),
            Self::StandardWebhooks { .. } => sign_standard(draft, secret, now),
            Self::AdyenItems => sign_adyen(draft, secret),
            Self::Braintree => sign_braintree(draft, secret),
            Self::Hook0 { .. } => sign_hook0(draft, secret, now),
            Self::Paypal { .. } => sign_paypal(draft, secret, now),
            Self::Rsa { header } => {
                let signature = sign_rsa(secret.expose(), &draft.body)?;
                Ok(draft.signed([((*header).to_owned(), signature)]))
            }
            Self::Token(scheme) => {
                let token = text(secret.expose())?;
                Ok(draft.signed([(scheme.header.clone(), token.to_owned())]))
            }
            Self::Unsigned => Ok(draft.signed([])),
        }
    }
}

impl Draft {
    fn signed(self, more: impl IntoIterator<Item = (String, String)>) -> Signed {
        let mut headers = self.headers;
        headers.extend(more);
        Signed {
            headers,
            query: self.query,
            body: self.body,
        }
    }

    fn as_delivery(&self, more: &[(String, String)]) -> RawDelivery {
        let header = |(name, value): &(String, String)| {
            (name.clone(), Bytes::copy_from_slice(value.as_bytes()))
        };
        let query = self
            .query
            .iter()
            .map(|query| (QUERY.to_owned(), Bytes::copy_from_slice(query.as_bytes())));
        RawDelivery {
            source: SourceName::generic(),
            headers: Headers::new(self.headers.iter().chain(more).map(header).chain(query)),
            body: self.body.clone(),
            received_at: Timestamp::from_millis(0),
        }
    }
}

impl Signed {
    /// The delivery that arrives when this is sent to `source`.
    pub fn delivery(&self, source: SourceName, received_at: Timestamp) -> RawDelivery {
        let draft = Draft {
            headers: self.headers.clone(),
            query: self.query.clone(),
            body: self.body.clone(),
            id: String::new(),
        };
        RawDelivery {
            source,
            received_at,
            ..draft.as_delivery(&[])
        }
    }
}

fn text(bytes: &[u8]) -> Result<&str, NotSignable> {
    core::str::from_utf8(bytes).map_err(|_| NotSignable::Key("text"))
}

fn sign_hmac(
    scheme: &HmacScheme,
    draft: Draft,
    secret: &Secret,
    now: Timestamp,
) -> Result<Signed, NotSignable> {
    let key = scheme
        .key
        .key(secret.expose())
        .ok_or(NotSignable::Key(scheme.key.requirement()))?;
    let mut more = Vec::new();
    let time = scheme.timestamp.as_ref().map(|rule| rule.unit.write(now));
    if let (Some(rule), Some(time)) = (&scheme.timestamp, &time)
        && let TimeSource::Header(name) = &rule.source
        && !draft.headers.iter().any(|(each, _)| each == name)
    {
        more.push((name.clone(), time.clone()));
    }
    if let (Some(name), Some(id)) = (scheme.key_id_header, secret.id()) {
        more.push((name.to_owned(), id.to_owned()));
    }
    let delivery = draft.as_delivery(&more);
    let template = scheme.signed.first().ok_or(NotSignable::Part)?;
    let pieces = template
        .fill(&Filling {
            delivery: &delivery,
            timestamp: time.as_deref(),
            url: scheme.url.as_deref(),
            body: &delivery.body,
        })
        .map_err(|_| NotSignable::Part)?;
    let value = scheme.write(&key, &pieces, time.as_deref(), secret.id());
    more.push((scheme.header.clone(), value));
    Ok(draft.signed(more))
}

fn sign_standard(draft: Draft, secret: &Secret, now: Timestamp) -> Result<Signed, NotSignable> {
    let time = TimeUnit::Seconds.write(now);
    let value = standard_signer::signature(secret, &draft.id, &time, &draft.body)?;
    let id = draft.id.clone();
    Ok(draft.signed([
        (StandardHeaders::ID.to_owned(), id),
        (StandardHeaders::TIMESTAMP.to_owned(), time),
        (StandardHeaders::SIGNATURE.to_owned(), value),
    ]))
}

/// Puts a MAC into each item: into its `additionalData`, which the draft must have, empty.
fn sign_adyen(mut draft: Draft, secret: &Secret) -> Result<Signed, NotSignable> {
    let key = KeyForm::Hex
        .key(secret.expose())
        .ok_or(NotSignable::Key(KeyForm::Hex.requirement()))?;
    let body = Object::parse(&draft.body).ok_or(NotSignable::Body)?;
    let mut macs = Vec::new();
    for item in body.objects("notificationItems") {
        let item = item
            .object("NotificationRequestItem")
            .ok_or(NotSignable::Body)?;
        let text = adyen_items::signed_text(&item);
        let mac = HmacAlgorithm::Sha256.mac(&key, &[text.as_bytes()]);
        macs.push(STANDARD.encode(mac.as_ref()));
    }
    let text = core::str::from_utf8(&draft.body).map_err(|_| NotSignable::Body)?;
    let mut pieces = text.split(ADYEN_SIGNATURE_SLOT);
    let mut signed = pieces.next().unwrap_or_default().to_owned();
    let mut macs = macs.into_iter();
    for piece in pieces {
        let mac = macs.next().ok_or(NotSignable::Body)?;
        signed.push_str(&alloc::format!("\"hmacSignature\":\"{mac}\""));
        signed.push_str(piece);
    }
    if macs.next().is_some() {
        return Err(NotSignable::Body);
    }
    draft.body = Bytes::from(signed);
    Ok(draft.signed([]))
}

/// What stands in a draft of Adyen's where the signature goes.
pub(crate) const ADYEN_SIGNATURE_SLOT: &str = "\"hmacSignature\":\"\"";

/// The draft's body is the XML; what is sent is a form with its base64.
fn sign_braintree(mut draft: Draft, secret: &Secret) -> Result<Signed, NotSignable> {
    let public = secret.id().ok_or(NotSignable::Key(
        "a private key, with the public one as its key_id",
    ))?;
    let mut payload = STANDARD.encode(&draft.body);
    payload.push('\n');
    let mac = braintree::mac(secret.expose(), &[payload.as_bytes()]);
    let signature = alloc::format!("{public}|{}", hex::encode(mac.as_ref()));
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("bt_signature", &signature)
        .append_pair("bt_payload", &payload)
        .finish();
    draft.body = Bytes::from(form);
    Ok(draft.signed([]))
}

fn sign_hook0(draft: Draft, secret: &Secret, now: Timestamp) -> Result<Signed, NotSignable> {
    let time = TimeUnit::Seconds.write(now);
    let names: Vec<&str> = draft
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let names = names.join(" ");
    let delivery = draft.as_delivery(&[]);
    let pieces = hook0::pieces(&delivery, &time, Some(&names)).map_err(|_| NotSignable::Part)?;
    let mac = HmacAlgorithm::Sha256.mac(secret.expose(), &pieces);
    let value = alloc::format!("t={time},h={names},v1={}", hex::encode(mac.as_ref()));
    Ok(draft.signed([(hook0::HEADER.to_owned(), value)]))
}

/// The secret is `webhook id`, a line break, the private key in PEM.
fn sign_paypal(draft: Draft, secret: &Secret, now: Timestamp) -> Result<Signed, NotSignable> {
    let (webhook_id, key) = text(secret.expose())?
        .split_once('\n')
        .ok_or(NotSignable::PrivateKey)?;
    let time = alloc::format!("{}Z", now.to_iso().get(..19).unwrap_or_default());
    let signed = paypal::signed_text(&draft.id, &time, webhook_id, &draft.body);
    let signature = sign_rsa(key.as_bytes(), signed.as_bytes())?;
    let id = draft.id.clone();
    Ok(draft.signed([
        (paypal::ID.to_owned(), id),
        (paypal::TIME.to_owned(), time),
        (paypal::ALGORITHM.to_owned(), "SHA256withRSA".to_owned()),
        (paypal::SIGNATURE.to_owned(), signature),
    ]))
}

fn sign_rsa(pem: &[u8], message: &[u8]) -> Result<String, NotSignable> {
    let der = rsa_body::der_of_pem(pem).ok_or(NotSignable::PrivateKey)?;
    let key = rsa::PrivateKey::from_pkcs8_der(&der).map_err(|_| NotSignable::PrivateKey)?;
    let signature = RsaSigningKey::<Sha256>::new(key)
        .try_sign(message)
        .map_err(|_| NotSignable::PrivateKey)?;
    Ok(STANDARD.encode(signature.to_bytes()))
}
