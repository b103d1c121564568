//! The bytes that could have been signed: those that arrived, and those a little changed in
//! the ways that proxies, frameworks and shells change them.

use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::BodyChange;
use super::json::{self, Layout, Spelling};
use crate::signature::base64_lenient;

/// Bytes to try.
pub(super) struct Body {
    /// The bytes.
    pub(super) bytes: Vec<u8>,
    /// How they differ from those that arrived, if they do.
    pub(super) change: Option<BodyChange>,
}

/// The body as it arrived, and then every variation that differs from it.
pub(super) fn bodies(body: &[u8]) -> Vec<Body> {
    let mut bodies = alloc::vec![Body {
        bytes: body.to_vec(),
        change: None,
    }];
    for (change, bytes) in whitespace(body).into_iter().chain(wrapping(body)) {
        add(&mut bodies, change, bytes);
    }
    for layout in [
        Layout::Compact,
        Layout::Spaced,
        Layout::Indented2,
        Layout::Indented4,
    ] {
        for spelling in [
            Spelling::AsArrived,
            Spelling::JavaScript,
            Spelling::Python,
            Spelling::Php,
        ] {
            let written = json::rewrite(body, layout, spelling);
            add(&mut bodies, BodyChange::Json { layout, spelling }, written);
        }
    }
    bodies
}

impl Body {
    /// How far it is from what arrived: 0 or 1.
    pub(super) fn changes(&self) -> u8 {
        u8::from(self.change.is_some())
    }
}

fn add(bodies: &mut Vec<Body>, change: BodyChange, bytes: Option<Vec<u8>>) {
    if let Some(bytes) = bytes
        && !bodies.iter().any(|each| each.bytes == bytes)
    {
        bodies.push(Body {
            bytes,
            change: Some(change),
        });
    }
}

fn whitespace(body: &[u8]) -> [(BodyChange, Option<Vec<u8>>); 6] {
    let to_lf = replaced(body, b"\r\n", b"\n");
    let to_crlf = replaced(&to_lf, b"\n", b"\r\n");
    [
        (
            BodyChange::LineBreakAdded,
            Some([body, b"\n".as_slice()].concat()),
        ),
        (
            BodyChange::LineBreakAdded,
            Some([body, b"\r\n".as_slice()].concat()),
        ),
        (BodyChange::EndTrimmed, Some(body.trim_ascii_end().to_vec())),
        (BodyChange::Trimmed, Some(body.trim_ascii().to_vec())),
        (BodyChange::CrLfToLf, Some(to_lf)),
        (BodyChange::LfToCrLf, Some(to_crlf)),
    ]
}

fn wrapping(body: &[u8]) -> [(BodyChange, Option<Vec<u8>>); 6] {
    [
        (
            BodyChange::BomRemoved,
            body.strip_prefix(BOM).map(<[u8]>::to_vec),
        ),
        (BodyChange::BomAdded, Some([BOM, body].concat())),
        (BodyChange::Base64Decoded, base64_lenient(body.trim_ascii())),
        (
            BodyChange::Base64Encoded,
            Some(STANDARD.encode(body).into_bytes()),
        ),
        (BodyChange::Latin1Undone, latin1_undone(body)),
        (BodyChange::Empty, Some(Vec::new())),
    ]
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(byte) = rest.first() {
        match rest.strip_prefix(from) {
            Some(after) => {
                out.extend_from_slice(to);
                rest = after;
            }
            None => {
                out.push(*byte);
                rest = rest.get(1..).unwrap_or_default();
            }
        }
    }
    out
}

/// The bytes before somebody took them for Latin-1 and wrote them as UTF-8.
fn latin1_undone(body: &[u8]) -> Option<Vec<u8>> {
    core::str::from_utf8(body)
        .ok()?
        .chars()
        .map(|character| u8::try_from(u32::from(character)).ok())
        .collect()
}

/// UTF-8's byte order mark.
const BOM: &[u8] = b"\xef\xbb\xbf";
