//! A checkpoint: a place of a journal and the hash of everything up to it, signed, in one line of text
//! that is kept where the journal's keeper cannot write.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::key;

/// A place of a journal, and its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// The place.
    pub sequence: u64,
    /// The hash of its entry and of everything before.
    pub link: [u8; 32],
    /// When the checkpoint was made, in milliseconds since 1970.
    pub at: i64,
}

/// A checkpoint as it was read, and who has signed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The public key whose signature was verified; `None` when there is no signature.
    pub signed_by: Option<PublicKey>,
}

/// The key that signs checkpoints (ed25519).
pub struct SigningKey(Ed25519KeyPair);

/// The key that verifies them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

/// A text that is no checkpoint of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BadCheckpoint {
    /// It is not written as one.
    #[error("it is no checkpoint: one is a line that begins with \"{PREFIX}\"")]
    Malformed,
    /// The signature is not that of its key over what it says.
    #[error("its signature does not fit what it says: it was altered")]
    Forged,
}

/// A text that is no ed25519 key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("an ed25519 key is 32 bytes, as 64 hexadecimal digits or in Base64")]
pub struct BadKey;

impl SigningKey {
    /// The key of the seed in a text: 32 bytes, as 64 hexadecimal digits or in Base64.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &[u8]) -> Result<Self, BadKey> {
        let seed: Zeroizing<[u8; 32]> = key::bytes_of_text(text).ok_or(BadKey)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed);
        Ok(Self(pair.map_err(|_| BadKey)?))
    }

    /// The key that verifies what this one signs.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }
}

impl PublicKey {
    /// The key in a text, as [`fmt::Display`] writes it or in Base64.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let bytes = key::bytes_of_text(text.as_bytes()).ok_or(BadKey)?;
        Ok(Self(*bytes))
    }
}

impl Checkpoint {
    /// The line, signed if there is a key.
    pub fn line(&self, key: Option<&SigningKey>) -> String {
        let said = self.said();
        match key {
            None => said,
            Some(key) => {
                let signature = key.0.sign(&message(&said));
                format!(
                    "{said} {} {}",
                    key.public(),
                    hex::encode(signature.as_ref())
                )
            }
        }
    }

    fn said(&self) -> String {
        let Self { sequence, link, at } = self;
        format!("{PREFIX} {sequence} {} {at}", hex::encode(link))
    }
}

impl SignedCheckpoint {
    /// Reads a line, and verifies its signature with the key that it names. Whose key that is, the
    /// caller must know.
    ///
    /// # Errors
    /// It is no checkpoint, or was altered.
    pub fn parse(line: &str) -> Result<Self, BadCheckpoint> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [PREFIX, sequence, link, at, rest @ ..] = &words[..] else {
            return Err(BadCheckpoint::Malformed);
        };
        let mut bytes = [0; 32];
        hex::decode_to_slice(link, &mut bytes).map_err(|_| BadCheckpoint::Malformed)?;
        let checkpoint = Checkpoint {
            sequence: sequence.parse().map_err(|_| BadCheckpoint::Malformed)?,
            link: bytes,
            at: at.parse().map_err(|_| BadCheckpoint::Malformed)?,
        };
        let signed_by = match rest {
            [] => None,
            [key, signature] => {
                let key = PublicKey::parse(key).map_err(|_| BadCheckpoint::Malformed)?;
                let signature = hex::decode(signature).map_err(|_| BadCheckpoint::Malformed)?;
                let verifier = UnparsedPublicKey::new(&ED25519, key.0);
                verifier
                    .verify(&message(&checkpoint.said()), &signature)
                    .map_err(|_| BadCheckpoint::Forged)?;
                Some(key)
            }
            _ => return Err(BadCheckpoint::Malformed),
        };
        Ok(Self {
            checkpoint,
            signed_by,
        })
    }
}

/// What is signed: nothing else that may be signed with the same key begins so.
fn message(said: &str) -> Vec<u8> {
    [b"payhook checkpoint\0", said.as_bytes()].concat()
}

/// What a line begins with.
const PREFIX: &str = "payhook-checkpoint-1";

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({self})")
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("public", &self.public())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKPOINT: Checkpoint = Checkpoint {
        sequence: 42,
        link: [7; 32],
        at: 1_795_418_923_999,
    };

    /// RFC 8032, section 7.1, test 1.
    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    #[test]
    fn what_is_signed_is_read_back_with_who_signed_it() {
        let key = SigningKey::parse(SEED.as_bytes()).unwrap();
        assert_eq!(key.public().to_string(), PUBLIC);
        for (line, signed_by) in [
            (CHECKPOINT.line(None), None),
            (CHECKPOINT.line(Some(&key)), Some(key.public())),
        ] {
            let read = SignedCheckpoint::parse(&format!(" {line}\n")).unwrap();
            assert_eq!((read.checkpoint, read.signed_by), (CHECKPOINT, signed_by));
        }
        assert!(!format!("{key:?}").contains(&SEED[..8]));
    }

    #[test]
    fn a_line_of_which_a_letter_was_altered_is_none() {
        let key = SigningKey::parse(SEED.as_bytes()).unwrap();
        let line = CHECKPOINT.line(Some(&key));
        for index in 0..line.len() {
            let mut altered = line.clone().into_bytes();
            altered[index] = if altered[index] == b'1' { b'2' } else { b'1' };
            let altered = String::from_utf8(altered).unwrap();
            if altered != line {
                assert!(SignedCheckpoint::parse(&altered).is_err(), "{altered}");
            }
        }
        for bad in ["", "payhook-checkpoint-1", "payhook-checkpoint-1 x y z"] {
            assert_eq!(SignedCheckpoint::parse(bad), Err(BadCheckpoint::Malformed));
        }
    }
}
