//! Names that follow from other names: keys and span ids, the same wherever they are made.

use sha2::{Digest, Sha256};

/// SHA-256 over the parts, each with its length before it, so that no two lists of parts run
/// into the same bytes.
pub(crate) fn of(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The first 8 bytes as a number.
pub(crate) fn number(digest: [u8; 32]) -> u64 {
    let (first, _) = digest.split_at(8);
    first
        .iter()
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// The first `bytes` bytes in hexadecimal.
pub(crate) fn short_hex(digest: [u8; 32], bytes: usize) -> String {
    hex::encode(digest.get(..bytes).unwrap_or(&digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_ne!(of(&[b""]), of(&[]));
    }

    #[test]
    fn numbers_and_hex_begin_at_the_first_byte() {
        let mut digest = [0; 32];
        digest[7] = 1;
        assert_eq!(number(digest), 1);
        assert_eq!(short_hex(digest, 8), "0000000000000001");
    }
}
