//! Any text is a template of signed bytes or refused; what is printed reads back as the same.
#![no_main]

use domain::signature::Template;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let strict = Template::parse(text);
    match Template::parse_any(text) {
        Ok(template) => {
            assert_eq!(
                Template::parse_any(&template.to_string()).as_ref(),
                Ok(&template)
            );
            // What signs no body is a template for those who ask for less.
            assert!(strict.is_err() || template.covers_body());
            for name in template.headers().chain(template.query_names()) {
                assert!(!name.is_empty());
            }
        }
        Err(reason) => assert_eq!(strict, Err(reason)),
    }
});
