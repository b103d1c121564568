//! The generic source: the seed's wire contract, for senders without a file of their own here.
//!
//! `X-Webhook-Signature` holds the hex HMAC-SHA-256 of the body, `sha256=` before it or not;
//! the body is `{"paymentId", "amount", "currency", "status", "provider", "eventId"?}`. What
//! the seed defaults is defaulted here: a field that is absent, `null`, or empty. A configuration
//! may say otherwise of all of it, so that a new simple provider needs no code.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::spec::{Ack, Amounts, Evidence, Facts, Spec};
use super::story::{Sample, Story};
use super::{InvalidSettings, ReadRefusal, SchemeChanges, Settings};
use crate::currency::Currency;
use crate::delivery::RawDelivery;
use crate::event::{EventId, EventKey, PaymentEvent};
use crate::json::Object;
use crate::limits;
use crate::money::{Amount, InvalidAmount};
use crate::payment::PaymentRules;
use crate::signature::{
    HeaderForm, HmacAlgorithm, HmacScheme, KeyForm, Prefix, Scheme, Template, TimeSource, TimeUnit,
    TimestampRule,
};
use crate::time::Millis;

/// How far off a signed time may be unless the configuration says otherwise: Stripe's and Standard
/// Webhooks' own bound.
const TOLERANCE: Millis = Millis::from_secs(300);

/// The generic source.
pub static SPEC: Spec = Spec {
    name: "generic",
    title: "Generic HMAC",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "X-Webhook-Signature, or `header`",
        algorithm: "HMAC-SHA-256 in hex, `sha256=` before it or not; or `algorithm`, `encoding`, `prefix`",
        signed: "{body}, or `signed`",
        tolerance: "300 s either way where `timestamp` is named",
        dedupe: "eventId, or the body's SHA-256",
        fields: "paymentId, amount (major), currency, status; or `[sources.NAME.fields]`",
        retries: "as the sender does",
        sources: &["docs/operating.md"],
        evidence: Evidence::PublishedVectors,
        unconfirmed: "",
    },
};

/// The names of the body's fields, unless the configuration says otherwise.
const PAYMENT_ID: &str = "paymentId";
const AMOUNT: &str = "amount";
const CURRENCY: &str = "currency";
const STATUS: &str = "status";
const PROVIDER: &str = "provider";
const EVENT_ID: &str = "eventId";

fn scheme(settings: &Settings) -> Result<Scheme, InvalidSettings> {
    let scheme = hmac_scheme(&settings.scheme, settings.url.clone())?;
    if scheme.signed.iter().any(Template::needs_url) && scheme.url.is_none() {
        return Err(InvalidSettings::Missing {
            provider: SPEC.name,
            setting: "url",
            why: "`signed` holds {url}, and only you know the URL as it is registered",
        });
    }
    Ok(Scheme::Hmac(scheme))
}

/// The seed's scheme with these changes. Another hash brings its own name as the prefix, unless a
/// prefix is named.
///
/// # Errors
/// A time that is named and not signed, or the other way round.
pub fn hmac_scheme(
    changes: &SchemeChanges,
    url: Option<String>,
) -> Result<HmacScheme, InvalidSettings> {
    let algorithm = changes.algorithm.unwrap_or(HmacAlgorithm::Sha256);
    let prefix = match (&changes.prefix, algorithm) {
        (Some(prefix), _) => prefix.as_str(),
        (None, HmacAlgorithm::Sha1) => "sha1=",
        (None, HmacAlgorithm::Sha256) => "sha256=",
        (None, HmacAlgorithm::Sha512) => "sha512=",
    };
    let form = match &changes.pair {
        Some(signature) => HeaderForm::Pairs {
            separator: changes.separator.unwrap_or(','),
            signature: signature.clone(),
        },
        None => HeaderForm::Plain((!prefix.is_empty()).then(|| Prefix::optional(prefix))),
    };
    let timestamp = changes.timestamp.as_ref().map(|name| TimestampRule {
        source: if changes.pair.is_some() {
            TimeSource::Pair(name.clone())
        } else {
            TimeSource::Header(name.to_ascii_lowercase())
        },
        unit: changes.timestamp_unit.unwrap_or(TimeUnit::Seconds),
        past_max: Some(TOLERANCE),
        future_max: Some(TOLERANCE),
    });
    let signed = changes.signed.clone().unwrap_or_else(Template::body);
    if signed.covers_timestamp() != timestamp.is_some() {
        return Err(InvalidSettings::TimestampUnsigned);
    }
    let header = changes.header.as_deref().unwrap_or("x-webhook-signature");
    Ok(HmacScheme {
        form,
        algorithm,
        encoding: changes
            .encoding
            .unwrap_or(crate::signature::SignatureEncoding::Hex),
        key: if changes.secret_is_hex {
            KeyForm::Hex
        } else {
            KeyForm::Text
        },
        signed: alloc::vec![signed],
        timestamp,
        url,
        ..HmacScheme::plain(header)
    })
}

/// Fields are judged in the order in which they stand here.
fn read(delivery: &RawDelivery, settings: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let paths = &settings.fields;
    let body = Object::parse(&delivery.body).ok_or(ReadRefusal::MalformedJson)?;
    let raw = |path: &Option<String>, name: &str| match path {
        None => body.raw(name),
        Some(path) => raw_at(&body, path),
    };
    let payment_id = text(
        PAYMENT_ID,
        raw(&paths.payment_id, PAYMENT_ID),
        limits::PAYMENT_ID_BYTES_MAX,
    )?
    .ok_or(ReadRefusal::MissingField { field: PAYMENT_ID })?;
    let amount = amount(raw(&paths.amount, AMOUNT))?;
    let code = text(
        CURRENCY,
        raw(&paths.currency, CURRENCY),
        limits::FIELD_BYTES_MAX,
    )?;
    let currency = match code {
        None => settings.currency.unwrap_or(Currency::USD),
        Some(code) => Currency::parse(&code).map_err(|_| ReadRefusal::InvalidValue {
            field: CURRENCY,
            problem: "not an ISO 4217 currency code",
        })?,
    };
    let amount = if paths.amount_is_minor {
        of_minor(amount, currency)?
    } else {
        amount
    };
    let status = text(STATUS, raw(&paths.status, STATUS), limits::FIELD_BYTES_MAX)?;
    let provider = text(
        PROVIDER,
        raw(&paths.provider, PROVIDER),
        limits::FIELD_BYTES_MAX,
    )?;
    let event_id = text(
        EVENT_ID,
        raw(&paths.event_id, EVENT_ID),
        limits::FIELD_BYTES_MAX,
    )?;
    Ok(alloc::vec![PaymentEvent {
        key: EventKey {
            source: delivery.source.clone(),
            id: event_id.map_or_else(|| EventId::Body(delivery.body_hash()), EventId::Provider),
        },
        payment_id,
        amount,
        currency,
        status: status.unwrap_or_else(|| "pending".to_owned()),
        provider: provider.unwrap_or_else(|| "unknown".to_owned()),
        meaning: None,
    }])
}

/// The member at the end of a path such as `data.object.id`.
fn raw_at<'a>(body: &Object<'a>, path: &str) -> Option<&'a str> {
    match path.rsplit_once('.') {
        None => body.raw(path),
        Some((parents, name)) => {
            let parents: Vec<&str> = parents.split('.').collect();
            body.object_at(&parents)?.raw(name)
        }
    }
}

fn of_minor(amount: Amount, currency: Currency) -> Result<Amount, ReadRefusal> {
    amount
        .units(0)
        .and_then(|units| Amount::of_minor(units, currency.exponent()).ok())
        .ok_or(ReadRefusal::InvalidValue {
            field: AMOUNT,
            problem: "not a whole number of minor units",
        })
}

/// The text of a field: `None` where the seed would take its default.
fn text(
    field: &'static str,
    value: Option<&str>,
    bytes_max: usize,
) -> Result<Option<String>, ReadRefusal> {
    let refuse = |problem| ReadRefusal::InvalidValue { field, problem };
    let Some(value) = value else { return Ok(None) };
    let text: Cow<'_, str> = serde_json::from_str(value).map_err(|_| refuse("not a string"))?;
    match text {
        text if text.is_empty() => Ok(None),
        text if text.len() > bytes_max => Err(refuse("too long")),
        // A line break in an id would forge log lines and table rows wherever it is printed.
        text if text.chars().any(char::is_control) => Err(refuse("contains control characters")),
        text => Ok(Some(text.into_owned())),
    }
}

/// The amount: a JSON number, or a string that holds one, as several providers send it.
fn amount(value: Option<&str>) -> Result<Amount, ReadRefusal> {
    let field = AMOUNT;
    let refuse = |problem| ReadRefusal::InvalidValue { field, problem };
    let Some(value) = value else {
        return Ok(Amount::ZERO);
    };
    let written = match value.as_bytes().first() {
        Some(b'f') => return Ok(Amount::ZERO), // false, falsy in the seed too
        Some(b'"') => match text(field, Some(value), limits::FIELD_BYTES_MAX)? {
            None => return Ok(Amount::ZERO),
            Some(text) => text,
        },
        Some(_) | None => value.to_owned(),
    };
    Amount::parse(&written).map_err(|reason| {
        refuse(match reason {
            InvalidAmount::NotANumber => "not a number",
            InvalidAmount::Negative => "negative",
            InvalidAmount::OutOfRange => "out of range",
        })
    })
}

fn sample(story: &Story) -> Option<Sample> {
    let payment_id = format!("pay_{}", story.payment);
    let body = format!(
        r#"{{"paymentId":"{payment_id}","amount":{},"currency":"{}","status":"{}","provider":"payhook-trigger","eventId":"evt_{}"}}"#,
        story.amount,
        story.currency,
        story.occasion.as_str(),
        story.event,
    );
    Some(Sample::json(body, payment_id, story.occasion.as_str()))
}
