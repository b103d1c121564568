//! What one delivery of each provider costs: to verify, beside the bare HMAC over the same bytes,
//! and to read.
//!
//! `cargo bench -p payhook-domain --bench providers`. Numbers are of one core; take the ratio, not
//! the digit. The body is the provider's own sample, which is short: what is done once a delivery
//! weighs most here.
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::delivery::{HeaderValue, RawDelivery};
use domain::json::Object;
use domain::signature::{HmacAlgorithm, HmacScheme, Scheme, SignatureRefusal, TimeSource};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

mod common;

use common::{Setup, URL, setups};

fn main() {
    println!(
        "{:<26}| {:>10} | {:>11} | {:>9} | {:>5} | {:>7}",
        "provider", "body bytes", "raw HMAC ns", "verify ns", "ratio", "read ns"
    );
    let mut ratios = Vec::new();
    for setup in setups() {
        let delivery = setup.delivery(&setup.sample().draft);
        let raw = raw(&setup, &delivery).map(|raw| {
            raw.check(&setup, &delivery);
            nanos(|| {
                black_box(raw.mac());
            })
        });
        let verify = verify(&setup, delivery.clone());
        let read = nanos(|| {
            black_box(setup.provider.read_fetched(&delivery).unwrap());
        });
        let ratio = raw.map(|raw| verify / raw);
        let number = |value: Option<f64>, places: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.places$}"))
        };
        println!(
            "{:<26}| {:>10} | {:>11} | {:>9} | {:>5} | {:>7}",
            setup.name,
            delivery.body.len(),
            number(raw, 0),
            number(Some(verify), 0),
            number(ratio, 2),
            number(Some(read), 0),
        );
        ratios.extend(ratio.map(|ratio| (ratio, setup.name)));
    }
    let above = ratios.iter().filter(|(ratio, _)| *ratio > 1.5);
    let above: Vec<&str> = above.map(|(_, name)| name.as_str()).collect();
    println!("above 1.5 of the bare HMAC: {}", above.join(", "));
}

/// Nanoseconds to prove the delivery, which is handed over and given back.
fn verify(setup: &Setup, delivery: RawDelivery) -> f64 {
    let mut held = Some(delivery);
    nanos(|| {
        let delivery = held.take().unwrap();
        held = Some(match setup.provider.verify(delivery, &setup.trusted) {
            Ok(proof) => black_box(proof).into_inner(),
            Err((SignatureRefusal::Unsigned, delivery)) => delivery,
            Err((refusal, _)) => panic!("{}: {refusal}", setup.name),
        });
    })
}

fn nanos(mut work: impl FnMut()) -> f64 {
    for _ in 0..200 {
        work();
    }
    let mut best = Duration::MAX;
    for _ in 0..10 {
        let began = Instant::now();
        let mut rounds = 0_u32;
        while began.elapsed() < Duration::from_millis(20) {
            // The clock is asked once in a while only: it costs a tenth of a short MAC.
            for _ in 0..16 {
                work();
            }
            rounds += 16;
        }
        // In whole nanoseconds a division by the rounds would lose what is compared here.
        best = best.min(began.elapsed() * 1000 / rounds);
    }
    best.as_secs_f64() * 1e6
}

/// The MAC of a delivery without anything around it: the key is at hand, the bytes are in a row.
struct Raw {
    algorithm: HmacAlgorithm,
    key: Vec<u8>,
    messages: Vec<Vec<u8>>,
}

impl Raw {
    fn mac(&self) -> Vec<u8> {
        let mut last = Vec::new();
        for message in &self.messages {
            last.clear();
            match self.algorithm {
                HmacAlgorithm::Sha1 => {
                    let mut mac = Hmac::<Sha1>::new_from_slice(&self.key).unwrap();
                    mac.update(message);
                    last.extend_from_slice(&mac.finalize().into_bytes());
                }
                HmacAlgorithm::Sha256 => {
                    let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).unwrap();
                    mac.update(message);
                    last.extend_from_slice(&mac.finalize().into_bytes());
                }
                HmacAlgorithm::Sha512 => {
                    let mut mac = Hmac::<Sha512>::new_from_slice(&self.key).unwrap();
                    mac.update(message);
                    last.extend_from_slice(&mac.finalize().into_bytes());
                }
            }
        }
        last
    }

    /// The bytes are the signed ones, or the comparison is of two different things.
    fn check(&self, setup: &Setup, delivery: &RawDelivery) {
        let mac = self.mac();
        let texts = [hex::encode(&mac), STANDARD.encode(&mac)];
        let value = match setup.provider.scheme().signature_header() {
            Some(name) => match delivery.headers.one(&name) {
                HeaderValue::Once(value) => String::from_utf8_lossy(value).into_owned(),
                HeaderValue::Missing | HeaderValue::Repeated => String::new(),
            },
            None => String::from_utf8_lossy(&delivery.body).into_owned(),
        };
        let value = value.replace("%2F", "/").replace("%2B", "+");
        let is_it = texts
            .iter()
            .any(|text| value.to_lowercase().contains(&text.to_lowercase()));
        assert!(is_it, "{}: not the MAC of these bytes", setup.name);
    }
}

/// What is signed of the delivery; `None` for schemes without an HMAC.
fn raw(setup: &Setup, delivery: &RawDelivery) -> Option<Raw> {
    let secret = setup.signing.expose();
    let sha256 = |key: &[u8], message: Vec<u8>| Raw {
        algorithm: HmacAlgorithm::Sha256,
        key: key.to_vec(),
        messages: vec![message],
    };
    match setup.provider.scheme() {
        Scheme::Hmac(scheme) => Some(Raw {
            algorithm: scheme.algorithm,
            key: scheme.key.key(secret)?.to_vec(),
            // A provider that is known to sign in either of two ways is asked for both; the last is
            // compared, and the sample's are the same.
            messages: scheme
                .signed
                .iter()
                .map(|template| filled(scheme, &template.to_string(), delivery))
                .collect(),
        }),
        Scheme::StandardWebhooks { .. } => {
            // A key pair's is no HMAC.
            let key = secret.iter().all(u8::is_ascii_hexdigit).then_some(secret)?;
            let pieces = [
                header(delivery, "webhook-id"),
                b".",
                header(delivery, "webhook-timestamp"),
                b".",
                &delivery.body,
            ];
            Some(sha256(&STANDARD.decode(key).unwrap(), pieces.concat()))
        }
        Scheme::Hook0 { .. } => {
            let value = String::from_utf8_lossy(header(delivery, "x-hook0-signature")).into_owned();
            let (time, rest) = value.strip_prefix("t=")?.split_once(",h=")?;
            let (names, _) = rest.split_once(",v1=")?;
            let values: Vec<&[u8]> = names
                .split(' ')
                .map(|name| header(delivery, name))
                .collect();
            let pieces = [
                time.as_bytes(),
                names.as_bytes(),
                &values.join(&b'.'),
                &delivery.body,
            ];
            Some(sha256(secret, pieces.join(&b'.')))
        }
        Scheme::AdyenItems => {
            let body = Object::parse(&delivery.body)?;
            let item = body.objects("notificationItems").pop()?;
            let text = domain::signature::signed_text(&item.object("NotificationRequestItem")?);
            Some(sha256(&hex::decode(secret).unwrap(), text.into_bytes()))
        }
        Scheme::Braintree => {
            let mut form = form_urlencoded::parse(&delivery.body);
            let (_, payload) = form.find(|(name, _)| name == "bt_payload")?;
            Some(Raw {
                algorithm: HmacAlgorithm::Sha1,
                key: Sha1::digest(secret).to_vec(),
                messages: vec![payload.into_owned().into_bytes()],
            })
        }
        Scheme::Paypal { .. } | Scheme::Rsa { .. } | Scheme::Token(_) | Scheme::Unsigned => None,
    }
}

/// The template with everything in it; a sample leaves nothing out.
fn filled(scheme: &HmacScheme, template: &str, delivery: &RawDelivery) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (hole, after) = after.split_once('}').unwrap();
        out.extend(before.bytes().filter(|byte| !b"[]".contains(byte)));
        let (hole, is_lower) = match hole.strip_suffix("|lower") {
            Some(hole) => (hole, true),
            None => (hole, false),
        };
        let value = match hole.split_once(':') {
            Some(("header", name)) => header(delivery, name).to_vec(),
            Some((_, name)) => delivery.query_value(name).unwrap(),
            None if hole == "body" => delivery.body.to_vec(),
            None if hole == "url" => URL.as_bytes().to_vec(),
            None => time(scheme, delivery),
        };
        out.extend(if is_lower {
            value.to_ascii_lowercase()
        } else {
            value
        });
        rest = after;
    }
    out.extend(rest.bytes().filter(|byte| !b"[]".contains(byte)));
    out
}

/// The signed time as it is written.
fn time(scheme: &HmacScheme, delivery: &RawDelivery) -> Vec<u8> {
    match &scheme.timestamp.as_ref().unwrap().source {
        TimeSource::Header(name) => header(delivery, name).to_vec(),
        TimeSource::Pair(name) => {
            let value = String::from_utf8_lossy(header(delivery, &scheme.header)).into_owned();
            let time = value
                .split([',', ';'])
                .find_map(|pair| pair.strip_prefix(name.as_str())?.strip_prefix('='));
            time.unwrap().as_bytes().to_vec()
        }
    }
}

fn header<'a>(delivery: &'a RawDelivery, name: &str) -> &'a [u8] {
    match delivery.headers.one(name) {
        HeaderValue::Once(value) => value,
        HeaderValue::Missing | HeaderValue::Repeated => panic!("the sample has no {name}"),
    }
}
