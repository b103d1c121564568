//! What the headers could mean: every text in them that could be a MAC, decoded.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Dressing, Finding, Looks, Written};
use crate::delivery::Headers;
use crate::limits;
use crate::signature::{HeaderForm, HmacAlgorithm, HmacScheme, SignatureEncoding, base64_lenient};

/// A text of a header that could be a MAC.
pub(super) struct Claim {
    /// The bytes it spells: as many as `algorithm` gives.
    pub(super) mac: Vec<u8>,
    /// The hash that gives so many bytes.
    pub(super) algorithm: HmacAlgorithm,
    /// The header, where it is not the scheme's.
    pub(super) other_header: Option<String>,
    written: Written,
    dressing: Option<Dressing>,
    /// Whether the scheme would have read it so.
    as_expected: bool,
}

/// Every claim, those of the scheme's own header first.
pub(super) fn claims(scheme: &HmacScheme, headers: &Headers) -> Vec<Claim> {
    let (own, other): (Vec<_>, Vec<_>) = headers
        .iter()
        .filter(|(_, value)| value.len() <= limits::SIGNATURE_BYTES_MAX)
        .partition(|(name, _)| is_own(scheme, name));
    own.into_iter()
        .chain(other)
        .flat_map(|(name, value)| {
            let other_header = (!is_own(scheme, name)).then(|| name.to_owned());
            claims_of(scheme, value, other_header.as_ref())
        })
        .collect()
}

/// The names of other headers whose values could be a signature.
pub(super) fn similar(scheme: &HmacScheme, headers: &Headers) -> Vec<String> {
    let mut names: Vec<String> = claims(scheme, headers)
        .into_iter()
        .filter_map(|claim| claim.other_header)
        .collect();
    names.dedup();
    names
}

/// What a value that the scheme cannot read looks like.
pub(super) fn shape(scheme: &HmacScheme, value: &[u8]) -> Finding {
    let value = undressed(scheme, value);
    Finding::Shape {
        bytes: value.len(),
        looks_like: looks(value),
        encoding: scheme.encoding,
        algorithm: scheme.algorithm,
    }
}

impl Claim {
    /// How it differs from what the scheme expects.
    pub(super) fn findings(&self, scheme: &HmacScheme) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(header) = &self.other_header {
            findings.push(Finding::StandsIn {
                header: header.clone(),
            });
        }
        if self.algorithm != scheme.algorithm {
            findings.push(Finding::HashedWith(self.algorithm));
        }
        let is_expected = match scheme.encoding {
            SignatureEncoding::Hex => self.written == Written::Hex,
            SignatureEncoding::Base64 => self.written == Written::Base64,
            SignatureEncoding::HexOrBase64 => self.written != Written::Base64OfHex,
        };
        if !is_expected {
            findings.push(Finding::WrittenAs(self.written));
        }
        if let Some(dressing) = self.dressing
            && !self.as_expected
        {
            findings.push(Finding::Dressed(dressing));
        }
        findings
    }
}

fn claims_of(scheme: &HmacScheme, value: &[u8], other_header: Option<&String>) -> Vec<Claim> {
    let expected = scheme.parse(value);
    let is_expected = |mac: &Vec<u8>| {
        let mut signatures = expected.iter().flat_map(|parsed| &parsed.signatures);
        signatures.any(|claimed| claimed.bytes == *mac)
    };
    let mut claims = Vec::new();
    for (dressing, text) in texts(scheme, value) {
        for (written, mac) in decodings(text) {
            let algorithm = match mac.len() {
                20 => HmacAlgorithm::Sha1,
                32 => HmacAlgorithm::Sha256,
                64 => HmacAlgorithm::Sha512,
                _ => continue,
            };
            claims.push(Claim {
                as_expected: is_expected(&mac),
                mac,
                algorithm,
                other_header: other_header.cloned(),
                written,
                dressing,
            });
        }
    }
    claims
}

/// The value without its surroundings, in every way that they could be meant.
fn texts<'a>(scheme: &HmacScheme, value: &'a [u8]) -> Vec<(Option<Dressing>, &'a [u8])> {
    let plain = undressed(scheme, value);
    let mut texts = alloc::vec![(None, plain)];
    texts.extend(quoted(plain).map(|text| (Some(Dressing::Quotes), text)));
    texts.extend(prefixed(plain).map(|text| (Some(Dressing::Prefix), text)));
    if plain.iter().any(|byte| b",;".contains(byte)) {
        let items = plain.split(|byte| b",; /".contains(byte));
        texts.extend(items.take(LIST_ITEMS_MAX).map(|item| {
            let item = item.trim_ascii();
            let text = prefixed(item).unwrap_or(item);
            (Some(Dressing::List), quoted(text).unwrap_or(text))
        }));
    }
    texts
}

fn undressed<'a>(scheme: &HmacScheme, value: &'a [u8]) -> &'a [u8] {
    let value = value.trim_ascii();
    let prefix = match &scheme.form {
        HeaderForm::Plain(prefix) => prefix.as_ref(),
        HeaderForm::Pairs { .. } | HeaderForm::KeyIds => None,
    };
    prefix
        .and_then(|prefix| value.strip_prefix(prefix.text.as_bytes()))
        .unwrap_or(value)
}

fn is_own(scheme: &HmacScheme, name: &str) -> bool {
    name == scheme.header || scheme.aliases.contains(&name)
}

/// What stands after a word and one of `=`, `:` and space.
fn prefixed(text: &[u8]) -> Option<&[u8]> {
    let at = text.iter().position(|byte| b"=: ".contains(byte))?;
    let (word, rest) = text.split_at_checked(at)?;
    let rest = rest.get(1..)?.trim_ascii();
    // The padding of base64 is no separator.
    (word.len() <= PREFIX_BYTES_MAX && rest.iter().any(|byte| *byte != b'=')).then_some(rest)
}

fn quoted(text: &[u8]) -> Option<&[u8]> {
    [b"\"", b"'"]
        .into_iter()
        .find_map(|mark| text.strip_prefix(mark)?.strip_suffix(mark))
}

fn decodings(text: &[u8]) -> Vec<(Written, Vec<u8>)> {
    let mut found = Vec::new();
    if let Ok(bytes) = hex::decode(text) {
        found.push((Written::Hex, bytes));
    }
    if let Some(bytes) = base64_lenient(text) {
        if let Ok(inner) = hex::decode(&bytes) {
            found.push((Written::Base64OfHex, inner));
        }
        found.push((Written::Base64, bytes));
    }
    found
}

fn looks(value: &[u8]) -> Looks {
    if value.len() > limits::SIGNATURE_BYTES_MAX {
        return Looks::TooLong;
    }
    match value.iter().position(|byte| !byte.is_ascii_hexdigit()) {
        None if value.len().is_multiple_of(2) => Looks::Hex {
            bytes: value.len() >> 1,
        },
        None => Looks::HexOfOddLength,
        Some(at) => match base64_lenient(value) {
            Some(bytes) if bytes.len() >= DIGEST_BYTES_MIN => Looks::Base64 { bytes: bytes.len() },
            Some(_) | None => Looks::Other {
                foreign_at: at.saturating_add(1),
            },
        },
    }
}

/// Longest word before a signature, in bytes: shorter than any MAC, longer than any name.
const PREFIX_BYTES_MAX: usize = 32;

/// Most items of a list that are looked at; known schemes have at most five.
const LIST_ITEMS_MAX: usize = 16;

/// Shortest digest in use (MD5), in bytes. Shorter base64 is more likely a word.
const DIGEST_BYTES_MIN: usize = 16;
