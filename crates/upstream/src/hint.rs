//! What a hint is about. Nobody has vouched for it: only what looks like an id gets into a URL.

/// Longest id that is asked for, in bytes.
const ID_BYTES_MAX: usize = 64;

/// The id, when it is one to [`ID_BYTES_MAX`] characters that `is_fine`, ASCII all.
pub(crate) fn id(text: &str, is_fine: fn(&u8) -> bool) -> Option<String> {
    let is_id = (1..=ID_BYTES_MAX).contains(&text.len()) && text.as_bytes().iter().all(is_fine);
    is_id.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_leave_its_segment_is_an_id() {
        let plain = u8::is_ascii_alphanumeric;
        assert_eq!(id("a1", plain).as_deref(), Some("a1"));
        assert!(id(&"1".repeat(64), plain).is_some());
        assert!(id(&"1".repeat(65), plain).is_none());
        for bad in [
            "", ".", "..", "../1", "1/2", "1?x", "1#x", "1%2f", "1 ", "é", "1\n", "1\\2",
        ] {
            assert!(id(bad, plain).is_none(), "{bad}");
        }
    }
}
