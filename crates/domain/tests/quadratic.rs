//! What keeps the cost of a delivery in proportion to its size, whoever sends it: only so many
//! signatures, signed headers and items are looked at, and no nesting is followed to the bottom.
//!
//! No time is asserted here; `benches/adversarial.rs` measures what follows from it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use bytes::Bytes;
use domain::delivery::{Headers, RawDelivery};
use domain::diagnosis::diagnose;
use domain::event::PaymentEvent;
use domain::limits::{
    BODY_BYTES_CEILING, EVENTS_PER_DELIVERY_MAX, SIGNATURE_BYTES_MAX, SIGNATURES_MAX,
    SIGNED_HEADERS_MAX,
};
use domain::money::Amount;
use domain::providers::{Occasion, Provider, ProviderId, ReadRefusal, Settings, Story};
use domain::secret::Secret;
use domain::signature::{Draft, NotSignable, SignatureRefusal};
use domain::source::{Handling, Source, SourceName};
use domain::time::Timestamp;
use domain::{currency::Currency, meaning::Fact};

const NOW: Timestamp = Timestamp::from_millis(1_795_418_923_000);

fn provider(id: ProviderId) -> Provider {
    let settings = Settings {
        url: (id == ProviderId::Square).then(|| "https://pay.example/webhooks/square".into()),
        ..Settings::default()
    };
    Provider::try_new(id, settings).unwrap()
}

/// Digits are a key in each of the forms that there are; Braintree's has a name too.
fn secret() -> Secret {
    Secret::new("ours", "c5".repeat(32)).with_id("ours")
}

/// The sample of a captured payment, or of whatever comes first.
fn draft(id: ProviderId) -> Draft {
    let of = |occasion| {
        (id.spec().sample)(&Story {
            occasion,
            event: "1a2b3c4d".into(),
            payment: "9f8e7d6c".into(),
            amount: Amount::parse("12.34").unwrap(),
            currency: Currency::parse("EUR").unwrap(),
            at: NOW,
            live: false,
        })
    };
    let mut occasions = [Occasion::Captured].into_iter().chain(Occasion::ALL);
    occasions.find_map(of).unwrap().draft
}

fn signed(id: ProviderId, draft: Draft) -> Result<RawDelivery, NotSignable> {
    let signed = provider(id).scheme().sign(draft, &secret(), NOW)?;
    Ok(signed.delivery(SourceName::generic(), NOW))
}

fn of_body(body: impl Into<Bytes>) -> RawDelivery {
    RawDelivery {
        source: SourceName::generic(),
        headers: Headers::default(),
        body: body.into(),
        received_at: NOW,
    }
}

/// The delivery with another value in the header of its signature.
fn with_signature(
    id: ProviderId,
    delivery: &RawDelivery,
    change: impl Fn(&str) -> String,
) -> RawDelivery {
    let own = provider(id).scheme().signature_header().unwrap();
    let headers = delivery.headers.iter().map(|(name, value)| {
        let value = match core::str::from_utf8(value) {
            Ok(text) if name == own => Bytes::from(change(text)),
            Ok(_) | Err(_) => Bytes::copy_from_slice(value),
        };
        (name.to_owned(), value)
    });
    RawDelivery {
        headers: Headers::new(headers),
        ..delivery.clone()
    }
}

fn verdict(id: ProviderId, delivery: RawDelivery) -> Result<(), SignatureRefusal> {
    let verdict = provider(id).verify(delivery, &[secret()]);
    verdict.map(|_| ()).map_err(|(refusal, _)| refusal)
}

#[test]
fn the_last_signature_that_is_looked_at_counts_and_the_next_does_not() {
    let wrong = "00".repeat(32);
    let of_zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    // What stands before the genuine signature, and goes in front of it so many times.
    for (id, before, other) in [
        (ProviderId::Stripe, "v1=", format!("v1={wrong},")),
        (ProviderId::Paddle, "h1=", format!("h1={wrong};")),
        (ProviderId::Worldpay, "ours/", format!("1/SHA256/{wrong},")),
        (
            ProviderId::StandardWebhooks,
            "v1,",
            format!("v1,{of_zeros} "),
        ),
        (ProviderId::CoinbaseCdp, "v1=", format!("v1={wrong},")),
    ] {
        let genuine = signed(id, draft(id)).unwrap();
        let after = |count: usize| {
            with_signature(id, &genuine, |value| {
                let at = value.find(before).unwrap();
                format!("{}{}{}", &value[..at], other.repeat(count), &value[at..])
            })
        };
        assert_eq!(
            verdict(id, after(SIGNATURES_MAX - 1)),
            Ok(()),
            "{}",
            id.name()
        );
        assert!(verdict(id, after(SIGNATURES_MAX)).is_err(), "{}", id.name());
    }
}

#[test]
fn the_last_signature_in_a_form_that_is_looked_at_counts_and_the_next_does_not() {
    let id = ProviderId::Braintree;
    let genuine = signed(id, draft(id)).unwrap();
    let body = String::from_utf8(genuine.body.to_vec()).unwrap();
    let other = format!("x%7C{}%26", "00".repeat(20));
    let after = |count: usize| {
        let name = "bt_signature=";
        of_body(body.replace(name, &format!("{name}{}", other.repeat(count))))
    };
    assert_eq!(verdict(id, after(SIGNATURES_MAX - 1)), Ok(()));
    assert!(verdict(id, after(SIGNATURES_MAX)).is_err());
}

#[test]
fn a_signature_header_that_is_too_long_is_not_looked_at() {
    for id in ProviderId::ALL {
        let Some(header) = provider(id).scheme().signature_header() else {
            continue;
        };
        // Private keys are not what the secret is here.
        let Ok(genuine) = signed(id, draft(id)) else {
            continue;
        };
        assert_eq!(verdict(id, genuine.clone()), Ok(()), "{}", id.name());
        let long = with_signature(id, &genuine, |value| {
            format!("{value},{}", "x".repeat(SIGNATURE_BYTES_MAX - value.len()))
        });
        let refused = Err(SignatureRefusal::HeaderMalformed);
        assert_eq!(verdict(id, long), refused, "{} {header}", id.name());
    }
}

#[test]
fn a_signature_covers_so_many_headers_and_no_more() {
    let id = ProviderId::CoinbaseCdp;
    let with_headers = |count: usize| {
        let mut draft = draft(id);
        draft.headers = (0..count)
            .map(|at| (format!("x-{at}"), "1".to_owned()))
            .collect();
        signed(id, draft)
    };
    let genuine = with_headers(SIGNED_HEADERS_MAX).unwrap();
    assert_eq!(verdict(id, genuine.clone()), Ok(()));
    assert_eq!(
        with_headers(SIGNED_HEADERS_MAX + 1).err(),
        Some(NotSignable::Part)
    );
    // A name that stands there twice is one more.
    let more = with_signature(id, &genuine, |value| value.replace(",h=", ",h=x-0 "));
    assert_eq!(verdict(id, more), Err(SignatureRefusal::HeaderMalformed));
}

#[test]
fn a_batch_of_more_items_than_one_delivery_may_carry_is_refused() {
    let id = ProviderId::Adyen;
    let of_items = |count: usize| {
        let mut draft = draft(id);
        let body = String::from_utf8(draft.body.to_vec()).unwrap();
        let (before, list) = body.split_once('[').unwrap();
        let (item, after) = list.rsplit_once(']').unwrap();
        let items = vec![item; count].join(",");
        draft.body = format!("{before}[{items}]{after}").into();
        signed(id, draft).unwrap()
    };
    assert_eq!(verdict(id, of_items(EVENTS_PER_DELIVERY_MAX)), Ok(()));
    assert!(verdict(id, of_items(EVENTS_PER_DELIVERY_MAX + 1)).is_err());
}

/// Adyen's signatures stand in the items, so that a longer batch cannot be verified. One signature
/// over the whole of a batch vouches for any length, and what is lost of it must be seen.
#[test]
fn of_a_verified_batch_so_many_events_are_read_and_the_rest_is_told() {
    let payment = |number: usize| {
        format!(
            r#"{{"id":"EV{number}","resource_type":"payments","action":"confirmed","links":{{"payment":"PM1"}}}}"#
        )
    };
    let refund = |number: usize| {
        format!(
            r#"{{"id":{number},"kind":"refund","status":"success","amount":"1.50","currency":"EUR"}}"#
        )
    };
    let payments = |items: &str| format!(r#"{{"events":[{items}]}}"#);
    let refunds = |items: &str| {
        format!(r#"{{"id":9,"order_id":1,"refund_line_items":[],"transactions":[{items}]}}"#)
    };
    so_many_are_read(ProviderId::Gocardless, payment, payments);
    so_many_are_read(ProviderId::Shopify, refund, refunds);
}

fn so_many_are_read(id: ProviderId, item: impl Fn(usize) -> String, body: impl Fn(&str) -> String) {
    let read = |count: usize| {
        let items = (0..count).map(&item).collect::<Vec<_>>().join(",");
        let batch = Draft {
            body: body(&items).into(),
            ..draft(id)
        };
        let delivery = signed(id, batch).unwrap();
        let proof = provider(id).verify(delivery, &[secret()]).unwrap();
        provider(id).read(&proof).unwrap()
    };
    let unreadable = |events: &[PaymentEvent]| {
        let of = |event: &&PaymentEvent| {
            let meaning = event.meaning.as_ref();
            meaning.is_some_and(|meaning| matches!(meaning.fact, Fact::Unreadable { .. }))
        };
        events.iter().filter(of).count()
    };
    let most = read(EVENTS_PER_DELIVERY_MAX);
    assert_eq!(
        (most.len(), unreadable(&most)),
        (EVENTS_PER_DELIVERY_MAX, 0)
    );
    let more = read(EVENTS_PER_DELIVERY_MAX * 4);
    assert_eq!(
        (more.len(), unreadable(&more)),
        (EVENTS_PER_DELIVERY_MAX + 1, 1)
    );
}

/// Bodies as long as any configuration allows, which nest as deep as they are long.
fn nested() -> [(&'static str, String); 4] {
    let half = BODY_BYTES_CEILING / 2 - 16;
    let (open, close) = ("[".repeat(half), "]".repeat(half));
    [
        ("lists", "[".repeat(BODY_BYTES_CEILING)),
        ("objects", "{\"a\":".repeat(BODY_BYTES_CEILING / 5)),
        ("closed lists", format!("{open}{close}")),
        ("half an object", format!("{{\"a\":{open}")),
    ]
}

#[test]
fn what_nests_without_end_is_unreadable_and_no_overflow() {
    for id in ProviderId::ALL {
        for (name, body) in nested() {
            let delivery = of_body(body);
            assert!(
                verdict(id, delivery.clone()).is_err(),
                "{} {name}",
                id.name()
            );
            let read = provider(id).read_fetched(&delivery);
            if id == ProviderId::Generic {
                assert_eq!(read, Err(ReadRefusal::MalformedJson), "{name}");
                continue;
            }
            let events = read.unwrap();
            assert_eq!(events.len(), 1, "{} {name}", id.name());
            let fact = &events[0].meaning.as_ref().unwrap().fact;
            assert!(
                matches!(fact, Fact::Unreadable { .. }),
                "{} {name}",
                id.name()
            );
        }
    }
}

#[test]
fn what_nests_in_a_member_that_nobody_reads_changes_nothing_and_is_no_overflow() {
    // More than the 128 levels that serde_json follows by recursion, and all that a body may have.
    for depth in [127, 128, 129, 50_000] {
        for id in ProviderId::ALL {
            let body = String::from_utf8(draft(id).body.to_vec()).unwrap();
            let Some(rest) = body.strip_prefix('{') else {
                continue;
            };
            let read = |body: String| {
                let events = provider(id).read_fetched(&of_body(body)).unwrap();
                let told = |event: &domain::event::PaymentEvent| {
                    (event.payment_id.clone(), event.amount, event.status.clone())
                };
                events.iter().map(told).collect::<Vec<_>>()
            };
            let deep = format!(
                "{{\"deep\":{}{},{rest}",
                "[".repeat(depth),
                "]".repeat(depth)
            );
            assert_eq!(read(deep), read(body.clone()), "{} {depth}", id.name());
        }
    }
}

#[test]
fn what_nests_without_end_is_diagnosed_and_no_overflow() {
    // One of each way to explain: of MACs, of other schemes, and of a body in pieces.
    for id in [
        ProviderId::Generic,
        ProviderId::StandardWebhooks,
        ProviderId::Adyen,
    ] {
        let source = Source {
            name: SourceName::generic(),
            provider: provider(id),
            secrets: vec![secret()],
            when_authenticated: Handling::Accept,
        };
        let (_, body) = &nested()[2];
        let delivery = of_body(body.clone());
        let refusal = verdict(id, delivery.clone()).unwrap_err();
        let diagnosis = diagnose(refusal, &delivery, &source, &[]);
        assert!(!diagnosis.findings.is_empty(), "{}", id.name());
    }
}
