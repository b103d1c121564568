//! Any bytes in a signature header are a refusal, never a panic, and never a proof: nobody can
//! guess this secret. Every form, hash, encoding and time that a configuration can ask for.
#![no_main]

use bytes::Bytes;
use domain::delivery::{Headers, RawDelivery};
use domain::secret::Secret;
use domain::signature::{
    HeaderForm, HmacAlgorithm, HmacScheme, KeyForm, Prefix, Scheme, SignatureEncoding, Template,
    TimeSource, TimeUnit, TimestampRule,
};
use domain::source::SourceName;
use libfuzzer_sys::fuzz_target;
use payhook_fuzz::NOW;

fuzz_target!(|value: &[u8]| {
    // No input holds it; it is a key in each of the forms.
    let secrets = [Secret::new("fuzz", "5ec4e7".repeat(10))];
    for form in forms() {
        for algorithm in HmacAlgorithm::ALL {
            for encoding in [
                SignatureEncoding::Hex,
                SignatureEncoding::Base64,
                SignatureEncoding::HexOrBase64,
            ] {
                let scheme = Scheme::Hmac(scheme(form.clone(), algorithm, encoding));
                let delivery = RawDelivery {
                    source: SourceName::generic(),
                    headers: Headers::new([("x-webhook-signature", Bytes::copy_from_slice(value))]),
                    body: Bytes::from_static(b"{}"),
                    received_at: NOW,
                };
                assert!(scheme.check(delivery, &secrets).is_err());
            }
        }
    }
});

fn forms() -> Vec<HeaderForm> {
    let pairs = |separator| HeaderForm::Pairs {
        separator,
        signature: "v1".into(),
    };
    let any_case = Prefix {
        ignores_case: true,
        ..Prefix::required("sha256=")
    };
    vec![
        HeaderForm::Plain(None),
        HeaderForm::Plain(Some(Prefix::optional("sha256="))),
        HeaderForm::Plain(Some(any_case)),
        pairs(','),
        pairs(';'),
        HeaderForm::KeyIds,
    ]
}

/// Where there are pairs, one of them is the signed time; each hash has its own form of a key.
fn scheme(form: HeaderForm, algorithm: HmacAlgorithm, encoding: SignatureEncoding) -> HmacScheme {
    let signs_time = matches!(form, HeaderForm::Pairs { .. });
    let (key, unit) = match algorithm {
        HmacAlgorithm::Sha1 => (KeyForm::Text, TimeUnit::Iso),
        HmacAlgorithm::Sha256 => (KeyForm::Hex, TimeUnit::Seconds),
        HmacAlgorithm::Sha512 => (KeyForm::WebhookSecret, TimeUnit::SecondsOrMillis),
    };
    let template = if signs_time {
        "{timestamp}.{body}"
    } else {
        "{body}"
    };
    HmacScheme {
        form,
        algorithm,
        encoding,
        key,
        signed: vec![Template::parse(template).expect("a template")],
        // No bound, so that any time is as good as the right one.
        timestamp: signs_time.then(|| TimestampRule {
            source: TimeSource::Pair("t".into()),
            unit,
            past_max: None,
            future_max: None,
        }),
        ..HmacScheme::plain("x-webhook-signature")
    }
}
