//! What can be said of schemes that are no plain HMAC, and of what they have in common: times, key
//! names, certificates. Here a variation is tried by asking the scheme itself.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Finding, bodies, keys};
use crate::delivery::{HeaderValue, Headers, RawDelivery};
use crate::json::Object;
use crate::secret::Secret;
use crate::signature::{
    Claims, Filling, HmacAlgorithm, HmacScheme, KeyForm, Mac, Scheme, SignatureRefusal, TimeSource,
};
use crate::source::Source;

/// What the refusal itself says.
pub(super) fn about_refusal(
    refusal: SignatureRefusal,
    delivery: &RawDelivery,
    source: &Source,
) -> Vec<Finding> {
    let scheme = source.provider.scheme();
    let is_right_otherwise = || {
        scheme
            .at_any_time()
            .matching_secret(delivery, &source.secrets)
            .is_ok()
    };
    let seconds = |millis: u64| i64::try_from(millis.div_euclid(1000)).unwrap_or(i64::MAX);
    match refusal {
        SignatureRefusal::TimestampTooOld { age } => alloc::vec![Finding::Clock {
            seconds: seconds(age.get()).saturating_neg(),
            is_right_otherwise: is_right_otherwise(),
        }],
        SignatureRefusal::TimestampInFuture { ahead } => alloc::vec![Finding::Clock {
            seconds: seconds(ahead.get()),
            is_right_otherwise: is_right_otherwise(),
        }],
        SignatureRefusal::TimestampMalformed => alloc::vec![Finding::TimestampAbsent],
        SignatureRefusal::SignedPartMissing => alloc::vec![Finding::SignedPartAbsent {
            what: missing_part(scheme, delivery),
        }],
        SignatureRefusal::CertificateUntrusted => alloc::vec![Finding::CertificateUntrusted],
        SignatureRefusal::CertificateUnknown => alloc::vec![Finding::CertificateUnknown],
        SignatureRefusal::Unsigned => alloc::vec![Finding::NothingSigned],
        SignatureRefusal::HeaderMissing
        | SignatureRefusal::HeaderRepeated
        | SignatureRefusal::HeaderMalformed
        | SignatureRefusal::NoSecretMatches => Vec::new(),
    }
}

/// What of the signed parts is not there, by name.
fn missing_part(scheme: &Scheme, delivery: &RawDelivery) -> String {
    let is_missing = |name: &&str| delivery.headers.one(name) == HeaderValue::Missing;
    if let Scheme::Hmac(scheme) = scheme {
        for template in &scheme.signed {
            if template.needs_url() && scheme.url.is_none() {
                return "the registered URL".to_owned();
            }
            if let Some(name) = template.headers().find(is_missing) {
                return alloc::format!("the header {name}");
            }
            if let Some(name) = template.query_names().find(|name| {
                delivery
                    .query_value(name)
                    .is_none_or(|value| value.is_empty())
            }) {
                return alloc::format!("the query's {name}");
            }
        }
    }
    match scheme {
        Scheme::StandardWebhooks { .. } => "the header webhook-id".to_owned(),
        Scheme::Paypal { .. } => "PayPal's own headers".to_owned(),
        Scheme::Hook0 { .. } => "a header that the signature names".to_owned(),
        Scheme::Hmac(_)
        | Scheme::AdyenItems
        | Scheme::Braintree
        | Scheme::Rsa { .. }
        | Scheme::Token(_)
        | Scheme::Unsigned => "something".to_owned(),
    }
}

/// What the event says of itself when another source's secret made its signature.
pub(super) fn mode(delivery: &RawDelivery, source: &Source) -> Option<Finding> {
    let events = source.provider.read_fetched(delivery).ok()?;
    let is_live = events.first()?.meaning.as_ref()?.live?;
    Some(Finding::Mode { is_live })
}

/// What can be said of a scheme that is no plain HMAC.
pub(super) fn about(
    scheme: &Scheme,
    refusal: SignatureRefusal,
    delivery: &RawDelivery,
    source: &Source,
    others: &[Source],
) -> Vec<Finding> {
    let is_telling = matches!(
        refusal,
        SignatureRefusal::NoSecretMatches
            | SignatureRefusal::HeaderMalformed
            | SignatureRefusal::TimestampTooOld { .. }
            | SignatureRefusal::TimestampInFuture { .. }
    );
    let mut findings = Vec::from_iter(about_header(scheme, refusal, delivery));
    if !is_telling {
        return findings;
    }
    let timeless = scheme.at_any_time();
    let candidates = candidates(source, others, delivery);
    let variations = bodies::bodies(&delivery.body);
    for (secret, finding) in &candidates {
        for body in &variations {
            if finding.is_some() && body.change.is_some() {
                continue;
            }
            let varied = RawDelivery {
                body: Bytes::from(body.bytes.clone()),
                ..delivery.clone()
            };
            let one = core::slice::from_ref(secret);
            if timeless.matching_secret(&varied, one).is_err() {
                continue;
            }
            findings.extend(body.change.map(Finding::BodyChanged));
            findings.extend(finding.clone());
            let is_timely = !matches!(
                refusal,
                SignatureRefusal::TimestampTooOld { .. }
                    | SignatureRefusal::TimestampInFuture { .. }
            );
            if body.change.is_none() && finding.is_none() && is_timely {
                findings.push(Finding::VerifiesNow {
                    label: secret.label().to_owned(),
                });
            }
            return findings;
        }
    }
    findings.extend(peculiar(&timeless, delivery, source));
    if findings.is_empty() {
        findings.push(Finding::Unexplained {
            keys: candidates.len(),
            bodies: variations.len(),
        });
    }
    findings
}

fn about_header(
    scheme: &Scheme,
    refusal: SignatureRefusal,
    delivery: &RawDelivery,
) -> Option<Finding> {
    let Claims::Header(header) = scheme.claims() else {
        return None;
    };
    match refusal {
        SignatureRefusal::HeaderMissing => Some(Finding::HeaderAbsent {
            header,
            similar: Vec::new(),
        }),
        SignatureRefusal::HeaderRepeated => {
            let header = repeated(scheme, delivery).unwrap_or(header);
            let values: Vec<&[u8]> = delivery
                .headers
                .iter()
                .filter(|(name, _)| *name == header)
                .map(|(_, value)| value)
                .collect();
            Some(Finding::HeaderRepeated {
                header,
                times: values.len(),
                identical: values.windows(2).all(|pair| pair.first() == pair.last()),
            })
        }
        SignatureRefusal::HeaderMalformed
        | SignatureRefusal::SignedPartMissing
        | SignatureRefusal::TimestampMalformed
        | SignatureRefusal::TimestampTooOld { .. }
        | SignatureRefusal::TimestampInFuture { .. }
        | SignatureRefusal::CertificateUntrusted
        | SignatureRefusal::CertificateUnknown
        | SignatureRefusal::NoSecretMatches
        | SignatureRefusal::Unsigned => None,
    }
}

/// What stands there several times of the headers that are signed beside the signature's own.
fn repeated(scheme: &Scheme, delivery: &RawDelivery) -> Option<String> {
    let signed: &[&str] = if matches!(scheme, Scheme::Paypal { .. }) {
        &[
            "paypal-transmission-id",
            "paypal-transmission-time",
            "paypal-cert-url",
            "paypal-auth-algo",
        ]
    } else if matches!(scheme, Scheme::StandardWebhooks { .. }) {
        &["webhook-id", "webhook-timestamp"]
    } else {
        &[]
    };
    let is_repeated = |name: &&&str| delivery.headers.one(name) == HeaderValue::Repeated;
    signed
        .iter()
        .find(is_repeated)
        .map(|name| (*name).to_owned())
}

/// Every secret to try, each with what it would mean; nothing for a live one of ours.
fn candidates(
    source: &Source,
    others: &[Source],
    delivery: &RawDelivery,
) -> Vec<(Secret, Option<Finding>)> {
    let now = delivery.received_at;
    let bare = |secret: &Secret, text: &[u8]| {
        let bare = Secret::new(secret.label(), text);
        match secret.id() {
            Some(id) => bare.with_id(id),
            None => bare,
        }
    };
    let own = source
        .secrets
        .iter()
        .map(|secret| (bare(secret, secret.expose()), keys::retired(secret, now)));
    let foreign = others
        .iter()
        .filter(|other| other.name != source.name)
        .flat_map(|other| {
            other.secrets.iter().map(|secret| {
                let finding = Finding::KeyOfSource {
                    source: other.name.clone(),
                    label: secret.label().to_owned(),
                };
                (bare(secret, secret.expose()), Some(finding))
            })
        });
    let changed = source.secrets.iter().flat_map(|secret| {
        keys::changed(KeyForm::Text, secret)
            .into_iter()
            .map(|key| (bare(secret, &key.bytes), key.finding))
    });
    own.chain(foreign).chain(changed).collect()
}

/// Mistakes that only one scheme knows.
fn peculiar(timeless: &Scheme, delivery: &RawDelivery, source: &Source) -> Option<Finding> {
    match timeless {
        Scheme::StandardWebhooks { .. } => {
            let swapped = with_versions_swapped(delivery);
            timeless
                .matching_secret(&swapped, &source.secrets)
                .is_ok()
                .then_some(Finding::VersionMixedUp)
        }
        Scheme::AdyenItems => {
            let (signed, of) = items_signed(timeless, delivery, source);
            (of > 1).then_some(Finding::ItemsSigned { signed, of })
        }
        Scheme::Braintree => {
            let nameless: Vec<Secret> = source
                .secrets
                .iter()
                .map(|secret| Secret::new(secret.label(), secret.expose()))
                .collect();
            let label = timeless.matching_secret(delivery, &nameless).ok()?;
            Some(Finding::KeyIdDiffers { label })
        }
        Scheme::Hmac(_)
        | Scheme::Hook0 { .. }
        | Scheme::Paypal { .. }
        | Scheme::Rsa { .. }
        | Scheme::Token(_)
        | Scheme::Unsigned => None,
    }
}

fn with_versions_swapped(delivery: &RawDelivery) -> RawDelivery {
    let swap = |value: &[u8]| {
        let text = String::from_utf8_lossy(value);
        let tokens: Vec<String> = text
            .split(' ')
            .map(|token| match token.split_once(',') {
                Some(("v1", rest)) => alloc::format!("v1a,{rest}"),
                Some(("v1a", rest)) => alloc::format!("v1,{rest}"),
                Some(_) | None => token.to_string(),
            })
            .collect();
        Bytes::from(tokens.join(" "))
    };
    let headers = delivery.headers.iter().map(|(name, value)| {
        let value = if name.ends_with("-signature") {
            swap(value)
        } else {
            Bytes::copy_from_slice(value)
        };
        (name.to_owned(), value)
    });
    RawDelivery {
        headers: Headers::new(headers),
        ..delivery.clone()
    }
}

/// How many items of a batch would be accepted alone.
fn items_signed(timeless: &Scheme, delivery: &RawDelivery, source: &Source) -> (usize, usize) {
    let Some(body) = Object::parse(&delivery.body) else {
        return (0, 0);
    };
    let items: Vec<&str> = body
        .raw("notificationItems")
        .and_then(|text| serde_json::from_str::<Vec<&serde_json::value::RawValue>>(text).ok())
        .unwrap_or_default()
        .into_iter()
        .map(serde_json::value::RawValue::get)
        .collect();
    let is_signed = |item: &&&str| {
        let alone = RawDelivery {
            body: Bytes::from(alloc::format!("{{\"notificationItems\":[{item}]}}")),
            ..delivery.clone()
        };
        timeless.matching_secret(&alone, &source.secrets).is_ok()
    };
    (items.iter().filter(is_signed).count(), items.len())
}

/// The signed time as it stands in the delivery; none where the scheme signs none.
pub(super) fn times(scheme: &HmacScheme, delivery: &RawDelivery) -> Vec<Option<String>> {
    let Some(rule) = &scheme.timestamp else {
        return alloc::vec![None];
    };
    let text = match &rule.source {
        TimeSource::Header(name) => match delivery.headers.one(name) {
            HeaderValue::Once(value) => Some(String::from_utf8_lossy(value).into_owned()),
            HeaderValue::Missing | HeaderValue::Repeated => None,
        },
        TimeSource::Pair(_) => scheme.value(delivery).ok().and_then(|value| {
            let parsed = scheme.parse(value)?;
            parsed.timestamp.map(str::to_owned)
        }),
    };
    alloc::vec![text]
}

/// The MACs of every template that can be filled.
pub(super) fn macs(
    scheme: &HmacScheme,
    algorithm: HmacAlgorithm,
    key: &[u8],
    filling: &Filling<'_>,
) -> Vec<Mac> {
    let filled = scheme
        .signed
        .iter()
        .filter_map(|template| template.fill(filling).ok());
    filled.map(|pieces| algorithm.mac(key, &pieces)).collect()
}

/// Whether the delivery names another key than the one that made its signature.
pub(super) fn key_id_differs(
    scheme: &HmacScheme,
    delivery: &RawDelivery,
    label: &str,
    id: Option<&str>,
) -> bool {
    let Some(id) = id else { return false };
    let named = Secret::new(label, "x").with_id(id);
    let in_header = scheme.key_id_header.and_then(|name| {
        if let HeaderValue::Once(value) = delivery.headers.one(name) {
            core::str::from_utf8(value).ok()
        } else {
            None
        }
    });
    let in_signature = scheme.value(delivery).ok().and_then(|value| {
        let parsed = scheme.parse(value)?;
        parsed.signatures.first().and_then(|claimed| claimed.key_id)
    });
    !named.has_id(in_signature.or(in_header))
}
