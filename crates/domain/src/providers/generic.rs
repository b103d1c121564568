//! The generic source: the seed's wire contract, for senders without a scheme of their own.
//!
//! `X-Webhook-Signature` holds the hex HMAC-SHA-256 of the body, `sha256=` before it or not;
//! the body is `{"paymentId", "amount", "currency", "status", "provider", "eventId"?}`. What
//! the seed defaults is defaulted here: a field that is absent, `null`, or empty.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ReadRefusal;
use crate::currency::Currency;
use crate::delivery::RawDelivery;
use crate::event::{EventId, EventKey, PaymentEvent};
use crate::limits;
use crate::money::{Amount, InvalidAmount};
use crate::secret::Secret;
use crate::signature::{HmacAlgorithm, HmacScheme, SignatureEncoding, SignatureRefusal, Verified};

/// The generic provider with its signature scheme, which the configuration may vary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generic {
    /// How deliveries are signed.
    pub scheme: HmacScheme,
}

/// The body as it stands on the wire. Values are kept raw, so that a number is read as the
/// decimal text it is and a wrong type is refused by the field's own name.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, rename = "paymentId")]
    payment_id: Option<&'a RawValue>,
    #[serde(borrow)]
    amount: Option<&'a RawValue>,
    #[serde(borrow)]
    currency: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    provider: Option<&'a RawValue>,
    #[serde(borrow, rename = "eventId")]
    event_id: Option<&'a RawValue>,
}

impl Default for Generic {
    fn default() -> Self {
        Self {
            scheme: HmacScheme {
                header: "x-webhook-signature".to_owned(),
                algorithm: HmacAlgorithm::Sha256,
                encoding: SignatureEncoding::Hex,
                prefix: Some("sha256=".to_owned()),
            },
        }
    }
}

/// What a configuration says otherwise of a sender's scheme, in either home.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SchemeChanges {
    /// The header that holds the signature.
    pub header: Option<String>,
    /// The hash under it.
    pub algorithm: Option<HmacAlgorithm>,
    /// How it is written.
    pub encoding: Option<SignatureEncoding>,
    /// A text that may stand before it; an empty one for none.
    pub prefix: Option<String>,
}

impl Generic {
    /// The seed's scheme with these changes. Another hash brings its own name as the prefix, unless
    /// a prefix is named.
    pub fn with(changes: SchemeChanges) -> Self {
        let mut generic = Self::default();
        let scheme = &mut generic.scheme;
        if let Some(header) = changes.header {
            scheme.header = header.to_ascii_lowercase();
        }
        if let Some(algorithm) = changes.algorithm {
            scheme.algorithm = algorithm;
            let own = match algorithm {
                HmacAlgorithm::Sha256 => "sha256=",
                HmacAlgorithm::Sha512 => "sha512=",
            };
            scheme.prefix = Some(own.to_owned());
        }
        if let Some(encoding) = changes.encoding {
            scheme.encoding = encoding;
        }
        if let Some(prefix) = changes.prefix {
            scheme.prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
        }
        generic
    }

    /// See [`super::Provider::verify`].
    pub(super) fn verify(
        &self,
        delivery: RawDelivery,
        secrets: &[Secret],
    ) -> Result<Verified<RawDelivery>, (SignatureRefusal, RawDelivery)> {
        self.scheme.verify(delivery, secrets)
    }

    /// See [`super::Provider::read`]. Fields are judged in the order in which they stand here.
    #[expect(clippy::unused_self, reason = "every provider's `read` has this shape")]
    pub(super) fn read(
        &self,
        delivery: &Verified<RawDelivery>,
    ) -> Result<Vec<PaymentEvent>, ReadRefusal> {
        let delivery = delivery.get();
        // A struct would also be read from an array; the contract is an object.
        if !delivery.body.trim_ascii_start().starts_with(b"{") {
            return Err(ReadRefusal::MalformedJson);
        }
        // JSON is UTF-8 (RFC 8259, section 8.1), in the fields that nobody reads too: the body is
        // handed on as text.
        if core::str::from_utf8(&delivery.body).is_err() {
            return Err(ReadRefusal::MalformedJson);
        }
        // A field that stands twice is malformed here: which of two amounts a sender meant is
        // not for a parser to choose.
        let body: Body<'_> =
            serde_json::from_slice(&delivery.body).map_err(|_| ReadRefusal::MalformedJson)?;
        let payment_id = text("paymentId", body.payment_id, limits::PAYMENT_ID_BYTES_MAX)?
            .ok_or(ReadRefusal::MissingField { field: "paymentId" })?;
        let amount = amount(body.amount)?;
        let currency = match text("currency", body.currency, limits::FIELD_BYTES_MAX)? {
            None => Currency::USD,
            Some(code) => Currency::parse(&code).map_err(|_| ReadRefusal::InvalidValue {
                field: "currency",
                problem: "not an ISO 4217 currency code",
            })?,
        };
        let status = text("status", body.status, limits::FIELD_BYTES_MAX)?;
        let provider = text("provider", body.provider, limits::FIELD_BYTES_MAX)?;
        let id = match text("eventId", body.event_id, limits::FIELD_BYTES_MAX)? {
            Some(id) => EventId::Provider(id),
            None => EventId::Body(delivery.body_hash()),
        };
        Ok(alloc::vec![PaymentEvent {
            key: EventKey {
                source: delivery.source.clone(),
                id
            },
            payment_id,
            amount,
            currency,
            status: status.unwrap_or_else(|| "pending".to_owned()),
            provider: provider.unwrap_or_else(|| "unknown".to_owned()),
        }])
    }
}

/// The text of a field: `None` where the seed would take its default.
fn text(
    field: &'static str,
    value: Option<&RawValue>,
    bytes_max: usize,
) -> Result<Option<String>, ReadRefusal> {
    let refuse = |problem| ReadRefusal::InvalidValue { field, problem };
    let Some(value) = value else { return Ok(None) };
    let text: Option<Cow<'_, str>> =
        serde_json::from_str(value.get()).map_err(|_| refuse("not a string"))?;
    match text {
        None => Ok(None),
        Some(text) if text.is_empty() => Ok(None),
        Some(text) if text.len() > bytes_max => Err(refuse("too long")),
        // A line break in an id would forge log lines and table rows wherever it is printed.
        Some(text) if text.chars().any(char::is_control) => {
            Err(refuse("contains control characters"))
        }
        Some(text) => Ok(Some(text.into_owned())),
    }
}

/// The amount: a JSON number, or a string that holds one, as several providers send it.
fn amount(value: Option<&RawValue>) -> Result<Amount, ReadRefusal> {
    let field = "amount";
    let refuse = |problem| ReadRefusal::InvalidValue { field, problem };
    let Some(value) = value else {
        return Ok(Amount::ZERO);
    };
    let written = match value.get().as_bytes().first() {
        Some(b'n' | b'f') => return Ok(Amount::ZERO), // null and false, falsy in the seed too
        Some(b'"') => match text(field, Some(value), limits::FIELD_BYTES_MAX)? {
            None => return Ok(Amount::ZERO),
            Some(text) => text,
        },
        Some(_) | None => value.get().to_owned(),
    };
    Amount::parse(&written).map_err(|reason| {
        refuse(match reason {
            InvalidAmount::NotANumber => "not a number",
            InvalidAmount::Negative => "negative",
            InvalidAmount::OutOfRange => "out of range",
        })
    })
}
