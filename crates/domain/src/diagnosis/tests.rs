//! One line of data for every mistake that can be told.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::delivery::Headers;
use crate::limits;
use crate::providers::{Provider, ProviderId, Settings};
use crate::secret::Secret;

const HEADER: &str = "x-webhook-signature";
const KEY: &str = "Live-Key";
const BODY: &str = r#"{"paymentId":"pay_1","amount":10}"#;
const SHA256: HmacAlgorithm = HmacAlgorithm::Sha256;
const SHA512: HmacAlgorithm = HmacAlgorithm::Sha512;

fn source(name: &str, secrets: &[(&str, &str)]) -> Source {
    Source {
        name: SourceName::try_new(name).unwrap(),
        provider: Provider::try_new(ProviderId::Generic, Settings::default()).unwrap(),
        when_authenticated: crate::source::Handling::Accept,
        secrets: secrets
            .iter()
            .map(|(label, key)| Secret::new(*label, *key))
            .collect(),
    }
}

fn shop() -> Source {
    let mut shop = source("shop", &[("new", KEY), ("old", "old-key")]);
    let old = Secret::new("old", "old-key").retiring_at(Timestamp::from_millis(500));
    shop.secrets = alloc::vec![shop.secrets.swap_remove(0), old];
    shop
}

fn delivery(headers: &[(&str, &str)], body: &[u8]) -> RawDelivery {
    RawDelivery {
        source: SourceName::try_new("shop").unwrap(),
        headers: Headers::new(
            headers
                .iter()
                .map(|(name, value)| (*name, Bytes::copy_from_slice(value.as_bytes()))),
        ),
        body: Bytes::copy_from_slice(body),
        received_at: Timestamp::from_millis(1_000),
    }
}

/// The findings, as people read them, for what `shop` was sent.
fn found(headers: &[(&str, &str)], body: &[u8]) -> Diagnosis {
    let shop = shop();
    let others = [source("bank", &[("1", "bank-key")]), shop.clone()];
    let delivery = delivery(headers, body);
    let refusal = match shop.provider.verify(delivery.clone(), &shop.secrets) {
        Ok(_) => SignatureRefusal::NoSecretMatches,
        Err((refusal, _)) => refusal,
    };
    diagnose(refusal, &delivery, &shop, &others)
}

fn check(headers: &[(&str, &str)], body: &str, expected: &[Finding]) {
    let diagnosis = found(headers, body.as_bytes());
    assert_eq!(diagnosis.findings, expected, "{headers:?} {body:?}");
    let shown = format!("{diagnosis:?} {:?}", texts(&diagnosis));
    for secret in [KEY, "old-key", "bank-key"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

fn texts(diagnosis: &Diagnosis) -> Vec<String> {
    diagnosis.findings.iter().map(ToString::to_string).collect()
}

fn mac(key: &str, body: &str) -> String {
    hex::encode(SHA256.mac(key.as_bytes(), &[body]))
}

#[test]
fn the_header_that_is_not_there_is_looked_for_elsewhere() {
    let absent = |similar: &[&str]| Finding::HeaderAbsent {
        header: HEADER.into(),
        similar: similar.iter().map(ToString::to_string).collect(),
    };
    let right = mac(KEY, BODY);
    let nothing = Finding::Unexplained {
        keys: 21,
        bodies: 9,
    };
    check(&[], BODY, &[absent(&[])]);
    check(&[(HEADER, "")], BODY, &[absent(&[])]);
    let wrong = mac("guess", BODY);
    check(
        &[("x-sign", &wrong), ("accept", "*/*")],
        BODY,
        &[absent(&["x-sign"]), nothing],
    );
    check(
        &[("X-Sign", &right), ("accept", "*/*")],
        BODY,
        &[
            absent(&["x-sign"]),
            Finding::StandsIn {
                header: "x-sign".into(),
            },
        ],
    );
}

#[test]
fn a_repeated_header_says_how_often_and_whether_it_matters() {
    let right = mac(KEY, BODY);
    let wrong = mac("guess", BODY);
    let repeated = |identical| Finding::HeaderRepeated {
        header: HEADER.into(),
        times: 2,
        identical,
    };
    check(
        &[(HEADER, &right), (HEADER, &right)],
        BODY,
        &[repeated(true), Finding::OneOfThemMatches],
    );
    check(
        &[(HEADER, &wrong), (HEADER, &right)],
        BODY,
        &[repeated(false), Finding::OneOfThemMatches],
    );
}

#[test]
fn a_malformed_value_is_described_by_its_shape() {
    let shape = |value: &str| {
        let findings = found(&[(HEADER, value)], BODY.as_bytes()).findings;
        findings.into_iter().find_map(|finding| {
            if let Finding::Shape {
                bytes, looks_like, ..
            } = finding
            {
                Some((bytes, looks_like))
            } else {
                None
            }
        })
    };
    let base64 = STANDARD.encode([7; 32]);
    let long = "a".repeat(limits::SIGNATURE_BYTES_MAX + 1);
    for (value, expected) in [
        ("abcd", (4, Looks::Hex { bytes: 2 })),
        ("sha256=abc", (3, Looks::HexOfOddLength)),
        (&"a".repeat(40), (40, Looks::Hex { bytes: 20 })),
        (&base64, (44, Looks::Base64 { bytes: 32 })),
        ("Bearer token", (12, Looks::Other { foreign_at: 4 })),
        ("word", (4, Looks::Other { foreign_at: 1 })),
        (&long, (4097, Looks::TooLong)),
    ] {
        assert_eq!(shape(value), Some(expected), "{value}");
    }
}

#[test]
fn a_signature_in_another_form_is_recognised() {
    let bytes = SHA256.mac(KEY.as_bytes(), &[BODY]);
    let long = SHA512.mac(KEY.as_bytes(), &[BODY]);
    let (hex, base64) = (hex::encode(bytes), STANDARD.encode(bytes));
    for (value, expected) in [
        (base64, &[Finding::WrittenAs(Written::Base64)][..]),
        (
            STANDARD_NO_PAD.encode(bytes),
            &[Finding::WrittenAs(Written::Base64)],
        ),
        (
            STANDARD.encode(&hex),
            &[Finding::WrittenAs(Written::Base64OfHex)],
        ),
        (
            format!("SHA256={hex}"),
            &[Finding::Dressed(Dressing::Prefix)],
        ),
        (format!("HMAC {hex}"), &[Finding::Dressed(Dressing::Prefix)]),
        (format!("\"{hex}\""), &[Finding::Dressed(Dressing::Quotes)]),
        (format!("t=1,v1={hex}"), &[Finding::Dressed(Dressing::List)]),
        (hex::encode(long), &[Finding::HashedWith(SHA512)]),
        (
            format!("sha512={}", STANDARD.encode(long)),
            &[
                Finding::HashedWith(SHA512),
                Finding::WrittenAs(Written::Base64),
                Finding::Dressed(Dressing::Prefix),
            ],
        ),
    ] {
        let diagnosis = found(&[(HEADER, &value)], BODY.as_bytes());
        assert_eq!(
            diagnosis.refusal,
            SignatureRefusal::HeaderMalformed,
            "{value}"
        );
        assert_eq!(&diagnosis.findings[1..], expected, "{value}");
    }
}

#[test]
fn a_secret_that_is_nearly_ours_is_recognised() {
    let changed = |change| Finding::KeyChanged {
        label: "new".into(),
        change,
    };
    for (key, expected) in [
        ("Live-Key\n", changed(KeyChange::LineBreakAdded)),
        ("Live-Key\r\n", changed(KeyChange::LineBreakAdded)),
        ("\"Live-Key\"", changed(KeyChange::QuotesAdded)),
        ("live-key", changed(KeyChange::LowerCased)),
        ("LIVE-KEY", changed(KeyChange::UpperCased)),
        ("4c6976652d4b6579", changed(KeyChange::HexEncoded)),
        ("TGl2ZS1LZXk=", changed(KeyChange::Base64Encoded)),
        ("", changed(KeyChange::Empty)),
        (
            "old-key",
            Finding::KeyRetired {
                label: "old".into(),
                retired_at: Timestamp::from_millis(500),
            },
        ),
        (
            "bank-key",
            Finding::KeyOfSource {
                source: SourceName::try_new("bank").unwrap(),
                label: "1".into(),
            },
        ),
        (
            "guess",
            Finding::Unexplained {
                keys: 21,
                bodies: 9,
            },
        ),
        (
            KEY,
            Finding::VerifiesNow {
                label: "new".into(),
            },
        ),
    ] {
        check(&[(HEADER, &mac(key, BODY))], BODY, &[expected]);
    }
}

#[test]
fn a_secret_that_is_spelled_on_our_side_is_recognised() {
    for (ours, theirs, change) in [
        (" key ", "key", KeyChange::WhitespaceRemoved),
        ("'key'", "key", KeyChange::QuotesRemoved),
        ("6b6579", "key", KeyChange::HexDecoded),
        ("a2V5", "key", KeyChange::Base64Decoded),
        ("whsec_a2V5", "key", KeyChange::Base64Decoded),
    ] {
        let delivery = delivery(&[(HEADER, &mac(theirs, BODY))], BODY.as_bytes());
        let shop = source("shop", &[("1", ours)]);
        let diagnosis = diagnose(SignatureRefusal::NoSecretMatches, &delivery, &shop, &[]);
        let label = "1".into();
        assert_eq!(
            diagnosis.findings,
            [Finding::KeyChanged { label, change }],
            "{ours}"
        );
    }
}

#[test]
fn a_body_that_was_changed_on_the_way_is_recognised() {
    let json = |layout, spelling| BodyChange::Json { layout, spelling };
    for (signed, arrived, change) in [
        ("{}\n", "{}", BodyChange::LineBreakAdded),
        ("{}\r\n", "{}", BodyChange::LineBreakAdded),
        ("{}", "{}\n", BodyChange::EndTrimmed),
        ("{}", " {} ", BodyChange::Trimmed),
        ("[1,\r\n2]", "[1,\n2]", BodyChange::LfToCrLf),
        ("[1,\n2]", "[1,\r\n2]", BodyChange::CrLfToLf),
        ("{}", "\u{feff}{}", BodyChange::BomRemoved),
        ("\u{feff}{}", "{}", BodyChange::BomAdded),
        ("{\"a\":10}", "eyJhIjoxMH0=", BodyChange::Base64Decoded),
        ("e30=", "{}", BodyChange::Base64Encoded),
        ("\"é\"", "\"Ã©\"", BodyChange::Latin1Undone),
        ("", "{}", BodyChange::Empty),
        (
            "[1,2]",
            "[1, 2]",
            json(Layout::Compact, Spelling::AsArrived),
        ),
        ("[1, 2]", "[1,2]", json(Layout::Spaced, Spelling::AsArrived)),
        (
            "[\n  1\n]",
            "[1]",
            json(Layout::Indented2, Spelling::AsArrived),
        ),
        (
            "[\n    1\n]",
            "[1]",
            json(Layout::Indented4, Spelling::AsArrived),
        ),
        (
            "[1,\"é\"]",
            "[1.0, \"\\u00e9\"]",
            json(Layout::Compact, Spelling::JavaScript),
        ),
        (
            "[1, \"\\u00e9\"]",
            "[1,\"é\"]",
            json(Layout::Spaced, Spelling::Python),
        ),
        (
            "[1,\"\\/\"]",
            "[1, \"/\"]",
            json(Layout::Compact, Spelling::Php),
        ),
    ] {
        check(
            &[(HEADER, &mac(KEY, signed))],
            arrived,
            &[Finding::BodyChanged(change)],
        );
    }
}

#[test]
fn two_mistakes_at_once_are_told_while_the_body_is_short() {
    let both = [
        Finding::BodyChanged(BodyChange::EndTrimmed),
        Finding::KeyRetired {
            label: "old".into(),
            retired_at: Timestamp::from_millis(500),
        },
    ];
    check(&[(HEADER, &mac("old-key", "{}"))], "{}\n", &both);
    let longest = "1".repeat(TWO_CHANGES_BODY_BYTES_MAX - 1);
    for (signed, explained) in [(longest.clone(), true), (longest + "1", false)] {
        let headers = [(HEADER, &*mac("old-key", &signed))];
        let diagnosis = found(&headers, (signed + "\n").as_bytes());
        assert_eq!(diagnosis.is_explained(), explained);
    }
}

#[test]
fn what_is_no_hmac_is_called_so_and_only_in_the_signature_header() {
    let digest = |parts: [&str; 2]| hex::encode(SHA256.digest(&parts.map(str::as_bytes)));
    for (value, expected) in [
        (digest([BODY, ""]), Construction::HashOfBody),
        (digest([KEY, BODY]), Construction::HashOfKeyAndBody),
        (digest([BODY, KEY]), Construction::HashOfBodyAndKey),
    ] {
        check(&[(HEADER, &value)], BODY, &[Finding::MadeBy(expected)]);
    }
    let diagnosis = found(&[("digest", &digest([BODY, ""]))], BODY.as_bytes());
    assert!(!diagnosis.is_explained());
}

#[test]
fn a_finding_is_said_in_one_sentence_without_the_value() {
    let malformed = found(&[(HEADER, "not-a-signature-at-all")], BODY.as_bytes());
    assert_eq!(
        texts(&malformed),
        [
            "The header's value has 22 bytes and is neither hexadecimal nor base64 of a hash (byte \
             1 is no hexadecimal digit); 64 hexadecimal digits of HMAC-SHA-256 were expected."
        ]
    );
    let wrong = found(&[(HEADER, &mac("guess", BODY))], BODY.as_bytes());
    assert_eq!(
        texts(&wrong),
        [
            "None of 21 secrets and variations of them gives this signature over any of 9 \
             variations of the body."
        ]
    );
}

proptest! {
    #[test]
    fn nothing_that_arrives_panics_and_something_is_always_said(
        name in "[a-z-]{1,8}|x-webhook-signature",
        values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..3),
        body in proptest::collection::vec(any::<u8>(), 0..120),
    ) {
        let mut delivery = delivery(&[], &body);
        delivery.headers =
            Headers::new(values.into_iter().map(|value| (name.clone(), Bytes::from(value))));
        let diagnosis = diagnose(SignatureRefusal::NoSecretMatches, &delivery, &shop(), &[]);
        prop_assert!(!diagnosis.findings.is_empty());
        prop_assert!(texts(&diagnosis).iter().all(|text| text.ends_with('.')));
    }

    #[test]
    fn a_secret_of_another_source_is_found_for_every_body(body in "\\PC{0,60}") {
        let signature = mac("bank-key", &body);
        let diagnosis = found(&[(HEADER, &signature)], body.as_bytes());
        let [Finding::KeyOfSource { source, .. }] = diagnosis.findings.as_slice() else {
            return Err(TestCaseError::fail(format!("{diagnosis:?}")));
        };
        prop_assert_eq!(source.as_str(), "bank");
    }
}
