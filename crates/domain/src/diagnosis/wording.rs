//! What each finding says to people.

use alloc::string::String;
use core::fmt;

use super::{
    BodyChange, Construction, Dressing, Finding, KeyChange, Layout, Looks, Spelling, UrlChange,
    Written,
};
use crate::signature::{HmacAlgorithm, SignatureEncoding};
use crate::source::SourceName;
use crate::time::Timestamp;

impl Finding {
    /// A stable word for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::HeaderAbsent { .. } => "header_absent",
            Self::HeaderRepeated { .. } => "header_repeated",
            Self::OneOfThemMatches => "one_of_them_matches",
            Self::Shape { .. } => "header_malformed",
            Self::VerifiesNow { .. } => "verifies_now",
            Self::StandsIn { .. } => "other_header",
            Self::WrittenAs(_) => "other_encoding",
            Self::Dressed(_) => "other_prefix",
            Self::HashedWith(_) => "other_hash",
            Self::MadeBy(_) => "not_hmac",
            Self::KeyOfSource { .. } => "secret_of_other_source",
            Self::KeyRetired { .. } => "secret_retired",
            Self::KeyChanged { .. } => "secret_differs",
            Self::KeyNotYet { .. } => "secret_not_yet_valid",
            Self::BodyChanged(_) => "body_changed",
            Self::UrlDiffers(_) => "url_differs",
            Self::Clock { .. } => "clock",
            Self::TimestampAbsent => "timestamp_absent",
            Self::SignedPartAbsent { .. } => "signed_part_absent",
            Self::KeyIdDiffers { .. } => "key_id_differs",
            Self::VersionMixedUp => "version_mixed_up",
            Self::CertificateUntrusted => "certificate_untrusted",
            Self::CertificateUnknown => "certificate_unknown",
            Self::NothingSigned => "nothing_signed",
            Self::ItemsSigned { .. } => "items_signed",
            Self::Mode { .. } => "mode",
            Self::Unexplained { .. } => "unexplained",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderAbsent { header, similar } => absent(formatter, header, similar),
            Self::HeaderRepeated {
                header,
                times,
                identical,
            } => repeated(formatter, header, *times, *identical),
            Self::OneOfThemMatches => formatter.write_str("One of its values is right."),
            Self::Shape {
                bytes,
                looks_like,
                encoding,
                algorithm,
            } => shape(formatter, *bytes, *looks_like, *encoding, *algorithm),
            Self::VerifiesNow { label } => verifies_now(formatter, label),
            Self::StandsIn { header } => stands_in(formatter, header),
            Self::WrittenAs(written) => write!(formatter, "The signature is written as {written}."),
            Self::Dressed(dressing) => write!(formatter, "The signature has {dressing}."),
            Self::HashedWith(algorithm) => hashed_with(formatter, *algorithm),
            Self::MadeBy(construction) => made_by(formatter, *construction),
            Self::KeyOfSource { source, label } => key_of_source(formatter, source, label),
            Self::KeyRetired { label, retired_at } => key_retired(formatter, label, *retired_at),
            Self::KeyChanged { label, change } => key_changed(formatter, label, *change),
            Self::KeyNotYet { label, starts_at } => key_not_yet(formatter, label, *starts_at),
            Self::UrlDiffers(change) => url_differs(formatter, change),
            Self::Clock {
                seconds,
                is_right_otherwise,
            } => clock(formatter, *seconds, *is_right_otherwise),
            Self::TimestampAbsent => formatter.write_str(TIMESTAMP_ABSENT),
            Self::SignedPartAbsent { what } => signed_part_absent(formatter, what),
            Self::KeyIdDiffers { label } => key_id_differs(formatter, label),
            Self::VersionMixedUp => formatter.write_str(VERSION_MIXED_UP),
            Self::CertificateUntrusted => formatter.write_str(CERTIFICATE_UNTRUSTED),
            Self::CertificateUnknown => formatter.write_str(CERTIFICATE_UNKNOWN),
            Self::NothingSigned => formatter.write_str(NOTHING_SIGNED),
            Self::ItemsSigned { signed, of } => items_signed(formatter, *signed, *of),
            Self::Mode { is_live } => mode(formatter, *is_live),
            Self::BodyChanged(change) => body_changed(formatter, *change),
            Self::Unexplained { keys, bodies } => unexplained(formatter, *keys, *bodies),
        }
    }
}

const TIMESTAMP_ABSENT: &str = "The time that the signature covers is absent, or no time.";
const VERSION_MIXED_UP: &str =
    "The signature is right for another version than the one it is labelled with.";
const CERTIFICATE_UNTRUSTED: &str =
    "The certificate that the delivery names is not the provider's, or was not valid.";
const CERTIFICATE_UNKNOWN: &str = "The certificate that the delivery names is not known here.";
const NOTHING_SIGNED: &str = "The provider signs nothing; only its API can say what is so.";

fn verifies_now(formatter: &mut fmt::Formatter<'_>, label: &str) -> fmt::Result {
    write!(
        formatter,
        "The signature is right now, with secret \"{label}\"."
    )
}

fn stands_in(formatter: &mut fmt::Formatter<'_>, header: &str) -> fmt::Result {
    write!(formatter, "The signature stands in the header {header}.")
}

fn hashed_with(formatter: &mut fmt::Formatter<'_>, algorithm: HmacAlgorithm) -> fmt::Result {
    write!(formatter, "The signature is made with {}.", hash(algorithm))
}

fn made_by(formatter: &mut fmt::Formatter<'_>, construction: Construction) -> fmt::Result {
    write!(formatter, "The signature is no HMAC but {construction}.")
}

fn key_of_source(
    formatter: &mut fmt::Formatter<'_>,
    source: &SourceName,
    label: &str,
) -> fmt::Result {
    write!(
        formatter,
        "The signature is made with secret \"{label}\" of source \"{source}\"."
    )
}

fn key_retired(formatter: &mut fmt::Formatter<'_>, label: &str, at: Timestamp) -> fmt::Result {
    write!(
        formatter,
        "The signature is made with secret \"{label}\", which was retired at {at}."
    )
}

fn key_not_yet(formatter: &mut fmt::Formatter<'_>, label: &str, at: Timestamp) -> fmt::Result {
    write!(
        formatter,
        "The signature is made with secret \"{label}\", which is valid from {at} on."
    )
}

fn key_changed(formatter: &mut fmt::Formatter<'_>, label: &str, change: KeyChange) -> fmt::Result {
    write!(
        formatter,
        "The sender's secret is \"{label}\", but {change}."
    )
}

fn url_differs(formatter: &mut fmt::Formatter<'_>, change: &UrlChange) -> fmt::Result {
    write!(formatter, "The signature is over another URL: {change}.")
}

fn signed_part_absent(formatter: &mut fmt::Formatter<'_>, what: &str) -> fmt::Result {
    write!(
        formatter,
        "The signature covers {what}, which is not there."
    )
}

fn key_id_differs(formatter: &mut fmt::Formatter<'_>, label: &str) -> fmt::Result {
    write!(
        formatter,
        "The signature is made with secret \"{label}\", but the delivery names another key."
    )
}

fn items_signed(formatter: &mut fmt::Formatter<'_>, signed: usize, of: usize) -> fmt::Result {
    write!(
        formatter,
        "{signed} of {of} items are signed with a secret of this source."
    )
}

fn body_changed(formatter: &mut fmt::Formatter<'_>, change: BodyChange) -> fmt::Result {
    write!(formatter, "The body is not what was signed: {change}.")
}

fn mode(formatter: &mut fmt::Formatter<'_>, is_live: bool) -> fmt::Result {
    let mode = if is_live { "live" } else { "a test" };
    write!(formatter, "The event says that it is {mode}.")
}

fn unexplained(formatter: &mut fmt::Formatter<'_>, keys: usize, bodies: usize) -> fmt::Result {
    write!(
        formatter,
        "None of {keys} secrets and variations of them gives this signature over any of {bodies} \
         variations of the body."
    )
}

fn clock(
    formatter: &mut fmt::Formatter<'_>,
    seconds: i64,
    is_right_otherwise: bool,
) -> fmt::Result {
    let way = if seconds < 0 { "old" } else { "ahead of ours" };
    let otherwise = if is_right_otherwise {
        "the signature is right but for that"
    } else {
        "the signature is wrong as well"
    };
    write!(
        formatter,
        "The signed time is {} s {way}; {otherwise}.",
        seconds.unsigned_abs()
    )
}

fn absent(formatter: &mut fmt::Formatter<'_>, header: &str, similar: &[String]) -> fmt::Result {
    write!(formatter, "There is no {header} header")?;
    match similar {
        // Not that there is none: for some schemes nobody looked.
        [] => formatter.write_str("."),
        names => write!(formatter, "; {} could be a signature.", names.join(", ")),
    }
}

fn repeated(
    formatter: &mut fmt::Formatter<'_>,
    header: &str,
    times: usize,
    identical: bool,
) -> fmt::Result {
    let same = if identical {
        "all the same"
    } else {
        "not all the same"
    };
    write!(
        formatter,
        "The {header} header stands there {times} times, {same}; which one is meant is not for \
         the receiver to choose."
    )
}

fn shape(
    formatter: &mut fmt::Formatter<'_>,
    bytes: usize,
    looks_like: Looks,
    encoding: SignatureEncoding,
    algorithm: HmacAlgorithm,
) -> fmt::Result {
    write!(formatter, "The header's value has {bytes} bytes and ")?;
    match looks_like {
        Looks::TooLong => formatter.write_str("is longer than any signature")?,
        Looks::Hex { bytes } => {
            write!(
                formatter,
                "is hexadecimal for {bytes} bytes{}",
                usual(bytes)
            )?;
        }
        Looks::HexOfOddLength => {
            formatter.write_str("is an odd number of hexadecimal digits: one was lost or added")?;
        }
        Looks::Base64 { bytes } => {
            write!(
                formatter,
                "looks like base64 of {bytes} bytes{}",
                usual(bytes)
            )?;
        }
        Looks::Other { foreign_at } => write!(
            formatter,
            "is neither hexadecimal nor base64 of a hash (byte {foreign_at} is no hexadecimal digit)"
        )?,
    }
    let mac = algorithm.mac_bytes();
    let (characters, alphabet) = match encoding {
        SignatureEncoding::Hex => (mac.saturating_mul(2), "hexadecimal digits"),
        SignatureEncoding::Base64 | SignatureEncoding::HexOrBase64 => {
            (mac.div_ceil(3).saturating_mul(4), "characters of base64")
        }
    };
    let hash = hash(algorithm);
    write!(
        formatter,
        "; {characters} {alphabet} of HMAC-{hash} were expected."
    )
}

/// The hash that gives so many bytes, where that tells something.
fn usual(bytes: usize) -> &'static str {
    match bytes {
        16 => ", the length of MD5",
        20 => ", the length of SHA-1",
        32 => ", the length of SHA-256",
        48 => ", the length of SHA-384",
        64 => ", the length of SHA-512",
        _ => "",
    }
}

fn hash(algorithm: HmacAlgorithm) -> &'static str {
    algorithm.title()
}

impl fmt::Display for Written {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Hex => "hexadecimal digits",
            Self::Base64 => "base64",
            Self::Base64OfHex => "base64 of its hexadecimal digits",
        })
    }
}

impl fmt::Display for Dressing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Prefix => "a word before it that this source does not expect",
            Self::Quotes => "quotation marks around it",
            Self::List => "other items beside it",
        })
    }
}

impl fmt::Display for Construction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::HashOfBody => "the plain hash of the body, without any secret",
            Self::HashOfKeyAndBody => "the plain hash of the secret and the body in a row",
            Self::HashOfBodyAndKey => "the plain hash of the body and the secret in a row",
        })
    }
}

impl fmt::Display for KeyChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Empty => "empty: a variable on their side is not set",
            Self::LineBreakAdded => "with a line break at its end",
            Self::WhitespaceRemoved => "without the whitespace around ours",
            Self::QuotesAdded => "with quotation marks around it",
            Self::QuotesRemoved => "without the quotation marks around ours",
            Self::LowerCased => "in lower case",
            Self::UpperCased => "in upper case",
            Self::HexDecoded => "decoded: ours is its hexadecimal text",
            Self::Base64Decoded => "decoded: ours is its base64 text",
            Self::HexEncoded => "as hexadecimal text: ours is decoded",
            Self::Base64Encoded => "as base64 text: ours is decoded",
        })
    }
}

impl fmt::Display for BodyChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Empty => "the signature is over an empty body",
            Self::LineBreakAdded => "a line break at its end was lost",
            Self::EndTrimmed => "whitespace was added at its end",
            Self::Trimmed => "whitespace was added around it",
            Self::LfToCrLf => "its line ends were CR LF and are LF",
            Self::CrLfToLf => "its line ends were LF and are CR LF",
            Self::BomRemoved => "a byte order mark was added before it",
            Self::BomAdded => "the byte order mark before it was lost",
            Self::Base64Decoded => "it was put into base64",
            Self::Base64Encoded => "it was taken out of base64",
            Self::Latin1Undone => "it was read as Latin-1 and written as UTF-8",
            Self::Json { layout, spelling } => {
                return write!(
                    formatter,
                    "it was parsed and written again; the signed JSON is {layout}{spelling}"
                );
            }
        })
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Compact => "compact",
            Self::Spaced => "on one line with spaces after commas and colons",
            Self::Indented2 => "indented by two spaces",
            Self::Indented4 => "indented by four spaces",
        })
    }
}

impl fmt::Display for Spelling {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AsArrived => "",
            Self::JavaScript => ", as JSON.stringify writes it",
            Self::Python => ", as Python's json.dumps writes it",
            Self::Php => ", as PHP's json_encode writes it",
        })
    }
}
