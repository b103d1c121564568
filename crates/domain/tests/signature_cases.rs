//! The generic scheme against published signature vectors, read in place from the shared
//! cases (`PAYHOOK_CASES`, or `../shared/cases` beside the project) and never copied.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and says how many cases there were"
)]

use std::path::PathBuf;

use bytes::Bytes;
use domain::delivery::{Headers, RawDelivery};
use domain::secret::Secret;
use domain::signature::{HmacAlgorithm, HmacScheme, SignatureEncoding};
use domain::source::SourceName;
use domain::time::Timestamp;
use serde_json::Value;

/// Fewest cases that the file is known to hold: fewer would mean that this test has gone blind.
const CASES_MIN: usize = 7;

#[test]
fn every_vector_of_the_generic_scheme_gives_its_verdict() {
    let Some(cases) = generic_cases() else { return };
    assert!(
        cases.len() >= CASES_MIN,
        "only {} cases of the generic scheme",
        cases.len()
    );
    for case in &cases {
        let text = |name: &str| case[name].as_str().unwrap_or_default();
        let delivery = RawDelivery {
            source: SourceName::generic(),
            headers: Headers::new(
                case["headers"]
                    .as_object()
                    .unwrap()
                    .iter()
                    .map(|(name, value)| (name, Bytes::from(value.as_str().unwrap().to_owned()))),
            ),
            body: Bytes::from(text("body").to_owned()),
            received_at: Timestamp::from_millis(0),
        };
        let secrets = [Secret::new("case", text("secret"))];
        let is_valid = scheme(&case["params"]).verify(delivery, &secrets).is_ok();
        assert_eq!(is_valid, text("expect") == "valid", "{}", text("name"));
    }
    println!("{} cases of the generic scheme", cases.len());
}

fn scheme(params: &Value) -> HmacScheme {
    HmacScheme {
        header: params["header"].as_str().unwrap().to_ascii_lowercase(),
        algorithm: match params["hash"].as_str() {
            Some("sha512") => HmacAlgorithm::Sha512,
            Some("sha256") | None => HmacAlgorithm::Sha256,
            Some(other) => panic!("a hash that the generic scheme does not have: {other}"),
        },
        encoding: match params["encoding"].as_str() {
            Some("base64") => SignatureEncoding::Base64,
            Some("hex") => SignatureEncoding::Hex,
            other => panic!("an encoding that the generic scheme does not have: {other:?}"),
        },
        prefix: params["prefix"].as_str().map(str::to_owned),
    }
}

fn generic_cases() -> Option<Vec<Value>> {
    let path = cases_directory().join("signatures.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("the shared cases were not there: {}", path.display());
        return None;
    };
    let file: Value = serde_json::from_str(&text).unwrap();
    let is_generic = |case: &&Value| case["provider"] == "generic" && case["scheme"] == "hmac";
    Some(
        file["cases"]
            .as_array()
            .unwrap()
            .iter()
            .filter(is_generic)
            .cloned()
            .collect(),
    )
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
