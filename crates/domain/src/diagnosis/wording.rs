//! What each finding says to people, and what it asks them to do.

use alloc::string::String;
use core::fmt;

use super::{
    BodyChange, Construction, Dressing, Finding, KeyChange, Layout, Looks, Spelling, Written,
};
use crate::signature::{HmacAlgorithm, SignatureEncoding};

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

    /// What to do about it; `None` where another finding says it.
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::HeaderAbsent { .. } => {
                "Have the sender sign, or set `header` of this source to the header it uses. A \
                 proxy in between may also drop headers it does not know."
            }
            Self::HeaderRepeated { .. } => {
                "Have the sender, or a proxy in between, send the header once."
            }
            Self::OneOfThemMatches => return None,
            Self::Shape {
                looks_like: Looks::Hex { bytes: 16 | 48 },
                ..
            } => "Have the sender use SHA-256 or SHA-512; other hashes are not accepted.",
            Self::Shape { .. } => {
                "Compare `encoding`, `algorithm` and `prefix` of this source \
                 with what the sender documents."
            }
            Self::VerifiesNow { .. } => {
                "Have it delivered again, or promote it from the quarantine."
            }
            Self::StandsIn { .. } => "Set `header` of this source to that header.",
            Self::WrittenAs(Written::Hex) => "Set `encoding = \"hex\"` for this source.",
            Self::WrittenAs(Written::Base64) => "Set `encoding = \"base64\"` for this source.",
            Self::WrittenAs(Written::Base64OfHex) => {
                "Have the sender encode the bytes of the MAC, not its hexadecimal text."
            }
            Self::Dressed(Dressing::Prefix) => "Set `prefix` of this source to that word.",
            Self::Dressed(Dressing::Quotes | Dressing::List) => {
                "Have the sender put nothing but the signature into the header."
            }
            Self::HashedWith(HmacAlgorithm::Sha1) => {
                "Set `algorithm = \"sha1\"` for this source, if the sender has nothing better."
            }
            Self::HashedWith(HmacAlgorithm::Sha256) => {
                "Set `algorithm = \"sha256\"` for this source."
            }
            Self::HashedWith(HmacAlgorithm::Sha512) => {
                "Set `algorithm = \"sha512\"` for this source."
            }
            Self::MadeBy(_) => "Have the sender use HMAC (RFC 2104); a plain hash can be forged.",
            Self::KeyOfSource { .. } => {
                "Have the sender call that source's URL, or use this source's secret."
            }
            Self::KeyRetired { .. } => {
                "Have the sender use the new secret, or move `retires_at` to a later time."
            }
            Self::KeyNotYet { .. } => {
                "Have the sender use the secret of now, or move `starts_at` to an earlier time."
            }
            Self::UrlDiffers(_) => {
                "Set `url` of this source to exactly the URL that is registered with the provider."
            }
            Self::Clock {
                is_right_otherwise: true,
                ..
            } => {
                "Compare both clocks. If the delivery was held up on the way, it is genuine: \
                 `tolerance_seconds` of this source can be raised, and it can be promoted from the \
                 quarantine then."
            }
            Self::Clock { .. } => {
                "Whoever sent this has neither the right time nor a secret of this source."
            }
            Self::TimestampAbsent => {
                "A proxy in between may have changed the header; the provider always sends a time."
            }
            Self::SignedPartAbsent { .. } => {
                "A proxy in between may drop headers or the query; it must hand all of it on."
            }
            Self::KeyIdDiffers { .. } => {
                "Set `key_id` of that secret to the name that the provider gives it."
            }
            Self::VersionMixedUp => {
                "Have the sender write v1a before an ed25519 signature and v1 before an HMAC."
            }
            Self::CertificateUntrusted => {
                "Do nothing for it unless you expected it: a genuine delivery names one of the \
                 provider's own certificates that was valid when it was sent."
            }
            Self::CertificateUnknown => {
                "Make sure that this machine can reach the provider's API, or name the certificate \
                 with `certificate_files`."
            }
            Self::NothingSigned => {
                "Give this source an API token, so that the truth can be fetched."
            }
            Self::ItemsSigned { .. } => {
                "Have the provider sign every item: the HMAC key is set for each endpoint."
            }
            Self::Mode { is_live: true } => "Use the secret of the live mode for this source.",
            Self::Mode { is_live: false } => "Use the secret of the test mode for this source.",
            Self::KeyChanged { .. } => "Make the secret the same on both sides, byte for byte.",
            Self::BodyChanged(_) => {
                "Keep the body as it is, byte for byte, from where it is signed to here."
            }
            Self::Unexplained { .. } => {
                "Compare the secret on both sides, and make sure that these are the exact bytes \
                 that were sent."
            }
        })
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
            Self::VerifiesNow { label } => {
                write!(
                    formatter,
                    "The signature is right now, with secret \"{label}\"."
                )
            }
            Self::StandsIn { header } => {
                write!(formatter, "The signature stands in the header {header}.")
            }
            Self::WrittenAs(written) => write!(formatter, "The signature is written as {written}."),
            Self::Dressed(dressing) => write!(formatter, "The signature has {dressing}."),
            Self::HashedWith(algorithm) => {
                write!(
                    formatter,
                    "The signature is made with {}.",
                    hash(*algorithm)
                )
            }
            Self::MadeBy(construction) => {
                write!(formatter, "The signature is no HMAC but {construction}.")
            }
            Self::KeyOfSource { source, label } => write!(
                formatter,
                "The signature is made with secret \"{label}\" of source \"{source}\"."
            ),
            Self::KeyRetired { label, retired_at } => write!(
                formatter,
                "The signature is made with secret \"{label}\", which was retired at {retired_at}."
            ),
            Self::KeyChanged { label, change } => {
                write!(
                    formatter,
                    "The sender's secret is \"{label}\", but {change}."
                )
            }
            Self::KeyNotYet { label, starts_at } => write!(
                formatter,
                "The signature is made with secret \"{label}\", which is valid from {starts_at} on."
            ),
            Self::UrlDiffers(change) => {
                write!(formatter, "The signature is over another URL: {change}.")
            }
            Self::Clock {
                seconds,
                is_right_otherwise,
            } => clock(formatter, *seconds, *is_right_otherwise),
            Self::TimestampAbsent => {
                formatter.write_str("The time that the signature covers is absent, or no time.")
            }
            Self::SignedPartAbsent { what } => {
                write!(
                    formatter,
                    "The signature covers {what}, which is not there."
                )
            }
            Self::KeyIdDiffers { label } => write!(
                formatter,
                "The signature is made with secret \"{label}\", but the delivery names another key."
            ),
            Self::VersionMixedUp => formatter.write_str(
                "The signature is right for another version than the one it is labelled with.",
            ),
            Self::CertificateUntrusted => formatter.write_str(
                "The certificate that the delivery names is not the provider's, or was not valid.",
            ),
            Self::CertificateUnknown => {
                formatter.write_str("The certificate that the delivery names is not known here.")
            }
            Self::NothingSigned => {
                formatter.write_str("The provider signs nothing; only its API can say what is so.")
            }
            Self::ItemsSigned { signed, of } => {
                write!(
                    formatter,
                    "{signed} of {of} items are signed with a secret of this source."
                )
            }
            Self::Mode { is_live } => write!(
                formatter,
                "The event says that it is {}.",
                if *is_live { "live" } else { "a test" }
            ),
            Self::BodyChanged(change) => {
                write!(formatter, "The body is not what was signed: {change}.")
            }
            Self::Unexplained { keys, bodies } => write!(
                formatter,
                "None of {keys} secrets and variations of them gives this signature over any of \
                 {bodies} variations of the body."
            ),
        }
    }
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
        [] => formatter.write_str(", and no other header that could be a signature."),
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
