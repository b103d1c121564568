//! How the bytes of a signature are written.

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// How the bytes of a MAC are written in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureEncoding {
    /// Two hexadecimal digits a byte, either case.
    Hex,
    /// Base64 with padding, or the URL-safe alphabet without (RFC 4648).
    Base64,
    /// Either: for a provider that does not say which. The lengths tell them apart.
    HexOrBase64,
}

impl SignatureEncoding {
    /// The text of `bytes`.
    pub(crate) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => hex::encode(bytes),
            Self::Base64 | Self::HexOrBase64 => STANDARD.encode(bytes),
        }
    }
}

/// The bytes that `text` spells, when there are `length` of them.
pub(crate) fn decode(text: &[u8], encoding: SignatureEncoding, length: usize) -> Option<Vec<u8>> {
    let bytes = match encoding {
        SignatureEncoding::Hex => {
            // Into its place: a longer text is none, and is not decoded to find that out.
            let mut bytes = alloc::vec![0; length];
            hex::decode_to_slice(text, &mut bytes).ok()?;
            bytes
        }
        SignatureEncoding::Base64 => STANDARD
            .decode(text)
            .or_else(|_| URL_SAFE_NO_PAD.decode(text))
            .ok()?,
        SignatureEncoding::HexOrBase64 => {
            return decode(text, SignatureEncoding::Hex, length)
                .or_else(|| decode(text, SignatureEncoding::Base64, length));
        }
    };
    (bytes.len() == length).then_some(bytes)
}

/// Base64 in either alphabet, padded or not.
pub(crate) fn base64_lenient(text: &[u8]) -> Option<Vec<u8>> {
    LENIENT.iter().find_map(|engine| engine.decode(text).ok())
}

/// Made once: an engine is a table, which costs more than a signature to decode.
static LENIENT: [GeneralPurpose; 2] = [
    GeneralPurpose::new(&alphabet::STANDARD, INDIFFERENT),
    GeneralPurpose::new(&alphabet::URL_SAFE, INDIFFERENT),
];

const INDIFFERENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
