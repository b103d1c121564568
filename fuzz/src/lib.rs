//! What the targets share: every provider set up as a source would have it, a signed sample of
//! each, and an input cut into a delivery.
//!
//! An input is text as far as it can be, so that a crash can be read and a corpus written by hand.

use bytes::Bytes;
use domain::currency::Currency;
use domain::delivery::{Headers, QUERY, RawDelivery};
use domain::event::{EventId, EventKey, PaymentEvent};
use domain::limits;
use domain::money::Amount;
use domain::providers::{Occasion, Provider, ProviderId, Sample, Settings, Story};
use domain::secret::Secret;
use domain::signature::{Certificate, Signed};
use domain::source::SourceName;
use domain::time::Timestamp;

/// When every delivery arrives.
pub const NOW: Timestamp = Timestamp::from_millis(1_795_418_923_000);

// Made for the domain's tests; nobody's.
const RSA_PRIVATE_KEY: &str =
    include_str!("../../crates/domain/src/providers/tests/rsa_private.pem");
const RSA_PUBLIC_KEY: &str = include_str!("../../crates/domain/src/providers/tests/rsa_public.pem");

/// The public half of a pair whose private half was never kept: what it has signed is a forgery.
pub const RSA_PUBLIC_KEY_OF_NOBODY: &str = include_str!("rsa_public.pem");

// RFC 8032, section 7.1, test 1.
const ED25519_PRIVATE_KEY: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const ED25519_PUBLIC_KEY: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/// A provider, what its sender signs with, and what a source trusts.
pub struct Setup {
    pub provider: Provider,
    pub signing: Secret,
    pub trusted: Secret,
}

/// The provider that a byte chooses.
pub fn provider_of(byte: u8) -> ProviderId {
    ProviderId::ALL[usize::from(byte) % ProviderId::ALL.len()]
}

/// A provider whose secrets nobody can guess who has not read this file. `ed25519` where Standard
/// Webhooks is to sign with a key pair.
pub fn setup(id: ProviderId, ed25519: bool) -> Setup {
    let settings = Settings {
        url: (id == ProviderId::Square).then(|| "https://pay.example/webhooks/square".into()),
        currency: Currency::parse("EUR").ok(),
        certificates: if id == ProviderId::Paypal {
            vec![
                certificate("api.paypal.com"),
                certificate("api.sandbox.paypal.com"),
            ]
        } else {
            Vec::new()
        },
        ..Settings::default()
    };
    let (signing, trusted) = match id {
        ProviderId::Wise => (RSA_PRIVATE_KEY.to_owned(), RSA_PUBLIC_KEY.to_owned()),
        ProviderId::Paypal => (format!("{}\n{RSA_PRIVATE_KEY}", digits(7)), digits(7)),
        ProviderId::StandardWebhooks if ed25519 => (
            ED25519_PRIVATE_KEY.to_owned(),
            ED25519_PUBLIC_KEY.to_owned(),
        ),
        ProviderId::StandardWebhooks => (
            format!("whsec_{}", digits(7)),
            format!("whsec_{}", digits(7)),
        ),
        _ => (digits(7), digits(7)),
    };
    let named = |label: &str, text: String| match id {
        // Braintree's secrets have the public key as their name.
        ProviderId::Braintree => Secret::new(label, text).with_id("public7"),
        _ => Secret::new(label, text),
    };
    Setup {
        provider: Provider::try_new(id, settings).expect("the settings are the provider's own"),
        signing: named("signing", signing),
        trusted: named("trusted", trusted),
    }
}

/// 64 hexadecimal digits: a key in each of the forms that there are.
fn digits(seed: u8) -> String {
    format!("{seed:02x}c5").repeat(16)
}

/// PayPal's, as a shell would have fetched it.
fn certificate(host: &str) -> Certificate {
    let inner: String = RSA_PUBLIC_KEY
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    Certificate {
        url: format!("https://{host}/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"),
        public_key: base64(&inner),
        names: vec!["messageverificationcerts.sandbox.paypal.com".into()],
        not_before: Timestamp::from_millis(0),
        not_after: Timestamp::from_millis(i64::MAX),
    }
}

/// Base64 of a text that is known to be some.
fn base64(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let text = text.trim_end_matches('=').as_bytes();
    text.chunks(4)
        .flat_map(|chunk| {
            let bits = chunk.iter().fold(0, |bits, byte| bits << 6 | value(*byte));
            let bits = bits << (6 * (4 - chunk.len()));
            bits.to_be_bytes()[1..chunk.len()].to_vec()
        })
        .collect()
}

/// A story in which nothing is odd.
pub fn story(occasion: Occasion) -> Story {
    Story {
        occasion,
        event: "1a2b3c4d5e6f7a8b".into(),
        payment: "9f8e7d6c5b4a3210".into(),
        amount: Amount::parse("12.34").expect("an amount"),
        currency: Currency::parse("EUR").expect("a currency"),
        at: NOW,
        live: false,
    }
}

/// The sample of the occasion that a byte chooses among those that the provider has.
pub fn sample(id: ProviderId, byte: u8) -> Sample {
    let all: Vec<Sample> = Occasion::ALL
        .into_iter()
        .filter_map(|occasion| (id.spec().sample)(&story(occasion)))
        .collect();
    all[usize::from(byte) % all.len()].clone()
}

/// The sample as its provider sends it.
pub fn signed(setup: &Setup, sample: &Sample, now: Timestamp) -> Signed {
    setup
        .provider
        .scheme()
        .sign(sample.draft.clone(), &setup.signing, now)
        .expect("a sample can be signed")
}

/// A delivery that an input describes. Its first four bytes choose: the provider, the occasion of
/// the sample, what of the sample is kept, and where the input goes into the sample's body. The
/// rest is lines: the signature, the value of every other header, the query, the body.
///
/// A sample goes before it because no fuzzer writes a base64 of XML in a form by itself.
pub struct Described {
    pub id: ProviderId,
    pub flags: u8,
    pub delivery: RawDelivery,
}

/// The signature header stands there twice.
pub const REPEATED: u8 = 1;
/// The other headers are the input's and not the sample's.
pub const OTHER_HEADERS: u8 = 2;
/// The body is the input's alone and not the sample's with it in the middle.
pub const BODY_ALONE: u8 = 4;
/// The signature is the sample's, which is right for the sample.
pub const GENUINE_SIGNATURE: u8 = 8;
/// For whoever wants one more choice.
pub const CHOICE: u8 = 16;

/// The delivery that `input` describes; `None` when it is too short. Its sample is signed with the
/// key of `signer`.
pub fn described(input: &[u8], signer: impl Fn(ProviderId) -> Setup) -> Option<Described> {
    let ([provider, occasion, flags, place], rest) = input.split_first_chunk()?;
    let (id, flags) = (provider_of(*provider), *flags);
    let mut lines = rest.splitn(4, |byte| *byte == b'\n');
    let mut line = || Bytes::copy_from_slice(lines.next().unwrap_or_default());
    let (signature, other, query, body) = (line(), line(), line(), line());
    let setup = signer(id);
    let genuine = signed(&setup, &sample(id, *occasion), NOW);
    let own = setup.provider.scheme().signature_header();
    let mut headers: Vec<(String, Bytes)> = Vec::new();
    for (name, value) in genuine.headers {
        let is_own = own.as_deref() == Some(&*name);
        let value = match flags {
            _ if is_own && flags & GENUINE_SIGNATURE == 0 => signature.clone(),
            _ if !is_own && flags & OTHER_HEADERS != 0 => other.clone(),
            _ => Bytes::from(value),
        };
        if is_own && flags & REPEATED != 0 {
            headers.push((name.clone(), value.clone()));
        }
        headers.push((name, value));
    }
    if flags & OTHER_HEADERS != 0 {
        headers.push((QUERY.to_owned(), query));
    } else if let Some(query) = genuine.query {
        headers.push((QUERY.to_owned(), query.into()));
    }
    let body = if flags & BODY_ALONE != 0 {
        body
    } else {
        spliced(&genuine.body, &body, *place)
    };
    let delivery = RawDelivery {
        source: SourceName::generic(),
        headers: Headers::new(headers),
        body,
        received_at: NOW,
    };
    Some(Described {
        id,
        flags,
        delivery,
    })
}

/// `new` over what stands at a place in `body`.
fn spliced(body: &[u8], new: &[u8], place: u8) -> Bytes {
    let at = body.len() * usize::from(place) / 256;
    let after = (at + new.len()).min(body.len());
    Bytes::from([&body[..at], new, &body[after..]].concat())
}

/// What must be true of every event, whoever sent it: the bounds of what is kept.
pub fn check_event(event: &PaymentEvent) {
    let is_kept = |text: &str, bytes_max: usize| {
        !text.is_empty() && text.len() <= bytes_max && !text.chars().any(char::is_control)
    };
    assert!(is_kept(&event.payment_id, limits::PAYMENT_ID_BYTES_MAX));
    assert!(is_kept(&event.status, limits::FIELD_BYTES_MAX));
    assert!(is_kept(&event.provider, limits::FIELD_BYTES_MAX));
    if let EventId::Provider(id) = &event.key.id {
        assert!(is_kept(id, limits::FIELD_BYTES_MAX));
    }
    assert_eq!(
        EventKey::parse(&event.key.to_string()).as_ref(),
        Some(&event.key)
    );
    assert_eq!(Amount::parse(&event.amount.to_string()), Ok(event.amount));
    if let Some(meaning) = &event.meaning {
        assert!(is_kept(&meaning.event_type, limits::FIELD_BYTES_MAX));
        for text in [&meaning.operation, &meaning.account].into_iter().flatten() {
            assert!(is_kept(text, limits::FIELD_BYTES_MAX));
        }
    }
}
