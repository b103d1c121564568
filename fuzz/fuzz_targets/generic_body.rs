//! Any signed bytes are read or refused; what is read keeps its bounds and prints back.
#![no_main]

use bytes::Bytes;
use domain::admit::admit;
use domain::providers::ProviderId;
use domain::signature::Draft;
use domain::source::{Handling, Source, SourceName};
use libfuzzer_sys::fuzz_target;
use payhook_fuzz::{NOW, check_event, setup};

fuzz_target!(|body: &[u8]| {
    let setup = setup(ProviderId::Generic, false);
    let draft = Draft {
        body: Bytes::copy_from_slice(body),
        ..Draft::default()
    };
    let signed = setup.provider.scheme().sign(draft, &setup.signing, NOW);
    let signed = signed.expect("any body can be signed");
    let source = Source {
        name: SourceName::generic(),
        provider: setup.provider,
        secrets: vec![setup.trusted],
        when_authenticated: Handling::Quarantine,
    };
    if let Ok(admitted) = admit(signed.delivery(SourceName::generic(), NOW), &source) {
        admitted.events().iter().for_each(check_event);
    }
});
