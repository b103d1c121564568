//! What a store gives back may be damaged: any bytes are a step and a snapshot, or refused.
#![no_main]

use engine::journal::{self, Step};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(step) = Step::decode(bytes) {
        let again = step.encode().expect("what was read can be written");
        assert_eq!(Step::decode(&again), Ok(step));
    }
    if let Ok(snapshot) = journal::decode_snapshot(bytes) {
        let again = journal::encode_snapshot(&snapshot).expect("what was read can be written");
        assert_eq!(journal::decode_snapshot(&again), Ok(snapshot));
    }
});
