//! The secrets that could have made the signature: ours, others', and ours a little changed.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{Finding, KeyChange};
use crate::secret::Secret;
use crate::signature::{KeyForm, base64_lenient};
use crate::source::Source;
use crate::time::Timestamp;

/// A key to try.
pub(super) struct Key {
    /// The key.
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// The label of the secret it comes from.
    pub(super) label: String,
    /// The provider's own name for that secret.
    pub(super) id: Option<String>,
    /// What it would mean if this key made the signature; nothing for a live secret.
    pub(super) finding: Option<Finding>,
}

/// Every key to try, the likeliest first.
pub(super) fn keys(form: KeyForm, source: &Source, others: &[Source], now: Timestamp) -> Vec<Key> {
    let mut keys: Vec<Key> = source
        .secrets
        .iter()
        .filter_map(|secret| Key::of(form, secret, retired(secret, now)))
        .collect();
    for other in others.iter().filter(|other| other.name != source.name) {
        keys.extend(other.secrets.iter().filter_map(|secret| {
            let finding = Finding::KeyOfSource {
                source: other.name.clone(),
                label: secret.label().to_owned(),
            };
            Key::of(form, secret, Some(finding))
        }));
    }
    keys.extend(
        source
            .secrets
            .iter()
            .flat_map(|secret| changed(form, secret)),
    );
    keys
}

impl Key {
    fn of(form: KeyForm, secret: &Secret, finding: Option<Finding>) -> Option<Self> {
        Some(Self {
            bytes: form.key(secret.expose())?,
            label: secret.label().to_owned(),
            id: secret.id().map(str::to_owned),
            finding,
        })
    }

    /// How far it is from a live secret: 0 or 1.
    pub(super) fn changes(&self) -> u8 {
        u8::from(self.finding.is_some())
    }
}

pub(super) fn retired(secret: &Secret, now: Timestamp) -> Option<Finding> {
    if let Some(starts_at) = secret.starts_at().filter(|start| now < *start) {
        return Some(Finding::KeyNotYet {
            label: secret.label().to_owned(),
            starts_at,
        });
    }
    secret
        .retires_at()
        .filter(|_| !secret.is_live(now))
        .map(|retired_at| Finding::KeyRetired {
            label: secret.label().to_owned(),
            retired_at,
        })
}

/// The secret's text, a little changed, and what it would mean.
pub(super) fn changed(form: KeyForm, secret: &Secret) -> Vec<Key> {
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
        (KeyChange::Base64Decoded, base64_lenient(spelled)),
        (KeyChange::HexEncoded, Some(hex::encode(key).into_bytes())),
        (
            KeyChange::Base64Encoded,
            Some(STANDARD.encode(key).into_bytes()),
        ),
        (KeyChange::Empty, Some(Vec::new())),
    ]
    .into_iter()
    .filter_map(|(change, text)| Some((change, Zeroizing::new(text?))))
    .filter(|(_, text)| text.as_slice() != key)
    .filter_map(|(change, text)| match (form, change) {
        (_, KeyChange::Empty) | (KeyForm::Text, _) => Some((change, text)),
        // What is decoded here may have been taken as it stands there.
        (KeyForm::Hex | KeyForm::WebhookSecret, _) => Some((change, form.key(&text)?)),
    })
    .chain(undecoded(form, key))
    .map(|(change, bytes)| Key {
        bytes,
        label: secret.label().to_owned(),
        id: secret.id().map(str::to_owned),
        finding: Some(Finding::KeyChanged {
            label: secret.label().to_owned(),
            change,
        }),
    })
    .collect()
}

/// The text of a secret that should have been decoded, used as it stands.
fn undecoded(form: KeyForm, key: &[u8]) -> Option<(KeyChange, Zeroizing<Vec<u8>>)> {
    let change = match form {
        KeyForm::Text => return None,
        KeyForm::Hex => KeyChange::HexEncoded,
        KeyForm::WebhookSecret => KeyChange::Base64Encoded,
    };
    Some((change, Zeroizing::new(key.to_vec())))
}
