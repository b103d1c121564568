//! What a provider would send is verified and read back as it was told, and with one byte of it
//! changed it proves nothing.
#![no_main]

use bytes::Bytes;
use domain::currency::Currency;
use domain::delivery::RawDelivery;
use domain::money::Amount;
use domain::providers::{Occasion, Provider, ProviderId, Story};
use domain::secret::Secret;
use domain::signature::SignatureRefusal;
use domain::source::SourceName;
use domain::time::Timestamp;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use payhook_fuzz::{Setup, check_event, provider_of, setup, signed};

#[derive(Debug, Arbitrary)]
struct Input {
    provider: u8,
    ed25519: bool,
    occasion: u8,
    event: Vec<u8>,
    payment: Vec<u8>,
    units: u32,
    exponent: u8,
    currency: u8,
    millis: u64,
    live: bool,
    flip_at: u16,
    flip: u8,
}

fuzz_target!(|input: Input| {
    let id = provider_of(input.provider);
    let setup = setup(id, input.ed25519);
    let story = story(&input);
    let Some(sample) = (id.spec().sample)(&story) else {
        return;
    };
    let sent = signed(&setup, &sample, story.at);
    let delivery = sent.delivery(SourceName::generic(), story.at);
    let secrets = [setup.trusted.clone()];
    match setup.provider.verify(delivery.clone(), &secrets) {
        Ok(proof) => assert_eq!(proof.get(), &delivery),
        Err((SignatureRefusal::Unsigned, _)) if id == ProviderId::MollieClassic => {}
        Err((refusal, _)) => panic!("{}: {refusal}", id.name()),
    }
    let events = setup
        .provider
        .read_fetched(&delivery)
        .expect("a sample can be read");
    events.iter().for_each(check_event);
    let last = events.last().expect("one event at least");
    assert_eq!(last.payment_id, sample.payment_id, "{}", id.name());
    change_and_refuse(&input, &setup, delivery, &secrets);
});

/// Changes one byte of the body, which the signature must notice where it covers the body.
fn change_and_refuse(input: &Input, setup: &Setup, delivery: RawDelivery, secrets: &[Secret]) {
    let (provider, id) = (&setup.provider, setup.provider.id());
    // Adyen's covers eight fields of an item and not its bytes.
    if !provider.scheme().covers_body() || id == ProviderId::Adyen || input.flip == 0 {
        return;
    }
    let mut body = delivery.body.to_vec();
    let at = usize::from(input.flip_at) % body.len();
    body[at] ^= input.flip;
    let changed = RawDelivery {
        body: Bytes::from(body),
        ..delivery.clone()
    };
    let verdict = provider.verify(changed.clone(), secrets);
    // A form can be written in more than one way, such as %2b for %2B; it must mean the same.
    if id == ProviderId::Braintree && verdict.is_ok() {
        assert_eq!(meaning(provider, &changed), meaning(provider, &delivery));
        return;
    }
    assert!(verdict.is_err(), "{} byte {at}", id.name());
}

/// What is read, but for the hash of the body that it is read from.
fn meaning(provider: &Provider, delivery: &RawDelivery) -> String {
    let mut events = provider
        .read_fetched(delivery)
        .expect("Braintree's reader never refuses");
    let hash = delivery.body_hash().to_string();
    events.sort_by_key(|event| event.payment_id.clone());
    format!("{events:?}")
        .replace(&hash, "")
        .replace(&hash[..16], "")
}

fn story(input: &Input) -> Story {
    const CURRENCIES: [&str; 6] = ["EUR", "USD", "JPY", "KWD", "ISK", "UGX"];
    let code = CURRENCIES[usize::from(input.currency) % CURRENCIES.len()];
    Story {
        occasion: Occasion::ALL[usize::from(input.occasion) % Occasion::ALL.len()],
        event: word(&input.event),
        payment: word(&input.payment),
        amount: Amount::of_minor(i64::from(input.units), input.exponent % 4).expect("an amount"),
        currency: Currency::parse(code).expect("a currency"),
        // 2001 to 2096: before, seconds and milliseconds cannot be told apart by their size.
        at: Timestamp::from_millis(
            i64::try_from(input.millis % 3_000_000_000_000).expect("it fits") + 1_000_000_000_000,
        ),
        live: input.live,
    }
}

/// Letters and digits, 1 to 64 of them: what a story's ids are made of.
fn word(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]);
    let word: String = bytes.iter().take(64).map(letter).collect();
    if word.is_empty() { "0".into() } else { word }
}
