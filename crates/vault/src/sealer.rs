//! AES-256-GCM, so that it cannot be misused: the nonce is drawn here and nowhere else, and what
//! comes out says how it was sealed.
//!
//! A sealed value is one byte that names this way of sealing, the nonce, the ciphertext and the
//! tag. Nonces are 96 random bits, of the thread's own generator (ChaCha, seeded and seeded anew by
//! the system): the library's own asks more of the system for each, which costs more than the
//! cipher. Two nonces of one key must never be the same: a data key seals a delivery and what became of it, some hundreds of values at the very
//! most, for which the odds are below 2⁻⁸⁰; a wrapping key may wrap 2³² data keys before they
//! reach 2⁻³², the bound of NIST SP 800-38D.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rand::Rng as _;

use crate::SealError;
use crate::place::Place;

/// A key that is ready for use. The library clears its memory when it is dropped.
pub(crate) struct Sealer(LessSafeKey);

impl Sealer {
    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Result<Self, SealError> {
        let key = UnboundKey::new(&AES_256_GCM, key);
        Ok(Self(LessSafeKey::new(key.map_err(|_| SealError::Failed)?)))
    }

    pub(crate) fn seal(&self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        rand::rng().fill_bytes(&mut nonce);
        let mut sealed = Vec::with_capacity(plain.len().saturating_add(OVERHEAD));
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let (_, body) = sealed.split_at_mut(1 + NONCE_LEN);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let place = Aad::from(place.authenticated());
        let done = self.0.seal_in_place_separate_tag(nonce, place, body);
        let tag = done.map_err(|_| SealError::Failed)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    pub(crate) fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (version, rest) = sealed.split_first().ok_or(SealError::NotOpened)?;
        let (nonce, body) = rest
            .split_at_checked(NONCE_LEN)
            .filter(|_| *version == VERSION)
            .ok_or(SealError::NotOpened)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::NotOpened)?;
        let mut opened = body.to_vec();
        let place = Aad::from(place.authenticated());
        let plain = self.0.open_in_place(nonce, place, &mut opened);
        let length = plain.map_err(|_| SealError::NotOpened)?.len();
        opened.truncate(length);
        Ok(opened)
    }
}

/// Bytes of every key.
pub(crate) const KEY_BYTES: usize = 32;

/// AES-256-GCM with a random nonce, as above.
const VERSION: u8 = 1;

/// What sealing adds: the version, the nonce and the tag.
pub(crate) const OVERHEAD: usize = 1 + NONCE_LEN + 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Row;

    const HERE: Place<'static> = Place {
        table: "t",
        column: "c",
        row: Row::Number(1),
    };

    #[test]
    fn one_altered_bit_anywhere_does_not_open_and_nothing_shorter_does() {
        let sealer = Sealer::new(&[7; KEY_BYTES]).unwrap();
        for plain in [&b""[..], b"x", &[9; 100]] {
            let sealed = sealer.seal(&HERE, plain).unwrap();
            assert_eq!(sealed.len(), plain.len() + OVERHEAD);
            assert_eq!(sealer.open(&HERE, &sealed).unwrap(), plain);
            for bit in 0..sealed.len() * 8 {
                let mut altered = sealed.clone();
                altered[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(sealer.open(&HERE, &altered), Err(SealError::NotOpened));
            }
            for length in 0..sealed.len() {
                let cut = sealer.open(&HERE, &sealed[..length]);
                assert_eq!(cut, Err(SealError::NotOpened), "{length} bytes");
            }
        }
    }

    #[test]
    fn the_same_bytes_are_never_sealed_to_the_same() {
        let sealer = Sealer::new(&[7; KEY_BYTES]).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1_000 {
            let sealed = sealer.seal(&HERE, b"the same").unwrap();
            assert!(seen.insert(sealed[1..=NONCE_LEN].to_vec()), "a nonce again");
        }
    }
}
