//! Any bytes in a signature header are a refusal, never a panic, and never a proof: nobody can
//! guess this secret.
#![no_main]

use bytes::Bytes;
use domain::delivery::{Headers, RawDelivery};
use domain::secret::Secret;
use domain::signature::{HmacAlgorithm, HmacScheme, SignatureEncoding};
use domain::source::SourceName;
use domain::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &[u8]| {
    let secrets = [Secret::new("fuzz", "a secret that no input holds")];
    for algorithm in [HmacAlgorithm::Sha256, HmacAlgorithm::Sha512] {
        for encoding in [SignatureEncoding::Hex, SignatureEncoding::Base64] {
            let scheme = HmacScheme {
                header: "x-webhook-signature".into(),
                algorithm,
                encoding,
                prefix: Some("sha256=".into()),
            };
            let delivery = RawDelivery {
                source: SourceName::generic(),
                headers: Headers::new([("x-webhook-signature", Bytes::copy_from_slice(value))]),
                body: Bytes::from_static(b"{}"),
                received_at: Timestamp::from_millis(0),
            };
            assert!(scheme.verify(delivery, &secrets).is_err());
        }
    }
});
