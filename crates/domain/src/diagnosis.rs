//! Why a signature proves nothing: looks for the one small difference that would explain it.
//!
//! For our own people only, offline or in the quarantine. A sender must never see a word of
//! it: it would tell a forger what was nearly right. Nothing here holds a byte of a secret, of
//! a body or of an expected MAC, so a diagnosis may be printed and kept. Nothing here may make
//! a [`crate::signature::Verified`] either: what is explained is still refused.

mod advice;
mod bodies;
mod claims;
mod json;
mod keys;
mod others;
mod urls;
mod wording;

use alloc::string::String;
use alloc::vec::Vec;

use crate::delivery::{HeaderValue, RawDelivery};
use crate::signature::{
    HmacAlgorithm, HmacScheme, Mac, Scheme, SignatureEncoding, SignatureRefusal,
};
use crate::source::{Source, SourceName};
use crate::time::Timestamp;

use bodies::Body;
use claims::Claim;
use keys::Key;

pub use json::{Layout, Spelling};
pub use urls::UrlChange;

/// Why a delivery was refused, and what it would have taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// The verdict that is explained.
    pub refusal: SignatureRefusal,
    /// What was found, the most telling last. Never empty.
    pub findings: Vec<Finding>,
}

/// One thing that was found. Its `Display` says it to people, [`Finding::advice`] what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The signature header is not there, or empty.
    HeaderAbsent {
        /// Its name, lower case.
        header: String,
        /// Other headers, by name, whose values could be a signature.
        similar: Vec<String>,
    },
    /// The signature header stands there more than once.
    HeaderRepeated {
        /// Its name, lower case.
        header: String,
        /// How often.
        times: usize,
        /// Whether all of them say the same.
        identical: bool,
    },
    /// One of the repeated values is right, as far as it goes.
    OneOfThemMatches,
    /// The header's value cannot be a signature of the scheme.
    Shape {
        /// Its length in bytes, the scheme's prefix taken off.
        bytes: usize,
        /// What it could be.
        looks_like: Looks,
        /// The encoding that was expected.
        encoding: SignatureEncoding,
        /// The hash that was expected.
        algorithm: HmacAlgorithm,
    },
    /// Everything is right: the secrets or the time have changed since it was refused.
    VerifiesNow {
        /// The label of the secret that matches.
        label: String,
    },
    /// The signature stands in another header than the scheme's.
    StandsIn {
        /// That header, lower case.
        header: String,
    },
    /// The signature is written in another way than the scheme's.
    WrittenAs(Written),
    /// The signature has something around it that the scheme does not know.
    Dressed(Dressing),
    /// The signature is made with another hash than the scheme's.
    HashedWith(HmacAlgorithm),
    /// The signature is made in another way than HMAC.
    MadeBy(Construction),
    /// Another configured source's secret made the signature.
    KeyOfSource {
        /// That source.
        source: SourceName,
        /// The secret's label.
        label: String,
    },
    /// A secret made the signature that was no longer valid when the delivery arrived.
    KeyRetired {
        /// Its label.
        label: String,
        /// When it stopped being valid.
        retired_at: Timestamp,
    },
    /// A secret made the signature that is not valid yet.
    KeyNotYet {
        /// Its label.
        label: String,
        /// When it begins to be valid.
        starts_at: Timestamp,
    },
    /// A variation of one of our secrets made the signature.
    KeyChanged {
        /// The label of the secret as we have it.
        label: String,
        /// How the sender's differs.
        change: KeyChange,
    },
    /// The signature is over other bytes than those that arrived.
    BodyChanged(BodyChange),
    /// The signature is over another URL than the registered one of this source.
    UrlDiffers(UrlChange),
    /// The signed time is too far from ours.
    Clock {
        /// Seconds: behind ours when negative.
        seconds: i64,
        /// Whether the signature is right but for that; `None` when it is not known.
        is_right_otherwise: bool,
    },
    /// The signed time is absent or no time.
    TimestampAbsent,
    /// Something else that is signed is not there.
    SignedPartAbsent {
        /// What: a header, a parameter of the query, or the registered URL.
        what: String,
    },
    /// A key made the signature whose name is not the one that the delivery gives.
    KeyIdDiffers {
        /// The label of the secret that did.
        label: String,
    },
    /// A signature of one version stands under the name of another: `v1a` as `v1`.
    VersionMixedUp,
    /// A certificate that is not the provider's, or was not valid then.
    CertificateUntrusted,
    /// A certificate that could not be fetched.
    CertificateUnknown,
    /// The provider signs nothing: what it says must be fetched from its API.
    NothingSigned,
    /// Some items of a batch are signed and others are not.
    ItemsSigned {
        /// How many are.
        signed: usize,
        /// Of how many.
        of: usize,
    },
    /// The event says that it is a test, or that it is not: the other kind of secret, then.
    Mode {
        /// Whether it says that real money moves.
        is_live: bool,
    },
    /// Nothing that was tried explains the signature.
    Unexplained {
        /// How many secrets were tried, variations and other sources' included.
        keys: usize,
        /// How many variations of the body, the body itself included.
        bodies: usize,
    },
}

/// What a header's value could be, judged by its characters and length alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looks {
    /// Longer than any signature.
    TooLong,
    /// Hexadecimal digits of so many bytes.
    Hex {
        /// Bytes that they spell.
        bytes: usize,
    },
    /// An odd number of hexadecimal digits: one was lost or added.
    HexOfOddLength,
    /// Base64 of so many bytes.
    Base64 {
        /// Bytes that it spells.
        bytes: usize,
    },
    /// Neither, beginning with the character at this place, counted from 1 in hex.
    Other {
        /// The first character that is no hexadecimal digit.
        foreign_at: usize,
    },
}

/// How a signature can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Hexadecimal digits.
    Hex,
    /// Base64, in either alphabet, padded or not.
    Base64,
    /// Base64 of the hexadecimal digits.
    Base64OfHex,
}

/// What can stand around a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dressing {
    /// A word such as `sha512=` or `HMAC-SHA256 ` before it.
    Prefix,
    /// Quotation marks around it.
    Quotes,
    /// Other items beside it, as in `t=…,v1=…`.
    List,
}

/// What people make signatures with when it is not HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Construction {
    /// The plain hash of the body, which needs no secret.
    HashOfBody,
    /// The plain hash of the secret with the body after it.
    HashOfKeyAndBody,
    /// The plain hash of the body with the secret after it.
    HashOfBodyAndKey,
}

/// How the sender's secret differs from ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyChange {
    /// Theirs is empty: a variable that was not set.
    Empty,
    /// Theirs ends with a line break.
    LineBreakAdded,
    /// Ours has whitespace around it, theirs has not.
    WhitespaceRemoved,
    /// Theirs has quotation marks around it.
    QuotesAdded,
    /// Ours has quotation marks around it, theirs has not.
    QuotesRemoved,
    /// Theirs is in lower case.
    LowerCased,
    /// Theirs is in upper case.
    UpperCased,
    /// Ours is the hexadecimal text of theirs.
    HexDecoded,
    /// Ours is the base64 text of theirs.
    Base64Decoded,
    /// Theirs is the hexadecimal text of ours.
    HexEncoded,
    /// Theirs is the base64 text of ours.
    Base64Encoded,
}

/// How the bytes that were signed differ from those that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyChange {
    /// They were none: the body was empty when it was signed.
    Empty,
    /// They end with a line break that is not here.
    LineBreakAdded,
    /// They end without the whitespace that is here.
    EndTrimmed,
    /// They have no whitespace around them.
    Trimmed,
    /// Their lines end in CR LF where these end in LF.
    LfToCrLf,
    /// Their lines end in LF where these end in CR LF.
    CrLfToLf,
    /// They have no byte order mark.
    BomRemoved,
    /// They begin with a byte order mark.
    BomAdded,
    /// They are not yet in base64.
    Base64Decoded,
    /// They are in base64.
    Base64Encoded,
    /// They were read as Latin-1 on the way and written as UTF-8.
    Latin1Undone,
    /// They are the same JSON, written in another way.
    Json {
        /// Where the whitespace stands.
        layout: Layout,
        /// How texts and numbers are written.
        spelling: Spelling,
    },
}

/// Explains `refusal` of `delivery` by `source`, judged at the time it was received. `others`
/// are the sources that may have been meant instead.
///
/// Tries a few hundred MACs, a few thousand where the body is short: some milliseconds for a
/// usual webhook. For one delivery that a person looks at, not for every one that arrives.
pub fn diagnose(
    refusal: SignatureRefusal,
    delivery: &RawDelivery,
    source: &Source,
    others: &[Source],
) -> Diagnosis {
    let mut findings = others::about_refusal(refusal, delivery, source);
    let scheme = source.provider.scheme();
    if let Scheme::Hmac(hmac) = scheme {
        findings.extend(about_hmac(hmac, delivery, source, others));
    } else {
        findings.extend(others::about(scheme, refusal, delivery, source, others));
    }
    if findings.is_empty() {
        findings.push(Finding::Unexplained { keys: 0, bodies: 0 });
    }
    if findings
        .iter()
        .any(|finding| matches!(finding, Finding::KeyOfSource { .. }))
    {
        findings.extend(others::mode(delivery, source));
    }
    Diagnosis { refusal, findings }
}

/// What can be said of an HMAC.
fn about_hmac(
    scheme: &HmacScheme,
    delivery: &RawDelivery,
    source: &Source,
    others: &[Source],
) -> Vec<Finding> {
    let mut findings = about_header(scheme, delivery);
    let claims = claims::claims(scheme, &delivery.headers);
    let search = Search {
        keys: keys::keys(scheme.key, source, others, delivery.received_at),
        bodies: bodies::bodies(&delivery.body),
        urls: urls::urls(scheme, delivery),
        times: others::times(scheme, delivery),
        scheme,
        delivery,
        claims: &claims,
    };
    match search.find() {
        Some(found) => findings.extend(found.findings(scheme, delivery)),
        // Without anything that could be a signature, the header is the whole explanation.
        None if claims.is_empty() => {}
        None => findings.push(Finding::Unexplained {
            keys: search.keys.len(),
            bodies: search.bodies.len(),
        }),
    }
    findings
}

impl Diagnosis {
    /// Whether it is known what is wrong, and so what to mend.
    pub fn is_explained(&self) -> bool {
        !self
            .findings
            .iter()
            .any(|finding| matches!(finding, Finding::Unexplained { .. }))
    }
}

/// What can be said of the header before any MAC is computed.
fn about_header(scheme: &HmacScheme, delivery: &RawDelivery) -> Vec<Finding> {
    let header = String::from(scheme.name_in(&delivery.headers));
    let mut findings = Vec::new();
    match delivery.headers.one(&header) {
        HeaderValue::Missing => findings.push(Finding::HeaderAbsent {
            similar: claims::similar(scheme, &delivery.headers),
            header,
        }),
        HeaderValue::Repeated => {
            let values: Vec<&[u8]> = delivery
                .headers
                .iter()
                .filter(|(name, _)| *name == header)
                .map(|(_, value)| value)
                .collect();
            findings.push(Finding::HeaderRepeated {
                header,
                times: values.len(),
                identical: values.windows(2).all(|pair| pair.first() == pair.last()),
            });
        }
        HeaderValue::Once(value) if scheme.parse(value).is_none() => {
            findings.push(claims::shape(scheme, value));
        }
        HeaderValue::Once(_) => {}
    }
    findings
}

/// A combination under which the signature is right.
struct Match<'a> {
    claim: &'a Claim,
    construction: Option<Construction>,
    key: Option<&'a Key>,
    body: &'a Body,
    url: Option<UrlChange>,
}

/// Everything that could have been meant.
struct Search<'a> {
    scheme: &'a HmacScheme,
    delivery: &'a RawDelivery,
    claims: &'a [Claim],
    keys: Vec<Key>,
    bodies: Vec<Body>,
    urls: Vec<urls::Url>,
    /// The signed time in every form in which it stands anywhere.
    times: Vec<Option<String>>,
}

impl Search<'_> {
    /// The combination with the fewest changes. A MAC matches by accident as often as a secret is
    /// guessed, so the first match is the truth.
    fn find(&self) -> Option<Match<'_>> {
        let body_bytes = self.bodies.first().map_or(0, |body| body.bytes.len());
        let changes_max = if body_bytes <= TWO_CHANGES_BODY_BYTES_MAX {
            2
        } else {
            1
        };
        for changes in 0..=changes_max {
            if let Some(found) = self.find_with(changes) {
                return Some(found);
            }
        }
        self.find_other_construction()
    }

    fn find_with(&self, changes: u8) -> Option<Match<'_>> {
        for key in &self.keys {
            for body in &self.bodies {
                for url in &self.urls {
                    let all = [key.changes(), body.changes(), url.changes()];
                    let sum = all.into_iter().fold(0_u8, u8::saturating_add);
                    if sum == changes
                        && let Some(claim) = self.claimed(key, body, url)
                    {
                        return Some(Match {
                            claim,
                            construction: None,
                            key: Some(key),
                            body,
                            url: url.change,
                        });
                    }
                }
            }
        }
        None
    }

    fn claimed(&self, key: &Key, body: &Body, url: &urls::Url) -> Option<&Claim> {
        HmacAlgorithm::ALL
            .into_iter()
            .filter(|algorithm| {
                self.claims
                    .iter()
                    .any(|claim| claim.algorithm == *algorithm)
            })
            .find_map(|algorithm| {
                let macs = self.times.iter().flat_map(|time| {
                    others::macs(
                        self.scheme,
                        algorithm,
                        &key.bytes,
                        &crate::signature::Filling {
                            delivery: self.delivery,
                            timestamp: time.as_deref(),
                            url: url.text.as_deref(),
                            body: &body.bytes,
                        },
                    )
                });
                let macs: Vec<Mac> = macs.collect();
                self.claims
                    .iter()
                    .find(|claim| macs.iter().any(|mac| mac.is(&claim.mac)))
            })
    }

    fn find_other_construction(&self) -> Option<Match<'_>> {
        // A header of its own may honestly hold the hash of the body (`Digest`), so only the
        // signature's header is looked at here.
        let own = |claim: &&Claim| claim.other_header.is_none();
        for body in &self.bodies {
            let found = |claim, construction, key| {
                Some(Match {
                    claim,
                    construction: Some(construction),
                    key,
                    body,
                    url: None,
                })
            };
            let hash = |parts: &[&[u8]]| claimed(self.claims, parts);
            if let Some(claim) = hash(&[&body.bytes]).filter(own) {
                return found(claim, Construction::HashOfBody, None);
            }
            for key in self.keys.iter().filter(|key| key.changes() == 0) {
                if let Some(claim) = hash(&[&key.bytes, &body.bytes]).filter(own) {
                    return found(claim, Construction::HashOfKeyAndBody, Some(key));
                }
                if let Some(claim) = hash(&[&body.bytes, &key.bytes]).filter(own) {
                    return found(claim, Construction::HashOfBodyAndKey, Some(key));
                }
            }
        }
        None
    }
}

/// The claim that the plain hash of these parts is equal to.
fn claimed<'a>(claims: &'a [Claim], parts: &[&[u8]]) -> Option<&'a Claim> {
    HmacAlgorithm::ALL.into_iter().find_map(|algorithm| {
        let hash = algorithm.digest(parts);
        claims
            .iter()
            .find(|claim| claim.algorithm == algorithm && hash.is(&claim.mac))
    })
}

impl Match<'_> {
    fn findings(&self, scheme: &HmacScheme, delivery: &RawDelivery) -> Vec<Finding> {
        let mut findings = self.claim.findings(scheme);
        findings.extend(self.construction.map(Finding::MadeBy));
        findings.extend(self.body.change.map(Finding::BodyChanged));
        findings.extend(self.url.map(Finding::UrlDiffers));
        findings.extend(self.key.and_then(|key| key.finding.clone()));
        // Bytes, key and form are right: what is left is the key's name, or a time that others tell.
        if findings.is_empty()
            && let Some(key) = self.key
            && others::key_id_differs(scheme, delivery, &key.label, key.id.as_deref())
        {
            findings.push(Finding::KeyIdDiffers {
                label: key.label.clone(),
            });
        }
        let is_timely = !matches!(
            scheme.check_time(delivery),
            Err(SignatureRefusal::TimestampTooOld { .. }
                | SignatureRefusal::TimestampInFuture { .. })
        );
        if findings.is_empty() && is_timely {
            findings.push(match delivery.headers.one(&scheme.header) {
                HeaderValue::Repeated => Finding::OneOfThemMatches,
                HeaderValue::Missing | HeaderValue::Once(_) => Finding::VerifiesNow {
                    label: self.key.map(|key| key.label.clone()).unwrap_or_default(),
                },
            });
        }
        findings
    }
}

/// Longest body for which a changed secret *and* a changed body are tried together, in bytes:
/// it keeps the dearest diagnosis below a second or so.
const TWO_CHANGES_BODY_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests;
