//! Every scheme against published and derived signature vectors, read in place from the shared
//! cases (`PAYHOOK_CASES`, or `../shared/cases` beside the project) and never copied.
//!
//! A vector says how its signature is made in `scheme` and `params`; that is turned into the
//! configuration an operator would write, and where the provider is one of ours its own scheme
//! must come to the same verdict.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and says how many cases there were"
)]

use std::path::PathBuf;

use base64::Engine as _;
use bytes::Bytes;
use domain::delivery::{Headers, QUERY, RawDelivery};
use domain::providers::generic::hmac_scheme;
use domain::providers::{Provider, ProviderId, SchemeChanges, Settings};
use domain::secret::Secret;
use domain::signature::{
    Certificate, HeaderForm, HmacAlgorithm, HmacScheme, KeyForm, Prefix, Scheme, SignatureEncoding,
    SignatureRefusal, Template, TimeSource, TimeUnit, TimestampRule, challenge_answer,
};
use domain::source::SourceName;
use domain::time::{Millis, Timestamp};
use serde_json::Value;

/// Fewest cases that the file is known to hold: fewer would mean that this test has gone blind.
const CASES_MIN: usize = 120;

/// When a vector says no time, it is checked at the time that it signs, or at none in particular.
const NO_TIME: i64 = 1_700_000_000;

#[test]
fn every_vector_gives_its_verdict_and_its_reason() {
    let Some(cases) = cases() else { return };
    assert!(cases.len() >= CASES_MIN, "only {} cases", cases.len());
    let (mut judged, mut wrong) = (0, Vec::new());
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        if case["scheme"] == "braintree-challenge" {
            let secrets = secrets(case);
            let answer = challenge_answer(case["body"].as_str().unwrap(), &secrets, now(case));
            assert_eq!(answer.as_deref(), case["response"].as_str(), "{name}");
            judged += 1;
            continue;
        }
        for (kind, scheme) in schemes(case) {
            judged += 1;
            let found = verdict(case, &scheme);
            let fits = match (&found, case["expect"].as_str().unwrap()) {
                (Ok(()), "valid") => true,
                (Err(refusal), "invalid") => {
                    is_reason(*refusal, case["reason"].as_str().unwrap_or_default())
                }
                (_, _) => false,
            };
            if !fits {
                wrong.push(format!(
                    "{name} ({kind}): {found:?}, expected {} {}",
                    case["expect"], case["reason"]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} cases, {judged} verdicts", cases.len());
}

/// The words of the vectors for our refusals. A MAC that cannot be one is a mismatch to those who
/// compare texts; `ok` says nothing.
fn is_reason(refusal: SignatureRefusal, reason: &str) -> bool {
    use SignatureRefusal::{
        CertificateUntrusted, HeaderMalformed, HeaderMissing, NoSecretMatches, SignedPartMissing,
        TimestampInFuture, TimestampMalformed, TimestampTooOld,
    };
    match reason {
        "ok" => true,
        "mismatch" => matches!(refusal, NoSecretMatches | HeaderMalformed),
        "malformed" => matches!(refusal, HeaderMalformed | TimestampMalformed),
        "bad timestamp" => matches!(refusal, TimestampMalformed),
        "too old" => matches!(refusal, TimestampTooOld { .. }),
        "too new" | "in the future" => matches!(refusal, TimestampInFuture { .. }),
        "timestamp" => matches!(
            refusal,
            TimestampTooOld { .. } | TimestampInFuture { .. } | TimestampMalformed
        ),
        "missing header" => matches!(refusal, HeaderMissing),
        "missing signed header" => matches!(refusal, SignedPartMissing),
        "certificate" => matches!(refusal, CertificateUntrusted),
        other => panic!("a reason that this test does not know: {other}"),
    }
}

fn verdict(case: &Value, scheme: &Scheme) -> Result<(), SignatureRefusal> {
    let text = |name: &str| case[name].as_str().unwrap_or_default();
    let mut headers: Vec<(String, Bytes)> = case["headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| {
            (
                name.clone(),
                Bytes::from(value.as_str().unwrap().to_owned()),
            )
        })
        .collect();
    if let Some((_, query)) = text("url").split_once('?') {
        headers.push((QUERY.to_owned(), Bytes::from(query.to_owned())));
    }
    let delivery = RawDelivery {
        source: SourceName::generic(),
        headers: Headers::new(headers),
        body: Bytes::from(text("body").to_owned()),
        received_at: now(case),
    };
    scheme
        .check(delivery, &secrets(case))
        .map(|_| ())
        .map_err(|(refusal, _)| refusal)
}

fn now(case: &Value) -> Timestamp {
    if let Some(text) = case["now"].as_str() {
        return Timestamp::from_iso(text).unwrap();
    }
    // Else the time that the header signs, where it signs one.
    let signed = || {
        let headers = case["headers"].as_object().unwrap();
        headers.values().find_map(|value| {
            let value = value.as_str()?;
            let rest = value.strip_prefix("t=").or(value.strip_prefix("ts="))?;
            rest.split([',', ';']).next()?.parse::<i64>().ok()
        })
    };
    let seconds = case["now"].as_i64().or_else(signed).unwrap_or(NO_TIME);
    Timestamp::from_millis(seconds * 1000)
}

fn secrets(case: &Value) -> Vec<Secret> {
    let secret = &case["secret"];
    if let Some(text) = secret.as_str() {
        return vec![Secret::new("case", text)];
    }
    vec![
        Secret::new("case", secret["private_key"].as_str().unwrap())
            .with_id(secret["public_key"].as_str().unwrap()),
    ]
}

/// The scheme that the vector describes, and the provider's own where we have it.
fn schemes(case: &Value) -> Vec<(&'static str, Scheme)> {
    let mut schemes = Vec::from_iter(described(case).map(|scheme| ("described", scheme)));
    schemes.extend(own(case).map(|scheme| ("own", scheme)));
    assert!(!schemes.is_empty(), "no scheme for {}", case["name"]);
    schemes
}

fn tolerance(case: &Value) -> Option<Millis> {
    case["tolerance"].as_u64().map(Millis::from_secs)
}

fn described(case: &Value) -> Option<Scheme> {
    let params = &case["params"];
    let text = |name: &str| params[name].as_str();
    match case["scheme"].as_str().unwrap() {
        "hmac" => {
            let plain = HmacScheme::plain(text("header").unwrap());
            Some(Scheme::Hmac(HmacScheme {
                algorithm: algorithm(text("hash")),
                encoding: encoding(text("encoding")),
                form: HeaderForm::Plain(text("prefix").map(|prefix| Prefix {
                    text: prefix.to_owned(),
                    is_required: false,
                    ignores_case: true,
                })),
                key: if text("key") == Some("hex") {
                    KeyForm::Hex
                } else {
                    KeyForm::Text
                },
                signed: vec![template(&params["message"])],
                url: case["url"].as_str().map(str::to_owned),
                ..plain
            }))
        }
        "csv-hmac" => {
            let changes = SchemeChanges {
                header: text("header").map(str::to_owned),
                algorithm: Some(algorithm(text("hash"))),
                encoding: Some(encoding(text("encoding"))),
                pair: Some("v1".to_owned()),
                separator: text("sep").and_then(|sep| sep.chars().next()),
                timestamp: Some("t".to_owned()),
                signed: Some(Template::parse("{timestamp},{body}").unwrap()),
                ..SchemeChanges::default()
            };
            let scheme = hmac_scheme(&changes, None).unwrap();
            Some(Scheme::Hmac(scheme).within(tolerance(case)))
        }
        _ => None,
    }
}

fn own(case: &Value) -> Option<Scheme> {
    let name = case["provider"].as_str().unwrap();
    let id = match name {
        "authorize.net" => ProviderId::AuthorizeNet,
        "checkout.com" => ProviderId::CheckoutCom,
        "lemonsqueezy" => ProviderId::LemonSqueezy,
        "svix" => ProviderId::StandardWebhooks,
        "hook0" | "hook0 (also Coinbase CDP)" => ProviderId::CoinbaseCdp,
        "flutterwave" if case["scheme"] == "static-token" => ProviderId::FlutterwaveV3,
        _ => ProviderId::parse(name).filter(|id| *id != ProviderId::Generic)?,
    };
    let certificates = case["cert_pem"].as_str().map(|pem| Certificate {
        url: case["headers"]["PAYPAL-CERT-URL"]
            .as_str()
            .unwrap()
            .to_owned(),
        public_key: public_key_of(pem),
        names: vec!["messageverificationcerts.sandbox.paypal.com".to_owned()],
        not_before: Timestamp::from_iso("2015-01-01T00:00:00Z").unwrap(),
        not_after: Timestamp::from_iso("2017-12-31T00:00:00Z").unwrap(),
    });
    let settings = Settings {
        url: case["url"]
            .as_str()
            .filter(|_| id == ProviderId::Square)
            .map(str::to_owned),
        tolerance: tolerance(case),
        certificates: Vec::from_iter(certificates),
        ..Settings::default()
    };
    Some(Provider::try_new(id, settings).unwrap().scheme().clone())
}

/// The SubjectPublicKeyInfo of a certificate, found by the RSA algorithm's identifier: the fetching
/// shell reads certificates properly, and its own tests are there.
fn public_key_of(pem: &str) -> Vec<u8> {
    let digits: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let der = base64::engine::general_purpose::STANDARD
        .decode(digits)
        .unwrap();
    let identifier = [
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ];
    let at = der
        .windows(identifier.len())
        .position(|window| window == identifier)
        .unwrap();
    let start = at - 4;
    let length = usize::from(der[start + 2]) << 8 | usize::from(der[start + 3]);
    der[start..start + 4 + length].to_vec()
}

fn algorithm(name: Option<&str>) -> HmacAlgorithm {
    match name {
        Some("sha1") => HmacAlgorithm::Sha1,
        Some("sha512") => HmacAlgorithm::Sha512,
        Some("sha256") | None => HmacAlgorithm::Sha256,
        Some(other) => panic!("a hash that there is not: {other}"),
    }
}

fn encoding(name: Option<&str>) -> SignatureEncoding {
    match name {
        Some("base64") => SignatureEncoding::Base64,
        Some("hex") => SignatureEncoding::Hex,
        other => panic!("an encoding that there is not: {other:?}"),
    }
}

/// `["lit:v0:", "header:x-time", "url", "body"]` as a template.
fn template(message: &Value) -> Template {
    let Some(parts) = message.as_array() else {
        return Template::body();
    };
    let text: String = parts
        .iter()
        .map(|part| match part.as_str().unwrap() {
            "body" => "{body}".to_owned(),
            "url" => "{url}".to_owned(),
            part => match part.split_once(':').unwrap() {
                ("lit", literal) => literal.to_owned(),
                ("header", name) => format!("{{header:{name}}}"),
                other => panic!("a part that there is not: {other:?}"),
            },
        })
        .collect();
    Template::parse(&text).unwrap()
}

// The generic scheme of a configuration can say a time in a header of its own too.
#[test]
fn a_time_in_a_header_of_its_own_is_a_setting() {
    let changes = SchemeChanges {
        timestamp: Some("X-Time".to_owned()),
        signed: Some(Template::parse("v0:{timestamp}:{body}").unwrap()),
        timestamp_unit: Some(TimeUnit::Millis),
        ..SchemeChanges::default()
    };
    let scheme = hmac_scheme(&changes, None).unwrap();
    let rule: TimestampRule = scheme.timestamp.unwrap();
    assert_eq!(rule.source, TimeSource::Header("x-time".to_owned()));
}

fn cases() -> Option<Vec<Value>> {
    let path = cases_directory().join("signatures.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("the shared cases were not there: {}", path.display());
        return None;
    };
    let file: Value = serde_json::from_str(&text).unwrap();
    Some(file["cases"].as_array().unwrap().clone())
}

fn cases_directory() -> PathBuf {
    std::env::var_os("PAYHOOK_CASES").map_or_else(
        || {
            PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../../shared/cases"
            ))
        },
        PathBuf::from,
    )
}
