//! Every provider, held to the same: what is signed is verified, what is changed is not, what is
//! made is read back, and nothing panics.

use alloc::format;
use alloc::string::{String, ToString};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::currency::Currency;
use crate::delivery::Headers;
use crate::diagnosis::{Finding, diagnose};
use crate::meaning::Fact;
use crate::money::Amount;
use crate::signature::{Draft, SignatureRefusal, Signed, Template};
use crate::source::{Handling, Source, SourceName};
use crate::time::Timestamp;

/// Made for these tests; nobody's.
pub(super) const RSA_PRIVATE_KEY: &str = include_str!("tests/rsa_private.pem");
pub(super) const RSA_PUBLIC_KEY: &str = include_str!("tests/rsa_public.pem");

const NOW: Timestamp = Timestamp::from_millis(1_795_418_923_000);

/// An ed25519 or RSA signer needs a private key, which no source has: those providers have tests of
/// their own beside their files.
fn signs_with_the_secret(id: ProviderId) -> bool {
    !matches!(
        id,
        ProviderId::Wise | ProviderId::Paypal | ProviderId::MollieClassic
    )
}

/// Those that have events without a currency.
const TAKE_A_CURRENCY: [ProviderId; 4] = [
    ProviderId::Generic,
    ProviderId::AuthorizeNet,
    ProviderId::Flutterwave,
    ProviderId::FlutterwaveV3,
];

fn settings(id: ProviderId) -> Settings {
    Settings {
        url: (id == ProviderId::Square).then(|| "https://pay.example/webhooks/square".into()),
        currency: TAKE_A_CURRENCY
            .contains(&id)
            .then(|| Currency::parse("EUR").unwrap()),
        ..Settings::default()
    }
}

#[test]
fn a_setting_that_a_provider_never_reads_is_refused() {
    let euro = || Some(Currency::parse("EUR").unwrap());
    let unused = |id: ProviderId, settings: Settings| match Provider::try_new(id, settings) {
        Ok(_) => None,
        Err(InvalidSettings::Unused { provider, setting }) => {
            assert_eq!(provider, id.name());
            Some(setting)
        }
        Err(other) => panic!("{other}"),
    };
    for id in ProviderId::ALL {
        let settings = Settings {
            currency: euro(),
            ..settings(id)
        };
        let expected = (!TAKE_A_CURRENCY.contains(&id)).then_some("currency");
        assert_eq!(unused(id, settings), expected, "{}", id.name());
    }
    let url = Settings {
        url: Some("https://pay.example".into()),
        ..Settings::default()
    };
    assert_eq!(unused(ProviderId::Generic, url.clone()), Some("url"));
    let with_url = Settings {
        scheme: SchemeChanges {
            signed: Template::parse("{url}{body}").ok(),
            ..SchemeChanges::default()
        },
        ..url
    };
    assert_eq!(unused(ProviderId::Generic, with_url), None);
    let in_pairs = Settings {
        scheme: SchemeChanges {
            pair: Some("v1".into()),
            prefix: Some("sha256=".into()),
            ..SchemeChanges::default()
        },
        ..Settings::default()
    };
    assert_eq!(unused(ProviderId::Generic, in_pairs), Some("prefix"));
}

#[test]
fn a_shopify_header_under_its_other_name_is_explained_under_that_name() {
    let id = ProviderId::Shopify;
    let secrets = [secret(id, "ours", 1)];
    let draft = (id.spec().sample)(&story(Occasion::Captured))
        .unwrap()
        .draft;
    let signed = provider(id).scheme().sign(draft, &secrets[0], NOW).unwrap();
    let delivery = signed.delivery(SourceName::generic(), NOW);
    let headers = delivery.headers.iter().flat_map(|(name, value)| {
        let (name, times) = match name {
            "x-shopify-hmac-sha256" => ("shopify-hmac-sha256", 2),
            other => (other, 1),
        };
        core::iter::repeat_n((String::from(name), Bytes::copy_from_slice(value)), times)
    });
    let delivery = RawDelivery {
        headers: Headers::new(headers),
        ..delivery.clone()
    };
    let source = Source {
        name: SourceName::generic(),
        provider: provider(id),
        secrets: secrets.to_vec(),
        when_authenticated: Handling::Accept,
    };
    let diagnosis = diagnose(SignatureRefusal::HeaderRepeated, &delivery, &source, &[]);
    assert_eq!(
        diagnosis.findings.first(),
        Some(&Finding::HeaderRepeated {
            header: "shopify-hmac-sha256".into(),
            times: 2,
            identical: true
        })
    );
}

fn provider(id: ProviderId) -> Provider {
    Provider::try_new(id, settings(id)).unwrap()
}

fn secret(id: ProviderId, label: &str, seed: u8) -> Secret {
    let digits = hex::encode([seed; 32]);
    let text = if id == ProviderId::StandardWebhooks {
        format!("whsec_{digits}")
    } else {
        digits
    };
    // Braintree's secrets have the public key as their name.
    if id == ProviderId::Braintree {
        return Secret::new(label, text).with_id(format!("public{seed}"));
    }
    Secret::new(label, text)
}

pub(super) fn story(occasion: Occasion) -> Story {
    Story {
        occasion,
        event: "1a2b3c4d5e6f7a8b".into(),
        payment: "9f8e7d6c5b4a3210".into(),
        amount: Amount::parse("12.34").unwrap(),
        currency: Currency::parse("EUR").unwrap(),
        at: NOW,
        live: false,
    }
}

fn samples(id: ProviderId) -> impl Iterator<Item = (Occasion, Sample)> {
    Occasion::ALL
        .into_iter()
        .filter_map(move |occasion| Some((occasion, (id.spec().sample)(&story(occasion))?)))
}

fn signed(id: ProviderId, sample: &Sample, secret: &Secret) -> Signed {
    let scheme = provider(id);
    let signed = scheme.scheme().sign(sample.draft.clone(), secret, NOW);
    signed.unwrap_or_else(|error| panic!("{}: {error}", id.name()))
}

/// A draft as it is sent where nobody signs it.
fn unsigned(draft: Draft) -> Signed {
    Signed {
        headers: draft.headers,
        query: draft.query,
        body: draft.body,
    }
}

fn delivered(signed: &Signed) -> RawDelivery {
    signed.delivery(SourceName::try_new("shop").unwrap(), NOW)
}

fn verdict(
    id: ProviderId,
    delivery: RawDelivery,
    secrets: &[Secret],
) -> Result<String, SignatureRefusal> {
    provider(id)
        .verify(delivery, secrets)
        .map(|proof| proof.secret_label().to_string())
        .map_err(|(refusal, _)| refusal)
}

#[test]
fn names_are_stable_words_and_each_is_found() {
    for id in ProviderId::ALL {
        assert_eq!(ProviderId::parse(id.name()), Some(id));
        let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        assert!(id.name().bytes().all(is_word), "{}", id.name());
        let facts = &id.spec().facts;
        for text in [
            facts.algorithm,
            facts.signed,
            facts.dedupe,
            facts.fields,
            facts.retries,
        ] {
            assert!(!text.is_empty(), "{} leaves something unsaid", id.name());
        }
        assert!(!facts.sources.is_empty(), "{} names no source", id.name());
        assert!(samples(id).next().is_some(), "{} has no sample", id.name());
    }
    assert!(
        ProviderId::ALL[1..]
            .windows(2)
            .all(|pair| pair[0].name() < pair[1].name()),
        "the list is sorted by name"
    );
}

#[test]
fn what_is_signed_is_verified_and_what_is_changed_is_not() {
    for id in ProviderId::ALL
        .into_iter()
        .filter(|id| signs_with_the_secret(*id))
    {
        let (new, old) = (secret(id, "new", 1), secret(id, "old", 2));
        let other = secret(id, "other", 3);
        let both = [new.clone(), old.clone()];
        for (occasion, sample) in samples(id) {
            let name = format!("{} {}", id.name(), occasion.as_str());
            let genuine = signed(id, &sample, &new);
            assert_eq!(
                verdict(id, delivered(&genuine), &both),
                Ok("new".into()),
                "{name}"
            );
            let rolled = delivered(&signed(id, &sample, &old));
            assert_eq!(
                verdict(id, rolled.clone(), &both),
                Ok("old".into()),
                "{name}"
            );
            // The old secret in and out of its grace.
            for (retires_at, is_proof) in [(1, true), (0, false)] {
                let retires_at = Timestamp::from_millis(NOW.as_millis() + retires_at);
                let secrets = [new.clone(), old.clone().retiring_at(retires_at)];
                assert_eq!(
                    verdict(id, rolled.clone(), &secrets).is_ok(),
                    is_proof,
                    "{name}"
                );
            }
            // One that is not valid yet.
            for (starts_at, is_proof) in [(0, true), (1, false)] {
                let starts_at = Timestamp::from_millis(NOW.as_millis() + starts_at);
                let secrets = [new.clone().starting_at(starts_at)];
                let found = verdict(id, delivered(&genuine), &secrets);
                assert_eq!(found.is_ok(), is_proof, "{name}");
            }
            let refused = verdict(id, delivered(&genuine), core::slice::from_ref(&other));
            assert_eq!(refused, Err(SignatureRefusal::NoSecretMatches), "{name}");
            assert!(verdict(id, delivered(&genuine), &[]).is_err(), "{name}");
            assert!(verdict(id, delivered(&genuine), &[Secret::new("empty", "")]).is_err());
        }
    }
}

#[test]
fn one_flipped_byte_of_what_is_covered_is_refused() {
    for id in ProviderId::ALL
        .into_iter()
        .filter(|id| signs_with_the_secret(*id))
    {
        let scheme = provider(id);
        // Adyen covers eight fields of an item and not its bytes; its own test knows which.
        if !scheme.scheme().covers_body() || id == ProviderId::Adyen {
            continue;
        }
        let key = secret(id, "new", 1);
        let (_, sample) = samples(id).next().unwrap();
        let genuine = delivered(&signed(id, &sample, &key));
        for at in (0..genuine.body.len()).step_by(7) {
            let mut body = genuine.body.to_vec();
            body[at] ^= 1;
            let changed = RawDelivery {
                body: Bytes::from(body),
                ..genuine.clone()
            };
            let found = verdict(id, changed, core::slice::from_ref(&key));
            assert!(found.is_err(), "{} byte {at}", id.name());
        }
        let empty = RawDelivery {
            body: Bytes::new(),
            ..genuine
        };
        assert!(verdict(id, empty, &[key]).is_err(), "{}", id.name());
    }
}

#[test]
fn a_signature_that_is_absent_or_repeated_or_too_old_is_refused_as_such() {
    for id in ProviderId::ALL
        .into_iter()
        .filter(|id| signs_with_the_secret(*id))
    {
        let scheme = provider(id);
        let key = secret(id, "new", 1);
        let (_, sample) = samples(id).next().unwrap();
        let genuine = delivered(&signed(id, &sample, &key));
        if let crate::signature::Claims::Header(header) = scheme.scheme().claims() {
            let without = |keep: usize| {
                let kept = genuine.headers.iter().flat_map(|(name, value)| {
                    let times = if name == header { keep } else { 1 };
                    core::iter::repeat_n((name.to_string(), Bytes::copy_from_slice(value)), times)
                });
                RawDelivery {
                    headers: Headers::new(kept),
                    ..genuine.clone()
                }
            };
            let secrets = core::slice::from_ref(&key);
            assert_eq!(
                verdict(id, without(0), secrets),
                Err(SignatureRefusal::HeaderMissing),
                "{}",
                id.name()
            );
            assert_eq!(
                verdict(id, without(2), secrets),
                Err(SignatureRefusal::HeaderRepeated),
                "{}",
                id.name()
            );
        }
        if scheme.scheme().signs_time() {
            let bounded = Provider::try_new(
                id,
                Settings {
                    tolerance: Some(crate::time::Millis::from_secs(60)),
                    ..settings(id)
                },
            )
            .unwrap();
            for (seconds, is_proof) in [(60, true), (61, false), (-60, true), (-61, false)] {
                let moved = RawDelivery {
                    received_at: Timestamp::from_millis(NOW.as_millis() + seconds * 1000),
                    ..genuine.clone()
                };
                let found = bounded.verify(moved, core::slice::from_ref(&key));
                assert_eq!(found.is_ok(), is_proof, "{} {seconds}", id.name());
            }
        }
    }
}

#[test]
fn what_is_made_is_read_back() {
    for id in ProviderId::ALL
        .into_iter()
        .filter(|id| *id != ProviderId::Generic)
    {
        for (occasion, sample) in samples(id) {
            let name = format!("{} {}", id.name(), occasion.as_str());
            // What is signed in the body is read from the signed body.
            let made = if signs_with_the_secret(id) {
                delivered(&signed(id, &sample, &secret(id, "new", 1)))
            } else {
                delivered(&unsigned(sample.draft.clone()))
            };
            let events = provider(id).read_fetched(&made).unwrap();
            // A state that was fetched tells what went back beside the payment, and last.
            let most = if id == ProviderId::MollieClassic {
                2
            } else {
                1
            };
            assert!((1..=most).contains(&events.len()), "{name}");
            let event = events.last().unwrap();
            let meaning = event.meaning.as_ref().unwrap();
            assert_eq!(event.provider, id.name(), "{name}");
            assert_eq!(event.payment_id, sample.payment_id, "{name}: {event:?}");
            assert_eq!(meaning.event_type, sample.event_type, "{name}");
            let told = match &meaning.fact {
                Fact::Payment { status } => status.as_str(),
                Fact::Refund { .. } | Fact::RefundedTotal => "refunded",
                Fact::Dispute { .. } if occasion == Occasion::Disputed => "disputed",
                Fact::Dispute { .. } => meaning.fact.state().unwrap(),
                Fact::CaptureFailed | Fact::Other | Fact::Unreadable { .. } => {
                    panic!("{name}: {:?}", meaning.fact)
                }
            };
            assert_eq!(told, occasion.as_str(), "{name}");
            if id.spec().amounts != Amounts::None
                && let Some(money) = meaning.money
            {
                assert_eq!(event.amount.to_string(), "12.34", "{name}");
                assert_eq!((money.units, money.exponent), (1234, 2), "{name}");
                assert_eq!(event.currency.code(), "EUR", "{name}");
            }
            assert!(meaning.live.is_none_or(|live| !live), "{name}");
        }
        let tells_money = samples(id).any(|(_, sample)| {
            let made = delivered(&unsigned(sample.draft));
            let events = provider(id).read_fetched(&made).unwrap();
            events[0]
                .meaning
                .as_ref()
                .is_some_and(|meaning| meaning.money.is_some())
        });
        let sends_money = id.spec().amounts != Amounts::None;
        // Braintree's draft is XML, which becomes a form only when it is signed.
        if id != ProviderId::Braintree {
            assert_eq!(tells_money, sends_money, "{}", id.name());
        }
    }
}

#[test]
fn money_that_went_back_in_no_currency_goes_to_a_person() {
    let mut tried = 0;
    // A generic event has no meaning.
    for id in ProviderId::ALL.into_iter().skip(1) {
        let sample = (id.spec().sample)(&story(Occasion::Refunded));
        let (Some(mut sample), true) = (sample, id.spec().amounts != Amounts::None) else {
            continue;
        };
        let body = String::from_utf8(sample.draft.body.to_vec()).unwrap();
        sample.draft.body = body.replace("EUR", "").replace("eur", "").into();
        let made = if signs_with_the_secret(id) {
            delivered(&signed(id, &sample, &secret(id, "new", 1)))
        } else {
            delivered(&unsigned(sample.draft))
        };
        let settings = Settings {
            currency: None,
            ..settings(id)
        };
        let provider = Provider::try_new(id, settings).unwrap();
        let events = provider.read_fetched(&made).unwrap();
        let fact = &events.last().unwrap().meaning.as_ref().unwrap().fact;
        assert_eq!(fact.kind(), "unreadable", "{}: {fact:?}", id.name());
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn what_cannot_be_read_is_kept_for_a_person() {
    for id in ProviderId::ALL
        .into_iter()
        .filter(|id| *id != ProviderId::Generic)
    {
        for body in [
            "",
            "nonsense",
            "[]",
            "{}",
            "{\"id\":",
            "{\"data\":{\"id\":7}}",
            "\u{feff}{}",
        ] {
            let delivery = RawDelivery {
                source: SourceName::try_new("shop").unwrap(),
                headers: Headers::default(),
                body: Bytes::from(body),
                received_at: NOW,
            };
            let events = provider(id).read_fetched(&delivery).unwrap();
            assert!(!events.is_empty(), "{} {body}", id.name());
            for event in events {
                assert!(!event.payment_id.is_empty(), "{} {body}", id.name());
                let fact = event.meaning.unwrap().fact;
                if body == "nonsense" {
                    assert_eq!(fact.kind(), "unreadable", "{}", id.name());
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn no_bytes_panic(
        body in proptest::collection::vec(any::<u8>(), 0..120),
        value in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        for id in ProviderId::ALL {
            let provider = provider(id);
            let header = match provider.scheme().claims() {
                crate::signature::Claims::Header(header) => header,
                crate::signature::Claims::Body | crate::signature::Claims::None => "x".into(),
            };
            let delivery = RawDelivery {
                source: SourceName::generic(),
                headers: Headers::new([(header, Bytes::from(value.clone()))]),
                body: Bytes::from(body.clone()),
                received_at: NOW,
            };
            let _ = provider.read_fetched(&delivery);
            prop_assert!(provider.verify(delivery, &[secret(id, "new", 1)]).is_err());
        }
    }

    #[test]
    fn no_field_of_a_sample_panics_whatever_stands_in_it(at in any::<usize>(), text in "\\PC{0,8}|[0-9.eE+-]{0,9}|null|\\{\\}|\\[\\]|\"\"") {
        for id in ProviderId::ALL {
            for (_, sample) in samples(id) {
                let body = sample.draft.body.to_vec();
                let body = String::from_utf8(body).unwrap();
                // Some value in the body becomes another.
                let places: Vec<usize> = body.match_indices(':').map(|(at, _)| at.saturating_add(1)).collect();
                let Some(start) = places.get(at.checked_rem(places.len()).unwrap_or(0)).copied() else { continue };
                let end = body[start..].find([',', '}']).map_or(body.len(), |end| start.saturating_add(end));
                let changed = format!("{}{text}{}", &body[..start], &body[end..]);
                let delivery = RawDelivery {
                    source: SourceName::generic(),
                    headers: Headers::default(),
                    body: Bytes::from(changed),
                    received_at: NOW,
                };
                let _ = provider(id).read_fetched(&delivery);
            }
        }
    }
}
