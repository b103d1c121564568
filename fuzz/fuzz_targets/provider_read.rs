//! Whatever a sender that is known may send, it is read: one event at least, each within the
//! bounds of what is kept, and never a panic. How an input is read, `payhook_fuzz::described` says.
#![no_main]

use domain::limits;
use domain::providers::ProviderId;
use libfuzzer_sys::fuzz_target;
use payhook_fuzz::{check_event, described, setup};

fuzz_target!(|input: &[u8]| {
    let Some(found) = described(input, |id| setup(id, false)) else {
        return;
    };
    let provider = setup(found.id, false).provider;
    let events = match provider.read_fetched(&found.delivery) {
        Ok(events) => events,
        // The seed's contract, and only the seed's.
        Err(_) if found.id == ProviderId::Generic => return,
        Err(refusal) => panic!("{}: {refusal}", found.id.name()),
    };
    assert!(!events.is_empty());
    // One more says that the others are left out.
    assert!(events.len() <= limits::EVENTS_PER_DELIVERY_MAX + 1);
    for event in &events {
        check_event(event);
        assert_eq!(event.meaning.is_none(), found.id == ProviderId::Generic);
    }
});
