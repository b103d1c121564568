//! Any text is a pattern or refused; any pattern meets any event without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pattern::Pattern;

fuzz_target!(|input: (&str, &str)| {
    let (pattern, event) = input;
    if let Ok(pattern) = Pattern::parse(pattern) {
        let _ = pattern.matches_text(event);
        if let Ok(event) = serde_json::from_str(event) {
            let matches = pattern.matches(&event);
            let _ = (matches, pattern.explain(&event));
        }
    }
});
