//! Any signed bytes are read or refused; what is read keeps its bounds and prints back.
#![no_main]

use bytes::Bytes;
use domain::admit::admit;
use domain::delivery::{Headers, RawDelivery};
use domain::limits;
use domain::money::Amount;
use domain::providers::Provider;
use domain::providers::generic::Generic;
use domain::secret::Secret;
use domain::source::{Source, SourceName};
use domain::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let generic = Generic::default();
    let signature = generic.scheme.sign(b"fuzz", body);
    let delivery = RawDelivery {
        source: SourceName::generic(),
        headers: Headers::new([("x-webhook-signature", Bytes::from(signature))]),
        body: Bytes::copy_from_slice(body),
        received_at: Timestamp::from_millis(0),
    };
    let source = Source {
        name: SourceName::generic(),
        provider: Provider::Generic(generic),
        secrets: vec![Secret::new("fuzz", "fuzz")],
    };
    if let Ok(admitted) = admit(delivery, &source) {
        for event in admitted.events() {
            assert!(!event.payment_id.is_empty());
            assert!(event.payment_id.len() <= limits::PAYMENT_ID_BYTES_MAX);
            assert_eq!(Amount::parse(&event.amount.to_string()), Ok(event.amount));
        }
    }
});
