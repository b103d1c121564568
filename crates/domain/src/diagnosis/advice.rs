//! What each finding asks people to do.

use super::{Dressing, Finding, Looks, Written};
use crate::signature::HmacAlgorithm;

impl Finding {
    /// What to do about it; `None` where another finding says it.
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::HeaderAbsent { .. } => HEADER_ABSENT,
            Self::HeaderRepeated { .. } => HEADER_REPEATED,
            Self::OneOfThemMatches => return None,
            Self::Shape { looks_like, .. } => on_shape(*looks_like),
            Self::VerifiesNow { .. } => VERIFIES_NOW,
            Self::StandsIn { .. } => "Set `header` of this source to that header.",
            Self::WrittenAs(written) => on_encoding(*written),
            Self::Dressed(dressing) => on_dressing(*dressing),
            Self::HashedWith(algorithm) => on_hash(*algorithm),
            Self::MadeBy(_) => "Have the sender use HMAC (RFC 2104); a plain hash can be forged.",
            Self::KeyOfSource { .. } => KEY_OF_SOURCE,
            Self::KeyRetired { .. } => KEY_RETIRED,
            Self::KeyNotYet { .. } => KEY_NOT_YET,
            Self::KeyChanged { .. } => "Make the secret the same on both sides, byte for byte.",
            Self::KeyIdDiffers { .. } => KEY_ID_DIFFERS,
            Self::UrlDiffers(_) => URL_DIFFERS,
            Self::BodyChanged(_) => BODY_CHANGED,
            Self::Clock {
                is_right_otherwise, ..
            } => on_clock(*is_right_otherwise),
            Self::TimestampAbsent => TIMESTAMP_ABSENT,
            Self::SignedPartAbsent { .. } => SIGNED_PART_ABSENT,
            Self::VersionMixedUp => VERSION_MIXED_UP,
            Self::CertificateUntrusted => CERTIFICATE_UNTRUSTED,
            Self::CertificateUnknown => CERTIFICATE_UNKNOWN,
            Self::NothingSigned => NOTHING_SIGNED,
            Self::ItemsSigned { .. } => ITEMS_SIGNED,
            Self::Mode { is_live: true } => "Use the secret of the live mode for this source.",
            Self::Mode { is_live: false } => "Use the secret of the test mode for this source.",
            Self::Unexplained { .. } => UNEXPLAINED,
        })
    }
}

const HEADER_ABSENT: &str = "Have the sender sign, or set `header` of this source to the header it \
    uses. A proxy in between may also drop headers it does not know.";
const HEADER_REPEATED: &str = "Have the sender, or a proxy in between, send the header once.";
const VERIFIES_NOW: &str = "Have it delivered again, or promote it from the quarantine.";
const KEY_OF_SOURCE: &str = "Have the sender call that source's URL, or use this source's secret.";
const KEY_RETIRED: &str =
    "Have the sender use the new secret, or move `retires_at` to a later time.";
const KEY_NOT_YET: &str =
    "Have the sender use the secret of now, or move `starts_at` to an earlier time.";
const KEY_ID_DIFFERS: &str = "Set `key_id` of that secret to the name that the provider gives it.";
const URL_DIFFERS: &str =
    "Set `url` of this source to exactly the URL that is registered with the provider.";
const BODY_CHANGED: &str =
    "Keep the body as it is, byte for byte, from where it is signed to here.";
const TIMESTAMP_ABSENT: &str =
    "A proxy in between may have changed the header; the provider always sends a time.";
const SIGNED_PART_ABSENT: &str =
    "A proxy in between may drop headers or the query; it must hand all of it on.";
const VERSION_MIXED_UP: &str =
    "Have the sender write v1a before an ed25519 signature and v1 before an HMAC.";
const CERTIFICATE_UNTRUSTED: &str = "Do nothing for it unless you expected it: a genuine delivery \
    names one of the provider's own certificates that was valid when it was sent.";
const CERTIFICATE_UNKNOWN: &str = "Make sure that this machine can reach the provider's API, or \
    name the certificate with `certificate_files`.";
const NOTHING_SIGNED: &str = "Give this source an API token, so that the truth can be fetched.";
const ITEMS_SIGNED: &str =
    "Have the provider sign every item: the HMAC key is set for each endpoint.";
const UNEXPLAINED: &str = "Compare the secret on both sides, and make sure that these are the \
    exact bytes that were sent.";

fn on_shape(looks_like: Looks) -> &'static str {
    if matches!(looks_like, Looks::Hex { bytes: 16 | 48 }) {
        "Have the sender use SHA-256 or SHA-512; other hashes are not accepted."
    } else {
        "Compare `encoding`, `algorithm` and `prefix` of this source with what the sender documents."
    }
}

fn on_encoding(written: Written) -> &'static str {
    match written {
        Written::Hex => "Set `encoding = \"hex\"` for this source.",
        Written::Base64 => "Set `encoding = \"base64\"` for this source.",
        Written::Base64OfHex => {
            "Have the sender encode the bytes of the MAC, not its hexadecimal text."
        }
    }
}

fn on_dressing(dressing: Dressing) -> &'static str {
    match dressing {
        Dressing::Prefix => "Set `prefix` of this source to that word.",
        Dressing::Quotes | Dressing::List => {
            "Have the sender put nothing but the signature into the header."
        }
    }
}

fn on_hash(algorithm: HmacAlgorithm) -> &'static str {
    match algorithm {
        HmacAlgorithm::Sha1 => {
            "Set `algorithm = \"sha1\"` for this source, if the sender has nothing better."
        }
        HmacAlgorithm::Sha256 => "Set `algorithm = \"sha256\"` for this source.",
        HmacAlgorithm::Sha512 => "Set `algorithm = \"sha512\"` for this source.",
    }
}

fn on_clock(is_right_otherwise: bool) -> &'static str {
    if is_right_otherwise {
        "Compare both clocks. If the delivery was held up on the way, it is genuine: \
         `tolerance_seconds` of this source can be raised, and it can be promoted from the \
         quarantine then."
    } else {
        "Whoever sent this has neither the right time nor a secret of this source."
    }
}
