//! The secrets that could have made the signature: ours, others', and ours a little changed.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::claims::decode_base64;
use super::{Finding, KeyChange};
use crate::secret::Secret;
use crate::source::Source;
use crate::time::Timestamp;

/// A key to try.
pub(super) struct Key {
    /// The key.
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// The label of the secret it comes from.
    pub(super) label: String,
    /// What it would mean if this key made the signature; nothing for a live secret.
    pub(super) finding: Option<Finding>,
}

/// Every key to try, the likeliest first.
pub(super) fn keys(source: &Source, others: &[Source], now: Timestamp) -> Vec<Key> {
    let mut keys: Vec<Key> = source
        .secrets
        .iter()
        .map(|secret| Key::of(secret, retired(secret, now)))
        .collect();
    for other in others.iter().filter(|other| other.name != source.name) {
        keys.extend(other.secrets.iter().map(|secret| {
            let finding = Finding::KeyOfSource {
                source: other.name.clone(),
                label: secret.label().to_owned(),
            };
            Key::of(secret, Some(finding))
        }));
    }
    keys.extend(source.secrets.iter().flat_map(changed));
    keys
}

impl Key {
    fn of(secret: &Secret, finding: Option<Finding>) -> Self {
        Self {
            bytes: Zeroizing::new(secret.expose().to_vec()),
            label: secret.label().to_owned(),
            finding,
        }
    }

    /// How far it is from a live secret: 0 or 1.
    pub(super) fn changes(&self) -> u8 {
        u8::from(self.finding.is_some())
    }
}

fn retired(secret: &Secret, now: Timestamp) -> Option<Finding> {
    secret
        .retires_at()
        .filter(|_| !secret.is_live(now))
        .map(|retired_at| Finding::KeyRetired {
            label: secret.label().to_owned(),
            retired_at,
        })
}

fn changed(secret: &Secret) -> Vec<Key> {
    let key = secret.expose();
    let around = |mark: &str| [mark.as_bytes(), key, mark.as_bytes()].concat();
    let quoted = |mark: &str| {
        let mark = mark.as_bytes();
        Some(key.strip_prefix(mark)?.strip_suffix(mark)?.to_vec())
    };
    // Secrets such as `whsec_…` are base64 behind a word.
    let spelled = key.strip_prefix(b"whsec_").unwrap_or(key);
    [
        (KeyChange::LineBreakAdded, Some([key, b"\n"].concat())),
        (KeyChange::LineBreakAdded, Some([key, b"\r\n"].concat())),
        (
            KeyChange::WhitespaceRemoved,
            Some(key.trim_ascii().to_vec()),
        ),
        (KeyChange::QuotesAdded, Some(around("\""))),
        (KeyChange::QuotesAdded, Some(around("'"))),
        (KeyChange::QuotesRemoved, quoted("\"")),
        (KeyChange::QuotesRemoved, quoted("'")),
        (KeyChange::LowerCased, Some(key.to_ascii_lowercase())),
        (KeyChange::UpperCased, Some(key.to_ascii_uppercase())),
        (KeyChange::HexDecoded, hex::decode(key).ok()),
        (KeyChange::Base64Decoded, decode_base64(spelled)),
        (KeyChange::HexEncoded, Some(hex::encode(key).into_bytes())),
        (
            KeyChange::Base64Encoded,
            Some(STANDARD.encode(key).into_bytes()),
        ),
        (KeyChange::Empty, Some(Vec::new())),
    ]
    .into_iter()
    .filter_map(|(change, bytes)| Some((change, Zeroizing::new(bytes?))))
    .filter(|(_, bytes)| bytes.as_slice() != key)
    .map(|(change, bytes)| Key {
        bytes,
        label: secret.label().to_owned(),
        finding: Some(Finding::KeyChanged {
            label: secret.label().to_owned(),
            change,
        }),
    })
    .collect()
}
